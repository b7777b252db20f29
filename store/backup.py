"""Copies of a store elsewhere: made while the store is used, and put back when the store is gone.

A backup is a store like any other: a folder with a database and the audio that it names. It holds what was
kept at one moment, and appears under its name only when all of it is on the disk. It shares no file with the
store it was made of, not even by a link, so that what damages one leaves the other whole.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import duckdb

from store.audio import audio_path, read_clip, synchronise_folder
from store.database import FILE_NAME, copy_database
from store.errors import Attempt, AudioError, StoreError, store_error
from store.records import Clip
from store.store import Store
from store.verify import verify

Progress = Callable[[int, int], None]  # called with the steps done and the steps in all

AUDIO = "audio"  # the folder of audio in a store's folder
NAMED_FAULTS = 5  # of a damaged backup, in one message

_CLIPS = "SELECT id, public_id, rate, channels, frames, name FROM clip ORDER BY id"


def backup(store: Store, folder: Path, progress: Progress | None = None) -> Path:
    """Copy an open store into the new folder `folder`, and return that; others may save meanwhile.

    The copy is of one moment after this was called: what is saved or withdrawn later it does not know. The
    audio of every clip is verified in the copy. Raises StoreError when there is something at `folder`
    already, the store's audio is damaged, or the disk refuses; then nothing is left behind.
    """
    folder = folder.absolute()
    if os.path.lexists(folder):
        raise StoreError(f"There is something at {folder} already: back up into a new folder.")
    with _appearing_whole(folder, "back up") as unfinished:
        with store.reading() as cursor, _said_of(store.folder, "back up"):
            copy_database(cursor, unfinished / FILE_NAME)
        clips = _clips_of(unfinished)
        tell = _telling(progress, len(clips) + 1)
        for done, clip in enumerate(clips):
            tell(done)
            try:
                _copy_audio(clip, store.folder, unfinished)
                read_clip(unfinished / AUDIO, clip)
            except (AudioError, FileNotFoundError) as error:
                raise _why_it_cannot_be_copied(store, clip) from error
        tell(len(clips))
    tell(len(clips) + 1)
    return folder


def restore(backup: Path, folder: Path, progress: Progress | None = None) -> Path:
    """Make the store `folder` anew from a backup that is whole, and return that; the backup is only read.

    What was copied is verified, which is the last and longest step told to `progress`. Raises StoreError when
    there is no backup, it is damaged (and how) or in use, there is a store or anything else at `folder`
    already, or the disk refuses; then nothing is left behind.
    """
    folder = folder.absolute()
    if not (backup / FILE_NAME).is_file():
        raise StoreError(f"There is no backup in {backup}: check the folder.")
    if (folder / FILE_NAME).exists():
        raise StoreError(
            f"There is a store in {folder} already: move that folder away, or restore into another one."
        )
    if os.path.lexists(folder) and not _is_empty_folder(folder):
        raise StoreError(f"There is something at {folder} already: restore into a new folder.")
    with _appearing_whole(folder, "restore") as unfinished:
        with _said_of(backup, "restore"):
            _copy_backed_up_database(backup, unfinished)
        clips = _clips_of(unfinished)
        tell = _telling(progress, len(clips) + 1)
        for done, clip in enumerate(clips):
            tell(done)
            with contextlib.suppress(FileNotFoundError):  # a missing file is among the faults found below
                _copy_audio(clip, backup, unfinished)
        tell(len(clips))
        with Store(unfinished, create=False) as copy:
            if faults := list(verify(copy)):
                raise _not_whole(backup, faults)
    tell(len(clips) + 1)
    return folder


@contextlib.contextmanager
def _appearing_whole(folder: Path, attempt: Attempt) -> Iterator[Path]:
    """A folder to fill, which becomes `folder` once everything in it is on the disk, or goes away again."""
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            unfinished.mkdir()
        except FileExistsError as error:
            raise StoreError(
                f"The folder {unfinished} is of an attempt that goes on or was cut off: wait for it, or "
                f"delete that folder when nothing is at work, then {attempt} again."
            ) from error
        try:
            yield unfinished
            _synchronise(unfinished)
            unfinished.rename(folder)
            synchronise_folder(folder.parent)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
    except OSError as error:
        raise store_error(error, folder.parent, attempt) from error


def _synchronise(folder: Path) -> None:
    """Put every file and directory below `folder` on the disk, and `folder` itself."""
    for directory, _, names in os.walk(folder, topdown=False):
        for name in names:
            with open(os.path.join(directory, name), "rb+") as file:
                os.fsync(file.fileno())
        synchronise_folder(Path(directory))


@contextlib.contextmanager
def _said_of(folder: Path, attempt: Attempt) -> Iterator[None]:
    """Errors of the database in `folder`, or of copying it, come out as StoreError."""
    try:
        yield
    except duckdb.Error as error:
        raise store_error(error, folder, attempt) from error


def _copy_backed_up_database(backup: Path, target: Path) -> None:
    """Copy the database of a backup, which is opened for reading alone."""
    with duckdb.connect() as connection:
        file = str((backup / FILE_NAME).absolute())
        connection.execute("ATTACH ? AS backup (TYPE duckdb, READ_ONLY)", [file])
        connection.execute("USE backup")
        copy_database(connection, target / FILE_NAME)


def _clips_of(folder: Path) -> list[Clip]:
    """The clips that the database in a folder names, in the order of their ids."""
    with duckdb.connect(str(folder / FILE_NAME), read_only=True) as connection:
        return [Clip(*line) for line in connection.execute(_CLIPS).fetchall()]


def _copy_audio(clip: Clip, source: Path, target: Path) -> None:
    """Copy the audio of a clip from one store's folder to another's; FileNotFoundError when there is none."""
    copy = audio_path(target / AUDIO, clip.id)
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(audio_path(source / AUDIO, clip.id), copy)


def _why_it_cannot_be_copied(store: Store, clip: Clip) -> StoreError:
    """What is wrong when the copy of a clip's audio is not whole."""
    if store.clip(clip.id) is None:
        return StoreError("A sound was withdrawn while the store was backed up: back up again.")
    try:
        store.clip_samples(clip)
    except AudioError as error:
        return StoreError(f"Nothing was backed up, because the store is not whole. {error}")
    return StoreError("What was written to the disk of the backup reads back wrong: back up to another disk.")


def _not_whole(backup: Path, faults: Sequence[str]) -> StoreError:
    """What is wrong with a backup, the first of many faults at least."""
    more = len(faults) - NAMED_FAULTS
    named = [*faults[:NAMED_FAULTS], *([f"And {more} more."] if more > 0 else [])]
    return StoreError(
        f"Nothing was restored, because the backup {backup} is not whole: restore another one. "
        + " ".join(named)
    )


def _is_empty_folder(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())


def _telling(progress: Progress | None, whole: int) -> Callable[[int], None]:
    """A function that passes on how many of `whole` steps are done, if anybody wants to know."""

    def tell(done: int) -> None:
        if progress is not None:
            progress(done, whole)

    return tell
