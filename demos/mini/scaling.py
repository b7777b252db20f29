"""`make scaling`: what mini-SALMONN does at every LoRA scaling, before and after activation tuning.

Tang et al. (ICLR 2024, section 4.4) turn the LoRA of a trained model down: abilities that it was never
instructed in come up, those that it was trained for go down. The clips are the evaluation's, the engine is
the page's. Keeps the figures, draws them, and puts them into the README where it has a place for them.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from tqdm import tqdm

from demos.catalog import MINI_WEIGHTS, file_hash, suite
from demos.engine import Request
from demos.mini.evaluation.captions import f1_counts
from demos.mini.evaluation.figures import ratio
from demos.mini.evaluation.held_out import HeldOut, draw
from demos.mini.evaluation.listening import THREADS, Ears
from demos.mini.evaluation.transcripts import word_errors
from demos.mini.scaling_figure import Point, drawn
from demos.mini.train.activation import BEFORE, MODEL, RECORD, before_activation
from demos.mini.train.lessons import said_in
from demos.mini.train.texts import ANSWER_SPEAKER, DESCRIBE, TRANSCRIBE
from demos.mini.world import speech, stories
from demos.mini.world.language import events_in
from demos.mini.world.scene import Scene

ROOT = Path(__file__).parents[2]
RESULTS = MINI_WEIGHTS / "scaling.json"
PICTURE = ROOT / "docs" / "pictures" / "lora_scaling.svg"
README = ROOT / "README.md"
MARKS = ("<!-- scaling: begin -->\n", "<!-- scaling: end -->\n")
SCALINGS = tuple(np.arange(0, 4.5, 0.5).tolist())
TRAINED = SCALINGS[-1]
ITEMS = 74  # clips for each measure; as many as classes, so that each is asked for once
GROUNDED = 0.5  # F1 between the events that a story names and those that sound

Counts = tuple[float, float]  # a score's numerator and denominator
Judge = Callable[[str], dict[str, Counts]]
Outcomes = dict[str, Counts]  # by "measure after scaling", such as "story 1 2.0"


def chosen(count: int) -> Iterator[tuple[str, int]]:
    """Kind and number of each clip of the evaluation that is heard: `count` of events, of speech (every
    second time over other sounds) and of spoken questions.
    """
    for number in range(count):
        yield "mixed", number
        yield ("speech" if number % 2 else "speech_over"), number
        yield "question", number


def asked(clip: HeldOut) -> tuple[tuple[str, Judge], ...]:
    """What is asked about a clip, each with what judges the answer."""
    scene = clip.scene
    if clip.kind == "mixed":
        told = stories.INSTRUCTIONS[clip.number % len(stories.INSTRUCTIONS)]
        return (
            (told, lambda text: judged_story(text, scene)),
            (DESCRIBE[0], lambda text: {"caption": shared_events(text, scene)}),
        )
    if clip.kind == "question":
        right = [scene.answer]
        return ((ANSWER_SPEAKER[0], lambda text: {"question": (float(events_in(text) == right), 1.0)}),)
    return ((TRANSCRIBE[0], lambda text: {"transcript": word_errors(said_in(scene) or "", text)}),)


def judged_story(text: str, scene: Scene) -> dict[str, Counts]:
    """Whether a text is a story, and whether it is one about this scene."""
    told = stories.is_story(text)
    shared, all_events = shared_events(text, scene)
    return {
        "story": (float(told), 1.0),
        "grounded story": (float(told and shared >= GROUNDED * all_events), 1.0),
    }


def shared_events(text: str, scene: Scene) -> Counts:
    """Numerator and denominator of the F1 between the events that a text names and those that sound."""
    return f1_counts(set(scene.names), set(events_in(text)))


@cache
def ears(folder: Path, before: Path) -> tuple[Ears, Ears]:
    """The engines of the model as instructed and as activated; two in each process."""
    both = Ears(before), Ears(folder)
    torch.set_num_threads(THREADS)
    return both


def instructed(folder: Path, empty: Path) -> None:
    """Make `empty` a folder of the same suite with SALMONN as it was before activation tuning."""
    for file in suite("mini", folder).model("salmonn").files.values():
        shutil.copyfile(file, empty / file.name)
    save_file(before_activation(folder), empty / MODEL)


def outcomes(folder: Path, before: Path, kind: str, number: int) -> Outcomes:
    """What both models make of one clip at every scaling. At 0 they are one model, which is asked once."""
    clip = draw(kind, number)
    samples, questions = clip.samples(), asked(clip)
    found: Outcomes = {}
    for after, model in enumerate(ears(folder, before)):
        settings = [
            (scaling, *question) for scaling in SCALINGS if scaling or not after for question in questions
        ]
        requests = [
            Request("salmonn", instruction=instruction, lora_scaling=scaling)
            for scaling, instruction, _ in settings
        ]
        for (scaling, _, judge), heard in zip(settings, model.hear(samples, *requests), strict=True):
            for measure, counts in judge(heard.text).items():
                for which in (after,) if scaling else (0, 1):
                    found[f"{measure} {which} {scaling}"] = counts
    return found


def measure(folder: Path, count: int = ITEMS, processes: int = 1, kept: Path | None = None) -> list[Point]:
    """Every measure of both models at every scaling, over `count` clips of each kind.

    Outcomes are appended to `kept`, and those that stand there are not measured again.
    """
    known: dict[str, Outcomes] = {}
    if kept is not None and kept.exists():
        for line in kept.read_text(encoding="utf-8").splitlines():
            known |= json.loads(line)
    todo = [(kind, number) for kind, number in chosen(count) if f"{kind} {number}" not in known]
    with tempfile.TemporaryDirectory() as name:
        before = Path(name)
        instructed(folder, before)
        with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
            jobs = [
                (f"{kind} {number}", pool.submit(outcomes, folder, before, kind, number))
                for kind, number in todo
            ]
            for key, job in tqdm(jobs, desc="scalings", mininterval=5):
                known[key] = job.result()
                if kept is not None:
                    kept.parent.mkdir(parents=True, exist_ok=True)
                    with kept.open("a", encoding="utf-8") as file:
                        file.write(json.dumps({key: known[key]}) + "\n")
    return points([known[f"{kind} {number}"] for kind, number in chosen(count)])


def points(found: Sequence[Outcomes]) -> list[Point]:
    """Ratios over all items with their 95 % bootstrap intervals."""
    gathered: dict[str, list[Counts]] = {}
    for one in found:
        for key, counts in one.items():
            gathered.setdefault(key, []).append(counts)
    made = []
    for key, pairs in gathered.items():
        name, after, scaling = key.rsplit(" ", 2)
        value = ratio(name, pairs, "")
        made.append(
            Point(name, bool(int(after)), float(scaling), value.value, value.low, value.high, value.items)
        )
    return sorted(made, key=lambda point: (point.measure, point.activated, point.scaling))


TITLES = {
    "story": "stories told when asked for one",
    "grounded story": "… that name what sounds (event F1 ≥ 0.5)",
    "caption": "event F1 of captions",
    "transcript": "word error rate of transcripts (lower is better)",
    "question": "spoken questions answered",
}


def block(found: Sequence[Point], done: Mapping[str, Any]) -> str:
    """The figure and a table for the README, whatever they show; `done` is the record of the activation."""
    half = done["scaling"] if done.get("scaling") in SCALINGS else TRAINED / 2

    def cell(name: str, activated: bool, scaling: float) -> str:
        (point,) = (p for p in found if (p.measure, p.activated, p.scaling) == (name, activated, scaling))
        return f"**{point.value:.3f}** ({point.low:.3f} – {point.high:.3f})"

    shown = ((False, 0.0), (False, half), (False, TRAINED), (True, half), (True, TRAINED))
    heads = [f"{'activated' if after else 'instructed'}, {scaling:g}" for after, scaling in shown]
    counts = sorted({point.items for point in found})
    lines = [
        "![Stories, captions, transcripts and answers of mini-SALMONN over its LoRA scaling, before and "
        "after activation tuning](docs/pictures/lora_scaling.svg)",
        "",
        f"Activation tuning: {done['outcome']} Below are values at some scalings with 95 % bootstrap "
        f"intervals over {counts[0]} held-out clips each; instruction tuning asks for no story, but "
        "mini-LLaMA was asked before. At scaling 0 both models are mini-LLaMA with the same audio tokens.",
        "",
        f"| LoRA scaling | {' | '.join(heads)} |",
        "|---|" + "---|" * len(heads),
    ]
    for name, title in TITLES.items():
        cells = " | ".join(cell(name, activated, scaling) for activated, scaling in shown)
        lines.append(f"| {title} | {cells} |")
    return "\n".join(lines) + "\n"


def with_block(readme: str, text: str) -> str:
    """The README with the text between its marks; the same README where it has no such marks."""
    if not all(mark in readme for mark in MARKS):
        return readme
    before, rest = readme.split(MARKS[0])
    _, after = rest.split(MARKS[1])
    return f"{before}{MARKS[0]}{text}{MARKS[1]}{after}"


def main() -> int:
    """Measure, keep, draw and write."""
    parser = argparse.ArgumentParser(prog="python -m demos.mini.scaling", description=__doc__.split("\n")[0])
    parser.add_argument("--weights", type=Path, default=MINI_WEIGHTS, help="another folder; nothing is kept")
    parser.add_argument("--items", type=int, default=ITEMS, help="clips of each kind")
    parser.add_argument("--processes", type=int, default=2, help="each works with one thread")
    parser.add_argument("--draw", action="store_true", help="figure and README from the kept figures alone")
    options = parser.parse_args()
    if missing := [name for name in (BEFORE, RECORD) if not (options.weights / name).exists()]:
        print(f"{missing[0]} is not in {options.weights}; `make train` makes it.", file=sys.stderr)
        return 1
    done = json.loads((options.weights / RECORD).read_text(encoding="utf-8"))
    if options.draw:
        found = [Point(**one) for one in json.loads(RESULTS.read_text(encoding="utf-8"))]
    else:
        both = suite("mini", options.weights).model("salmonn").revision, file_hash(options.weights / BEFORE)
        kept = ROOT / "build" / f"scaling-{'-'.join(one[:8] for one in both)}.jsonl"
        try:
            found = measure(options.weights, options.items, options.processes, kept)
        except speech.SpeechUnavailableError as error:
            print(error, file=sys.stderr)
            return 1
    print(block(found, done))
    if options.weights == MINI_WEIGHTS:
        RESULTS.write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n", encoding="utf-8")
        PICTURE.write_text(drawn(found, done.get("scaling")), encoding="utf-8")
        README.write_text(with_block(README.read_text(encoding="utf-8"), block(found, done)), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
