"""`python -m demos.mini.train.ablations`: short trainings, each with one choice left out.

Each run is a stage from nothing, with the steps, seed, sounds and draws of its stage's reference, which
leaves nothing out; both are measured on the same held-out clips. Runs lie in build/train/ablations/<name>, go
on where they were cut and are not done again. They read what `make train` rendered, and take its spectrograms
and encodings where it has made them already.

How many steps a run has follows from `--minutes-per-run` and the table below alone, so that the same minutes
mean the same runs on every machine. At the default of 8 minutes:

    stage     runs    steps of each    minutes on one core
    clap      8       640              8
    whisper   4       720              5
    beats     3       704              6.4
    salmonn   3       360              8

With two runs at a time, one thread each, that is 64 minutes of training on two cores; reading the sounds,
compiling and measuring come to 1 to 3 minutes for each run, so all 18 take less than 90. The first run of a
stage takes longer where its spectrograms or encodings are not there yet.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, fields, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from demos.catalog import MINI_WEIGHTS
from demos.mini.evaluation.figures import ratio
from demos.mini.train import ablation_measures, beats, clap, salmonn, sounds, whisper
from demos.mini.train.ablation_measures import Pairs, Sizes
from demos.mini.train.machine import Machine, commit
from demos.mini.world.speech import SpeechUnavailableError

RESULTS = MINI_WEIGHTS / "ablations.json"
FOLDER = "ablations"  # of the runs, in that of the training
SHARED = "shared"  # in it: what the first run of a stage made and the others read
PLAN, MEASURED = "plan.json", "measured.json"
MINUTES = 8.0


class AblationError(RuntimeError):
    """A run that cannot begin or go on; one sentence for people."""


EXPECTED = (AblationError, FileNotFoundError, SpeechUnavailableError)


def _clap(data: Path, run: Path, steps: int, choices: Any) -> None:
    clap.run(run, sounds.Scenes(data / "scenes"), steps, choices)


def _whisper(data: Path, run: Path, steps: int, choices: Any) -> None:
    whisper.run(run, sounds.Utterances(data / "utterances"), steps, 0, choices)


def _beats(data: Path, run: Path, steps: int, choices: Any) -> None:
    scenes, questions = sounds.Scenes(data / "scenes"), sounds.Scenes(data / "questions")
    beats.run(run, scenes, questions, sounds.Utterances(data / "utterances"), steps, 0, 0, choices)


def _salmonn(data: Path, run: Path, steps: int, choices: Any) -> None:
    first, whole = steps // 4, max(1, steps // 30)
    scenes, questions = sounds.Scenes(data / "scenes"), sounds.Scenes(data / "questions")
    salmonn.run(run, questions, scenes, first, steps - first - whole, 0, whole, choices)


@dataclass(frozen=True)
class Stage:
    """A stage whose choices are tried.

    `without` says of each choice what is left out. `given` are files and folders of the training that a run
    reads; `made` are those that it reads where they are and makes otherwise.
    """

    choices: Any
    without: Mapping[str, str]
    train: Callable[[Path, Path, int, Any], None]
    measure: Callable[[Path, Sizes], dict[str, Pairs]]
    steps_per_minute: int  # of one core
    share: float  # of the minutes of a run
    given: tuple[str, ...]
    made: tuple[str, ...]

    def steps(self, minutes: float) -> int:
        """Steps of each of its runs."""
        return max(2, round(self.steps_per_minute * self.share * minutes))


STAGES: Mapping[str, Stage] = {
    "clap": Stage(
        clap.Choices(),
        {
            "widening": "other rates, pitches, microphones and noise",
            "timed_tags": "timed tags",
            "false_captions": "false captions of its own scenes",
            "events_head": "the head that reads all events from the latent",
            "order_head": "the head that reads the order of events from the latent",
            "which_class": "which class rather than any other",
            "muon": "orthogonalised steps",
        },
        _clap,
        ablation_measures.clap,
        steps_per_minute=80,
        share=1.0,
        given=("tokenizer.json",),
        made=("log_mel.npy",),
    ),
    "whisper": Stage(
        whisper.Choices(),
        {
            "frame_guess": "the guess of which frame belongs to which word",
            "other_throats": "other throats and speeds",
            "rooms_and_microphones": "rooms and microphones",
        },
        _whisper,
        ablation_measures.whisper,
        steps_per_minute=150,
        share=0.6,
        given=("backgrounds",),
        made=("mel-utterances.npy", "mel-backgrounds.npy"),
    ),
    "beats": Stage(
        beats.Choices(),
        {
            "speech_over": "speech laid over scenes",
            "recolouring": "other pitches, levels, microphones and noise",
        },
        _beats,
        ablation_measures.beats,
        steps_per_minute=110,
        share=0.8,
        given=(),
        made=("fbank-scenes.npy", "fbank-questions.npy", "fbank-utterances.npy"),
    ),
    "salmonn": Stage(
        salmonn.Choices(),
        {
            "asides": "asking each window for its score",
            "tokens_to_score": "drawing tokens to what is read from the score",
        },
        _salmonn,
        ablation_measures.salmonn,
        steps_per_minute=45,
        share=1.0,
        given=(
            "tokenizer.json",
            "whisper.pt",
            "beats.safetensors",
            "beats.json",
            "llama.safetensors",
            "reader.safetensors",
        ),
        made=tuple(
            f"salmonn-{name}-{part}.npy"
            for name in ("questions", "scenes", "full")
            for part in ("speech", "audio", "lengths")
        ),
    ),
}


@dataclass(frozen=True)
class Run:
    """A short training; `choice` is the one that is left out, "" in the reference of a stage."""

    stage: str
    choice: str = ""

    @property
    def name(self) -> str:
        """As it is called on the command line."""
        return f"{self.stage}-{self.choice.replace('_', '-')}" if self.choice else self.stage

    @property
    def choices(self) -> Any:
        """Those of its stage, without the one."""
        whole = STAGES[self.stage].choices
        return replace(whole, **{self.choice: False}) if self.choice else whole


RUNS: Mapping[str, Run] = {
    run.name: run
    for stage, of in STAGES.items()
    for run in (Run(stage), *(Run(stage, field.name) for field in fields(of.choices)))
}


def wanted(names: Sequence[str]) -> list[Run]:
    """The runs of those names, all where there are none, with the references that they need, these first."""
    chosen = [RUNS[name] for name in names] or list(RUNS.values())
    stages = dict.fromkeys(run.stage for run in chosen)
    return [Run(stage) for stage in stages] + [run for run in dict.fromkeys(chosen) if run.choice]


def perform(run: Run, data: Path, steps: int, sizes: Sizes, threads: int = 0) -> str:
    """Train and measure one run where it is not done yet; returns its name."""
    if threads:
        torch.set_num_threads(threads)
    stage, folder = STAGES[run.stage], data / FOLDER / run.name
    folder.mkdir(parents=True, exist_ok=True)
    _agree(folder, {"steps": steps, "choices": asdict(run.choices)})
    if (folder / MEASURED).exists():
        return run.name
    _link(stage, data, folder)
    cut = any(folder.glob("*.ckpt"))
    began = time.monotonic()
    stage.train(data, folder, steps, run.choices)
    minutes = round((time.monotonic() - began) / 60, 2)
    _share(stage, data, folder)
    measured = {
        "minutes": None if cut else minutes,
        "commit": commit(),
        "machine": Machine.here().as_dict(),
        "pairs": stage.measure(folder, sizes),
    }
    beside = folder / f"{MEASURED}.tmp"
    beside.write_text(json.dumps(measured) + "\n", encoding="utf-8")
    beside.replace(folder / MEASURED)
    return run.name


def _agree(folder: Path, plan: dict[str, Any]) -> None:
    """Keep the plan of a run; AblationError where it was begun with another."""
    path = folder / PLAN
    if not path.exists():
        path.write_text(json.dumps(plan) + "\n", encoding="utf-8")
    begun = json.loads(path.read_text(encoding="utf-8"))
    if begun != plan:
        raise AblationError(
            f"{folder} was begun with {begun['steps']:,} steps, not {plan['steps']:,}, or other choices; "
            "ask for as many minutes as then, or remove that folder"
        )


def _link(stage: Stage, data: Path, folder: Path) -> None:
    """Let a run find what `make train` and earlier runs made; AblationError where something is missing."""
    for name in (*stage.given, *stage.made):
        places = [data / name, data / FOLDER / SHARED / name]
        found = [place for place in places if place.exists()]
        if found and not (folder / name).exists():
            (folder / name).symlink_to(found[0].resolve())
        if not found and name in stage.given:
            raise AblationError(f"There is no {data / name}: run `make train` up to the stage that makes it.")


def _share(stage: Stage, data: Path, folder: Path) -> None:
    """Put what a run had to make where the others find it."""
    shared = data / FOLDER / SHARED
    shared.mkdir(exist_ok=True)
    for name in stage.made:
        path = folder / name
        if path.exists() and not path.is_symlink():
            path.replace(shared / name)
            path.symlink_to((shared / name).resolve())


def figures(data: Path) -> list[dict[str, Any]]:
    """Everything that is measured, for the report: values, and how they change where a choice is left out."""
    found = []
    for run in RUNS.values():
        measured, reference = _measured(data, run), _measured(data, Run(run.stage))
        if measured is None:
            continue
        plan = json.loads((data / FOLDER / run.name / PLAN).read_text(encoding="utf-8"))
        changes = []
        if run.choice and reference is not None and _plan_steps(data, Run(run.stage)) == plan["steps"]:
            for name, pairs in measured["pairs"].items():
                value, low, high = ablation_measures.change(reference["pairs"][name], pairs)
                changes.append({"name": name, "value": value, "low": low, "high": high})
        found.append(
            {
                "name": run.name,
                "stage": run.stage,
                "without": STAGES[run.stage].without[run.choice] if run.choice else "",
                "steps": plan["steps"],
                **{key: measured[key] for key in ("minutes", "commit", "machine")},
                "figures": [asdict(ratio(name, pairs)) for name, pairs in measured["pairs"].items()],
                "changes": changes,
            }
        )
    return found


def _measured(data: Path, run: Run) -> dict[str, Any] | None:
    path = data / FOLDER / run.name / MEASURED
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _plan_steps(data: Path, run: Run) -> int:
    return int(json.loads((data / FOLDER / run.name / PLAN).read_text(encoding="utf-8"))["steps"])


def keep(data: Path, results: Path) -> None:
    """Write what is measured so far."""
    results.write_text(
        json.dumps({"runs": figures(data)}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )


def perform_all(
    runs: Sequence[Run], data: Path, minutes: float, sizes: Sizes, processes: int, results: Path
) -> list[str]:
    """Perform runs, so many at a time (0: in this process); returns a sentence for each that failed.

    References come first: the other runs of a stage read the spectrograms that they made.
    """
    failed = []
    for wave in ([run for run in runs if not run.choice], [run for run in runs if run.choice]):
        for run, error in _performed(wave, data, minutes, sizes, processes):
            if error is None:
                keep(data, results)
            elif isinstance(error, EXPECTED):
                failed.append(f"{run.name}: {error}")
            else:
                raise error
    return failed


def _performed(
    runs: Sequence[Run], data: Path, minutes: float, sizes: Sizes, processes: int
) -> Iterator[tuple[Run, BaseException | None]]:
    """Each run when it is done, with what stopped it."""
    if not processes:
        for run in runs:
            error = None
            try:
                perform(run, data, STAGES[run.stage].steps(minutes), sizes)
            except EXPECTED as found:
                error = found
            yield run, error
        return
    # A process for each run: what one has taken of the memory is given back before the next begins.
    with ProcessPoolExecutor(processes, get_context("spawn"), max_tasks_per_child=1) as pool:
        jobs = {
            pool.submit(perform, run, data, STAGES[run.stage].steps(minutes), sizes, threads=1): run
            for run in runs
        }
        for job in as_completed(jobs):
            yield jobs[job], job.exception()


def main(arguments: Sequence[str] | None = None) -> int:
    """Perform the runs named on the command line, all of them when none is."""
    options = _options().parse_args(arguments)
    if unknown := [name for name in options.names if name not in RUNS]:
        print(f"There is no run {unknown[0]!r}; the runs are {', '.join(RUNS)}.", file=sys.stderr)
        return 2
    # The processes inherit it, for numpy's products too.
    os.environ["OMP_NUM_THREADS"] = "1"
    runs = wanted(options.names)
    failed = perform_all(
        runs, options.folder, options.minutes_per_run, Sizes(), options.processes, options.results
    )
    for sentence in failed:
        print(sentence, file=sys.stderr)
    print(f"{len(runs) - len(failed)} of {len(runs)} runs are done; their figures are in {options.results}.")
    return 1 if failed else 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m demos.mini.train.ablations",
        description="Short trainings, each with one choice left out, against a reference of the same steps.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(RUNS)} (default: all)")
    parser.add_argument(
        "--minutes-per-run",
        type=float,
        default=MINUTES,
        help=f"of one core, from which the steps follow; some stages take more, some less ({MINUTES:g})",
    )
    parser.add_argument("--processes", type=int, default=2, help="runs at a time, one thread each (2)")
    parser.add_argument("--folder", type=Path, default=Path("build/train"), help="of `make train`")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the figures are kept")
    return parser


if __name__ == "__main__":
    sys.exit(main())
