"""Flagging, the use case: a flag is checked, becomes rows, and all of it is kept or none."""

from __future__ import annotations

from dataclasses import dataclass

from annotators.flags.checks import FlagError, check_rights
from annotators.flags.rows import rows_of
from store.audio import Samples
from store.records import Clip, Flag, Observation, Rights, Row
from store.store import Store


@dataclass(frozen=True)
class Saved:
    """What became of a flag."""

    flag: Flag
    rows: tuple[Row, ...]  # none for a kind that says nothing another model could be asked


def needs_rights(store: Store, clip: Clip, contributor: str) -> bool:
    """Whether this contributor has yet to say whose sound the clip is and under which licence."""
    return store.rights_of(clip.id, contributor) is None


def save_flag(
    store: Store,
    clip: Clip,
    samples: Samples,
    observation: Observation,
    flag: Flag,
    rights: Rights | None = None,
) -> Saved:
    """Check a flag, make its rows and keep everything; when this returns, it is on this machine's disk.

    `samples` is float32 [frames, channels] of `clip`. The first flag of a contributor on a clip needs
    `rights`. Saving the same flag again returns the same rows. Raises FlagError when something has to be
    changed first, StoreError when the store could not keep it; either text is for people.
    """
    rows = rows_of(flag, observation, clip)
    if rights is not None:
        check_rights(rights, clip, flag.contributor)
    elif needs_rights(store, clip, flag.contributor):
        raise FlagError("Say first whose sound this is and under which licence it may be shared.")
    kept = store.save_flag(samples, clip, observation, flag, rights, rows)
    return Saved(flag, kept)
