"""Learning curves that are kept with the weights: what `train` wrote at every 50th step, thinned.

A stage that was cut goes on from its checkpoint, some steps before the last line of its curve; what was
written before and is learned again is left out, and so is what an earlier, longer trial left in the file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from demos.mini.train.machine import Machine, commit

FILE = "curves.json"
MOST_POINTS = 200  # of one curve
DIGITS = 4  # that are kept of a loss

Point = dict[str, float]
"""A step and the losses there, by name; not every loss is taken at every step."""


def read(path: Path) -> list[Point]:
    """The curve of one stage, steps rising; half a line at the end, from a cut, is left out."""
    points: list[Point] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            point = json.loads(line)
        except json.JSONDecodeError:
            continue
        while points and points[-1]["step"] >= point["step"]:
            points.pop()
        points.append(point)
    return points


def thinned(points: Sequence[Point], most: int = MOST_POINTS) -> list[Point]:
    """At most so many of the points, evenly spread, the first and the last among them."""
    if len(points) <= most:
        return list(points)
    chosen = np.linspace(0, len(points) - 1, most).round().astype(int)
    return [points[place] for place in chosen]


def as_columns(points: Sequence[Point]) -> dict[str, Any]:
    """Steps, and each loss as long as they are, null where it was not taken."""
    names = list(dict.fromkeys(name for point in points for name in point if name != "step"))
    return {
        "steps": [int(point["step"]) for point in points],
        "losses": {name: [_short(point.get(name)) for point in points] for name in names},
    }


def keep(folder: Path, weights: Path) -> None:
    """Write `weights/curves.json`: the curves of all stages in `folder`, and the machine that this is.

    Stages that are kept there and not in `folder` stay as they are, with the machine and the commit that are
    written for the whole file; those of `folder` then carry their own.
    """
    made: dict[str, Any] = {"machine": Machine.here().as_dict(), "commit": commit()}
    curves = {path.stem: as_columns(thinned(read(path))) for path in sorted(folder.glob("*.jsonl"))}
    path = weights / FILE
    earlier = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"stages": {}}
    if set(earlier["stages"]) - set(curves):
        curves = earlier["stages"] | {name: {**made, **curve} for name, curve in curves.items()}
        made = {key: earlier[key] for key in made}
    content = {**made, "stages": curves}
    lines = [f"{json.dumps(name)}: {json.dumps(one, separators=(',', ':'))}" for name, one in content.items()]
    lines[-1] = (
        '"stages": {\n'
        + ",\n".join(
            f"{json.dumps(name)}: {json.dumps(one, separators=(',', ':'))}" for name, one in curves.items()
        )
        + "\n}"
    )
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def _short(value: float | None) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{DIGITS}g}")
