"""Weather: filtered noise that moves as air and water do."""

from __future__ import annotations

import numpy as np

from demos.mini.world.dsp import (
    SAMPLE_RATE,
    Signal,
    curve,
    decay,
    formants,
    impulses,
    lowpass,
    ring,
    samples_of,
    shaped_noise,
    wander,
    white,
)
from demos.mini.world.event_class import EventClass
from demos.mini.world.ranges import Parameters, Span


def _rain(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    bright = p["bright"]
    hiss = shaped_noise(rng, n, [0, 300, 1200, bright, 8000], [-30, -14, -3, 0, -6])
    hiss *= 1 + 0.12 * wander(rng, n, 3)
    count = rng.poisson(p["drops"] * n / SAMPLE_RATE)
    drops = impulses(n, rng.integers(0, n, count), rng.exponential(1.0, count))
    # Short broad resonances at places of its own: drops on leaves, stone and puddles, no ringing metal.
    places = bright * 2.0 ** rng.uniform(-1.6, 0.5, 6)
    tick = ring(drops, [(float(place), 0.0035, 0.6) for place in places])
    return hiss + p["patter"] * tick


def _wind(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    source = white(rng, n)
    gust = wander(rng, n, p["gusts"])
    low = formants(source, [(p["pitch"], p["width"] * p["pitch"], 1.0)])
    high = formants(source, [(p["pitch"] * 2.1, p["width"] * p["pitch"], 0.9)])
    blend = 0.5 + 0.5 * gust
    return (low * (1 - blend) + high * blend + 0.25 * lowpass(source, 150)) * (0.25 + 0.75 * blend**1.5)


def _thunder(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    roll = shaped_noise(rng, n, [0, 25, 60, p["pitch"], p["pitch"] * 4, 8000], [-20, -3, 0, -8, -32, -70])
    swell = np.abs(wander(rng, n, p["rolling"])) + 0.15
    roll *= swell * decay(n, p["tail"]) * curve([(0, 0.4), (0.06, 1), (1, 1)], n)
    crack = np.zeros(n)
    length = min(n, samples_of(0.5))
    bursts = impulses(length, rng.integers(0, max(1, length // 3), 12), rng.exponential(1, 12))
    crack[:length] = lowpass(white(rng, length) * lowpass(bursts, 12) * 60, 2500) * decay(length, 0.6)
    return roll + p["crack"] * crack


CLASSES = (
    EventClass(
        name="rain falling",
        category="weather",
        subject="rain",
        verb="falls",
        gerund="falling",
        mention=r"rain",
        seconds=(1.5, 10.0),
        render=_rain,
        continuous=True,
        parameters={
            "bright": Span(2500, 6000, log=True),
            "drops": Span(15, 160, log=True),
            "patter": Span(2, 14, log=True),
        },
    ),
    EventClass(
        name="wind blowing",
        category="weather",
        subject="wind",
        verb="blows",
        gerund="blowing",
        mention=r"wind",
        seconds=(1.8, 10.0),
        render=_wind,
        continuous=True,
        parameters={
            "pitch": Span(220, 620, log=True),
            "width": Span(0.18, 0.5),
            "gusts": Span(0.8, 2.4, log=True),
        },
    ),
    EventClass(
        name="thunder rumbling",
        category="weather",
        subject="thunder",
        verb="rumbles",
        gerund="rumbling",
        mention=r"thunder",
        seconds=(1.8, 5.0),
        render=_thunder,
        parameters={
            "pitch": Span(90, 220, log=True),
            "rolling": Span(4, 11, log=True),
            "tail": Span(2.5, 6),
            "crack": Span(0.1, 0.9),
        },
    ),
)
