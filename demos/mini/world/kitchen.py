"""Fire and hot fat: crackling without end."""

from __future__ import annotations

import numpy as np

from demos.mini.world.dsp import SAMPLE_RATE, Signal, curve, impulses, ring, shaped_noise, wander, white
from demos.mini.world.event_class import EventClass
from demos.mini.world.ranges import Parameters, Span


def _crackles(rng: np.random.Generator, n: int, rate: float, tail: float, steep: float) -> Signal:
    """Impulses in clusters, so many a second, of which a few are far louder than the rest."""
    count = max(2, int(rng.poisson(rate * n / SAMPLE_RATE)))
    when = np.sort(rng.integers(0, n, count))
    clustered = rng.random(count) < 0.4
    when[clustered] = np.clip(
        when[clustered] - rng.exponential(0.02, int(clustered.sum())) * SAMPLE_RATE, 0, n - 1
    )
    loud = rng.pareto(steep, count) + 0.1
    burst = max(8, int(tail * SAMPLE_RATE))
    noise = white(rng, n)
    envelope = impulses(n, when, np.minimum(loud, 14.0))
    shape = np.exp(-np.arange(burst * 5) / burst)
    return noise * np.convolve(envelope, shape)[:n]


def _fire(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """A candle-near hearth up to a bonfire: snaps of wood over a low, moving roar."""
    snaps = _crackles(rng, n, p["snaps"], rng.uniform(0.0008, 0.004), rng.uniform(1.2, 2.2))
    wood = [(float(f), rng.uniform(0.006, 0.03), 1.0) for f in rng.uniform(500, 5500, 5)]
    ringing = ring(snaps, wood)
    snaps = snaps / (float(snaps.std()) + 1e-9) + ringing / (float(ringing.std()) + 1e-9)
    roar = shaped_noise(rng, n, [0, 60, 200, p["roar"], 8000], [-8, 0, -3, -12, -42])
    roar *= 1 + 0.5 * wander(rng, n, rng.uniform(2, 7))
    hiss = shaped_noise(rng, n, [0, 2000, 5000, 8000], [-36, -8, 0, -4]) * (0.6 + 0.4 * wander(rng, n, 4))
    return snaps + p["body"] * roar + rng.uniform(0.02, 0.3) * hiss


def _frying(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """Fat that sizzles: dense fine crackling over a bright hiss, with spits now and then."""
    bright = p["bright"]
    fine = _crackles(rng, n, p["dense"], rng.uniform(0.0006, 0.002), rng.uniform(2.5, 4.0))
    fine = fine / (float(fine.std()) + 1e-9)
    sizzle = shaped_noise(rng, n, [0, 600, bright / 2, bright, 8000], [-34, -18, -7, 0, rng.uniform(-12, -1)])
    sizzle *= 1 + rng.uniform(0.05, 0.35) * wander(rng, n, rng.uniform(3, 12))
    spits = _crackles(rng, n, rng.uniform(0.5, 6), rng.uniform(0.003, 0.012), 1.6)
    swell = curve([(0, rng.uniform(0.3, 1)), (rng.uniform(0.1, 0.6), 1), (1, rng.uniform(0.4, 1))], n)
    return (sizzle + p["crackle"] * fine + rng.uniform(0, 0.6) * spits / (float(spits.std()) + 1e-9)) * swell


CLASSES = (
    EventClass(
        name="fire crackling",
        category="household",
        subject="a fire",
        verb="crackles",
        gerund="crackling",
        mention=r"fire(?= crackl| is | burning)|(?:crackling|burning) fire|crackle of a fire",
        seconds=(1.5, 10.0),
        render=_fire,
        continuous=True,
        parameters={
            "snaps": Span(5, 70, log=True),
            "roar": Span(300, 1300, log=True),
            "body": Span(0.1, 1.6, log=True),
        },
        phrases=("a crackling fire", "the crackle of a fire", "a burning fire", "fire burning"),
        also=("crackling fire", "fire", "crackle", "campfire", "fireplace"),
    ),
    EventClass(
        name="food frying",
        category="household",
        subject="food",
        verb="fries",
        gerund="frying",
        mention=r"food",
        seconds=(1.5, 10.0),
        render=_frying,
        continuous=True,
        parameters={
            "bright": Span(2600, 7000, log=True),
            "dense": Span(120, 900, log=True),
            "crackle": Span(0.25, 2.2, log=True),
        },
        phrases=("frying food", "the sizzle of frying food", "food sizzling in a pan"),
        also=("frying (food)", "frying", "sizzle", "sizzling", "cooking"),
    ),
)
