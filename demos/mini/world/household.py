"""The household: keys, buttons, clocks, hinges and cans, and the machines that wash and clean."""

from __future__ import annotations

import numpy as np

from demos.mini.world.appliances import vacuum, washing
from demos.mini.world.blows import answered, blow, bounces, dying_noise, modes_between, one_of
from demos.mini.world.dsp import (
    SAMPLE_RATE,
    Signal,
    curve,
    decay,
    formants,
    highpass,
    impulses,
    lowpass,
    place,
    ring,
    samples_of,
    shaped_noise,
    wander,
    white,
)
from demos.mini.world.event_class import EventClass
from demos.mini.world.ranges import Parameters, Span


def _clicks(
    rng: np.random.Generator, count: int, low: float, high: float, sixty: float, noise: float
) -> list[Signal]:
    """A choice of short clicks of one device: a few quick modes and a few milliseconds of scrape each."""
    length = samples_of(max(0.03, 2 * sixty))
    modes = modes_between(rng, low, high, 7, sixty, rng.uniform(-3, 3), 0.4)
    scrape = [
        (rng.uniform(1500, 6500), rng.uniform(0.004, 0.02), noise),
        (rng.uniform(400, 1500), rng.uniform(0.006, 0.03), noise * rng.uniform(0, 0.8)),
    ]
    made: list[Signal] = []
    for _ in range(count):
        detuned = 2 ** rng.uniform(-0.15, 0.15)
        contact = rng.uniform(0.0001, 0.0003)
        click = blow(rng, length, contact, [(f * detuned, t, g) for f, t, g in modes])
        made.append(click + dying_noise(rng, length, scrape))
    return made


def _typing(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    kind = one_of(rng, laptop=0.35, membrane=0.3, mechanical=0.25, typewriter=0.1)
    sharp, thock, noise, release = {
        "laptop": (1.1, 0.4, 1.2, 0.25), "membrane": (0.8, 1.0, 0.8, 0.4),
        "mechanical": (1.2, 0.9, 0.6, 0.8), "typewriter": (0.9, 1.5, 1.0, 0.15),
    }[kind]  # fmt: skip
    low = p["pitch"] * sharp * 0.7
    keys = _clicks(rng, 6, low, min(7200, 4.5 * low), p["ring"], noise * p["scrape"])
    case = modes_between(rng, p["case"], 4 * p["case"], 4, rng.uniform(0.015, 0.06), 4)
    ground = [blow(rng, samples_of(0.08), rng.uniform(0.001, 0.003), case) for _ in range(3)]
    # Words come in runs, with pauses for thought between; some type evenly, others in rushes.
    most = int(n / SAMPLE_RATE * p["rate"]) + 4
    gaps = rng.gamma(rng.uniform(2, 7), 1, most)
    gaps /= gaps.mean() * p["rate"]
    gaps += np.where(rng.random(most) < p["pause"], rng.uniform(0.15, 0.9, most), 0)
    presses = np.concatenate([[0.0], np.cumsum(np.maximum(gaps, 0.03))])
    held = rng.uniform(0.05, 0.09)
    parts: list[tuple[int, Signal]] = []
    for press in presses[presses * SAMPLE_RATE < n]:
        force, at = rng.lognormal(0, 0.3), int(press * SAMPLE_RATE)
        parts.append((at, keys[int(rng.integers(6))] * force))
        # The space bar and the return key are heavier.
        weight = 2.0 if rng.random() < 0.15 else 1.0
        parts.append(
            (at + int(rng.integers(0, 60)), ground[int(rng.integers(3))] * thock * weight * p["thock"])
        )
        up = at + samples_of(held * rng.uniform(0.7, 1.4))
        parts.append((up, keys[int(rng.integers(6))] * force * release * rng.uniform(0.5, 1)))
    return answered(
        rng, place(n, parts), rng.uniform(0.1, 0.4), rng.uniform(0, 0.25), rng.uniform(1500, 5000)
    )


def _mouse(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    low = p["pitch"] * 0.8
    down = _clicks(rng, 3, low, min(7300, 4 * low), p["ring"], p["scrape"])
    up = _clicks(rng, 3, low * rng.uniform(1.0, 1.5), 7300, p["ring"] * 0.8, p["scrape"])
    softer = rng.uniform(0.3, 1.0)
    shell = modes_between(rng, rng.uniform(300, 1100), 3500, 3, rng.uniform(0.01, 0.04), 4)
    body = blow(rng, samples_of(0.05), 0.001, shell) * rng.uniform(0.05, 0.5)
    parts: list[tuple[int, Signal]] = []
    manner = one_of(rng, steady=0.4, doubles=0.35, bursts=0.25)
    time, left = 0.0, int(rng.integers(1, 9))
    while time < n / SAMPLE_RATE:
        at, force = int(time * SAMPLE_RATE), rng.uniform(0.7, 1.0)
        held = p["held"] * rng.uniform(0.7, 1.4)
        parts.append((at, down[int(rng.integers(3))] * force))
        parts.append((at, body * force))
        parts.append((at + samples_of(held), up[int(rng.integers(3))] * force * softer))
        left -= 1
        again = (manner == "doubles" and left % 2 == 1) or (manner == "bursts" and left > 0)
        if left <= 0:
            left = int(rng.integers(2, 9))
        pause = held + rng.uniform(0.05, 0.12) if again else held + rng.gamma(4, 0.25) / p["rate"]
        time += pause
    if rng.random() < 0.3:
        # The hand shifts the mouse between clicks, or turns its wheel.
        slide = shaped_noise(rng, n, [0, 300, rng.uniform(800, 3000), 8000], [-30, -10, 0, -20])
        parts.append((0, slide * np.maximum(wander(rng, n, 3), 0) ** 2 * rng.uniform(0.002, 0.03)))
    return answered(rng, place(n, parts), rng.uniform(0.1, 0.5), rng.uniform(0, 0.3), rng.uniform(1500, 5000))


def _clock(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    kind = one_of(rng, wall=0.4, alarm=0.3, pendulum=0.3)
    # A quartz or pendulum clock beats about once a second, a spring-driven one four or five times.
    rate = p["rate"] * {"wall": 1.0, "alarm": 3.2, "pendulum": 1.0}[kind]
    low = p["pitch"] * {"wall": 1.0, "alarm": 1.2, "pendulum": 0.6}[kind]
    sixty = p["sixty"] * {"wall": 0.7, "alarm": 0.6, "pendulum": 1.8}[kind]
    length = samples_of(max(0.06, min(0.3, 2 * sixty)))
    modes = modes_between(rng, low, min(7400, 6 * low), 9, sixty, rng.uniform(-3, 4), 0.4)
    box = modes_between(rng, rng.uniform(150, 600), 1500, 4, rng.uniform(0.03, 0.12), 5)
    other = p["tock"]
    uneven = rng.uniform(-0.12, 0.12) if kind != "wall" else 0.0
    softer = rng.uniform(0.4, 1.0) if kind != "wall" or rng.random() < 0.3 else 1.0
    wooden = rng.uniform(0, 0.7 if kind == "pendulum" else 0.25)
    scrape = [(rng.uniform(2500, 7000), rng.uniform(0.003, 0.015), p["scrape"])]
    drop = rng.uniform(0.004, 0.04)
    strokes = []
    for bent, gain in ((1.0, 1.0), (other, softer)):
        stroke = blow(rng, length, rng.uniform(0.0001, 0.0004), [(f * bent, t, g) for f, t, g in modes])
        stroke += dying_noise(rng, length, scrape) + wooden * blow(rng, length, 0.001, box)
        # The escapement falls, then locks: two clicks a few milliseconds apart.
        locked = place(length, [(0, stroke), (samples_of(drop), stroke * rng.uniform(0, 0.6))])
        strokes.append(locked * gain)
    interval = SAMPLE_RATE / rate
    parts = []
    for k in range(int(n / interval) + 1):
        onset = int(interval * (k + uneven * (k % 2)) + rng.uniform(0, 0.004) * interval)
        parts.append((max(0, onset), strokes[k % 2] * rng.uniform(0.85, 1)))
    return answered(rng, place(n, parts), rng.uniform(0.1, 0.6), rng.uniform(0, 0.3), rng.uniform(1200, 5000))


def _creak(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    kind = one_of(rng, creak=0.45, groan=0.25, squeal=0.3)
    # The hinge sticks and slips: each slip is a tick, and ticks quicken into a tone as the door swings.
    low = p["slips"] * {"creak": 1.0, "groan": 0.6, "squeal": 4.0}[kind]
    knots = int(rng.integers(3, 8))
    shares = np.concatenate([[0.0], np.sort(rng.random(knots)), [1.0]])
    bends = 2.0 ** rng.uniform(-p["bend"], p["bend"], knots + 2)
    roughness = p["rough"] * (0.25 if kind == "squeal" else 1.0)
    speed = np.interp(np.linspace(0, 1, n), shares, low * bends)
    speed = speed * (1 + roughness * 0.7 * wander(rng, n, rng.uniform(20, 90)))
    phase = np.cumsum(speed) / SAMPLE_RATE
    slips = np.flatnonzero(np.diff(np.floor(phase)) > 0)
    jitter = (roughness * 0.35 * SAMPLE_RATE / low * rng.normal(0, 1, len(slips))).astype(np.int64)
    gains = np.exp(roughness * rng.normal(0, 0.8, len(slips)))
    train = impulses(n, slips + jitter, gains)
    # A swing is not one movement: it stops and starts, and is loudest in between.
    start, stop = rng.uniform(0, 0.08), rng.uniform(0.85, 1.0)
    swell = curve(
        [(0, 0), (start, 0.5), (rng.uniform(0.2, 0.8), 1), (stop, rng.uniform(0.2, 0.9)), (1, 0)], n
    )
    halts = np.clip(0.6 + rng.uniform(0.5, 2.5) * wander(rng, n, rng.uniform(1, 6)), 0, 1)
    train *= swell * halts
    wood = modes_between(
        rng, p["wood"], p["wood"] * rng.uniform(6, 16), 12, rng.uniform(0.012, 0.06), rng.uniform(-2, 5), 0.4
    )
    total = ring(train, wood)
    total /= float(np.abs(total).max()) + 1e-9
    rub = highpass(white(rng, n), rng.uniform(500, 2500)) * lowpass(train, rng.uniform(60, 250))
    total += p["rub"] * rub / (float(np.abs(rub).max()) + 1e-9)
    return answered(rng, total, rng.uniform(0.2, 1.4), rng.uniform(0.05, 0.5), rng.uniform(800, 4000))


def _can(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    parts: list[tuple[int, Signal]] = []
    metal = modes_between(rng, p["metal"], 7300, 10, p["sixty"], rng.uniform(-2, 3), 0.3)
    tick = min(n, samples_of(0.15))

    def clack(contact: float) -> Signal:
        bent = rng.uniform(0.9, 1.12)
        snap = blow(rng, tick, contact, [(f * bent, t, g) for f, t, g in metal])
        return snap + dying_noise(rng, tick, [(rng.uniform(2500, 6500), rng.uniform(0.01, 0.05), 0.6)])

    # Fingers at the tab first, in some; always the crack of the lid, the pressure, the tab pushed through.
    opened = 0
    if rng.random() < 0.6:
        opened = int(n * rng.uniform(0.08, 0.4))
        for share in rng.random(int(rng.integers(1, 5))):
            parts.append((int(share * 0.9 * opened), clack(0.0006) * rng.uniform(0.05, 0.35)))
    parts.append((opened, clack(0.0002) * p["crack"]))
    rest = n - opened
    hiss = shaped_noise(
        rng,
        rest,
        [0, 500, rng.uniform(1500, 3000), p["hiss"], 8000],
        [-45, -28, rng.uniform(-14, -4), 0, rng.uniform(-9, 0)],
    )
    attack = 1 - decay(rest, rng.uniform(0.005, 0.04))
    parts.append((opened, p["pressure"] * 0.5 * hiss * attack * decay(rest, p["lasting"])))
    second = opened + samples_of(rng.uniform(0.06, 0.4))
    run = bounces(rng, rng.uniform(0.02, 0.09), rng.uniform(0.6, 0.95), int(rng.integers(1, 7)))
    for time in run:
        parts.append((second + samples_of(float(time) + 1e-4), clack(0.0004) * rng.uniform(0.15, 0.8)))
    if second < n and rng.random() < 0.6:
        # More gas comes out as the lid gives way.
        rush = hiss[: max(1, n - second)]
        gas = rush * decay(len(rush), p["lasting"] * rng.uniform(0.5, 1.5))
        parts.append((second, gas * p["pressure"] * rng.uniform(0.1, 0.6)))
    if rng.random() < 0.5:
        # Fizz: fine bubbles that burst, fewer and fewer.
        count = int(rng.uniform(80, 600) * rest / SAMPLE_RATE) + 1
        at = rng.integers(0, rest, count)
        pops = impulses(
            rest, at, rng.exponential(1, count) * np.exp(-at / (rng.uniform(0.3, 2) * SAMPLE_RATE))
        )
        fizz = formants(pops, [(rng.uniform(3000, 6500), rng.uniform(1500, 4000), 1.0)])
        parts.append((opened, fizz / (float(np.abs(fizz).max()) + 1e-9) * rng.uniform(0.02, 0.2)))
    return answered(
        rng, place(n, parts), rng.uniform(0.1, 0.6), rng.uniform(0, 0.25), rng.uniform(1500, 6000)
    )


CLASSES = (
    EventClass(
        name="typing",
        category="household",
        subject="someone",
        verb="types",
        gerund="typing",
        mention=r"typ(?:es?|ing)|keyboards?",
        phrases=("a keyboard clattering", "the clicking of a keyboard", "the sound of typing", "fast typing"),
        also=("keyboard typing", "computer keyboard", "typewriter"),
        seconds=(1.0, 8.0),
        render=_typing,
        parameters={
            "rate": Span(3.5, 12, log=True),
            "pitch": Span(1400, 5200, log=True),
            "ring": Span(0.006, 0.035, log=True),
            "case": Span(150, 800, log=True),
            "thock": Span(0.06, 0.8, log=True),
            "scrape": Span(0.3, 1.4, log=True),
            "pause": Span(0.02, 0.3),
        },
    ),
    EventClass(
        name="mouse clicking",
        category="household",
        subject="a computer mouse",
        verb="clicks",
        gerund="clicking",
        mention=r"mouse",
        phrases=("mouse clicks", "the click of a mouse", "someone clicking a mouse", "a clicking mouse"),
        also=("mouse click", "computer mouse", "mouse clicks"),
        seconds=(0.6, 6.0),
        render=_mouse,
        parameters={
            "rate": Span(0.8, 4.5, log=True),
            "pitch": Span(1500, 5500, log=True),
            "ring": Span(0.003, 0.02, log=True),
            "held": Span(0.05, 0.2, log=True),
            "scrape": Span(0.3, 2.0, log=True),
        },
    ),
    EventClass(
        name="vacuum cleaner humming",
        category="household",
        subject="a vacuum cleaner",
        verb="hums",
        gerund="humming",
        mention=r"vacuum cleaners?|vacuuming",
        phrases=(
            "the drone of a vacuum cleaner",
            "a vacuum cleaner being used",
            "someone vacuuming",
            "a running vacuum cleaner",
        ),
        also=("vacuum cleaner", "vacuum"),
        seconds=(1.5, 10.0),
        render=vacuum,
        continuous=True,
        pitch="pitch",
        parameters={
            "pitch": Span(150, 620, log=True),
            "slope": Span(2, 10),
            "air": Span(900, 4000, log=True),
            "tone": Span(0.15, 1.2, log=True),
        },
    ),
    EventClass(
        name="clock ticking",
        category="household",
        subject="a clock",
        verb="ticks",
        gerund="ticking",
        mention=r"(?<!alarm )clocks?",
        phrases=("a ticking clock", "the tick of a clock", "clock ticks", "the ticking of an old clock"),
        also=("clock tick", "tick", "tick tock", "clock"),
        seconds=(1.5, 8.0),
        render=_clock,
        parameters={
            "rate": Span(0.9, 2.1, log=True),
            "pitch": Span(1000, 4500, log=True),
            "sixty": Span(0.012, 0.07, log=True),
            "tock": Span(0.72, 1.1),
            "scrape": Span(0.1, 1.2, log=True),
        },
    ),
    EventClass(
        name="washing machine rumbling",
        category="household",
        subject="a washing machine",
        verb="rumbles",
        gerund="rumbling",
        mention=r"washing machines?",
        phrases=(
            "the rumble of a washing machine",
            "a washing machine spinning",
            "a washing machine at work",
            "a rumbling washing machine",
        ),
        also=("washing machine", "laundry machine"),
        seconds=(1.5, 10.0),
        render=washing,
        continuous=True,
        parameters={
            "hum": Span(45, 130, log=True),
            "spin": Span(5, 24, log=True),
            "turn": Span(0.5, 1.5, log=True),
            "splash": Span(400, 2500, log=True),
            "rumble": Span(0.4, 1.8, log=True),
        },
    ),
    EventClass(
        name="door creaking",
        category="household",
        subject="a door",
        verb="creaks",
        gerund="creaking",
        mention=r"creak(?:s|ing|y)?|squeaky door",
        phrases=("a creaking door", "the creak of a door", "a creaky door opening", "a squeaky door"),
        also=("door wood creaks", "creak", "door creak", "squeaky door"),
        seconds=(0.6, 5.0),
        render=_creak,
        parameters={
            "slips": Span(22, 190, log=True),
            "bend": Span(0.2, 1.3),
            "rough": Span(0.1, 1.0),
            "wood": Span(250, 1300, log=True),
            "rub": Span(0.02, 0.5, log=True),
        },
    ),
    EventClass(
        name="can opening",
        category="household",
        subject="a can",
        verb="opens",
        gerund="opening",
        mention=r"(?<=a )can (?:is )?open(?:s|ing)?|(?:the|soda|drink|beer) can (?:is )?open(?:s|ing)?"
        r"|open(?:s|ing)?(?: of)? an? (?:drink |soda |beer )?can",
        phrases=(
            "the hiss of a can opening",
            "someone opening a drink can",
            "a soda can opening",
            "opening a can",
        ),
        also=("can open", "opening can"),
        seconds=(0.5, 3.0),
        render=_can,
        parameters={
            "metal": Span(900, 3500, log=True),
            "sixty": Span(0.012, 0.09, log=True),
            "crack": Span(0.5, 2.5, log=True),
            "hiss": Span(2800, 7000, log=True),
            "pressure": Span(0.3, 2.0, log=True),
            "lasting": Span(0.12, 1.2, log=True),
        },
    ),
)
