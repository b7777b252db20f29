"""Machines of the household: how vacuum cleaners and washing machines sound."""

from __future__ import annotations

import numpy as np

from demos.mini.world.blows import blow, modes_between, one_of
from demos.mini.world.dsp import (
    SAMPLE_RATE,
    Signal,
    curve,
    formants,
    lowpass,
    oscillator,
    place,
    samples_of,
    shaped_noise,
    sloped,
    wander,
)
from demos.mini.world.ranges import Parameters


def vacuum(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """A canister, an upright with a turning brush or a shrill hand-held one, pushed to and fro."""
    kind = one_of(rng, canister=0.45, upright=0.35, hand=0.2)
    # The motor runs up when it is switched on, and sags when the nozzle seals against the floor.
    speed = p["pitch"] * (1 + rng.uniform(0.002, 0.03) * wander(rng, n, rng.uniform(0.5, 4)))
    if rng.random() < 0.3:
        up = min(0.6, rng.uniform(0.3, 1.2) * SAMPLE_RATE / n)
        speed = speed * curve([(0, rng.uniform(0.3, 0.8)), (0.6 * up, 0.93), (up, 1), (1, 1)], n)
    elif rng.random() < 0.2:
        down = max(0.5, 1 - rng.uniform(0.4, 1.2) * SAMPLE_RATE / n)
        speed = speed * curve([(0, 1), (down, 1), (1, rng.uniform(0.3, 0.7))], n)
    jagged = sloped(24, p["slope"]) * rng.uniform(0.15, 1, 24)
    motor = oscillator(speed, jagged)
    blades = oscillator(speed * int(rng.integers(5, 12)) * 1.0, sloped(2, 8)) * rng.uniform(0.0, 0.5)
    bright = {"canister": -14.0, "upright": -11.0, "hand": -6.0}[kind] + rng.uniform(-6, 4)
    hollow, broad = rng.uniform(180, 500), p["air"]
    air = shaped_noise(
        rng,
        n,
        [0, 60, hollow, 2.2 * hollow, broad, min(7000, 2 * broad), 8000],
        [
            -30,
            rng.uniform(-20, -6),
            rng.uniform(-8, 0),
            rng.uniform(-8, -2),
            rng.uniform(-5, 0),
            bright,
            bright - 6,
        ],
    )
    # Pipe and hose ring at their own lengths.
    pipe = [(rng.uniform(300, 1200), rng.uniform(60, 250), 1.0), (rng.uniform(1200, 3500), 300, 0.6)]
    air += rng.uniform(0, 1.2) * formants(air, pipe)
    # Strokes over the floor: louder and brighter forwards, duller back.
    stroke = np.sin(2 * np.pi * rng.uniform(0.3, 1.1) * np.arange(n) / SAMPLE_RATE + rng.uniform(0, 6.3))
    stroke = stroke * rng.uniform(0, 0.3) + rng.uniform(0, 0.2) * wander(rng, n, 2)
    air *= 1 + stroke
    air += lowpass(air, rng.uniform(300, 900)) * rng.uniform(-0.5, 1.5) * stroke
    total = p["tone"] * (motor + blades) + air
    if kind == "upright":
        turn = rng.uniform(40, 95) * (1 + 0.01 * wander(rng, n, 3))
        brush = oscillator(turn, sloped(12, rng.uniform(2, 6)))
        total += rng.uniform(0.1, 0.6) * brush + rng.uniform(0, 0.4) * brush * air
    return total


def washing(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """The drum that lifts and drops laundry, the spin, or the pump that drains."""
    kind = one_of(rng, wash=0.4, spin=0.4, pump=0.2)
    t = np.arange(n) / SAMPLE_RATE
    hum_pitch = p["hum"] * (1 + 0.004 * wander(rng, n, 1))
    hum = oscillator(hum_pitch, sloped(16, rng.uniform(3, 9)) * rng.uniform(0.1, 1, 16))
    casing = [
        (rng.uniform(45, 110), rng.uniform(20, 60), 1.0),
        (rng.uniform(120, 300), rng.uniform(40, 120), rng.uniform(0.3, 0.9)),
        (rng.uniform(400, 900), rng.uniform(100, 400), rng.uniform(0.3, 1.2)),
        (rng.uniform(1200, 2800), rng.uniform(400, 1200), rng.uniform(0.2, 1.2)),
    ]
    levels = [-20, rng.uniform(-8, 0), 0, rng.uniform(-12, -2), rng.uniform(-24, -10), -45]
    rumble = formants(shaped_noise(rng, n, [0, 40, 150, 600, 2500, 8000], levels), casing)
    rumble /= rumble.std() + 1e-9
    hiss = shaped_noise(
        rng, n, [0, 150, p["splash"], min(7500, 3 * p["splash"]), 8000], [-25, -10, 0, -14, -25]
    )
    if kind == "spin":
        # The drum's turns beat in everything, and its motor whines above.
        turns = p["spin"] * curve([(0, rng.uniform(0.7, 1)), (rng.uniform(0.3, 1), 1), (1, 1)], n)
        phase = 2 * np.pi * np.cumsum(turns) / SAMPLE_RATE
        swing = 1 + rng.uniform(0.2, 0.9) * np.sin(phase) + rng.uniform(0, 0.4) * np.sin(2 * phase + 1)
        whine = oscillator(
            turns * rng.uniform(9, 16), sloped(20, rng.uniform(3, 8)) * rng.uniform(0.1, 1, 20)
        )
        return (
            p["rumble"] * rumble * swing
            + rng.uniform(0.3, 1) * whine * (0.7 + 0.3 * swing)
            + (rng.uniform(0.1, 0.6) * hiss * swing + 0.3 * hum)
        )
    if kind == "pump":
        gurgle = np.maximum(wander(rng, n, rng.uniform(8, 25)), 0) + rng.uniform(0.02, 0.3)
        rattle = 1 + rng.uniform(0, 0.6) * wander(rng, n, 14)
        return hum * rattle + 0.5 * p["rumble"] * rumble + rng.uniform(0.2, 0.9) * hiss * gurgle
    # Each turn of the drum lifts the laundry and lets it fall into the water.
    turn = p["turn"] * (1 + 0.05 * wander(rng, n, 0.5))
    phase = np.cumsum(turn) / SAMPLE_RATE + rng.random()
    lifts = np.maximum(np.sin(2 * np.pi * phase), 0) ** rng.uniform(1, 3)
    slosh = hiss * (0.15 + lifts) * (1 + 0.6 * wander(rng, n, 20))
    falls = np.flatnonzero(np.diff(np.floor(phase * int(rng.integers(1, 4)))) > 0)
    thud = samples_of(0.3)
    drum = modes_between(rng, rng.uniform(45, 110), 600, 6, rng.uniform(0.1, 0.3), 5)
    thuds = [blow(rng, thud, rng.uniform(0.005, 0.02), drum) for _ in range(3)]
    parts = [(int(at), thuds[int(rng.integers(3))] * rng.uniform(0.3, 1)) for at in falls]
    pause = np.clip(1.5 + 3 * np.sin(2 * np.pi * (t / rng.uniform(6, 20) + rng.random())), 0.25, 1)
    moving = (
        p["rumble"] * rumble * (0.5 + 0.5 * lifts) + rng.uniform(0.2, 1) * slosh + rng.uniform(0.2, 1) * hum
    )
    return moving * pause + rng.uniform(0.3, 2) * place(n, parts)
