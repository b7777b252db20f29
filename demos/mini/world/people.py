"""People without words: feet, hands, laughter, whistling and sneezes."""

from __future__ import annotations

import numpy as np

from demos.mini.world.dsp import (
    SAMPLE_RATE,
    Signal,
    beats,
    curve,
    decay,
    formants,
    lowpass,
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


def _footsteps(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    parts = []
    for onset in beats(rng, n, p["rate"], jitter=0.03):
        length = samples_of(min(0.3, 0.9 / p["rate"]))
        thump = ring(
            white(rng, length) * decay(length, 0.02), [(p["floor"], 0.09, 1.0), (p["floor"] * 2.4, 0.05, 0.5)]
        )
        sole = white(rng, length) * curve([(0, 1), (0.1, 0.15), (0.35, 0.5), (0.6, 0.2), (1, 0)], length)
        scuff = lowpass(sole - lowpass(sole, 600), 2800)
        peak = float(np.abs(thump).max()) + 1e-9
        parts.append((onset, (thump / peak + p["scuff"] * scuff) * rng.uniform(0.75, 1)))
    return place(n, parts)


def _clapping(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    parts = []
    hands = int(p["hands"])
    for hand in range(hands):
        palm = p["palm"] * rng.uniform(0.8, 1.25)
        rate = p["rate"] * (1 if hand == 0 else rng.uniform(0.85, 1.15))
        shift = 0 if hand == 0 else int(rng.uniform(0, SAMPLE_RATE / rate))
        length = samples_of(0.09)
        slap = white(rng, length) * decay(length, p["sixty"])
        clap = formants(slap, [(palm, palm * 0.35, 1.0), (palm * 2.2, palm * 0.6, 0.7)])
        parts += [
            (shift + onset, clap * rng.uniform(0.5, 1)) for onset in beats(rng, max(1, n - shift), rate)
        ]
    return place(n, parts)


def _laugh(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    onsets = beats(rng, n, p["rate"], jitter=0.05)
    contour, voiced, breathy = np.full(n, p["pitch"]), np.zeros(n), np.zeros(n)
    interval = SAMPLE_RATE / p["rate"]
    bout = int(rng.integers(5, 9))
    for k, onset in enumerate(onsets):
        length = int(interval * 0.95)
        stop = min(n, onset + length)
        fall = p["fall"] ** (k % bout)
        contour[onset:stop] = (
            p["pitch"] * fall * curve([(0, 1.0), (0.3, 1.12), (1, 0.9)], length)[: stop - onset]
        )
        level = rng.uniform(0.75, 1) * 0.96 ** (k % bout)
        voiced[onset:stop] = (
            level * curve([(0, 0), (0.12, 1), (0.45, 0.8), (0.6, 0), (1, 0)], length)[: stop - onset]
        )
        breathy[onset:stop] = (
            level * curve([(0, 0.7), (0.4, 0.3), (0.7, 1), (1, 0.6)], length)[: stop - onset]
        )
    source = oscillator(contour, sloped(30, p["slope"])) * voiced + p["breath"] * white(rng, n) * breathy
    size = p["mouth"]
    return formants(source, [(760 * size, 110, 1.0), (1350 * size, 150, 0.7), (2600 * size, 250, 0.35)])


def _whistle(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    notes = max(2, int(n / SAMPLE_RATE * p["notes"]))
    steps = np.cumsum(rng.choice([-5, -4, -2, 2, 4, 5], notes))
    steps = steps - round(float(np.mean(steps)))
    edges = np.linspace(0, n, notes + 1)
    held = np.repeat(steps, np.diff(edges.astype(int)))
    glide = lowpass(held - held[0], 12) + held[0]
    vibrato = 0.25 * np.sin(np.arange(n) * (2 * np.pi * p["vibrato"] / SAMPLE_RATE))
    tone = oscillator(p["pitch"] * 2.0 ** ((glide + vibrato) / 12), (1.0, 0.03))
    place_in_note = (np.arange(n) - np.repeat(edges[:-1], np.diff(edges.astype(int)))) / (n / notes)
    level = 0.35 + 0.65 * np.sqrt(np.sin(np.pi * np.clip(place_in_note, 0.02, 0.98)))
    breath = formants(white(rng, n), [(p["pitch"], p["pitch"] * 0.5, 1.0)])
    return (tone + p["breath"] * breath / (float(np.std(breath)) + 1e-9)) * level


def _sneeze(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    parts = []
    for onset in beats(rng, n, p["rate"], jitter=0.03):
        whole = samples_of(1 / p["rate"])
        ah, choo = int(whole * p["ah"]), int(whole * 0.5)
        rising = curve([(0, 0.8), (1, 1.5)], ah) * p["pitch"]
        size = p["mouth"]
        gasp = oscillator(rising, sloped(25, 5)) + 0.5 * white(rng, ah)
        gasp = formants(gasp, [(700 * size, 130, 1.0), (1250 * size, 160, 0.6)])
        gasp = gasp / (float(np.std(gasp)) + 1e-9) * curve([(0, 0.2), (0.7, 0.6), (0.95, 0.5), (1, 0)], ah)
        burst = formants(
            white(rng, choo), [(2900 * size, 900, 1.0), (4800, 1600, 0.8), (1500 * size, 500, 0.4)]
        )
        burst = (
            burst / (float(np.std(burst)) + 1e-9) * curve([(0, 0.2), (0.06, 1.6), (0.3, 0.7), (1, 0)], choo)
        )
        falling = curve([(0, 1.5), (1, 0.7)], choo) * p["pitch"]
        tail = formants(oscillator(falling, sloped(25, 6)), [(350 * size, 90, 1.0), (1000 * size, 160, 0.4)])
        tail = tail / (float(np.std(tail)) + 1e-9) * curve([(0, 0), (0.15, 0), (0.3, 1), (1, 0)], choo)
        parts += [(onset, gasp), (onset + ah, burst + p["voiced"] * tail)]
    return place(n, parts)


def _snore(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    parts = []
    for onset in beats(rng, n, p["rate"], jitter=0.03):
        length = samples_of(p["fill"] / p["rate"])
        flutter = (
            p["flutter"]
            * curve([(0, 0.85), (0.6, 1.0), (1, 0.95)], length)
            * (1 + 0.12 * wander(rng, length, 30))
        )
        rasp = oscillator(flutter, sloped(60, 1.5))
        air = white(rng, length) * (0.3 + 0.7 * np.clip(rasp, 0, 2))
        snort = formants(
            rasp + p["air"] * air,
            [(p["nose"], 150, 1.0), (p["nose"] * 2.7, 300, 0.5), (p["nose"] * 5, 600, 0.25)],
        )
        parts.append((onset, snort * curve([(0, 0), (0.2, 0.5), (0.7, 1), (0.95, 0.8), (1, 0)], length)))
    return place(n, parts)


CLASSES = (
    EventClass(
        name="footsteps",
        category="human",
        subject="someone",
        verb="walks",
        gerund="walking",
        mention=r"walk(?:s|ing)?|footsteps?",
        seconds=(1.2, 6.0),
        render=_footsteps,
        countable=True,
        parameters={
            "rate": Span(1.4, 2.6, log=True),
            "floor": Span(70, 170, log=True),
            "scuff": Span(0.08, 0.4),
        },
    ),
    EventClass(
        name="clapping",
        category="human",
        subject="someone",
        verb="claps",
        gerund="clapping",
        mention=r"clap(?:s|ping)?|applause",
        seconds=(1.0, 5.0),
        render=_clapping,
        parameters={
            "rate": Span(2.8, 5.5, log=True),
            "palm": Span(850, 1900, log=True),
            "sixty": Span(0.03, 0.07),
            "hands": Span(1, 5),
        },
    ),
    EventClass(
        name="laughing",
        category="human",
        subject="someone",
        verb="laughs",
        gerund="laughing",
        mention=r"laugh(?:s|ing|ter)?",
        seconds=(0.9, 4.0),
        render=_laugh,
        pitch="pitch",
        parameters={
            "rate": Span(3.8, 6.5, log=True),
            "pitch": Span(130, 420, log=True),
            "fall": Span(0.92, 0.99),
            "slope": Span(4, 9),
            "breath": Span(0.1, 0.4),
            "mouth": Span(0.88, 1.22, log=True),
        },
    ),
    EventClass(
        name="whistling",
        category="human",
        subject="someone",
        verb="whistles",
        gerund="whistling",
        mention=r"whistl(?:es?|ing)",
        seconds=(1.2, 6.0),
        render=_whistle,
        pitch="pitch",
        parameters={
            "pitch": Span(850, 1900, log=True),
            "notes": Span(1.5, 4.0, log=True),
            "vibrato": Span(4, 8),
            "breath": Span(0.05, 0.3),
        },
    ),
    EventClass(
        name="sneezing",
        category="human",
        subject="someone",
        verb="sneezes",
        gerund="sneezing",
        mention=r"sneez(?:es?|ing)",
        seconds=(0.8, 2.8),
        render=_sneeze,
        countable=True,
        parameters={
            "rate": Span(0.8, 1.4, log=True),
            "ah": Span(0.2, 0.42),
            "pitch": Span(140, 380, log=True),
            "mouth": Span(0.88, 1.22, log=True),
            "voiced": Span(0.1, 0.6),
        },
    ),
    EventClass(
        name="snoring",
        category="human",
        subject="someone",
        verb="snores",
        gerund="snoring",
        mention=r"snor(?:es?|ing)",
        seconds=(1.4, 5.0),
        render=_snore,
        countable=True,
        parameters={
            "rate": Span(0.4, 0.75, log=True),
            "fill": Span(0.5, 0.85),
            "flutter": Span(26, 65, log=True),
            "nose": Span(220, 480, log=True),
            "air": Span(0.3, 1.2),
        },
    ),
)
