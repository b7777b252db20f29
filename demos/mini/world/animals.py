"""Beasts of house and farm: throats driven by rough voices, mouths that open and close over them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from demos.mini.world.dsp import (
    HIGHEST,
    SAMPLE_RATE,
    Signal,
    beats,
    curve,
    fade,
    formants,
    impulses,
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

Resonances = list[tuple[float, float, float]]


def voice(
    rng: np.random.Generator,
    contour: Signal,
    slope: float,
    rough: float = 0.0,
    breath: float = 0.0,
    chaos: float = 0.0,
    split: float = 0.0,
) -> Signal:
    """A throat's source along a frequency contour, harmonics falling by `slope` dB an octave on average.

    `rough` shakes the level, `breath` adds noise, `chaos` shakes the pitch within single periods until the
    harmonics dissolve, `split` brings in every second period alone, as a throat that breaks an octave down.
    """
    n = len(contour)
    middle = float(contour.mean())
    shaken = contour * np.clip(
        1 + 0.012 * wander(rng, n, 45) + chaos * wander(rng, n, 1.3 * middle), 0.5, 1.6
    )
    count = max(2, min(70, int(HIGHEST / middle)))
    amplitudes = sloped(count, slope) * 10 ** (rng.normal(0, 3, count) / 20)
    wave = oscillator(shaken, amplitudes, float(rng.random()))
    level = 1 + rough * wander(rng, n, min(float(rng.uniform(35, 110)), middle))
    if split > 0:
        level = level * (1 + split * np.cos(np.cumsum(shaken) * (np.pi / SAMPLE_RATE)))
    return wave * level + breath * white(rng, n)


def shape(rng: np.random.Generator, size: float, *resonances: tuple[float, float, float]) -> Resonances:
    """A mouth's resonances (frequency, bandwidth, gain) for a head of another size, each a little off."""
    return [
        (
            frequency * size * float(rng.uniform(0.88, 1.12)),
            bandwidth * float(np.exp(rng.normal(0, 0.25))),
            gain * float(10 ** (rng.normal(0, 2.5) / 20)),
        )
        for frequency, bandwidth, gain in resonances
    ]


def through(source: Signal, path: Sequence[tuple[float, Resonances]], leak: float = 0.03) -> Signal:
    """A source through mouth shapes that follow each other at shares of the length, crossfaded."""
    n = len(source)
    total = leak * source
    for k, (_, resonances) in enumerate(path):
        weight = curve([(share, float(j == k)) for j, (share, _) in enumerate(path)], n)
        total = total + formants(source, resonances) * weight
    return total


def _dog(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    kind = rng.choice(["bark", "harsh", "yap", "woof", "howl"], p=[0.3, 0.25, 0.2, 0.15, 0.1])
    chaos = rng.uniform(*{"bark": (0.05, 0.25), "harsh": (0.25, 0.6), "woof": (0.1, 0.4)}.get(kind, (0, 0.1)))
    longer = {"yap": 0.7, "woof": 1.2, "howl": 2.5}.get(kind, 1.0)
    pitch = p["pitch"] * {"yap": 1.25, "woof": 0.75}.get(kind, 1.0)
    # Small dogs have small mouths, but not in proportion.
    mouth = p["mouth"] * (pitch / 400) ** 0.35
    wide = shape(rng, mouth, (1, 0.25 * mouth, 1), (2.2, 0.4 * mouth, 0.7), (3.8, 0.7 * mouth, 0.4))
    narrow = shape(rng, mouth, (0.7, 0.2 * mouth, 1), (1.8, 0.4 * mouth, 0.35))
    start, peak, end, rise = rng.uniform((0.5, 0.12, 0.35, 0.03), (0.9, 0.45, 0.85, 0.15))
    growl = rng.uniform(0.02, 0.06) if rng.random() < 0.25 else 0.0
    parts = []
    for onset in beats(rng, n, p["rate"], jitter=0.12):
        length = samples_of(min(p["length"] * longer * rng.uniform(0.8, 1.2), 0.6 / p["rate"]))
        high = pitch * rng.uniform(0.92, 1.08)
        turns = [(0, start), (peak, 1.0), (0.85, 0.6 * end + 0.4), (1, end)]
        if kind == "howl":
            turns = [(0, start), (0.15, 1.0), (0.8, rng.uniform(0.85, 1.05)), (1, end)]
        contour = curve(turns, length) * high
        source = voice(rng, contour, p["slope"], 0.6 * p["rough"], p["breath"], chaos, rng.choice([0, 0.4]))
        bark = through(source, [(0, narrow), (peak, wide), (0.7, wide), (1, narrow)])
        body = curve([(0, 0.1), (rise, 1), (0.4, 0.75), (0.75, 0.35), (1, 0)], length)
        parts.append((onset, bark / bark.std() * body * rng.uniform(0.7, 1)))
    total = place(n, parts)
    if growl:
        low = voice(rng, np.full(n, rng.uniform(60, 110)), 6, 0.7, 0.4, 0.3)
        total += growl * through(low, [(0, narrow)])
    return total


def _cat(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    kind = rng.choice(["meow", "mew", "yowl", "trill", "open"], p=[0.4, 0.2, 0.15, 0.1, 0.15])
    size = p["mouth"]
    closed = shape(rng, size, (450, 140, 1), (1700, 300, 0.2), (2600, 300, 0.4))
    opened = shape(rng, size, (1000, 180, 1), (1750, 250, 0.8), (3300, 400, 0.45), (4800, 700, 0.2))
    bright = shape(rng, size, (500, 130, 0.7), (2300, 250, 1.0), (3400, 350, 0.6))
    rounded = shape(rng, size, (560, 150, 1), (1000, 200, 0.6), (2900, 400, 0.15))
    chaos = rng.uniform(0.1, 0.35) if kind == "yowl" else rng.uniform(0, 0.06)
    breath = rng.uniform(0.02, 0.25)
    peak, opens = rng.uniform(0.15, 0.6), rng.uniform(0.25, 0.6)
    start, end = rng.uniform(0.65, 0.95), rng.uniform(0.5, 0.95)
    parts = []
    for onset in beats(rng, n, p["rate"], jitter=0.08):
        share = p["fill"] * rng.uniform(0.8, 1) * {"mew": 0.55, "yowl": 1.1}.get(kind, 0.9)
        length = samples_of(min(share / p["rate"], 2.2))
        high = p["pitch"] * rng.uniform(0.93, 1.07) * (1.2 if kind == "mew" else 1.0)
        turns = [(0, start), (peak, 1.0 + p["lift"]), (0.75, 1.0), (1, end)]
        if kind == "yowl":
            turns = [(0, 0.9), (0.3, 1.0), (0.55, rng.uniform(0.85, 1.15)), (0.8, 1.0), (1, end)]
        contour = curve(turns, length) * high * (1 + 0.03 * wander(rng, length, 7))
        source = voice(rng, contour, p["slope"], rng.uniform(0, 0.35), breath, chaos)
        if kind == "trill":
            rolled = np.sin(np.arange(length) * (2 * np.pi * rng.uniform(22, 36) / SAMPLE_RATE))
            source = source * (1 + 0.85 * rolled * curve([(0, 1), (0.3, 1), (0.45, 0), (1, 0)], length))
        if kind == "open":
            path = [(0, bright), (opens, opened), (1, opened)]
        else:
            path = [(0, closed), (0.4 * opens, bright), (opens, opened), (0.9, rounded), (1, closed)]
        body = curve([(0, 0.1), (0.1, 0.7), (opens, 1), (0.8, 0.6), (1, 0)], length)
        parts.append((onset, through(source, path) * body * rng.uniform(0.7, 1)))
    return place(n, parts)


def _cow(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    kind = rng.choice(["moo", "bellow", "hum", "calf"], p=[0.45, 0.25, 0.15, 0.15])
    size = p["mouth"] * (1.25 if kind == "calf" else 1.0)
    closed = shape(rng, size, (240, 80, 1), (950, 220, 0.12), (1700, 300, 0.05))
    opened = shape(rng, size, (480, 110, 1), (900, 160, 0.75), (2200, 320, 0.25), (3200, 500, 0.1))
    rounded = shape(rng, size, (350, 90, 1), (700, 140, 0.5), (2300, 320, 0.1))
    shut = rng.uniform(0.1, 0.4)
    chaos = {"bellow": rng.uniform(0.05, 0.3), "hum": 0.0}.get(kind, rng.uniform(0, 0.1))
    start, end = rng.uniform(0.6, 0.9), rng.uniform(0.6, 1.0)
    parts = []
    for onset in beats(rng, n, p["rate"], jitter=0.03):
        length = samples_of(min(p["fill"] / p["rate"] * rng.uniform(0.85, 1), 3.2))
        high = p["pitch"] * rng.uniform(0.94, 1.06) * {"calf": 1.5, "hum": 0.9, "bellow": 1.2}.get(kind, 1.0)
        # A bellow breaks upwards where the mouth has opened.
        jump = rng.uniform(1.25, 1.9) if kind == "bellow" and rng.random() < 0.6 else rng.uniform(1.0, 1.2)
        turns = [(0, start), (0.2, 1.0), (shut + 0.1, 1.0), (shut + 0.15, jump), (0.8, jump), (1, jump * end)]
        contour = curve(turns, length) * high * (1 + 0.025 * wander(rng, length, 18))
        source = voice(rng, contour, p["slope"], rng.uniform(0.1, 0.5), rng.uniform(0.02, 0.15), chaos, 0.2)
        last = closed if kind == "hum" else rounded if rng.random() < 0.5 else opened
        path = [(0, closed), (shut, closed), (shut + 0.2, last if kind == "hum" else opened), (1, last)]
        body = curve([(0, 0.05), (0.06, 0.5), (shut + 0.15, 1), (0.8, 0.85), (1, 0)], length)
        parts.append((onset, through(source, path, 0.01) * body * rng.uniform(0.75, 1)))
    return place(n, parts)


def _sheep(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    kind = rng.choice(["ewe", "lamb", "hoarse"], p=[0.45, 0.3, 0.25])
    size = p["mouth"] * (1.2 if kind == "lamb" else 1.0)
    opened = shape(rng, size, (750, 150, 1), (1350, 200, 0.8), (2500, 320, 0.5), (3700, 500, 0.25))
    nasal = shape(rng, size, (400, 120, 1), (1150, 250, 0.4), (2300, 320, 0.4))
    chaos = rng.uniform(0.1, 0.35) if kind == "hoarse" else rng.uniform(0, 0.08)
    start, end, grow = rng.uniform(0.8, 1.1), rng.uniform(0.65, 0.95), rng.uniform(0.05, 0.35)
    humming = rng.random() < 0.35
    parts = []
    for onset in beats(rng, n, p["rate"], jitter=0.08):
        length = samples_of(min(p["fill"] / p["rate"] * rng.uniform(0.8, 1), 1.8))
        # The tremble of a bleat speeds up and down and shakes level and pitch together.
        speed = p["tremble"] * (1 + 0.15 * wander(rng, length, 4))
        turn = np.cumsum(speed) * (2 * np.pi / SAMPLE_RATE) + rng.uniform(0, 6)
        deep = curve([(0, 0.2), (grow, 1), (0.9, 1), (1, 0.5)], length)
        shake = (np.sin(turn) + 0.3 * np.sin(2 * turn + 1)) * deep
        high = p["pitch"] * rng.uniform(0.93, 1.07) * (1.5 if kind == "lamb" else 1.0)
        contour = curve([(0, start), (0.3, 1.0), (0.8, 0.95), (1, end)], length) * high
        contour = contour * (1 + 0.25 * p["depth"] * shake)
        source = voice(rng, contour, p["slope"], rng.uniform(0.1, 0.5), rng.uniform(0.05, 0.35), chaos)
        source = source * np.clip(1 + p["depth"] * shake, 0.03, None)
        path = [(0, nasal), (0.2, nasal if humming else opened), (0.75, opened), (1, nasal)]
        body = curve([(0, 0.1), (0.08, 1), (0.6, 0.85), (1, 0)], length)
        parts.append((onset, through(source, path) * body * rng.uniform(0.7, 1)))
    return place(n, parts)


def _grunt(p: Parameters, rng: np.random.Generator, length: int, snout: Resonances) -> Signal:
    falling = curve([(0, 1.0), (0.4, rng.uniform(0.9, 1.3)), (1, rng.uniform(0.6, 0.9))], length)
    turns = np.cumsum(falling * (p["pulses"] * rng.uniform(0.85, 1.15) / SAMPLE_RATE))
    onsets = np.flatnonzero(np.diff(np.floor(turns), prepend=-1))
    gap = SAMPLE_RATE / p["pulses"]
    moved = onsets + np.asarray(rng.normal(0, 0.1 * gap, len(onsets)), dtype=np.int64)
    pulses = impulses(length, np.clip(moved, 0, length - 1), rng.uniform(0.4, 1, len(onsets)))
    source = 8 * pulses + p["breath"] * white(rng, length) * (0.4 + np.abs(wander(rng, length, p["pulses"])))
    body = curve([(0, 0.2), (rng.uniform(0.08, 0.3), 1), (0.7, rng.uniform(0.4, 0.9)), (1, 0)], length)
    rung = ring(source, [(frequency, 2.2 / bandwidth, gain) for frequency, bandwidth, gain in snout])
    return rung * body / (np.abs(rung).max() + 1e-9)


def _snort(p: Parameters, rng: np.random.Generator, length: int) -> Signal:
    flutter = rng.uniform(18, 55)
    centre = rng.uniform(500, 1500)
    noise = shaped_noise(
        rng, length, [100, centre, 2 * centre, 8000], [-18, 0, -4, -float(rng.uniform(15, 30))]
    )
    turn = np.cumsum(flutter * (1 + 0.3 * wander(rng, length, 12))) * (np.pi / SAMPLE_RATE)
    beat = np.abs(np.cos(turn)) ** rng.uniform(1, 4)
    body = curve([(0, 0.1), (rng.uniform(0.15, 0.7), 1), (1, 0)], length)
    return 0.35 * noise * body * (0.15 + beat)


def _squeal(p: Parameters, rng: np.random.Generator, length: int, size: float) -> Signal:
    high = rng.uniform(600, 1500)
    turns = [(0, rng.uniform(0.5, 0.9)), (0.25, 1), (0.7, rng.uniform(0.9, 1.2)), (1, rng.uniform(0.5, 1))]
    contour = curve(turns, length) * high
    source = voice(rng, contour, 3, 0.5, rng.uniform(0.1, 0.5), rng.uniform(0.05, 0.4), 0.3)
    head = shape(rng, size, (1200, 250, 1), (2700, 400, 0.8), (4200, 700, 0.5))
    scream = through(source, [(0, head)]) * curve([(0, 0.1), (0.1, 1), (0.8, 0.8), (1, 0)], length)
    return scream / (np.abs(scream).max() + 1e-9)


def _pig(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    habits = {"grunt": (1, 0, 0), "oink": (0.6, 0.4, 0), "root": (0.35, 0.65, 0), "squeal": (0.6, 0.1, 0.3)}
    odds = habits[str(rng.choice(list(habits), p=[0.35, 0.25, 0.2, 0.2]))]
    size = p["snout"]
    snout = shape(rng, size, (380, 60, 1), (900, 110, 0.7), (1700, 180, 0.45), (2900, 300, 0.25))
    parts: list[tuple[int, Signal]] = []
    at = 0
    while at < n:
        length = samples_of(p["length"] * rng.uniform(0.5, 1.5))
        what = rng.choice(3, p=odds) if parts else 0
        if what == 2:
            length = samples_of(rng.uniform(0.3, 1.0))
            unit = _squeal(p, rng, length, size)
        else:
            unit = _snort(p, rng, length) if what else _grunt(p, rng, length, snout)
        parts.append((at, unit * rng.uniform(0.4, 1)))
        at += length + samples_of(p["pause"] * min(rng.exponential(0.7) + 0.3, 3))
    return fade(place(n, parts), 0.002, 0.01)


CLASSES = (
    EventClass(
        name="dog barking",
        category="animal",
        subject="a dog",
        verb="barks",
        gerund="barking",
        mention=r"dogs?",
        seconds=(0.5, 4.0),
        render=_dog,
        countable=True,
        pitch="pitch",
        phrases=("a barking dog", "the bark of a dog", "dog barks", "the barking of a dog"),
        also=("dog", "dog bark", "bark", "barking", "bow wow", "yip", "domestic dog"),
        parameters={
            "rate": Span(0.8, 3.6, log=True),
            "length": Span(0.08, 0.3, log=True),
            "pitch": Span(180, 1000, log=True),
            "slope": Span(2, 10),
            "rough": Span(0.1, 0.9),
            "breath": Span(0.05, 0.7, log=True),
            "mouth": Span(450, 1150, log=True),
        },
    ),
    EventClass(
        name="cat meowing",
        category="animal",
        subject="a cat",
        verb="meows",
        gerund="meowing",
        mention=r"cats?|kittens?",
        seconds=(0.7, 5.0),
        render=_cat,
        countable=True,
        pitch="pitch",
        phrases=("a meowing cat", "the meow of a cat", "cat meows", "a cat mewing"),
        also=("cat", "meow", "cat meow", "caterwaul", "domestic cat"),
        parameters={
            "rate": Span(0.45, 1.5, log=True),
            "fill": Span(0.45, 0.92),
            "pitch": Span(330, 1000, log=True),
            "lift": Span(0.0, 0.35),
            "slope": Span(1, 9),
            "mouth": Span(0.78, 1.3, log=True),
        },
    ),
    EventClass(
        name="cow mooing",
        category="animal",
        subject="a cow",
        verb="moos",
        gerund="mooing",
        mention=r"cows?",
        seconds=(1.0, 5.0),
        render=_cow,
        countable=True,
        pitch="pitch",
        phrases=("a mooing cow", "the moo of a cow", "cow moos", "cows mooing"),
        also=("cow", "moo", "cattle", "cattle bovinae"),
        parameters={
            "rate": Span(0.35, 0.85, log=True),
            "fill": Span(0.6, 0.95),
            "pitch": Span(75, 220, log=True),
            "slope": Span(2, 8),
            "mouth": Span(0.78, 1.28, log=True),
        },
    ),
    EventClass(
        name="sheep bleating",
        category="animal",
        subject="a sheep",
        verb="bleats",
        gerund="bleating",
        mention=r"sheep|lambs?",
        seconds=(0.7, 4.5),
        render=_sheep,
        countable=True,
        pitch="pitch",
        phrases=("a bleating sheep", "the bleat of a sheep", "sheep bleat", "the bleating of a sheep"),
        also=("sheep", "bleat", "baa", "lamb"),
        parameters={
            "rate": Span(0.55, 1.5, log=True),
            "fill": Span(0.45, 0.88),
            "pitch": Span(120, 360, log=True),
            "tremble": Span(6.0, 17.0, log=True),
            "depth": Span(0.2, 0.8),
            "slope": Span(1, 7),
            "mouth": Span(0.8, 1.25, log=True),
        },
    ),
    EventClass(
        name="pig grunting",
        category="animal",
        subject="a pig",
        verb="grunts",
        gerund="grunting",
        mention=r"pigs?",
        seconds=(0.7, 5.0),
        render=_pig,
        phrases=("a grunting pig", "the grunt of a pig", "pigs oinking", "a pig snorting"),
        also=("pig", "oink", "grunt", "pig oink", "hog"),
        parameters={
            "pulses": Span(32, 125, log=True),
            "length": Span(0.12, 0.4, log=True),
            "pause": Span(0.06, 0.5, log=True),
            "breath": Span(0.1, 1.2, log=True),
            "snout": Span(0.75, 1.35, log=True),
        },
    ),
)
