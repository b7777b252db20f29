"""Birds: whistled songs of many kinds of syllables, and the voices of crow, rooster, hen and owl."""

from __future__ import annotations

import numpy as np

from demos.mini.world.animals import shape, through, voice
from demos.mini.world.dsp import (
    SAMPLE_RATE,
    Signal,
    beats,
    curve,
    fade,
    lowpass,
    oscillator,
    place,
    samples_of,
    wander,
    white,
)
from demos.mini.world.event_class import EventClass
from demos.mini.world.ranges import Parameters, Span

_SYLLABLES = ("down", "up", "arch", "valley", "warble", "flat", "step", "buzz", "slur")


def _syllable(kind: str, rng: np.random.Generator, length: int, sweep: float) -> tuple[Signal, Signal]:
    """Octaves about the pitch and the level, for one syllable of a song."""
    share = np.arange(length) * (1.0 / max(length, 1))
    level = np.sin(np.pi * share ** rng.uniform(0.5, 1.4)) ** rng.uniform(0.5, 1.3)
    turn = np.arange(length) * (2 * np.pi / SAMPLE_RATE)
    if kind == "down":
        return sweep * (1 - 1.5 * share ** rng.uniform(0.5, 2)), level
    if kind == "up":
        return sweep * (1.5 * share ** rng.uniform(0.5, 2) - 0.5), level
    if kind == "arch":
        return sweep * (np.sin(np.pi * share) - 0.5), level
    if kind == "valley":
        return sweep * (0.5 - np.sin(np.pi * share)), level
    if kind == "warble":
        return 0.5 * sweep * np.sin(rng.uniform(14, 45) * turn), level
    if kind == "step":
        return sweep * 0.5 * np.tanh((rng.uniform(0.3, 0.7) - share) * rng.uniform(8, 40)), level
    if kind == "buzz":
        deep = rng.uniform(0.4, 1.0)
        return np.zeros(length), level * (1 - deep + deep * np.sin(rng.uniform(25, 80) * turn) ** 2)
    if kind == "slur":
        bends = [(0, rng.uniform(-1, 1)), (rng.uniform(0.2, 0.4), 1), (0.7, -1), (1, rng.uniform(-1, 1))]
        return 0.5 * sweep * curve(bends, length), level
    return 0.05 * sweep * share, level


def _song(p: Parameters, rng: np.random.Generator, n: int, pitch: float, start: float) -> Signal:
    """One bird: a motif of syllables, repeated, cycled or shuffled, in phrases with pauses between."""
    per_phrase = int(rng.choice([1, 2, 3, 5, 8, 14]))
    motif = [
        (
            str(rng.choice(_SYLLABLES)),
            float(rng.normal(0, 0.2)),
            float(rng.uniform(0.6, 1.6)),
            float(rng.uniform(0.4, 1.4)),
        )
        for _ in range(int(rng.choice([1, 1, 2, 3, 5])))
    ]
    shuffled = rng.random() < 0.3
    hurry = rng.choice([1.0, 1.0, 1.8])
    frequency, level = np.full(n, pitch), np.zeros(n)
    at, sung = start * SAMPLE_RATE, 0
    while at < n:
        kind, step, longer, wider = motif[int(rng.integers(len(motif))) if shuffled else sung % len(motif)]
        interval = SAMPLE_RATE / (p["syllables"] * hurry) * longer
        length = max(64, int(interval * p["fill"] * rng.uniform(0.9, 1.1)))
        octaves, loudness = _syllable(kind, rng, length, p["sweep"] * wider)
        begin, stop = int(at), min(n, int(at) + length)
        frequency[begin:stop] = pitch * rng.uniform(0.97, 1.03) * 2.0 ** (octaves[: stop - begin] + step)
        level[begin:stop] = loudness[: stop - begin] * rng.uniform(0.6, 1)
        at += max(interval * rng.uniform(0.93, 1.07), length + 32)
        sung += 1
        if sung % per_phrase == 0:
            at += p["pause"] * SAMPLE_RATE * rng.uniform(0.6, 1.5)
    # Most whistle almost purely; sparrows and chicks have a few strong harmonics.
    rich = rng.random() < 0.2
    harmonics = (1.0, rng.uniform(0.15, 0.7), rng.uniform(0.05, 0.4)) if rich else (1.0, rng.uniform(0, 0.15))
    return oscillator(np.clip(frequency, 900, 7400), harmonics) * level


def _bird(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    total = _song(p, rng, n, p["pitch"], 0.0)
    for _ in range(int(rng.choice([0, 1, 2, 4], p=[0.5, 0.25, 0.15, 0.1]))):
        other = {**p, "syllables": p["syllables"] * rng.uniform(0.7, 1.4), "pause": rng.uniform(0.1, 0.9)}
        pitch = float(np.clip(p["pitch"] * 2 ** rng.normal(0, 0.4), 1600, 6600))
        total += rng.uniform(0.1, 0.8) * _song(other, rng, n, pitch, rng.uniform(0, 0.8))
    return total


def _crow(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    kind = rng.choice(["caw", "rasp", "raven", "nasal"], p=[0.4, 0.3, 0.15, 0.15])
    chaos = rng.uniform(*{"caw": (0.05, 0.25), "rasp": (0.25, 0.6), "raven": (0.1, 0.4)}.get(kind, (0, 0.12)))
    size = p["beak"]
    wide = shape(rng, size, (1250, 300, 1), (1900, 400, 0.8), (3000, 600, 0.5), (4600, 900, 0.25))
    narrow = shape(rng, size, (900, 250, 1), (1600, 350, 0.6), (2600, 500, 0.3))
    start, peak, end = rng.uniform((0.7, 0.1, 0.55), (0.95, 0.6, 0.95))
    rise, full, hold = rng.uniform((0.04, 0.25, 0.35), (0.2, 0.5, 0.9))
    parts = []
    for onset in beats(rng, n, p["rate"], jitter=0.1):
        length = samples_of(min(p["length"] * rng.uniform(0.85, 1.15), 0.7 / p["rate"]))
        high = p["pitch"] * rng.uniform(0.94, 1.06) * (0.5 if kind == "raven" else 1.0)
        contour = curve([(0, start), (peak, 1), (1, end)], length) * high
        breath = rng.uniform(0.05, 0.5)
        source = voice(rng, contour, p["slope"], p["rough"], breath, chaos, rng.choice([0, 0.4]))
        body = curve([(0, 0.1), (rise, 0.8), (full, 1), (0.8, hold), (1, 0)], length)
        caw = through(source, [(0, narrow), (0.25, wide), (0.8, wide), (1, narrow)])
        parts.append((onset, caw * body * rng.uniform(0.7, 1)))
    return place(n, parts)


# Syllables of a crow, "cock a doodle doo": length, pitch at start, middle and end, gap after, loudness.
_CROWS = (
    ((0.12, 0.6, 0.7, 0.65, 0.03, 0.6), (0.12, 0.7, 0.85, 0.8, 0.02, 0.8), (0.2, 0.85, 1, 0.95, 0.02, 1)),
    ((0.15, 0.7, 0.8, 0.7, 0.06, 0.7), (0.3, 0.8, 1, 0.9, 0.03, 1)),
    ((0.1, 0.6, 0.65, 0.6, 0.04, 0.5), (0.1, 0.65, 0.7, 0.65, 0.04, 0.6), (0.25, 0.8, 1, 0.9, 0.0, 1)),
    ((0.3, 0.6, 0.9, 0.95, 0.0, 0.8),),
)


def _one_crow(p: Parameters, rng: np.random.Generator, length: int, pattern: int) -> Signal:
    size, chaos = p["beak"], rng.uniform(0, 0.15)
    ah = shape(rng, size, (1000, 220, 1), (1800, 300, 0.9), (3000, 450, 0.6), (4200, 700, 0.3))
    oo = shape(rng, size, (750, 200, 1), (1400, 280, 0.6), (2700, 450, 0.3))
    syllables = [tuple(value * rng.uniform(0.94, 1.06) for value in syllable) for syllable in _CROWS[pattern]]
    spent = sum(syllable[0] + syllable[4] for syllable in syllables)
    last = (max(0.25, 1 - spent), rng.uniform(0.85, 1), rng.uniform(0.75, 0.95), rng.uniform(0.45, 0.7), 0, 1)
    scale = length / (spent + last[0])
    contour, level, at = np.full(length, 0.8), np.zeros(length), 0.0
    for share, first, middle, end, gap, loud in (*syllables, last):
        begin, stop = int(at), min(length, int(at + share * scale))
        contour[begin:stop] = curve([(0, first), (0.4, middle), (0.75, middle), (1, end)], stop - begin)
        steps = [(0, 0.1), (0.15, 1), (0.7, 0.85), (1, 0.1)]
        level[begin:stop] = loud * curve(steps, stop - begin)
        at += (share + gap) * scale
    source = voice(rng, contour * p["pitch"], p["slope"], p["rough"], rng.uniform(0.03, 0.3), chaos)
    return through(source, [(0, oo), (0.3, ah), (0.6, ah), (1, oo)]) * level


def _rooster(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    pattern = int(rng.integers(len(_CROWS)))
    parts: list[tuple[int, Signal]] = []
    at = 0
    while at < n and (not parts or n - at > 0.6 * samples_of(p["length"])):
        length = min(n - at, samples_of(p["length"] * rng.uniform(0.9, 1.1)))
        parts.append((at, _one_crow(p, rng, length, pattern) * rng.uniform(0.8, 1)))
        at += length + samples_of(rng.uniform(0.4, 1.8))
    return place(n, parts)


def _clucks(p: Parameters, rng: np.random.Generator, n: int, start: float, cackles: float) -> Signal:
    size, chaos = p["beak"] * rng.uniform(0.9, 1.1), rng.uniform(0, 0.25)
    pitch = p["pitch"] * rng.uniform(0.9, 1.1)
    wide = shape(rng, size, (1000, 250, 1), (1900, 350, 0.8), (3100, 600, 0.5), (4600, 900, 0.2))
    narrow = shape(rng, size, (700, 220, 1), (1500, 350, 0.5), (2600, 500, 0.25))
    rising = rng.uniform(-0.35, 0.35)
    parts: list[tuple[int, Signal]] = []
    at = samples_of(start) if start else 0
    left = int(rng.integers(2, 9))
    while at < n:
        drawn = left == 0 and rng.random() < cackles
        length = samples_of(rng.uniform(0.25, 0.7) if drawn else p["length"] * rng.uniform(0.7, 1.4))
        high = pitch * rng.uniform(0.9, 1.1) * (rng.uniform(1.1, 1.6) if drawn else 1.0)
        turns = [(0, 1 - rising), (0.4, 1), (1, 1 + rising)]
        if drawn:
            turns = [(0, 0.65), (0.2, 0.75), (0.35, 1.0), (0.8, rng.uniform(0.85, 1.05)), (1, 0.7)]
        source = voice(rng, curve(turns, length) * high, p["slope"], 0.4, rng.uniform(0.1, 0.6), chaos)
        body = curve([(0, 0.2), (0.12, 1), (0.4, 0.7), (1, 0)], length)
        if drawn:
            body = curve([(0, 0.3), (0.1, 0.6), (0.3, 0.5), (0.4, 1), (0.8, 0.8), (1, 0)], length)
        cluck = through(source, [(0, narrow), (0.4, wide), (1, wide if drawn else narrow)]) * body
        parts.append((at, cluck * (rng.uniform(0.8, 1.2) if drawn else rng.uniform(0.4, 1))))
        at += max(length + 80, int(SAMPLE_RATE / p["clucks"] * rng.uniform(0.6, 1.5)))
        left -= 1
        if left < 0:
            left = int(rng.integers(2, 9))
            at += samples_of(rng.uniform(0.05, 0.7))
    return place(n, parts)


def _hen(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    cackles = float(rng.choice([0.0, 0.4, 1.0]))
    total = _clucks(p, rng, n, 0.0, cackles)
    for _ in range(int(rng.choice([0, 1, 3], p=[0.6, 0.25, 0.15]))):
        total += rng.uniform(0.1, 0.7) * _clucks(p, rng, n, rng.uniform(0.1, 0.6), cackles)
    return total


# Calls of kinds of owls: start and length in shares of the call, pitch, and depth of a tremble.
_HOOTS: tuple[tuple[tuple[float, float, float, float], ...], ...] = (
    ((0, 0.12, 1, 0), (0.2, 0.07, 0.97, 0), (0.3, 0.13, 1, 0), (0.55, 0.17, 0.98, 0), (0.8, 0.16, 0.97, 0)),
    ((0, 0.24, 1, 0), (0.48, 0.05, 0.9, 0), (0.56, 0.4, 1.05, 0.6)),
    ((0, 0.1, 0.95, 0), (0.2, 0.1, 0.95, 0), (0.38, 0.45, 1, 0)),
    ((0, 0.5, 1, 0),),
    ((0, 0.1, 1, 0), (0.13, 0.1, 1, 0), (0.26, 0.1, 1, 0), (0.39, 0.1, 1, 0), (0.52, 0.1, 1, 0)),
    ((0, 0.1, 1, 0), (0.14, 0.1, 1.05, 0), (0.28, 0.12, 1, 0), (0.46, 0.3, 0.85, 0.15)),
    ((0, 0.85, 1.3, 0.9),),
)


def _owl(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    pattern = _HOOTS[int(rng.integers(len(_HOOTS)))]
    harmonics = (1.0, *(rng.uniform(0, 0.3) / k for k in range(1, 5)))
    bend, droop, breath = rng.uniform(0.85, 0.98), rng.uniform(0.8, 1.0), rng.uniform(0.01, 0.12)
    tremble, rise, hush = rng.uniform(8, 16), rng.uniform(0.02, 0.09), rng.uniform(400, 2500)
    parts = []
    at = 0.0
    while at < n:
        whole = p["call"] * SAMPLE_RATE * rng.uniform(0.93, 1.07)
        for start, share, step, deep in pattern:
            length = max(400, int(whole * share * rng.uniform(0.9, 1.1)))
            contour = curve([(0, bend), (0.25, 1.0), (0.8, 1.0), (1, droop)], length) * p["pitch"] * step
            contour = contour * (1 + 0.008 * wander(rng, length, 12))
            airy = 3 * lowpass(white(rng, length), hush)
            hoot = oscillator(contour, harmonics) + breath * airy
            shake = np.sin(np.arange(length) * (2 * np.pi * tremble / SAMPLE_RATE))
            hoot = fade(hoot * (1 + deep * shake), rise, rng.uniform(0.05, 0.15))
            parts.append((int(at + whole * start), hoot * rng.uniform(0.75, 1)))
        at += whole * max(start + share for start, share, _, _ in pattern)
        at += p["pause"] * SAMPLE_RATE * rng.uniform(0.8, 1.2)
    return place(n, parts)


CLASSES = (
    EventClass(
        name="bird chirping",
        category="animal",
        subject="a bird",
        verb="chirps",
        gerund="chirping",
        mention=r"birds?",
        seconds=(0.8, 8.0),
        render=_bird,
        pitch="pitch",
        phrases=("a chirping bird", "birds singing", "the song of a bird", "bird chirps", "a bird tweeting"),
        also=(
            "bird",
            "chirping birds",
            "chirp",
            "tweet",
            "bird song",
            "bird vocalization",
            "chirp and tweet",
        ),
        parameters={
            "syllables": Span(2.5, 14, log=True),
            "fill": Span(0.3, 0.92),
            "pitch": Span(1900, 5800, log=True),
            "sweep": Span(0.08, 0.9, log=True),
            "pause": Span(0.08, 0.8, log=True),
        },
    ),
    EventClass(
        name="crow cawing",
        category="animal",
        subject="a crow",
        verb="caws",
        gerund="cawing",
        # A rooster "crows" too.
        mention=r"(?<!rooster )(?<!roosters )crows?(?! of)",
        seconds=(0.6, 4.5),
        render=_crow,
        countable=True,
        pitch="pitch",
        phrases=("a cawing crow", "the caw of a crow", "crow caws", "crows calling"),
        also=("crow", "caw", "raven", "crow call"),
        parameters={
            "rate": Span(0.7, 2.6, log=True),
            "length": Span(0.16, 0.5, log=True),
            "pitch": Span(260, 620, log=True),
            "slope": Span(0, 7),
            "rough": Span(0.1, 0.8),
            "beak": Span(0.78, 1.3, log=True),
        },
    ),
    EventClass(
        name="rooster crowing",
        category="animal",
        subject="a rooster",
        verb="crows",
        gerund="crowing",
        mention=r"roosters?",
        seconds=(1.2, 5.0),
        render=_rooster,
        pitch="pitch",
        phrases=("a crowing rooster", "the crow of a rooster", "rooster crows", "the call of a rooster"),
        also=("rooster", "crowing", "cock a doodle doo", "chicken rooster", "cockerel"),
        parameters={
            "length": Span(1.1, 2.9, log=True),
            "pitch": Span(420, 1050, log=True),
            "slope": Span(0, 7),
            "rough": Span(0.05, 0.6),
            "beak": Span(0.8, 1.25, log=True),
        },
    ),
    EventClass(
        name="hen clucking",
        category="animal",
        subject="a hen",
        verb="clucks",
        gerund="clucking",
        mention=r"hens?|chickens?",
        seconds=(0.8, 6.0),
        render=_hen,
        phrases=("a clucking hen", "the cluck of a hen", "hens clucking", "a chicken clucking"),
        also=("hen", "chicken", "cluck", "chicken clucking", "fowl"),
        parameters={
            "clucks": Span(1.8, 7.0, log=True),
            "length": Span(0.05, 0.16, log=True),
            "pitch": Span(260, 760, log=True),
            "slope": Span(1, 8),
            "beak": Span(0.75, 1.3, log=True),
        },
    ),
    EventClass(
        name="owl hooting",
        category="animal",
        subject="an owl",
        verb="hoots",
        gerund="hooting",
        mention=r"owls?",
        seconds=(1.0, 6.0),
        render=_owl,
        pitch="pitch",
        phrases=("a hooting owl", "the hoot of an owl", "owl hoots", "an owl calling"),
        also=("owl", "hoot", "owl hoot"),
        parameters={
            "call": Span(0.9, 3.0, log=True),
            "pause": Span(0.25, 1.6, log=True),
            "pitch": Span(240, 780, log=True),
        },
    ),
)
