"""Drums: kits, hand drums, marching drums and machines, in beats, fills, rolls and single strokes."""

from __future__ import annotations

import numpy as np

from demos.mini.world.dsp import SAMPLE_RATE, Signal, highpass, lowpass, place, samples_of, white
from demos.mini.world.ranges import Parameters
from demos.mini.world.tones import bumps, equalised, partials

_MEMBRANE = np.array([1.0, 1.59, 2.14, 2.3, 2.65, 2.92, 3.16, 3.5, 3.6, 4.06])


def _kick(p: Parameters, rng: np.random.Generator) -> Signal:
    n = samples_of(0.15 + p["ring"] * 0.6)
    time = np.arange(n) / SAMPLE_RATE
    base = p["size"] * rng.uniform(0.55, 0.75)
    frequency = base * (1 + rng.uniform(0.5, 3) * np.exp(-time / rng.uniform(0.008, 0.04)))
    body = np.sin(2 * np.pi * np.cumsum(frequency) / SAMPLE_RATE) * np.exp(-6.9 * time / time[-1])
    click = lowpass(white(rng, n), rng.uniform(1500, 6000)) * np.exp(-time / 0.004)
    return body + rng.uniform(0.1, 1) * click


def _snare(p: Parameters, rng: np.random.Generator) -> Signal:
    sixty = 0.12 + p["ring"] * 0.4
    n = samples_of(sixty * 1.3)
    time = np.arange(n) / SAMPLE_RATE
    head = p["size"] * rng.uniform(1.6, 2.4)
    ratios = np.array([1.0, 1.59, 1.83, 2.3, 2.9]) * rng.uniform(0.96, 1.04, 5)
    tone = partials(n, head * ratios, sixty * rng.uniform(0.4, 0.9, 5), rng.uniform(0.2, 1, 5), rng)
    wires = highpass(white(rng, n), rng.uniform(700, 2500)) * np.exp(-6.9 * time / sixty)
    return 0.4 * tone + rng.uniform(0.4, 1.5) * wires


def _tom(p: Parameters, rng: np.random.Generator, height: float) -> Signal:
    sixty = 0.2 + p["ring"] * 0.9
    n = samples_of(sixty)
    base = p["size"] * height
    ratios = _MEMBRANE * rng.uniform(0.97, 1.03, 10)
    tone = partials(
        n, base * ratios, sixty / ratios ** rng.uniform(0.6, 1.3), rng.uniform(0.1, 1, 10) / ratios, rng
    )
    stick = min(n, samples_of(0.02))
    slap = lowpass(white(rng, stick), rng.uniform(1500, 6000)) * np.exp(np.arange(stick) / -50)
    tone[:stick] += slap * rng.uniform(0.2, 1.5)
    return tone


def _metal(rng: np.random.Generator, seconds: float, low: float) -> Signal:
    """Hats and cymbals: noise with dense partials above `low`."""
    n = samples_of(seconds)
    time = np.arange(n) / SAMPLE_RATE
    count = 24
    places = low * np.sort(rng.uniform(0.6, 4, count))
    tone = partials(n, places, seconds * rng.uniform(0.5, 1, count), rng.uniform(0.2, 1, count) * 0.25, rng)
    hiss = highpass(highpass(white(rng, n), low), low) * np.exp(-6.9 * time / seconds)
    return rng.uniform(0.2, 1) * tone + rng.uniform(0.6, 1.6) * hiss


Voices = dict[str, list[Signal]]
Stroke = tuple[float, str, float]


def _kit(p: Parameters, rng: np.random.Generator) -> Voices:
    heights = np.sort(rng.uniform(0.8, 2.2, 3))[::-1]
    hat = rng.uniform(3500, 6500)
    return {
        "kick": [_kick(p, rng) * rng.uniform(0.4, 1.2)],
        "snare": [_snare(p, rng) for _ in range(2)],
        "hat": [_metal(rng, rng.uniform(0.03, 0.12), hat) * rng.uniform(0.25, 0.9)],
        "open": [_metal(rng, rng.uniform(0.2, 0.6), hat) * rng.uniform(0.25, 0.9)],
        "crash": [_metal(rng, rng.uniform(0.8, 2.0), rng.uniform(1800, 4000)) * rng.uniform(0.3, 0.8)],
        **{f"tom{k}": [_tom(p, rng, height)] for k, height in enumerate(heights)},
    }


def _hand(p: Parameters, rng: np.random.Generator) -> Voices:
    """A low open stroke, a higher one, and a slap of one or a pair of hand drums."""
    low, high = rng.uniform(0.9, 1.5), rng.uniform(1.8, 3.4)
    slap = highpass(_tom(p, rng, high * 1.2), rng.uniform(300, 900))
    fall = np.exp(np.arange(len(slap)) * (-1 / (0.03 * SAMPLE_RATE)))
    return {
        "low": [_tom(p, rng, low) for _ in range(2)],
        "high": [_tom(p, rng, high) for _ in range(2)],
        "slap": [slap * fall * 1.4],
    }


def _grooved(rng: np.random.Generator, beats: float) -> list[Stroke]:
    """A kit's beat: kicks and snares in a bar of eight or sixteen, hats on a grid, fills now and then."""
    grid = int(rng.choice([2, 2, 4, 3]))
    bar = 4 * grid
    kicks = {0, *(int(step) for step in rng.choice(bar, int(rng.integers(1, 4)), replace=False))}
    if rng.random() < 0.25:
        kicks = set(range(0, bar, grid))
    snares = {grid, 3 * grid} if rng.random() < 0.75 else {2 * grid}
    ghost, fills, has_hat = rng.uniform(0, 0.15), rng.uniform(0, 0.5), rng.random() < 0.85
    each = int(rng.choice([1, 1, grid]))
    swing = rng.uniform(0, 0.2) if rng.random() < 0.3 else 0.0
    strokes: list[Stroke] = [(0.0, "crash", 0.8)] if rng.random() < 0.3 else []
    filling = False
    for step in range(int(beats * grid) + 1):
        at, inside = step / grid + (swing / grid if step % 2 else 0.0), step % bar
        if inside == 0:
            filling = False
        if inside == 3 * grid:
            filling = rng.random() < fills
        if filling:
            strokes.append((at, str(rng.choice(["snare", "tom0", "tom1", "tom2"])), rng.uniform(0.6, 1)))
            continue
        if inside in kicks:
            strokes.append((at, "kick", 1.0))
        if inside in snares or rng.random() < ghost:
            strokes.append((at, "snare", 1.0 if inside in snares else 0.3))
        if has_hat and step % each == 0:
            strokes.append((at, "open" if rng.random() < 0.06 else "hat", 1.0 if inside % grid == 0 else 0.6))
    return strokes


def _handed(rng: np.random.Generator, beats: float) -> list[Stroke]:
    grid = int(rng.choice([2, 3, 4]))
    bar = grid * int(rng.choice([2, 3, 4]))
    names, levels = (
        rng.choice(["low", "high", "slap", ""], bar, p=[0.3, 0.32, 0.13, 0.25]),
        rng.uniform(0.4, 1, bar),
    )
    names[0] = "low"
    return [
        (step / grid, str(names[step % bar]), float(levels[step % bar]))
        for step in range(int(beats * grid) + 1)
        if names[step % bar] and (step == 0 or rng.random() < 0.93)
    ]


def _rolled(rng: np.random.Generator, beats: float, names: list[str]) -> list[Stroke]:
    """Strokes of one drum: spaced singles, even beats, or a roll with accents and swells."""
    each = float(rng.choice([1.0, 1.0, 0.5, 0.25, 0.125, 0.083]))
    name, swell = str(rng.choice(names)), rng.uniform(0, 0.6)
    accents, moving = int(rng.choice([2, 3, 4, 6, 8])), rng.random() < 0.3
    strokes: list[Stroke] = []
    for k in range(int(beats / each) + 1):
        if moving and k % accents == 0:
            name = str(rng.choice(names))
        level = (1.0 if k % accents == 0 else rng.uniform(0.4, 0.8)) * (
            1 - swell * np.sin(k * each * 0.8) ** 2
        )
        strokes.append((k * each, name, float(level)))
    return strokes


def drums(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """A kit's groove, hand drums, or one drum struck alone, evenly or in a roll."""
    beats = n / SAMPLE_RATE * p["tempo"]
    if rng.random() < 0.3:
        voices, strokes = _hand(p, rng), _handed(rng, beats)
    else:
        voices = _kit(p, rng)
        if rng.random() < 0.35:
            strokes = _rolled(rng, beats, ["snare", "snare", "tom0", "tom1", "tom2", "kick"])
        else:
            strokes = _grooved(rng, beats)
    loose = rng.uniform(0, 0.012)
    parts = []
    for at, name, level in strokes:
        onset = samples_of(at / p["tempo"] + (rng.uniform(0, loose) if at > 0 else 0.0)) - 1
        variants = voices[name]
        struck = variants[int(rng.integers(len(variants)))]
        if onset < n:
            parts.append((onset, struck * level * rng.uniform(0.8, 1)))
    total = place(n, parts)
    if rng.random() < 0.3:  # a squeezed recording
        total = np.tanh(total * rng.uniform(0.5, 2.5))
    return equalised(total, *bumps(rng, 9, 50, 7000, 5))
