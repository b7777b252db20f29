"""All writes of a store: one thread, one queue of functions of the connection, a transaction around each.

DuckDB lets concurrent writers of one table conflict; a single writer never does, and whoever asked for a
write waits for its commit and gets its result or its error. The pattern is datasette's.

A commit appends to DuckDB's log, which is written into the database file now and then. DuckDB would do that
within a commit, which fails when it fails, although what was written can come back when the file is opened
again. So the writer does it by itself, after a commit: who is told that nothing was saved can rely on it.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import duckdb

from store.database import FILE_NAME, Database
from store.errors import StoreError, store_error

Result = TypeVar("Result")
Work = Callable[[duckdb.DuckDBPyConnection], Result]

LOG_BYTES = 16 << 20  # length of the log from which it is written into the database file
_LEAVE_THE_LOG = "SET GLOBAL checkpoint_threshold = '1 TB'"
_WRITE_THE_LOG = "CHECKPOINT"


class Writer:
    """The one thread that writes to a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._log = database.folder / f"{FILE_NAME}.wal"
        self._log_limit = LOG_BYTES
        self._connection: duckdb.DuckDBPyConnection | None = self._new_connection()  # None: must be reopened
        self._queue: queue.SimpleQueue[tuple[Work[Any], Future[Any]] | None] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="store-writer", daemon=True)
        self._thread.start()

    def run(self, work: Work[Result]) -> Result:
        """Run `work` inside one transaction on the writer thread and return what it returns, once committed.

        Whatever `work` raises comes out here, after everything it wrote was taken back; errors of the
        database and the disk come out as StoreError.
        """
        promise: Future[Result] = Future()
        with self._closing:
            if self._closed:
                raise StoreError("The store is closed, so nothing was saved: start Earwitness again.")
            self._queue.put((work, promise))
        try:
            return promise.result()
        except (duckdb.Error, OSError) as error:
            raise store_error(error, self._database.folder) from error

    def close(self) -> None:
        """Finish what is queued, then stop the thread; later calls do nothing."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _serve(self) -> None:
        while (asked := self._queue.get()) is not None:
            work, promise = asked
            try:
                promise.set_result(_transact(self._present_connection(), work))
            except BaseException as error:
                self._recover_from(error)
                promise.set_exception(error)
            del asked, work, promise  # else the samples of the last clip would stay until the next write
            self._shorten_log()
        if self._connection is not None:
            self._connection.close()

    def _new_connection(self) -> duckdb.DuckDBPyConnection:
        connection = self._database.cursor()
        connection.execute(_LEAVE_THE_LOG)
        return connection

    def _present_connection(self) -> duckdb.DuckDBPyConnection:
        """The connection to write with, to the database opened anew when it failed before."""
        if self._connection is None:
            self._database.reopen()
            self._connection = self._new_connection()
        return self._connection

    def _recover_from(self, error: BaseException) -> None:
        """Open the database anew after a fatal error; when that fails too, the next write tries again."""
        if isinstance(error, duckdb.FatalException):
            self._connection = None
            with contextlib.suppress(duckdb.Error, OSError):
                self._present_connection()

    def _shorten_log(self) -> None:
        """Write a long log into the database file; one that cannot be written may grow as much again."""
        length = 0
        with contextlib.suppress(OSError):  # there is none just after it was written
            length = self._log.stat().st_size
        if self._connection is None or length < self._log_limit:
            return
        try:
            self._connection.execute(_WRITE_THE_LOG)
            self._log_limit = LOG_BYTES
        except duckdb.Error as error:
            self._recover_from(error)
            self._log_limit = length + LOG_BYTES


def _transact(connection: duckdb.DuckDBPyConnection, work: Work[Result]) -> Result:
    """`work` in one transaction: committed whole, or taken back whole and its error raised."""
    connection.begin()
    try:
        result = work(connection)
        connection.commit()
    except BaseException:
        with contextlib.suppress(duckdb.Error):  # a commit that failed has ended its transaction itself
            connection.rollback()
        raise
    return result
