"""Opening the DuckDB file of a store: one process holds it, and its schema is brought up to date on the way.

Migrations are the numbered files of `store/migrations`, applied once each, forward only, every one in its own
transaction together with the line in `schema_version` that records it.

DuckDB leaves values that were deleted in free blocks of the file. So after an erasure the file is written
anew when it is closed, or when it is opened next if the program was ended before.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import uuid
from pathlib import Path

import duckdb

from store.audio import synchronise_folder
from store.errors import StoreError, store_error
from store.records import now

FILE_NAME = "earwitness.duckdb"
REWRITE_DUE = "rewrite-due"  # a file that is there from before an erasure until the database is written anew
_REWRITTEN = f"{FILE_NAME}.rewritten"  # a database that is being written anew
MIGRATIONS = Path(__file__).parent / "migrations"
_OFFLINE = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}

_CREATE_SCHEMA_VERSION = """
CREATE TABLE IF NOT EXISTS schema_version (
    version INTEGER PRIMARY KEY,
    name VARCHAR NOT NULL,
    applied_at VARCHAR NOT NULL
)"""
_SELECT_SCHEMA_VERSION = "SELECT coalesce(max(version), 0) FROM schema_version"
_INSERT_SCHEMA_VERSION = "INSERT INTO schema_version (version, name, applied_at) VALUES (?, ?, ?)"


class Database:
    """The open database file of one store; hands out cursors to any thread."""

    def __init__(self, folder: Path, create: bool = True) -> None:
        """Open `folder/earwitness.duckdb`, creating it when `create`, and apply the migrations it lacks.

        Raises StoreError when the file is missing, held by another process, damaged, written by a newer
        version, or the folder cannot be written.
        """
        self.folder = folder
        self._lock = threading.Lock()
        if not create and not (folder / FILE_NAME).is_file():
            raise StoreError(
                f"There is no store in {folder}: check the folder, or flag a sound to start one."
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._connection = self._connect()
            try:
                _migrate(self._connection)
                if self._rewrite_if_due():
                    self._connection.close()
                    self._connection = self._connect()
            except BaseException:
                self._connection.close()
                raise
        except (duckdb.Error, OSError) as error:
            raise store_error(error, folder) from error

    def _connect(self) -> duckdb.DuckDBPyConnection:
        _create_if_missing(self.folder / FILE_NAME)
        return duckdb.connect(str(self.folder / FILE_NAME), config=_OFFLINE)

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own for one thread or one reading; the caller closes it."""
        with self._lock:
            return self._connection.cursor()

    def reopen(self) -> None:
        """Open the file anew, which brings it back to the last commit; for when DuckDB gave up on it."""
        with self._lock:
            self._connection.close()
            self._connection = self._connect()

    def close(self) -> None:
        """Close the file, written anew when that is due; the last connection to go writes the log into it."""
        with self._lock:
            self._rewrite_if_due()
            self._connection.close()

    def rewrite_later(self) -> None:
        """See to it that what was deleted leaves the file when it is closed, or opened next; OSError.

        Call it before the deletion is committed, so that no crash comes between.
        """
        with (self.folder / REWRITE_DUE).open("wb") as file:
            os.fsync(file.fileno())
        synchronise_folder(self.folder)

    def _rewrite_if_due(self) -> bool:
        """Put a new file with all that is left in the place of the old one, if an erasure asked for it.

        The connection stays with the old file, which holds the lock until the new one is in its place; it is
        of no more use when this returns True. What goes wrong leaves the old file, and this due.
        """
        due = self.folder / REWRITE_DUE
        rewritten = self.folder / _REWRITTEN
        if not due.exists():
            return False
        try:
            _remove_database(rewritten)  # what a crash left of an earlier attempt
            copy_database(self._connection, rewritten)
            self._connection.execute("CHECKPOINT")
            if _log_of(self.folder / FILE_NAME).exists():  # it would be taken for a log of the new file
                return False
            rewritten.replace(self.folder / FILE_NAME)
        except (duckdb.Error, OSError):  # such as a full disk
            with contextlib.suppress(OSError):
                _remove_database(rewritten)
            return False
        with contextlib.suppress(OSError):  # then it is done once more
            synchronise_folder(self.folder)
            due.unlink()
        return True


def copy_database(connection: duckdb.DuckDBPyConnection, target: Path) -> None:
    """Write the tables and views of the connection's database into the new file `target`, safely on the disk.

    Lines are copied and not blocks, so nothing that was deleted is in the new file. The copying is a
    transaction: it sees what was committed when it began, whatever others commit meanwhile. Raises
    duckdb.Error and OSError; what was written until then is the caller's to remove, and the connection's
    database goes on.
    """
    copy = f"copy_{uuid.uuid4().hex}"  # several may be made at the same time
    (name,) = connection.execute("SELECT current_database()").fetchall()[0]
    connection.execute(f"ATTACH ? AS {copy} (TYPE duckdb)", [str(target)])
    try:
        connection.begin()
        connection.execute(f'COPY FROM DATABASE "{name}" TO {copy}')
        connection.commit()
    except BaseException:
        with contextlib.suppress(duckdb.Error):  # a commit that failed has ended its transaction itself
            connection.rollback()
        with contextlib.suppress(duckdb.Error):
            connection.execute(f"DETACH {copy}")
        raise
    connection.execute(f"DETACH {copy}")  # after its log was written into it
    with target.open("rb") as file:
        os.fsync(file.fileno())


def _create_if_missing(file: Path) -> None:
    """Make an empty database that appears whole, so that no crash and no full disk leaves half of one.

    A link, as a file that another program has made meanwhile is not to be replaced.
    """
    if file.exists():
        return
    begun = file.with_name(f"{file.name}.{uuid.uuid4().hex}")
    try:
        duckdb.connect(str(begun), config=_OFFLINE).close()
        with contextlib.suppress(FileExistsError):
            file.hardlink_to(begun)
        synchronise_folder(file.parent)
    finally:
        with contextlib.suppress(OSError):
            _remove_database(begun)


def _log_of(database: Path) -> Path:
    """Where DuckDB keeps what was committed and is not yet in the file."""
    return database.with_name(f"{database.name}.wal")


def _remove_database(path: Path) -> None:
    path.unlink(missing_ok=True)
    _log_of(path).unlink(missing_ok=True)


def migrations() -> tuple[tuple[int, Path], ...]:
    """The numbered migrations this version knows, in order: (version, SQL file)."""
    found = []
    for path in sorted(MIGRATIONS.glob("*.sql")):
        number = re.match(r"(\d{4})_", path.name)
        if number is None:
            raise ValueError(f"A migration is named NNNN_words.sql, not {path.name}.")
        found.append((int(number.group(1)), path))
    return tuple(found)


def _migrate(connection: duckdb.DuckDBPyConnection) -> None:
    """Apply what is missing; StoreError when the file was written by a newer version."""
    connection.execute(_CREATE_SCHEMA_VERSION)
    row = connection.execute(_SELECT_SCHEMA_VERSION).fetchone()
    present = int(row[0]) if row else 0
    known = migrations()
    newest = known[-1][0]
    if present > newest:
        raise StoreError(
            f"This store was written by a newer Earwitness (schema {present}, this one knows {newest}): "
            "update Earwitness to open it."
        )
    for version, path in known:
        if version > present:
            connection.begin()
            try:
                connection.execute(path.read_text(encoding="utf-8"))
                connection.execute(_INSERT_SCHEMA_VERSION, [version, path.stem, now()])
                connection.commit()
            except BaseException:
                with contextlib.suppress(
                    duckdb.Error
                ):  # a commit that failed has ended its transaction itself
                    connection.rollback()
                raise
