"""Which sounds of the library are like a sound, or fit a text: the cosine of CLAP's embeddings.

What is on its shelves, and who may hear it, is the shelves' to say. Each sound is embedded once and only its
vector is kept, as long as it stays on a shelf.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from demos.engine import Engine
from demos.examples import Example
from demos.request import EngineError
from demos.sound import Sound

LONGEST = 30.0  # seconds of a sound that are compared
MOST_FOUND = 6
EXAMPLE = "example sound · Apache-2.0"
NEW_AT_ONCE = 40  # sounds that are embedded while somebody waits; the rest are when asked again

Vector = npt.NDArray[np.float32]
Cancelled = Callable[[], bool]


@dataclass(frozen=True)
class LibrarySound:
    """A sound on a shelf. What is shown of it is public; `clip_id`, of the clip that it is from, is not.

    `read` gives the sound, None where its audio is damaged or gone; `part` says which part of the clip it is.
    """

    id: str
    title: str
    about: str
    clip_id: str
    read: Callable[[], Sound | None]
    part: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What its embedding is kept by."""
        return self.id, self.part


@dataclass(frozen=True)
class Found:
    """A sound and the cosine of its embedding with what was asked, −1..1."""

    sound: LibrarySound
    cosine: float


@dataclass(frozen=True)
class Findings:
    """The best sounds, best first, and how many were not compared because nobody has heard them yet."""

    found: tuple[Found, ...]
    unheard: int


Shelf = Callable[[], Sequence[LibrarySound]]  # what is on it now; it may raise EngineError


class Library:
    """Finds sounds on shelves; many threads may ask."""

    def __init__(self, engine: Engine, shelves: Sequence[Shelf]) -> None:
        self._engine = engine
        self._shelves = tuple(shelves)
        self._vectors: dict[tuple[str, str], Vector | None] = {}  # by key; None: it cannot be read
        self._lock = threading.Lock()

    def near(self, sound: Sound, cancelled: Cancelled = lambda: False) -> Findings:
        """The sounds nearest to the first 30 s of one, which is left out itself.

        Raises EngineError when CLAP cannot listen, and Cancelled.
        """
        wanted = self._engine.embedding(sound, min(sound.clip.seconds, LONGEST), cancelled)
        return self._best(wanted, cancelled, without=sound.clip.id)

    def find(self, text: str, cancelled: Cancelled = lambda: False) -> Findings:
        """The sounds that fit a text best. Raises EngineError for a text that is empty or too long."""
        return self._best(self._engine.text_embedding(text), cancelled)

    def sound(self, sound_id: str) -> Sound:
        """The sound with this id. Raises EngineError, a sentence, where it is not on a shelf or damaged."""
        for one in self._all():
            if one.id == sound_id:
                if (sound := one.read()) is None:
                    raise EngineError("This sound is damaged and cannot be heard. Choose another one.")
                return sound
        raise EngineError("This sound is not in the library any more. Search again.")

    def _all(self) -> list[LibrarySound]:
        return [one for shelf in self._shelves for one in shelf()]

    def _best(self, wanted: Vector, cancelled: Cancelled, without: str = "") -> Findings:
        sounds = self._all()
        keys = {one.key for one in sounds}
        with self._lock:  # what was withdrawn is forgotten
            self._vectors = {key: vector for key, vector in self._vectors.items() if key in keys}
        others = [one for one in sounds if one.clip_id != without]
        new = [one for one in others if one.key not in self._vectors]
        self._hear(new[:NEW_AT_ONCE], cancelled)
        vectors = ((one, self._vectors.get(one.key)) for one in others)
        found = [Found(one, float(wanted @ vector)) for one, vector in vectors if vector is not None]
        found.sort(key=lambda one: -one.cosine)
        return Findings(tuple(found[:MOST_FOUND]), len(new[NEW_AT_ONCE:]))

    def _hear(self, new: Sequence[LibrarySound], cancelled: Cancelled) -> None:
        """Embed sounds and keep their vectors, each as it comes."""
        whole: list[LibrarySound] = []

        def read() -> Iterator[Sound]:
            for one in new:
                sound = one.read()
                if sound is None:
                    self._keep(one, None)
                else:
                    whole.append(one)
                    yield sound

        for place, vector in enumerate(self._engine.embeddings(read(), LONGEST, cancelled)):
            self._keep(whole[place], vector)

    def _keep(self, one: LibrarySound, vector: Vector | None) -> None:
        with self._lock:
            self._vectors[one.key] = vector


def examples_shelf(examples: Sequence[Example]) -> Shelf:
    """The shipped sounds as a shelf."""
    made: list[LibrarySound] = []
    making = threading.Lock()

    def shelf() -> Sequence[LibrarySound]:
        with making:
            if not made:
                made.extend(
                    LibrarySound(one.id, one.title, EXAMPLE, one.sound().clip.id, one.sound)
                    for one in examples
                )
        return tuple(made)

    return shelf
