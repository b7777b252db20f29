"""Kept clips on a shelf of the library: the windows that exports hold too, under their public ids.

A clip's name and fingerprint, its contributor and what lies outside the window are private and stay so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from annotators.flags.kinds import KINDS
from demos.engine import Engine
from demos.examples import examples
from demos.library.library import Library, LibrarySound, Shelf, examples_shelf
from demos.request import EngineError
from demos.sound import Sound, from_array
from store.errors import StoreError
from store.shared import SharedClip, shared_clips
from store.store import Store

NEWEST = 200  # kept clips that are on the shelf


def kept_sounds_shelf(store: Store) -> Shelf:
    """The clips whose contributors released them, as long as a row of theirs stands; the newest 200."""

    def shelf() -> Sequence[LibrarySound]:
        try:
            clips = shared_clips(store, NEWEST)
        except StoreError as problem:
            raise EngineError(str(problem)) from problem
        return [
            LibrarySound(
                one.public_id, _title(one), _about(one), one.clip_id, _reader(store, one), one.row_id
            )
            for one in clips
        ]

    return shelf


def library_of(engine: Engine, store: Store) -> Library:
    """The library of the page: the kept sounds and the shipped examples."""
    return Library(engine, [kept_sounds_shelf(store), examples_shelf(examples())])


def _title(clip: SharedClip) -> str:
    kinds = ", ".join(KINDS[kind].title for kind in clip.kinds)
    return f"flagged: {kinds}" if kinds else "kept sound"


def _about(clip: SharedClip) -> str:
    credit = f", {clip.attribution}" if clip.attribution else ""
    return f"{clip.public_id[:8]} · {clip.licence}{credit}"


def _reader(store: Store, clip: SharedClip) -> Callable[[], Sound | None]:
    def read() -> Sound | None:
        try:
            rate, samples = store.row_audio(clip.row_id)
        except StoreError:
            return None
        return from_array(rate, samples, f"{clip.public_id}.flac")

    return read
