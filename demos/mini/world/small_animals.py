"""Small animals: the pulsed calls of frogs, the rasps of crickets, the wings of bees."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from demos.mini.world.dsp import (
    SAMPLE_RATE,
    Signal,
    curve,
    fade,
    impulses,
    lowpass,
    oscillator,
    place,
    ring,
    samples_of,
    shaped_noise,
    sloped,
    wander,
)
from demos.mini.world.event_class import EventClass
from demos.mini.world.ranges import Parameters, Span


def _pulsed(p: Parameters, rng: np.random.Generator, length: int, pulses: float, pitch: float) -> Signal:
    """A croak: pulses at a gliding rate, each ringing the vocal sac."""
    glide = curve([(0, rng.uniform(0.75, 1.1)), (0.5, 1.0), (1, rng.uniform(0.8, 1.4))], length)
    turns = np.cumsum(glide) * (pulses / SAMPLE_RATE)
    onsets = np.flatnonzero(np.diff(np.floor(turns), prepend=-1))
    train = impulses(length, onsets, rng.uniform(0.6, 1, len(onsets)))
    ringing = p["ringing"]
    modes = [
        (pitch, ringing, 1.0),
        (pitch * p["second"], 0.6 * ringing, rng.uniform(0.3, 1.0)),
        (pitch * p["second"] * rng.uniform(1.5, 2.2), 0.4 * ringing, rng.uniform(0.1, 0.6)),
    ]
    # Pulses that last a moment, not one sample, leave less above the modes.
    croak = ring(lowpass(train, rng.uniform(1500, 5000)), modes)
    body = curve([(0, rng.uniform(0.2, 0.8)), (rng.uniform(0.3, 0.8), 1), (0.9, 0.8), (1, 0)], length)
    return croak * body / (np.abs(croak).max() + 1e-9)


def _croak(p: Parameters, rng: np.random.Generator) -> Signal:
    return _pulsed(p, rng, samples_of(p["length"] * rng.uniform(0.85, 1.15)), p["pulses"], p["pitch"])


def _ribbit(p: Parameters, rng: np.random.Generator) -> Signal:
    first = _pulsed(p, rng, samples_of(0.45 * p["length"]), 1.4 * p["pulses"], p["pitch"])
    second = _pulsed(
        p, rng, samples_of(0.4 * p["length"]), 2.2 * p["pulses"], p["pitch"] * rng.uniform(1.1, 1.4)
    )
    gap = samples_of(0.1 * p["length"])
    return np.concatenate([first, np.zeros(gap), second])


def _quack(p: Parameters, rng: np.random.Generator) -> Signal:
    length = samples_of(0.5 * p["length"] * rng.uniform(0.85, 1.15))
    return _pulsed(p, rng, length, 4 * p["pulses"], 1.4 * p["pitch"])


def _bullfrog(p: Parameters, rng: np.random.Generator) -> Signal:
    length = samples_of(1.3 * p["length"] * rng.uniform(0.85, 1.15))
    contour = curve([(0, 0.8), (0.4, 1.0), (1, 0.9)], length) * (0.22 * p["pitch"])
    wave = oscillator(contour * (1 + 0.02 * wander(rng, length, 20)), sloped(25, rng.uniform(4, 8)))
    sac = ring(wave, [(0.55 * p["pitch"], 0.02, 1.0), (1.4 * p["pitch"], 0.015, rng.uniform(0.3, 0.9))])
    return fade(sac / (np.abs(sac).max() + 1e-9), 0.08 * p["length"], 0.25 * p["length"])


def _trill(p: Parameters, rng: np.random.Generator) -> Signal:
    length = samples_of(p["length"] * rng.uniform(1.5, 4.0))
    tone = oscillator(np.full(length, np.clip(2.2 * p["pitch"], 900, 2600)), (1.0, rng.uniform(0.02, 0.25)))
    beat = np.abs(np.sin(np.arange(length) * (np.pi * 0.8 * p["pulses"] / SAMPLE_RATE)))
    return 0.7 * fade(tone * beat ** rng.uniform(0.8, 2.5), 0.05, 0.1)


def _peep(p: Parameters, rng: np.random.Generator) -> Signal:
    length = samples_of(rng.uniform(0.08, 0.2))
    rise = np.linspace(rng.uniform(0.85, 0.95), 1.0, length)
    tone = oscillator(rise * np.clip(3.6 * p["pitch"], 1500, 3400), (1.0, rng.uniform(0.0, 0.1)))
    return 0.7 * fade(tone, 0.02, 0.04)


_CALLS: tuple[Callable[[Parameters, np.random.Generator], Signal], ...] = (
    _croak,
    _ribbit,
    _quack,
    _bullfrog,
    _trill,
    _peep,
)
_ODDS = (0.3, 0.25, 0.15, 0.1, 0.1, 0.1)


def _frog(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    call = _CALLS[int(rng.choice(len(_CALLS), p=_ODDS))]
    frogs = int(rng.choice([1, 2, 4, 7], p=[0.55, 0.2, 0.15, 0.1]))
    grouped = int(rng.choice([1, 1, 2, 3, 5]))
    parts: list[tuple[int, Signal]] = []
    for frog in range(frogs):
        own = {
            **p,
            "pitch": p["pitch"] * (2 ** rng.normal(0, 0.25) if frog else 1.0),
            "pulses": p["pulses"] * (rng.uniform(0.8, 1.25) if frog else 1.0),
        }
        gain = rng.uniform(0.1, 0.8) if frog else 1.0
        at, called = (samples_of(rng.uniform(0, 1.0)) if frog else 0), 0
        # A frog hardly changes between its calls, so a few takes serve for all.
        takes = [call(own, rng) for _ in range(2)]
        while at < n:
            unit = takes[called % 2]
            parts.append((at, unit * (gain * rng.uniform(0.7, 1))))
            called += 1
            at += len(unit) + samples_of(p["pause"] * rng.uniform(0.25, 0.45))
            if called % grouped == 0:
                at += samples_of(p["pause"] * rng.uniform(0.5, 1.3))
    return place(n, parts)


def _chirps(
    rng: np.random.Generator, n: int, pulses: float, chirps: float, group: int, start: float
) -> Signal:
    """The gate of one cricket: `group` wing strokes a chirp, or strokes without end if `group` is 0."""
    time = np.arange(n) / SAMPLE_RATE - start
    shape = rng.uniform(0.6, 2.0)
    stroke = np.clip(np.sin(2 * np.pi * pulses * time) + rng.uniform(0.0, 0.5), 0, None) ** shape
    if group == 0:
        return stroke * (0.8 + 0.2 * wander(rng, n, 3)) * (time >= 0)
    # Whole strokes make a chirp; the drift of the chirps is slow.
    strokes = max(group + 2, round(pulses / chirps))
    within = np.floor(pulses * time) % strokes
    swell = np.interp(np.arange(strokes), [0, max(group - 1, 1)], [rng.uniform(0.4, 1), 1.0])
    swell[group:] = 0
    return stroke * swell[within.astype(np.int64)] * (time >= 0)


def _crickets(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    kind = rng.choice(["chirp", "trill", "chorus", "ratchet"], p=[0.4, 0.2, 0.25, 0.15])
    singers = 1 + int(rng.choice([0, 1, 2])) if kind != "chorus" else int(rng.integers(4, 8))
    total = np.zeros(n)
    for singer in range(singers):
        pitch = p["pitch"] * (2 ** rng.normal(0, 0.12) if singer else 1.0)
        pulses = p["pulses"] * rng.uniform(0.85, 1.15)
        group = 0 if kind == "trill" or (kind == "chorus" and rng.random() < 0.4) else round(p["group"])
        chirps = p["chirps"] * rng.uniform(0.85, 1.15)
        start = rng.uniform(0, 1 / p["chirps"]) if singer else 0.0
        gate = _chirps(rng, n, pulses, chirps, group, start)
        if kind == "ratchet":
            edges = [500, 0.75 * pitch, pitch, 1.3 * pitch, 8000]
            song = shaped_noise(rng, n, sorted(edges), [-50, -12, 0, -4, -12])
        else:
            frequency = np.clip(pitch * (1 + 0.004 * wander(rng, n, 2)), 2000, 7500)
            song = oscillator(frequency, (1.0, rng.uniform(0.0, 0.2)))
        total += (rng.uniform(0.15, 0.9) if singer else 1.0) * gate * song
    if kind == "chorus" or rng.random() < 0.3:
        # Far-off ones melt into a band of noise.
        band = [500, 0.8 * p["pitch"], p["pitch"], 1.2 * p["pitch"], 8000]
        total += rng.uniform(0.05, 0.4) * shaped_noise(rng, n, sorted(band), [-50, -25, 0, -25, -50])
    return total


def _one_bee(p: Parameters, rng: np.random.Generator, n: int, pitch: float, nearness: Signal) -> Signal:
    # It hums higher as it comes and lower as it goes, and changes its mind on the way.
    coming = np.gradient(lowpass(nearness - nearness[0], 3.0)) * SAMPLE_RATE
    contour = pitch * (1 + p["drift"] * wander(rng, n, p["turns"]) + 0.015 * wander(rng, n, 25))
    contour = contour * np.clip(1 + 0.02 * coming, 0.9, 1.1)
    count = max(3, min(40, int(6500 / pitch)))
    harmonics = sloped(count, p["slope"]) * 10 ** (rng.normal(0, 4, count) / 20)
    wings = oscillator(contour, harmonics, float(rng.random())) * (1 + 0.25 * wander(rng, n, 60))
    rush = shaped_noise(rng, n, [60, 300, 2500, 8000], [-30, 0, -10, -35])
    return lowpass(wings + p["rush"] * rush, rng.uniform(1500, 7000)) * nearness


def _bee(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    kind = rng.choice(["hover", "pass", "circle", "swarm", "stops"], p=[0.3, 0.2, 0.2, 0.2, 0.1])
    seconds = n / SAMPLE_RATE
    if kind == "swarm":
        swarm = np.zeros(n)
        for _ in range(int(rng.integers(4, 7))):
            nearness = np.clip(0.6 + 0.5 * wander(rng, n, 1.2), 0.1, None)
            swarm += rng.uniform(0.4, 1) * _one_bee(p, rng, n, p["pitch"] * rng.uniform(0.8, 1.25), nearness)
        return swarm
    if kind == "pass":
        period = rng.uniform(1.2, 3.5)
        away = ((np.arange(n) / SAMPLE_RATE) % period - rng.uniform(0.3, 0.6) * period) / rng.uniform(
            0.15, 0.5
        )
        nearness = 0.1 + 1 / (1 + away**2)
    elif kind == "circle":
        turn = np.arange(n) * (2 * np.pi * rng.uniform(0.4, 1.8) / SAMPLE_RATE) + 0.8 * wander(rng, n, 1)
        nearness = 0.65 + rng.uniform(0.2, 0.5) * np.sin(turn)
    elif kind == "stops":
        gate = (wander(rng, n, rng.uniform(1.5, 4)) > -0.3).astype(float)
        gate[: int(0.25 * SAMPLE_RATE)] = 1.0
        nearness = np.clip(lowpass(gate, rng.uniform(4, 15)), 0.0, None) + 0.02
    else:
        nearness = np.clip(0.8 + rng.uniform(0.1, 0.4) * wander(rng, n, rng.uniform(0.5, 3)), 0.1, None)
    total = _one_bee(p, rng, n, p["pitch"], nearness)
    if seconds > 1 and rng.random() < 0.3:
        other = np.clip(0.4 + 0.4 * wander(rng, n, 1), 0.02, None)
        total += _one_bee(p, rng, n, p["pitch"] * rng.uniform(0.75, 1.35), other)
    return total


CLASSES = (
    EventClass(
        name="frog croaking",
        category="animal",
        subject="a frog",
        verb="croaks",
        gerund="croaking",
        mention=r"frogs?",
        seconds=(0.8, 6.0),
        render=_frog,
        phrases=("a croaking frog", "the croak of a frog", "frogs croaking", "frog croaks"),
        also=("frog", "croak", "ribbit", "toad"),
        parameters={
            "length": Span(0.14, 0.7, log=True),
            "pause": Span(0.12, 1.0, log=True),
            "pulses": Span(16, 75, log=True),
            "pitch": Span(320, 1300, log=True),
            "second": Span(1.6, 3.2),
            "ringing": Span(0.012, 0.07, log=True),
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
        phrases=("chirping crickets", "a cricket chirping", "the song of crickets", "the chirp of a cricket"),
        also=("crickets", "cricket", "cricket chirp", "insects chirping"),
        parameters={
            "pitch": Span(2800, 6600, log=True),
            "pulses": Span(16, 75, log=True),
            "chirps": Span(0.9, 5.0, log=True),
            "group": Span(1.6, 9.4),
        },
    ),
    EventClass(
        name="bee buzzing",
        category="animal",
        subject="a bee",
        verb="buzzes",
        gerund="buzzing",
        mention=r"bees?",
        seconds=(1.0, 8.0),
        render=_bee,
        continuous=True,
        pitch="pitch",
        phrases=("a buzzing bee", "the buzz of a bee", "bees buzzing", "the hum of a bee"),
        also=("bee", "bees", "insects", "insect", "flying insects", "bee wasp etc"),
        parameters={
            "pitch": Span(105, 330, log=True),
            "slope": Span(3, 11),
            "drift": Span(0.02, 0.22, log=True),
            "turns": Span(0.8, 6.0, log=True),
            "rush": Span(0.05, 0.6, log=True),
        },
    ),
)
