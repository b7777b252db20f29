"""Tools: what strikes, saws and drills, by hand, by motor and by compressed air."""

from __future__ import annotations

import numpy as np

from demos.mini.world.dsp import (
    SAMPLE_RATE,
    Signal,
    beats,
    curve,
    decay,
    formants,
    lowpass,
    oscillator,
    place,
    ring,
    samples_of,
    wander,
    white,
)
from demos.mini.world.event_class import EventClass
from demos.mini.world.machines import (
    bursts,
    chance,
    combustion,
    harmonics,
    modes,
    rough_noise,
    scattered,
    throttle,
    unit,
)
from demos.mini.world.ranges import Parameters, Span


def _hammer(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """Nails into wood, an anvil, a sheet or pipe of metal, stone, or a mallet."""
    kind = ("nail", "anvil", "metal", "stone", "mallet")[int(rng.choice(5, p=(0.4, 0.15, 0.17, 0.16, 0.12)))]
    low = {"nail": 1.0, "anvil": 4.0, "metal": 2.0, "stone": 2.4, "mallet": 0.7}[kind] * p["body"]
    ringing = {"nail": 0.18, "anvil": 1.6, "metal": 0.8, "stone": 0.06, "mallet": 0.12}[kind] * p["ringing"]
    body = modes(rng, low, low * rng.uniform(6, 14), 9, ringing, {"mallet": 5.0, "nail": 3.0}.get(kind, 0.5))
    tink = {"nail": 0.8, "anvil": 0.6, "metal": 0.7, "stone": 0.5, "mallet": 0.05}[kind] * rng.uniform(
        0.4, 1.6
    )
    head = modes(rng, p["head"], p["head"] * rng.uniform(2.0, 3.0), 4, rng.uniform(0.02, 0.25), 1.0)
    thump, edge = rng.uniform(0.1, 1.0), rng.uniform(0.1, 0.7)
    # A nail that goes in rings higher with every blow; other things stay as they are.
    climb = rng.uniform(0.0, 0.12) if kind == "nail" else 0.0
    bounces = chance(rng, 0.3)
    parts = []
    for number, onset in enumerate(beats(rng, n, p["rate"], jitter=0.08)):
        length = min(n - onset, samples_of(min(2.0, max(0.25, ringing * 1.3))))
        blow = np.zeros(length)
        width = min(length, int(rng.integers(5, 24)) * (3 if kind == "mallet" else 1))
        blow[:width] = np.hanning(width) * (1 + 0.5 * white(rng, width))
        if bounces and length > 4000:
            # The head bounces once, faintly and soon: no blow of its own.
            back = samples_of(rng.uniform(0.04, 0.11))
            blow[back : back + 8] += np.hanning(8) * rng.uniform(0.05, 0.2)
        bent = (1 + climb) ** number * scattered(rng, 1.0, 0.02)
        struck = unit(ring(blow, [(f * bent, s, g * rng.uniform(0.5, 1.5)) for f, s, g in body]))
        struck += tink * unit(ring(blow, [(f * bent, s, g) for f, s, g in head]))
        struck += thump * unit(ring(blow, [(scattered(rng, 130, 0.5), 0.12, 1.0)]))
        crack = white(rng, length) * decay(length, rng.uniform(0.015, 0.06))
        parts.append((onset, rng.uniform(0.55, 1.0) * (struck + edge * unit(crack))))
    return place(n, parts)


def _saw(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """Teeth drawn to and fro through wood, board or metal: faster in mid-stroke, one way louder."""
    pace = p["pace"] * (1 + rng.uniform(0.02, 0.15) * wander(rng, n, 1.5))
    phase = np.cumsum(pace) / SAMPLE_RATE + rng.random()
    stroke = np.floor(phase * 2).astype(np.int64)
    speed = np.abs(np.sin(2 * np.pi * phase)) ** rng.uniform(0.5, 1.2)
    there = stroke % 2 == 0
    vigour = rng.uniform(0.6, 1.0, int(stroke[-1]) + 1)[stroke]
    # Sometimes the sawyer stops for a moment to look.
    if n > 3 * SAMPLE_RATE and chance(rng, 0.3):
        vigour[np.abs(stroke - int(rng.integers(2, int(stroke[-1]) + 1))) < 2] *= 0.05
    level = speed ** rng.uniform(0.8, 2.0) * vigour * np.where(there, 1.0, p["back"])
    teeth = combustion(rng, n, 8 + p["teeth"] * speed, rng.uniform(0.3, 1, 7), 0.4, 0.4)
    blade = modes(rng, p["blade"], p["blade"] * rng.uniform(4, 7), 6, rng.uniform(0.008, 0.06), 1.0)
    bright = p["blade"]
    noise = rough_noise(
        rng,
        n,
        [(100, -20), (bright * 0.4, -8), (bright, 0), (bright * 2.2, -3), (6000, -9), (7600, -16)],
        4.0,
    )
    grain = np.minimum(unit(lowpass(teeth, 300)), 2.5)
    rasp = unit(noise * (rng.uniform(0.4, 1.5) + grain)) + p["rasp"] * unit(
        ring(teeth * np.sqrt(speed), blade)
    )
    # The blade springs back brighter on its way home.
    home = unit(formants(rasp, [(bright * rng.uniform(1.2, 2.5), 1200, 1.0), (bright * 0.7, 600, 0.5)]))
    total = np.where(there, rasp, 0.4 * rasp + home) * level
    board = ring(lowpass(teeth * level, 400), modes(rng, 110, 600, 4, 0.08, 1.0))
    return unit(total) + rng.uniform(0.05, 0.5) * unit(board)


def _chainsaw(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """A small two-stroke engine: bursts of throttle, a chain that bites, an idle that stutters."""
    idle = rng.uniform(0.22, 0.5)
    kind = rng.choice(3, p=(0.45, 0.35, 0.2))
    if kind == 0:
        course = throttle(rng, n, 1.0, max(1, int(rng.integers(1, 5) * n / SAMPLE_RATE / 4)), idle)
    elif kind == 1:
        course = np.full(n, rng.uniform(0.75, 1.0))
    else:
        course = throttle(rng, n, rng.uniform(0.5, 1.0), int(rng.integers(0, 2)), idle)
    # Wood that resists slows the engine down.
    load = np.clip(wander(rng, n, rng.uniform(0.5, 2.5)), 0, 1)
    course = course * (1 - rng.uniform(0.05, 0.35) * load) * (1 + 0.012 * wander(rng, n, 14))
    speed = p["pitch"] * course
    strokes = combustion(rng, n, speed, rng.uniform(0.7, 1, 2), rng.uniform(0, 0.15), rng.uniform(0.02, 0.3))
    pipe = modes(rng, p["pipe"], p["pipe"] * rng.uniform(7, 12), 7, rng.uniform(0.01, 0.035), p["dull"])
    exhaust = unit(ring(strokes - lowpass(strokes, 60), pipe))
    body = modes(rng, 700, 5500, 7, rng.uniform(0.008, 0.03), p["dull"] / 2)
    buzz = unit(ring(strokes, body))
    total = exhaust + rng.uniform(0.4, 1.6) * buzz * (1 + 0.3 * wander(rng, n, 30))
    middle = scattered(rng, 2500, 0.6)
    spray = bursts(
        rng, strokes, [(200, -18), (middle / 3, -6), (middle, 0), (6500, -9)], rng.uniform(0.008, 0.03)
    )
    total = total + p["chain"] * (0.3 + load) * unit(spray)
    total = total + rng.uniform(0.1, 0.5) * rough_noise(rng, n, [(80, -6), (500, 0), (2500, -3), (7000, -14)])
    return total * course ** rng.uniform(0.4, 1.2)


def _drill(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """A battery drill, one on a cord, a hammer drill in a wall, or a small fast one."""
    kind = ("battery", "cord", "hammer", "small")[int(rng.choice(4, p=(0.27, 0.25, 0.33, 0.15)))]
    rise, seconds = rng.uniform(0.05, 0.4), n / SAMPLE_RATE
    pushes = 1 if chance(rng, 0.55) else int(rng.integers(2, 5))
    course: Signal = np.zeros(n)
    now = np.arange(n) / SAMPLE_RATE
    for number in range(pushes):
        begin = 0.0 if number == 0 else seconds * (number + rng.uniform(-0.2, 0.2)) / pushes
        end = seconds * (number + rng.uniform(0.75, 1.05)) / pushes
        times = [begin, begin + rise, max(begin + rise, end), max(begin + rise, end) + rng.uniform(0.1, 0.4)]
        course = np.maximum(course, np.interp(now, times, [0, 1, rng.uniform(0.9, 1.0), 0]))
    # A motor nears its speed ever more slowly.
    course = lowpass(course, rng.uniform(1.2, 6))
    load = np.clip(wander(rng, n, rng.uniform(0.4, 2)), 0, 1)
    turning = np.maximum(course * (1 - rng.uniform(0.0, 0.25) * load), 0.02)
    pitch = p["pitch"] * (2.5 if kind == "small" else 1.0)
    # The gears sing above the shaft, and the shaft makes them waver once a turn.
    wobble = np.sin(2 * np.pi * np.cumsum(turning * pitch / rng.uniform(6, 20)) / SAMPLE_RATE)
    speed = turning * pitch * (1 + 0.006 * wander(rng, n, 20))
    whine = oscillator(speed, harmonics(rng, pitch, 24, p["slope"], 7.0), rng.random())
    gears = oscillator(speed * rng.uniform(2.1, 5.9), harmonics(rng, pitch * 4, 6, 6.0, 6.0), rng.random())
    total = (unit(whine) + rng.uniform(0.1, 0.8) * gears) * (1 + rng.uniform(0.05, 0.5) * wobble)
    brush = rough_noise(rng, n, [(100, -14), (600, -6), (p["brush"], 0), (7500, -10)])
    total = total + rng.uniform(0.2, 0.9) * brush * (1 + 0.3 * wander(rng, n, 40))
    # What the bit bites: dust and chips, only while it is pressed on.
    bite = rough_noise(rng, n, [(100, -6), (700, 0), (2500, -4), (7000, -12)]) * (
        1 + 0.8 * wander(rng, n, 60)
    )
    total = total + p["bite"] * load * bite
    if kind == "hammer":
        blows = combustion(rng, n, p["blows"] * turning, rng.uniform(0.6, 1, 3), 0.1, 0.25)
        stone = bursts(rng, blows, [(100, -4), (900, 0), (3000, -3), (7000, -12)], rng.uniform(0.012, 0.04))
        wall = ring(blows, modes(rng, 150, 2500, 6, rng.uniform(0.02, 0.06), 1.5))
        total = 0.6 * total + rng.uniform(0.6, 1.8) * (unit(stone) + rng.uniform(0.2, 1) * unit(wall))
    return total * course ** rng.uniform(0.5, 1.5)


def _jackhammer(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """Air drives a chisel into stone many times a second, in spells, beside a compressor."""
    spells = np.ones(n)
    if n > 1.5 * SAMPLE_RATE and chance(rng, 0.55):
        pause = int(rng.uniform(0.1, 0.9) * n)
        length = samples_of(rng.uniform(0.15, 0.8))
        spells[pause : pause + length] = rng.uniform(0.0, 0.15)
    speed = p["blows"] * (1 + rng.uniform(0.005, 0.06) * wander(rng, n, 4))
    blows = combustion(rng, n, speed, rng.uniform(0.75, 1, int(rng.integers(1, 4))), 0.05, 0.2) * spells
    blows[0] += 1e-6
    chisel = modes(rng, p["steel"], p["steel"] * rng.uniform(3, 6), 7, p["sixty"], rng.uniform(-1, 2.5))
    ground = modes(rng, 70, 500, 4, rng.uniform(0.03, 0.09), 1.0)
    clang = unit(ring(blows, chisel))
    total = clang + p["ground"] * unit(ring(lowpass(blows, 600), ground))
    middle = scattered(rng, 1600, 0.8)
    chips = bursts(
        rng,
        blows,
        [(100, -10), (middle / 3, -4), (middle, 0), (middle * 2.5, -5), (7500, -18)],
        p["sixty"] * 0.8,
    )
    total = total + rng.uniform(0.5, 1.8) * unit(chips)
    if chance(rng, 0.7):
        # Each stroke lets its air out with a puff that lasts until the next.
        puffs = bursts(rng, blows, [(150, -8), (500, 0), (2000, -6), (7000, -14)], 0.9 / p["blows"], 0.01)
        total = total + rng.uniform(0.2, 0.9) * unit(puffs)
    if chance(rng, 0.5):
        diesel = combustion(rng, n, np.full(n, rng.uniform(25, 80)), rng.uniform(0.6, 1, 4), 0.1, 0.2)
        total = total + rng.uniform(0.1, 0.5) * unit(ring(diesel, modes(rng, 70, 900, 5, 0.05, 2.0)))
    total = total + rng.uniform(0.03, 0.35) * rough_noise(
        rng, n, [(60, 0), (500, -6), (2500, -14), (7000, -26)]
    )
    if chance(rng, 0.25):
        total = lowpass(total, scattered(rng, 1500, 0.8))
    return total * curve([(0, 1), (rng.uniform(0.2, 0.8), rng.uniform(0.7, 1.0)), (1, 1)], n)


CLASSES = (
    EventClass(
        name="hammer hitting",
        category="tool",
        subject="a hammer",
        verb="hits",
        gerund="hitting",
        mention=r"(?<!jack )(?<!pneumatic )hammer(?:s|ing|ed)?(?! drill)",
        phrases=(
            "a hammer hitting a nail",
            "someone hammering",
            "the blows of a hammer",
            "hammering on metal",
            "a hammer on wood",
        ),
        also=("hammer", "hammering", "hammers", "hammer hit", "nailing"),
        seconds=(0.4, 2.3),
        render=_hammer,
        countable=True,
        parameters={
            "rate": Span(0.8, 2.7, log=True),
            "body": Span(130, 620, log=True),
            "ringing": Span(0.5, 2.0, log=True),
            "head": Span(1800, 4600, log=True),
        },
    ),
    EventClass(
        name="saw sawing",
        category="tool",
        subject="a hand saw",
        verb="cuts",
        gerund="cutting",
        mention=(
            r"(?:(?:hand|hack|wood) ?saws?|(?<=\ba )saw|(?<=\bthe )saw)(?: (?:is )?saw(?:s|ing))?"
            r"|(?<!hand saw )(?<!hand saw is )sawing"
        ),
        phrases=(
            "a hand saw sawing wood",
            "someone sawing wood",
            "the strokes of a saw",
            "sawing a board by hand",
            "a saw in wood",
        ),
        also=("hand saw", "handsaw", "sawing", "saw", "sawing wood"),
        seconds=(0.9, 8.0),
        render=_saw,
        parameters={
            "pace": Span(0.6, 3.2, log=True),
            "back": Span(0.1, 1.0),
            "teeth": Span(120, 1100, log=True),
            "blade": Span(900, 4200, log=True),
            "rasp": Span(0.1, 1.4, log=True),
        },
    ),
    EventClass(
        name="chainsaw running",
        category="tool",
        subject="a chainsaw",
        verb="runs",
        gerund="running",
        mention=r"chain ?saws?",
        phrases=(
            "a running chainsaw",
            "the roar of a chainsaw",
            "a chainsaw cutting a tree",
            "a chain saw revving",
        ),
        also=("chainsaw", "chainsaws", "chain saw", "power saw"),
        seconds=(1.2, 10.0),
        render=_chainsaw,
        continuous=True,
        pitch="pitch",
        parameters={
            "pitch": Span(75, 240, log=True),
            "pipe": Span(180, 700, log=True),
            "dull": Span(-5.0, 3.5),
            "chain": Span(0.3, 2.4, log=True),
        },
    ),
    EventClass(
        name="drill drilling",
        category="tool",
        subject="a drill",
        verb="drills",
        gerund="drilling",
        mention=r"drills?(?: (?:is |are )?drill(?:s|ing)?)?|(?<!drill )(?<!drill is )drilling",
        phrases=(
            "an electric drill running",
            "drilling into a wall",
            "the whine of a drill",
            "someone drilling a hole",
            "a power drill",
        ),
        also=("drill", "drilling", "power drill", "electric drill", "hammer drill", "power tool"),
        seconds=(0.9, 10.0),
        render=_drill,
        continuous=True,
        pitch="pitch",
        parameters={
            "pitch": Span(140, 900, log=True),
            "slope": Span(-2, 7),
            "brush": Span(1500, 5500, log=True),
            "bite": Span(0.1, 1.8, log=True),
            "blows": Span(18, 65, log=True),
        },
    ),
    EventClass(
        name="jackhammer pounding",
        category="tool",
        subject="a jackhammer",
        verb="pounds",
        gerund="pounding",
        mention=r"(?:jack ?hammer|pneumatic hammer|pneumatic breaker)s?",
        phrases=(
            "a pounding jackhammer",
            "the rattle of a jackhammer",
            "a jackhammer breaking stone",
            "a jackhammer on a street",
        ),
        also=("jackhammer", "jackhammers", "jack hammer", "pneumatic hammer", "jackhammering"),
        seconds=(0.9, 10.0),
        render=_jackhammer,
        continuous=True,
        parameters={
            "blows": Span(9, 36, log=True),
            "steel": Span(450, 1800, log=True),
            "sixty": Span(0.025, 0.16, log=True),
            "ground": Span(0.1, 1.2, log=True),
        },
    ),
)
