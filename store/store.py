"""The store of one Earwitness: a folder with a DuckDB file and the audio of every flagged clip.

Any thread may call any method. What a method of saving returns is on this machine's disk; when it raises
StoreError, the store is as it was before.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import duckdb

from store import rows as row_queries
from store.audio import ROW_RATE, Samples, audio_path, clear_unfinished, read_clip, row_audio, write_clip
from store.database import Database
from store.errors import StoreError, store_error
from store.following import Following, following
from store.instances import Instance, instances
from store.keeping import clip_of_id, keep_heard, observation_of_id, only, rights_of
from store.records import (
    KINDS_WITHOUT_ROWS,
    VOTE_CHOICES,
    Annotation,
    Clip,
    Flag,
    Observation,
    Rights,
    Row,
    RowEdit,
    System,
    Vote,
    Withdrawal,
    row_file,
)
from store.row_changes import add_edit, add_partner, insert_row
from store.rows import ALL_ROWS, RowFilter, RowVersion, RowView
from store.votes import Standing, add_vote, is_vote_kept, standings, vote_of_id, votes_by
from store.withdrawal import carry_out, delete_withdrawn_audio
from store.writer import Writer

DEFAULT_FOLDER = Path("data")  # below the working directory
Result = TypeVar("Result")

_INSERT_FLAG = """
INSERT INTO flag (id, observation_id, kind, span_start, span_stop, span_text, claim, correction, time_start,
    time_stop, confidence, contributor, note, attribute, made_at)
VALUES ($id, $observation_id, $kind, $span_start, $span_stop, $span_text, $claim, $correction, $time_start,
    $time_stop, $confidence, $contributor, $note, $attribute, $made_at)"""
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
    (SELECT count(*) FROM vote) AS votes,
    (SELECT count(*) FROM (
        SELECT contributor FROM flag UNION SELECT contributor FROM vote
    )) AS contributors"""


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
            self._write_again_if_taken(clip, samples)
            kept_clip = keep_heard(connection, clip, [observation], rights, flag.contributor)
            connection.execute(_INSERT_FLAG, asdict(flag))
            kept_rows = tuple(replace(row, file=row_file(kept_clip, row.id)) for row in rows)
            for row in kept_rows:
                insert_row(connection, row)
            return kept_rows

        return self._save_with_audio(clip, samples, write)

    def save_vote(
        self,
        samples: Samples,
        clip: Clip,
        left: Observation,
        right: Observation,
        vote: Vote,
        rights: Rights | None,
    ) -> None:
        """Keep a vote with its clip, both answers and rights, as `save_flag` keeps a flag.

        Saving the same vote again changes nothing. Raises StoreError, also for a second vote of a contributor
        on the same two answers, and ValueError when the records do not belong together.
        """
        _check_vote_belongs(clip, left, right, vote, rights)

        def write(connection: duckdb.DuckDBPyConnection) -> None:
            if is_vote_kept(connection, vote):
                return
            self._write_again_if_taken(clip, samples)
            keep_heard(connection, clip, [left, right], rights, vote.contributor)
            add_vote(connection, vote)

        self._save_with_audio(clip, samples, write)

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
            return clip_of_id(cursor, clip_id)

    def rights_of(self, clip_id: str, contributor: str) -> Rights | None:
        """What this contributor said last of the clip's owner and licence; None: nothing yet."""
        with self.reading() as cursor:
            return rights_of(cursor, clip_id, contributor)

    def observation(self, observation_id: str) -> Observation | None:
        """The kept observation with this id."""
        with self.reading() as cursor:
            return observation_of_id(cursor, observation_id)

    def flag(self, flag_id: str) -> Flag | None:
        """The kept flag with this id."""
        with self.reading() as cursor:
            found = only(cursor.execute(_SELECT_FLAG, [flag_id]).fetchone())
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

    def standings(self) -> list[Standing]:
        """How the settings that were voted on stand, the best first."""
        with self.reading() as cursor:
            return standings(cursor)

    def vote(self, vote_id: str) -> Vote | None:
        """The kept vote with this id."""
        with self.reading() as cursor:
            return vote_of_id(cursor, vote_id)

    def votes_by(self, contributor: str) -> list[Vote]:
        """All kept votes of one person, the newest first."""
        with self.reading() as cursor:
            return votes_by(cursor, contributor)

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
        """How many clips, observations, flags, rows, votes and contributors are kept."""
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

    def _save_with_audio(
        self, clip: Clip, samples: Samples, write: Callable[[duckdb.DuckDBPyConnection], Result]
    ) -> Result:
        """Put the audio on the disk, then run `write` as one transaction; when it fails, nothing is kept."""
        try:
            write_clip(self.audio_folder, clip, samples)
            return self._writer.run(write)
        except OSError as error:
            self._drop_unnamed_audio(clip)
            raise store_error(error, self.folder) from error
        except BaseException:
            self._drop_unnamed_audio(clip)
            raise

    def _write_again_if_taken(self, clip: Clip, samples: Samples) -> None:
        """Write the audio, on the writer's thread, when a save of the same clip that failed took it."""
        if not audio_path(self.audio_folder, clip.id).exists():
            write_clip(self.audio_folder, clip, samples)

    def _drop_unnamed_audio(self, clip: Clip) -> None:
        """Take back the audio of a save that failed, unless another save has named it."""

        def drop(connection: duckdb.DuckDBPyConnection) -> None:
            if clip_of_id(connection, clip.id) is None:
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
    _refuse_strangers(named)


def _check_vote_belongs(
    clip: Clip, left: Observation, right: Observation, vote: Vote, rights: Rights | None
) -> None:
    """Raise ValueError unless the vote names two answers about the clip, and the rights are its own."""
    named = {
        "answers": left.id != right.id and left.view.clip_id == right.view.clip_id == clip.id,
        "vote": (vote.left_observation_id, vote.right_observation_id) == (left.id, right.id)
        and vote.choice in VOTE_CHOICES,
        "rights": rights is None or (rights.clip_id, rights.contributor) == (clip.id, vote.contributor),
    }
    _refuse_strangers(named)


def _refuse_strangers(named: dict[str, bool]) -> None:
    """Raise ValueError that names the records which do not belong to the others."""
    if strangers := [name for name, belongs in named.items() if not belongs]:
        raise ValueError(f"These do not belong to what they are saved with: {', '.join(strangers)}.")


def _is_saved_already(connection: duckdb.DuckDBPyConnection, flag: Flag) -> bool:
    """Whether this very flag is kept; StoreError when its id is kept with other words."""
    found = only(connection.execute(_SELECT_FLAG, [flag.id]).fetchone())
    if found is None:
        return False
    if replace(Flag(**found), made_at=flag.made_at) != flag:
        raise StoreError("This flag was saved before with other words: start a new flag for the new ones.")
    return True
