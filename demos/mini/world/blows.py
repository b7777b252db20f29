"""What happens when things meet: a contact sets modes ringing, noise dies away, the place answers.

Every number that could become the tell-tale of a class is drawn by the caller, or jittered here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from demos.mini.world.dsp import (
    HIGHEST,
    SAMPLE_RATE,
    Signal,
    decay,
    formants,
    highpass,
    impulses,
    lowpass,
    ring,
    samples_of,
    white,
)

Mode = tuple[float, float, float]


def modes_between(
    rng: np.random.Generator,
    low: float,
    high: float,
    count: int,
    sixty: float,
    fall: float = 3.0,
    damping: float = 0.5,
) -> list[Mode]:
    """Modes at random between two frequencies, the lowest at `low`.

    They lose `fall` dB an octave, and their decay times shrink with frequency to the power of `damping`.
    """
    ratios = (high / low) ** np.concatenate([[0.0], np.sort(rng.random(count - 1))])
    lasting = sixty * ratios**-damping * rng.uniform(0.6, 1.5, count)
    gains = ratios ** (-fall / 6.02) * rng.uniform(0.25, 1.0, count)
    return [
        (float(low * ratio), float(time), float(gain))
        for ratio, time, gain in zip(ratios, lasting, gains, strict=True)
    ]


def blow(rng: np.random.Generator, n: int, contact: float, modes: Sequence[Mode]) -> Signal:
    """What modes ring after one contact of so many seconds; a longer contact is duller. Peak 1."""
    width = min(n, max(2, samples_of(contact)))
    push = np.zeros(n)
    push[:width] = np.hanning(width + 2)[1:-1] * (1 + 0.3 * white(rng, width))
    struck = ring(push, [(f, t, g * rng.uniform(0.7, 1.3)) for f, t, g in modes])
    # Air carries what moves quickly: below its lowest mode a body radiates little.
    struck = highpass(highpass(struck, 0.8 * modes[0][0]), 0.8 * modes[0][0])
    return struck / (float(np.abs(struck).max()) + 1e-9)


def dying_noise(rng: np.random.Generator, n: int, bands: Sequence[Mode]) -> Signal:
    """Noise in broad bands (frequency, seconds to fall 60 dB, gain), peak about the gains' sum."""
    noise = white(rng, n)
    total = np.zeros(n)
    for frequency, sixty, gain in bands:
        width = 0.9 * frequency
        level = gain * 0.4 * float(np.sqrt(SAMPLE_RATE / (np.pi * width)))
        total += formants(noise, [(min(frequency, 0.9 * HIGHEST), width, level)]) * decay(n, sixty)
    return total


def answered(rng: np.random.Generator, dry: Signal, sixty: float, wet: float, dull: float) -> Signal:
    """A sound with the answer of its place: a few early echoes and a tail, above `dull` Hz ever shorter."""
    tail = samples_of(min(1.6, sixty))
    place_answer = lowpass(white(rng, tail) * decay(tail, sixty), dull)
    place_answer += lowpass(white(rng, tail) * decay(tail, 0.35 * sixty), 4 * dull)
    place_answer /= float(np.sqrt(np.sum(place_answer**2))) + 1e-9
    early = 1 + (rng.random(int(rng.integers(1, 6))) ** 1.5 * 0.6 * tail).astype(np.int64)
    place_answer += impulses(tail, early, rng.uniform(-0.5, 0.5, len(early)))
    place_answer[: samples_of(rng.uniform(0.002, 0.02))] = 0
    size = next_fast_len(len(dry) + tail, real=True)
    spectrum = rfft(dry.astype(np.float32), size) * rfft(place_answer.astype(np.float32), size)
    return dry + wet * irfft(spectrum, size)[: len(dry)]


def bounces(rng: np.random.Generator, gap: float, restitution: float, most: int) -> Signal:
    """Onsets in seconds, the first at zero, with gaps that shrink by the restitution down to 12 ms."""
    gaps = gap * restitution ** np.arange(most) * rng.uniform(0.97, 1.03, most)
    return np.concatenate([[0.0], np.cumsum(gaps[gaps > 0.012])])


def one_of(rng: np.random.Generator, **weights: float) -> str:
    """One of the named kinds, by weight."""
    shares = np.array(list(weights.values()))
    return str(rng.choice(list(weights), p=shares / shares.sum()))
