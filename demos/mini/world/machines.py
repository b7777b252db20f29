"""What vehicles and tools share: combustion, uneven colours, strokes of noise, and passing by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from demos.mini.world.dsp import SAMPLE_RATE, Signal, decay, shaped_noise, wander

__all__ = [
    "bursts",
    "chance",
    "combustion",
    "harmonics",
    "modes",
    "nearing",
    "passing",
    "reflected",
    "rough_noise",
    "scattered",
    "throttle",
    "unit",
]

_KNOTS = np.geomspace(50, 8000, 12)


def unit(signal: Signal) -> Signal:
    """The signal scaled to a root mean square of one."""
    return signal / (float(np.sqrt(np.mean(np.square(signal)))) + 1e-9)


def chance(rng: np.random.Generator, share: float) -> bool:
    """True in a share of all draws."""
    return bool(rng.random() < share)


def scattered(rng: np.random.Generator, value: float, octaves: float) -> float:
    """A value moved by up to so many octaves either way, so that no two sources share it."""
    return value * 2.0 ** float(rng.uniform(-octaves, octaves))


def modes(
    rng: np.random.Generator, low: float, high: float, count: int, sixty: float, tilt: float = 0.0
) -> list[tuple[float, float, float]]:
    """Random damped modes between two frequencies: the higher ring shorter; `tilt` is dB an octave."""
    found = []
    for frequency in np.geomspace(low, high, count):
        moved = scattered(rng, float(frequency), 0.5 * np.log2(high / low) / max(count - 1, 1))
        octaves = float(np.log2(moved / low))
        gain = 10 ** ((rng.uniform(-6, 6) - tilt * octaves) / 20)
        found.append((moved, sixty * float(rng.uniform(0.5, 1.5)) * 0.8 ** max(0.0, octaves), gain))
    return found


def rough_noise(
    rng: np.random.Generator, n: int, points: Sequence[tuple[float, float]], spread: float = 4.0
) -> Signal:
    """Noise along (frequency, decibels) points, each level moved at random and all of them along the axis."""
    shift = 2.0 ** rng.uniform(-0.25, 0.25)
    inner = [(frequency * shift, level) for frequency, level in points if frequency * shift < 7900]
    places = [0.0, *(frequency for frequency, _ in inner), 8000.0]
    levels = [points[0][1] - 12, *(level + rng.normal(0, spread) for _, level in inner), points[-1][1] - 6]
    return shaped_noise(rng, n, places, levels)


def harmonics(rng: np.random.Generator, pitch: float, count: int, slope: float, spread: float) -> Signal:
    """Harmonics that fall by `slope` dB an octave, through a random body: broad bumps and single outliers."""
    number = np.arange(1, count + 1)
    body = np.interp(np.log(number * pitch), np.log(_KNOTS), rng.normal(0, spread, len(_KNOTS)))
    levels = body + rng.normal(0, spread / 2, count) - slope * np.log2(number)
    return 10 ** (levels / 20)


def combustion(
    rng: np.random.Generator,
    n: int,
    speed: Signal,
    cylinders: Sequence[float] | Signal,
    uneven: float = 0.0,
    spread: float = 0.1,
) -> Signal:
    """Impulses, `speed` a second: cylinders differ in strength and place, strokes a little."""
    phase = np.cumsum(speed) / SAMPLE_RATE
    offsets = uneven * rng.uniform(-0.5, 0.5, len(cylinders))
    number = np.arange(int(phase[-1]) + 1)
    fired = number + offsets[number % len(offsets)] + rng.normal(0, spread * 0.1, len(number)) + rng.random()
    at = np.interp(fired, phase, np.arange(n), left=-1.0, right=-1.0)
    gains = np.asarray(cylinders)[number % len(offsets)] * (1 + spread * rng.normal(0, 1, len(number)))
    inside = (at >= 0) & (at < n - 1)
    at, gains = at[inside], gains[inside]
    # A stroke between two samples is shared by both, else fast engines would sound grainy.
    whole = at.astype(np.int64)
    train = np.zeros(n)
    train += np.bincount(whole, gains * (1 - at + whole), n)
    train += np.bincount(whole + 1, gains * (at - whole), n)
    if not len(at):
        train[0] = 1.0
    return train


def bursts(
    rng: np.random.Generator,
    train: Signal,
    points: Sequence[tuple[float, float]],
    sixty: float,
    attack: float = 0.0,
) -> Signal:
    """Each impulse of a train turned into a burst of coloured noise, different every time."""
    n = len(train)
    size = min(n, max(64, int(sixty * SAMPLE_RATE)))
    shape = decay(size, sixty)
    if attack > 0:
        shape = shape * (1 - decay(size, attack * 3))
    envelope = _convolved(train, shape)
    return rough_noise(rng, n, points) * envelope


def _convolved(signal: Signal, shape: Signal) -> Signal:
    size = len(signal) + len(shape) - 1
    length = next_fast_len(size, real=True)
    return irfft(rfft(signal, length) * rfft(shape, length), length)[: len(signal)]


def throttle(rng: np.random.Generator, n: int, top: float, pushes: int, idle: float = 1.0) -> Signal:
    """An engine's speed over time: pushes of the throttle, fast up, held for a while, slower down to idle."""
    seconds = n / SAMPLE_RATE
    curve = np.full(n, idle)
    now = np.arange(n) / SAMPLE_RATE
    for start in np.sort(rng.uniform(-0.3, max(0.1, seconds - 0.4), pushes)):
        rise, hold, fall = (
            rng.uniform(0.1, 0.5),
            rng.uniform(0.05, 0.5 * seconds + 0.2),
            rng.uniform(0.2, 1.0),
        )
        peak = idle + (top - idle) * rng.uniform(0.6, 1.0)
        times = [start, start + rise, start + rise + hold, start + rise + hold + fall]
        curve = np.maximum(curve, np.interp(now, times, [idle, peak, peak * rng.uniform(0.9, 1.0), idle]))
    return curve


def passing(n: int, moment: float, width: float, power: float) -> Signal:
    """The level of what passes: highest at the `moment` (share of the length), `width` seconds wide."""
    t = np.arange(n) / SAMPLE_RATE - moment * n / SAMPLE_RATE
    return (1 + (t / width) ** 2) ** (-power / 2)


def nearing(n: int, moment: float, width: float) -> Signal:
    """From 1 (coming) through 0 (at the `moment`) to -1 (going): the course of the Doppler shift."""
    t = np.arange(n) / SAMPLE_RATE - moment * n / SAMPLE_RATE
    return -t / np.sqrt(t * t + width * width)


def reflected(rng: np.random.Generator, signal: Signal, delays: Signal, gain: float) -> Signal:
    """The signal with its reflection from the ground, later by `delays` seconds: a comb that moves."""
    at = np.arange(len(signal), dtype=np.float64)
    late = at - delays * SAMPLE_RATE - 2 * (1 + wander(rng, len(signal), 0.7))
    whole = np.clip(np.floor(late).astype(np.int64), 0, len(signal) - 2)
    share = np.clip(late - whole, 0, 1)
    return signal + gain * (signal[whole] * (1 - share) + signal[whole + 1] * share)
