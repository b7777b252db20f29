"""Vehicles: horns, pistons, blades and wheels on rails."""

from __future__ import annotations

import numpy as np

from demos.mini.world.dsp import (
    SAMPLE_RATE,
    Signal,
    beats,
    curve,
    fade,
    formants,
    impulses,
    lowpass,
    oscillator,
    place,
    ring,
    samples_of,
    shaped_noise,
    sloped,
    wander,
    white,
)
from demos.mini.world.event_class import EventClass
from demos.mini.world.ranges import Parameters, Span


def _horn(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    parts = []
    for onset in beats(rng, n, p["rate"], jitter=0.06):
        length = samples_of(p["fill"] / p["rate"] * rng.uniform(0.7, 1.0))
        pair = sum(
            (
                oscillator(np.full(length, p["pitch"] * ratio), sloped(24, p["slope"]), rng.random())
                for ratio in (1.0, p["interval"])
            ),
            start=np.zeros(length),
        )
        brass = formants(pair, [(900, 900, 0.8), (2300, 1200, 1.0)]) + 0.4 * pair
        parts.append((onset, fade(brass, 0.02, 0.04)))
    return place(n, parts)


def _engine(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    speed = p["pitch"] * (1 + p["unsteady"] * wander(rng, n, 4))
    phase = np.cumsum(speed) / SAMPLE_RATE
    fired = np.flatnonzero(np.diff(np.floor(phase), prepend=0.0) > 0)
    # Cylinders differ a little, which gives the limp of an idling engine.
    cylinders = rng.uniform(0.55, 1.0, 4)
    strokes = impulses(n, fired, cylinders[np.arange(len(fired)) % 4])
    exhaust = ring(
        lowpass(strokes, 900),
        [(p["muffler"], 0.09, 1.0), (p["muffler"] * 2.7, 0.05, 0.6), (p["muffler"] * 6.1, 0.02, 0.4)],
    )
    clatter = white(rng, n) * lowpass(strokes, 60)
    level = float(np.std(exhaust)) + 1e-9
    return exhaust + p["clatter"] * level * clatter / (float(np.std(clatter)) + 1e-9)


def _helicopter(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    turns = np.cumsum(p["blades"] * (1 + 0.02 * wander(rng, n, 1.5))) / SAMPLE_RATE
    chop = (0.5 + 0.5 * np.cos(2 * np.pi * turns)) ** p["sharp"]
    wash = shaped_noise(rng, n, [0, 50, 120, p["pitch"], p["pitch"] * 4, 8000], [-20, -2, 0, -4, -22, -50])
    whine = oscillator(np.full(n, p["turbine"]), (1.0, 0.4))
    return wash * (0.12 + chop) + p["whine"] * whine


def _train(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    rumble = shaped_noise(rng, n, [0, 40, 120, 500, 2000, 8000], [-12, 0, -2, -12, -24, -40])
    gap = p["axles"] * SAMPLE_RATE / p["joints"]
    first = np.arange(0, n, SAMPLE_RATE / p["joints"])
    joints = np.concatenate([first, first + gap]).astype(np.int64)
    clack = ring(
        impulses(n, joints, rng.uniform(0.7, 1.2, len(joints))),
        [
            (p["rail"] * k, sixty, gain)
            for k, sixty, gain in ((0.22, 0.08, 1.5), (1.0, 0.05, 1.0), (1.73, 0.04, 0.7))
        ],
    )
    clack = clack + 0.6 * white(rng, n) * lowpass(impulses(n, joints, 300.0), 35) * 0.2
    squeal = formants(white(rng, n), [(p["rail"] * 2.9, 60, 1.0)]) * np.clip(wander(rng, n, 1.5), 0, 1)
    swell = curve([(0, 0.6), (0.5, 1), (1, 0.6)], n)
    return (
        0.5 * rumble + p["clack"] * clack / (float(np.abs(clack).max()) + 1e-9) * 3 + p["squeal"] * 6 * squeal
    ) * swell


def _brake(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    fall = curve([(0, 1.0), (0.7, 0.93), (1, 0.82)], n)
    rough = 1 + 0.012 * wander(rng, n, 120) + 0.02 * wander(rng, n, 12)
    screech = oscillator(p["pitch"] * fall * rough, (1.0, p["second"], 0.3, 0.15))
    hiss = formants(white(rng, n), [(p["pitch"] * 1.5, 1500, 1.0)])
    hiss = hiss / (float(np.std(hiss)) + 1e-9)
    return (screech * (1 + 0.5 * wander(rng, n, 40)) + p["hiss"] * hiss) * curve(
        [(0, 0.7), (0.2, 1), (0.8, 0.9), (1, 0)], n
    )


CLASSES = (
    EventClass(
        name="car horn honking",
        category="vehicle",
        subject="a car horn",
        verb="honks",
        gerund="honking",
        mention=r"(?:car )?horns?",
        seconds=(0.5, 3.5),
        render=_horn,
        countable=True,
        pitch="pitch",
        parameters={
            "pitch": Span(300, 520, log=True),
            "interval": Span(1.17, 1.29),
            "rate": Span(0.7, 2.4, log=True),
            "fill": Span(0.45, 0.85),
            "slope": Span(1, 5),
        },
    ),
    EventClass(
        name="engine idling",
        category="vehicle",
        subject="an engine",
        verb="idles",
        gerund="idling",
        mention=r"engines?",
        seconds=(1.5, 10.0),
        render=_engine,
        continuous=True,
        parameters={
            "pitch": Span(24, 60, log=True),
            "unsteady": Span(0.01, 0.06),
            "muffler": Span(85, 220, log=True),
            "clatter": Span(0.05, 0.4),
        },
    ),
    EventClass(
        name="helicopter flying",
        category="vehicle",
        subject="a helicopter",
        verb="flies",
        gerund="flying",
        mention=r"helicopters?",
        seconds=(1.8, 10.0),
        render=_helicopter,
        continuous=True,
        parameters={
            "blades": Span(8, 17, log=True),
            "sharp": Span(2, 9, log=True),
            "pitch": Span(250, 700, log=True),
            "turbine": Span(1200, 3200, log=True),
            "whine": Span(0.02, 0.12),
        },
    ),
    EventClass(
        name="train passing",
        category="vehicle",
        subject="a train",
        verb="passes",
        gerund="passing",
        mention=r"trains?",
        seconds=(2.0, 10.0),
        render=_train,
        continuous=True,
        parameters={
            "joints": Span(1.0, 2.6, log=True),
            "axles": Span(0.18, 0.34),
            "rail": Span(650, 1500, log=True),
            "clack": Span(0.5, 1.3),
            "squeal": Span(0.0, 0.3),
        },
    ),
    EventClass(
        name="brakes screeching",
        category="vehicle",
        subject="brakes",
        verb="screech",
        gerund="screeching",
        mention=r"brakes?",
        seconds=(0.8, 3.0),
        render=_brake,
        plural=True,
        pitch="pitch",
        parameters={"pitch": Span(1300, 2900, log=True), "second": Span(0.2, 0.8), "hiss": Span(0.15, 0.7)},
    ),
)
