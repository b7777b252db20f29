"""Two stores become one: the union of what both keep, less what anybody withdrew in either of them.

Ids can be made anywhere, so a line is the same line wherever it is kept. Of a clip that both stores keep, the
smaller public id holds; rows keep the file names that they have, which carry the id they were saved under.
The order in which stores are merged makes no difference.
"""

# ruff: noqa: S608 (queries are put together from constants and names of the schema)
from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb

from store.audio import audio_path, read_clip, synchronise_folder, write_clip
from store.database import FILE_NAME, Database, copy_database
from store.errors import AudioError, StoreError, store_error
from store.records import Clip
from store.withdrawal import erase

AUDIO = "audio"  # the folder of audio in a store's folder
NAMED_CONFLICTS = 5  # in one message
SIDES = ("one", "other")  # the names of the two stores' databases in queries

Progress = Callable[[int, int], None]  # called with the clips done and the clips in all

_TABLES = """
SELECT table_name, constraint_column_names FROM duckdb_constraints()
WHERE database_name = current_database() AND constraint_type = 'PRIMARY KEY'
    AND table_name <> 'schema_version' ORDER BY table_name"""
# Columns that may differ for one clip, and are settled below.
_SETTLED = {"clip": ("public_id", "name", "kept_at"), "withdrawal": ("public_id",)}
_CLIPS = "SELECT id, public_id, rate, channels, frames, name FROM clip ORDER BY id"

_UNION_OF_WITHDRAWALS = """
INSERT INTO withdrawal BY NAME
SELECT either.* EXCLUDE (public_id), smallest.public_id
FROM (SELECT * FROM one.withdrawal UNION ALL SELECT * FROM other.withdrawal) AS either
JOIN (
    SELECT clip_id, min(public_id) AS public_id FROM (
        SELECT clip_id, public_id FROM one.withdrawal UNION ALL
        SELECT clip_id, public_id FROM other.withdrawal UNION ALL
        SELECT id, public_id FROM one.clip UNION ALL
        SELECT id, public_id FROM other.clip
    ) GROUP BY clip_id
) AS smallest USING (clip_id)
QUALIFY row_number() OVER (PARTITION BY id) = 1"""
_UNION_OF_CLIPS = """
INSERT INTO clip BY NAME
SELECT either.* REPLACE (
    least(either.public_id, coalesce((
        SELECT min(public_id) FROM withdrawal WHERE clip_id = either.id
    ), either.public_id)) AS public_id,
    min(kept_at) OVER (PARTITION BY id) AS kept_at
)
FROM (SELECT * FROM one.clip UNION ALL SELECT * FROM other.clip) AS either
QUALIFY row_number() OVER (PARTITION BY id ORDER BY either.public_id, name) = 1"""


def merge(first: Path, second: Path, into: Path, progress: Progress | None = None) -> Path:
    """Make the new store `into` of all that the stores `first` and `second` keep, and return it.

    Both are only read, and nobody may have them open; one of an earlier schema is brought up to date in a
    copy. `into` must not be there yet, or be an empty folder; it appears whole or not at all. All audio is
    verified: where one store's file is damaged, the other's is taken. Raises StoreError when a line of the
    same id says different things in the two stores (and which), the audio of a clip is damaged in every store
    that has it, a store is in use or missing, or the disk refuses.
    """
    _check_folders(first, second, into)
    try:
        into.parent.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(prefix=f".{into.name}.", dir=into.parent) as folder,
            duckdb.connect() as held,  # while it reads them, nobody else writes to the two stores
        ):
            unfinished = Path(folder)
            for side, store in zip(SIDES, (first, second), strict=True):
                _copy(held, store, unfinished / side)
            merged = unfinished / "merged"
            clips = _merge_databases(merged, unfinished)
            for done, clip in enumerate(clips):
                if progress is not None:
                    progress(done, len(clips))
                _copy_audio(clip, (first / AUDIO, second / AUDIO), merged / AUDIO)
            if progress is not None:
                progress(len(clips), len(clips))
            synchronise_folder(merged)
            merged.rename(into)
            synchronise_folder(into.parent)
    except (duckdb.Error, OSError) as error:
        raise store_error(error, into, "merge") from error
    return into


def _check_folders(first: Path, second: Path, into: Path) -> None:
    for folder in (first, second):
        if not (folder / FILE_NAME).is_file():
            raise StoreError(f"There is no store in {folder}: check the folder.")
        if into.resolve().is_relative_to(folder.resolve()):
            raise StoreError(f"The merged store cannot be in {folder}: choose a folder elsewhere.")
    if (first / FILE_NAME).samefile(second / FILE_NAME):
        raise StoreError("Both folders are the same store: name two stores.")
    if into.exists() and not (into.is_dir() and not any(into.iterdir())):
        raise StoreError(f"There is something at {into} already: merge into a new folder.")


def _copy(held: duckdb.DuckDBPyConnection, store: Path, copy: Path) -> None:
    """Copy a store's database to work on, and bring the copy up to date; `held` keeps the store's open."""
    copy.mkdir()
    try:
        held.execute(
            f"ATTACH ? AS {copy.name} (TYPE duckdb, READ_ONLY)", [str((store / FILE_NAME).absolute())]
        )
        held.execute(f"USE {copy.name}")
        copy_database(held, copy / FILE_NAME)
    except duckdb.Error as error:
        raise store_error(error, store, "merge") from error
    try:
        Database(copy, create=False).close()
    except StoreError as error:
        raise StoreError(f"The store {store} cannot be merged. {error}") from error


def _merge_databases(merged: Path, copies: Path) -> list[Clip]:
    """Make the database of the folder `merged` from the two copies, and return its clips.

    What is withdrawn is erased in the copies before anything is taken from them: a line that is gone
    contradicts none, and nothing of it ever comes into the new file.
    """
    database = Database(merged)
    try:
        with database.cursor() as connection:
            for side in SIDES:
                connection.execute(f"ATTACH ? AS {side} (TYPE duckdb)", [str(copies / side / FILE_NAME)])
            tables = dict(connection.execute(_TABLES).fetchall())
            _check_agreement(connection, {"withdrawal": tables.pop("withdrawal")})
            connection.execute(_UNION_OF_WITHDRAWALS)
            for side in SIDES:
                _erase(connection, side)
            _check_agreement(connection, tables)
            connection.execute(_UNION_OF_CLIPS)
            for table in tables.keys() - {"clip"}:
                connection.execute(
                    f"INSERT INTO {table} BY NAME SELECT * FROM one.{table} UNION SELECT * FROM other.{table}"
                )
            clips = [Clip(*line) for line in connection.execute(_CLIPS).fetchall()]
            for side in SIDES:
                connection.execute(f"DETACH {side}")
    finally:
        database.close()
    return clips


def _erase(connection: duckdb.DuckDBPyConnection, side: str) -> None:
    """Erase in one of the copies what the withdrawals of both stores reach."""
    (merged,) = connection.execute("SELECT current_database()").fetchall()[0]
    connection.execute(f"DELETE FROM {side}.withdrawal")
    connection.execute(f"INSERT INTO {side}.withdrawal BY NAME FROM withdrawal")
    connection.execute(f"USE {side}")
    erase(connection)
    connection.execute(f'USE "{merged}"')


def _check_agreement(connection: duckdb.DuckDBPyConnection, tables: dict[str, list[str]]) -> None:
    """Raise StoreError when lines of the two copies have the same key and say different things."""
    found = list(_contradictions(connection, tables))
    if found:
        more = len(found) - NAMED_CONFLICTS
        named = ", ".join(found[:NAMED_CONFLICTS]) + (f" and {more} more" if more > 0 else "")
        raise StoreError(
            f"The two stores say different things of {named}: nothing was merged. "
            "What is said of the same must be the same; find out which store is right."
        )


def _contradictions(connection: duckdb.DuckDBPyConnection, tables: dict[str, list[str]]) -> Iterator[str]:
    for table, key in sorted(tables.items()):
        columns = ", ".join(key)
        settled = f"EXCLUDE ({', '.join(_SETTLED[table])})" if table in _SETTLED else ""
        lines = connection.execute(
            f"SELECT DISTINCT {columns} FROM (SELECT * {settled} FROM one.{table} EXCEPT FROM ("
            f"SELECT * {settled} FROM other.{table})) SEMI JOIN other.{table} USING ({columns}) ORDER BY ALL"
        ).fetchall()
        for line in lines:
            yield f"{table.removeprefix('benchmark_')} {' '.join(line)}"


def _copy_audio(clip: Clip, sources: tuple[Path, ...], target: Path) -> None:
    """Keep the clip's audio in `target`, from the first of the folders that holds it whole; AudioError."""
    holding = [source for source in sources if audio_path(source, clip.id).exists()] or [sources[0]]
    for source in holding:
        try:
            samples = read_clip(source, clip)
        except AudioError as error:
            if source == holding[-1]:
                raise AudioError(f"Nothing was merged. {error}") from error
        else:
            write_clip(target, clip, samples)
            return
