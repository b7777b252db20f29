"""Figures with 95 % bootstrap intervals, and the table of them in the README."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RESULTS = Path(__file__).parents[1] / "weights" / "evaluation.json"
README = Path(__file__).parents[3] / "README.md"
MARKS = ("<!-- evaluation: begin -->\n", "<!-- evaluation: end -->\n")
RESAMPLES = 2000  # of the bootstrap


@dataclass(frozen=True)
class Figure:
    """One line of the table: a value with its 95 % bootstrap interval, over so many items."""

    name: str
    value: float
    low: float
    high: float
    items: int
    aim: str  # what was asked for; empty where nothing was


def figure(name: str, scores: Sequence[float], aim: str = "") -> Figure:
    """The mean of per-item scores with its percentile bootstrap interval (Efron & Tibshirani 1993)."""
    values = np.asarray(scores, np.float64)
    low, high = np.percentile(values[_resampled(len(values))].mean(1), [2.5, 97.5])
    return Figure(name, float(values.mean()), float(low), float(high), len(values), aim)


def ratio(
    name: str,
    pairs: Sequence[tuple[float, ...]],
    aim: str = "",
    of: Callable[[NDArray[np.float64]], float] | None = None,
) -> Figure:
    """A ratio of sums over items (word errors per word, F1 of counts) with its bootstrap interval.

    `of` makes another value of the sums of what each item counts.
    """
    counts = np.asarray(pairs, np.float64)
    measure = of or (lambda sums: float(sums[0] / sums[1]) if sums[1] else 0.0)
    values = [measure(counts[rows].sum(0)) for rows in _resampled(len(counts))]
    low, high = np.percentile(values, [2.5, 97.5])
    return Figure(name, measure(counts.sum(0)), float(low), float(high), len(counts), aim)


def table(figures: Sequence[Figure]) -> str:
    """The figures as the README shows them."""
    lines = [
        "| measured on the held-out world | value | 95 % interval | items | aim |",
        "|---|---|---|---|---|",
    ]
    for one in figures:
        interval = f"{one.low:.3f} – {one.high:.3f}"
        lines.append(f"| {one.name} | **{one.value:.3f}** | {interval} | {one.items:,} | {one.aim} |")
    return "\n".join(lines)


def kept() -> list[Figure]:
    """The figures of the committed weights, as last measured."""
    return [Figure(**one) for one in json.loads(RESULTS.read_text(encoding="utf-8"))]


def put_among(kept: Sequence[Figure], measured: Sequence[Figure]) -> list[Figure]:
    """The kept figures with those of the same subjects replaced by what was measured; new ones come last.

    The subject is what a name begins with, as “CLAP” or “Whisper”; a row from “…” on goes with the one above.
    """
    subjects = {_subject(one) for one in measured} - {"…"}
    before: list[Figure] = []
    after: list[Figure] = []
    ours = found = False
    for one in kept:
        ours = ours if one.name.startswith("…") else _subject(one) in subjects
        found |= ours
        if not ours:
            (after if found else before).append(one)
    return [*before, *measured, *after]


def _subject(figure: Figure) -> str:
    return "…" if figure.name.startswith("…") else re.split("[,:]", figure.name)[0]


def with_table(readme: str, figures: Sequence[Figure]) -> str:
    """The README with the table between its marks replaced. Raises ValueError where a mark is missing."""
    before, rest = readme.split(MARKS[0])
    _, after = rest.split(MARKS[1])
    return f"{before}{MARKS[0]}{table(figures)}\n{MARKS[1]}{after}"


def _resampled(items: int) -> NDArray[np.int64]:
    return np.random.default_rng(7).integers(0, items, (RESAMPLES, items))
