"""Views: what a model gets of a clip. The channel mean of a window, at the rate that the model wants.

The window is cut first and then resampled, exactly as the audio of a benchmark row is, so that a 16 kHz view
and the row made of it are the same samples.
"""

from __future__ import annotations

import numpy as np

from demos.cache import OnceCache
from demos.resampling import resample_published, resample_soxr
from demos.sound import Samples, Sound, mono
from store.records import Resampling, View

CAPACITY = 256 * 2**20  # bytes of views that are kept


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
