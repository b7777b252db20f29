"""The figures of the training report: learning curves, classes, confusions, and what choices are good for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from demos.mini.figures_svg import (
    box,
    curve,
    document,
    dot,
    even_ticks,
    logarithmic_ticks,
    moved,
    straight,
    text,
)
from demos.mini.world.taxonomy import BY_NAME, CATEGORIES

PANEL, COLUMNS = (320, 232), 3  # of learning curves
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 48, 34  # of a plot inside its panel
ROW = 15.5  # height of a class
CELL = 9.5  # of the matrix

ByCategory = dict[str, list[str]]
Confusion = tuple[str, str, int]


def by_category(names: Sequence[str]) -> ByCategory:
    """Classes under their categories, in the order of the taxonomy; unknown ones under "other"."""
    found: ByCategory = {category: [] for category in (*CATEGORIES, "other")}
    order = {name: place for place, name in enumerate(BY_NAME)}
    for name in sorted(names, key=lambda name: (order.get(name, len(order)), name)):
        found[BY_NAME[name].category if name in BY_NAME else "other"].append(name)
    return {category: own for category, own in found.items() if own}


def learning_curves(stages: Mapping[str, Mapping[str, Any]]) -> str:
    """A panel for each stage: every loss over the steps, logarithmic."""
    width, height = PANEL
    parts: list[str] = []
    for place, (name, stage) in enumerate(stages.items()):
        x, y = place % COLUMNS * width, place // COLUMNS * height
        parts += moved(x, y, _curves_of(name, stage))
    rows = math.ceil(len(stages) / COLUMNS)
    words = "; ".join(f"{name}: {ends_of(stage)}" for name, stage in stages.items())
    return document(COLUMNS * width, rows * height + 4, "Losses of every stage over its steps", words, parts)


def ends_of(stage: Mapping[str, Any]) -> str:
    """The first and last value of each loss, in words."""
    return ", ".join(
        f"{name} {values[0]:g} → {values[-1]:g}" for name, values in taken(stage).items() if values
    )


def taken(stage: Mapping[str, Any]) -> dict[str, list[float]]:
    """The values of each loss where it was taken."""
    return {name: [v for v in values if v is not None] for name, values in stage["losses"].items()}


def _curves_of(name: str, stage: Mapping[str, Any]) -> Iterator[str]:
    width, height = PANEL
    right, bottom = width - RIGHT, height - BOTTOM
    yield text(LEFT, 18, name, "ink title")
    positive = [v for values in taken(stage).values() for v in values if v > 0]
    if not positive:
        yield text(LEFT, TOP + 20, "no loss was written", "faint")
        return
    low, high = min(positive), max(positive)
    low, high = (low, high) if high > 1.2 * low else (low / 1.2, high * 1.2)
    last = max(stage["steps"])

    def place(step: float, value: float) -> tuple[float, float]:
        upward = math.log(value / low) / math.log(high / low)
        return LEFT + step / last * (right - LEFT), bottom - upward * (bottom - TOP)

    for tick in logarithmic_ticks(low, high):
        _, y = place(0, tick)
        yield straight((LEFT, y), (right, y))
        yield text(LEFT - 5, y + 4, f"{tick:g}", "faint small", "end")
    for tick in even_ticks(0, last, 4):
        x, _ = place(tick, low)
        yield straight((x, bottom), (x, bottom + 4))
        yield text(x, bottom + 16, f"{tick:,.0f}", "faint small", "middle")
    yield text((LEFT + right) / 2, bottom + 30, "steps", "faint small", "middle")
    beside = float(LEFT)  # where the next name of a loss stands, above the plot
    for series, (loss, values) in enumerate(stage["losses"].items()):
        points = [
            place(step, value)
            for step, value in zip(stage["steps"], values, strict=True)
            if value is not None and value > 0
        ]
        yield curve(points, series)
        yield curve([(beside, TOP - 14), (beside + 20, TOP - 14)], series)
        yield text(beside + 24, TOP - 10, loss, "ink small")
        beside += 34 + 6.2 * len(loss)


def classes(shares: Mapping[str, float]) -> str:
    """A bar for each class, under its category, in two columns; the best first."""
    columns: list[list[tuple[str, float | None]]] = [[], []]
    groups = by_category(list(shares))
    lines = sum(len(own) + 2 for own in groups.values())
    for category, own in groups.items():
        column = columns[0] if len(columns[0]) + len(own) / 2 < lines / 2 else columns[1]
        column.append((category, None))
        column += [(name, shares[name]) for name in sorted(own, key=lambda name: -shares[name])]
        column.append(("", None))
    parts: list[str] = []
    for number, column in enumerate(columns):
        for place, (name, share) in enumerate(column):
            x, y = 480.0 * number, 26 + ROW * place
            if share is None:
                parts.append(text(x + 168, y, name, "ink title", "end"))
                continue
            parts += [
                text(x + 168, y, name, "ink small", "end"),
                box((x + 176, y - 10), (240, 12), 5, 0.18),
                box((x + 176, y - 10), (240 * share, 12), 0, 1.0, f"{name}: {share:.2f}"),
                text(x + 422, y, f"{share:.2f}", "faint small"),
            ]
    worst = sorted(shares.items(), key=lambda pair: pair[1])[:5]
    words = "The hardest: " + ", ".join(f"{name} {share:.2f}" for name, share in worst)
    height = 26 + ROW * max(map(len, columns))
    return document(960, height, "Zero-shot top-1 of every class", words, parts)


def matrix(shares: Mapping[str, float], confused: Sequence[Confusion]) -> str:
    """True classes down, said ones across, ordered by category; what is right in another colour."""
    groups = by_category(sorted({*shares, *(name for true, said, _ in confused for name in (true, said))}))
    names = [name for own in groups.values() for name in own]
    place = {name: number for number, name in enumerate(names)}
    left, top, side = 128.0, 128.0, CELL * len(names)
    parts: list[str] = []
    for name, number in place.items():
        at = number * CELL + CELL - 2
        parts.append(text(left - 4, top + at, name, "ink tiny", "end"))
        parts.append(text(left + at, top - 4, name, "ink tiny", turned=True))
    border = 0
    for category, own in groups.items():
        at = border * CELL
        parts += [
            straight((left, top + at), (left + side, top + at)),
            straight((left + at, top), (left + at, top + side)),
            text(left + side + 6, top + at + len(own) * CELL / 2 + 4, category, "faint small"),
        ]
        border += len(own)
    parts += [
        straight((left, top + side), (left + side, top + side)),
        straight((left + side, top), (left + side, top + side)),
    ]
    for name, share in shares.items():
        if share > 0:
            at = place[name] * CELL
            parts.append(box((left + at, top + at), (CELL, CELL), 0, share, f"{name}: {share:.2f} right"))
    for (true, said, times), share in zip(confused, confusion_shares(shares, confused), strict=True):
        corner = left + place[said] * CELL, top + place[true] * CELL
        label = f"{true} taken for {said}: {times} times, {share:.2f}"
        parts.append(box(corner, (CELL, CELL), 1, 0.3 + 0.7 * share, label))
    often = ", ".join(f"{true} for {said} {times} times" for true, said, times in confused[:5])
    words = f"True classes down, said ones across. Most often: {often}"
    return document(left + side + 84, top + side + 12, "What is taken for what", words, parts)


def confusion_shares(shares: Mapping[str, float], confused: Sequence[Confusion]) -> list[float]:
    """Of each confusion, the share among the clips of its true class."""
    wrong: dict[str, int] = {}
    for true, _, times in confused:
        wrong[true] = wrong.get(true, 0) + times
    return [times * (1 - shares.get(true, 0.0)) / wrong[true] for true, _, times in confused]


def changes(runs: Sequence[Mapping[str, Any]]) -> str:
    """How each measure changes where a choice is left out, with its interval; a block for each measure."""
    measures: dict[tuple[str, str], list[tuple[str, Mapping[str, Any]]]] = {}
    for run in runs:
        for change in run["changes"]:
            measures.setdefault((run["stage"], change["name"]), []).append((run["without"], change))
    ends = [end for rows in measures.values() for _, one in rows for end in (one["low"], one["high"])]
    low, high = min([0.0, *ends]) - 0.02, max([0.0, *ends]) + 0.02
    left, right, width, y = 330.0, 800.0, 900.0, 22.0
    parts: list[str] = []

    def across(value: float) -> float:
        return left + (value - low) / (high - low) * (right - left)

    for (stage, name), rows in measures.items():
        better = "lower" if "error" in name else "higher"
        parts.append(text(14, y, f"{stage}: {name} ({better} is better)", "ink title"))
        y += 20
        for without, one in rows:
            parts += [
                text(left - 12, y + 4, f"without {without}", "ink small", "end"),
                straight((across(one["low"]), y), (across(one["high"]), y), "s0"),
                dot(across(one["value"]), y, 0),
                text(right + 12, y + 4, f"{one['value']:+.3f}", "faint small"),
            ]
            y += 18
        y += 12
    grid: list[str] = []
    for tick in even_ticks(low, high):
        x = across(tick)
        grid.append(straight((x, 30), (x, y - 6), "grid" if tick else "zero"))
        grid.append(text(x, y + 10, f"{tick:+g}" if tick else "0", "faint small", "middle"))
    said = "; ".join(
        f"{stage} without {without}, {name}: {one['value']:+.3f}"
        for (stage, name), rows in measures.items()
        for without, one in rows
    )
    return document(width, y + 24, "What changes where a choice is left out", said, [*grid, *parts])
