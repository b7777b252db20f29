"""The household: things that are struck, shut, broken, pressed and poured."""

from __future__ import annotations

import numpy as np

from demos.mini.world.dsp import (
    SAMPLE_RATE,
    Signal,
    beats,
    curve,
    decay,
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


def _knock(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    onsets = beats(rng, n, p["rate"], jitter=0.08)
    blows = np.zeros(n)
    knuckle = white(rng, 40) * np.hanning(40) + np.hanning(40) * 2
    for onset in onsets:
        stop = min(n, onset + 40)
        blows[onset:stop] += knuckle[: stop - onset] * rng.uniform(0.6, 1)
    wood = p["wood"]
    return ring(
        blows,
        [(wood, p["sixty"], 1.0), (wood * 2.3, p["sixty"] * 0.7, 0.7), (wood * 4.6, p["sixty"] * 0.4, 0.35)],
    )


def _door(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    parts = []
    for onset in beats(rng, n, p["rate"], jitter=0.04):
        length = samples_of(min(0.9, 1 / p["rate"]))
        thud = ring(
            white(rng, length) * decay(length, 0.05),
            [(p["panel"], 0.45, 1.0), (p["panel"] * 1.8, 0.3, 0.7), (p["panel"] * 3.7, 0.18, 0.35)],
        )
        slap = white(rng, length) * decay(length, p["slap"])
        latch = impulses(
            length, [0, samples_of(rng.uniform(0.015, 0.05)), samples_of(rng.uniform(0.06, 0.12))], 4.0
        )
        rattle = ring(latch, [(2100, 0.05, 1.0), (3350, 0.04, 0.7)])
        thud /= float(np.abs(thud).max()) + 1e-9
        parts.append((onset, 2 * thud + 2 * lowpass(slap, 3000) + p["latch"] * 0.15 * rattle))
    return place(n, parts)


def _glass(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    shards = int(p["shards"])
    onsets = rng.exponential(p["spread"] * SAMPLE_RATE, shards).astype(np.int64)
    onsets[:5] = rng.integers(0, 200, 5)
    modes = p["pitch"] * 2.0 ** rng.uniform(0, 1.9, 14)
    total = np.zeros(n)
    # Each shard rings at a mode of its own: shards that share one share its resonator.
    which = rng.integers(0, len(modes), shards)
    gains = rng.exponential(1.0, shards) * np.exp(-onsets / (p["spread"] * 2 * SAMPLE_RATE))
    for k, frequency in enumerate(modes):
        chosen = which == k
        total += ring(
            impulses(n, onsets[chosen], gains[chosen]), [(frequency, p["sixty"] * rng.uniform(0.5, 1.5), 1.0)]
        )
    crash = white(rng, n) * decay(n, 0.18)
    crash -= lowpass(crash, 1500)
    return total / (float(np.abs(total).max()) + 1e-9) + p["crash"] * 0.25 * crash


def _typing(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    gaps = SAMPLE_RATE / p["rate"] * rng.gamma(4.0, 0.25, int(n / SAMPLE_RATE * p["rate"] * 2) + 4)
    presses = np.concatenate([[0], np.cumsum(np.maximum(gaps, 500))]).astype(np.int64)
    presses = presses[presses < n]
    releases = presses + (rng.uniform(0.06, 0.1, len(presses)) * SAMPLE_RATE).astype(np.int64)
    train = impulses(n, presses, rng.uniform(0.5, 1, len(presses)))
    train += impulses(n, releases, rng.uniform(0.15, 0.35, len(releases)))
    click = ring(
        train, [(p["pitch"], 0.012, 1.0), (p["pitch"] * 1.57, 0.009, 0.8), (p["case"], 0.025, p["thock"])]
    )
    # A click is noise let through for a few milliseconds, on top of what the key cap rings.
    scrape = white(rng, n) * lowpass(train, 150) * 20
    return click + scrape - lowpass(scrape, 1500)


def _water(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    rushing = shaped_noise(rng, n, [0, 200, p["pitch"], p["pitch"] * 3, 8000], [-30, -12, 0, -14, -34])
    rushing *= 1 + 0.25 * wander(rng, n, 9)
    # Bubbles ring with a pitch that rises as they near the surface (van den Doel, 2005).
    level = np.zeros(n)
    bubbles = []
    for _ in range(max(4, int(p["bubbles"] * n / SAMPLE_RATE))):
        length = samples_of(rng.uniform(0.02, 0.07))
        start = int(rng.integers(0, n))
        pitch = p["pitch"] * 2.0 ** rng.uniform(-0.9, 0.9)
        t = np.arange(length)
        chirp = np.sin(2 * np.pi * pitch / SAMPLE_RATE * t * (1 + 0.35 * t / length)) * decay(length, 0.09)
        bubbles.append((start, chirp * rng.uniform(0.2, 1)))
    level += place(n, bubbles)
    return p["rush"] * rushing + 1.6 * level


def _vacuum(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    speed = (
        p["pitch"]
        * curve([(0, 0.8), (min(0.4, 4800 / n), 1.0), (1, 1.0)], n)
        * (1 + 0.006 * wander(rng, n, 5))
    )
    motor = oscillator(speed, sloped(20, p["slope"]))
    air = shaped_noise(rng, n, [0, 200, 700, p["air"], 8000], [-30, -10, -3, 0, -16])
    return motor + p["breath"] * air


def _clock(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    ticks = beats(rng, n, p["rate"], jitter=0.004)
    total = np.zeros(n)
    for parity, bent in ((0, 1.0), (1, p["tock"])):
        train = impulses(n, ticks[parity::2], 1.0)
        total += ring(
            train,
            [
                (p["pitch"] * bent, 0.03, 1.0),
                (p["pitch"] * bent * 2.13, 0.02, 0.6),
                (p["pitch"] * bent * 0.31, 0.05, 0.4),
            ],
        )
    return total


CLASSES = (
    EventClass(
        name="knocking",
        category="household",
        subject="someone",
        verb="knocks",
        gerund="knocking",
        mention=r"knock(?:s|ing)?",
        seconds=(0.5, 2.5),
        render=_knock,
        countable=True,
        parameters={
            "rate": Span(2.2, 5.5, log=True),
            "wood": Span(140, 480, log=True),
            "sixty": Span(0.05, 0.16, log=True),
        },
    ),
    EventClass(
        name="door slamming",
        category="household",
        subject="a door",
        verb="slams",
        gerund="slamming",
        mention=r"doors?",
        seconds=(0.7, 2.5),
        render=_door,
        countable=True,
        parameters={
            "rate": Span(0.6, 1.2, log=True),
            "panel": Span(50, 120, log=True),
            "slap": Span(0.06, 0.3, log=True),
            "latch": Span(0.2, 1.2),
        },
    ),
    EventClass(
        name="glass breaking",
        category="household",
        subject="glass",
        verb="breaks",
        gerund="breaking",
        mention=r"glass",
        seconds=(0.7, 1.6),
        render=_glass,
        parameters={
            "shards": Span(25, 110, log=True),
            "spread": Span(0.1, 0.3),
            "pitch": Span(1700, 3000, log=True),
            "sixty": Span(0.1, 0.5, log=True),
            "crash": Span(0.4, 1.6),
        },
    ),
    EventClass(
        name="typing",
        category="household",
        subject="someone",
        verb="types",
        gerund="typing",
        mention=r"typ(?:es?|ing)|keyboards?",
        seconds=(1.2, 6.0),
        render=_typing,
        parameters={
            "rate": Span(5, 11, log=True),
            "pitch": Span(2200, 4200, log=True),
            "case": Span(300, 800, log=True),
            "thock": Span(0.1, 0.6),
        },
    ),
    EventClass(
        name="water running",
        category="household",
        subject="water",
        verb="runs",
        gerund="running",
        mention=r"water",
        seconds=(1.5, 10.0),
        render=_water,
        continuous=True,
        parameters={
            "pitch": Span(450, 1100, log=True),
            "bubbles": Span(25, 80, log=True),
            "rush": Span(0.05, 0.25),
        },
    ),
    EventClass(
        name="vacuum cleaner humming",
        category="household",
        subject="a vacuum cleaner",
        verb="hums",
        gerund="humming",
        mention=r"vacuum cleaners?",
        seconds=(1.5, 10.0),
        render=_vacuum,
        continuous=True,
        pitch="pitch",
        parameters={
            "pitch": Span(190, 480, log=True),
            "slope": Span(4, 9),
            "air": Span(1200, 3200, log=True),
            "breath": Span(0.6, 1.6),
        },
    ),
    EventClass(
        name="clock ticking",
        category="household",
        subject="a clock",
        verb="ticks",
        gerund="ticking",
        mention=r"(?<!alarm )clocks?",
        seconds=(1.5, 6.0),
        render=_clock,
        parameters={
            "rate": Span(1.6, 4.2, log=True),
            "pitch": Span(1100, 2600, log=True),
            "tock": Span(0.75, 0.95),
        },
    ),
)
