"""Turns: at most so many networks compute at the same time, and who asked first goes first.

More of them than cores would only take the cores from one another: on two cores ten people who listen at
once would wait longer than one after the other. A turn is short, one encoder pass or one token, so that
everybody's answer grows.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from demos.line import Line, Place

CHECK_SECONDS = 0.05  # how often one who waits looks whether to go on waiting


class Turn:
    """A turn of one thread; `seconds` is how long it had it, without waiting for it or lending it."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._place = Place()
        self._since = 0.0


class Turns:
    """Hands out at most `most` turns at a time, in the order in which they were asked for.

    A thread that has a turn and asks for another keeps the one that it has. Raises ValueError for fewer than
    one.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.perf_counter) -> None:
        self._line = Line(most)
        self._clock = clock
        self._mine = threading.local()

    @contextmanager
    def taken(self, check: Callable[[], None] = lambda: None) -> Iterator[Turn]:
        """Wait for a turn and keep it in this block. What `check` raises while waiting ends the waiting."""
        mine = self._of_this_thread
        if mine is not None:
            yield mine
            return
        turn = Turn()
        self._take(turn, check)
        try:
            yield turn
        finally:
            self._give(turn)

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Let others have this thread's turn while it does nothing but wait in this block."""
        turn = self._of_this_thread
        if turn is None:
            yield
            return
        self._give(turn)
        try:
            yield
        finally:
            self._take(turn, lambda: None)

    @property
    def _of_this_thread(self) -> Turn | None:
        turn: Turn | None = getattr(self._mine, "turn", None)
        return turn

    def _take(self, turn: Turn, check: Callable[[], None]) -> None:
        place = self._line.join()
        try:
            while not place.come.wait(CHECK_SECONDS):
                check()
        except BaseException:
            self._line.leave(place)
            raise
        turn._place, turn._since = place, self._clock()
        self._mine.turn = turn

    def _give(self, turn: Turn) -> None:
        self._mine.turn = None
        turn.seconds += self._clock() - turn._since
        self._line.leave(turn._place)
