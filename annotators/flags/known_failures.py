"""Known failures: the kept sounds that are nearest to one that is being heard, and what was flagged there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from annotators.flags.kinds import KINDS
from demos.engine import Engine
from demos.request import SYSTEM_NAMES
from demos.sound import Sound
from store.audio import ROW_SECONDS
from store.errors import AudioError
from store.records import Clip, Flag, System
from store.store import Store

NEWEST = 200  # kept sounds that are compared
NEW_AT_ONCE = 40  # of them that are heard for the first time while somebody waits
NEAREST = 3
ALIKE = 0.8  # cosine from which on two sounds are called near

Vector = npt.NDArray[np.float32]


@dataclass(frozen=True)
class KnownFailure:
    """A sound in which something was flagged, and how near it is: the cosine of CLAP's embeddings."""

    cosine: float
    said: tuple[str, ...]  # a sentence for each flag

    @property
    def sentence(self) -> str:
        """As the page says it."""
        return f"Near a flagged sound ({self.cosine:.2f}): {' '.join(self.said)}"


class KnownFailures:
    """Finds them; many threads may ask. Embeddings stay in memory as long as their sounds are kept."""

    def __init__(self, engine: Engine, store: Store) -> None:
        self._engine = engine
        self._store = store
        self._embeddings: dict[str, Vector | None] = {}  # None: the audio is damaged
        self._lock = threading.Lock()

    def near(self, sound: Sound, cancelled: Callable[[], bool] = lambda: False) -> list[KnownFailure]:
        """At most three, the nearest first; what is not alike is no news. The sound itself is left out.

        Raises EngineError when CLAP cannot listen, and Cancelled.
        """
        kept = self._store.flagged_clips(NEWEST)
        with self._lock:  # what was withdrawn is forgotten
            ids = {one.clip.id for one in kept}
            self._embeddings = {name: value for name, value in self._embeddings.items() if name in ids}
        others = [one for one in kept if one.clip.id != sound.clip.id]
        if not others:
            return []
        own = self._engine.embedding(sound, min(sound.clip.seconds, ROW_SECONDS), cancelled)
        found = []
        unheard = 0
        for one in others:
            if one.clip.id not in self._embeddings:
                unheard += 1
                if unheard > NEW_AT_ONCE:
                    continue
            vector = self._embedding(one.clip, cancelled)
            if vector is not None and (cosine := float(own @ vector)) >= ALIKE:
                found.append(KnownFailure(cosine, tuple(_sentence(*flagged) for flagged in one.flags)))
        return sorted(found, key=lambda one: -one.cosine)[:NEAREST]

    def sentences(self, sound: Sound, cancelled: Callable[[], bool] = lambda: False) -> list[str]:
        """The same in words."""
        return [one.sentence for one in self.near(sound, cancelled)]

    def _embedding(self, clip: Clip, cancelled: Callable[[], bool]) -> Vector | None:
        if clip.id not in self._embeddings:
            try:
                sound = Sound(clip, self._store.clip_samples(clip))
            except AudioError:
                vector = None
            else:
                vector = self._engine.embedding(sound, min(clip.seconds, ROW_SECONDS), cancelled)
                self._engine.forget(clip.id)  # it is no visitor's sound
            with self._lock:
                self._embeddings[clip.id] = vector
        return self._embeddings.get(clip.id)


def _sentence(system: System, flag: Flag) -> str:
    return f"{SYSTEM_NAMES[system]} {KINDS[flag.kind].told_of(flag)}."
