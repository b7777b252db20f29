"""What goes wrong when keeping things, said to people: the text of every error is a sentence or two."""

from __future__ import annotations

import errno
import re
from pathlib import Path
from typing import Literal

import duckdb

Attempt = Literal["save", "back up", "restore", "merge"]  # what was tried when something went wrong

_DONE: dict[Attempt, str] = {
    "save": "saved",
    "back up": "backed up",
    "restore": "restored",
    "merge": "merged",
}

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED = {errno.EROFS, errno.EACCES, errno.EPERM}
_FULL_WORDS = ("no space left", "disk quota", "file too large", "not enough disk space")
_REFUSED_WORDS = ("permission denied", "read-only", "operation not permitted")
_IN_USE_WORDS = ("could not set lock", "unique file handle conflict")
_DAMAGED_WORDS = ("not a valid duckdb database", "corrupt database file", "could not read enough bytes")


class StoreError(RuntimeError):
    """The store could not do what was asked and is as it was before; the text says why and what to do."""


class StoreInUseError(StoreError):
    """Another program holds the store; the text says which, if that is known."""


class AudioError(StoreError):
    """The audio of a clip cannot be kept or read; the text says which and why."""


def store_error(error: duckdb.Error | OSError, folder: Path, attempt: Attempt = "save") -> StoreError:
    """The sentence for people behind an error of the database or the operating system.

    `folder` is what was to be read or written, `attempt` what for.
    """
    said = str(error)
    lowered = said.lower()
    number = error.errno if isinstance(error, OSError) else None

    def is_said(words: tuple[str, ...]) -> bool:
        return any(word in lowered for word in words)

    if is_said(_IN_USE_WORDS):
        holder = re.search(r"\(PID (\d+)\)", said)
        who = f"another program (process {holder.group(1)})" if holder else "another program"
        return StoreInUseError(f"The store {folder} is in use by {who}: close that one first.")
    if number in _FULL or is_said(_FULL_WORDS):
        return StoreError(
            f"The disk is full, so nothing was {_DONE[attempt]}: free some space, then {attempt} again."
        )
    if number in _REFUSED or is_said(_REFUSED_WORDS):
        return StoreError(
            f"The folder {folder} cannot be written, so nothing was {_DONE[attempt]}: "
            "check who may write there."
        )
    if is_said(_DAMAGED_WORDS):
        remedy = "restore another backup" if attempt == "restore" else "restore it from a backup"
        return StoreError(f"The database in {folder} is damaged or no database: {remedy}.")
    first_line = said.strip().splitlines()[0] if said.strip() else type(error).__name__
    return StoreError(f"The store could not do this, and is as it was before: {first_line}")
