"""What falling, breaking and pouring water have in common: drops, bubbles and moving noise."""

from __future__ import annotations

import numpy as np

from demos.mini.world.dsp import SAMPLE_RATE, Signal, decay, impulses, ring, samples_of, shaped_noise, wander


def bubbles(rng: np.random.Generator, n: int, count: int, pitch: float, spread: float, rise: float) -> Signal:
    """So many bubbles, each a decaying tone that rises as it nears the surface (van den Doel, 2005).

    `pitch` is their middle in Hz, `spread` the octaves about it, `rise` by how much one rises in its length.
    """
    total = np.zeros(n)
    starts = rng.integers(0, max(1, n - 200), count)
    for start in starts:
        frequency = min(6500.0, pitch * 2.0 ** rng.normal(0, spread))
        length = min(n - int(start), samples_of(rng.uniform(0.01, 0.03) + 12 / frequency))
        t = np.arange(length)
        tone = np.sin(2 * np.pi * frequency / SAMPLE_RATE * t * (1 + rise * t / length))
        total[start : start + length] += tone * decay(length, 60 / frequency) * rng.exponential(1.0)
    return total


def rushing(rng: np.random.Generator, n: int, bright: float, width: float, moving: float) -> Signal:
    """Noise about `bright` Hz that falls by `width` decibels an octave on both sides, and moves by itself."""
    corners = [0.0, bright / 8, bright / 2, bright, bright * 2, 8000.0]
    levels = [-3.2 * width, -3 * width, -width, 0.0, -width, -width * np.log2(max(2.0, 8000 / bright))]
    order = np.argsort(corners)
    noise = shaped_noise(rng, n, [corners[k] for k in order], [levels[k] for k in order])
    return noise * (1 + moving * wander(rng, n, rng.uniform(4, 14)))


def drops(rng: np.random.Generator, n: int, rate: float, places: Signal, ringing: float) -> Signal:
    """Drops that fall at random, so many a second, on things that ring at `places` Hz for a moment."""
    count = int(rng.poisson(rate * n / SAMPLE_RATE))
    total = np.zeros(n)
    which = rng.integers(0, len(places), count)
    onsets, gains = rng.integers(0, n, count), rng.exponential(1.0, count)
    for number, place in enumerate(places):
        mine = which == number
        total += ring(impulses(n, onsets[mine], gains[mine]), [(float(place), ringing, 0.7)])
    return total
