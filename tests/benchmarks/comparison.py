"""Timing two things side by side, and the table that says how they compare."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Comparison:
    """Seconds of a thing and of its baseline; the runs with the same number were made one after the other."""

    what: str
    baseline: str
    seconds: Sequence[float]
    baseline_seconds: Sequence[float]

    @property
    def ratios(self) -> list[float]:
        """How many times as long as its baseline the thing took, run by run."""
        return [one / base for one, base in zip(self.seconds, self.baseline_seconds, strict=True)]


def seconds_of(act: Callable[[], object]) -> float:
    """How long `act` takes, in seconds."""
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def table(comparisons: Sequence[Comparison]) -> str:
    """The comparisons as a table in Markdown.

    The ratio is the median of the runs' own ratios: what else the machine does in the meantime slows both
    halves of a run. It can therefore differ from the quotient of the two medians.
    """
    lines = [
        "| what | median | baseline | its median | ratio | lowest–highest | runs |",
        "|---|---:|---|---:|---:|---:|---:|",
    ]
    for one in comparisons:
        ratios = one.ratios
        lines.append(
            f"| {one.what} | {_shown(median(one.seconds))} "
            f"| {one.baseline} | {_shown(median(one.baseline_seconds))} "
            f"| **{median(ratios):.2f}** | {min(ratios):.2f}–{max(ratios):.2f} | {len(ratios)} |"
        )
    return "\n".join(lines)


def _shown(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.1f} ms"
