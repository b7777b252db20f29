"""The few signal blocks that every event is made of: noise, oscillators, resonators, envelopes.

All signals are mono at `SAMPLE_RATE`; lengths are in samples, times in seconds, frequencies in hertz.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len

Signal = NDArray[np.floating]

SAMPLE_RATE = 16_000
HIGHEST = 7_600.0
"""Highest frequency that oscillators and resonators produce, below the 8 kHz limit."""
REFERENCE_RMS = 0.1
"""Root mean square of the loudest 40 ms of a normalised event."""

_TABLE = 2_048
_LOUDNESS_FRAME = 640


def recursive(feed: Sequence[float], back: Sequence[float], signal: Signal) -> Signal:
    """A signal [samples] through the recursive filter with the coefficients `feed` over `back`."""
    from scipy.signal import lfilter  # slow to import, and a server names sounds without making any

    filtered: Signal = lfilter(feed, back, signal)
    return filtered


def samples_of(seconds: float) -> int:
    """Number of samples in a time, at least one."""
    return max(1, round(seconds * SAMPLE_RATE))


def white(rng: np.random.Generator, n: int) -> Signal:
    """White noise of unit variance; evenly distributed, which is quicker and sounds the same."""
    return (rng.random(n, dtype=np.float32) - np.float32(0.5)) * np.float32(np.sqrt(12))


def shaped_noise(
    rng: np.random.Generator, n: int, frequencies: Sequence[float], decibels: Sequence[float]
) -> Signal:
    """Noise of unit variance whose spectrum follows (frequency, level) points, linear in between."""
    size = next_fast_len(n, real=True)
    return irfft(noise_spectrum(rng, size, frequencies, decibels), size)[:n]


def noise_spectrum(
    rng: np.random.Generator, size: int, frequencies: Sequence[float], decibels: Sequence[float]
) -> NDArray[np.complex64]:
    """The real transform of `size` samples of shaped noise of unit variance."""
    bins = size // 2 + 1
    coarse = np.linspace(0, SAMPLE_RATE / 2, 257)
    levels = 10 ** (np.interp(coarse, frequencies, decibels) / 20)
    # Parseval: even bins of unit power, two-sided, make samples of unit variance.
    levels *= size * np.sqrt(0.5 / (bins * np.mean(levels**2)))
    gain = np.interp(np.linspace(0, SAMPLE_RATE / 2, bins), coarse, levels).astype(np.float32)
    spectrum = white(rng, 2 * bins).view(np.complex64) * (gain * np.float32(np.sqrt(0.5)))
    spectrum[0] = 0
    return spectrum


def oscillator(frequency: Signal, harmonics: Sequence[float] | Signal = (1.0,), phase: float = 0.0) -> Signal:
    """A periodic wave of unit variance along a frequency curve.

    `harmonics` are amplitudes from the fundamental up. Those that would pass `HIGHEST` at the curve's top
    are left out, so that nothing folds back.
    """
    amplitudes = np.asarray(harmonics, dtype=np.float64)
    room = max(1, int(HIGHEST / max(float(frequency.max()), 1.0)))
    amplitudes = amplitudes[: min(room, _TABLE // 2 - 1)]
    spectrum = np.zeros(_TABLE // 2 + 1, dtype=np.complex128)
    # Phases that grow with the square of the number keep the peaks of rich waves moderate (Schroeder, 1970).
    number = np.arange(1, len(amplitudes) + 1)
    spectrum[1 : len(amplitudes) + 1] = amplitudes * np.exp(1j * np.pi * number**2 / len(amplitudes))
    table = np.fft.irfft(spectrum)
    table = (table / (table.std() + 1e-12)).astype(np.float32)
    turns = np.cumsum(frequency, dtype=np.float64) * (1.0 / SAMPLE_RATE) + phase
    return table[(turns * _TABLE).astype(np.int64) & (_TABLE - 1)]


def sloped(count: int, decibels_per_octave: float) -> Signal:
    """Amplitudes of `count` harmonics that fall by so many decibels an octave."""
    return np.arange(1, count + 1, dtype=np.float64) ** (-decibels_per_octave / 6.02)


def curve(points: Sequence[tuple[float, float]], n: int) -> Signal:
    """A line through (share of the length, value) points, `n` samples long."""
    shares, values = zip(*points, strict=True)
    return np.interp(np.arange(n) * (1.0 / max(n - 1, 1)), shares, values)


def wander(rng: np.random.Generator, n: int, per_second: float) -> Signal:
    """A smooth random curve in [-1, 1] that takes `per_second` new values a second."""
    knots = max(2, int(np.ceil(n / SAMPLE_RATE * per_second)) + 1)
    values = rng.uniform(-1, 1, knots)
    return np.interp(np.linspace(0, knots - 1, n), np.arange(knots), values)


def decay(n: int, sixty: float) -> Signal:
    """An exponential that has fallen by 60 dB after `sixty` seconds."""
    return np.exp(np.arange(n) * (-6.908 / (sixty * SAMPLE_RATE)))


def ring(excitation: Signal, modes: Sequence[tuple[float, float, float]]) -> Signal:
    """The sum of damped modes (frequency, seconds to fall 60 dB, gain) that an excitation sets ringing."""
    total = np.zeros(len(excitation))
    for frequency, sixty, gain in modes:
        if frequency >= HIGHEST:
            continue
        radius = np.exp(-6.908 / (sixty * SAMPLE_RATE))
        angle = 2 * np.pi * frequency / SAMPLE_RATE
        total += recursive(
            [gain * np.sin(angle)], [1.0, -2 * radius * np.cos(angle), radius * radius], excitation
        )
    return total


def formants(source: Signal, resonances: Sequence[tuple[float, float, float]]) -> Signal:
    """Parallel resonances (frequency, bandwidth, gain) of unit peak, as a throat filters its voice."""
    total = np.zeros(len(source))
    for frequency, bandwidth, gain in resonances:
        if frequency >= HIGHEST:
            continue
        radius = np.exp(-np.pi * bandwidth / SAMPLE_RATE)
        angle = 2 * np.pi * frequency / SAMPLE_RATE
        peak = (1 - radius) * np.sqrt(1 - 2 * radius * np.cos(2 * angle) + radius * radius)
        total += recursive([gain * peak], [1.0, -2 * radius * np.cos(angle), radius * radius], source)
    return total


def lowpass(signal: Signal, frequency: float) -> Signal:
    """A gentle one-pole low-pass."""
    keep = float(np.exp(-2 * np.pi * frequency / SAMPLE_RATE))
    return recursive([1 - keep], [1.0, -keep], signal)


def highpass(signal: Signal, frequency: float) -> Signal:
    """What the one-pole low-pass takes away."""
    return signal - lowpass(signal, frequency)


def fade(signal: Signal, rise: float, fall: float) -> Signal:
    """Raised-cosine fades of so many seconds at both ends, each at most half of the signal."""
    n = len(signal)
    shaped = np.array(signal, dtype=np.float64)
    up, down = min(samples_of(rise), max(1, n // 2)), min(samples_of(fall), max(1, n // 2))
    shaped[:up] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(up) / up)
    shaped[n - down :] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(1, down + 1) / down)
    return shaped


def beats(rng: np.random.Generator, n: int, rate: float, jitter: float = 0.06) -> list[int]:
    """Onsets in samples of `rate` units a second: as many as fit whole, the first at zero, nearly even."""
    interval = SAMPLE_RATE / rate
    count = units_in(n / SAMPLE_RATE, rate)
    moved = rng.uniform(-jitter, jitter, count) * interval
    moved[0] = 0.0
    return [round(k * interval + shift) for k, shift in enumerate(moved)]


def units_in(seconds: float, rate: float) -> int:
    """How many units of `rate` a second a sound of this length holds: at least one."""
    # A length rounded to samples must hold as many units as the length that it was rounded from.
    return max(1, int(seconds * rate + 0.01))


def place(n: int, parts: Sequence[tuple[int, Signal]]) -> Signal:
    """A signal of `n` samples with each part added at its onset; what would stand outside is cut."""
    total = np.zeros(n)
    for onset, part in parts:
        kept = part[: max(0, n - onset)]
        total[onset : onset + len(kept)] += kept
    return total


def impulses(n: int, onsets: Sequence[int] | NDArray[Any], gains: Signal | float = 1.0) -> Signal:
    """Single-sample impulses at onsets below `n`."""
    train = np.zeros(n)
    at = np.asarray(onsets, dtype=np.int64)
    inside = (at >= 0) & (at < n)
    np.add.at(train, at[inside], np.broadcast_to(np.asarray(gains, dtype=np.float64), at.shape)[inside])
    return train


def normalised(signal: Signal) -> NDArray[np.float32]:
    """The signal scaled so that its loudest 40 ms have the reference root mean square."""
    whole = len(signal) // _LOUDNESS_FRAME * _LOUDNESS_FRAME
    frames = signal[:whole].reshape(-1, _LOUDNESS_FRAME) if whole else signal[None]
    loudest = float(np.sqrt(np.einsum("ij,ij->i", frames, frames).max() / frames.shape[1]))
    return (signal * (REFERENCE_RMS / (loudest + 1e-9))).astype(np.float32)
