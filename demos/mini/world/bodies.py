"""What bodies do by themselves and at the sink: snores, cries of babies, breath, teeth brushed, gulps."""

from __future__ import annotations

import numpy as np

from demos.mini.world.dsp import (
    SAMPLE_RATE,
    Signal,
    beats,
    curve,
    formants,
    highpass,
    impulses,
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
from demos.mini.world.throat import flaps, levelled, mouth_noise, peaked, through_throat, voice, vowel


def _snore(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """Slack tissue that flaps in the breath drawn in; then, often, a sigh, a puff or a whistle out."""
    kind = str(rng.choice(["palate", "throat", "purr", "choked"]))
    purring = kind == "purr"
    jitter = {"palate": 0.25, "throat": 0.6, "purr": 0.06, "choked": 0.9}[kind]
    passage = vowel(rng, "m", "u", "er") if kind in ("palate", "purr") else vowel(rng, "uh", "er", "o", "a")
    size = p["nose"] / 340
    out = str(rng.choice(["sigh", "puff", "whistle", "nothing"]))
    parts: list[tuple[int, Signal]] = []
    for onset in beats(rng, n, p["rate"], jitter=0.04):
        cycle = samples_of(1 / p["rate"])
        length = int(cycle * p["fill"] * rng.uniform(0.85, 1.1))
        rise = rng.uniform(0.8, 1.3)
        flutter = p["flutter"] * (2.2 if purring else 1.0) * curve([(0, 0.8), (0.6, rise), (1, 0.9)], length)
        flutter = flutter * (1 + 0.1 * wander(rng, length, 8))
        strokes = flaps(rng, flutter, jitter, rng.uniform(0.2, 0.8))
        # Each stroke lets a short gush of air through: its click and its noise are filtered together.
        gush = lowpass(strokes, rng.uniform(80, 250))
        rasp = levelled(strokes) + p["air"] * levelled(mouth_noise(rng, length) * (gush + 0.1 * gush.max()))
        rasp = rasp + (rng.uniform(0, 1) * voice(rng, flutter, 3.0, 0.3) if purring else 0.0)
        tone = through_throat(rng, rasp, ((0, passage), (1, vowel(rng, "m", "er", passage))), size, 2.0)
        peak = rng.uniform(0.4, 0.85)
        swell = curve(
            [(0, rng.uniform(0.06, 0.3)), (0.15, rng.uniform(0.3, 0.8)), (peak, 1), (0.95, 0.6), (1, 0)],
            length,
        )
        parts.append((onset, levelled(tone) * swell * rng.uniform(0.7, 1)))
        rest = cycle - length
        if out != "nothing" and rest > samples_of(0.25):
            start = onset + length + int(rest * rng.uniform(0.1, 0.3))
            parts.append((start, rng.uniform(0.05, 0.35) * _let_out(rng, int(rest * 0.65), out, size)))
    return place(n, parts)


def _let_out(rng: np.random.Generator, n: int, how: str, size: float) -> Signal:
    """The breath after a snore."""
    shape = curve([(0, 0), (0.08 if how == "puff" else 0.3, 1), (0.6, 0.4), (1, 0)], n)
    air = levelled(through_throat(rng, mouth_noise(rng, n), ((0, "u"), (1, "er")), size, 2.0))
    if how == "puff":  # lips that the breath blows apart
        lips = lowpass(flaps(rng, np.full(n, rng.uniform(18, 40)), 0.5, 0.5), rng.uniform(150, 900))
        air = air + levelled(lips) * curve([(0, 1), (0.4, 0)], n)
    if how == "whistle":
        slide = rng.uniform(600, 2200) * curve([(0, 1), (1, rng.uniform(0.7, 1.2))], n)
        air = 0.4 * air + oscillator(slide * (1 + 0.03 * wander(rng, n, 15)))
    return air * shape


def _baby(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """Long cries on one breath each, arched in pitch, some of them hoarse or squealed, and gasps between."""
    kind = str(rng.choice(["wail", "newborn", "fuss", "sob", "scream"], p=[0.35, 0.25, 0.15, 0.15, 0.1]))
    longest = {"wail": 1.7, "newborn": 0.8, "fuss": 0.5, "sob": 1.0, "scream": 2.2}[kind]
    contour, voiced, breathy = np.full(n, p["pitch"]), np.zeros(n), np.zeros(n)
    hoarse = np.zeros(n)
    at = 0
    arch = rng.uniform(1.1, 1.45)
    while at < n:
        length = samples_of(longest * p["breath"] * rng.uniform(0.6, 1.2))
        stop = min(n, at + length)
        held = stop - at
        peak = rng.uniform(0.15, 0.6)
        pitch = rng.uniform(0.88, 1.12) * (1.35 if kind == "scream" else 1.0) * p["pitch"]
        shape = curve([(0, 0.8), (peak, arch), (0.9, 1.0), (1, rng.uniform(0.6, 0.95))], length)
        if rng.random() < 0.15:  # the voice flips up into a squeal for a while
            flip = np.sort(rng.random(2))
            shape = shape * np.where(
                np.abs(np.linspace(0, 1, length) - flip.mean()) < np.ptp(flip) / 2, 1.9, 1.0
            )
        contour[at:stop] = (pitch * shape)[:held]
        loud = curve([(0, 0), (0.06, 0.8), (peak, 1), (0.85, rng.uniform(0.5, 1)), (1, 0)], length)
        if kind == "sob":
            loud = loud * (
                0.45 + 0.55 * np.sin(np.arange(length) * (np.pi * rng.uniform(4, 7) / SAMPLE_RATE)) ** 2
            )
        voiced[at:stop] = (rng.uniform(0.6, 1) * loud)[:held]
        breathy[at:stop] = 0.1 * loud[:held]
        if rng.random() < p["hoarse"]:
            first, last = np.sort(rng.random(2))
            hoarse[at + int(first * held) : at + int(last * held) + 1] = rng.uniform(0.5, 1)
        pause = samples_of(rng.uniform(0.15, 0.45) * (2.5 if kind == "fuss" else 1.0))
        at, stop = stop, min(n, stop + pause)
        gasp = curve([(0, 0), (0.35, 0.2), (0.7, 1), (0.9, 0.7), (1, 0)], pause)[: stop - at]
        breathy[at:stop] = rng.uniform(0.05, 0.6) * gasp
        if rng.random() < 0.4:  # breath drawn through a tight throat squeaks
            voiced[at:stop] = rng.uniform(0.05, 0.3) * gasp
            contour[at:stop] = p["pitch"] * rng.uniform(1.3, 2.2)
        at = stop
    contour = contour * (
        1 + rng.uniform(0, 0.05) * np.sin(np.arange(n) * (6.28 * rng.uniform(4, 9) / SAMPLE_RATE))
    )
    clear = voice(rng, contour, p["slope"], 0.0)
    mixed = clear * (1 - 0.6 * hoarse) + hoarse * voice(rng, contour, p["slope"], 1.0)
    source = mixed * voiced + mouth_noise(rng, n, 0.4) * breathy
    open_to, close_to = vowel(rng, "a", "ae", "e"), vowel(rng, "ae", "e", "uh")
    knots = np.linspace(0, 1, max(2, round(n / SAMPLE_RATE * 1.5)))
    path = [(float(share), open_to if k % 2 else close_to) for k, share in enumerate(knots)]
    return through_throat(rng, source, path, p["mouth"], 1.6)


def _breathing(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """Breath in and out, by nose or mouth, calm or panting, close to the ear or through a mask."""
    mask, nasal = rng.random() < 0.15, rng.random() < 0.35
    drawn, blown = ("m", "er") if nasal else (vowel(rng, "i", "e", "er"), vowel(rng, "a", "uh", "o", "u"))
    ratio, rest = rng.uniform(0.35, 0.55), rng.uniform(0.02, 0.25)
    loud_in, loud_out = rng.uniform(0.35, 1.0), rng.uniform(0.35, 1.0)
    tilt_in, tilt_out = rng.uniform(-0.2, 0.8), rng.uniform(-0.6, 0.5)
    shaky = rng.uniform(0, 0.4)
    moaned = rng.random() < 0.15
    bandwidth = 0.8 if mask else rng.uniform(1.5, 3.5)
    size = p["mouth"]
    total: Signal = np.zeros(n)
    at, inward = 0, rng.random() < 0.6
    while at < n:
        share = ratio if inward else 1 - ratio
        cycle = rng.uniform(0.85, 1.15) / p["rate"]
        length = max(512, samples_of(share * cycle * (1 - rest)))
        noise = mouth_noise(rng, length, tilt_in if inward else tilt_out)
        source = noise * (1 + shaky * wander(rng, length, 20))
        if moaned and not inward:
            falling = rng.uniform(90, 250) * curve([(0, 1), (1, 0.8)], length)
            source = source + rng.uniform(0.1, 0.6) * voice(rng, falling, 9, 0.3)
        here = drawn if inward else blown
        path = ((0, here), (1, vowel(rng, here, "er")))
        sound = levelled(through_throat(rng, source, path, size * (1.08 if inward else 1.0), bandwidth))
        peak = rng.uniform(0.3, 0.75) if inward else rng.uniform(0.08, 0.4)
        shape = curve([(0, 0.05), (peak * 0.4, 0.5), (peak, 1), ((1 + peak) / 2, 0.5), (1, 0)], length)
        sound = (
            sound * shape ** rng.uniform(0.7, 1.5) * (loud_in if inward else loud_out) * rng.uniform(0.8, 1.1)
        )
        stop = min(n, at + length)
        total[at:stop] += sound[: stop - at]
        if mask and at + 400 < n:  # a valve that snaps
            click = ring(
                white(rng, 400) * np.exp(-np.arange(400) / 40), [(rng.uniform(500, 2500), 0.03, 1.0)]
            )
            total[at : at + 400] += 0.8 * peaked(click)
        at = stop + samples_of(rest * share * cycle * rng.uniform(0.3, 1.7))
        inward = not inward
    if mask:
        total = lowpass(total, rng.uniform(700, 2500))
    return total


def _teeth(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """Bristles to and fro over teeth, in a mouth that changes its shape with the place that is brushed."""
    electric = rng.random() < 0.25
    time = np.arange(n)
    speed = p["rate"] * (1 + 0.15 * wander(rng, n, 1.2))
    turns = np.cumsum(speed) * (1 / SAMPLE_RATE)
    there = rng.uniform(0.35, 0.65)  # forth and back differ in length, level and colour
    within = turns % 1.0
    forth = within < there
    stroke = np.where(forth, within / there, (within - there) / (1 - there))
    swing = np.sin(np.pi * stroke) ** rng.uniform(0.5, 2.5)
    level = swing * np.where(forth, 1.0, rng.uniform(0.25, 1.0)) * (1 + 0.35 * wander(rng, n, 6))
    if electric:
        level = 1 + 0.35 * wander(rng, n, 3)
    bristle = white(rng, n) + 0.6 * np.where(rng.random(n) < 0.02, rng.normal(size=n) * 4, 0)
    centre = rng.uniform(2200, 5500)
    bands = [(centre, centre * 0.7, 1.0), (min(7200, centre * 1.6), 2000, rng.uniform(0.3, 1))]
    scrub = levelled(highpass(formants(bristle, bands), 600)) * level
    knots = np.linspace(0, 1, max(2, round(n / SAMPLE_RATE * 2)))
    path = [(float(share), vowel(rng, "i", "e", "ae", "a", "er", "u")) for share in knots]
    mouth = levelled(through_throat(rng, mouth_noise(rng, n, 0.7) * level, path, p["mouth"], 2.2))
    total = scrub + p["cavity"] * mouth
    if electric:
        motor = rng.uniform(110, 320) * (1 + 0.02 * wander(rng, n, 4))
        buzz = levelled(
            through_throat(rng, oscillator(motor, sloped(30, rng.uniform(2, 8))), path, p["mouth"], 2)
        )
        total = total * (0.6 + 0.4 * oscillator(motor)) * rng.uniform(0.3, 1) + rng.uniform(0.15, 1) * buzz
    else:
        turning = np.flatnonzero(np.diff(forth.astype(int)) != 0)
        knock = impulses(n, turning, rng.uniform(0, 1, len(turning)) ** 2)
        total += rng.uniform(0, 1.5) * peaked(
            ring(knock, [(rng.uniform(300, 1500), 0.02, 1), (3100, 0.01, 0.6)])
        )
    # The hand rests now and then, never at the start.
    pauses = np.interp(time, np.linspace(0, n, 12), rng.random(12) + (np.arange(12) < 2))
    if rng.random() < 0.5:
        total = total * (0.05 + 0.95 * np.clip((pauses - 0.18) * 12, 0, 1))
    foam = np.where(rng.random(n) < 15 / SAMPLE_RATE, rng.random(n), 0)
    return total + rng.uniform(0, 0.8) * peaked(formants(foam, [(rng.uniform(900, 2500), 500, 1.0)]))


def _drink(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """Sips drawn in with air, gulps that thump down the throat, a breath of relief, a straw."""
    kind = str(rng.choice(["gulps", "sips", "straw", "both"], p=[0.35, 0.25, 0.1, 0.3]))
    parts: list[tuple[int, Signal]] = []
    at = 0
    while at < n:
        gulps = 1 if kind == "sips" else int(rng.integers(2, 8))
        if kind != "gulps" or (at == 0 and rng.random() < 0.4):
            lasting = samples_of(rng.uniform(0.25, 0.9) * (2.0 if kind == "straw" else 1.0))
            parts.append((at, rng.uniform(0.4, 1) * _slurp(p, rng, lasting, kind == "straw")))
            at += lasting + samples_of(rng.uniform(0.05, 0.4))
        for _ in range(gulps):
            parts.append((at, rng.uniform(0.6, 1) * _gulp(p, rng)))
            at += samples_of(rng.uniform(0.75, 1.25) / p["rate"])
            if at >= n:
                break
        if rng.random() < 0.35:
            lasting = samples_of(rng.uniform(0.4, 1.0))
            sigh = mouth_noise(rng, lasting, 0.2)
            if rng.random() < 0.4:
                low = rng.uniform(90, 230) * curve([(0, 1.1), (1, 0.8)], lasting)
                sigh = sigh + rng.uniform(0.5, 2) * voice(rng, low, 8, 0.2)
            sigh = levelled(through_throat(rng, sigh, ((0, "a"), (1, "uh")), 340 / p["throat"], 1.8))
            parts.append((at, rng.uniform(0.1, 0.5) * sigh * curve([(0, 0), (0.15, 1), (1, 0)], lasting)))
            at += lasting
        at += samples_of(rng.uniform(0.1, 0.9))
    return place(n, parts)


def _gulp(p: Parameters, rng: np.random.Generator) -> Signal:
    """The throat closes over the drink and lets it fall: two soft clicks and a glug between."""
    n = samples_of(rng.uniform(0.14, 0.34))
    bend = rng.uniform(0.5, 1.9)
    glide = p["throat"] * rng.uniform(0.8, 1.25) * curve([(0, 1), (0.5, (1 + bend) / 2), (1, bend)], n)
    shape = curve([(0, 0), (0.06, 1), (0.4, rng.uniform(0.2, 0.8)), (1, 0)], n) ** 1.5
    # Between a pure glug and a muffled thump: the note is drowned in noise of its own band.
    drowned = levelled(lowpass(white(rng, n), 60)) * rng.uniform(0, 1.2)
    body = oscillator(glide * (1 + 0.06 * wander(rng, n, 80)), (1.0, rng.uniform(0.0, 0.4), 0.05))
    body = body * (rng.uniform(0.2, 1) + drowned) * shape
    squelch = levelled(lowpass(white(rng, n), 1500) * (1 + np.clip(wander(rng, n, 60) * 3, -1, 2)))
    clicks = impulses(n, [0, int(n * rng.uniform(0.3, 0.8))], rng.uniform(0.3, 1, 2))
    tap = peaked(formants(clicks, [(rng.uniform(500, 1100), 250, 1.0), (rng.uniform(1500, 2800), 500, 0.6)]))
    wet = p["wet"] * squelch * shape * 0.4
    return body * rng.uniform(0.25, 1) + wet + rng.uniform(0.5, 1.6) * tap


def _slurp(p: Parameters, rng: np.random.Generator, n: int, straw: bool) -> Signal:
    """Air and drink drawn in together: hissing noise broken up by bubbles whose pitch glides upward."""
    air = mouth_noise(rng, n, rng.uniform(0.2, 0.8))
    broken = 0.25 + np.clip(wander(rng, n, rng.uniform(25, 70)), 0, 1) * p["wet"]
    narrow = through_throat(rng, air * broken, ((0, "u"), (1, vowel(rng, "i", "e", "u"))), 1.2, 1.8)
    total = levelled(narrow) * curve([(0, 0.3), (0.3, 0.7), (0.8, 1), (1, 0)], n)
    parts = []
    for onset in rng.integers(0, n, int(n / SAMPLE_RATE * (60 if straw else 25) * p["wet"]) + 1):
        length = samples_of(rng.uniform(0.012, 0.05))
        glide = rng.uniform(350, 2200) * curve([(0, 1), (1, rng.uniform(1.0, 1.7))], length)
        bubble = oscillator(glide) * curve([(0, 0), (0.1, 1), (1, 0)], length) ** 2
        parts.append((int(onset), rng.random() ** 2 * bubble))
    return total + (1.6 if straw else 0.8) * place(n, parts)


def _spans(**spans: tuple[float, float]) -> dict[str, Span]:
    """Spans by name, all even in octaves."""
    return {name: Span(low, high, log=True) for name, (low, high) in spans.items()}


CLASSES = (
    EventClass(
        name="snoring",
        category="human",
        subject="someone",
        verb="snores",
        gerund="snoring",
        mention=r"snor(?:es?|ing)",
        seconds=(1.4, 6.0),
        render=_snore,
        countable=True,
        phrases=(
            "a person snoring",
            "the snore of a sleeper",
            "someone asleep and snoring",
            "the sound of snoring",
        ),
        also=("snore", "snores"),
        parameters={
            **_spans(rate=(0.3, 0.75), flutter=(18, 85), nose=(230, 520), air=(0.3, 2.5)),
            "fill": Span(0.4, 0.85),
        },
    ),
    EventClass(
        name="baby crying",
        category="human",
        subject="a baby",
        verb="cries",
        gerund="crying",
        mention=r"bab(?:y|ies)|infants?",
        seconds=(0.8, 8.0),
        render=_baby,
        pitch="pitch",
        phrases=("a crying baby", "the cry of a baby", "an infant crying", "a baby wailing"),
        also=("crying baby", "baby cry", "baby cry infant cry", "infant cry", "crying", "crying sobbing"),
        parameters={
            **_spans(pitch=(290, 640), breath=(0.6, 1.4), mouth=(1.3, 1.75)),
            "slope": Span(2, 8),
            "hoarse": Span(0.0, 0.7),
        },
    ),
    EventClass(
        name="breathing",
        category="human",
        subject="someone",
        verb="breathes",
        gerund="breathing",
        mention=r"breath(?:es?|ing)?|pant(?:s|ing)",
        seconds=(1.2, 8.0),
        render=_breathing,
        phrases=("heavy breathing", "a person breathing", "someone panting", "the breath of a person"),
        also=("breath", "breathe", "respiratory sounds", "gasp", "sigh"),
        parameters=_spans(rate=(0.25, 1.8), mouth=(0.85, 1.35)),
    ),
    EventClass(
        name="brushing teeth",
        category="human",
        subject="someone",
        verb="brushes teeth",
        gerund="brushing teeth",
        mention=r"brush(?:es|ing)? (?:the |their )?teeth|toothbrush(?:es|ing)?|teeth being brushed",
        seconds=(1.2, 8.0),
        render=_teeth,
        continuous=True,
        phrases=("a person brushing teeth", "a toothbrush", "teeth being brushed", "toothbrushing"),
        also=("brushing", "toothbrush", "electric toothbrush", "brush teeth"),
        parameters=_spans(rate=(2.2, 6.5), cavity=(0.15, 1.5), mouth=(0.9, 1.4)),
    ),
    EventClass(
        name="drinking",
        category="human",
        subject="someone",
        verb="drinks",
        gerund="drinking",
        mention=r"drink(?:s|ing)?(?! cans?\b)|sip(?:s|ping)?|slurp(?:s|ing)?|gulp(?:s|ing)?",
        seconds=(0.8, 6.0),
        render=_drink,
        phrases=("a person drinking", "someone sipping", "someone slurping", "gulps of someone thirsty"),
        also=("drinking sipping", "drink", "sip", "gulp", "gurgling", "slurp"),
        parameters=_spans(rate=(0.8, 2.6), throat=(170, 620), wet=(0.3, 1.8)),
    ),
)
