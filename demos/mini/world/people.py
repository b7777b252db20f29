"""People without words: feet, hands, laughter, whistling, coughs and sneezes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from demos.mini.world.dsp import (
    SAMPLE_RATE,
    Signal,
    beats,
    curve,
    decay,
    formants,
    highpass,
    impulses,
    lowpass,
    oscillator,
    place,
    samples_of,
    shaped_noise,
    wander,
    white,
)
from demos.mini.world.event_class import EventClass
from demos.mini.world.ranges import Parameters, Span
from demos.mini.world.steps import footsteps
from demos.mini.world.throat import flaps, levelled, mouth_noise, peaked, through_throat, voice, vowel


def _hands(rng: np.random.Generator, palm: float, sixty: float) -> Signal:
    """One clap of a pair of hands: cupped palms are low, flat fingers high and bright."""
    length = samples_of(0.14)
    slap = white(rng, length) * decay(length, sixty)
    slap[0] += rng.uniform(0, 4)
    peaks = [(palm * rng.uniform(0.9, 1.1), palm * rng.uniform(0.2, 0.6), 1.0)]
    peaks += [(palm * rng.uniform(1.7, 2.6), palm * 0.7, rng.uniform(0.2, 0.9)), (5200, 2500, 0.3)]
    return peaked(formants(slap, peaks) + rng.uniform(0, 0.4) * formants(slap, [(palm * 0.3, 200, 1.0)]))


def _clapping(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    kind = rng.random()
    if kind < 0.55:
        people = 1 if kind < 0.35 else int(rng.integers(2, 9))
        together = rng.random() < 0.3
        total = np.zeros(n)
        for one in range(people):
            rate = p["rate"] if together or one == 0 else p["rate"] * rng.uniform(0.75, 1.3)
            late = 0 if one == 0 else int(rng.uniform(0, (0.03 if together else 0.9 / rate) * SAMPLE_RATE))
            onsets = np.array(beats(rng, max(1, n - late), rate, jitter=rng.uniform(0.02, 0.09))) + late
            clap = _hands(rng, p["palm"] * rng.uniform(0.7, 1.4), p["sixty"] * rng.uniform(0.7, 1.4))
            far = 1.0 if one == 0 else rng.uniform(0.3, 1.0)
            total += place(n, [(int(at), clap * far * rng.uniform(0.5, 1)) for at in onsets])
        return total
    return _applause(p, rng, n)


def _applause(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """A crowd: hundreds of claps a second, some of them near, over the wash of the rest and their shouts."""
    size = next_fast_len(n, real=True)
    per_second = float(np.exp(rng.uniform(np.log(30), np.log(900))))
    swell = curve([(0, rng.uniform(0.4, 1)), (rng.uniform(0.1, 0.9), 1), (1, rng.uniform(0.2, 1))], n)
    if rng.random() < 0.15:  # the audience falls into step
        step = np.sin(np.arange(n) * (np.pi * p["rate"] / SAMPLE_RATE)) ** 2
        swell = swell * (0.08 + step**6)
    spectrum = np.zeros(size // 2 + 1, dtype=np.complex128)
    groups = 5
    for _ in range(groups):
        onsets = rng.integers(0, n, rng.poisson(per_second / groups * n / SAMPLE_RATE) + 2)
        gains = rng.random(len(onsets)) ** rng.uniform(1, 4) * rng.choice([-1.0, 1.0], len(onsets))
        clap = _hands(rng, p["palm"] * rng.uniform(0.65, 1.5), p["sixty"] * rng.uniform(0.7, 1.8))
        spectrum += rfft(impulses(n, onsets, gains), size) * rfft(clap, size)
    claps = levelled(irfft(spectrum, size)[:n])
    middle = p["palm"] * rng.uniform(0.8, 1.3)
    wash = shaped_noise(rng, n, (100, middle * 0.5, middle, 3000, 8000), (-25, -8, 0, -7, -20))
    total = claps + rng.uniform(0, 1.2) * wash
    if rng.random() < 0.4:
        shouts = shaped_noise(rng, n, (150, 500, 1000, 2000, 5000), (-20, 0, -2, -12, -35))
        total += rng.uniform(0.2, 0.9) * shouts * (0.6 + 0.4 * wander(rng, n, 1.5))
    if rng.random() < 0.15:
        total += 0.5 * _whistle({"pitch": 1900.0, "notes": 1.2, "vibrato": 6.0, "breath": 0.1}, rng, n)
    return total * swell


def _laugh(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    people = 1 if rng.random() < 0.75 else int(rng.integers(2, 4))
    total = _one_laughs(p, rng, n)
    for _ in range(people - 1):
        other = {**p, "pitch": p["pitch"] * rng.uniform(0.6, 1.5), "rate": p["rate"] * rng.uniform(0.8, 1.2)}
        total = total + rng.uniform(0.3, 0.9) * _one_laughs(other, rng, n)
    return total


def _one_laughs(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """Bouts of quick notes, each an h and a vowel, that sink in pitch and level until breath is drawn."""
    contour, voiced, breathy = np.full(n, p["pitch"]), np.zeros(n), np.zeros(n)
    silent = rng.random() < 0.12  # some laugh with breath alone
    rise, opening = rng.uniform(1.0, 1.35), rng.uniform(0.4, 0.8)
    at, note, bout = 0, 0, int(rng.integers(3, 12))
    high = 1.0
    while at < n:
        interval = int(SAMPLE_RATE / p["rate"] * rng.uniform(0.88, 1.12) * (1.5 if note == 0 else 1.0))
        stop = min(n, at + interval)
        held = stop - at
        level = rng.uniform(0.7, 1) * 0.95**note
        high = high if note else rng.uniform(0.85, 1.2)
        shape = curve([(0, 0.95), (0.3, rise), (1, 0.85)], interval)[:held]
        contour[at:stop] = p["pitch"] * high * p["fall"] ** note * rng.uniform(0.95, 1.05) * shape
        shape = curve([(0, 0), (0.1, 1), (opening * 0.7, 0.8), (opening, 0), (1, 0)], interval)[:held]
        voiced[at:stop] = level * shape
        shape = curve([(0, 0.5), (opening * 0.6, 0.25), (opening + 0.1, 1), (1, 0.4)], interval)[:held]
        breathy[at:stop] = level * shape
        at, note = stop, note + 1
        if note >= bout:
            inhaled = samples_of(rng.uniform(0.2, 0.6))
            stop = min(n, at + inhaled)
            loud = rng.uniform(0.2, 1.2)
            breathy[at:stop] = loud * curve([(0, 0), (0.5, 1), (1, 0.1)], inhaled)[: stop - at]
            if rng.random() < 0.35:  # drawn with a voice
                voiced[at:stop] = 0.35 * curve([(0, 0), (0.6, 1), (1, 0)], inhaled)[: stop - at]
                contour[at:stop] = p["pitch"] * rng.uniform(1.2, 1.8)
            at, note, bout = stop, 0, int(rng.integers(3, 12))
    source = voice(rng, contour, p["slope"], rng.random() ** 3) * voiced * (0.05 if silent else 1.0)
    air = mouth_noise(rng, n, 0.5) * breathy * p["breath"] * (2.0 if silent else 1.0)
    here, there = vowel(rng, "a", "uh", "ae", "e", "i", "o"), vowel(rng, "a", "uh", "e", "er", "m")
    return through_throat(rng, source + air, ((0, here), (0.6, here), (1, there)), p["mouth"], 1.3)


def _whistle(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    kind = rng.random()
    if kind < 0.55:  # a tune
        notes = max(2, int(n / SAMPLE_RATE * p["notes"]))
        steps = np.cumsum(rng.choice([-5, -4, -2, -1, 0, 2, 3, 4, 5], notes)).astype(float)
        steps -= float(np.mean(steps))
        lengths = rng.choice([1.0, 1.0, 2.0, 0.5], notes)
        edges = np.round(np.concatenate([[0], np.cumsum(lengths)]) / lengths.sum() * n).astype(int)
        semitones = np.repeat(steps, np.diff(edges))
        within = (np.arange(n) - np.repeat(edges[:-1], np.diff(edges))) / np.repeat(
            np.maximum(np.diff(edges), 1), np.diff(edges)
        )
        gap = rng.uniform(0.0, 0.5)
        level = 1 - gap + gap * np.sqrt(np.sin(np.pi * np.clip(within, 0.01, 0.99)))
        semitones = lowpass(semitones - semitones[0], rng.uniform(5, 20)) + semitones[0]
    else:
        # Calls to a dog or across a street, the two swoops at a passer-by, aimless up and down.
        repeat = max(1, round(n / SAMPLE_RATE / rng.uniform(0.7, 1.6)))
        turns = (np.arange(n) * (repeat / n)) % 1.0
        forms = (
            [(0, -6), (0.3, 6), (0.4, 6), (0.45, -4), (0.7, 4), (0.95, -9), (1, -9)],
            [(0, -1), (0.15, 0), (0.45, 0), (0.5, rng.uniform(3, 8)), (0.9, 4), (1, 4)],
            [(0, rng.uniform(-9, 9)), (0.4, rng.uniform(-4, 4)), (1, rng.uniform(-9, 9))],
            [(0, -5), (0.12, 0), (1, rng.uniform(-1, 1))],
        )
        shares, values = zip(*forms[int(rng.integers(4))], strict=True)
        semitones = np.interp(turns, shares, values)
        rest = rng.uniform(0.05, 0.3)
        level = np.clip(np.minimum(turns / 0.04, (1 - rest - turns) / 0.05), 0, 1)
    shake = rng.uniform(0, 0.5) * np.sin(np.arange(n) * (2 * np.pi * p["vibrato"] / SAMPLE_RATE))
    pitch = p["pitch"] * 2.0 ** ((semitones + shake + 0.15 * wander(rng, n, 12)) / 12)
    pitch = np.clip(pitch, 350, 4500)
    tone = oscillator(pitch, (1.0, rng.uniform(0.005, 0.12), rng.uniform(0, 0.03)))
    breath = levelled(formants(white(rng, n), [(p["pitch"], p["pitch"] * 0.6, 1.0), (4500, 2500, 0.4)]))
    return (tone * (1 + 0.15 * wander(rng, n, 20)) + p["breath"] * breath) * level


def _cough(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """Pressed-up air that breaks the throat open, rushes, and often ends in a strained voice."""
    hoarse, wet, barking = rng.uniform(0.2, 1), rng.random() < 0.35, rng.random() < 0.3
    open_to = vowel(rng, "uh", "a", "er", "o", "e")
    parts = []
    for order, onset in enumerate(beats(rng, n, p["rate"], jitter=0.12)):
        whole = samples_of(min(p["lasting"] * rng.uniform(0.8, 1.2), 0.9 / p["rate"]))
        attack = rng.uniform(0.006, 0.03)
        rush = curve(
            [(0, 0.1), (attack, 1), (0.12, 0.7), (0.3, rng.uniform(0.2, 0.5)), (0.7, 0.15), (1, 0)], whole
        )
        noise = mouth_noise(rng, whole, rng.uniform(-0.3, 0.7)) * rush
        fall = rng.uniform(0.5, 0.85)
        contour = p["pitch"] * rng.uniform(0.9, 1.1) * curve([(0, 1.1), (0.3, 1.25), (1, fall)], whole)
        start = 0.02 if barking else rng.uniform(0.25, 0.45)
        sounding = curve([(0, 0), (start, 0), (start + 0.1, 1), (0.75, rng.uniform(0.3, 0.8)), (1, 0)], whole)
        strained = voice(rng, contour, rng.uniform(3, 7), hoarse) * sounding
        if wet:
            gurgle = flaps(rng, np.full(whole, rng.uniform(25, 80)), 0.7, 0.7)
            noise = noise * (0.4 + 2 * np.clip(lowpass(gurgle, 60) * 40, 0, 1.5))
        path = ((0, "e"), (0.15, open_to), (1, vowel(rng, "er", "m", "uh")))
        chest = through_throat(rng, noise + p["voiced"] * strained, path, p["mouth"], 1.8)
        hiss = highpass(noise, 2500) * rng.uniform(0.1, 0.9)
        body = levelled(chest) + levelled(hiss) * rng.uniform(0.05, 0.4)
        body += rng.uniform(0, 0.6) * levelled(lowpass(noise, 200)) * decay(whole, 0.2)
        parts.append((onset, body * rng.uniform(0.6, 1) * 0.93**order))
    return place(n, parts)


def _sneeze(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """Ah, ah, choo: gasps drawn in, then a burst through the teeth or nose, often with a cry in it."""
    held, shouted = rng.random() < 0.2, rng.random() < 0.35
    before = vowel(rng, "a", "ae", "e", "er")
    after = vowel(rng, "u", "a", "uh", "i", "o")
    gasps = int(rng.choice([0, 1, 1, 2]))
    parts: list[tuple[int, Signal]] = []
    for onset in beats(rng, n, p["rate"], jitter=0.03):
        whole = samples_of(1 / p["rate"])
        drawn = int(whole * p["ah"] / max(gasps, 1))
        at, rough = onset, rng.random() ** 2
        for gasp in range(gasps):
            rising = curve([(0, 0.85), (1, rng.uniform(1.2, 1.7))], drawn) * p["pitch"]
            air = rng.uniform(0.2, 0.9) * voice(rng, rising, 7, rough) + mouth_noise(rng, drawn)
            sound = levelled(
                through_throat(rng, air, ((0, "m"), (0.4, before), (1, before)), p["mouth"], 1.5)
            )
            shape = curve([(0, 0.3), (0.7, 1), (0.92, 0.8), (1, 0)], drawn)
            parts.append((at, sound * shape * rng.uniform(0.2, 0.5) * (1 + 0.4 * gasp)))
            at += drawn
        parts.append((at, _burst_out(p, rng, whole, after, held, shouted)))
    return place(n, parts)


def _burst_out(
    p: Parameters, rng: np.random.Generator, whole: int, after: str, held: bool, shouted: bool
) -> Signal:
    length = int(whole * rng.uniform(0.3, 0.5))
    hiss = rng.uniform(2200, 4500) * p["mouth"] ** 0.5
    bands = [(hiss, hiss * 0.35, 1.0), (min(7000, hiss * 1.7), 1800, rng.uniform(0.3, 1)), (1400, 700, 0.4)]
    if held:  # pinched off in the nose
        bands = [(rng.uniform(800, 1600), 500, 1.0), (3000, 1500, 0.4)]
    fast = rng.uniform(0.02, 0.1)
    shape = curve(
        [(0, 0.2), (fast, 1.7), (0.3, rng.uniform(0.3, 1)), (rng.uniform(0.5, 0.8), 0.1), (1, 0)], length
    )
    burst = levelled(formants(white(rng, length), bands)) * shape * (0.5 if shouted else 1.0)
    falling = curve([(0, 1.2), (0.2, rng.uniform(1.3, 1.9)), (1, rng.uniform(0.5, 0.9))], length) * p["pitch"]
    cry = through_throat(
        rng, voice(rng, falling, 5, rng.random() ** 2), ((0, "i"), (0.3, after), (1, after)), p["mouth"]
    )
    starts = 0.0 if shouted else rng.uniform(0.1, 0.3)
    cry = levelled(cry) * curve([(0, 0), (starts, 0), (starts + 0.08, 1), (0.6, 0.6), (1, 0)], length)
    return burst + (0.1 if held else 2.2 if shouted else 1.0) * p["voiced"] * cry


def _spans(**spans: Sequence[float]) -> dict[str, Span]:
    """Spans by name, all even in octaves."""
    return {name: Span(low, high, log=True) for name, (low, high) in spans.items()}


CLASSES = (
    EventClass(
        name="footsteps",
        category="human",
        subject="someone",
        verb="walks",
        gerund="walking",
        mention=r"walk(?:s|ing)?|footsteps?",
        seconds=(1.2, 8.0),
        render=footsteps,
        phrases=("footsteps", "the sound of footsteps", "footsteps on a floor", "someone walking around"),
        also=("walk", "footstep", "walk footsteps", "steps", "run", "running feet"),
        parameters={
            **_spans(rate=(1.2, 3.2), scuff=(0.25, 1.6), roll=(0.03, 0.19)),
            "sole": Span(0.0, 1.0),
        },
    ),
    EventClass(
        name="clapping",
        category="human",
        subject="someone",
        verb="claps",
        gerund="clapping",
        mention=r"clap(?:s|ping)?|applau(?:se|ds?|ding)",
        seconds=(1.0, 8.0),
        render=_clapping,
        phrases=("hands clapping", "applause", "an audience clapping", "the applause of a crowd"),
        also=("clap", "clapping hands", "crowd applause", "cheering"),
        parameters=_spans(rate=(2.0, 5.8), palm=(700, 2400), sixty=(0.02, 0.09)),
    ),
    EventClass(
        name="laughing",
        category="human",
        subject="someone",
        verb="laughs",
        gerund="laughing",
        mention=r"laugh(?:s|ing|ter)?|giggl(?:es?|ing)|chuckl(?:es?|ing)",
        seconds=(0.9, 6.0),
        render=_laugh,
        pitch="pitch",
        phrases=("laughter", "a person laughing", "someone giggling", "people laughing"),
        also=("laugh", "chuckle", "giggle", "chuckle chortle", "belly laugh", "baby laughter"),
        parameters={
            **_spans(rate=(3.4, 7.0), pitch=(110, 600), breath=(0.1, 1.2), mouth=(0.92, 1.35)),
            "fall": Span(0.92, 1.01),
            "slope": Span(4, 11),
        },
    ),
    EventClass(
        name="whistling",
        category="human",
        subject="someone",
        verb="whistles",
        gerund="whistling",
        mention=r"whistl(?:es?|ing)",
        seconds=(0.8, 6.0),
        render=_whistle,
        pitch="pitch",
        phrases=("a person whistling", "someone whistling a tune", "a whistle", "the whistle of a person"),
        also=("whistle", "wolf whistling"),
        parameters={
            **_spans(pitch=(750, 2600), notes=(1.2, 5.0), breath=(0.02, 0.4)),
            "vibrato": Span(3.5, 8),
        },
    ),
    EventClass(
        name="coughing",
        category="human",
        subject="someone",
        verb="coughs",
        gerund="coughing",
        mention=r"cough(?:s|ing)?",
        seconds=(0.5, 2.6),
        render=_cough,
        countable=True,
        phrases=("a cough", "a person coughing", "someone coughing hard", "the cough of a person"),
        also=("cough", "coughs", "throat clearing"),
        parameters={
            **_spans(rate=(0.9, 2.8), pitch=(95, 420), mouth=(0.92, 1.4)),
            "lasting": Span(0.18, 0.6),
            "voiced": Span(0.1, 1.5),
        },
    ),
    EventClass(
        name="sneezing",
        category="human",
        subject="someone",
        verb="sneezes",
        gerund="sneezing",
        mention=r"sneez(?:es?|ing)",
        seconds=(0.7, 2.8),
        render=_sneeze,
        countable=True,
        phrases=("a sneeze", "a person sneezing", "the sneeze of a person"),
        also=("sneeze", "sneezes", "achoo"),
        parameters={
            **_spans(rate=(0.65, 1.5), pitch=(110, 450), mouth=(0.92, 1.4)),
            "ah": Span(0.15, 0.45),
            "voiced": Span(0.05, 0.9),
        },
    ),
)
