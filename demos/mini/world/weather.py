"""Weather: filtered noise that moves as air and water do."""

from __future__ import annotations

import numpy as np

from demos.mini.world.dsp import (
    Signal,
    curve,
    decay,
    formants,
    impulses,
    lowpass,
    samples_of,
    shaped_noise,
    wander,
    white,
)
from demos.mini.world.event_class import EventClass
from demos.mini.world.liquid import drops
from demos.mini.world.ranges import Parameters, Span


def _rain(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """On leaves, on a roof, on a window, in the street: a hiss of countless drops and nearer single ones."""
    bright = p["bright"]
    low, top = rng.uniform(-22, -8), rng.uniform(-12, 0)
    hiss = shaped_noise(rng, n, [0, 150, 900, bright, 8000], [low - 8, low, -5, 0, top])
    hiss *= 1 + rng.uniform(0.03, 0.2) * wander(rng, n, rng.uniform(1, 5))
    surface = rng.choice(4)
    if surface == 0:  # leaves and stone: ticks without a pitch
        places, ringing = bright * 2.0 ** rng.uniform(-1.6, 0.5, 6), rng.uniform(0.002, 0.005)
    elif surface == 1:  # a tin roof
        places, ringing = rng.uniform(500, 4500, 6), rng.uniform(0.01, 0.03)
    elif surface == 2:  # a window or an umbrella
        places, ringing = rng.uniform(250, 1400, 5), rng.uniform(0.006, 0.015)
    else:  # puddles
        places, ringing = rng.uniform(1200, 5200, 7), rng.uniform(0.004, 0.01)
    tick = drops(rng, n, p["drops"], np.asarray(places), ringing)
    return hiss + p["patter"] * tick / (float(np.abs(tick).max()) + 1e-9)


def _wind(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    """Howling round a corner, in the leaves, or on the microphone itself."""
    source = white(rng, n)
    gust = 0.5 + 0.5 * wander(rng, n, p["gusts"])
    swell = rng.uniform(0.1, 0.4) + (1 - rng.uniform(0.1, 0.4)) * gust ** rng.uniform(1, 2.2)
    kind = rng.choice(3)
    if kind == 0:
        steps = 5
        tops = p["pitch"] * 2.0 ** np.linspace(0, rng.uniform(0.6, 1.4), steps)
        bands = [formants(source, [(float(top), p["width"] * float(top), 1.0)]) for top in tops]
        place = gust * (steps - 1)
        howl = sum(band * np.clip(1 - np.abs(place - number), 0, 1) for number, band in enumerate(bands)) / (
            float(np.std(bands[steps // 2])) + 1e-9
        )
        return (howl + rng.uniform(0.2, 0.9) * lowpass(source, 180)) * swell
    if kind == 1:
        rustle = shaped_noise(rng, n, [0, 300, 1500, p["pitch"] * 9, 8000], [-26, -16, -5, 0, -12])
        return (rustle + rng.uniform(0.1, 0.6) * lowpass(source, 200)) * swell
    rumble = shaped_noise(rng, n, [0, 20, 70, p["pitch"], p["pitch"] * 4, 8000], [-12, 0, -2, -12, -28, -52])
    flutter = 1 + 0.6 * np.abs(wander(rng, n, rng.uniform(6, 16)))
    return rumble * flutter * swell + rng.uniform(0.02, 0.15) * source * swell


def _thunder(p: Parameters, rng: np.random.Generator, n: int) -> Signal:
    top = p["pitch"]
    roll = shaped_noise(rng, n, [0, 25, 60, top, top * 4, 8000], [-20, -3, 0, -8, -30, -62])
    swell = np.abs(wander(rng, n, p["rolling"])) + rng.uniform(0.08, 0.3)
    rise = curve([(0, rng.uniform(0.2, 1)), (rng.uniform(0.03, 0.3), 1), (1, 1)], n)
    roll = roll * swell * decay(n, p["tail"]) * rise
    if rng.random() < 0.4:  # a second clap answers
        later = samples_of(rng.uniform(0.5, 1.6))
        roll[later:] += rng.uniform(0.4, 1) * roll[: max(0, n - later)]
    crack = np.zeros(n)
    length = min(n, samples_of(rng.uniform(0.25, 0.9)))
    strokes = int(rng.integers(4, 20))
    bursts = impulses(length, rng.integers(0, max(1, length // 3), strokes), rng.exponential(1, strokes))
    torn = white(rng, length) * lowpass(bursts, rng.uniform(8, 25)) * 60
    crack[:length] = lowpass(torn, rng.uniform(1200, 5000)) * decay(length, rng.uniform(0.3, 0.8))
    return roll + p["crack"] * crack


CLASSES = (
    EventClass(
        name="rain falling",
        category="weather",
        subject="rain",
        verb="falls",
        gerund="falling",
        mention=r"rain",
        seconds=(1.5, 10.0),
        render=_rain,
        continuous=True,
        parameters={
            "bright": Span(1500, 7000, log=True),
            "drops": Span(10, 260, log=True),
            "patter": Span(0.8, 9, log=True),
        },
        phrases=("falling rain", "the sound of steady rain", "rain pouring down", "a spell of rain"),
        also=("rain", "raining", "rainfall", "raindrop", "rain on surface"),
    ),
    EventClass(
        name="wind blowing",
        category="weather",
        subject="wind",
        verb="blows",
        gerund="blowing",
        mention=r"wind",
        seconds=(1.8, 10.0),
        render=_wind,
        continuous=True,
        parameters={
            "pitch": Span(160, 760, log=True),
            "width": Span(0.12, 0.6),
            "gusts": Span(0.5, 2.8, log=True),
        },
        phrases=("blowing wind", "the howl of the wind", "a restless wind", "gusts of wind"),
        also=("wind", "windy", "wind noise", "gust", "howling wind"),
    ),
    EventClass(
        name="thunder rumbling",
        category="weather",
        subject="thunder",
        verb="rumbles",
        gerund="rumbling",
        mention=r"thunder",
        seconds=(1.8, 6.0),
        render=_thunder,
        parameters={
            "pitch": Span(70, 320, log=True),
            "rolling": Span(3, 13, log=True),
            "tail": Span(2, 8),
            "crack": Span(0.05, 1.2),
        },
        phrases=("rumbling thunder", "the rumble of thunder", "a peal of thunder"),
        also=("thunder", "thunderstorm", "thunder storm", "lightning"),
    ),
)
