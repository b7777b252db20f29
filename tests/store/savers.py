"""Processes that save flags as fast as they can until they are killed, and what they saw confirmed before.

Importing this starts no thread, so that a fork server can hold it warm: a process starts within milliseconds.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import count
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import store.writer
from annotators.flags.rows import rows_of
from store.audio import UNFINISHED, write_clip
from store.backup import backup
from store.records import Row, new_id
from store.store import Store
from tests.people import answer, flag, rights, sound

PEOPLE = 8  # threads that save at once
SHORT_LOG = 8 << 10  # bytes: the database writes its log into its file every few flags

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["pytest", __name__])


@dataclass(frozen=True)
class Confirmed:
    """A flag whose saving returned, with the rows that it returned, as fields."""

    flag: dict[str, Any]
    rows: list[dict[str, Any]]


def save_short(store: Store, seed: int, contributor: str = "somebody") -> Confirmed:
    """Save a flag on a sound of 50 ms."""
    clip, samples = sound(seconds=0.05, rate=8_000, channels=1, seed=seed)
    observation = answer(clip)
    one = flag(observation, contributor=contributor)
    rows: tuple[Row, ...] = rows_of(one, observation, clip)
    kept = store.save_flag(samples, clip, observation, one, rights(clip, contributor=contributor), rows)
    return Confirmed(asdict(one), [asdict(row) for row in kept])


def confirmed(confirmations: Path) -> list[Confirmed]:
    """What was confirmed so far; a line that a kill cut off was not."""
    if not confirmations.exists():
        return []
    whole_lines = confirmations.read_text().rpartition("\n")[0]
    return [Confirmed(**json.loads(line)) for line in whole_lines.splitlines()]


def start_saving(folder: Path, confirmations: Path, seed: int, short_log: bool) -> BaseProcess:
    """A process that saves flags in the store `folder`, by `PEOPLE` threads, until it is killed.

    A flag is appended to `confirmations` when its saving has returned.
    """
    return start(_save_until_killed, folder, confirmations, seed, short_log)


def start_dying_before_the_commit(folder: Path, seed: int) -> BaseProcess:
    """A process that has written one sound and half of another, and is killed before a line names them."""
    return start(_die_before_the_commit, folder, seed)


def start_dying_in_a_backup(folder: Path, target: Path) -> BaseProcess:
    """A process that is killed when it has copied one sound of the store `folder` to `target`."""
    return start(_die_in_a_backup, folder, target)


def _save_until_killed(folder: Path, confirmations: Path, seed: int, short_log: bool) -> None:
    if short_log:
        store.writer.LOG_BYTES = SHORT_LOG
    opened = Store(folder)
    out = os.open(confirmations, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def save(person: int) -> None:
        for number in count():  # every second flag is on a sound that all share
            own = (seed * PEOPLE + person) * 10_000 + number
            saved = save_short(opened, own if number % 2 else seed, f"person {person}")
            os.write(out, (json.dumps(asdict(saved)) + "\n").encode())

    threading.excepthook = _die_of
    threads = [threading.Thread(target=save, args=(person,)) for person in range(PEOPLE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _die_before_the_commit(folder: Path, seed: int) -> None:
    opened = Store(folder)
    clip, samples = sound(seconds=0.05, rate=8_000, channels=1, seed=seed)
    write_clip(opened.audio_folder, clip, samples)
    (opened.audio_folder / UNFINISHED / new_id()).write_bytes(b"fLaC")
    os.kill(os.getpid(), signal.SIGKILL)


def _die_in_a_backup(folder: Path, target: Path) -> None:
    def die_after_one(done: int, whole: int) -> None:
        if done == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    backup(Store(folder), target, die_after_one)


def _die_of(thrown: threading.ExceptHookArgs) -> None:
    """End the process when one of its threads cannot save."""
    traceback.print_exception(thrown.exc_value)
    os._exit(1)


def start(target: Callable[..., None], *arguments: object) -> BaseProcess:
    """A process that runs a function of a module."""
    process = _CONTEXT.Process(target=target, args=arguments, daemon=True)
    process.start()
    return process
