"""Views: what a model gets of a clip. The channel mean of a window, at the rate that the model wants.

The window is cut first and then resampled, exactly as the audio of a benchmark row is, so that a 16 kHz view
and the row made of it are the same samples.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import soxr

from demos.cache import OnceCache
from demos.sound import Samples, Sound, mono
from store.records import Resampling, View

CAPACITY = 256 * 2**20  # bytes of views that are kept
FILTER_WIDTH = 6  # zero crossings of the published sinc on either side
ROLLOFF = 0.99  # its cut-off, as a share of the lower Nyquist frequency
CHUNK = 1 << 18  # output samples that are computed at once


class Views:
    """Makes and keeps views; one instance serves many threads."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._cache: OnceCache[Samples] = OnceCache(capacity, lambda samples: samples.nbytes)

    def samples(self, sound: Sound, view: View) -> Samples:
        """The view's samples, float32 [n], read-only, made once. ValueError for a view of another clip."""
        if view.clip_id != sound.clip.id:
            raise ValueError("This view is of another clip.")
        return self._cache.get(view.clip_id, view, lambda: view_samples(sound, view))

    def forget(self, clip_id: str) -> None:
        """Drop all views of a clip."""
        self._cache.forget(clip_id)


def view_of(
    sound: Sound, rate: int, resampling: Resampling, start: float = 0.0, stop: float | None = None
) -> View:
    """The view of a clip, or of its part between two times in seconds, held within the clip."""
    seconds = sound.clip.seconds
    stop = seconds if stop is None else min(stop, seconds)
    return View(sound.clip.id, rate, resampling, max(0.0, start), stop)


def view_samples(sound: Sound, view: View) -> Samples:
    """The channel mean of the view's window, resampled, float32 [n], read-only, not cached.

    Raises ValueError when the window is empty or lies outside the clip.
    """
    window = mono(sound, view.start, view.stop)
    resample = resample_published if view.resampling == "published" else resample_soxr
    made = np.ascontiguousarray(resample(window, sound.clip.rate, view.rate))
    made.setflags(write=False)
    return made


def resample_soxr(samples: Samples, rate: int, new_rate: int) -> Samples:
    """Resampled by soxr at its very high quality and held within −1..1 where the filter overshoots."""
    if rate == new_rate:
        return samples
    resampled = soxr.resample(samples, rate, new_rate, quality="VHQ")
    return np.clip(resampled, -1.0, 1.0).astype(np.float32, copy=False)


def resample_published(samples: Samples, rate: int, new_rate: int) -> Samples:
    """Resampled as the published CLAP and Pengi do: windowed sinc, Hann, 6 zero crossings, rolloff 0.99.

    [n] → [⌈n · new rate / rate⌉]. The filter is torchaudio's default `Resample`: its taps are computed in
    float64 and used in float32, and sound is zero outside the window.
    """
    if rate == new_rate:
        return samples
    divisor = math.gcd(rate, new_rate)
    old, new = rate // divisor, new_rate // divisor
    taps = _sinc_taps(old, new)
    reach = (taps.shape[1] - 1) // 2
    padded = np.pad(samples, reach)
    made = np.empty(-(-len(samples) * new // old), dtype=np.float32)
    for begin in range(0, len(made), CHUNK):
        outputs = np.arange(begin, min(begin + CHUNK, len(made)))
        phases = outputs % new
        nearest = outputs * old // new  # the input sample at or just before each output
        total = np.zeros(len(outputs), dtype=np.float32)
        for tap in range(taps.shape[1]):
            total += padded[nearest + tap] * taps[phases, tap]
        made[begin : begin + len(outputs)] = total
    return made


@lru_cache(maxsize=32)
def _sinc_taps(old: int, new: int) -> npt.NDArray[np.float32]:
    """Filter taps [new phases, taps] around the input sample at or before each output."""
    cutoff = min(old, new) * ROLLOFF
    reach = math.ceil(FILTER_WIDTH * old / cutoff)
    fraction = np.arange(new) * old % new / new  # of an input sample, from the nearest one to the output
    distance = (np.arange(-reach, reach + 1) - fraction[:, None]) * cutoff / old  # in zero crossings
    distance = np.clip(distance, -FILTER_WIDTH, FILTER_WIDTH)
    window = np.cos(distance * np.pi / FILTER_WIDTH / 2) ** 2
    return (np.sinc(distance) * window * cutoff / old).astype(np.float32)
