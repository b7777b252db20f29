"""Impacts: things that are struck, slammed, broken, fired and dropped.

What is struck, and how, is drawn anew for every event; `blows` says how it sounds, `blasts` how it explodes.
"""

from __future__ import annotations

import numpy as np

from demos.mini.world.blasts import fireworks, gun
from demos.mini.world.blows import answered, blow, bounces, dying_noise, modes_between, one_of
from demos.mini.world.dsp import (
    HIGHEST,
    SAMPLE_RATE,
    Signal,
    beats,
    curve,
    highpass,
    impulses,
    lowpass,
    place,
    ring,
    samples_of,
    shaped_noise,
    white,
)
from demos.mini.world.event_class import EventClass
from demos.mini.world.ranges import Parameters, Span


def _knock(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    kind = one_of(rng, hollow=0.4, solid=0.25, fist=0.15, metal=0.1, pane=0.1)
    low, sixty, contact = p["body"], p["sixty"], p["contact"]
    if kind == "solid":
        low, sixty = 1.7 * low, 0.6 * sixty
    elif kind == "fist":
        low, contact = 0.7 * low, 3 * contact
    elif kind == "metal":
        low, sixty = 1.2 * low, 3 * sixty
    elif kind == "pane":
        low, sixty = 2.2 * low, 0.9 * sixty
    modes = modes_between(rng, low, low * rng.uniform(8, 25), 11, sixty, rng.uniform(1.5, 6), 0.5)
    accent = rng.uniform(-0.5, 0.5)
    onsets = beats(rng, n, p["rate"], jitter=rng.uniform(0.02, 0.13))
    length = min(n, samples_of(max(0.25, 1.5 * sixty)))
    knuckle = [
        (low * rng.uniform(3, 6), rng.uniform(0.03, 0.07), 0.7),
        (rng.uniform(1200, 4500), rng.uniform(0.012, 0.04), rng.uniform(0.2, 1.0)),
    ]
    parts = []
    for k, onset in enumerate(onsets):
        detuned = rng.uniform(0.99, 1.01)
        struck = blow(
            rng, length, contact * rng.uniform(0.8, 1.3), [(f * detuned, t, g) for f, t, g in modes]
        )
        struck += p["knuckle"] * dying_noise(rng, length, knuckle)
        share = k / max(1, len(onsets) - 1) - 0.5
        parts.append((onset, struck * rng.uniform(0.65, 1) * (1 + accent * share)))
    dry = place(n, parts)
    return answered(rng, dry, rng.uniform(0.15, 0.8), rng.uniform(0, 0.35), rng.uniform(600, 2500))


def _slam(rng: np.random.Generator, length: int, kind: str, p: Parameters) -> Signal:
    """One slam: the thud of the leaf, the slap of air and frame, the latch, and what rattles on."""
    panel = p["panel"] * rng.uniform(0.97, 1.03)
    sixty, top, fall = {
        "house": (0.35, 14, 5), "car": (0.18, 10, 7), "metal": (0.9, 30, 2), "cupboard": (0.15, 14, 3)
    }[kind]  # fmt: skip
    panel *= {"house": 1.0, "car": 0.9, "metal": 1.4, "cupboard": 2.2}[kind]
    modes = modes_between(rng, panel, panel * top, 12, sixty * rng.uniform(0.6, 1.4), fall, 0.5)
    slam = blow(rng, length, p["contact"], modes)
    bands = [
        (panel * 2, 1.5 * p["slap"], 0.5),
        (rng.uniform(350, 800), p["slap"], rng.uniform(0.4, 1.2)),
        (rng.uniform(1000, 3000), 0.7 * p["slap"], rng.uniform(0.3, 1.1)),
        (rng.uniform(3500, 6500), 0.5 * p["slap"], rng.uniform(0.05, 0.6)),
    ]
    slam += dying_noise(rng, length, bands)
    # The bolt springs in just before or after; loose fittings go on rattling.
    clacks = rng.uniform(0.0, 0.13, int(rng.integers(1, 5)))
    latch = impulses(length, (clacks * SAMPLE_RATE).astype(np.int64), rng.uniform(0.3, 1, len(clacks)))
    rattle = ring(latch, modes_between(rng, rng.uniform(700, 2400), 6500, 6, rng.uniform(0.03, 0.12), 1))
    slam += p["latch"] * rng.uniform(0.1, 0.4) * rattle / (float(np.abs(rattle).max()) + 1e-9)
    return slam


def _door(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    kind = one_of(rng, house=0.5, car=0.2, metal=0.15, cupboard=0.15)
    before = samples_of(rng.uniform(0.04, 0.22)) if rng.random() < 0.4 else 0
    before = min(before, n // 4)
    squeak = rng.uniform(0.02, 0.2)
    length = min(n, samples_of(0.95 / p["rate"]))
    parts = []
    for onset in beats(rng, n, p["rate"], jitter=0.04):
        parts.append((onset + before, _slam(rng, length - before, kind, p) * rng.uniform(0.7, 1)))
        if before:
            swing = shaped_noise(rng, before, [0, 150, 900, 8000], [-10, 0, -8, -30])
            parts.append((onset, swing * curve([(0, 0.1), (1, 1)], before) * squeak * 0.5))
    # A slammed door drives a recorder hard now and then.
    dry = answered(
        rng, place(n, parts), rng.uniform(0.25, 1.4), rng.uniform(0.05, 0.6), rng.uniform(300, 1800)
    )
    dry = highpass(highpass(dry, p["thin"]), p["thin"])
    drive = rng.uniform(0.3, 3)
    return np.tanh(drive * dry) / drive


def _glass(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    kind = one_of(rng, vessel=0.45, pane=0.35, bulb=0.2)
    shards = int(p["shards"] * {"vessel": 1.0, "pane": 1.8, "bulb": 0.5}[kind])
    spread = p["spread"] * {"vessel": 1.0, "pane": 1.5, "bulb": 0.5}[kind]
    blow_at = 0
    parts = []
    if rng.random() < 0.35:
        # The knock or the throw that breaks it.
        blow_at = min(n // 4, samples_of(rng.uniform(0.02, 0.25)))
        knock = blow(
            rng, n // 2, rng.uniform(0.001, 0.006), modes_between(rng, rng.uniform(100, 700), 4000, 6, 0.1)
        )
        parts.append((0, knock * rng.uniform(0.1, 0.5)))
    rest = n - blow_at
    onsets = (rng.gamma(rng.uniform(0.5, 1.3), spread, shards) * SAMPLE_RATE).astype(np.int64)
    first = max(2, shards // 6)
    onsets[:first] = rng.integers(0, samples_of(0.02), first)
    gains = rng.exponential(1.0, shards) * np.exp(-onsets / (2.5 * spread * SAMPLE_RATE))
    gains[:first] *= rng.uniform(1, 3)
    # Shards that land bounce on, quicker and softer.
    later = onsets[::3] + rng.integers(400, 2200, len(onsets[::3]))
    onsets, gains = np.concatenate([onsets, later]), np.concatenate([gains, 0.5 * gains[::3]])
    which = rng.integers(0, 18, len(onsets))
    tones = p["pitch"] * 2.0 ** (rng.random(18) * np.log2(HIGHEST / p["pitch"]))
    tinkle = np.zeros(rest)
    for k, tone in enumerate(tones):
        chosen = which == k
        mode = (float(tone), p["sixty"] * rng.uniform(0.3, 1.8), rng.uniform(0.4, 1))
        tinkle += ring(impulses(rest, onsets[chosen], gains[chosen]), [mode])
    tinkle /= float(np.abs(tinkle).max()) + 1e-9
    crash = dying_noise(
        rng,
        rest,
        [
            (rng.uniform(200, 700), 0.06, rng.uniform(0, 0.4)),
            (rng.uniform(1500, 3000), rng.uniform(0.08, 0.25), 0.5),
            (rng.uniform(4000, 6800), rng.uniform(0.12, 0.5), 0.9),
        ],
    )
    # Between the rings lies the grinding of pieces too small to be heard one by one.
    grind = highpass(white(rng, rest), rng.uniform(2500, 5000)) * lowpass(
        impulses(rest, onsets, gains), rng.uniform(15, 60)
    )
    grind /= float(np.abs(grind).max()) + 1e-9
    parts.append((blow_at, tinkle + p["crash"] * crash + rng.uniform(0.1, 0.7) * grind))
    return answered(rng, place(n, parts), rng.uniform(0.2, 1.0), rng.uniform(0, 0.3), rng.uniform(2000, 6000))


def _ball(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    kind = one_of(rng, basket=0.4, small=0.2, table=0.2, foot=0.2)
    seconds = n / SAMPLE_RATE
    if rng.random() < 0.5:
        gaps = rng.normal(1, rng.uniform(0.01, 0.12), 40).clip(0.6, 1.5) / p["rate"]
        times, speeds = np.concatenate([[0.0], np.cumsum(gaps)]), rng.uniform(0.65, 1, 41)
    else:
        # Dropped, it bounces ever lower and quicker; once at rest it is dropped again.
        runs, start = [], 0.0
        while start < seconds:
            run = bounces(rng, p["fall"], p["restitution"], 40)
            runs.append(run + start)
            start = float(runs[-1][-1]) + rng.uniform(0.2, 0.6)
        times = np.concatenate(runs)
        speeds = np.concatenate([p["restitution"] ** np.arange(len(run)) for run in runs])
    contact, low, high, sixty, fall = {
        "basket": (0.0035, 85, 1600, 0.11, 1), "small": (0.0018, 230, 3500, 0.06, 2),
        "table": (0.0004, 900, 6500, 0.035, 0), "foot": (0.003, 120, 2000, 0.07, 2),
    }[kind]  # fmt: skip
    lowest, contact = low * p["size"], contact / p["size"] * rng.uniform(0.7, 1.4)
    modes = modes_between(rng, lowest, high * p["size"], 8, sixty * rng.uniform(0.6, 1.6), fall, 0.4)
    hollow = rng.uniform(0.0, 0.6)
    if kind == "basket":
        # The air inside rings, which makes the ping of a hard ball on a hard floor.
        modes.append((rng.uniform(500, 1250), rng.uniform(0.08, 0.35), 1.5 * hollow))
    slap = [
        (lowest * rng.uniform(4, 9), rng.uniform(0.03, 0.1), rng.uniform(0.4, 1.2)),
        (rng.uniform(1500, 5500), rng.uniform(0.01, 0.05), rng.uniform(0.1, 0.9)),
    ]
    length = min(n, samples_of(0.4))
    kinds = []
    for _ in range(4):
        detuned = rng.uniform(0.96, 1.04)
        struck = blow(rng, length, contact, [(f * detuned, t, g) for f, t, g in modes])
        kinds.append(struck + p["slap"] * dying_noise(rng, length, slap))
    parts = [
        (int(time * SAMPLE_RATE), kinds[int(rng.integers(4))] * speed)
        for time, speed in zip(times, speeds, strict=True)
        if time < seconds
    ]
    dry = highpass(highpass(place(n, parts), p["thin"]), p["thin"])
    return answered(rng, dry, rng.uniform(0.2, 1.6), rng.uniform(0, 0.5), rng.uniform(500, 3000))


_PIECES = {
    "plate": (700, 2600, 0.05, 0.25),
    "cup": (1300, 4200, 0.03, 0.18),
    "cutlery": (1800, 5200, 0.08, 0.5),
    "pot": (280, 1300, 0.1, 0.7),
    "glass": (1800, 4500, 0.1, 0.5),
    "tray": (150, 600, 0.03, 0.12),
}
"""Range of the lowest mode and of its decay time, for each kind of piece."""


def _dishes(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    seconds = n / SAMPLE_RATE
    shares = rng.dirichlet(np.full(len(_PIECES), 0.6))
    pieces = [list(_PIECES)[k] for k in rng.choice(len(_PIECES), 7, p=shares)]
    # Hands move in bouts: hits come in clusters, and what is set down chatters until it rests.
    gaps = rng.gamma(rng.uniform(0.4, 1.5), 1, int(p["rate"] * seconds) + 2)
    hits = np.concatenate([[0.0], np.cumsum(gaps / gaps.mean() / p["rate"])])
    hits = hits[hits < seconds]
    times, gains, which = [], [], []
    for hit in hits:
        piece, strength = int(rng.integers(len(pieces))), rng.lognormal(0, 0.7)
        run: Signal = np.zeros(1)
        if rng.random() < p["chatter"]:
            run = bounces(rng, rng.uniform(0.025, 0.12), rng.uniform(0.6, 0.88), int(rng.integers(2, 9)))
        times.append(hit + run)
        gains.append(strength * 0.75 ** np.arange(len(run)))
        # Two pieces meet, and both ring.
        which.append(np.full(len(run), piece))
    at = (np.concatenate(times) * SAMPLE_RATE).astype(np.int64)
    force, struck = np.concatenate(gains), np.concatenate(which)
    partner = (struck + 1 + rng.integers(0, 2, len(struck))) % len(pieces)
    total = np.zeros(n)
    for k, piece in enumerate(pieces):
        low, high, short, long = _PIECES[piece]
        lowest = low * (high / low) ** rng.random()
        sixty = short * (long / short) ** rng.random() * p["damp"]
        top = min(HIGHEST, lowest * rng.uniform(3, 7))
        own, other = struck == k, partner == k
        train = impulses(n, at[own], force[own]) + impulses(
            n, at[other], rng.uniform(0.2, 0.8) * force[other]
        )
        total += ring(train, modes_between(rng, lowest, top, 5, sixty, rng.uniform(-2, 3), 0.4))
    click = highpass(white(rng, n), rng.uniform(1200, 3500))
    click *= lowpass(impulses(n, at, force), rng.uniform(50, 160)) * 40
    total += p["click"] * click
    return answered(rng, total, rng.uniform(0.15, 0.8), rng.uniform(0, 0.3), rng.uniform(1500, 5000))


CLASSES = (
    EventClass(
        name="knocking",
        category="impact",
        subject="someone",
        verb="knocks",
        gerund="knocking",
        mention=r"knock(?:s|ing)?",
        phrases=("a knock at a door", "someone knocking on wood", "the sound of knocking", "a door knock"),
        also=("knock", "door knock", "door wood knock", "knocking on door"),
        seconds=(0.5, 2.5),
        render=_knock,
        countable=True,
        parameters={
            "rate": Span(2.0, 6.5, log=True),
            "body": Span(95, 520, log=True),
            "sixty": Span(0.05, 0.28, log=True),
            "contact": Span(0.0006, 0.003, log=True),
            "knuckle": Span(0.1, 1.2, log=True),
        },
    ),
    EventClass(
        name="door slamming",
        category="impact",
        subject="a door",
        verb="slams",
        gerund="slamming",
        mention=r"slam(?:s|ming|med)?",
        phrases=("a door slam", "the slam of a door", "a slamming door", "a door slammed shut"),
        also=("slam", "door slam", "door shut", "door closing"),
        seconds=(0.7, 2.5),
        render=_door,
        countable=True,
        parameters={
            "rate": Span(0.6, 1.3, log=True),
            "panel": Span(45, 180, log=True),
            "thin": Span(20, 160, log=True),
            "contact": Span(0.001, 0.008, log=True),
            "slap": Span(0.06, 0.35, log=True),
            "latch": Span(0.2, 1.6),
        },
    ),
    EventClass(
        name="glass breaking",
        category="impact",
        subject="glass",
        verb="breaks",
        gerund="breaking",
        mention=r"(?:breaking|shattering|crash of) glass|glass (?:is )?(?:break|shatter)(?:s|ing)?",
        phrases=("breaking glass", "shattering glass", "a glass shattering", "the crash of glass"),
        also=("shatter", "glass", "glass shattering", "glass smash"),
        seconds=(0.7, 2.6),
        render=_glass,
        parameters={
            "shards": Span(15, 150, log=True),
            "spread": Span(0.07, 0.5, log=True),
            "pitch": Span(1200, 4200, log=True),
            "sixty": Span(0.06, 0.6, log=True),
            "crash": Span(0.3, 2.2, log=True),
        },
    ),
    EventClass(
        name="gun firing",
        category="impact",
        subject="a gun",
        verb="fires",
        gerund="firing",
        mention=r"gun ?shots?|guns?|gunfire",
        phrases=("a gunshot", "gunshots", "gunfire", "a shot from a gun", "the bang of a gun"),
        also=("gun shot", "gunshot gunfire", "gunshot and gunfire", "gun", "machine gun", "cap gun"),
        seconds=(0.5, 3.5),
        render=gun,
        parameters={
            "duration": Span(0.0002, 0.0025, log=True),
            "thin": Span(25, 450, log=True),
            "dull": Span(1500, 7500, log=True),
            "body": Span(60, 280, log=True),
            "sixty": Span(0.12, 0.7, log=True),
            "echo": Span(0.25, 2.5, log=True),
            "wet": Span(0.05, 0.8, log=True),
            "drive": Span(0.4, 6, log=True),
        },
    ),
    EventClass(
        name="fireworks exploding",
        category="impact",
        subject="fireworks",
        verb="explode",
        gerund="exploding",
        plural=True,
        mention=r"fireworks?|firecrackers?",
        phrases=("a firework exploding", "the bangs of fireworks", "a fireworks display", "firecrackers"),
        also=("firework", "firecracker", "fireworks"),
        seconds=(1.0, 6.0),
        render=fireworks,
        parameters={
            "duration": Span(0.0006, 0.006, log=True),
            "thin": Span(20, 200, log=True),
            "dull": Span(500, 6500, log=True),
            "body": Span(40, 160, log=True),
            "sixty": Span(0.2, 1.1, log=True),
            "echo": Span(0.3, 2.2, log=True),
            "gap": Span(0.15, 1.3, log=True),
            "crackle": Span(0.1, 0.9),
        },
    ),
    EventClass(
        name="ball bouncing",
        category="impact",
        subject="a ball",
        verb="bounces",
        gerund="bouncing",
        mention=r"(?:basket)?balls?",
        phrases=("a bouncing ball", "the bounce of a ball", "a basketball bouncing", "a ball being dribbled"),
        also=("basketball bounce", "bouncing", "ball bounce", "bounce"),
        seconds=(0.8, 6.0),
        render=_ball,
        parameters={
            "rate": Span(0.9, 4.5, log=True),
            "fall": Span(0.25, 1.0, log=True),
            "restitution": Span(0.6, 0.9),
            "size": Span(0.7, 1.5, log=True),
            "slap": Span(0.25, 2.0, log=True),
            "thin": Span(25, 220, log=True),
        },
    ),
    EventClass(
        name="dishes clattering",
        category="impact",
        subject="dishes",
        verb="clatter",
        gerund="clattering",
        plural=True,
        mention=r"dishes|crockery|cutlery|plates",
        phrases=("clattering dishes", "the clatter of crockery", "plates being stacked", "cutlery clinking"),
        also=(
            "dishes pots and pans",
            "dishes and pots and pans",
            "cutlery silverware",
            "cutlery and silverware",
        ),
        seconds=(0.8, 6.0),
        render=_dishes,
        parameters={
            "rate": Span(2.0, 13, log=True),
            "chatter": Span(0.1, 0.8),
            "damp": Span(0.5, 1.6, log=True),
            "click": Span(0.03, 0.6, log=True),
        },
    ),
)
