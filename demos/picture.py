"""What the page draws of a clip: a log-mel picture and a waveform envelope, quick and without torch."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import fft

from demos.sound import Samples, Sound, mono

DYNAMIC_RANGE = 80.0  # dB between black and white
QUIETEST_PEAK = -40.0  # dB; a clip whose loudest cell lies lower stays dark instead of showing its hiss
LOWEST, HIGHEST = 30.0, 16_000.0  # Hz
WINDOW_SECONDS = 0.032
COLUMN_SECONDS = 0.01
CHUNK = 2048  # windows that are transformed at once


class Picture(NamedTuple):
    """A log-mel picture: uint8 [bands, columns], row 0 the lowest band, 255 the loudest; seconds in all.

    `quietest` and `loudest` are the decibels of 0 and 255; a full-scale tone has about 0.
    """

    values: npt.NDArray[np.uint8]
    seconds: float
    quietest: float
    loudest: float


def log_mel_picture(sound: Sound, bands: int = 80, columns: int = 1000) -> Picture:
    """The clip's channel mean as a log-mel picture of at most `columns` columns, 10 ms or longer each.

    Bands are equally spaced on the mel scale from 30 Hz to 16 kHz or half the rate. 80 dB below the loudest
    cell is 0.
    """
    clip = sound.clip
    count = max(1, min(columns, round(clip.seconds / COLUMN_SECONDS)))
    window = 1 << max(8, round(np.log2(WINDOW_SECONDS * clip.rate)))
    per_column = max(
        1, -(-2 * clip.frames // (count * window))
    )  # windows overlap by half, no click is missed
    power = _mel_power(mono(sound), window, count * per_column, _mel_bank(clip.rate, window, bands))
    level = 10 * np.log10(np.maximum(power.reshape(count, per_column, bands).max(axis=1), 1e-12))
    floor = max(float(level.max()), QUIETEST_PEAK) - DYNAMIC_RANGE
    values = np.clip((level - floor) * (255 / DYNAMIC_RANGE), 0, 255).round().astype(np.uint8)
    return Picture(np.ascontiguousarray(values.T), clip.seconds, floor, floor + DYNAMIC_RANGE)


def envelope(sound: Sound, columns: int = 1000) -> npt.NDArray[np.float32]:
    """Smallest and largest sample of the channel mean in each of at most `columns` parts: [columns, 2]."""
    samples = mono(sound)
    count = min(columns, len(samples))
    begins = np.arange(count) * len(samples) // count
    return np.stack([np.minimum.reduceat(samples, begins), np.maximum.reduceat(samples, begins)], axis=1)


def _mel_power(
    samples: Samples, window: int, frames: int, bank: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Power [frames, bands] of `frames` Hann windows spread evenly; a full-scale tone has about 1."""
    padded = np.pad(samples, window // 2)
    centres = ((np.arange(frames) + 0.5) * len(samples) / frames).astype(np.int64)
    hann = np.hanning(window + 1)[:-1].astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(padded, window)
    power = np.empty((frames, bank.shape[1]), dtype=np.float32)
    for begin in range(0, frames, CHUNK):
        spectrum = fft.rfft(windows[centres[begin : begin + CHUNK]] * hann, axis=1)
        power[begin : begin + CHUNK] = (spectrum.real**2 + spectrum.imag**2) @ bank
    return power * np.float32((2 / hann.sum()) ** 2)


@lru_cache(maxsize=16)
def _mel_bank(rate: int, window: int, bands: int) -> npt.NDArray[np.float32]:
    """Triangles [bins, bands] summing to 1 each, equally spaced in mel = 2595 log10(1 + f / 700)."""
    top = min(HIGHEST, rate / 2)
    edges = 700 * (10 ** (np.linspace(_mel(LOWEST), _mel(top), bands + 2) / 2595) - 1)
    frequencies = np.arange(window // 2 + 1) * rate / window
    rising = (frequencies[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies[:, None]) / (edges[2:] - edges[1:-1])
    bank = np.maximum(0, np.minimum(rising, falling))
    nearest = np.abs(frequencies[:, None] - edges[1:-1]).argmin(axis=0)
    narrow = bank.sum(axis=0) == 0  # a low band between two bins takes the nearest
    bank[nearest[narrow], np.nonzero(narrow)[0]] = 1
    return (bank / bank.sum(axis=0)).astype(np.float32)


def _mel(hertz: float) -> float:
    return float(2595 * np.log10(1 + hertz / 700))
