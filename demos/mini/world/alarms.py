"""Alarms: tones made to be noticed, and struck metal."""

from __future__ import annotations

import numpy as np

from demos.mini.world.dsp import (
    SAMPLE_RATE,
    Signal,
    beats,
    curve,
    fade,
    impulses,
    lowpass,
    oscillator,
    place,
    ring,
    samples_of,
    sloped,
    white,
)
from demos.mini.world.event_class import EventClass
from demos.mini.world.ranges import Parameters, Span

_BELL_PARTIALS = (0.5, 1.0, 1.19, 1.5, 2.0, 2.51, 2.66, 3.01, 4.17, 5.43)


def _siren(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    turns = np.arange(n) * (p["cycle"] / SAMPLE_RATE) + rng.random()
    wave = np.sin(2 * np.pi * turns)
    if p["square"] > 0.6:  # two steady tones in turn, as European sirens have it
        wave = np.tanh(8 * wave)
    return oscillator(p["pitch"] * 2.0 ** (p["octaves"] * 0.5 * wave), sloped(8, p["slope"]))


def _alarm_clock(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    square = np.zeros(9)
    square[::2] = 1.0 / np.arange(1, 10, 2)
    beep, group = SAMPLE_RATE / p["beeps"], round(p["group"])
    length = int(beep * p["fill"])
    tone = fade(oscillator(np.full(length, p["pitch"]), square), 0.003, 0.003)
    cycle = beep * group + p["pause"] * SAMPLE_RATE
    onsets = [int(at + k * beep) for at in np.arange(0, n, cycle) for k in range(group)]
    return place(n, [(onset, tone) for onset in onsets if onset < n])


def _bell(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    onsets = beats(rng, n, p["rate"], jitter=0.04)
    strokes = impulses(n, onsets, rng.uniform(0.7, 1, len(onsets)))
    stretch = rng.uniform(0.985, 1.015, len(_BELL_PARTIALS))
    gains = rng.uniform(0.4, 1.0, len(_BELL_PARTIALS))
    modes = [
        (p["pitch"] * partial * bent, p["sixty"] / partial**0.7, gain / partial ** p["slope"])
        for partial, bent, gain in zip(_BELL_PARTIALS, stretch, gains, strict=True)
    ]
    return ring(strokes, modes)


def _telephone(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    strokes = np.arange(0, n, SAMPLE_RATE / p["strokes"])
    cycle = (p["on"] + p["off"]) * SAMPLE_RATE
    strokes = strokes[strokes % cycle < p["on"] * SAMPLE_RATE].astype(np.int64)
    # The clapper swings between two gongs of slightly different size.
    train = [impulses(n, strokes[k::2], rng.uniform(0.7, 1, len(strokes[k::2]))) for k in (0, 1)]
    gongs = [(1.0, 0.35, 1.0), (2.74, 0.2, 0.6), (5.2, 0.1, 0.3)]
    return sum(
        (
            ring(excitation, [(p["pitch"] * size * partial, sixty, gain) for partial, sixty, gain in gongs])
            for excitation, size in zip(train, (1.0, p["interval"]), strict=True)
        ),
        start=np.zeros(n),
    )


def _buzzer(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    parts = []
    for onset in beats(rng, n, p["rate"], jitter=0.03):
        length = samples_of(p["fill"] / p["rate"])
        tone = oscillator(np.full(length, p["pitch"]), sloped(60, p["slope"]))
        rattle = lowpass(white(rng, length), 3000) * (0.4 + 0.6 * (tone > 0.5))
        level = curve([(0, 0.6), (0.05, 1), (1, 0.95)], length)
        parts.append((onset, fade((np.tanh(1.5 * tone) + 0.3 * rattle) * level, 0.004, 0.01)))
    return place(n, parts)


CLASSES = (
    EventClass(
        name="siren wailing",
        category="alarm",
        subject="a siren",
        verb="wails",
        gerund="wailing",
        mention=r"sirens?",
        seconds=(1.5, 8.0),
        render=_siren,
        continuous=True,
        pitch="pitch",
        parameters={
            "pitch": Span(560, 1250, log=True),
            "octaves": Span(0.45, 1.3),
            "cycle": Span(0.4, 3.0, log=True),
            "slope": Span(5, 14),
            "square": Span(0, 1),
        },
    ),
    EventClass(
        name="alarm clock beeping",
        category="alarm",
        subject="an alarm clock",
        verb="beeps",
        gerund="beeping",
        mention=r"alarm clocks?",
        seconds=(1.2, 6.0),
        render=_alarm_clock,
        pitch="pitch",
        parameters={
            "pitch": Span(1500, 3400, log=True),
            "beeps": Span(5, 11, log=True),
            "group": Span(1.6, 5.4),
            "fill": Span(0.4, 0.7),
            "pause": Span(0.2, 0.7),
        },
    ),
    EventClass(
        name="bell ringing",
        category="alarm",
        subject="a bell",
        verb="rings",
        gerund="ringing",
        mention=r"bells?",
        seconds=(1.2, 6.0),
        render=_bell,
        countable=True,
        pitch="pitch",
        parameters={
            "pitch": Span(260, 1100, log=True),
            "rate": Span(0.6, 2.0, log=True),
            "sixty": Span(1.5, 6, log=True),
            "slope": Span(0.1, 0.9),
        },
    ),
    EventClass(
        name="telephone ringing",
        category="alarm",
        subject="a telephone",
        verb="rings",
        gerund="ringing",
        mention=r"telephones?|phones?",
        seconds=(1.2, 6.0),
        render=_telephone,
        parameters={
            "pitch": Span(900, 1700, log=True),
            "interval": Span(1.08, 1.32),
            "strokes": Span(16, 30, log=True),
            "on": Span(0.6, 1.8),
            "off": Span(0.35, 1.0),
        },
    ),
    EventClass(
        name="buzzer buzzing",
        category="alarm",
        subject="a buzzer",
        verb="buzzes",
        gerund="buzzing",
        mention=r"buzzers?",
        seconds=(0.6, 4.0),
        render=_buzzer,
        countable=True,
        pitch="pitch",
        parameters={
            "pitch": Span(95, 260, log=True),
            "rate": Span(0.7, 2.0, log=True),
            "fill": Span(0.5, 0.85),
            "slope": Span(0.5, 4),
        },
    ),
)
