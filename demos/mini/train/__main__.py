"""`make train`: the mini suite from nothing, stage by stage; a run that was cut goes on where it stopped.

python -m demos.mini.train                    every stage, then the weights are put in place
python -m demos.mini.train whisper salmonn    these stages alone
python -m demos.mini.train --device cuda      networks learn on a GPU; the rest is done on the processor

Each stage imports what it needs when it begins: rendering needs no torch, the stages of the layer study no
openai-whisper.
"""

from __future__ import annotations

import argparse
import importlib
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from demos.mini.train import sounds
from demos.mini.world.speech import SpeechUnavailableError

if TYPE_CHECKING:
    from demos.mini.train.self_supervised import World
    from demos.mini.train.speaker import Voices

WEIGHTS = Path(__file__).parent.parent / "weights"
KEPT = (
    "tokenizer.json",
    "htsat.safetensors",
    "clap.safetensors",
    "clap.json",
    "pengi.safetensors",
    "pengi.json",
    "evidence.json",
    "whisper.pt",
    "beats.safetensors",
    "beats.json",
    "salmonn.safetensors",
    "llama.safetensors",
    "salmonn.json",
    "salmonn_before_activation.safetensors",
    "activation.json",
)
LAYER_STUDY = tuple(
    f"{name}/{file}"
    for name in ("wav2vec2", "hubert", "data2vec", "speaker")
    for file in ("config.json", "model.safetensors", "preprocessor_config.json")
)
"""Files that the app does without."""
UNUSUAL = 0.5  # of what is drawn for the last scenes and the spoken questions: see `ranges.unusual`


def render(folder: Path) -> None:
    """Utterances, backgrounds, scenes and spoken questions of the training split."""
    sounds.build(folder / "utterances", 80, partial(sounds.make_utterances, "train", 101))
    sounds.build(folder / "backgrounds", 10, partial(sounds.make_backgrounds, "train", 102))
    sounds.build(folder / "scenes", 100, partial(sounds.make_scenes, "train", 103))
    sounds.build(folder / "questions", 40, partial(sounds.make_questions, "train", 104), UNUSUAL)
    sounds.build(folder / "scenes-more", 100, partial(sounds.make_scenes, "train", 105), UNUSUAL)


def scenes(folder: Path) -> sounds.Scenes:
    """The rendered scenes."""
    return sounds.Scenes(folder / "scenes")


def more_scenes(folder: Path) -> sounds.Scenes:
    """Those that were rendered later, many of them unusual."""
    return sounds.Scenes(folder / "scenes-more")


def utterances(folder: Path) -> sounds.Utterances:
    """The rendered utterances."""
    return sounds.Utterances(folder / "utterances")


def world(folder: Path) -> World:
    """What those hear that learn without being told what sounds: the first parts of everything rendered."""
    shared = _module("self_supervised")
    found: World = shared.World(
        sounds.Utterances(folder / "utterances", shared.UTTERANCE_PARTS),
        sounds.Scenes(folder / "scenes", shared.SCENE_PARTS),
        sounds.Backgrounds(folder / "backgrounds"),
    )
    return found


def voices(folder: Path) -> Voices:
    """The first parts of the utterances with their voices, and what sounds behind them."""
    parts = _module("self_supervised").UTTERANCE_PARTS
    spoken = sounds.Utterances(folder / "utterances", parts)
    found: Voices = _module("speaker").Voices(spoken, sounds.Backgrounds(folder / "backgrounds"))
    return found


def _module(name: str) -> ModuleType:
    """A module of the training, imported now."""
    return importlib.import_module(f"demos.mini.train.{name}")


def install(folder: Path) -> None:
    """Put the trained files where the app reads them; a stage not run here stays as it is there."""
    trained = [name for name in (*KEPT, *LAYER_STUDY) if (folder / name).exists()]
    if missing := [name for name in KEPT if name not in trained and not (WEIGHTS / name).exists()]:
        raise FileNotFoundError(
            f"{missing[0]} is neither in {folder} nor in place: run the stage that makes it."
        )
    for name in trained:
        (WEIGHTS / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / name, WEIGHTS / name)
    _module("curves").keep(folder, WEIGHTS)


STAGES: dict[str, Callable[[Path, str], None]] = {
    "sounds": lambda folder, _: render(folder),
    "tokenizer": lambda folder, _: _module("tokenizer").run(
        folder, _module("texts").corpus(scenes(folder), utterances(folder))
    ),
    "clap": lambda folder, device: _module("clap").run(folder, scenes(folder), steps=6000, device=device),
    "clap-heads": lambda folder, device: _module("clap").run_heads(
        folder, scenes(folder), steps=600, device=device
    ),
    "pengi": lambda folder, device: _module("pengi").run(
        folder, scenes(folder), steps=1500, more_steps=1500, device=device
    ),
    "whisper": lambda folder, device: _module("whisper").run(
        folder, utterances(folder), steps=2000, wide_steps=3600, device=device
    ),
    "beats": lambda folder, device: _module("beats").run(
        folder,
        scenes(folder),
        sounds.Scenes(folder / "questions"),
        utterances(folder),
        steps=4000,
        more_steps=2500,
        long_steps=200,
        device=device,
    ),
    "llama": lambda folder, device: _module("llama").run(
        folder, _module("salmonn").configuration(folder), steps=2000, more_steps=1600, device=device
    ),
    "salmonn": lambda folder, device: _module("salmonn").run(
        folder,
        sounds.Scenes(folder / "questions"),
        scenes(folder),
        first_steps=1000,
        steps=3600,
        more_steps=2000,
        full_steps=160,
        device=device,
    ),
    "llama-wider": lambda folder, device: _module("llama").run_wider(
        folder, _module("salmonn").configuration(folder), steps=1800, device=device
    ),
    "llama-asked": lambda folder, device: _module("llama").run_asked(
        folder, _module("salmonn").configuration(folder), steps=1400, device=device
    ),
    "beats-wider": lambda folder, device: _module("beats").run_wider(
        folder,
        sounds.Scenes(folder / "scenes-more", 50),
        sounds.Scenes(folder / "questions"),
        utterances(folder),
        steps=2800,
        long_steps=150,
        device=device,
    ),
    "clap-wider": lambda folder, device: _module("clap").run_wider(
        folder, more_scenes(folder), steps=3000, device=device
    ),
    "pengi-wider": lambda folder, device: _module("pengi").run_wider(
        folder, more_scenes(folder), steps=1200, device=device
    ),
    "evidence": lambda folder, _: _module("evidence").run(folder),
    "salmonn-wider": lambda folder, device: _module("salmonn").run_wider(
        folder,
        sounds.Scenes(folder / "questions"),
        more_scenes(folder),
        counts=(10_000, 6000),
        score_steps=1500,
        steps=2000,
        full_steps=100,
        device=device,
    ),
    "activation": lambda folder, _: _module("activation").run(
        folder, sounds.Scenes(folder / "questions"), more_scenes(folder)
    ),
    "wav2vec2": lambda folder, device: _module("wav2vec2").run(folder, world(folder), device=device),
    "hubert": lambda folder, device: _module("hubert").run(folder, world(folder), device=device),
    "data2vec": lambda folder, device: _module("data2vec").run(folder, world(folder), device=device),
    "speaker": lambda folder, device: _module("speaker").run(folder, voices(folder), device=device),
    "install": lambda folder, _: install(folder),
}


def main(arguments: list[str] | None = None) -> int:
    """Run the stages named on the command line, all of them when none is."""
    parser = argparse.ArgumentParser(prog="python -m demos.mini.train", description=__doc__.split("\n")[0])
    parser.add_argument("stages", nargs="*", metavar="stage", help=f"of: {', '.join(STAGES)} (default: all)")
    parser.add_argument(
        "--folder", type=Path, default=Path("build/train"), help="where sounds and checkpoints lie"
    )
    parser.add_argument("--threads", type=int, default=0, help="torch threads (default: as many as cores)")
    parser.add_argument("--device", default="cpu", help="where networks learn: cpu or cuda (default: cpu)")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.stages if name not in STAGES]:
        print(f"There is no stage {unknown[0]!r}; the stages are {', '.join(STAGES)}.", file=sys.stderr)
        return 2
    if refused := _refused(options.device):
        print(refused, file=sys.stderr)
        return 2
    if options.threads:
        import torch

        torch.set_num_threads(options.threads)
    options.folder.mkdir(parents=True, exist_ok=True)
    try:
        for name in options.stages or STAGES:
            STAGES[name](options.folder, options.device)
    except (FileNotFoundError, SpeechUnavailableError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _refused(device: str) -> str:
    """Why nothing can be trained on the device; "" where it can."""
    if device == "cpu":
        return ""
    if device != "cuda":
        return f"There is no way to train on {device!r}; --device is cpu or cuda."
    import torch

    return "" if torch.cuda.is_available() else "torch finds no GPU here; leave --device away."


if __name__ == "__main__":
    sys.exit(main())
