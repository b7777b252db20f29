"""Withdrawals: what a person takes back is erased, and stays so whatever is saved or merged afterwards.

What a withdrawal reaches follows from the line itself, the ids it names and the withdrawals, and never from
what else happens to be kept. So erasing in two stores and merging them gives what merging and erasing gives.
"""

# ruff: noqa: S608 (queries are put together from constants; every value is bound)
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import duckdb

from store.audio import audio_path, synchronise_folder
from store.database import Database
from store.errors import StoreError
from store.records import Clip, Withdrawal
from store.writer import Writer

_COVERS = "(withdrawal.scope = 'clip' OR withdrawal.contributor = {who})"

# Rows of withdrawn flags, those of their partners among them; rows whose sound or statement of rights was
# withdrawn; and partner rows whose annotation was.
_GONE_ROWS = f"""
WITH gone AS (
    SELECT benchmark_row.id FROM benchmark_row
    LEFT JOIN flag ON flag.id = benchmark_row.flag_id
    LEFT JOIN observation ON observation.id = flag.observation_id
    JOIN withdrawal
        ON (withdrawal.clip_id = observation.clip_id AND {_COVERS.format(who="flag.contributor")})
        OR (withdrawal.clip_id = benchmark_row.clip_id AND {_COVERS.format(who="benchmark_row.rights_by")})
    UNION
    SELECT row_id FROM annotation JOIN withdrawal
        ON withdrawal.clip_id = annotation.clip_id AND {_COVERS.format(who="annotation.contributor")}
)"""

# What the withdrawals reach, table by table, in the order in which it can be erased: each query gives the
# rowid of a line, and by what a sentence names it.
_REACHED: dict[str, str] = {
    "row_edit": f"""
        {_GONE_ROWS}
        SELECT row_edit.rowid AS line, row_edit.id AS name FROM row_edit WHERE row_id IN (FROM gone)
        UNION
        SELECT row_edit.rowid, row_edit.id FROM row_edit
        JOIN benchmark_row ON benchmark_row.id = row_edit.row_id
        LEFT JOIN flag ON flag.id = benchmark_row.flag_id
        LEFT JOIN observation ON observation.id = flag.observation_id
        JOIN withdrawal ON withdrawal.contributor = row_edit.contributor
            AND (withdrawal.clip_id = benchmark_row.clip_id OR withdrawal.clip_id = observation.clip_id)""",
    "benchmark_row": f"""
        {_GONE_ROWS}
        SELECT rowid AS line, id AS name FROM benchmark_row WHERE id IN (FROM gone)""",
    "annotation": f"""
        SELECT annotation.rowid AS line, annotation.id AS name FROM annotation JOIN withdrawal
            ON withdrawal.clip_id = annotation.clip_id AND {_COVERS.format(who="annotation.contributor")}
        UNION
        SELECT rowid, id FROM annotation
        WHERE row_id <> '' AND row_id NOT IN (SELECT id FROM benchmark_row)""",
    "flag": f"""
        SELECT flag.rowid AS line, flag.id AS name
        FROM flag JOIN observation ON observation.id = flag.observation_id JOIN withdrawal
            ON withdrawal.clip_id = observation.clip_id AND {_COVERS.format(who="flag.contributor")}""",
    "vote": f"""
        SELECT vote.rowid AS line, vote.id AS name
        FROM vote JOIN observation ON observation.id = vote.left_observation_id JOIN withdrawal
            ON withdrawal.clip_id = observation.clip_id AND {_COVERS.format(who="vote.contributor")}""",
    "rights": f"""
        SELECT rights.rowid AS line, withdrawal.public_id AS name FROM rights JOIN withdrawal
            ON withdrawal.clip_id = rights.clip_id AND {_COVERS.format(who="rights.contributor")}""",
    "observation": """
        SELECT observation.rowid AS line, observation.id AS name
        FROM observation SEMI JOIN withdrawal USING (clip_id)
        WHERE observation.id NOT IN (
            SELECT observation_id FROM flag
            UNION SELECT left_observation_id FROM vote UNION SELECT right_observation_id FROM vote
        )""",
    "clip": """
        SELECT clip.rowid AS line, clip.public_id AS name
        FROM clip SEMI JOIN withdrawal ON withdrawal.clip_id = clip.id
        ANTI JOIN rights ON rights.clip_id = clip.id""",
}
_IN_WORDS = {"row_edit": "edit", "benchmark_row": "row", "rights": "statement of rights to the clip"}
# Who gave the file name is not known, so it goes with the first contribution that goes.
_FORGET_FILE_NAMES = """
UPDATE clip SET name = '' WHERE name <> '' AND id IN (SELECT clip_id FROM withdrawal)"""

_INSERT = """
INSERT INTO withdrawal (id, clip_id, public_id, scope, owner, contributor, made_at)
VALUES ($id, $clip_id, $public_id, $scope, $owner, $contributor, $made_at)"""
_PUBLIC_ID = """
SELECT public_id FROM clip WHERE id = $clip_id
UNION
SELECT public_id FROM withdrawal WHERE clip_id = $clip_id"""
_IS_DONE = """
SELECT count(*) > 0 FROM withdrawal
WHERE clip_id = $clip_id AND (scope = 'clip' OR (scope = $scope AND contributor = $contributor))"""
_STATED_OWNER = """
SELECT owner FROM (
    SELECT owner, stated_at FROM rights WHERE clip_id = $clip_id AND contributor = $contributor
    UNION ALL
    SELECT owner, made_at FROM withdrawal
    WHERE clip_id = $clip_id AND contributor = $contributor AND owner <> ''
) ORDER BY stated_at DESC LIMIT 1"""
_WITHDRAWN_BEFORE = """
SELECT public_id, scope = 'clip' AS whole, contributor = $contributor AS own
FROM withdrawal WHERE clip_id = $clip_id ORDER BY whole DESC, own DESC LIMIT 1"""
_CLIPS_OF_ROW = """
SELECT DISTINCT unnest([benchmark_row.clip_id, observation.clip_id])
FROM benchmark_row
JOIN flag ON flag.id = benchmark_row.flag_id JOIN observation ON observation.id = flag.observation_id
WHERE benchmark_row.id = ?"""
_GONE_CLIPS = "SELECT DISTINCT clip_id FROM withdrawal ANTI JOIN clip ON clip.id = withdrawal.clip_id"
_NAMED = """
SELECT id FROM clip WHERE public_id = $public_id
UNION
SELECT clip_id FROM withdrawal WHERE public_id = $public_id
UNION
SELECT clip_id FROM benchmark_row WHERE starts_with(file, $public_id || '-')"""
_OTHER_PUBLIC_ID = """
SELECT withdrawal.id FROM withdrawal JOIN clip ON clip.id = withdrawal.clip_id
WHERE withdrawal.public_id <> clip.public_id"""


def carry_out(writer: Writer, database: Database, audio_folder: Path, withdrawal: Withdrawal) -> None:
    """Keep a withdrawal and erase what it reaches, for good; one that is kept already changes nothing.

    Of the scope "clip" it needs a contributor who stated that the sound is theirs, of the scope
    "contribution" one of whom something is kept. The database is written anew when it is closed, so that no
    block of it holds what was erased. Raises StoreError when the withdrawal is refused, and nothing has
    changed, or when the sound could not be deleted, which is done when the store is opened next.
    """

    def write(connection: duckdb.DuckDBPyConnection) -> None:
        if _keep(connection, withdrawal):
            database.rewrite_later()

    def delete(connection: duckdb.DuckDBPyConnection) -> None:
        try:
            _delete_audio(connection, audio_folder)
        except OSError as error:
            raise StoreError(
                f"This was withdrawn, but the file with the sound could not be deleted ({error.strerror}): "
                "close Earwitness and open it again when the disk allows it."
            ) from error

    writer.run(write)
    writer.run(delete)


def delete_withdrawn_audio(database: Database, audio_folder: Path) -> None:
    """Delete the sound of withdrawn clips that a crash left; before anyone writes. Raises OSError."""
    with database.cursor() as cursor:
        _delete_audio(cursor, audio_folder)


def erase(connection: duckdb.DuckDBPyConnection) -> int:
    """Erase all that the withdrawals kept in this database reach, and return how many lines that were."""
    erased = 0
    for table, reached in _REACHED.items():
        line = connection.execute(
            f"DELETE FROM {table} WHERE rowid IN (SELECT line FROM ({reached}))"
        ).fetchone()
        erased += line[0] if line else 0
    connection.execute(_FORGET_FILE_NAMES)
    return erased


def refuse_withdrawn(connection: duckdb.DuckDBPyConnection, clip_id: str, contributor: str) -> None:
    """Raise StoreError when nothing of this contributor may be kept of the clip any more."""
    _withdrawn_public_id(connection, clip_id, contributor)


def refuse_withdrawn_row(connection: duckdb.DuckDBPyConnection, row_id: str, contributor: str) -> None:
    """Raise StoreError when this contributor may not say anything of the row any more."""
    for (clip_id,) in connection.execute(_CLIPS_OF_ROW, [row_id]).fetchall():
        refuse_withdrawn(connection, clip_id, contributor)


def admitted(connection: duckdb.DuckDBPyConnection, clip: Clip, contributor: str) -> Clip:
    """The clip as something of this contributor may be kept of it; StoreError when nothing may.

    A clip of which others withdrew something has one public id for ever, and no file name.
    """
    public_id = _withdrawn_public_id(connection, clip.id, contributor)
    return clip if public_id is None else replace(clip, public_id=public_id, name="")


def clip_named(connection: duckdb.DuckDBPyConnection, public_id: str) -> str:
    """The private id of the clip that is, or was, known by this public id; StoreError when none is."""
    line = connection.execute(_NAMED, {"public_id": public_id}).fetchone()
    if line is None:
        raise StoreError(f"There is no clip {public_id} in the store: check its public id.")
    return str(line[0])


def kept_though_withdrawn(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Each thing that a withdrawal should have erased, in a sentence; nothing when all is well."""
    for table, reached in _REACHED.items():
        for (name,) in connection.execute(f"SELECT name FROM ({reached}) ORDER BY name").fetchall():
            yield f"The {_IN_WORDS.get(table, table)} {name} is kept although it was withdrawn."
    for (name,) in connection.execute(_OTHER_PUBLIC_ID).fetchall():
        yield f"The withdrawal {name} names its clip by another public id."


def _keep(connection: duckdb.DuckDBPyConnection, withdrawal: Withdrawal) -> bool:
    """Keep the withdrawal and erase what it reaches; False when it has been kept before."""
    values = asdict(withdrawal)
    clip = {"clip_id": withdrawal.clip_id}
    person = clip | {"contributor": withdrawal.contributor}
    public_id = _only(connection, _PUBLIC_ID, clip)
    if public_id is None:
        raise StoreError("This sound is not in the store, so there is nothing to withdraw.")
    if _only(connection, _IS_DONE, person | {"scope": withdrawal.scope}):
        return False
    owner = _only(connection, _STATED_OWNER, person) or ""
    if withdrawal.scope == "clip" and owner != "mine":
        raise StoreError(
            "Only who stated that this sound is their own can withdraw it for everyone: withdraw your own "
            "contribution, or ask the person whose sound it is."
        )
    connection.execute(_INSERT, values | {"public_id": public_id, "owner": owner})
    if erase(connection) == 0 and withdrawal.scope == "contribution":
        raise StoreError("Nothing that you gave to this sound is kept, so there is nothing to withdraw.")
    return True


def _withdrawn_public_id(connection: duckdb.DuckDBPyConnection, clip_id: str, contributor: str) -> str | None:
    """The public id of a clip of which others withdrew something, None when nobody did; StoreError."""
    asked = {"clip_id": clip_id, "contributor": contributor}
    line = connection.execute(_WITHDRAWN_BEFORE, asked).fetchone()
    if line is None:
        return None
    public_id, whole, own = line
    if whole:
        raise StoreError("This sound was withdrawn by the person whose it is, so nothing of it can be saved.")
    if own:
        raise StoreError(
            "You withdrew what you gave to this sound, so nothing of yours can be saved with it again."
        )
    return str(public_id)


def _delete_audio(connection: duckdb.DuckDBPyConnection, audio_folder: Path) -> None:
    """Delete the sound of clips that are gone; on the thread that writes, since a save may bring one back."""
    for (clip_id,) in connection.execute(_GONE_CLIPS).fetchall():
        path = audio_path(audio_folder, clip_id)
        if path.exists():
            path.unlink()
            synchronise_folder(path.parent)


def _only(connection: duckdb.DuckDBPyConnection, query: str, values: dict[str, str]) -> Any:
    """The one column of the first line; None when there is no line."""
    line = connection.execute(query, values).fetchone()
    return None if line is None else line[0]
