"""The store of one Earwitness: a folder with a DuckDB file and the audio of every flagged clip.

Any thread may call any method. What a method of saving returns is on this machine's disk; when it raises
StoreError, the store is as it was before.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb

from store import rows as row_queries
from store.audio import ROW_RATE, Samples, audio_path, clear_unfinished, read_clip, row_audio, write_clip
from store.database import Database
from store.errors import StoreError, store_error
from store.following import Following, following
from store.instances import Instance, instances
from store.records import (
    KINDS_WITHOUT_ROWS,
    Annotation,
    Clip,
    Flag,
    Observation,
    Rights,
    Row,
    RowEdit,
    System,
    Withdrawal,
    later,
    now,
    observation_from_dict,
    row_file,
    to_json,
)
from store.row_changes import add_edit, add_partner, insert_row
from store.rows import ALL_ROWS, RowFilter, RowVersion, RowView
from store.withdrawal import admitted, carry_out, delete_withdrawn_audio
from store.writer import Writer

DEFAULT_FOLDER = Path("data")  # below the working directory

_INSERT_CLIP = """
INSERT INTO clip (id, public_id, rate, channels, frames, name, kept_at)
VALUES ($id, $public_id, $rate, $channels, $frames, $name, $kept_at)"""
_INSERT_RIGHTS = """
INSERT INTO rights (clip_id, owner, licence, attribution, speaker_agrees, contributor, stated_at)
VALUES ($clip_id, $owner, $licence, $attribution, $speaker_agrees, $contributor, $stated_at)"""
_INSERT_OBSERVATION = """
INSERT INTO observation (id, clip_id, system, model_id, model_revision, instruction, text, made_at, record)
VALUES ($id, $clip_id, $system, $model_id, $model_revision, $instruction, $text, $made_at, $record)"""
_INSERT_FLAG = """
INSERT INTO flag (id, observation_id, kind, span_start, span_stop, span_text, claim, correction, time_start,
    time_stop, confidence, contributor, note, attribute, made_at)
VALUES ($id, $observation_id, $kind, $span_start, $span_stop, $span_text, $claim, $correction, $time_start,
    $time_stop, $confidence, $contributor, $note, $attribute, $made_at)"""
_SELECT_CLIP = "SELECT id, public_id, rate, channels, frames, name FROM clip WHERE id = ?"
_SELECT_RIGHTS = """
SELECT clip_id, owner, licence, attribution, speaker_agrees, contributor, stated_at
FROM present_rights WHERE clip_id = ? AND contributor = ?"""
_SELECT_OBSERVATION = "SELECT record FROM observation WHERE id = ?"
_SELECT_FLAG = "SELECT flag FROM flag WHERE id = ?"
_SELECT_FLAGGED_PARTS = """
SELECT flag.time_start, flag.time_stop, if(flag.claim = '', flag.span_text, flag.claim)
FROM flag JOIN observation ON observation.id = flag.observation_id
WHERE observation.clip_id = ? AND flag.time_start IS NOT NULL AND flag.time_stop IS NOT NULL
ORDER BY flag.time_start, flag.made_at"""
_SELECT_FLAGGED_CLIPS = """
SELECT clip, list({'system': observation.system, 'flag': flag} ORDER BY flag.made_at DESC)
FROM clip JOIN observation ON observation.clip_id = clip.id JOIN flag ON flag.observation_id = observation.id
GROUP BY clip ORDER BY max(flag.made_at) DESC LIMIT ?"""
_SELECT_ROW_WINDOW = """
SELECT benchmark_row.start, benchmark_row.stop, clip
FROM benchmark_row JOIN clip ON clip.id = benchmark_row.clip_id WHERE benchmark_row.id = ?"""
_COUNTS = """
SELECT (SELECT count(*) FROM clip) AS clips,
    (SELECT count(*) FROM observation) AS observations,
    (SELECT count(*) FROM flag) AS flags,
    (SELECT count(*) FROM benchmark_row) AS rows,
    (SELECT count(DISTINCT contributor) FROM flag) AS contributors"""


@dataclass(frozen=True)
class FlaggedClip:
    """A kept clip and the flags on it, the newest first, each with the system whose answer it is about."""

    clip: Clip
    flags: tuple[tuple[System, Flag], ...]


class Store:
    """Everything that is kept, in one folder; open it once per folder, close it when done."""

    def __init__(self, folder: Path | str, create: bool = True) -> None:
        """Open the store in `folder`, making a new one when there is none and `create`.

        Raises StoreError when another process has it open, a newer version wrote it, or the disk refuses.
        """
        self.folder = Path(folder)
        self.audio_folder = self.folder / "audio"
        self._database = Database(self.folder, create)
        try:
            self.audio_folder.mkdir(exist_ok=True)
            clear_unfinished(self.audio_folder)
            delete_withdrawn_audio(self._database, self.audio_folder)
        except OSError as error:
            self._database.close()
            raise store_error(error, self.folder) from error
        self._writer = Writer(self._database)

    def close(self) -> None:
        """Finish the writes that wait and close the file; closing twice is harmless."""
        self._writer.close()
        self._database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def save_flag(
        self,
        samples: Samples,
        clip: Clip,
        observation: Observation,
        flag: Flag,
        rights: Rights | None,
        rows: tuple[Row, ...],
    ) -> tuple[Row, ...]:
        """Keep a flag with its clip, observation, rights and rows, and return the rows as kept.

        `samples` is float32 [frames, channels] of `clip`. The audio is on the disk first, then one
        transaction writes the rest. Saving the same flag again changes nothing and returns its rows. A clip
        that is kept already keeps its public id, which the rows' files then carry. Without `rights`, those
        that the contributor stated before must be kept. Raises StoreError, and ValueError when the records do
        not belong together.
        """
        _check_they_belong_together(clip, observation, flag, rights, rows)

        def write(connection: duckdb.DuckDBPyConnection) -> tuple[Row, ...]:
            if _is_saved_already(connection, flag):
                return row_queries.rows_of_flag(connection, flag.id)
            if not audio_path(self.audio_folder, clip.id).exists():  # a failed save of the same clip took it
                write_clip(self.audio_folder, clip, samples)
            kept_clip = _keep_clip(connection, admitted(connection, clip, flag.contributor))
            _keep_observation(connection, observation)
            if rights is not None:
                _keep_rights(connection, rights)
            if _rights_of(connection, clip.id, flag.contributor) is None:
                raise StoreError("Say first whose sound this is and under which licence it may be shared.")
            connection.execute(_INSERT_FLAG, asdict(flag))
            kept_rows = tuple(replace(row, file=row_file(kept_clip, row.id)) for row in rows)
            for row in kept_rows:
                insert_row(connection, row)
            return kept_rows

        try:
            write_clip(self.audio_folder, clip, samples)
            return self._writer.run(write)
        except OSError as error:
            self._drop_unnamed_audio(clip)
            raise store_error(error, self.folder) from error
        except BaseException:
            self._drop_unnamed_audio(clip)
            raise

    def save_partner(self, annotation: Annotation, row: Row) -> None:
        """Keep a row that balances another with what it rests on; see `row_changes.add_partner`."""
        self._writer.run(lambda connection: add_partner(connection, annotation, row))

    def save_edit(self, edit: RowEdit) -> None:
        """Append a version of a row, or take it out; StoreError when there is no such row."""
        self._writer.run(lambda connection: add_edit(connection, edit))

    def withdraw(self, withdrawal: Withdrawal) -> None:
        """Erase what a person takes back, for good; see `withdrawal.carry_out`."""
        carry_out(self._writer, self._database, self.audio_folder, withdrawal)

    def clip(self, clip_id: str) -> Clip | None:
        """The kept clip with this private id."""
        with self.reading() as cursor:
            return _clip(cursor, clip_id)

    def rights_of(self, clip_id: str, contributor: str) -> Rights | None:
        """What this contributor said last of the clip's owner and licence; None: nothing yet."""
        with self.reading() as cursor:
            return _rights_of(cursor, clip_id, contributor)

    def observation(self, observation_id: str) -> Observation | None:
        """The kept observation with this id."""
        with self.reading() as cursor:
            record = _only(cursor.execute(_SELECT_OBSERVATION, [observation_id]).fetchone())
        return None if record is None else observation_from_dict(json.loads(record))

    def flag(self, flag_id: str) -> Flag | None:
        """The kept flag with this id."""
        with self.reading() as cursor:
            found = _only(cursor.execute(_SELECT_FLAG, [flag_id]).fetchone())
        return None if found is None else Flag(**found)

    def flagged_parts(self, clip_id: str) -> list[tuple[float, float, str]]:
        """The parts of a kept clip that somebody flagged: (start, stop, what was claimed), by their start."""
        with self.reading() as cursor:
            return list(cursor.execute(_SELECT_FLAGGED_PARTS, [clip_id]).fetchall())

    def flagged_clips(self, most: int) -> list[FlaggedClip]:
        """The clips that were flagged last, at most so many, with what was flagged in them."""
        with self.reading() as cursor:
            lines = cursor.execute(_SELECT_FLAGGED_CLIPS, [most]).fetchall()
        return [
            FlaggedClip(
                row_queries.clip_of(clip), tuple((one["system"], Flag(**one["flag"])) for one in flags)
            )
            for clip, flags in lines
        ]

    def rows_of_flag(self, flag_id: str) -> tuple[Row, ...]:
        """The rows that a flag became."""
        with self.reading() as cursor:
            return row_queries.rows_of_flag(cursor, flag_id)

    def row(self, row_id: str) -> RowView | None:
        """A row as it stands now, also when it is taken out; None: there is none."""
        for state in (None, "taken_out"):
            if found := self.rows(RowFilter(ids=(row_id,), state=state), limit=1):
                return found[0]
        return None

    def row_history(self, row_id: str) -> list[RowVersion]:
        """Every version of a row, oldest first; empty when there is no such row."""
        with self.reading() as cursor:
            return row_queries.row_history(cursor, row_id)

    def rows(self, chosen: RowFilter = ALL_ROWS, limit: int = 50, offset: int = 0) -> list[RowView]:
        """At most `limit` of the chosen rows after the first `offset`, newest first."""
        with self.reading() as cursor:
            return row_queries.page_of_rows(cursor, chosen, limit, offset)

    def rows_by_clip(self, chosen: RowFilter = ALL_ROWS) -> Iterator[RowView]:
        """All chosen rows one by one, those of one clip together; memory holds a few hundred at a time."""
        with self.reading() as cursor:
            yield from row_queries.rows_by_clip(cursor, chosen)

    def count_rows(self, chosen: RowFilter = ALL_ROWS) -> int:
        """How many rows are chosen."""
        with self.reading() as cursor:
            return row_queries.count_rows(cursor, chosen)

    def instances(self, chosen: RowFilter = ALL_ROWS) -> list[Instance]:
        """The instances that the chosen rows make, with their gates."""
        with self.reading() as cursor:
            return instances(cursor, chosen)

    def following(self) -> list[Following]:
        """How often each model's flagged answers followed their instruction."""
        with self.reading() as cursor:
            return following(cursor)

    def flagged_models(self) -> list[str]:
        """Ids of the models that any row came from, in alphabetical order."""
        with self.reading() as cursor:
            return row_queries.flagged_models(cursor)

    def clip_samples(self, clip: Clip) -> Samples:
        """The samples of a kept clip, float32 [frames, channels], verified; AudioError when damaged."""
        return read_clip(self.audio_folder, clip)

    def row_audio(self, row_id: str) -> tuple[int, Samples]:
        """What is heard in a row: 16000 and float32 [n], at most 30 s; StoreError if there is no such row."""
        with self.reading() as cursor:
            line = cursor.execute(_SELECT_ROW_WINDOW, [row_id]).fetchone()
        if line is None:
            raise StoreError("This row is not in the store: reload the list.")
        start, stop, kept = line
        clip = row_queries.clip_of(kept)
        return ROW_RATE, row_audio(self.clip_samples(clip), clip.rate, start, stop)

    def counts(self) -> dict[str, int]:
        """How many clips, observations, flags, rows and contributors are kept."""
        with self.reading() as cursor:
            result = cursor.execute(_COUNTS)
            names = [column[0] for column in result.description or ()]
            return dict(zip(names, result.fetchone() or (), strict=True))

    @contextlib.contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor for one reading, on any thread; errors of the database come out as StoreError."""
        try:
            with self._database.cursor() as cursor:
                yield cursor
        except duckdb.Error as error:
            raise store_error(error, self.folder) from error

    def _drop_unnamed_audio(self, clip: Clip) -> None:
        """Take back the audio of a save that failed, unless another save has named it."""

        def drop(connection: duckdb.DuckDBPyConnection) -> None:
            if _clip(connection, clip.id) is None:
                audio_path(self.audio_folder, clip.id).unlink(missing_ok=True)

        with contextlib.suppress(StoreError):
            self._writer.run(drop)


def _check_they_belong_together(
    clip: Clip, observation: Observation, flag: Flag, rights: Rights | None, rows: tuple[Row, ...]
) -> None:
    """Raise ValueError unless every record names the others by their ids."""
    named = {
        "observation": observation.view.clip_id == clip.id,
        "flag": flag.observation_id == observation.id,
        "rights": rights is None or (rights.clip_id, rights.contributor) == (clip.id, flag.contributor),
        "rows": bool(rows) != (flag.kind in KINDS_WITHOUT_ROWS)
        and all((row.flag_id, row.clip_id) == (flag.id, clip.id) for row in rows),
    }
    if strangers := [name for name, belongs in named.items() if not belongs]:
        raise ValueError(f"These do not belong to what they are saved with: {', '.join(strangers)}.")


def _is_saved_already(connection: duckdb.DuckDBPyConnection, flag: Flag) -> bool:
    """Whether this very flag is kept; StoreError when its id is kept with other words."""
    found = _only(connection.execute(_SELECT_FLAG, [flag.id]).fetchone())
    if found is None:
        return False
    if replace(Flag(**found), made_at=flag.made_at) != flag:
        raise StoreError("This flag was saved before with other words: start a new flag for the new ones.")
    return True


def _keep_clip(connection: duckdb.DuckDBPyConnection, clip: Clip) -> Clip:
    """The clip as kept: as it was kept first, or as it is kept now."""
    if (kept := _clip(connection, clip.id)) is not None:
        return kept
    connection.execute(_INSERT_CLIP, asdict(clip) | {"kept_at": now()})
    return clip


def _keep_rights(connection: duckdb.DuckDBPyConnection, rights: Rights) -> None:
    """Keep a statement as the last of its contributor, unless it says what the one before says.

    What was said last is told by its instant, which the clock gives; so it is moved when the clock went back.
    """
    last = _rights_of(connection, rights.clip_id, rights.contributor)
    if last is None:
        connection.execute(_INSERT_RIGHTS, asdict(rights))
    elif replace(rights, stated_at=last.stated_at) != last:
        stated_at = later(rights.stated_at, last.stated_at)
        connection.execute(_INSERT_RIGHTS, asdict(replace(rights, stated_at=stated_at)))


def _keep_observation(connection: duckdb.DuckDBPyConnection, observation: Observation) -> None:
    """Keep the observation unless it is; StoreError when its id is kept with another content."""
    record = to_json(observation)
    kept = _only(connection.execute(_SELECT_OBSERVATION, [observation.id]).fetchone())
    if kept is None:
        columns = ("id", "system", "model_id", "model_revision", "instruction", "text", "made_at")
        values = {name: getattr(observation, name) for name in columns}
        values |= {"clip_id": observation.view.clip_id, "record": record}
        connection.execute(_INSERT_OBSERVATION, values)
    elif kept != record:
        raise StoreError("This answer is kept already with other words: ask the model again, then flag.")


def _clip(connection: duckdb.DuckDBPyConnection, clip_id: str) -> Clip | None:
    line = connection.execute(_SELECT_CLIP, [clip_id]).fetchone()
    return None if line is None else Clip(*line)


def _rights_of(connection: duckdb.DuckDBPyConnection, clip_id: str, contributor: str) -> Rights | None:
    line = connection.execute(_SELECT_RIGHTS, [clip_id, contributor]).fetchone()
    return None if line is None else Rights(*line)


def _only(line: tuple[Any, ...] | None) -> Any:
    """The one column of a line, None when there is no line."""
    return None if line is None else line[0]
