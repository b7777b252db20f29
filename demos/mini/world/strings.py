"""Struck and plucked instruments: piano, guitar and xylophone, as sums of damped partials."""

from __future__ import annotations

import numpy as np

from demos.mini.world.dsp import HIGHEST, SAMPLE_RATE, Signal, lowpass, samples_of, white
from demos.mini.world.music import Note, played, tune
from demos.mini.world.ranges import Parameters
from demos.mini.world.tones import bumps, equalised, hall, partials


def _damped(sound: Signal, length: int, sixty: float) -> Signal:
    """The sound with a damper that falls on it after `length` samples."""
    if length < len(sound):
        rest = np.arange(len(sound) - length)
        sound[length:] *= np.exp(rest * (-6.908 / (sixty * SAMPLE_RATE)))
    return sound


def _thump(rng: np.random.Generator, n: int, cut: float, seconds: float) -> Signal:
    """The dull noise of a hammer or a finger on wood."""
    length = min(n, samples_of(seconds))
    noise = lowpass(lowpass(white(rng, length), cut), cut)
    return noise * np.exp(np.arange(length) * (-5.0 / length)) / (noise.std() + 1e-9)


def piano(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """Stiff strings in twos under felt hammers: grand, upright, honky-tonk, or an electric piano."""
    electric = rng.random() < 0.1
    detuned = rng.uniform(2, 9) if rng.random() < 0.15 else rng.uniform(0.2, 1.5)
    stiff, place_struck = rng.uniform(0.5, 2) * 2.5e-4, 1 / rng.uniform(7, 10)
    pedal = rng.random() < 0.4
    release, wooden = rng.uniform(0.08, 0.3), rng.uniform(0.02, 0.2)
    response = bumps(rng, 10, 60, 7000, 4)
    notes = tune(rng, n, p["tempo"], chords=True, spread=0.03)
    # At most about eight notes sound at once, as hands and pedals have it.
    longest = 8 * n // len(notes)

    def sound(note: Note) -> Signal:
        pitch = float(np.clip(p["pitch"] * 2 ** (note.semitones / 12), 28, 4200))
        room = n - note.onset
        # Strings of the top octaves die within a second, the lowest sing for many.
        sixty = p["sixty"] * (262 / pitch) ** 0.55
        length = min(
            room, min(samples_of(sixty), longest) if pedal else note.length + samples_of(2 * release)
        )
        ending = max(length - samples_of(release), 1) if pedal else note.length
        number = np.arange(1, int(np.clip(HIGHEST / pitch, 1, 34)) + 1)
        if electric:
            tine = np.array([1.0, 2.0, 3.0, 7.0 * rng.uniform(0.97, 1.03)])
            gains = np.array([1.0, 0.35 * note.strength, 0.1, 0.25 * note.strength**2])
            made = partials(length, tine * pitch, sixty * np.array([0.8, 0.5, 0.3, 0.06]), gains, rng)
            return _damped(made, ending, release) * note.strength
        frequency = pitch * number * np.sqrt(1 + stiff * (pitch / 262) ** 0.8 * number**2)
        # A harder stroke flattens less of the felt: its spectrum reaches higher.
        soft = 10 ** (-(number * pitch) / (p["bright"] * (0.4 + note.strength)) * 0.6)
        struck = 0.15 + np.abs(np.sin(np.pi * number * place_struck))
        gains = soft * struck * number**-0.5 * rng.uniform(0.4, 1, len(number))
        fall = sixty / (1 + 0.12 * number ** rng.uniform(0.8, 1.1))
        beating = frequency * 2 ** (detuned * rng.uniform(0.5, 1) / 1200)
        made = partials(
            length,
            np.concatenate([frequency, beating]),
            np.concatenate([fall * 0.4, fall]),
            np.concatenate([gains, gains * rng.uniform(0.1, 0.7)]),
            rng,
        )
        knock = _thump(rng, length, rng.uniform(250, 1200), 0.06)
        made[: len(knock)] += knock * wooden * float(made[:2000].std()) * 2
        ramp = min(length, samples_of(0.0015))
        made[:ramp] *= np.linspace(0, 1, ramp)
        return _damped(made, ending, release) * note.strength**1.3

    return equalised(played(n, notes, sound), *response)


def guitar(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """Plucked strings over a wooden body: nylon, steel, muted, or electric, clean and distorted."""
    kind = rng.choice(
        np.array(["nylon", "steel", "muted", "electric", "distorted"]), p=[0.3, 0.36, 0.08, 0.13, 0.13]
    )
    wired = kind in ("electric", "distorted")
    long = p["sixty"] * {"nylon": 0.8, "muted": 0.12, "electric": 1.3, "distorted": 1.3}.get(str(kind), 1.0)
    bright = p["bright"] * {"nylon": 0.55, "muted": 0.6}.get(str(kind), 1.0)
    pluck, letting_ring = rng.uniform(0.06, 0.4), rng.random() < 0.6
    scrape, stiff = rng.uniform(0.02, 0.35), rng.uniform(1e-5, 1.2e-4)
    pickup = rng.uniform(0.05, 0.25)
    notes = tune(rng, n, p["tempo"], chords=True, spread=0.09)
    # Six strings: a new note ends an old one.
    longest = 6 * n // len(notes)

    def sound(note: Note) -> Signal:
        pitch = float(np.clip(p["pitch"] * 2 ** (note.semitones / 12), 70, 1200))
        sixty = long * (200 / pitch) ** 0.4
        held_for = min(samples_of(sixty), longest) if letting_ring else note.length + 1600
        length = max(min(n - note.onset, held_for), 1)
        number = np.arange(1, int(min(HIGHEST / pitch, 36)) + 1)
        frequency = pitch * number * np.sqrt(1 + stiff * number**2) * 2 ** (rng.uniform(-6, 6) / 1200)
        where = pluck * rng.uniform(0.9, 1.1)
        gains = np.abs(np.sin(np.pi * number * where)) / number ** (0.6 if kind == "steel" else 0.9)
        gains *= 10 ** (-number * pitch / bright * 0.5 / (0.5 + note.strength)) * rng.uniform(
            0.6, 1, len(number)
        )
        if wired:
            gains = gains * (0.15 + np.abs(np.sin(np.pi * number * pickup)))
        fall = sixty / (1 + (number * pitch / bright) ** 1.2 * 3)
        # A string swings across and along the body, with two slightly different pitches and decays.
        made = partials(
            length,
            np.concatenate([frequency, frequency * (1 + rng.uniform(1e-4, 9e-4))]),
            np.concatenate([fall, fall * rng.uniform(0.25, 0.6)]),
            np.concatenate([gains, gains * rng.uniform(0.2, 0.8)]),
            rng,
        )
        made /= float(np.abs(gains).sum()) + 1e-9
        finger = _thump(rng, length, rng.uniform(1500, 5000), rng.uniform(0.006, 0.03))
        made[: len(finger)] += finger * scrape * (0.06 if wired else 0.15)
        return _damped(made, max(length - 1600, 1) if letting_ring else note.length, 0.12) * note.strength

    total = played(n, notes, sound)
    if kind == "distorted":
        peak = float(np.abs(total).max()) + 1e-9
        total = np.tanh(total / peak * 10 ** rng.uniform(0.6, 1.7) + rng.uniform(0, 0.2))
        total = lowpass(lowpass(total - total.mean(), 3500), 5500)
    frequencies, decibels = bumps(rng, 11, 85, 6500, 4 if wired else 6)
    if not wired:  # the air in the box, and its lowest plate
        box = rng.uniform(85, 125)
        for peak_at, lift in ((box, 7), (box * rng.uniform(1.8, 2.3), 6), (box * rng.uniform(3.6, 4.6), 4)):
            decibels = decibels + lift * np.exp(-((np.log2(frequencies / peak_at) / 0.3) ** 2))
    return equalised(total, frequencies, decibels)


_BARS = {
    "xylophone": ((1.0, 3.0, 6.1, 9.9), (0.18, 0.75)),
    "marimba": ((1.0, 3.95, 9.3, 16.0), (0.3, 1.6)),
    "glockenspiel": ((1.0, 2.71, 5.15, 8.43), (1.0, 4.0)),
    "vibraphone": ((1.0, 4.0, 9.7, 14.0), (2.0, 7.0)),
    "toy": ((1.0, 2.73, 5.3, 8.5, 2.1), (0.15, 1.0)),
}


def xylophone(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """Struck bars of wood or metal: xylophone, marimba, glockenspiel, vibraphone or a toy."""
    kind = str(rng.choice(list(_BARS), p=[0.42, 0.2, 0.15, 0.1, 0.13]))
    ratios, (least, most) = _BARS[kind]
    ring = least * (most / least) ** p["ring"]
    tuning, hard = rng.uniform(0, 25 if kind == "toy" else 5), p["hard"]
    tremolo, rate = (rng.uniform(0.2, 0.7), rng.uniform(2, 7)) if kind == "vibraphone" else (0.0, 1.0)
    wooden = rng.uniform(0.1, 0.7)
    base = np.asarray(ratios) * rng.uniform(0.985, 1.015, len(ratios))
    base[0] = 1.0

    def sound(note: Note) -> Signal:
        pitch = float(np.clip(p["pitch"] * 2 ** (note.semitones / 12), 130, 4200))
        sixty = ring * (700 / pitch) ** 0.5
        length = max(1, min(n - note.onset, samples_of(sixty * 1.1)))
        bars = pitch * base * 2 ** (rng.uniform(-tuning, tuning) / 1200)
        gains = rng.uniform(0.5, 1, len(bars)) * (hard * (0.5 + 0.5 * note.strength)) ** np.arange(len(bars))
        gains[0] = 1.0
        made = partials(length, bars, sixty / base ** rng.uniform(0.8, 1.2), gains, rng)
        mallet = _thump(rng, length, 500 + 4500 * hard, rng.uniform(0.005, 0.025))
        made[: len(mallet)] += mallet * wooden * hard * 0.5
        ramp = min(length, 12)
        made[:ramp] *= np.linspace(0, 1, ramp)
        return made * note.strength

    total = played(n, tune(rng, n, p["tempo"], chords=rng.random() < 0.3), sound)
    if tremolo:
        total = total * (1 + tremolo * np.sin(np.arange(n) * (2 * np.pi * rate / SAMPLE_RATE)))
    if rng.random() < 0.2:
        total = hall(rng, total, rng.uniform(0.5, 2), rng.uniform(0.1, 0.5))
    return equalised(total, *bumps(rng, 8, 200, 7000, 4))
