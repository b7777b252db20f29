"""Bowed and blown instruments: violin, flute, trumpet and organ."""

from __future__ import annotations

import numpy as np

from demos.mini.world.dsp import (
    HIGHEST,
    SAMPLE_RATE,
    Signal,
    formants,
    highpass,
    lowpass,
    oscillator,
    samples_of,
    shaped_noise,
    sloped,
    wander,
    white,
)
from demos.mini.world.music import Note, played, tune
from demos.mini.world.ranges import Parameters
from demos.mini.world.tones import blended, bumps, equalised, hall, held, hump, partials, vibrato


def violin(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """A bowed saw-tooth through a wooden body: solo or section, violin to cello, or plucked."""
    pizzicato, tremolo = rng.random() < 0.1, rng.random() < 0.08
    players = int(rng.integers(3, 6)) if rng.random() < 0.15 else 1
    rate, cents = rng.uniform(4.5, 7.2), p["vibrato"] * (0 if rng.random() < 0.15 else 1)
    slide, rise = rng.uniform(0, 0.35), rng.uniform(0.02, 0.18)
    rosin, tilt = rng.uniform(0.02, 0.25), rng.uniform(3.5, 9)
    previous = [0.0]

    def one(pitch: float, start: float, length: int) -> Signal:
        bend = vibrato(rng, length, rate * rng.uniform(0.95, 1.05), cents, rng.uniform(0, 0.35))
        glide = np.exp(np.arange(length) * (-1 / (rng.uniform(0.01, 0.035) * SAMPLE_RATE)))
        frequency = pitch * bend * 2.0 ** (start * glide / 12 + rng.uniform(-8, 8) / 1200)
        harmonics = sloped(60, tilt) * rng.uniform(0.7, 1, 60)
        dull = harmonics * sloped(60, 5)
        force = np.clip(0.7 + 0.3 * wander(rng, length, 4), 0, 1)
        tone = blended(frequency, dull, harmonics, force)
        # The string slips once a period, so the bow's noise comes in pulses of the pitch.
        hiss = highpass(lowpass(white(rng, length), 5000), 1200) * (0.4 + 0.6 * (tone > 0))
        return tone + rosin * hiss

    def sound(note: Note) -> Signal:
        pitch = float(np.clip(p["pitch"] * 2 ** (note.semitones / 12), 62, 2600))
        if pizzicato:
            length = max(1, min(n - note.onset, samples_of(0.9)))
            number = np.arange(1, int(min(HIGHEST / pitch, 20)) + 1)
            fall = rng.uniform(0.25, 0.7) / (1 + 0.5 * number)
            return partials(length, pitch * number, fall, number**-1.3, rng) * note.strength
        start = (previous[0] - note.semitones) * float(rng.random() < slide)
        previous[0] = note.semitones
        length = min(n - note.onset, note.length + samples_of(0.04))
        made = np.sum([one(pitch, float(np.clip(start, -5, 5)), length) for _ in range(players)], axis=0)
        swell = 1 + rng.uniform(-0.4, 0.4) * np.sin(np.pi * np.arange(length) / length)
        if tremolo:
            swell = swell * (
                0.6 + 0.4 * np.abs(np.sin(np.arange(length) * (np.pi * rate * 2.2 / SAMPLE_RATE)))
            )
        return made * swell * held(length, min(rise, 0.35 * length / SAMPLE_RATE), 0.05) * note.strength

    total = played(n, tune(rng, n, p["tempo"], chords=players == 1 and rng.random() < 0.25), sound)
    # Wooden bodies have many narrow resonances; the bridge lifts a broad hill, beyond which little is left.
    size = float(np.clip((p["pitch"] / 450) ** 0.5, 0.4, 1.1))
    frequencies, decibels = bumps(rng, 26, 180 * size, 6500, 7)
    bridge = rng.uniform(1800, 3200) * size**0.5
    decibels = decibels + rng.uniform(3, 9) * np.exp(-((np.log2(frequencies / bridge) / 0.6) ** 2))
    decibels -= np.maximum(np.log2(frequencies / (1.7 * bridge)), 0) * rng.uniform(8, 16)
    return equalised(total, frequencies, decibels)


def flute(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """An air jet on an edge: concert flute, recorder, whistle or pan pipes, with breath."""
    kind = rng.choice(np.array(["concert", "recorder", "whistle", "pan"]), p=[0.5, 0.2, 0.14, 0.16])
    breath = p["breath"] * {"pan": 2.0, "recorder": 0.6}.get(str(kind), 1.0)
    rate, depth = rng.uniform(4, 6.8), rng.uniform(0, 0.35) * (0.2 if kind in ("recorder", "pan") else 1)
    harmonics = np.array([1.0, 0.5, 0.28, 0.12, 0.06, 0.03, 0.015, 0.008]) ** rng.uniform(0.7, 1.4)
    harmonics *= 10 ** (rng.uniform(-6, 6, 8) / 20)
    if kind in ("recorder", "pan"):
        harmonics[1::2] *= rng.uniform(0.1, 0.5)
    rise, legato = rng.uniform(0.02, 0.12), rng.random() < 0.5
    grace = rng.uniform(0.1, 0.5) if kind == "whistle" else rng.uniform(0, 0.08)
    cents = rng.uniform(2, 25)

    def sound(note: Note) -> Signal:
        pitch = float(np.clip(p["pitch"] * 2 ** (note.semitones / 12), 180, 3600))
        length = min(n - note.onset, note.length + (samples_of(0.03) if legato else 0))
        seconds = length / SAMPLE_RATE
        bend = vibrato(rng, length, rate, cents * min(1.0, depth * 5), rng.uniform(0.1, 0.4))
        scoop = rng.uniform(-60, 15) * np.exp(np.arange(length) * (-1 / (0.025 * SAMPLE_RATE)))
        frequency = pitch * bend * 2.0 ** (scoop / 1200)
        if rng.random() < grace and seconds > 0.15:
            cut = samples_of(rng.uniform(0.03, 0.06))
            frequency[:cut] *= 2.0 ** (rng.choice([-2, 2, 3, 5]) / 12)
        swing = np.sin(np.arange(length) * (2 * np.pi * rate / SAMPLE_RATE) + rng.uniform(0, 6))
        loud = 1 + depth * swing * np.clip(np.arange(length) / (0.4 * SAMPLE_RATE), 0, 1)
        level = held(length, min(rise, 0.35 * seconds), 0.05) * loud
        level *= 1 + 0.1 * wander(rng, length, 8)
        tone = blended(frequency, harmonics * sloped(8, 6), harmonics, np.clip(level * note.strength, 0, 1))
        noise = white(rng, length)
        width = rng.uniform(60, 250)
        air = formants(noise, [(pitch, width, 8.0), (2 * pitch, 2 * width, 4.0), (3 * pitch, 3 * width, 2.0)])
        air = air + 0.35 * highpass(lowpass(noise, rng.uniform(2500, 6000)), 500)
        chiff = 1 + rng.uniform(0, 5) * np.exp(np.arange(length) * (-1 / (0.02 * SAMPLE_RATE)))
        return (tone * level + breath * air * chiff * held(length, 0.008, 0.04)) * note.strength

    total = played(n, tune(rng, n, p["tempo"]), sound)
    if rng.random() < 0.35:
        total = hall(rng, total, rng.uniform(0.6, 2.5), rng.uniform(0.1, 0.6))
    return equalised(total, *bumps(rng, 8, 250, 7000, 4))


def trumpet(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """Lips in a brass tube that brighten as they blow harder: open, muted, horn-like, solo or section."""
    kind = rng.choice(np.array(["open", "mute", "mellow"]), p=[0.62, 0.18, 0.2])
    centre = (
        p["formant"] * (0.45 if kind == "mellow" else 1.0) * float(np.clip(p["pitch"] / 350, 0.5, 1.2)) ** 0.5
    )
    fall, brass = rng.uniform(9, 18), rng.uniform(0.35, 1)
    rate, cents = rng.uniform(4.5, 6.5), rng.uniform(0, 35)
    tongue, players = rng.uniform(0.01, 0.06), int(rng.choice([1, 1, 1, 1, 2, 2]))
    scoop, rasp = rng.uniform(0, 120), rng.uniform(0, 0.12)

    def one(pitch: float, note: Note, length: int) -> Signal:
        bend = vibrato(rng, length, rate, cents, rng.uniform(0.2, 0.7))
        onset = np.exp(np.arange(length) * (-1 / (rng.uniform(0.01, 0.03) * SAMPLE_RATE)))
        frequency = pitch * bend * 2.0 ** ((rng.uniform(-8, 8) - rng.uniform(0, scoop) * onset) / 1200)
        blow = held(length, min(tongue, 0.3 * length / SAMPLE_RATE), 0.06)
        over = 1 + rng.uniform(0, 0.5) * np.exp(np.arange(length) * (-1 / (0.06 * SAMPLE_RATE)))
        over *= 1 + rng.uniform(-0.25, 0.3) * np.arange(length) / length + 0.05 * wander(rng, length, 8)
        bright = hump(30, pitch, centre, rng.uniform(1, 4), fall) * rng.uniform(0.75, 1, 30)
        dull = bright * sloped(30, 9)
        tone = blended(
            frequency, dull, bright, np.clip(blow * over * brass * (0.4 + 0.6 * note.strength), 0, 1)
        )
        noise = highpass(white(rng, length), 800) * (tone > tone.std())
        return (tone + rasp * noise * float(tone.std())) * blow * over

    def sound(note: Note) -> Signal:
        pitch = float(np.clip(p["pitch"] * 2 ** (note.semitones / 12), 80, 1400))
        length = min(n - note.onset, note.length)
        return np.sum([one(pitch, note, length) for _ in range(players)], axis=0) * note.strength

    total = played(n, tune(rng, n, p["tempo"], chords=rng.random() < 0.12), sound)
    frequencies, decibels = bumps(rng, 9, 200, 7000, 4)
    if kind == "mute":  # a cup or a tube in the bell takes the bottom away and leaves a nasal peak
        decibels = decibels - np.maximum(np.log2(900 / frequencies), 0) * rng.uniform(4, 10)
        decibels += rng.uniform(6, 15) * np.exp(
            -((np.log2(frequencies / rng.uniform(1300, 2600)) / 0.35) ** 2)
        )
    total = equalised(total, frequencies, decibels)
    return hall(rng, total, rng.uniform(0.6, 2.2), rng.uniform(0.1, 0.5)) if rng.random() < 0.35 else total


_STOPS = (0.5, 1, 1.5, 2, 3, 4, 5, 6, 8)
"""Ranks of pipes or drawbars, as multiples of the key's pitch."""


def organ(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """Held keys that each sound several ranks: church pipes, tone wheels, or free reeds with bellows."""
    kind = rng.choice(np.array(["pipes", "wheels", "reeds"]), p=[0.55, 0.25, 0.2])
    harmonics = np.zeros(40)
    for stop in _STOPS:
        drawn = rng.random() < (0.9 if stop in (1, 2) else 0.45)
        level = float(drawn) * 10 ** (rng.uniform(-14, 0) / 20) * (1 if stop <= 2 else p["bright"])
        pipe = rng.uniform(8, 22) if kind == "pipes" else 40.0
        number = int(stop * 2)
        for k in range(1, 40 // number + 1):
            harmonics[number * k - 1] += level * k ** (-pipe / 6.02)
    if kind == "reeds":
        harmonics = np.zeros(40)
        harmonics[1::2] = sloped(20, rng.uniform(4, 9)) * rng.uniform(0.4, 1, 20)
    harmonics[1] += 0.3
    beat, chiff = rng.uniform(0.3, 9 if kind == "reeds" else 3), rng.uniform(0, 0.25)
    rise, click = rng.uniform(0.01, 0.09) if kind != "wheels" else 0.004, rng.uniform(0, 0.6)

    def sound(note: Note) -> Signal:
        pitch = float(np.clip(p["pitch"] * 2 ** (note.semitones / 12), 45, 2400))
        length = min(n - note.onset, note.length + samples_of(0.03))
        steady = np.full(length, 0.5 * pitch * 2 ** (rng.uniform(-3, 3) / 1200))
        tone = oscillator(steady, harmonics, rng.random())
        tone = tone + rng.uniform(0.3, 1) * oscillator(steady * 2 ** (beat / 1200), harmonics, rng.random())
        start = min(length, samples_of(0.04))
        burst = highpass(white(rng, start), min(2 * pitch, 4000)) * np.exp(np.arange(start) / (-0.2 * start))
        level = held(length, min(rise, 0.3 * length / SAMPLE_RATE), 0.05)
        tone *= level
        tone[:start] += burst * (click if kind == "wheels" else 4 * chiff)
        return tone

    slow = p["tempo"] * (0.6 if kind == "pipes" else 1.0)
    total = played(n, tune(rng, n, slow, chords=True), sound)
    if kind == "wheels":  # a horn that turns in the cabinet
        turning = rng.choice([0.8, 6.5]) * rng.uniform(0.85, 1.15)
        total = total * (
            1 + rng.uniform(0.05, 0.4) * np.sin(np.arange(n) * (2 * np.pi * turning / SAMPLE_RATE))
        )
        total = np.tanh(total * rng.uniform(0.1, 0.6))
    elif kind == "reeds":
        total = total * (1 + 0.25 * wander(rng, n, 1.5))
    if kind == "pipes":
        total = total + shaped_noise(rng, n, [0, 200, 2000, 8000], [-6, 0, -14, -30]) * 0.01
        total = hall(rng, total, rng.uniform(1.2, 5), rng.uniform(0.3, 1.6))
    return equalised(total, *bumps(rng, 8, 60, 7000, 5))
