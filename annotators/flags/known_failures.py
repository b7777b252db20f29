"""Known failures: the kept sounds that are nearest to one that is being heard, and what was flagged there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
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
        new = [one.clip for one in others if one.clip.id not in self._embeddings]
        self._hear(new[:NEW_AT_ONCE], cancelled)
        found = []
        for one in others:
            vector = self._embeddings.get(one.clip.id)
            if vector is not None and (cosine := float(own @ vector)) >= ALIKE:
                found.append(KnownFailure(cosine, tuple(_sentence(*flagged) for flagged in one.flags)))
        return sorted(found, key=lambda one: -one.cosine)[:NEAREST]

    def sentences(self, sound: Sound, cancelled: Callable[[], bool] = lambda: False) -> list[str]:
        """The same in words."""
        return [one.sentence for one in self.near(sound, cancelled)]

    def _hear(self, new: Sequence[Clip], cancelled: Callable[[], bool]) -> None:
        """Embed kept sounds and remember their vectors, each as it comes."""
        whole: list[Clip] = []

        def read() -> Iterator[Sound]:
            for clip in new:
                try:
                    sound = Sound(clip, self._store.clip_samples(clip))
                except AudioError:
                    self._keep(clip, None)
                else:
                    whole.append(clip)
                    yield sound

        for place, vector in enumerate(self._engine.embeddings(read(), ROW_SECONDS, cancelled)):
            self._keep(whole[place], vector)

    def _keep(self, clip: Clip, vector: Vector | None) -> None:
        with self._lock:
            self._embeddings[clip.id] = vector


def _sentence(system: System, flag: Flag) -> str:
    return f"{SYSTEM_NAMES[system]} {KINDS[flag.kind].told_of(flag)}."
