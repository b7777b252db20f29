"""Turns: at most so many networks compute at the same time, and who asked first goes first.

More of them than cores would only take the cores from one another: on two cores ten people who listen at
once would wait longer than one after the other. A turn is short, one encoder pass or one token, so that
everybody's answer grows.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from demos.line import Line

CHECK_SECONDS = 0.05  # how often one who waits looks whether to go on waiting


class Turns:
    """Hands out at most `most` turns at a time, in the order in which they were asked for.

    A thread that has a turn and asks for another keeps the one that it has. Raises ValueError for fewer than
    one.
    """

    def __init__(self, most: int) -> None:
        self._line = Line(most)
        self._mine = threading.local()

    @contextmanager
    def taken(self, check: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Wait for a turn and keep it in this block. What `check` raises while waiting ends the waiting."""
        if getattr(self._mine, "place", None) is not None:
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
        if getattr(self._mine, "place", None) is None:
            yield
            return
        self._give()
        try:
            yield
        finally:
            self._take(lambda: None)

    def _take(self, check: Callable[[], None]) -> None:
        place = self._line.join()
        try:
            while not place.come.wait(CHECK_SECONDS):
                check()
        except BaseException:
            self._line.leave(place)
            raise
        self._mine.place = place

    def _give(self) -> None:
        place, self._mine.place = self._mine.place, None
        self._line.leave(place)
