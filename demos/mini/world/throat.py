"""Throats: a voice, breath, flapping tissue, and the formants through which all of them pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, rfft

from demos.mini.world.dsp import SAMPLE_RATE, Signal, impulses, oscillator, sloped, wander, white

Path = Sequence[tuple[float, str]]
"""Vowels at shares of the length: ((0, "a"), (1, "u"))."""

VOWELS: Mapping[str, tuple[float, float, float]] = {
    "a": (730, 1090, 2440),
    "ae": (660, 1720, 2410),
    "e": (530, 1840, 2480),
    "i": (290, 2250, 3000),
    "o": (560, 860, 2410),
    "u": (310, 900, 2240),
    "uh": (620, 1190, 2390),
    "er": (500, 1400, 1900),
    "m": (260, 1050, 2250),
}
"""The first three formants of a man's vowels (Peterson and Barney, 1952; rounded), and of a closed mouth."""

_FRAME, _HOP = 512, 256
_WINDOW = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FRAME) / _FRAME)).astype(np.float32)
_GRID = np.linspace(0, SAMPLE_RATE / 2, _FRAME // 2 + 1, dtype=np.float32)


def voice(rng: np.random.Generator, contour: Signal, slope: float, rough: float = 0.0) -> Signal:
    """A glottal wave along a pitch contour; `rough` from 0 to 1 adds jitter, flutter and period doubling."""
    n = len(contour)
    drift = 1 + 0.012 * wander(rng, n, 25) + (0.008 + 0.05 * rough) * wander(rng, n, 140)
    pitch = contour * drift
    tone = oscillator(pitch, sloped(70, slope), float(rng.random()))
    if rough < 0.15:
        return tone
    doubled = 1 + 0.7 * rough * oscillator(pitch * 0.5, phase=float(rng.random()))
    return tone * doubled * (1 + 0.8 * rough * wander(rng, n, 180))


def flaps(rng: np.random.Generator, contour: Signal, jitter: float, shimmer: float) -> Signal:
    """Single strokes of slack tissue at an uneven rate: a snore, a creak, a gurgle."""
    turns = np.cumsum(contour) * (1 / SAMPLE_RATE)
    count = int(turns[-1]) + 1
    wanted = np.arange(count) + jitter * rng.uniform(-0.5, 0.5, count)
    onsets = np.searchsorted(turns, np.clip(wanted, 0, None))
    return impulses(len(contour), onsets, 1 - shimmer * rng.random(count))


def mouth_noise(rng: np.random.Generator, n: int, tilt: float = 0.0) -> Signal:
    """Air turbulence: white noise whose upper half is raised (positive tilt) or lowered."""
    noise = white(rng, n).astype(np.float64)
    if tilt != 0.0:
        noise[1:] -= np.clip(tilt, -0.95, 0.95) * noise[:-1]
    return noise


def through_throat(
    rng: np.random.Generator, source: Signal, path: Path, size: float, bandwidth: float = 1.0
) -> Signal:
    """A source through a tract whose vowel moves along `path`.

    `size` scales all formants (1 a man, 1.17 a woman, 1.3 a child, 1.6 a baby); each call has a mouth of
    its own. Filters frame by frame, which follows any movement at the price of a few transforms.
    """
    n = len(source)
    count = n // _HOP + 2
    padded = np.zeros((count + 1) * _HOP, dtype=np.float32)
    padded[_HOP : _HOP + n] = source
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FRAME)[::_HOP] * _WINDOW
    spectrum = rfft(frames, axis=1) * _gains(rng, len(frames), path, size, bandwidth)
    shaped = irfft(spectrum, _FRAME, axis=1)
    halves = shaped[1:, :_HOP] + shaped[:-1, _HOP:]
    return halves.reshape(-1)[:n].astype(np.float64)


def _gains(
    rng: np.random.Generator, frames: int, path: Path, size: float, bandwidth: float
) -> NDArray[np.float32]:
    shares = [share for share, _ in path]
    at = np.linspace(0, 1, frames)
    gain = np.ones((frames, len(_GRID)), dtype=np.float32)
    square = _GRID * _GRID
    upper = (3500.0, 4500.0, 5500.0, 6500.0)
    for number in range(3 + len(upper)):
        own = size * rng.uniform(0.9, 1.11)
        values = [VOWELS[vowel][number] if number < 3 else upper[number - 3] for _, vowel in path]
        centre = (np.interp(at, shares, values) * own).astype(np.float32)[:, None]
        width = np.float32(bandwidth * rng.uniform(0.7, 1.4)) * (70 + centre * np.float32(0.05))
        centre *= centre
        gain *= centre * centre / ((square - centre) ** 2 + width * width * square)
    return np.sqrt(gain)


def levelled(signal: Signal) -> Signal:
    """The signal at unit variance."""
    return signal / (float(np.std(signal)) + 1e-9)


def peaked(signal: Signal) -> Signal:
    """The signal at a peak of one."""
    return signal / (float(np.abs(signal).max()) + 1e-9)


def vowel(rng: np.random.Generator, *among: str) -> str:
    """One of these vowels, at random."""
    return among[int(rng.integers(len(among)))]
