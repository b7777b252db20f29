"""What instruments play: single notes, scales, broken chords, chords and short tunes, as lists of notes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from demos.mini.world.dsp import SAMPLE_RATE, Signal, place, samples_of

_SCALES = (
    (0, 2, 4, 5, 7, 9, 11),
    (0, 2, 4, 5, 7, 9, 11),
    (0, 2, 3, 5, 7, 8, 10),
    (0, 2, 3, 5, 7, 8, 11),
    (0, 2, 3, 5, 7, 9, 10),
    (0, 2, 4, 7, 9),
    (0, 3, 5, 6, 7, 10),
    tuple(range(12)),
)
_CHORDS = (
    (0, 4, 7),
    (0, 3, 7),
    (0, 4, 7, 10),
    (0, 3, 7, 10),
    (0, 4, 7, 11),
    (0, 7, 12),
    (0, 5, 7),
    (0, 3, 6),
)
_ROOTS = (0, 5, 7, -3, 2, 4, -5, 3, -2)
_CELLS = ((1,), (1,), (1, 1, 2), (1.5, 0.5), (0.5, 0.5, 1), (1, 0.5, 0.5), (2, 1), (2 / 3, 1 / 3), (3, 1))
_SHORTEST = 0.05


@dataclass(frozen=True)
class Note:
    """One note: onset and held length in samples, height above the centre in semitones, strength to 1."""

    onset: int
    length: int
    semitones: float
    strength: float


Step = tuple[float, Sequence[float]]
"""How many beats a step lasts, and the heights that sound in it; none is a rest."""


def tune(
    rng: np.random.Generator, n: int, rate: float, chords: bool = False, spread: float = 0.0
) -> list[Note]:
    """Notes for `n` samples at `rate` beats a second, the first at zero; several at once if `chords`.

    `spread` is the most seconds that a strummed chord takes from its first to its last string.
    """
    beats = n / SAMPLE_RATE * rate
    makers: list[Callable[[np.random.Generator, float], list[Step]]] = [_single, _repeated, _scale, _broken]
    makers += [_melody, _melody]
    if chords:
        makers += [_chords, _chords, _accompanied]
    steps = makers[int(rng.integers(len(makers)))](rng, beats)
    # Hands are only so quick, the less so the more they grasp at once.
    grasped = max(1.0, float(np.mean([len(heights) for _, heights in steps])))
    rate = min(rate, 9 / grasped**0.7 * float(np.mean([lasting for lasting, _ in steps])))
    legato, loose = rng.uniform(0.45, 1.05), rng.uniform(0.0, 0.05)
    down, lag = rng.random() < 0.7, spread * rng.uniform(0.2, 1)
    notes, at = [], 0.0
    for k, (lasting, heights) in enumerate(steps):
        late = 0.0 if k == 0 else rng.uniform(0, loose) / rate
        ordered = sorted(heights, reverse=not (down or rng.random() < 0.5))
        for place_in_chord, height in enumerate(ordered):
            strum = lag * place_in_chord / max(len(heights) - 1, 1)
            onset = samples_of(at / rate + late + strum) - 1
            length = samples_of(max(_SHORTEST, lasting * legato / rate))
            strength = (1.0 if k % 4 == 0 else 0.85) * rng.uniform(0.65, 1)
            if onset < n - samples_of(0.02):
                notes.append(Note(onset, min(length, n - onset), height, strength))
        at += lasting
    return notes


def played(n: int, notes: Sequence[Note], sound: Callable[[Note], Signal]) -> Signal:
    """The sum of the notes' sounds, each at its onset."""
    return place(n, [(note.onset, sound(note)) for note in notes])


def _pick(rng: np.random.Generator, choices: Sequence[Sequence[float]]) -> Sequence[float]:
    return choices[int(rng.integers(len(choices)))]


def _single(rng: np.random.Generator, beats: float) -> list[Step]:
    """One long note, or a few with rests."""
    if rng.random() < 0.5:
        return [(max(beats, 0.1), (0.0,))]
    steps: list[Step] = []
    while sum(step[0] for step in steps) < beats:
        steps += [(rng.uniform(1.5, 4), (float(rng.integers(-5, 6)) if steps else 0.0,))]
        steps += [(rng.uniform(0.2, 1), ())]
    return steps


def _repeated(rng: np.random.Generator, beats: float) -> list[Step]:
    cell, height = _pick(rng, _CELLS), 0.0
    steps: list[Step] = []
    total = 0.0
    while total < beats:
        lasting = cell[len(steps) % len(cell)]
        if rng.random() < 0.12:
            height = float(rng.integers(-4, 8))
        steps.append((lasting, (height,)))
        total += lasting
    return steps


def _scale(rng: np.random.Generator, beats: float) -> list[Step]:
    scale = _pick(rng, _SCALES)
    size, degree = len(scale), int(rng.integers(-6, 2))
    direction, top = (1 if rng.random() < 0.7 else -1), int(rng.integers(5, 12))
    steps: list[Step] = []
    for _ in range(int(beats * 1.5) + 2):
        steps.append((1 / 1.5 if beats > 12 else 1.0, (_height(scale, degree),)))
        if abs(degree + direction) > top or (size > 5 and rng.random() < 0.02):
            direction = -direction
        degree += direction
    return steps


def _broken(rng: np.random.Generator, beats: float) -> list[Step]:
    steps: list[Step] = []
    order = rng.permutation(4) if rng.random() < 0.5 else np.arange(4)
    root, chord = 0.0, _pick(rng, _CHORDS)
    while len(steps) < beats * 2 + 1:
        for which in order:
            octave, inside = divmod(int(which), len(chord))
            steps.append((0.5, (root + chord[inside] + 12 * octave,)))
        if rng.random() < 0.6:
            root, chord = float(rng.choice(_ROOTS)), _pick(rng, _CHORDS)
    return steps


def _melody(rng: np.random.Generator, beats: float) -> list[Step]:
    """A walk on a scale, mostly by step, with a rhythm that repeats."""
    scale, cell = _pick(rng, _SCALES), _pick(rng, _CELLS)
    degree, total = int(rng.integers(-2, 4)), 0.0
    steps: list[Step] = []
    while total < beats:
        lasting = cell[len(steps) % len(cell)] if rng.random() < 0.8 else rng.choice([0.5, 1.0, 2.0])
        rest = bool(steps) and rng.random() < 0.08
        steps.append((float(lasting), () if rest else (_height(scale, degree),)))
        total += lasting
        leap = rng.choice([-4, -3, -2, -1, -1, -1, 0, 1, 1, 1, 2, 3, 4])
        degree = int(np.clip(degree + leap, -7, 9))
    return steps


def _chords(rng: np.random.Generator, beats: float) -> list[Step]:
    """Chords over changing roots, struck once or several times each."""
    steps: list[Step] = []
    total, wide = 0.0, rng.random() < 0.5
    again, lasting = int(rng.choice([1, 1, 2, 4])), float(rng.choice([0.5, 1, 2, 2, 4]))
    while total < beats:
        root, chord = float(rng.choice(_ROOTS)), _pick(rng, _CHORDS)
        heights = [root + height for height in chord]
        if wide:
            heights += [root - 12, root + 12]
        steps += [(lasting, heights)] * again
        total += lasting * again
    return steps


def _accompanied(rng: np.random.Generator, beats: float) -> list[Step]:
    """A melody with a bass note or a chord under its strong steps."""
    steps: list[Step] = []
    root = -12.0
    for k, (lasting, heights) in enumerate(_melody(rng, beats)):
        if k % 4 == 0:
            root = float(rng.choice(_ROOTS)) - 12
        under = [root, root + 7] if k % 4 == 0 else [root] if k % 2 == 0 else []
        steps.append((lasting, [*heights, *under]))
    return steps


def _height(scale: Sequence[float], degree: int) -> float:
    octave, inside = divmod(degree, len(scale))
    return float(scale[inside] + 12 * octave)
