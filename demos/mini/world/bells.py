"""Struck metal: bells of all sizes, telephone gongs and doorbell chimes, and their electronic kin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from demos.mini.world.dsp import (
    SAMPLE_RATE,
    Signal,
    beats,
    curve,
    highpass,
    lowpass,
    oscillator,
    place,
    samples_of,
    sloped,
    wander,
    white,
)
from demos.mini.world.ranges import Parameters
from demos.mini.world.tones import bumps, equalised, hall, held, partials

_CHURCH = (0.5, 1.0, 1.19, 1.5, 2.0, 2.51, 2.66, 3.01, 4.17, 5.43, 6.8)
_HAND = (1.0, 2.0, 2.4, 3.0, 4.2, 5.4, 6.7)
_CUP = (1.0, 2.3, 2.7, 4.1, 5.3, 6.9)
_TUBE = (0.63, 1.0, 1.44, 1.97, 2.57, 3.22, 3.95)
_PLATE = (1.0, 1.46, 1.9, 2.33, 2.9, 3.6, 4.4, 5.1)


def struck(
    rng: np.random.Generator,
    n: int,
    pitch: float,
    ratios: Sequence[float] | Signal,
    sixty: float,
    slope: float,
    split: float = 0.7,
) -> Signal:
    """One stroke on metal: doubled partials that beat with each other, and the knock of the clapper.

    The partials of the same generator state would be the same bell; a caller that strikes one bell several
    times passes ratios that it has bent once.
    """
    ratio = np.asarray(ratios)
    doubled = np.concatenate([ratio * pitch, ratio * pitch + rng.uniform(0.2, 1) * split * ratio**0.5])
    gains = rng.uniform(0.35, 1, len(ratio)) * ratio**-slope
    both = np.concatenate([gains, gains * rng.uniform(0.1, 0.9, len(ratio))])
    fall = sixty / ratio ** rng.uniform(0.5, 1.0) * rng.uniform(0.8, 1.25, len(ratio))
    sound = partials(n, doubled, np.concatenate([fall, fall]), both, rng)
    knock = min(n, samples_of(0.02))
    sound[:knock] += (
        highpass(white(rng, knock), 1500) * np.exp(np.arange(knock) / -60) * rng.uniform(0.05, 0.5)
    )
    return sound


def bent(rng: np.random.Generator, ratios: Sequence[float], most: float) -> Signal:
    """Partial ratios of one piece of metal, each off its ideal by up to a share `most`; the pitch stays."""
    moved = np.asarray(ratios) * rng.uniform(1 - most, 1 + most, len(ratios))
    return np.where(np.asarray(ratios) == 1.0, 1.0, moved)


def bell(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """Counted strokes of a church, hand, shop, bicycle, desk, ship's or cow bell, or of tubes."""
    large = p["pitch"] < 750
    kinds = ["church", "church", "church", "ship", "tube", "cow"] if large else [
        "hand", "hand", "bicycle", "desk", "shop", "small church"
    ]  # fmt: skip
    kind = kinds[int(rng.integers(len(kinds)))]
    table = {"ship": _HAND, "tube": _TUBE, "cow": _PLATE, "desk": _CUP, "bicycle": _CUP, "shop": _CUP}
    ratios = bent(rng, _HAND if kind == "hand" else table.get(kind, _CHURCH), 0.06 if kind == "cow" else 0.02)
    sixty = p["sixty"] * {"cow": 0.1, "bicycle": 0.3, "shop": 0.25, "desk": 0.5, "hand": 0.5}.get(kind, 1.0)
    # A peal swings through several bells of a scale; any other bell is one.
    many = kind in ("church", "small church", "tube") and rng.random() < 0.4
    heights = 2.0 ** (np.sort(rng.choice([0, 2, 4, 5, 7, 9, -3, -5], 3, replace=False)) / 12)
    parts: list[tuple[int, Signal]] = []
    for k, onset in enumerate(beats(rng, n, p["rate"], jitter=0.05)):
        pitch = p["pitch"] * (heights[k % 3] / heights[0] if many else 1.0)
        strength, slope = rng.uniform(0.6, 1), p["slope"] * rng.uniform(0.85, 1.15)
        dings = [0.0]
        if kind == "bicycle" or (kind == "shop" and rng.random() < 0.7):
            dings = list(np.cumsum(rng.uniform(0.03, 0.09, int(rng.integers(3, 8)))))
            dings = [ding - dings[0] for ding in dings]
        for ding in dings:
            at = onset + samples_of(ding) - 1
            if at < n:
                stroke = struck(rng, n - at, pitch, ratios, sixty, slope)
                parts.append((at, stroke * strength * rng.uniform(0.6, 1)))
    sound = place(n, parts)
    return (
        hall(rng, sound, rng.uniform(0.8, 3), rng.uniform(0.1, 0.7))
        if large and rng.random() < 0.6
        else sound
    )


def clapper(
    rng: np.random.Generator, n: int, pitch: float, interval: float, strokes: float, on: float, off: float
) -> Signal:
    """A clapper that swings between two gongs for `on` seconds, then rests for `off`, which may be 0."""
    strikes = np.arange(0, n, SAMPLE_RATE / strokes) + rng.uniform(0, 0.004 * SAMPLE_RATE)
    strikes += rng.normal(0, 0.0012 * SAMPLE_RATE, len(strikes))
    if off > 0:
        cycle, ringing = (on + off) * SAMPLE_RATE, on * SAMPLE_RATE
        phase = strikes % cycle
        if rng.random() < 0.3:  # British rings come in pairs
            strikes = strikes[(phase < 0.4 * ringing) | ((phase > 0.6 * ringing) & (phase < ringing))]
        else:
            strikes = strikes[phase < ringing]
    sixty, slope = rng.uniform(0.15, 1.2), rng.uniform(0.2, 1.2)
    sound = np.zeros(n)
    for which, size in enumerate((1.0, interval)):
        train = np.zeros(n)
        at = np.clip(strikes[which::2].astype(np.int64), 0, n - 1)
        train[at] = rng.uniform(0.6, 1, len(at))
        ratios = bent(rng, (1.0, 2.3, 2.74, 4.0, 5.2) if rng.random() < 0.5 else _CUP, 0.05)
        one = struck(rng, min(n, samples_of(sixty)), pitch * size, ratios, sixty, slope, split=3.0)
        sound += _convolved(train, one)
    mechanism = lowpass(white(rng, n), 2500) * (
        0.5 + 0.5 * np.sin(np.arange(n) * (2 * np.pi * strokes / SAMPLE_RATE))
    )
    return sound + mechanism * lowpass(np.abs(sound), 10) * rng.uniform(0, 0.5)


def _convolved(train: Signal, one: Signal) -> Signal:
    size = next_fast_len(len(train) + len(one), real=True)
    return irfft(rfft(train, size) * rfft(one, size), size)[: len(train)]


def electronic(rng: np.random.Generator, n: int, pitch: float, timbre: str) -> Signal:
    """A steady electronic tone: sine, square, pulse, saw or bell-like FM."""
    frequency = np.full(n, pitch)
    if timbre == "fm":
        ratio, depth = float(rng.choice([1.0, 2.0, 3.0, 3.5, 1.41])), rng.uniform(0.5, 3)
        time = np.arange(n) * (2 * np.pi * pitch / SAMPLE_RATE)
        fall = np.exp(np.arange(n) * (-rng.uniform(1, 6) / SAMPLE_RATE))
        return np.sin(time + depth * fall * np.sin(ratio * time))
    count = np.arange(1, 16)
    duty = 0.5 if timbre == "square" else rng.uniform(0.1, 0.5)
    spectra = {
        "sine": np.array([1.0, rng.uniform(0, 0.1), rng.uniform(0, 0.1)]),
        "saw": sloped(15, rng.uniform(5, 9)),
    }
    return oscillator(frequency, spectra.get(timbre, np.abs(np.sin(np.pi * count * duty)) / count))


TIMBRES = ("sine", "square", "pulse", "saw", "fm")


def telephone(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """A bell telephone, an electronic warble, a ringtone, a trill of beeps, or the tone in the receiver."""
    kind = rng.choice(
        np.array(["bell", "warble", "melody", "trill", "receiver"]), p=[0.42, 0.22, 0.2, 0.08, 0.08]
    )
    if kind == "bell":
        return clapper(rng, n, p["pitch"], p["interval"], p["strokes"], p["on"], p["off"])
    cycle, ringing = (p["on"] + p["off"]) * SAMPLE_RATE, p["on"] * SAMPLE_RATE
    phase = np.arange(n) % cycle
    gate = lowpass((phase < ringing).astype(np.float64), 60)
    timbre = str(rng.choice(TIMBRES[:4]))
    if kind == "receiver":
        low = rng.uniform(380, 460)
        pair = electronic(rng, n, low, "sine") + rng.uniform(0, 1) * electronic(rng, n, low * 1.09, "sine")
        return pair * gate
    if kind == "melody":
        return _ringtone(p, rng, n)
    time = np.arange(n) * (p["strokes"] * (0.5 if kind == "warble" else 0.4) / SAMPLE_RATE)
    if kind == "warble":
        # Two or three tones in quick turn.
        tones = np.array([1.0, p["interval"], p["interval"] ** rng.choice([0.5, 2.0])])
        frequency = p["pitch"] * 0.8 * tones[np.floor(time * 2).astype(np.int64) % int(rng.integers(2, 4))]
        spectrum = np.abs(np.sin(np.pi * np.arange(1, 12) * rng.uniform(0.2, 0.5))) / np.arange(1, 12)
        sound = oscillator(lowpass(frequency - frequency[0], 400) + frequency[0], spectrum)
    else:
        sound = electronic(rng, n, p["pitch"] * rng.uniform(0.8, 2), timbre)
        sound = sound * lowpass((time % 1 < rng.uniform(0.4, 0.7)).astype(np.float64), 150)
    return equalised(sound * gate, *bumps(rng, 8, 300, 7000, 9))


def _ringtone(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """A short tune that repeats, in one or two electronic voices, or marimba-like plucks."""
    scale = np.array([0, 2, 4, 7, 9, 12, 14, 16] if rng.random() < 0.5 else [0, 3, 5, 7, 10, 12, 15, 17])
    count, rate = int(rng.integers(3, 13)), rng.uniform(5, 11)
    tune, rhythm = rng.choice(scale, count), rng.choice([1.0, 1.0, 2.0, 1.5], count)
    timbre, second = str(rng.choice(TIMBRES)), rng.random() < 0.3
    plucked, base, fill = rng.random() < 0.5, p["pitch"] * rng.uniform(0.45, 0.9), rng.uniform(0.5, 1.0)
    pause = rng.choice([0.0, 0.0, p["off"]])
    parts: list[tuple[int, Signal]] = []
    tones: dict[tuple[float, float], Signal] = {}
    at, k = 0.0, 0
    while at * SAMPLE_RATE < n:
        height, beat = float(tune[k % count]), float(rhythm[k % count])
        if (height, beat) not in tones:
            length = samples_of(beat / rate * (1.5 if plucked else fill))
            tone = electronic(rng, length, base * 2 ** (height / 12), timbre)
            if second:
                tone = tone + 0.5 * electronic(rng, length, base * 2 ** ((height - 12) / 12), timbre)
            envelope = np.exp(np.arange(length) * (-rng.uniform(6, 14) / SAMPLE_RATE)) if plucked else 1.0
            tones[height, beat] = tone * held(length, 0.003, 0.01) * envelope
        parts.append((int(at * SAMPLE_RATE), tones[height, beat]))
        at, k = at + beat / rate, k + 1
        if k % count == 0:
            at += float(pause)
    return place(n, parts)


_CHIMES = (
    (0, -4), (0, -4), (0, -4), (0, -3), (0, -5), (4, 0), (7, 0), (0,), (0, -4, -7), (0, 4, 7),
    (4, 0, 2, -5), (0, 4, 2, -5), (7, 4, 0), (0, 4, 7, 12), (0, 2, 4, 0, -5, 2, 4, 0),
)  # fmt: skip


def doorbell(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """A ding-dong of struck bars, an electronic chime or tune, or a small bell with a clapper."""
    kind = rng.choice(np.array(["bars", "electronic", "ring"]), p=[0.58, 0.3, 0.12])
    if kind == "ring":
        interval, strokes = rng.uniform(1.0, 1.02), rng.uniform(14, 34)
        return clapper(
            rng, n, p["pitch"] * 2.2, interval, strokes, p["gap"] * 2, p["sixty"] * rng.choice([0, 0.4])
        )
    steps = _CHIMES[int(rng.integers(len(_CHIMES)))]
    gap = p["gap"] * (0.6 if len(steps) > 3 else 1.0)
    ratios = bent(rng, (1.0, 2.76, 5.4, 8.9) if rng.random() < 0.6 else (1.0, 2.0, 3.0, 4.1), 0.03)
    timbre, slope = str(rng.choice(["sine", "fm", "fm", "square"])), rng.uniform(0.8, 2.2)
    spectrum = sloped(6, rng.uniform(8, 16))
    pause = p["sixty"] * rng.uniform(0.5, 1.2) + 0.4
    parts: list[tuple[int, Signal]] = []
    at = 0.0
    while at * SAMPLE_RATE < n - 1600 or not parts:
        for k, step in enumerate(steps):
            onset = int(at * SAMPLE_RATE)
            if onset >= n:
                break
            pitch, rest = p["pitch"] * 2 ** (step / 12), n - onset
            if kind == "bars":
                tone = struck(rng, rest, pitch, ratios, p["sixty"], slope, split=0.4)
            else:
                pure = oscillator(np.full(rest, pitch), spectrum)
                tone = electronic(rng, rest, pitch, timbre) if timbre != "sine" else pure
                tone = tone * np.exp(np.arange(rest) * (-5 / p["sixty"] / SAMPLE_RATE))
                tone *= np.minimum(1, np.arange(rest) / 60)
            parts.append((onset, tone * rng.uniform(0.75, 1)))
            at += gap * (1 if k < len(steps) - 1 else 0)
        at += pause
        if rng.random() < 0.4:
            break
    sound = place(n, parts)
    if kind == "bars":  # the box that the bars hang in
        sound += lowpass(wander(rng, n, 400), 400) * curve([(0, 0.05), (0.1, 0), (1, 0)], n)
    return equalised(sound, *bumps(rng, 7, 200, 6000, 6))
