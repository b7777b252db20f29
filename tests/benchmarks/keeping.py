"""From a flag to “saved”, against the least that could keep as much: one FLAC file and one transaction."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import soundfile

from annotators.flags.flagging import save_flag
from annotators.flags.rows import rows_of
from store.audio import FULL_SCALE, Samples
from store.records import Clip, Flag, Observation, Rights, new_id, to_json
from store.store import Store
from tests import people
from tests.benchmarks.comparison import Comparison, seconds_of

CLIP_SECONDS = 10.0
CLIP_RATE = 44_100
CREATE = "CREATE TABLE record (id VARCHAR PRIMARY KEY, content VARCHAR)"
INSERT = "INSERT INTO record VALUES (?, ?)"


@dataclass(frozen=True)
class Flagging:
    """A flag on a clip that nobody has flagged before, with all that belongs to it."""

    clip: Clip
    samples: Samples
    observation: Observation
    flag: Flag
    rights: Rights

    @property
    def records(self) -> list[Any]:
        """Everything of it that is kept, but for the sound."""
        rows = rows_of(self.flag, self.observation, self.clip)
        return [self.clip, self.rights, self.observation, self.flag, *rows]


def compare_keeping(runs: int) -> Comparison:
    """Save flags on fresh clips of 10 s, 44.1 kHz, stereo; both ways by turns, on the same disk."""
    saved, bare = [], []
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "store") as store:
        connection = duckdb.connect(f"{folder}/bare.duckdb")
        connection.execute(CREATE)
        for run in range(runs + 1):  # the first is not counted: it opens files and makes folders
            one, other = _flagging(2 * run), _flagging(2 * run + 1)
            path, records = Path(folder) / f"{run}.flac", other.records
            saved.append(
                seconds_of(
                    partial(save_flag, store, one.clip, one.samples, one.observation, one.flag, one.rights)
                )
            )
            bare.append(seconds_of(partial(_keep_barely, connection, path, other.samples, records)))
        connection.close()
    return Comparison(
        "a flag to “saved”, first of its clip (10 s, stereo)",
        "one fsynced FLAC file and one transaction of the same records",
        saved[1:],
        bare[1:],
    )


def _flagging(number: int) -> Flagging:
    clip, samples = people.sound(CLIP_SECONDS, CLIP_RATE, seed=number)
    observation = people.answer(clip)
    return Flagging(clip, samples, observation, people.flag(observation), people.rights(clip))


def _keep_barely(
    connection: duckdb.DuckDBPyConnection, path: Path, samples: Samples, records: Sequence[Any]
) -> None:
    integers = (samples * FULL_SCALE).astype(np.int32) << 8
    with path.open("wb") as file:
        soundfile.write(file, integers, CLIP_RATE, "PCM_24", format="FLAC")
        file.flush()
        os.fsync(file.fileno())
    connection.begin()
    for record in records:
        connection.execute(INSERT, [new_id(), to_json(record)])
    connection.commit()
