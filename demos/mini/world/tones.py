"""Blocks for pitched sounds: sums of damped partials, waves whose brightness moves, colouring, halls."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

from demos.mini.world.dsp import HIGHEST, SAMPLE_RATE, Signal, samples_of, white

_BLOCK = 256
_CONTROL = 64
"""Samples between the points of a slow curve."""
_TABLE = 2_048


def partials(
    n: int,
    frequencies: Sequence[float] | Signal,
    sixties: Sequence[float] | Signal,
    gains: Sequence[float] | Signal,
    rng: np.random.Generator,
) -> Signal:
    """`n` samples of damped sine waves (hertz, seconds to fall 60 dB, amplitude) that start together.

    Start phases are random within a quarter turn, so that two strokes are never the same wave. A damped wave
    is a geometric row, so a matrix product of its values at block starts and within a block makes all waves.
    """
    pitch = np.asarray(frequencies, dtype=np.float64)
    gain, sixty = np.asarray(gains, dtype=np.float64), np.asarray(sixties, dtype=np.float64)
    keep = (pitch < HIGHEST) & (pitch > 10) & (gain > 1e-4 * gain.max())
    if not keep.any():
        keep[np.argmin(pitch)] = True
    pitch, sixty = np.minimum(pitch[keep], HIGHEST), sixty[keep]
    start = gain[keep] * np.exp(1j * np.pi * rng.uniform(-0.75, -0.25, len(pitch)))
    total = np.zeros(n, dtype=np.float32)
    # Partials that die early are made no longer than they last.
    halvings = np.clip(np.log2(n / (1.25 * SAMPLE_RATE * sixty)), 0, 6).astype(np.int64)
    for halving in np.unique(halvings):
        length, these = -(-n // 2**halving), halvings == halving
        total[:length] += _waves(length, pitch[these], 6.908 / sixty[these], start[these])
    return total


def _waves(n: int, pitch: Signal, fall: Signal, start: NDArray[np.complex128]) -> Signal:
    """The sum of waves that fall by `fall` nepers a second."""

    def wave(seconds: Signal) -> NDArray[np.complex128]:
        # Falls below -500 dB are cut off, since denormal numbers are slow.
        decline = np.maximum(-seconds[:, None] * fall, -60.0)
        return np.exp(decline + 2j * np.pi * seconds[:, None] * pitch)

    blocks = wave(np.arange(-(-n // _BLOCK)) * (_BLOCK / SAMPLE_RATE)) * start
    within = wave(np.arange(_BLOCK) * (1 / SAMPLE_RATE))
    left = np.concatenate([blocks.real, -blocks.imag], axis=1).astype(np.float32)
    right = np.concatenate([within.real, within.imag], axis=1).astype(np.float32)
    return (left @ right.T).reshape(-1)[:n]


def blended(frequency: Signal, dull: Signal, bright: Signal, brightness: Signal) -> Signal:
    """A wave between two harmonic spectra of equally many amplitudes, at a brightness curve from 0 to 1."""
    count = min(len(bright), max(1, int(HIGHEST / float(frequency.max()))))
    number = np.arange(1, count + 1)
    spectra = np.zeros((2, _TABLE // 2 + 1), dtype=np.complex128)
    # Phases that grow with the square of the number keep the peaks of rich waves moderate.
    turned = np.exp(1j * np.pi * number**2 / count) * (_TABLE * np.sqrt(0.5))
    spectra[:, 1 : count + 1] = np.stack([dull[:count], bright[:count]]) * turned
    low, high = np.fft.irfft(spectra).astype(np.float32)
    turns = np.cumsum(frequency) * (_TABLE / SAMPLE_RATE)
    index = turns.astype(np.int64) & (_TABLE - 1)
    return low[index] + (high - low)[index] * brightness


def hump(count: int, fundamental: float, centre: float, rise: float, fall: float) -> Signal:
    """Amplitudes of harmonics whose spectrum rises to `centre` hertz and falls beyond, in dB an octave."""
    octaves = np.log2(np.arange(1, count + 1) * fundamental / centre)
    return 10 ** (np.where(octaves < 0, octaves * rise, -octaves * fall) / 20)


def equalised(
    signal: Signal, frequencies: Sequence[float] | Signal, decibels: Sequence[float] | Signal
) -> Signal:
    """The signal with its spectrum raised or lowered along points, linear in octaves between them."""
    size = next_fast_len(len(signal), real=True)
    grid = np.geomspace(20, SAMPLE_RATE / 2, 400)
    gains = 10 ** (np.interp(np.log(grid), np.log(frequencies), decibels) / 20)
    level = np.interp(np.linspace(0, SAMPLE_RATE / 2, size // 2 + 1), grid, gains)
    return irfft(rfft(signal, size) * level, size)[: len(signal)]


def bumps(
    rng: np.random.Generator, count: int, low: float, high: float, depth: float
) -> tuple[Signal, Signal]:
    """Points of a random bumpy response between two frequencies, as wooden bodies and horns have."""
    edges = np.geomspace(low, high, count) * 2.0 ** rng.uniform(-0.2, 0.2, count)
    return np.sort(edges), rng.uniform(-depth, depth, count)


def vibrato(rng: np.random.Generator, n: int, rate: float, cents: float, delay: float) -> Signal:
    """A factor on frequency: a swing that sets in after `delay` seconds and is never quite regular."""
    coarse = n // _CONTROL + 2
    time = np.arange(coarse) * (_CONTROL / SAMPLE_RATE)
    seconds = time[-1]
    points = np.linspace(0, seconds, int(2 * seconds) + 2)
    speed, depth, drift = (np.interp(time, points, rng.uniform(-1, 1, len(points))) for _ in range(3))
    swing = np.sin(2 * np.pi * (np.cumsum(1 + 0.08 * speed) * (rate * _CONTROL / SAMPLE_RATE) + rng.random()))
    deep = cents * np.clip((time - delay) / 0.3, 0, 1) * (1 + 0.25 * depth)
    factor = 2.0 ** ((deep * swing + 4.0 * drift) / 1200)
    return np.interp(np.arange(n), np.arange(coarse) * _CONTROL, factor)


def hall(rng: np.random.Generator, signal: Signal, sixty: float, wet: float) -> Signal:
    """The signal with a diffuse tail, `wet` times as strong, whose treble dies sooner."""
    n = len(signal)
    length = min(samples_of(sixty), n)
    time = np.arange(length) / SAMPLE_RATE
    dark = np.cumsum(white(rng, length)) * 0.1
    dark -= np.linspace(dark[0], dark[-1], length)
    tail = white(rng, length) * np.exp(time * (-13.0 / sixty)) + dark * np.exp(time * (-6.9 / sixty))
    tail *= np.clip((time - 0.004) / 0.02, 0, 1)
    tail *= wet / (np.sqrt(np.sum(tail**2)) + 1e-9)
    size = next_fast_len(n + length, real=True)
    return signal + irfft(rfft(signal, size) * rfft(tail, size), size)[:n]


def held(n: int, rise: float, fall: float) -> Signal:
    """An envelope of `n` samples that rises and falls in so many seconds, each at most half of it."""
    up, down = min(samples_of(rise), max(1, n // 2)), min(samples_of(fall), max(1, n // 2))
    level = np.ones(n)
    level[:up] = np.sin(np.arange(up) * (0.5 * np.pi / up))
    level[n - down :] *= np.cos(np.arange(1, down + 1) * (0.5 * np.pi / down)) ** 2
    return level
