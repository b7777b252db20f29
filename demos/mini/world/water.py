"""Water that somebody, or the sea, moves: taps, pouring, drips, waves, flushes."""

from __future__ import annotations

import numpy as np

from demos.mini.world.dsp import (
    SAMPLE_RATE,
    Signal,
    beats,
    curve,
    decay,
    lowpass,
    place,
    ring,
    samples_of,
    shaped_noise,
    wander,
    white,
)
from demos.mini.world.event_class import EventClass
from demos.mini.world.liquid import bubbles, rushing
from demos.mini.world.ranges import Parameters, Span


def _running(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """A tap into a basin, a shower, a stream: steady noise with as many bubbles as the water is deep."""
    kind = rng.choice(3)
    moving = rng.uniform(0.02, 0.12) if kind < 2 else rng.uniform(0.1, 0.3)
    steady = rushing(rng, n, p["bright"], p["slope"], moving)
    if kind == 0:  # the basin rings
        basin = [(float(f), rng.uniform(0.02, 0.06), 1.0) for f in rng.uniform(200, 2500, 4)]
        hollow = ring(steady, basin)
        steady = steady + rng.uniform(0.1, 0.8) * hollow / (float(hollow.std()) + 1e-9)
    elif kind == 1:
        steady += rng.uniform(0.2, 0.7) * shaped_noise(rng, n, [0, 2500, 5500, 8000], [-30, -6, 0, -4])
    count = max(3, int(p["bubbles"] * n / SAMPLE_RATE))
    gurgle = bubbles(rng, n, count, rng.uniform(450, 1500), rng.uniform(0.4, 0.9), rng.uniform(0.1, 0.6))
    gurgle /= float(np.std(gurgle)) + 1e-9
    return steady + p["depth"] * gurgle


def _pouring(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """Into a glass, a bottle or a bowl: bubbles, and a vessel whose air rings higher as it fills."""
    count = max(6, int(p["bubbles"] * n / SAMPLE_RATE))
    gurgle = bubbles(rng, n, count, rng.uniform(600, 1900), rng.uniform(0.3, 0.7), rng.uniform(0.2, 0.8))
    gurgle /= float(np.std(gurgle)) + 1e-9
    splash = rushing(rng, n, rng.uniform(900, 3500), rng.uniform(4, 9), 0.25)
    rising = rng.uniform(1.2, 3.0)
    blocks, steps = np.zeros(n), 8
    edges = np.linspace(0, n, steps + 1).astype(int)
    share = np.linspace(0, steps - 1, n)
    for number in range(steps):
        start, stop = max(0, edges[number] - (n // steps)), min(n, edges[number + 1] + n // steps)
        column = p["vessel"] * rising ** (number / (steps - 1))
        excited = splash[start:stop] + 0.6 * gurgle[start:stop]
        heard = ring(excited, [(column, 0.05, 1.0), (min(7000, column * 3.02), 0.03, 0.4)])
        blocks[start:stop] += heard * np.clip(1 - np.abs(share[start:stop] - number), 0, 1)
    hollow = blocks / (float(blocks.std()) + 1e-9)
    chug: Signal = np.ones(1)
    if rng.random() < 0.35:  # a narrow neck lets air in by gulps
        turns = np.cumsum(rng.uniform(2.5, 6) * (1 + 0.15 * wander(rng, n, 3))) / SAMPLE_RATE
        chug = 0.35 + 0.65 * (0.5 + 0.5 * np.sin(2 * np.pi * turns)) ** 1.5
    stops = curve([(0, 0.6), (0.1, 1), (rng.uniform(0.75, 0.95), 1), (1, rng.uniform(0.1, 1))], n)
    return (gurgle + rng.uniform(0.2, 0.9) * splash + p["hollow"] * hollow) * chug * stops


def _dripping(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """Single drops with pauses: into water (a rising plip), on metal (a tick that rings) or on stone."""
    kind = rng.choice(3)
    parts: list[tuple[int, Signal]] = []
    for onset in beats(rng, n, p["rate"], jitter=rng.uniform(0.01, 0.2)):
        length = samples_of(0.25)
        pitch = p["pitch"] * 2.0 ** rng.normal(0, 0.12)
        t = np.arange(length)
        if kind == 0:
            rise = rng.uniform(0.2, 0.8)
            drop = np.sin(2 * np.pi * pitch / SAMPLE_RATE * t * (1 + rise * t / length))
            drop *= decay(length, rng.uniform(0.05, 0.16)) * np.minimum(1, t / 40)
            click = white(rng, length) * decay(length, 0.008)
            parts.append((onset, click * rng.uniform(0.1, 0.4)))
            parts.append((onset + samples_of(rng.uniform(0.008, 0.03)), drop * rng.uniform(0.7, 1)))
        else:
            struck = white(rng, length) * decay(length, 0.004)
            sixty = rng.uniform(0.08, 0.25) if kind == 1 else rng.uniform(0.02, 0.05)
            modes = [(pitch * ratio, sixty, gain) for ratio, gain in ((1, 1), (2.4, 0.5), (4.1, 0.3))]
            drop = ring(struck, modes)
            parts.append((onset, drop / (float(np.abs(drop).max()) + 1e-9) * rng.uniform(0.6, 1)))
    return place(n, parts) + 1e-5 * white(rng, n)


def _waves(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """Each wave swells, breaks bright and runs out hissing over the sand; the sea goes on beneath."""
    deep = shaped_noise(rng, n, [0, 40, 200, 700, 8000], [-14, -2, 0, -9, -36]) * rng.uniform(0.15, 0.5)
    total = deep * (1 + 0.3 * wander(rng, n, 1))
    period = 1 / p["rate"]
    at = -rng.uniform(0, 0.6) * period
    while at * SAMPLE_RATE < n:
        length = period * rng.uniform(0.9, 1.4)
        whole = samples_of(length)
        broken = rng.uniform(0.25, 0.5)
        swell = curve([(0, 0), (broken, 0.8), (broken + 0.06, 1), (0.75, 0.35), (1, 0)], whole) ** 1.4
        bright = p["bright"] * 2.0 ** rng.uniform(-0.3, 0.3)
        body = shaped_noise(rng, whole, [0, 120, bright / 2, bright, 8000], [-12, -3, 0, -4, -22])
        hiss = shaped_noise(rng, whole, [0, 1500, 4000, 8000], [-34, -8, 0, -3])
        runs = curve([(0, 0), (broken, 0.1), (broken + 0.2, 1), (1, 0)], whole)
        wave = (body * swell + p["hiss"] * hiss * runs) * rng.uniform(0.5, 1)
        start = int(at * SAMPLE_RATE)
        first = max(0, -start)
        kept = wave[first : first + max(0, n - max(0, start))]
        total[max(0, start) : max(0, start) + len(kept)] += kept
        at += period * rng.uniform(0.75, 1.25)
    return total


def _flushing(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """A clunk of the lever, a roar that swells and sinks, a gurgle at the end, perhaps a refill."""
    peak = rng.uniform(0.08, 0.25)
    ends = rng.uniform(0.5, 0.85)
    shape = curve([(0, 0.15), (peak, 1), (ends, 0.6), (min(0.97, ends + 0.12), 0.1), (1, 0.06)], n)
    roar = rushing(rng, n, p["bright"], rng.uniform(3, 6), 0.2)
    bowl = [(float(f), rng.uniform(0.03, 0.08), 1.0) for f in rng.uniform(120, 900, 4)]
    hollow = ring(roar, bowl)
    total = (roar + p["hollow"] * hollow / (float(hollow.std()) + 1e-9)) * shape
    count = int(rng.uniform(15, 70))
    gurgle = bubbles(rng, n, count, rng.uniform(220, 600), 0.5, rng.uniform(-0.2, 0.5))
    late = curve([(0, 0.15), (max(0.05, ends - 0.2), 0.3), (ends, 1), (1, 0.3)], n)
    total += rng.uniform(0.2, 0.9) * gurgle / (float(np.std(gurgle)) + 1e-9) * late
    if rng.random() < 0.5:
        refill = shaped_noise(rng, n, [0, 800, rng.uniform(1800, 4500), 8000], [-28, -10, 0, -10])
        total += rng.uniform(0.05, 0.25) * refill * curve([(0, 0), (peak, 0.4), (1, 1)], n)
    clunk = samples_of(0.06)
    blow = white(rng, clunk) * decay(clunk, 0.05)
    total[: min(n, clunk)] += rng.uniform(0, 2) * lowpass(blow, 1500)[: min(n, clunk)]
    return total


CLASSES = (
    EventClass(
        name="water running",
        category="water",
        subject="water",
        verb="runs",
        gerund="running",
        mention=r"(?:running water|water (?:is )?run(?:s|ning)?)",
        seconds=(1.5, 10.0),
        render=_running,
        continuous=True,
        parameters={
            "bright": Span(700, 5200, log=True),
            "slope": Span(2, 9),
            "bubbles": Span(4, 70, log=True),
            "depth": Span(0.05, 0.9, log=True),
        },
        phrases=("running water", "water running from a tap", "the sound of running water"),
        also=("water tap", "faucet", "tap", "sink", "stream", "water tap, faucet", "shower", "bathtub"),
    ),
    EventClass(
        name="water pouring",
        category="water",
        subject="water",
        verb="pours",
        gerund="pouring",
        mention=r"(?:pouring water|water (?:is )?pour(?:s|ing)?)",
        seconds=(1.4, 7.0),
        render=_pouring,
        continuous=True,
        parameters={
            "bubbles": Span(15, 110, log=True),
            "vessel": Span(180, 1300, log=True),
            "hollow": Span(0.15, 1.8, log=True),
        },
        phrases=("pouring water", "water pouring into a glass", "someone pouring water"),
        also=("pouring water", "pour", "filling (with liquid)", "fill with liquid", "liquid"),
    ),
    EventClass(
        name="water dripping",
        category="water",
        subject="water",
        verb="drips",
        gerund="dripping",
        mention=r"(?:dripping water|water (?:is )?drip(?:s|ping)?)",
        seconds=(1.2, 6.0),
        render=_dripping,
        pitch="pitch",
        parameters={"rate": Span(0.8, 5, log=True), "pitch": Span(500, 3800, log=True)},
        phrases=("dripping water", "water dripping from a tap", "drops from dripping water"),
        also=("water drops", "drip", "dripping", "water drop", "drop"),
    ),
    EventClass(
        name="waves breaking",
        category="water",
        subject="waves",
        verb="break",
        gerund="breaking",
        mention=r"waves",
        seconds=(2.0, 10.0),
        render=_waves,
        continuous=True,
        plural=True,
        parameters={
            "rate": Span(0.12, 0.5, log=True),
            "bright": Span(500, 2600, log=True),
            "hiss": Span(0.1, 0.9, log=True),
        },
        phrases=("waves on the shore", "the sound of sea waves", "ocean waves", "breaking waves"),
        also=("sea waves", "ocean", "waves, surf", "surf", "sea", "waves"),
    ),
    EventClass(
        name="toilet flushing",
        category="water",
        subject="a toilet",
        verb="flushes",
        gerund="flushing",
        mention=r"toilets?",
        seconds=(2.0, 8.0),
        render=_flushing,
        parameters={"bright": Span(350, 2200, log=True), "hollow": Span(0.2, 1.6, log=True)},
        phrases=("a flushing toilet", "the flush of a toilet", "someone flushing a toilet"),
        also=("toilet flush", "toilet", "flush"),
    ),
)
