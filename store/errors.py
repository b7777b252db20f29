"""What goes wrong when keeping things, said to people: the text of every error is a sentence or two."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import duckdb

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED = {errno.EROFS, errno.EACCES, errno.EPERM}
_FULL_WORDS = ("no space left", "disk quota", "file too large", "not enough disk space")
_REFUSED_WORDS = ("permission denied", "read-only", "operation not permitted")


class StoreError(RuntimeError):
    """The store could not do what was asked and is as it was before; the text says why and what to do."""


class AudioError(StoreError):
    """The audio of a clip cannot be kept or read; the text says which and why."""


def store_error(error: duckdb.Error | OSError, folder: Path) -> StoreError:
    """The sentence for people behind an error of the database or the operating system."""
    said = str(error)
    lowered = said.lower()
    number = error.errno if isinstance(error, OSError) else None
    if "could not set lock" in lowered:
        holder = re.search(r"\(PID (\d+)\)", said)
        who = f" (process {holder.group(1)})" if holder else ""
        return StoreError(f"The store {folder} is in use by another program{who}: close that one first.")
    if number in _FULL or any(words in lowered for words in _FULL_WORDS):
        return StoreError("The disk is full, so nothing was saved: free some space, then save again.")
    if number in _REFUSED or any(words in lowered for words in _REFUSED_WORDS):
        return StoreError(
            f"The store {folder} cannot be written, so nothing was saved: check who may write there."
        )
    if "not a valid duckdb database" in lowered:
        return StoreError(f"The database in {folder} is damaged or no database: restore it from a backup.")
    first_line = said.strip().splitlines()[0] if said.strip() else type(error).__name__
    return StoreError(f"The store could not do this, and is as it was before: {first_line}")
