"""The sounds that ship with the page, made by `demos.mini.world`, with their truth in a JSON index."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from demos.sound import Sound, read
from store.records import Clip

FOLDER = Path(__file__).parent / "mini" / "examples"
SOURCE = "Earwitness example sound, made by the project's own synthesiser, Apache-2.0"


@dataclass(frozen=True)
class Example:
    """One shipped sound: its id, what a chip says, and where it lies."""

    id: str
    title: str
    path: Path

    def sound(self) -> Sound:
        """The sound itself, under its file name."""
        return read(self.path)


def examples(folder: Path = FOLDER) -> tuple[Example, ...]:
    """All shipped sounds, in the order of the index; none if there is no index."""
    index = folder / "examples.json"
    if not index.is_file():
        return ()
    listed = json.loads(index.read_text(encoding="utf-8"))
    return tuple(Example(Path(one["file"]).stem, _title(one["name"]), folder / one["file"]) for one in listed)


def is_example(clip: Clip) -> bool:
    """Whether a clip is one of the shipped sounds, sample for sample, whatever its file is called."""
    return clip.id in _example_ids()


@lru_cache(maxsize=1)
def _example_ids() -> frozenset[str]:
    return frozenset(example.sound().clip.id for example in examples())


def _title(name: str) -> str:
    """A name as a chip says it: without its article, in lower case."""
    words = name[0].lower() + name[1:]
    return words.removeprefix("a ").removeprefix("an ")
