"""How what flies and what runs on rails sounds: rotors, jets, propellers and trains."""

from __future__ import annotations

import numpy as np

from demos.mini.world.dsp import (
    SAMPLE_RATE,
    Signal,
    curve,
    fade,
    formants,
    impulses,
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
    unit,
)
from demos.mini.world.ranges import Parameters

__all__ = ["airplane", "helicopter", "train"]


def helicopter(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """Blades that chop the air, their slap, the tail rotor and a turbine, hovering or flying over."""
    moment, width = rng.uniform(-0.2, 1.2), rng.uniform(1.0, 6.0)
    course = nearing(n, moment, width)
    shift = 1 + rng.uniform(0, 0.08) * course
    turns = p["blades"] * shift * (1 + rng.uniform(0.002, 0.03) * wander(rng, n, 1.5))
    blades = rng.uniform(0.7, 1.0, int(rng.integers(2, 6)))
    strokes = combustion(rng, n, turns, blades, 0.03, 0.08)
    phase = np.cumsum(turns) / SAMPLE_RATE
    chop = (0.5 + 0.5 * np.cos(2 * np.pi * phase)) ** p["sharp"]
    if chance(rng, 0.5):
        # Each blade bites a little differently.
        chop = chop * blades[np.floor(phase).astype(np.int64) % len(blades)]
    top = p["pitch"]
    wash = rough_noise(rng, n, [(40, -4), (120, 0), (top, -3), (top * 3, -14), (6500, -34)], 4.0)
    total: Signal = wash * (p["between"] + chop)
    thump = ring(lowpass(strokes, 200), modes(rng, 35, 220, 4, rng.uniform(0.03, 0.12), 2.0))
    total = unit(total) + p["thump"] * unit(thump)
    if chance(rng, 0.6):
        slap = bursts(rng, strokes, [(80, -8), (300, 0), (1200, -6), (5000, -24)], rng.uniform(0.02, 0.06))
        total = total + rng.uniform(0.2, 1.4) * unit(slap)
    if chance(rng, 0.6):
        tail = turns * rng.uniform(4.2, 6.8)
        total = total + rng.uniform(0.05, 0.5) * oscillator(
            tail, harmonics(rng, float(tail[0]), 16, rng.uniform(3, 9), 5.0)
        )
    if chance(rng, 0.4):
        whine = p["turbine"] * shift * (1 + 0.003 * wander(rng, n, 3))
        total = total + rng.uniform(0.02, 0.15) * oscillator(whine, (1.0, 0.4))
    if chance(rng, 0.4):
        total = lowpass(total, scattered(rng, 600, 1.2))
    return total * passing(n, moment, width, rng.uniform(0.0, 2.0)) * (1 + 0.15 * wander(rng, n, 2))


def airplane(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """A jet overhead, a jet far up, one that takes off, or a propeller plane."""
    kind = ("jet", "far", "departing", "propeller")[int(rng.choice(4, p=(0.35, 0.2, 0.15, 0.3)))]
    moment = rng.uniform(-0.1, 1.1)
    width = p["height"] * n / SAMPLE_RATE
    course = nearing(n, moment, width)
    level = passing(n, moment, width, rng.uniform(0.6, 2.4))
    gusts = 1 + rng.uniform(0.05, 0.35) * wander(rng, n, rng.uniform(0.8, 6))
    edge = p["roar"] * (0.6 if kind == "far" else 1.0)
    roar = rough_noise(
        rng, n, [(40, -3), (100, 0), (edge, -2), (edge * 3, -11), (edge * 9, -27), (7500, -45)], 3.0
    )
    # Air takes the highs away with distance; a jet that has passed roars lower than one that comes.
    dull = lowpass(lowpass(roar, edge * 0.5), edge * 0.5)
    bright = np.clip(0.5 + 0.4 * level + rng.uniform(-0.1, 0.3) * course, 0, 1)
    roar = roar * bright + 1.5 * dull * (1 - bright)
    if chance(rng, 0.6):
        delays = rng.uniform(0.0005, 0.006) * (0.3 + level)
        roar = reflected(rng, roar, delays, rng.uniform(0.2, 0.8))
    roar = unit(roar) * gusts
    shift = 1 + rng.uniform(0.02, 0.22) * course
    if kind == "propeller":
        speed = p["propeller"] * shift * (1 + 0.006 * wander(rng, n, 3))
        buzz: Signal = np.zeros(n)
        for _ in range(1 if chance(rng, 0.6) else 2):
            tuned = speed * scattered(rng, 1.0, 0.02)
            voice = harmonics(rng, p["propeller"], 40, rng.uniform(2, 8), 6.0)
            buzz += oscillator(tuned, voice, rng.random()) * (1 + 0.25 * wander(rng, n, 7))
        # The exhaust fires at a half or a third of the blades' rate, which gives the drone its growl.
        under = oscillator(speed / int(rng.integers(2, 4)), harmonics(rng, p["propeller"] / 2, 40, 5.0, 6.0))
        total = unit(buzz) + rng.uniform(0.0, 0.7) * under + rng.uniform(0.1, 0.8) * roar
    else:
        total = roar
        if kind != "far" and chance(rng, 0.6):
            fan = np.minimum(p["fan"] * shift * (1 + 0.004 * wander(rng, n, 6)), 7000)
            whine = oscillator(fan, (1.0, 0.3, 0.2)) * (1 + 0.6 * wander(rng, n, 12))
            whine = whine + unit(formants(white(rng, n), [(p["fan"], 250, 1.0)]))
            total = total + rng.uniform(0.03, 0.35) * whine * (0.3 + np.clip(course, 0, 1))
        if kind == "departing":
            level = curve([(0, rng.uniform(0.15, 0.5)), (rng.uniform(0.3, 0.7), 1), (1, 0.6)], n)
            crackle = np.square(lowpass(white(rng, n), 400))
            total = total * (1 + rng.uniform(0, 0.6) * unit(crackle))
    return total * level


def train(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """Coaches over rail joints, an express that rushes by, or an engine under steam; some blow a horn."""
    kind = ("joints", "express", "steam")[int(rng.choice(3, p=(0.5, 0.33, 0.17)))]
    rumble = rough_noise(
        rng, n, [(40, 0), (120, -1), (p["wheels"], -5), (p["wheels"] * 3, -16), (6000, -38)], 4.0
    )
    rumble = rumble * (1 + rng.uniform(0.1, 0.35) * wander(rng, n, rng.uniform(3, 14)))
    total = rng.uniform(0.5, 1.0) * rumble
    if kind != "steam" or chance(rng, 0.5):
        total = total + p["clack"] * (0.4 if kind == "express" else 1.0) * _joints(p, rng, n)
    if kind == "express":
        rush = rough_noise(rng, n, [(100, -10), (500, -3), (1500, 0), (4000, -8), (7500, -20)])
        total = total + rng.uniform(0.2, 0.8) * rush * (1 + 0.3 * wander(rng, n, 20))
    if kind == "steam":
        total = 0.6 * total + rng.uniform(0.7, 1.6) * _steam(rng, n)
    elif chance(rng, 0.3):
        throb = combustion(rng, n, np.full(n, rng.uniform(18, 70)), rng.uniform(0.6, 1, 6), 0.1, 0.15)
        total = total + rng.uniform(0.2, 0.7) * unit(
            ring(lowpass(throb, 500), modes(rng, 60, 500, 4, 0.08, 2))
        )
    if chance(rng, 0.4):
        pitch = p["squeal"] * (1 + 0.03 * wander(rng, n, 3))
        squeal = oscillator(pitch, harmonics(rng, p["squeal"], 4, 8.0, 6.0))
        squeal = squeal + unit(formants(white(rng, n), [(p["squeal"] * rng.uniform(1.2, 2.2), 80, 1.0)]))
        total = total + rng.uniform(0.1, 0.6) * squeal * np.clip(wander(rng, n, 1.5), 0, 1)
    moment = rng.uniform(0.0, 1.0)
    total = total * passing(n, moment, rng.uniform(0.8, 8.0), rng.uniform(0.5, 2.0))
    if chance(rng, 0.3):
        total = total + rng.uniform(0.3, 1.4) * _whistle(rng, n, kind == "steam")
    return total


def _joints(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """Two axles of a bogie over each joint, and often two more of the next: da-dum, da-dum."""
    interval = SAMPLE_RATE / p["joints"]
    first = np.arange(-interval * rng.random(), n, interval)
    first = first + rng.normal(0, 0.015, len(first)) * interval
    gap = p["axles"] * interval
    hits = [first, first + gap]
    if chance(rng, 0.5):
        second = rng.uniform(1.5, 2.2) * gap
        hits += [first + second, first + second + gap]
    onsets = np.concatenate(hits).astype(np.int64)
    blows = impulses(n, onsets, rng.uniform(0.4, 1.2, len(onsets)))
    thud = unit(ring(blows, modes(rng, 60, 300, 3, 0.15, 1.0)))
    rail = unit(ring(blows, modes(rng, p["rail"] * 0.6, p["rail"] * 3, 4, rng.uniform(0.04, 0.15), 2.0)))
    middle = scattered(rng, 1000, 0.6)
    noise = bursts(
        rng, blows, [(80, -6), (middle, 0), (middle * 3, -10), (7000, -26)], rng.uniform(0.06, 0.22), 0.01
    )
    return rng.uniform(0.3, 1) * thud + rng.uniform(0.2, 0.9) * rail + rng.uniform(0.5, 1.2) * unit(noise)


def _steam(rng: np.random.Generator, n: int) -> Signal:
    """Four puffs a turn of the wheels, one of them heavier, faster or slower as the engine goes."""
    speed = rng.uniform(1.6, 8.0) * curve([(0, 1.0), (1, rng.uniform(0.8, 1.3))], n)
    puffs = combustion(rng, n, speed, rng.uniform(0.5, 1.0, 4), 0.06, 0.1)
    sixty = min(0.5, 1.8 / float(speed[0]))
    chuff = bursts(rng, puffs, [(80, -6), (400, 0), (1500, -3), (4000, -10), (7500, -22)], sixty, 0.03)
    leak = rough_noise(rng, n, [(200, -24), (1500, -6), (4000, 0), (7500, -8)])
    return unit(chuff) + rng.uniform(0.0, 0.25) * leak


def _whistle(rng: np.random.Generator, n: int, steam: bool) -> Signal:
    """One or two calls of a locomotive: a chord of horns, or a steam whistle that slides in and breathes."""
    pitch = rng.uniform(350, 900) if steam else rng.uniform(220, 420)
    ratios = [1.0, *np.sort(rng.uniform(1.1, 2.1, int(rng.integers(0 if steam else 1, 4))))]
    slope = rng.uniform(6, 14) if steam else rng.uniform(1, 6)
    voices = [harmonics(rng, pitch * ratio, 24, slope, 4.0) for ratio in ratios]
    drift = rng.uniform(0, 0.1) * nearing(n, rng.uniform(-0.3, 1.3), 1.0)
    parts = []
    onset = int(n * rng.uniform(0, 0.4))
    for _ in range(int(rng.integers(1, 4))):
        length = min(n - onset, samples_of(rng.uniform(0.4, 2.2)))
        if length < 1600:
            break
        slide = curve([(0, 0.9 if steam else 0.98), (0.1, 1.0), (0.92, 1.0), (1, 0.94)], length)
        tone = np.zeros(length)
        for ratio, voice in zip(ratios, voices, strict=True):
            path = pitch * ratio * slide * (1 + drift[onset : onset + length])
            tone += oscillator(path, voice, rng.random())
        breath = unit(formants(white(rng, length), [(pitch * 2, 900, 1.0)]))
        parts.append((onset, fade(unit(tone) + (0.4 if steam else 0.1) * breath, 0.06, 0.15)))
        onset += length + samples_of(rng.uniform(0.15, 0.7))
        if onset >= n:
            break
    return place(n, parts)
