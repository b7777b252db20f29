"""Footsteps: how a shoe meets a floor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from demos.mini.world.dsp import (
    SAMPLE_RATE,
    Signal,
    beats,
    curve,
    formants,
    impulses,
    lowpass,
    oscillator,
    place,
    recursive,
    ring,
    samples_of,
    white,
)
from demos.mini.world.ranges import Parameters
from demos.mini.world.throat import peaked


class _Floor(NamedTuple):
    """How a floor answers a shoe: weights of thump, click and grains, and what each sounds like."""

    thump: float
    modes: tuple[float, float]
    sixty: float
    click: float
    clicks: tuple[float, float]
    grain: float
    grains: tuple[float, float]
    lasting: float
    per_second: float


_FLOORS: Mapping[str, _Floor] = {
    "stone": _Floor(0.5, (70, 160), 0.06, 1.0, (1500, 4500), 0.06, (2000, 5000), 0.10, 900),
    "wood": _Floor(1.0, (80, 240), 0.18, 0.4, (800, 2600), 0.05, (1200, 4000), 0.12, 900),
    "carpet": _Floor(1.0, (55, 120), 0.07, 0.05, (400, 900), 0.2, (250, 1200), 0.15, 4000),
    "gravel": _Floor(0.35, (70, 160), 0.05, 0.1, (900, 3000), 1.0, (1000, 4500), 0.24, 500),
    "leaves": _Floor(0.2, (60, 140), 0.05, 0.03, (900, 2000), 1.0, (1600, 6000), 0.32, 220),
    "snow": _Floor(0.3, (60, 130), 0.05, 0.0, (900, 2000), 1.0, (450, 2400), 0.3, 1800),
    "wet": _Floor(0.4, (70, 150), 0.05, 0.25, (700, 2000), 1.0, (600, 3800), 0.2, 700),
    "metal": _Floor(0.5, (160, 420), 0.5, 0.6, (1200, 3800), 0.08, (2000, 5000), 0.1, 600),
}


def _bursts(rng: np.random.Generator, n: int, onsets: NDArray[Any], gains: Signal, sixty: float) -> Signal:
    """Noise that breaks out at each onset and dies away."""
    keep = float(np.exp(-6.908 / (sixty * SAMPLE_RATE)))
    return recursive([1.0], [1.0, -keep], impulses(n, onsets, gains)) * white(rng, n)


def footsteps(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """Someone walks or runs over one of many floors, in some shoes, nearer or away."""
    floor = _FLOORS[str(rng.choice(list(_FLOORS)))]
    heel = np.array(beats(rng, n, p["rate"], jitter=0.04))
    count = len(heel)
    # Left and right foot differ; the ball of the foot follows the heel, late in slippers, at once in a run.
    limp = np.where(np.arange(count) % 2, rng.uniform(0.6, 1.0), 1.0)
    weight = limp * rng.uniform(0.7, 1.0, count)
    roll = p["roll"] * min(1.0, 1.6 / p["rate"])
    ball = heel + np.round(roll * SAMPLE_RATE * rng.uniform(0.85, 1.15, count)).astype(int)
    second = rng.uniform(0.1, 0.9)
    onsets = np.concatenate([heel, ball])
    gains = np.concatenate([weight, weight * second])
    total = np.zeros(n)
    base = rng.uniform(*floor.modes)
    sixty = floor.sixty * rng.uniform(0.6, 1.6)
    modes = [
        (base * ratio * rng.uniform(0.9, 1.1), sixty / ratio**0.5, ratio**-0.7 * rng.uniform(0.4, 1.4))
        for ratio in (1.0, 1.9, 3.1, 4.7, 7.2)
    ]
    blow = lowpass(_bursts(rng, n, onsets, gains, 0.03 - 0.02 * p["sole"]), 150 + 1500 * p["sole"] ** 2)
    total += floor.thump * peaked(ring(blow, modes))
    centre = rng.uniform(*floor.clicks)
    tap = _bursts(rng, n, onsets, gains * rng.uniform(0.5, 1.0, 2 * count), rng.uniform(0.015, 0.06))
    tap = formants(tap, [(centre, centre * 0.5, 1.0), (centre * rng.uniform(1.5, 2.3), centre * 0.9, 0.5)])
    total += floor.click * (0.1 + 1.4 * p["sole"]) * peaked(tap)
    lasting = floor.lasting * rng.uniform(0.6, 1.3) * min(1.0, 2.2 / p["rate"])
    pressed = _press(rng, n, heel, weight, lasting)
    grain = np.where(rng.random(n) < pressed * (floor.per_second / SAMPLE_RATE), rng.normal(size=n) ** 3, 0.0)
    grain = grain + 0.25 * white(rng, n) * pressed
    low, high = floor.grains
    middle = rng.uniform(low, (low * high) ** 0.5)
    crunch = formants(grain, [(middle, middle * 0.9, 1.0), (min(high, middle * 2.2), middle * 1.5, 0.8)])
    total += floor.grain * p["scuff"] * peaked(crunch)
    if rng.random() < 0.08:
        total += _squeaks(rng, n, heel)
    nearer = rng.uniform(0, 1)
    return total * curve([(0, rng.uniform(0.3, 1)), (nearer, 1), (1, rng.uniform(0.25, 1))], n)


def _press(rng: np.random.Generator, n: int, heel: NDArray[Any], weight: Signal, lasting: float) -> Signal:
    """How hard each sole presses over time: as it lands, and again as it pushes off."""
    parts = []
    for onset, load in zip(heel, weight, strict=True):
        length = samples_of(lasting * rng.uniform(0.8, 1.2))
        dip = rng.uniform(0.1, 0.7)
        shape = curve([(0, 0), (0.08, 1), (0.4, dip), (0.65, rng.uniform(0.2, 1)), (1, 0)], length)
        parts.append((int(onset), shape * load))
    return np.clip(place(n, parts), 0, 1)


def _squeaks(rng: np.random.Generator, n: int, heel: NDArray[Any]) -> Signal:
    """Rubber soles that squeak at some steps."""
    parts = []
    for onset in heel[rng.random(len(heel)) < 0.6]:
        length = samples_of(rng.uniform(0.04, 0.14))
        slide = rng.uniform(1100, 3200) * curve([(0, 1), (0.5, rng.uniform(0.8, 1.3)), (1, 1.1)], length)
        tone = oscillator(slide, (1.0, 0.4, 0.2)) * np.sin(np.pi * np.arange(length) / length)
        parts.append((int(onset), 0.25 * tone))
    return place(n, parts)
