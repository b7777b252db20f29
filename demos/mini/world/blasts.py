"""Explosions: guns and fireworks, each a pressure wave, the roar of its gases and a place that echoes."""

from __future__ import annotations

import numpy as np

from demos.mini.world.blows import answered, blow, dying_noise, modes_between, one_of
from demos.mini.world.dsp import (
    SAMPLE_RATE,
    Signal,
    curve,
    formants,
    highpass,
    impulses,
    lowpass,
    oscillator,
    place,
    samples_of,
    shaped_noise,
    sloped,
    wander,
    white,
)
from demos.mini.world.ranges import Parameters


def _blast(
    rng: np.random.Generator, n: int, duration: float, dull: float, body: float, sixty: float
) -> Signal:
    """An explosion: a pressure jump that overshoots (Friedlander's wave) and the roar of its gases."""
    t = np.arange(n) / (duration * SAMPLE_RATE)
    wave = (1 - t) * np.exp(-np.minimum(rng.uniform(0.7, 1.6) * t, 60))
    roar = dying_noise(
        rng,
        n,
        [
            (body, sixty, 0.9),
            (body * rng.uniform(3, 5), 0.8 * sixty, rng.uniform(0.6, 1.2)),
            (body * rng.uniform(9, 16), 0.6 * sixty, rng.uniform(0.5, 1.2)),
            (rng.uniform(3000, 6500), 0.4 * sixty, rng.uniform(0.3, 1.2)),
        ],
    )
    return lowpass(wave + roar, dull)


def gun(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """One shot, several, or bursts of an automatic weapon, as hard on the microphone as `drive` says."""
    kind = one_of(rng, single=0.45, several=0.3, burst=0.25)
    seconds = n / SAMPLE_RATE
    if kind == "single":
        times = np.zeros(1)
    elif kind == "several":
        times = np.cumsum(np.concatenate([[0.0], rng.uniform(0.18, 1.1, 8) * rng.uniform(0.5, 1.2)]))
    else:
        # An automatic weapon keeps its beat, between pauses.
        pauses = np.where(rng.random(40) < rng.uniform(0.02, 0.2), rng.uniform(0.2, 0.7, 40), 0.0)
        times = np.cumsum(np.concatenate([[0.0], pauses + rng.normal(1, 0.02, 40) / rng.uniform(7, 15)]))
        times = times[: int(rng.integers(4, 40))]
    times = times[times < max(seconds - 0.12, 0.01)]
    length = min(n, samples_of(max(0.35, p["sixty"])))
    kinds = [_blast(rng, length, p["duration"], p["dull"], p["body"], p["sixty"]) for _ in range(3)]
    parts: list[tuple[int, Signal]] = []
    action = modes_between(rng, rng.uniform(900, 2800), 6800, 5, rng.uniform(0.03, 0.12), 0)
    clack = blow(rng, min(n, 1600), 0.0005, action) * rng.uniform(0, 0.08)
    for time in times:
        onset = int(time * SAMPLE_RATE)
        parts.append((onset, kinds[int(rng.integers(3))] * rng.uniform(0.75, 1)))
        parts.append((onset + samples_of(rng.uniform(0.03, 0.09)), clack))
    dry = place(n, parts)
    total = answered(rng, dry, p["echo"], p["wet"], rng.uniform(400, 3500))
    total = highpass(highpass(total, p["thin"]), p["thin"])
    return np.tanh(p["drive"] * total)


def _whistle(rng: np.random.Generator, n: int) -> Signal:
    """A rocket that climbs: a hiss, or a shrill tone that bends."""
    swell = curve([(0, 0.05), (0.2, 1), (0.8, 0.6), (1, 0)], n)
    hiss = shaped_noise(
        rng, n, [0, 600, rng.uniform(1500, 5000), 8000], [-40, -18, 0, -8 * rng.uniform(0.5, 2)]
    )
    if rng.random() < 0.5:
        return hiss * swell
    start = rng.uniform(900, 3500)
    path = start * curve([(0, 1), (0.4, rng.uniform(0.8, 1.6)), (1, rng.uniform(0.4, 1.5))], n)
    tone = oscillator(path * (1 + 0.02 * wander(rng, n, 40)), sloped(3, rng.uniform(6, 20)))
    return (tone * (1 + 0.5 * wander(rng, n, 60)) + rng.uniform(0.1, 0.6) * hiss) * swell


def _crackle(rng: np.random.Generator, n: int, density: float) -> Signal:
    """Many small pops that thicken and thin out, peak 1."""
    count = max(4, int(density * n / SAMPLE_RATE))
    at = (rng.beta(1.3, 2.2, count) * n).astype(np.int64)
    pops = impulses(n, at, rng.choice([-1.0, 1.0], count) * rng.exponential(1, count))
    centre = rng.uniform(1500, 5000)
    colours = [
        (centre, rng.uniform(700, 2500), 1.0),
        (0.3 * centre, rng.uniform(300, 900), rng.uniform(0.2, 1)),
    ]
    snapped = formants(pops, colours)
    # Each pop is noise for a moment, not a tone.
    snapped += 0.7 * highpass(white(rng, n) * lowpass(np.abs(pops), rng.uniform(60, 200)) * 25, centre / 3)
    return snapped / (float(np.abs(snapped).max()) + 1e-9)


def fireworks(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """A display of bangs, some with crackling stars or a rocket before, or a string of firecrackers."""
    kind = one_of(rng, show=0.45, rocket=0.25, crackers=0.3)
    parts: list[tuple[int, Signal]] = []
    length = min(n, samples_of(max(0.4, p["sixty"])))
    if kind == "crackers":
        rate = rng.uniform(8, 30)
        gaps = rng.gamma(rng.uniform(0.8, 3), 1, int(rate * n / SAMPLE_RATE) + 2)
        times = np.cumsum(gaps) / gaps.mean() / rate
        short = min(n, samples_of(0.18))
        for time in times[times * SAMPLE_RATE < n]:
            part = _blast(
                rng, short, p["duration"] * 0.4, 2 * p["dull"], 3 * p["body"], rng.uniform(0.05, 0.2)
            )
            parts.append((int(time * SAMPLE_RATE), part * rng.lognormal(0, 0.5)))
    else:
        onset, rocket = 0, kind == "rocket"
        while onset < 0.9 * n:
            bang = onset
            if rocket:
                climb = min(samples_of(rng.uniform(0.3, 1.4)), int(0.6 * n))
                parts.append((onset, _whistle(rng, climb) * rng.uniform(0.02, 0.2)))
                bang += climb
            far = rng.uniform(0.5, 1.4)
            burst = _blast(
                rng,
                length,
                p["duration"] * rng.uniform(0.7, 1.4),
                p["dull"] * far,
                p["body"],
                p["sixty"] * far,
            )
            parts.append((bang, burst * far * rng.uniform(0.5, 1)))
            if rng.random() < p["crackle"]:
                lasting = samples_of(rng.uniform(0.4, 1.5))
                stars = _crackle(rng, lasting, rng.uniform(20, 160)) * rng.uniform(0.1, 0.6)
                parts.append((bang + samples_of(rng.uniform(0, 0.5)), stars))
            onset = bang + samples_of(float(rng.exponential(p["gap"])) + 0.08)
            rocket = kind == "rocket" and rng.random() < 0.8
    total = answered(rng, place(n, parts), p["echo"], rng.uniform(0.1, 0.9), rng.uniform(250, 2500))
    total = highpass(highpass(total, p["thin"]), p["thin"])
    return np.tanh(rng.uniform(0.3, 2.5) * total)
