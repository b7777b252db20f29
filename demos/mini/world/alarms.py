"""Alarms: sirens, beeps, buzzers, and the bells that call to a door or a telephone."""

from __future__ import annotations

import numpy as np

from demos.mini.world.bells import TIMBRES, bell, clapper, doorbell, electronic, telephone
from demos.mini.world.dsp import (
    SAMPLE_RATE,
    Signal,
    beats,
    curve,
    lowpass,
    oscillator,
    place,
    samples_of,
    sloped,
    wander,
    white,
)
from demos.mini.world.event_class import EventClass
from demos.mini.world.ranges import Parameters, Span
from demos.mini.world.tones import bumps, equalised, hall, held


def _sweep(rng: np.random.Generator, turns: Signal) -> Signal:
    """A rise and fall from 0 to 1 once a turn, each curved as a charging capacitor is."""
    share, bend = rng.uniform(0.25, 0.7), rng.uniform(0.3, 3)
    phase = turns % 1.0
    rising = (1 - np.exp(-bend * phase / share)) / (1 - np.exp(-bend))
    falling = (np.exp(-bend * (phase - share) / (1 - share)) - np.exp(-bend)) / (1 - np.exp(-bend))
    return np.where(phase < share, rising, falling)


def _siren_position(kind: str, rng: np.random.Generator, n: int, quick: float) -> Signal:
    """Where in its range of pitch a siren is over time, from 0 to 1."""
    time = np.arange(n) / SAMPLE_RATE
    start = rng.random()
    if kind == "wail":
        return _sweep(rng, time * rng.uniform(0.13, 0.5) * quick + start)
    if kind == "yelp":
        return _sweep(rng, time * rng.uniform(2.0, 5.0) * quick + start)
    if kind == "two tones":
        turns = time * rng.uniform(0.45, 1.2) * quick + start
        return np.clip(lowpass((turns % 1 < rng.uniform(0.4, 0.6)).astype(np.float64), 25), 0, 1)
    if kind == "piercer":
        return (-time * rng.uniform(7, 16) * quick) % 1.0
    # A rotor that is spun up and left to slow down, or kept at speed.
    lag = rng.uniform(0.6, 2.5) / quick
    on = ((time * rng.uniform(0.08, 0.25) * quick + rng.uniform(0, 0.4)) % 1) < rng.uniform(0.5, 0.95)
    keep = float(np.exp(-1 / (lag * SAMPLE_RATE)))
    return np.clip(lowpass(on - 0.5, -np.log(keep) * SAMPLE_RATE / (2 * np.pi)) + 0.5, 0, 1)


def _siren(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    kinds = np.array(["wail", "yelp", "two tones", "piercer", "rotor"])
    first, second = rng.choice(kinds, 2, p=[0.36, 0.18, 0.22, 0.06, 0.18])
    octaves, pitch = p["octaves"], p["pitch"]
    position = _siren_position(first, rng, n, p["quick"])
    if first in ("wail", "yelp", "piercer") and second in ("wail", "yelp", "piercer") and n > 3 * SAMPLE_RATE:
        change = int(n * rng.uniform(0.3, 0.9))
        position[change:] = _siren_position(second, rng, n - change, p["quick"])
    if first == "two tones":
        octaves = rng.uniform(0.15, 0.6)
    if first == "rotor":
        pitch *= 0.75
    bend = 2.0 ** (octaves * (position - 0.5)) * (1 + 0.002 * wander(rng, n, 6))
    if rng.random() < 0.35:  # it drives by: the pitch falls, and the level rises and falls
        passing = (np.arange(n) / n - rng.uniform(0.2, 0.8)) * rng.uniform(4, 16)
        bend = bend * (1 - rng.uniform(0.01, 0.06) * np.tanh(passing))
        level = 0.2 + 0.8 / (1 + (passing / rng.uniform(2, 6)) ** 2)
    else:
        level = np.ones(n)
    level = level * 10 ** (rng.uniform(0, 5) * wander(rng, n, rng.uniform(1, 6)) / 20)
    spectrum = sloped(14, p["slope"])
    if rng.random() < 0.45:  # a square wave, as most electronic sirens make
        spectrum[1::2] *= rng.uniform(0.05, 0.4)
    sound = oscillator(pitch * bend, spectrum)
    if first == "rotor":
        level = level * (0.25 + 0.75 * position)
        if rng.random() < 0.5:  # two rows of ports on one shaft
            sound = sound + oscillator(pitch * bend * rng.choice([1.2, 1.25, 1.333, 1.5]), spectrum)
        sound = sound * (1 + rng.uniform(0, 0.3) * wander(rng, n, 60))
    frequencies, decibels = bumps(rng, 8, 250, 6500, 7)
    horn = -np.abs(np.log2(frequencies / rng.uniform(800, 2200))) * rng.uniform(1, 6)
    sound = equalised(sound * level, frequencies, decibels + horn)
    if rng.random() < 0.65:  # streets and hills answer
        sound = hall(rng, sound, rng.uniform(0.4, 2.8), rng.uniform(0.1, 1.2))
    return sound


def _beeps(p: Parameters, rng: np.random.Generator, n: int) -> list[tuple[int, int, float]]:
    """Onset, length and relative pitch of the beeps of one pattern."""
    kind = rng.choice(
        np.array(["groups", "steady", "crescendo", "two tones", "tune"]), p=[0.5, 0.2, 0.12, 0.1, 0.08]
    )
    beep, pause = 1 / p["beeps"], p["pause"]
    interval = 2.0 ** (rng.choice([-7, -5, -4, 3, 4, 5, 7]) / 12)
    tune = rng.choice([0, 2, 4, 5, 7, 12], int(rng.integers(4, 9)))
    group, steady = int(rng.integers(2, 6)), rng.uniform(1.6, 4.5)
    found: list[tuple[int, int, float]] = []
    at, k = 0.0, 0
    while at * SAMPLE_RATE < n:
        size, height, spacing = 1, 1.0, beep * steady
        if kind == "groups":
            spacing = beep + (pause if k % group == group - 1 else 0)
        elif kind == "crescendo":  # one beep a group, then two, then four, then without rest
            size = (1, 1, 2, 2, 3, 4, 4, 8)[min(k, 7)]
            spacing = max(size * beep, 1 / rng.uniform(0.98, 1.02) * min(1.0, beep * 6))
        elif kind == "two tones":
            height, spacing = (interval if k % 2 else 1.0), beep * 1.5
        elif kind == "tune":
            height, spacing = 2 ** (int(tune[k % len(tune)]) / 12) / 1.3, beep * 1.1
        length = min(spacing, beep * (1.5 if kind == "steady" else 1.0)) * p["fill"]
        if kind == "crescendo":
            length = beep * p["fill"]
        found += [
            (int((at + j * beep) * SAMPLE_RATE), samples_of(length), float(height)) for j in range(size)
        ]
        at, k = at + spacing, k + 1
    return found


def _alarm_clock(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    kind = rng.choice(np.array(["piezo", "voice", "twin bell", "radio"]), p=[0.6, 0.16, 0.14, 0.1])
    if kind == "twin bell":
        strokes, interval = rng.uniform(14, 32), rng.uniform(1.02, 1.25)
        rest = rng.choice([0.0, 0.0, p["pause"]])
        return clapper(
            rng, n, p["pitch"] * rng.uniform(0.8, 1.3), interval, strokes, 10 * p["pause"], float(rest)
        )
    pitch = p["pitch"] * {"voice": 0.5, "radio": 0.22}.get(str(kind), 1.0)
    timbre = str(rng.choice(TIMBRES[:4], p=[0.25, 0.35, 0.25, 0.15]))
    rise, fall = rng.uniform(0.001, 0.012), rng.uniform(0.001, 0.03)
    sag, chirp = rng.uniform(0, 5), 1 + rng.uniform(-0.004, 0.004)
    trill = rng.uniform(20, 60) if rng.random() < 0.15 else 0.0
    tones: dict[tuple[int, float], Signal] = {}
    parts: list[tuple[int, Signal]] = []
    for onset, length, height in _beeps(p, rng, n):
        if (length, height) not in tones:
            tone = electronic(rng, length, pitch * height * chirp, timbre) * held(length, rise, fall)
            if kind == "radio":
                tone = np.tanh(3 * tone + lowpass(white(rng, length), 2000))
            if trill:
                tone = tone * (np.sin(np.arange(length) * (2 * np.pi * trill / SAMPLE_RATE)) > -0.2)
            tones[length, height] = tone * np.exp(np.arange(length) * (-sag / SAMPLE_RATE))
        parts.append((onset, tones[length, height] * rng.uniform(0.92, 1)))
    frequencies, decibels = bumps(rng, 9, 300, 7600, 10)
    return equalised(place(n, [part for part in parts if part[0] < n]), frequencies, decibels)


def _buzzer(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    kind = rng.choice(np.array(["mains", "game show", "electronic", "door"]))
    detuned = rng.uniform(1.003, 1.06) if kind == "game show" else 1.0
    wobble, rattle_level = rng.uniform(0, 0.006), rng.uniform(0.05, 0.9) * (2 if kind == "door" else 1)
    drive, sag = rng.uniform(0.3, 1.5), rng.uniform(0.7, 1)
    frequencies, decibels = bumps(rng, 9, 150, 6500, 11)
    parts = []
    for onset in beats(rng, n, p["rate"], jitter=0.03):
        length = samples_of(p["fill"] / p["rate"] * rng.uniform(0.92, 1))
        droop = curve([(0, 1 + rng.uniform(-0.03, 0.04)), (0.1, 1), (1, sag**0.1)], length)
        frequency = p["pitch"] * droop * (1 + wobble * wander(rng, length, 20))
        if kind == "electronic":
            frequency = frequency * rng.choice([1.0, 2.0])
            duty = rng.uniform(0.1, 0.5)
            spectrum = np.abs(np.sin(np.pi * np.arange(1, 40) * duty)) * sloped(39, 5 + p["slope"] * 0.5)
        else:
            spectrum = sloped(60, p["slope"]) * rng.uniform(0.3, 1, 60)
        tone = oscillator(frequency, spectrum)
        if detuned > 1:
            tone = tone + oscillator(frequency * detuned, spectrum)
        # The armature hits its stop once a period, which gates the noise of its rattle.
        rattle = lowpass(white(rng, length), rng.uniform(2000, 6000)) * (0.3 + 0.7 * (tone > 0.4))
        level = held(length, 0.004, rng.uniform(0.005, 0.04)) * curve([(0, 0.8), (0.1, 1), (1, sag)], length)
        parts.append((onset, (np.tanh(drive * tone) / np.tanh(drive) + rattle_level * rattle) * level))
    return equalised(place(n, parts), frequencies, decibels)


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
        phrases=("a wailing siren", "the wail of a siren", "an ambulance siren", "a police siren going by"),
        also=("siren", "sirens", "police car (siren)", "ambulance (siren)", "civil defense siren"),
        parameters={
            "pitch": Span(430, 1350, log=True),
            "octaves": Span(0.5, 1.5),
            "quick": Span(0.7, 1.4, log=True),
            "slope": Span(2, 14),
        },
    ),
    EventClass(
        name="alarm clock beeping",
        category="alarm",
        subject="an alarm clock",
        verb="beeps",
        gerund="beeping",
        mention=r"alarm clocks?",
        seconds=(1.0, 6.0),
        render=_alarm_clock,
        pitch="pitch",
        phrases=("a beeping alarm clock", "the beeps of an alarm clock", "an alarm clock going off"),
        also=("alarm clock", "clock alarm", "beep", "beeping", "beep, bleep", "smoke detector, smoke alarm"),
        parameters={
            "pitch": Span(1100, 4000, log=True),
            "beeps": Span(3, 12, log=True),
            "fill": Span(0.35, 0.8),
            "pause": Span(0.15, 0.9),
        },
    ),
    EventClass(
        name="bell ringing",
        category="alarm",
        subject="a bell",
        verb="rings",
        gerund="ringing",
        mention=r"bells?",
        seconds=(1.0, 5.0),
        render=bell,
        countable=True,
        pitch="pitch",
        phrases=(
            "a ringing bell",
            "the toll of a bell",
            "church bells",
            "strokes of a bell",
            "a bicycle bell",
        ),
        also=(
            "bell",
            "church bell",
            "bells",
            "bicycle bell",
            "cowbell",
            "chime",
            "jingle bell",
            "tubular bells",
        ),
        parameters={
            "pitch": Span(210, 2800, log=True),
            "rate": Span(0.5, 1.6, log=True),
            "sixty": Span(1.2, 8, log=True),
            "slope": Span(0.0, 1.1),
        },
    ),
    EventClass(
        name="telephone ringing",
        category="alarm",
        subject="a telephone",
        verb="rings",
        gerund="ringing",
        mention=r"telephones?|phones?",
        seconds=(1.0, 6.0),
        render=telephone,
        phrases=("a ringing telephone", "a phone ringing", "the ring of a phone", "a phone rings"),
        also=("telephone", "phone", "telephone bell ringing", "ringtone", "phone ring", "cell phone"),
        parameters={
            "pitch": Span(750, 1900, log=True),
            "interval": Span(1.05, 1.4),
            "strokes": Span(14, 34, log=True),
            "on": Span(0.5, 2.2),
            "off": Span(0.3, 1.6),
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
        phrases=("a buzzing buzzer", "the buzz of a buzzer", "a buzzer going off", "a buzzer sounds"),
        also=("buzzer", "buzzers", "game show buzzer", "electric buzzer"),
        parameters={
            "pitch": Span(80, 330, log=True),
            "rate": Span(0.5, 1.6, log=True),
            "fill": Span(0.4, 0.88),
            "slope": Span(0.5, 6),
        },
    ),
    EventClass(
        name="doorbell chiming",
        category="alarm",
        subject="a doorbell",
        verb="chimes",
        gerund="chiming",
        mention=r"doorbells?",
        seconds=(1.0, 4.5),
        render=doorbell,
        phrases=("a chiming doorbell", "the chime of a doorbell", "a doorbell ringing", "a doorbell rings"),
        also=("doorbell", "ding-dong", "door bell", "door chime"),
        parameters={
            "pitch": Span(380, 1500, log=True),
            "gap": Span(0.25, 0.9),
            "sixty": Span(0.8, 4.5, log=True),
        },
    ),
)
