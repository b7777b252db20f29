"""`make report`: writes docs/TRAINING_REPORT.md and its figures from the JSON files beside the weights.

Everything is computed from `curves.json`, `evaluation.json`, `evaluation_details.json` and `ablations.json`;
where one is missing, a sentence says what makes it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from demos.catalog import MINI_WEIGHTS
from demos.mini import report_figures
from demos.mini.evaluation.details import DETAILS, Failure, worst
from demos.mini.evaluation.figures import RESULTS, Figure, table
from demos.mini.train.curves import FILE as CURVES
from demos.mini.world.taxonomy import BY_NAME

DOCS = Path(__file__).parents[2] / "docs"
REPORT = "TRAINING_REPORT.md"
PICTURES = Path("pictures") / "report"
ABLATIONS = "ablations.json"
LISTED = 20  # confusions, and classes with the lowest share
SHOWN = 3  # failures of each test
LONGEST_CELL = 160  # characters of what a model said
FIGURE_NAMES = ("curves", "classes", "confusion", "ablations")

STAGES = (
    "clap",
    "clap-heads",
    "pengi",
    "pengi-more",
    "whisper-short",
    "whisper-wide",
    "llama",
    "beats",
    "beats-more",
    "beats-long",
    "salmonn-first",
    "salmonn-instructed",
    "salmonn-more",
    "salmonn-whole",
)
"""In the order of the training; others follow."""


@dataclass(frozen=True)
class Sources:
    """What there is to report; None where the file is missing."""

    weights: Path
    curves: dict[str, Any] | None
    figures: list[Figure] | None
    details: dict[str, Any] | None
    runs: list[dict[str, Any]] | None

    @classmethod
    def read(cls, weights: Path) -> Sources:
        """From the JSON files in a folder of weights."""
        figures, ablations = _json(weights / RESULTS.name), _json(weights / ABLATIONS)
        return cls(
            weights,
            _json(weights / CURVES),
            None if figures is None else [Figure(**one) for one in figures],
            _json(weights / DETAILS.name),
            None if ablations is None else ablations["runs"],
        )

    @property
    def top_1(self) -> dict[str, float]:
        """CLAP's share of right labels of each class; empty where it was not measured."""
        return dict((self.details or {}).get("clap", {}).get("top_1", {}))

    def confusions(self, system: str, name: str) -> list[tuple[str, str, int]]:
        """(true, said, how often), the frequent first."""
        return [
            (true, said, times) for true, said, times in (self.details or {}).get(system, {}).get(name, [])
        ]

    @property
    def stages(self) -> dict[str, Any]:
        """Learning curves in the order of the training."""
        found = (self.curves or {}).get("stages", {})
        order = [name for name in STAGES if name in found] + [name for name in found if name not in STAGES]
        return {name: found[name] for name in order if found[name]["steps"]}


def write(sources: Sources, docs: Path) -> Path:
    """Write the report and its figures; figures of what is not there any more are removed."""
    pictures = docs / PICTURES
    pictures.mkdir(parents=True, exist_ok=True)
    drawn = dict(figures(sources))
    for name in FIGURE_NAMES:
        if name in drawn:
            (pictures / f"{name}.svg").write_text(drawn[name], encoding="utf-8")
        else:
            (pictures / f"{name}.svg").unlink(missing_ok=True)
    report = docs / REPORT
    report.write_text("\n".join(lines(sources)) + "\n", encoding="utf-8")
    return report


def figures(sources: Sources) -> Iterator[tuple[str, str]]:
    """Name and SVG of each figure that there are numbers for."""
    if sources.stages:
        yield "curves", report_figures.learning_curves(sources.stages)
    if sources.top_1:
        yield "classes", report_figures.classes(sources.top_1)
        yield "confusion", report_figures.matrix(sources.top_1, sources.confusions("clap", "confusions"))
    if any(run["changes"] for run in sources.runs or []):
        yield "ablations", report_figures.changes(sources.runs or [])


def lines(sources: Sources) -> Iterator[str]:
    """The report, in Markdown."""
    yield "# Training report of the mini suite\n"
    yield "Written by `make report` from the files in `demos/mini/weights`; how the suite is made stands in"
    yield "[MINI_SUITE.md](MINI_SUITE.md). One training with one seed stands behind every figure; intervals"
    yield "are 95 % bootstrap intervals over items, not over trainings."
    for title, part in (
        ("The machine and the files", _files),
        ("What was measured", _measured),
        ("Learning curves", _curves),
        ("Every class", _classes),
        ("What is taken for what", _confusions),
        ("What layers know", _layers),
        ("What each choice is good for", _ablations),
        ("Failure cases, to listen to", _failures),
    ):
        yield f"\n## {title}\n"
        yield from part(sources)


def _files(sources: Sources) -> Iterator[str]:
    curves = sources.curves or {}
    if curves.get("machine"):
        yield f"The weights were trained and put in place on {_machine(curves)}.\n"
        others: dict[str, list[str]] = {}
        for name, stage in sources.stages.items():
            if "machine" in stage:
                others.setdefault(_machine(stage), []).append(name)
        for where, names in others.items():
            yield f"Of {', '.join(names)} the same was done later, on {where}.\n"
    else:
        yield _absent(CURVES, "python -m demos.mini.train install", "which machine made the weights")
        yield ""
    found = sorted(p for p in sources.weights.rglob("*") if p.is_file()) if sources.weights.is_dir() else []
    if not found:
        yield f"There are no weights in `{sources.weights.name}`."
        return
    yield from ("| file | MiB |", "|---|---:|")
    for path in found:
        yield f"| {path.relative_to(sources.weights).as_posix()} | {path.stat().st_size / 2**20:.2f} |"
    yield f"| together | **{sum(path.stat().st_size for path in found) / 2**20:.2f}** |"


def _machine(made: Mapping[str, Any]) -> str:
    machine = made["machine"]
    products = "in bfloat16" if machine["bfloat16"] else "in float32"
    commit = f", at commit {made['commit']}" if made.get("commit") else ""
    return (
        f"{machine['cores']} cores of this machine:\n{machine['processor']}, matrix products {products}, "
        f"torch {machine['torch']}{commit}"
    )


def _measured(sources: Sources) -> Iterator[str]:
    if sources.figures is None:
        yield _absent(RESULTS.name, "make evaluate", "what the suite hears of the held-out world")
    else:
        yield table(sources.figures)


def _curves(sources: Sources) -> Iterator[str]:
    if not sources.stages:
        yield _absent(CURVES, "python -m demos.mini.train install", "the learning curves")
        return
    yield _picture("curves", "Losses of every stage over its steps")
    yield "\nRunning means of the losses on training batches, at most 200 points of each curve; a loss is"
    yield "drawn with the weight that it has in the sum.\n"
    yield from ("| stage | steps | losses, first → last |", "|---|---:|---|")
    for name, stage in sources.stages.items():
        yield f"| {name} | {stage['steps'][-1]:,} | {report_figures.ends_of(stage)} |"


def _classes(sources: Sources) -> Iterator[str]:
    shares = sources.top_1
    if not shares:
        yield _absent(DETAILS.name, "make evaluate", "the figures of each class")
        return
    yield _picture("classes", "CLAP's zero-shot top-1 of every class")
    whole = sum(share == 1 for share in shares.values())
    seldom = sum(share < 0.5 for share in shares.values())
    yield f"\nCLAP names a single held-out event among all labels. {whole} of {len(shares)} classes are"
    yield f"always right, {seldom} less than half of the time.\n"
    yield from ("| category | classes | mean | hardest |", "|---|---:|---:|---|")
    for category, names in report_figures.by_category(list(shares)).items():
        hardest = min(names, key=lambda name: shares[name])
        mean = np.mean([shares[name] for name in names])
        yield f"| {category} | {len(names)} | {mean:.2f} | {hardest} ({shares[hardest]:.2f}) |"


def _confusions(sources: Sources) -> Iterator[str]:
    confused = sources.confusions("clap", "confusions")
    if sources.details is None:
        yield _absent(DETAILS.name, "make evaluate", "what is taken for what")
        return
    if not sources.top_1:
        yield f"`{DETAILS.name}` says nothing of CLAP's labels."
        return
    yield _picture("confusion", "Confusions of CLAP by category")
    within = sum(times for true, said, times in confused if _category(true) == _category(said))
    together = sum(times for _, _, times in confused)
    yield "\nTrue classes down, said ones across; blue is right, orange is wrong, stronger where more often."
    if not together:
        yield "Nothing was confused."
        return
    yield f"{within} of {together} confusions stay within a category. The most frequent ones, of CLAP's"
    yield "labels and of SALMONN's answers to spoken questions:\n"
    yield from ("| system | true | said | times |", "|---|---|---|---:|")
    for system, title, name, most in (
        ("clap", "CLAP", "confusions", LISTED),
        ("salmonn", "SALMONN", "question_confusions", LISTED // 2),
    ):
        for true, said, times in sources.confusions(system, name)[:most]:
            yield f"| {title} | {_cell(true)} | {_cell(said)} | {times} |"


def _category(name: str) -> str:
    return BY_NAME[name].category if name in BY_NAME else "other"


def _layers(sources: Sources) -> Iterator[str]:
    by_layer = (sources.details or {}).get("layers")
    if not by_layer:
        yield _absent(
            "wav2vec2/model.safetensors", "make train evaluate", "what the self-supervised models know"
        )
        return
    yield "Linear probes on each layer, averaged over time, judged on the held-out split; the first value is"
    yield "of what enters the transformer.\n"
    depth = max(len(values) for of in by_layer.values() for values in of.values())
    yield f"| asked | model | {' | '.join(str(layer) for layer in range(depth))} |"
    yield "|---|---|" + "---:|" * depth
    for problem, of in by_layer.items():
        for model, values in of.items():
            cells = [f"{value:.3f}" for value in values] + [""] * (depth - len(values))
            yield f"| {problem} | {model} | {' | '.join(cells)} |"


def _ablations(sources: Sources) -> Iterator[str]:
    if not sources.runs:
        yield _absent(ABLATIONS, "python -m demos.mini.train.ablations", "the ablations")
        return
    yield "Short trainings from nothing, each with one choice left out, against a reference of the same stage"
    yield "with the same steps, seed and draws. They are far shorter than the trainings of the weights: what"
    yield "a choice is worth early need not be what it is worth in the end. Changes are paired: both heard"
    yield "the same items.\n"
    if any(run["changes"] for run in sources.runs):
        yield _picture("ablations", "What changes where a choice is left out") + "\n"
    yield "| stage | left out | steps | measure | value | 95 % interval | change | 95 % interval |"
    yield "|---|---|---:|---|---:|---|---:|---|"
    for run in sources.runs:
        changed = {one["name"]: one for one in run["changes"]}
        for one in run["figures"]:
            change = changed.get(one["name"])
            last = f"{change['value']:+.3f} | {_interval(change, '+.3f')}" if change else " | "
            yield (
                f"| {run['stage']} | {run['without'] or '–'} | {run['steps']:,} | {one['name']} | "
                f"{one['value']:.3f} | {_interval(one, '.3f')} | {last} |"
            )
    yield ""
    made = {(run["machine"]["processor"], run["machine"]["threads"], run["commit"]) for run in sources.runs}
    for processor, threads, commit in sorted(made):
        at = f", commit {commit}" if commit else ""
        yield f"Made on {processor}, {threads} thread{'s' if threads > 1 else ''} for each run{at}."
    minutes = [run["minutes"] for run in sources.runs if run["minutes"] is not None]
    if minutes:
        yield f"Runs that were not cut trained for {min(minutes):.1f} to {max(minutes):.1f} minutes."


def _failures(sources: Sources) -> Iterator[str]:
    if sources.details is None:
        yield _absent(DETAILS.name, "make evaluate", "failure cases")
        return
    yield "Every clip is drawn from its kind and number alone, so it can be made again. The worst of each"
    yield "test, with a page to hear them by what was asked and said (`--worst 60` for all that are kept):\n"
    yield "```\npython -m demos.mini.evaluation failures build/failures\n```\n"
    yield "Then open `build/failures/index.html`."
    yield "One of them as samples at 16 kHz:"
    yield '`from demos.mini.evaluation.held_out import draw; draw("single", 12).samples()`.\n'
    kept = [Failure(**one) for one in sources.details.get("failures", [])]
    if not kept:
        yield "None is kept."
        return
    yield f"The worst {SHOWN} of each test:\n"
    yield from ("| test | clip | asked | true | said |", "|---|---|---|---|---|")
    for one in worst(kept, SHOWN):
        clip = f"`{one.kind}-{one.number:04d}.wav`"
        yield f"| {one.test} | {clip} | {_cell(one.asked)} | {_cell(one.truth)} | {_cell(one.said)} |"


def _interval(one: Mapping[str, float], form: str) -> str:
    return f"{one['low']:{form}} – {one['high']:{form}}"


def _cell(said: str) -> str:
    """Text for a cell of a table: on one line, its marks taken literally, not too long."""
    whole = " ".join(said.split())
    cut = whole if len(whole) <= LONGEST_CELL else f"{whole[:LONGEST_CELL].rstrip()} …"
    for mark in "\\|*_`<[":
        cut = cut.replace(mark, f"\\{mark}")
    return cut


def _picture(name: str, words: str) -> str:
    return f"![{words}]({PICTURES.as_posix()}/{name}.svg)"


def _absent(name: str, command: str, what: str) -> str:
    return f"There is no `{name}` that would tell {what}; `{command}` makes it."


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the report."""
    parser = argparse.ArgumentParser(
        prog="python -m demos.mini.report",
        description="Write the training report and its figures from what lies beside the weights.",
    )
    parser.add_argument("--weights", type=Path, default=MINI_WEIGHTS, help="a folder of mini weights")
    parser.add_argument("--docs", type=Path, default=DOCS, help="where the report is written")
    options = parser.parse_args(arguments)
    print(write(Sources.read(options.weights), options.docs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
