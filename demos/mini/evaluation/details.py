"""What went wrong, clip by clip and class by class, for the training report: small enough to be kept."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from demos.mini.evaluation.figures import Figure
from demos.mini.evaluation.held_out import HeldOut

DETAILS = Path(__file__).parents[1] / "weights" / "evaluation_details.json"
LARGEST = 150_000  # bytes of it
MOST_FAILURES = 60  # of one test


@dataclass(frozen=True)
class Sizes:
    """How many clips each test hears."""

    singles: int = 740  # ten of each of the 74 classes
    retrieval: int = 1000
    mixed: int = 300
    sequences: int = 300  # further ones, for the order alone
    sentences: int = 200
    questions: int = 222  # three of each class
    fitted_per_class: int = 12  # single events by which probes of layers are fitted
    judged_per_class: int = 6
    utterances_per_voice: int = 40  # of the held-out ones, for the layer study
    utterances: int = 400  # in training voices, by which its probe of words is fitted


QUICK = Sizes(
    singles=6,
    retrieval=10,
    mixed=4,
    sequences=2,
    sentences=4,
    questions=4,
    fitted_per_class=2,
    judged_per_class=1,
    utterances_per_voice=4,
    utterances=40,
)


@dataclass(frozen=True)
class Failure:
    """A clip that was misheard, which `held_out.draw(kind, number)` makes again.

    `badness` compares failures of one test: cosines, ranks, error rates, or how sure an answer was.
    """

    test: str
    kind: str
    number: int
    asked: str
    truth: str
    said: str
    badness: float

    @classmethod
    def of(cls, test: str, clip: HeldOut, truth: str, said: str, badness: float, asked: str = "") -> Failure:
        """The failure of a test at a clip."""
        return cls(test, clip.kind, clip.number, asked, truth, said, round(float(badness), 4))


@dataclass(frozen=True)
class Outcome:
    """What a part of the evaluation found: figures, failures, and `by_class` and the like for the report."""

    figures: list[Figure] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    report: dict[str, Any] = field(default_factory=dict)


def shares_by_class(pairs: Iterable[tuple[str, bool]]) -> dict[str, float]:
    """Of (class, whether right) the share of right ones for each class, by name."""
    pairs = list(pairs)
    asked, right = Counter(name for name, _ in pairs), Counter(name for name, is_right in pairs if is_right)
    return {name: round(right[name] / asked[name], 3) for name in sorted(asked)}


def confusions(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str, int]]:
    """(true, said, how often) of (true, said), the frequent first, without what was right."""
    counted = Counter((true, said) for true, said in pairs if true != said)
    return [(*pair, times) for pair, times in sorted(counted.items(), key=lambda one: (-one[1], one[0]))]


def events_by_class(pairs: Sequence[tuple[set[str], set[str]]]) -> dict[str, tuple[int, int, int]]:
    """Of (true, said) events: for each class how often it sounded, was named then, was named otherwise."""
    names = sorted(set().union(*(true | said for true, said in pairs)))
    return {
        name: (
            sum(name in true for true, _ in pairs),
            sum(name in true and name in said for true, said in pairs),
            sum(name not in true and name in said for true, said in pairs),
        )
        for name in names
    }


def worst(failures: Iterable[Failure], most: int) -> list[Failure]:
    """At most so many failures of each test, the worst first."""
    by_test: dict[str, list[Failure]] = {}
    for failure in failures:
        by_test.setdefault(failure.test, []).append(failure)
    ranked = (sorted(those, key=lambda one: (-one.badness, one.number)) for those in by_test.values())
    return [failure for those in ranked for failure in those[:most]]


def as_text(report: Mapping[str, Any], failures: Sequence[Failure]) -> str:
    """The file: JSON, with as many of the worst failures as fit."""
    for most in range(MOST_FAILURES, -1, -1):
        kept = worst(failures, most)
        sections = [f"{json.dumps(name)}: {_short(content)}" for name, content in report.items()]
        listed = ",\n".join(_short(asdict(failure)) for failure in kept)
        text = "{\n" + ",\n".join([*sections, f'"failures": [\n{listed}\n]']) + "\n}\n"
        if len(text.encode()) <= LARGEST:
            return text
    raise ValueError(f"The details take more than {LARGEST} bytes even without a failure.")


def kept_failures(path: Path = DETAILS) -> list[Failure]:
    """The failures of the committed weights, as last measured."""
    return [Failure(**one) for one in json.loads(path.read_text(encoding="utf-8"))["failures"]]


def merged(path: Path, outcome: Outcome) -> tuple[dict[str, Any], list[Failure]]:
    """What is kept in the file, with the parts and the tests of an outcome in the place of their old ones."""
    kept = json.loads(path.read_text(encoding="utf-8"))
    tests = {failure.test for failure in outcome.failures}
    failures = [Failure(**one) for one in kept.pop("failures")]
    report = {**kept, **outcome.report}
    return report, [*(one for one in failures if one.test not in tests), *outcome.failures]


def _short(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
