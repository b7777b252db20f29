"""How vehicles on the road sound: horns, engines, tyres and brakes."""

from __future__ import annotations

import numpy as np

from demos.mini.world.dsp import (
    SAMPLE_RATE,
    Signal,
    beats,
    curve,
    fade,
    formants,
    highpass,
    lowpass,
    oscillator,
    place,
    ring,
    samples_of,
    wander,
    white,
)
from demos.mini.world.machines import (
    bursts,
    chance,
    combustion,
    harmonics,
    modes,
    nearing,
    passing,
    reflected,
    rough_noise,
    scattered,
    throttle,
    unit,
)
from demos.mini.world.ranges import Parameters

__all__ = ["brakes", "car", "engine", "horn"]


def horn(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """One tone, a pair about a third apart, or the chord of a truck's air horns."""
    chord = [1.0]
    if chance(rng, 0.75):
        chord.append(p["interval"])
    if len(chord) > 1 and chance(rng, 0.5 if p["pitch"] < 300 else 0.1):
        chord.append(p["interval"] * scattered(rng, 1.24, 0.1))
    chord = [ratio * scattered(rng, 1.0, 0.01) for ratio in chord]
    voices = [harmonics(rng, p["pitch"] * ratio, 48, p["slope"], 6.0) for ratio in chord]
    levels = [1.0, *rng.uniform(0.5, 1.2, len(chord) - 1)]
    # Membranes favour a band between one and four kilohertz, whatever their pitch.
    throat, bandwidth = scattered(rng, 2100, 0.7), rng.uniform(500, 2000)
    bright = rng.uniform(0.3, 2.0)
    bend, build, fall = rng.uniform(-0.03, 0.01), rng.uniform(0.008, 0.06), rng.uniform(0.015, 0.12)
    drive = rng.uniform(0.0, 0.05) if chance(rng, 0.3) else 0.0
    breath = rng.uniform(0.01, 0.12)
    parts = []
    for onset in beats(rng, n, p["rate"], jitter=0.06):
        length = min(n - onset, samples_of(p["fill"] / p["rate"] * rng.uniform(0.55, 1.0)))
        settle = min(0.9, 0.06 * SAMPLE_RATE / length)
        bent = curve([(0, 1 + bend), (settle, 1.0), (1, 1 - drive)], length)
        steady = bent * (p["pitch"] * scattered(rng, 1.0, 0.006)) * (1 + 0.003 * wander(rng, length, 20))
        tone = np.zeros(length)
        for ratio, voice, level in zip(chord, voices, levels, strict=True):
            tone += level * oscillator(steady * ratio, voice, rng.random())
        tone = tone + bright * formants(tone, [(throat, bandwidth, 1.0)]) + breath * white(rng, length)
        parts.append((onset, rng.uniform(0.75, 1.0) * fade(tone, build, fall)))
    return place(n, parts)


def engine(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """A car, a diesel, a motorbike or a single piston, idling or with a foot on the throttle."""
    kind = ("car", "diesel", "twin", "single")[int(rng.choice(4, p=(0.35, 0.3, 0.2, 0.15)))]
    unsteady = p["unsteady"] * wander(rng, n, rng.uniform(1.5, 9))
    speed = p["pitch"] * (1 + unsteady)
    if chance(rng, 0.35):
        speed = speed * throttle(rng, n, rng.uniform(1.4, 3.6), int(rng.integers(1, 4)))
    cylinders = {"car": 4, "diesel": int(rng.choice((4, 6))), "twin": 2, "single": 1}[kind]
    uneven = {"car": 0.05, "diesel": 0.08, "twin": 0.5, "single": 0.0}[kind] * rng.uniform(0.3, 1.5)
    strokes = combustion(
        rng, n, speed, rng.uniform(1 - p["limp"], 1.0, cylinders), uneven, rng.uniform(0.03, 0.25)
    )
    pipe = modes(rng, p["muffler"], p["muffler"] * rng.uniform(6, 14), 5, rng.uniform(0.03, 0.12), 3.0)
    pushed = lowpass(strokes, scattered(rng, 1200, 1.2))
    exhaust = unit(ring(pushed, pipe)) + rng.uniform(0.0, 0.8) * unit(lowpass(strokes, 250))
    knock = {"car": 0.5, "diesel": 1.6, "twin": 0.6, "single": 0.8}[kind] * p["clatter"]
    middle = scattered(rng, 1700, 0.7)
    clatter = bursts(
        rng,
        strokes,
        [(200, -22), (middle / 2, -5), (middle, 0), (middle * 2, -8), (7000, -22)],
        rng.uniform(0.012, 0.06),
    )
    air = rough_noise(rng, n, [(40, 0), (150, -3), (600, -9), (2000, -16), (7000, -29)], 5.0)
    total = unit(exhaust) + knock * unit(clatter) + p["air"] * air
    if chance(rng, 0.35):
        # A belt, a fan or the alternator sings along with the shaft.
        whine = speed * scattered(rng, 18, 1.0)
        total = total + rng.uniform(0.03, 0.25) * oscillator(np.minimum(whine, 5000), (1.0, 0.4, 0.2))
    if chance(rng, 0.25):
        total = lowpass(total, scattered(rng, 900, 1.2))
    loud = speed / p["pitch"]
    return total * loud ** rng.uniform(0.3, 1.0)


def car(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """Tyres on a road and an engine behind them: one car, or a few one after another."""
    seconds = n / SAMPLE_RATE
    count = 1 if chance(rng, 0.65) else int(rng.integers(2, 4))
    total = rng.uniform(0.005, 0.06) * rough_noise(rng, n, [(50, 0), (200, -6), (1000, -16), (6000, -36)])
    for number in range(count):
        moment = rng.uniform(0.3, 0.7) if count == 1 else (number + rng.uniform(0.2, 0.8)) / count
        width = max(0.15, p["near"] * scattered(rng, 1.0, 0.4) * min(1.0, seconds / 3))
        level = passing(n, moment, width, rng.uniform(1.6, 3.2))
        course = nearing(n, moment, width)
        ground = scattered(rng, p["road"], 0.2)
        wet = p["wet"]
        tyres = rough_noise(
            rng,
            n,
            [
                (60, -6),
                (250, -7),
                (ground, 0),
                (ground * 2, -7 + 5 * wet),
                (min(4500.0, ground * 4.5), -20 + 14 * wet),
                (7400, -36 + 22 * wet),
            ],
            3.0,
        )
        # What comes is brighter than what goes: tyres throw their noise forward.
        dull = lowpass(tyres, rng.uniform(300, 900))
        bright = np.clip(0.55 + rng.uniform(0.1, 0.45) * course, 0, 1)
        tyres = tyres * bright + dull * (1 - bright)
        if chance(rng, 0.6):
            tyres = reflected(rng, tyres, rng.uniform(0.0004, 0.002) * (0.2 + level), rng.uniform(0.2, 0.7))
        speed = scattered(rng, p["motor"], 0.3) * (1 + rng.uniform(0.03, 0.11) * course)
        speed = speed * (1 + 0.01 * wander(rng, n, 5))
        motor = oscillator(speed, harmonics(rng, p["motor"], 30, rng.uniform(3, 9), 6.0), rng.random())
        motor = motor * (1 + 0.3 * wander(rng, n, 15))
        share = p["engine"] * (2.0 if chance(rng, 0.25) else 1.0)
        total = total + (tyres + share * motor) * level * scattered(rng, 1.0, 0.5)
    return total


def brakes(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """A squeal of discs, tyres that skid, a bus that stops and lets air out, or wheels on a rail."""
    kind = ("discs", "skid", "bus", "rail")[int(rng.choice(4, p=(0.35, 0.3, 0.2, 0.15)))]
    slide = rng.uniform(-0.25, 0.1)
    path = curve([(0, rng.uniform(0.94, 1.06)), (rng.uniform(0.3, 0.8), 1.0), (1, 1 + slide)], n)
    shiver = rng.uniform(0.002, 0.03)
    path = path * (1 + shiver * wander(rng, n, rng.uniform(60, 200)) + 0.02 * wander(rng, n, 8))
    tones = {"discs": 1, "skid": 3, "bus": 2, "rail": 3}[kind]
    pitch = p["pitch"] * (0.55 if kind == "skid" else 1.0)
    screech = np.zeros(n)
    for number in range(tones):
        ratio = 1.0 if number == 0 else rng.uniform(1.05, 2.4)
        voice = harmonics(rng, pitch * ratio, 8, rng.uniform(3, 12), 6.0)
        voice[min(1, len(voice) - 1)] += p["second"] * voice[0]
        tone = oscillator(np.minimum(pitch * ratio * path, 7000.0), voice, rng.random())
        screech += tone * (1 + rng.uniform(0.2, 0.9) * wander(rng, n, rng.uniform(5, 60)))
    if kind == "skid":
        # Rubber sticks and slips: many narrow bands of noise about the tone.
        bands = [(pitch * k * scattered(rng, 1, 0.1), rng.uniform(40, 160), 1 / k) for k in (1, 2, 3, 4)]
        rubber = unit(formants(white(rng, n), bands))
        screech = rng.uniform(0.2, 1.0) * unit(screech) + rng.uniform(0.5, 1.5) * rubber
    hiss = unit(formants(white(rng, n), [(pitch * 1.5, 1500, 1.0), (scattered(rng, 900, 0.8), 700, 0.6)]))
    begin, end = rng.uniform(0.02, 0.3), rng.uniform(0.7, 0.97)
    level = curve([(0, rng.uniform(0, 0.6)), (begin, 1), (end, rng.uniform(0.5, 1.0)), (1, 0)], n)
    total = unit(screech) * level + p["hiss"] * hiss * np.sqrt(level)
    rolling = rough_noise(rng, n, [(50, 0), (200, -4), (900, -14), (5000, -34)])
    total = total + rng.uniform(0.0, 0.3) * rolling * curve([(0, 1), (end, 0.5), (1, 0)], n)
    if kind == "bus" and n > SAMPLE_RATE:
        valve = int(n * rng.uniform(0.6, 0.85))
        length = min(n - valve, samples_of(rng.uniform(0.2, 0.7)))
        psst = fade(highpass(white(rng, length), scattered(rng, 1800, 0.6)), 0.01, 0.2)
        total = total * curve([(0, 1), (valve / n, 0.9), (min(0.99, valve / n + 0.05), 0.2), (1, 0)], n)
        total = total + place(n, [(valve, rng.uniform(0.4, 1.0) * psst)])
    return total
