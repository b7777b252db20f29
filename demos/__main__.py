"""`python -m demos listen CLIP`: what the systems hear in a sound file, for people or as JSON.

`python -m demos models`: what the models are, how large, made from what and under which licence.

`python -m demos fetch MODEL`: bring a published model's files here; without MODEL, which there are.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from demos.catalog import SUITES, CatalogError
from demos.engine import Engine, EngineError, Partial, Request
from demos.layers.profile import MEASURES
from demos.published.command import fetch_command
from demos.published.download import FetchError
from demos.published.suites import suite
from demos.request import SYSTEM_NAMES
from demos.sound import Sound, SoundError, notices, read
from store.records import SYSTEMS, Observation, System

SHOWN_LABELS = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Returns 0, or 1 after a sentence on the error stream about what went wrong."""
    options = _parser().parse_args(arguments)
    logging.getLogger("demos").addHandler(logging.NullHandler())  # people get sentences, not tracebacks
    try:
        run: Callable[[argparse.Namespace], int] = options.run
        return run(options)
    except (SoundError, CatalogError, FetchError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m demos", description="Hearing systems on the command line."
    )
    commands = parser.add_subparsers(required=True)
    listen = commands.add_parser("listen", help="put one sound to several hearing systems, side by side")
    listen.set_defaults(run=_listen)
    listen.add_argument("clip", type=Path, help="a sound file: WAV, FLAC, OGG, MP3, M4A, WebM, …")
    listen.add_argument(
        "--systems",
        type=_systems,
        default=SYSTEMS,
        metavar="LIST",
        help=f"which systems, separated by commas (default: {','.join(SYSTEMS)})",
    )
    listen.add_argument("--pengi", metavar="PROMPT", default="", help="what Pengi is asked")
    listen.add_argument("--salmonn", metavar="INSTRUCTION", default="", help="what SALMONN is asked")
    listen.add_argument(
        "--label", metavar="TEXT", action="append", default=[], help="a text for CLAP to rank; give several"
    )
    listen.add_argument(
        "--lora-scaling", type=float, default=4.0, metavar="S", help="SALMONN's, from 0 to 4 (default: 4)"
    )
    listen.add_argument(
        "--model",
        metavar="ID",
        action="append",
        default=[],
        help="one that fills its slot instead of the suite's own; give several for several slots",
    )
    listen.add_argument("--encoder", metavar="NAME", default="", help="whose layers to show")
    listen.add_argument("--measure", choices=MEASURES, default="change_from_below", help="of the layers")
    listen.add_argument("--start", type=float, default=0.0, metavar="SECONDS", help="where to begin")
    listen.add_argument("--stop", type=float, metavar="SECONDS", help="where to end")
    models = commands.add_parser("models", help="say what the models of a suite are")
    models.set_defaults(run=_models)
    fetch = commands.add_parser("fetch", help="bring a published model's files here, or list all models")
    fetch.set_defaults(run=_fetch)
    fetch.add_argument("model", nargs="?", default="", metavar="MODEL", help="its id (default: list them)")
    for command in (listen, models):
        command.add_argument("--suite", default="mini", choices=SUITES, help="which models (default: mini)")
        command.add_argument("--weights", type=Path, metavar="FOLDER", help="its files, if not its own")
        command.add_argument("--json", action="store_true", help="print JSON instead of text")
    return parser


def _systems(text: str) -> tuple[System, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names or (unknown := [name for name in names if name not in SYSTEMS]):
        said = f"there is no system {', '.join(unknown)}" if names else "no system is named"
        raise argparse.ArgumentTypeError(f"{said}; there are {', '.join(SYSTEMS)}")
    return cast("tuple[System, ...]", names)


def _listen(options: argparse.Namespace) -> int:
    chosen = suite(options.suite, options.weights)
    models = chosen.by_slot(options.model)
    sound = read(options.clip)
    engine = Engine(chosen)
    requests = [
        Request(
            system,
            model=models.get(system, ""),
            instruction={"pengi": options.pengi, "salmonn": options.salmonn}.get(system, ""),
            bank=tuple(options.label),
            lora_scaling=options.lora_scaling,
            encoder=options.encoder,
            measure=options.measure,
            start=options.start,
            stop=options.stop,
        )
        for system in options.systems
    ]
    said: dict[System, Observation | EngineError] = {}
    for request, item in engine.listen(sound, requests):
        if not isinstance(item, Partial):
            said[request.system] = item
    ordered = {system: said[system] for system in options.systems}
    if options.json:
        print(json.dumps(_as_json(sound, ordered), indent=1, ensure_ascii=False))
    else:
        print(_as_text(sound, ordered))
    errors = [item for item in ordered.values() if isinstance(item, EngineError)]
    for error in errors:
        print(error, file=sys.stderr)
    return 1 if errors else 0


def _models(options: argparse.Namespace) -> int:
    chosen = suite(options.suite, options.weights)
    described = [
        {
            "id": model.id,
            "system": model.system,
            "title": model.title,
            "parameters": model.parameters,
            "bytes": model.bytes,
            "revision": model.revision,
            "code licence": model.code_licence,
            "weights licence": model.weights_licence,
            "trained on": model.trained_on,
            "note": model.note,
        }
        for model in chosen.all_models
    ]
    if options.json:
        print(json.dumps(described, indent=1, ensure_ascii=False))
    else:
        lines = ("\n  ".join(f"{name}: {value}" for name, value in one.items()) for one in described)
        print("\n\n".join(lines))
    return 0


def _fetch(options: argparse.Namespace) -> int:
    fetch_command(options.model)
    return 0


def _as_json(sound: Sound, said: dict[System, Observation | EngineError]) -> dict[str, Any]:
    """Clip, notices, observations and errors as JSON values."""
    return {
        "clip": {**asdict(sound.clip), "seconds": sound.clip.seconds},
        "notices": notices(sound),
        "observations": [asdict(item) for item in said.values() if isinstance(item, Observation)],
        "errors": {system: str(item) for system, item in said.items() if isinstance(item, EngineError)},
    }


def _as_text(sound: Sound, said: dict[System, Observation | EngineError]) -> str:
    """The same for people."""
    clip = sound.clip
    channels = "mono" if clip.channels == 1 else f"{clip.channels} channels"
    blocks = [f"{clip.name}: {clip.seconds:.2f} s, {clip.rate:,} Hz, {channels}"]
    blocks += [f"Note: {notice}" for notice in notices(sound)]
    for system, item in said.items():
        if isinstance(item, EngineError):
            blocks.append(f"{SYSTEM_NAMES[system]}\n  could not answer: {item}")
            continue
        view = item.view
        heard = f"heard {view.start:.1f}–{view.stop:.1f} s"
        head = f"{SYSTEM_NAMES[system]} ({item.model_id}, {heard}, {item.seconds:.2f} s of work)"
        asked = [f"asked: {item.instruction}"] if item.instruction else []
        blocks.append("\n  ".join([head, *asked, *_lines(item)]))
    return "\n\n".join(blocks)


def _lines(item: Observation) -> list[str]:
    if item.scores:
        return [f"{score.cosine:+.3f}  {score.text}" for score in item.scores[:SHOWN_LABELS]]
    if item.heatmap is not None:
        heatmap = item.heatmap
        means = [
            f"{name}: {sum(row) / len(row):.4g} on average"
            for name, row in zip(heatmap.layers, heatmap.values, strict=True)
        ]
        return [f"{heatmap.measure.replace('_', ' ')} in the {heatmap.encoder}", *reversed(means)]
    return item.text.splitlines() or ["(nothing)"]


if __name__ == "__main__":
    sys.exit(main())
