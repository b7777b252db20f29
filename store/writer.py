"""All writes of a store: one thread, one queue of functions of the connection, a transaction around each.

DuckDB lets concurrent writers of one table conflict; a single writer never does, and whoever asked for a
write waits for its commit and gets its result or its error. The pattern is datasette's.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import duckdb

from store.database import Database
from store.errors import StoreError, store_error

Result = TypeVar("Result")
Work = Callable[[duckdb.DuckDBPyConnection], Result]


class Writer:
    """The one thread that writes to a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
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
        connection = self._database.cursor()
        while (asked := self._queue.get()) is not None:
            work, promise = asked
            try:
                promise.set_result(_transact(connection, work))
            except BaseException as error:
                if isinstance(error, duckdb.FatalException):
                    connection = self._recover(connection)
                promise.set_exception(error)
            del asked, work, promise  # else the samples of the last clip would stay until the next write
        connection.close()

    def _recover(self, connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
        """A fresh connection after a fatal error, such as a disk that failed during a checkpoint."""
        with contextlib.suppress(duckdb.Error, OSError):
            connection.close()
            self._database.reopen()
            return self._database.cursor()
        return connection


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
