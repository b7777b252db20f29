"""Animals: throats driven by glottal pulses, and the whistles and rasps of birds, frogs and crickets."""

from __future__ import annotations

import numpy as np

from demos.mini.world.dsp import (
    SAMPLE_RATE,
    Signal,
    beats,
    curve,
    decay,
    fade,
    formants,
    impulses,
    oscillator,
    place,
    ring,
    samples_of,
    sloped,
    wander,
    white,
)
from demos.mini.world.event_class import EventClass
from demos.mini.world.ranges import Parameters, Span


def _dog(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    parts = []
    for onset in beats(rng, n, p["rate"], jitter=0.1):
        length = samples_of(min(p["length"] * rng.uniform(0.85, 1.15), 0.7 / p["rate"]))
        pitch = p["pitch"] * rng.uniform(0.93, 1.07)
        contour = curve([(0, 0.7), (0.25, 1.0), (0.6, 0.85), (1, 0.5)], length) * pitch
        rough = 1 + p["rough"] * wander(rng, length, 90)
        voice = oscillator(contour * (1 + 0.04 * wander(rng, length, 60)), sloped(30, p["slope"])) * rough
        breath = white(rng, length) * p["breath"]
        throat = [(p["mouth"], 160, 1.0), (p["mouth"] * 2.3, 300, 0.7), (p["mouth"] * 4.1, 600, 0.35)]
        envelope = curve([(0, 0), (0.08, 1), (0.35, 0.8), (1, 0)], length)
        parts.append((onset, formants(voice + breath, throat) * envelope * rng.uniform(0.75, 1)))
    return place(n, parts)


def _cat(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    parts = []
    for onset in beats(rng, n, p["rate"]):
        length = samples_of(p["fill"] / p["rate"] * rng.uniform(0.85, 1))
        contour = curve([(0, 0.78), (0.3, 1.0 + p["lift"]), (0.7, 1.0), (1, 0.72)], length) * p["pitch"]
        contour = contour * (1 + 0.012 * np.sin(np.arange(length) * (2 * np.pi * 6 / SAMPLE_RATE)))
        voice = oscillator(contour, sloped(18, p["slope"])) + 0.04 * white(rng, length)
        size = p["mouth"]
        closed = formants(voice, [(420 * size, 120, 1.0), (2500 * size, 250, 0.5)])
        opened = formants(voice, [(1000 * size, 160, 1.0), (1700 * size, 220, 0.8), (3300 * size, 400, 0.4)])
        rounded = formants(voice, [(520 * size, 130, 1.0), (950 * size, 180, 0.6)])
        blend = (
            closed * curve([(0, 1), (0.25, 0), (1, 0)], length)
            + opened * curve([(0, 0), (0.3, 1), (0.55, 1), (0.85, 0), (1, 0)], length)
            + rounded * curve([(0, 0), (0.5, 0), (0.85, 1), (1, 1)], length)
        )
        parts.append((onset, blend * curve([(0, 0.1), (0.08, 0.6), (0.4, 1), (0.75, 0.7), (1, 0)], length)))
    return place(n, parts)


def _bird(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    interval = SAMPLE_RATE / p["syllables"]
    frequency, level = np.full(n, p["pitch"]), np.zeros(n)
    octaves = p["sweep"] * rng.choice([-1.0, 1.0])
    bend = rng.uniform(0.2, 0.8)
    at, left = 0.0, int(rng.integers(3, 7))
    while at < n:
        start, length = int(at), int(interval * p["fill"] * rng.uniform(0.9, 1.1))
        stop = min(n, start + length)
        steps = curve([(0, 0), (bend, octaves), (1, -0.3 * octaves)], length)[: stop - start]
        frequency[start:stop] = p["pitch"] * rng.uniform(0.96, 1.04) * 2.0**steps
        level[start:stop] = np.sin(np.pi * np.arange(length) / length)[: stop - start] * rng.uniform(0.7, 1)
        at += interval * rng.uniform(0.95, 1.05)
        left -= 1
        if left == 0:
            at += p["pause"] * SAMPLE_RATE * rng.uniform(0.8, 1.2)
            left = int(rng.integers(3, 7))
            bend, octaves = rng.uniform(0.2, 0.8), p["sweep"] * rng.choice([-1.0, 1.0])
    return oscillator(np.clip(frequency, 800, 7400), (1.0, 0.12)) * level


def _frog(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    train, level = np.zeros(n), np.zeros(n)
    length = samples_of(p["fill"] / p["rate"])
    period = SAMPLE_RATE / p["pulses"]
    for onset in beats(rng, n, p["rate"]):
        pulses = np.arange(0, length, period) * rng.uniform(0.96, 1.04)
        train += impulses(n, (onset + pulses).astype(np.int64), rng.uniform(0.6, 1, len(pulses)))
        stop = min(n, onset + length + 300)
        level[onset:stop] = curve([(0, 0.4), (0.6, 1), (0.9, 0.9), (1, 0)], length + 300)[: stop - onset]
    body = ring(
        train,
        [(p["pitch"], 0.05, 1.0), (p["pitch"] * p["second"], 0.03, 0.7), (p["pitch"] * 4.4, 0.015, 0.2)],
    )
    return body * level


def _crickets(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    total = np.zeros(n)
    for detune, gain in ((1.0, 1.0), (rng.uniform(0.94, 1.06), rng.uniform(0.1, 0.5))):
        pulse = SAMPLE_RATE / p["pulses"] / detune
        gate = np.zeros(n)
        envelope = np.sin(np.pi * np.arange(int(pulse * 0.6)) / int(pulse * 0.6))
        at = 0.0 if gain == 1.0 else rng.uniform(0, SAMPLE_RATE / p["chirps"])
        while at < n:
            for k in range(round(p["group"])):
                start = int(at + k * pulse)
                stop = min(n, start + len(envelope))
                if start < n:
                    gate[start:stop] = envelope[: stop - start]
            at += max(SAMPLE_RATE / p["chirps"], pulse * (round(p["group"]) + 1)) * rng.uniform(0.96, 1.04)
        total += gain * gate * oscillator(np.full(n, p["pitch"] * detune), (1.0, 0.08))
    return total


def _cow(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    parts = []
    for onset in beats(rng, n, p["rate"], jitter=0.03):
        length = samples_of(p["fill"] / p["rate"])
        contour = curve([(0, 0.8), (0.3, 1.0), (0.75, 1.05), (1, 0.75)], length) * p["pitch"]
        contour = contour * (1 + 0.03 * wander(rng, length, 25))
        voice = oscillator(contour, sloped(45, p["slope"])) * (1 + 0.3 * wander(rng, length, 50))
        size = p["mouth"]
        closed = formants(voice, [(230 * size, 70, 1.0), (900 * size, 200, 0.1)])
        opened = formants(voice, [(420 * size, 90, 1.0), (820 * size, 140, 0.7), (2200 * size, 300, 0.2)])
        widen = curve([(0, 0), (0.15, 0.1), (0.45, 1), (0.85, 0.8), (1, 0.3)], length)
        moo = closed * (1 - widen) + opened * widen
        parts.append((onset, moo * curve([(0, 0), (0.06, 0.6), (0.4, 1), (0.8, 0.9), (1, 0)], length)))
    return place(n, parts)


def _owl(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    parts = []
    for onset in beats(rng, n, p["rate"], jitter=0.03):
        # Two short calls and a long falling one: "hoo, hoo, hoooo".
        whole = SAMPLE_RATE / p["rate"]
        for start, share in ((0.0, 0.12), (0.2, 0.12), (0.4, p["last"])):
            length = int(whole * share)
            contour = curve([(0, 0.95), (0.2, 1.0), (1, 0.9)], length) * p["pitch"]
            call = oscillator(contour, (1.0, 0.18, 0.05)) + 0.02 * white(rng, length)
            parts.append((onset + int(whole * start), fade(call, 0.04, 0.08) * decay(length, 3.0)))
    return place(n, parts)


CLASSES = (
    EventClass(
        name="dog barking",
        category="animal",
        subject="a dog",
        verb="barks",
        gerund="barking",
        mention=r"dogs?",
        seconds=(0.6, 4.0),
        render=_dog,
        countable=True,
        pitch="pitch",
        parameters={
            "rate": Span(1.1, 3.2, log=True),
            "length": Span(0.09, 0.24),
            "pitch": Span(220, 800, log=True),
            "slope": Span(3, 9),
            "rough": Span(0.2, 0.9),
            "breath": Span(0.05, 0.5),
            "mouth": Span(420, 1000, log=True),
        },
    ),
    EventClass(
        name="cat meowing",
        category="animal",
        subject="a cat",
        verb="meows",
        gerund="meowing",
        mention=r"cats?",
        seconds=(1.0, 4.0),
        render=_cat,
        countable=True,
        pitch="pitch",
        parameters={
            "rate": Span(0.6, 1.3, log=True),
            "fill": Span(0.55, 0.92),
            "pitch": Span(380, 820, log=True),
            "lift": Span(0.02, 0.3),
            "slope": Span(2, 8),
            "mouth": Span(0.8, 1.25, log=True),
        },
    ),
    EventClass(
        name="bird chirping",
        category="animal",
        subject="a bird",
        verb="chirps",
        gerund="chirping",
        mention=r"birds?",
        seconds=(1.0, 6.0),
        render=_bird,
        pitch="pitch",
        parameters={
            "syllables": Span(4, 12, log=True),
            "fill": Span(0.4, 0.85),
            "pitch": Span(2100, 5200, log=True),
            "sweep": Span(0.15, 0.7),
            "pause": Span(0.08, 0.5),
        },
    ),
    EventClass(
        name="frog croaking",
        category="animal",
        subject="a frog",
        verb="croaks",
        gerund="croaking",
        mention=r"frogs?",
        seconds=(0.8, 4.0),
        render=_frog,
        countable=True,
        pitch="pitch",
        parameters={
            "rate": Span(0.9, 2.2, log=True),
            "fill": Span(0.3, 0.7),
            "pulses": Span(22, 65, log=True),
            "pitch": Span(320, 1000, log=True),
            "second": Span(1.8, 3.0),
        },
    ),
    EventClass(
        name="crickets chirping",
        category="animal",
        subject="crickets",
        verb="chirp",
        gerund="chirping",
        mention=r"crickets?",
        seconds=(1.2, 8.0),
        render=_crickets,
        continuous=True,
        plural=True,
        pitch="pitch",
        parameters={
            "pitch": Span(3700, 5800, log=True),
            "pulses": Span(22, 55, log=True),
            "chirps": Span(1.6, 4.5, log=True),
            "group": Span(2.5, 7.5),
        },
    ),
    EventClass(
        name="cow mooing",
        category="animal",
        subject="a cow",
        verb="moos",
        gerund="mooing",
        mention=r"cows?",
        seconds=(1.4, 4.5),
        render=_cow,
        countable=True,
        pitch="pitch",
        parameters={
            "rate": Span(0.45, 0.8, log=True),
            "fill": Span(0.7, 0.95),
            "pitch": Span(85, 210, log=True),
            "slope": Span(3, 8),
            "mouth": Span(0.8, 1.25, log=True),
        },
    ),
    EventClass(
        name="owl hooting",
        category="animal",
        subject="an owl",
        verb="hoots",
        gerund="hooting",
        mention=r"owls?",
        seconds=(1.4, 4.5),
        render=_owl,
        countable=True,
        pitch="pitch",
        parameters={
            "rate": Span(0.5, 0.8, log=True),
            "last": Span(0.25, 0.45),
            "pitch": Span(290, 560, log=True),
        },
    ),
)
