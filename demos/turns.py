"""Turns: at most so many networks compute at the same time, and who asked first goes first.

More of them than cores would only take the cores from one another: on two cores ten people who listen at
once would wait longer than one after the other. A turn is short, one encoder pass or one token, so that
everybody's answer grows.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

CHECK_SECONDS = 0.05  # how often one who waits looks whether to go on waiting


class Turns:
    """Hands out at most `most` turns at a time, in the order in which they were asked for.

    A thread that has a turn and asks for another keeps the one that it has. Raises ValueError for fewer than
    one.
    """

    def __init__(self, most: int) -> None:
        if most < 1:
            raise ValueError("There must be at least one turn.")
        self._lock = threading.Lock()
        self._free = most
        self._waiting: deque[threading.Event] = deque()
        self._mine = threading.local()

    @contextmanager
    def taken(self, check: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Wait for a turn and keep it in this block. What `check` raises while waiting ends the waiting."""
        if getattr(self._mine, "held", False):
            yield
            return
        self._take(check)
        try:
            yield
        finally:
            self._give()

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Let others have this thread's turn while it does nothing but wait in this block."""
        if not getattr(self._mine, "held", False):
            yield
            return
        self._give()
        try:
            yield
        finally:
            self._take(lambda: None)

    def _take(self, check: Callable[[], None]) -> None:
        with self._lock:
            if self._free and not self._waiting:
                self._free -= 1
                self._mine.held = True
                return
            called = threading.Event()
            self._waiting.append(called)
        try:
            while not called.wait(CHECK_SECONDS):
                check()
        except BaseException:
            with self._lock:
                if called.is_set():  # the turn came in the meantime
                    self._free += 1
                    self._call()
                else:
                    self._waiting.remove(called)
            raise
        self._mine.held = True

    def _give(self) -> None:
        self._mine.held = False
        with self._lock:
            self._free += 1
            self._call()

    def _call(self) -> None:
        """Hand free turns to those who wait longest; the lock is held."""
        while self._free and self._waiting:
            self._free -= 1
            self._waiting.popleft().set()
