"""A line: at most so many are inside at a time, and who came first goes in first.

Who waits is told where they stand and about how long it takes.
"""

from __future__ import annotations

import heapq
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from store.records import SYSTEMS

CHECK_SECONDS = 0.1  # how often one who waits looks whether to go on waiting, and where they stand
WEIGHT_OF_NEWEST = 0.3  # of the last one in the moving average of how long one takes
MOST_IN_LINE = 16  # asks of one system from the page, answered or waiting; more wait in gradio's queue
THREADS = 40 + (len(SYSTEMS) + 1) * MOST_IN_LINE  # of the page; each ask in a line, and each /listen, has one


@dataclass(frozen=True)
class Ahead:
    """What is ahead of one who waits: `rank` 1 is the next to go in, in about so many `seconds`.

    The seconds are round, so that they change seldom, and None before it is known how long one takes.
    """

    rank: int
    seconds: int | None

    @property
    def place(self) -> str:
        """“3rd in line”."""
        teen = 11 <= self.rank % 100 <= 13
        ending = "th" if teen else {1: "st", 2: "nd", 3: "rd"}.get(self.rank % 10, "th")
        return f"{self.rank}{ending} in line"

    @property
    def time(self) -> str:
        """“about 8 s”, “about 3 min”, or nothing where it is not known."""
        if self.seconds is None:
            return ""
        return f"about {self.seconds} s" if self.seconds < 120 else f"about {self.seconds // 60} min"

    def __str__(self) -> str:
        """“3rd in line, about 8 s”."""
        return f"{self.place}, {self.time}" if self.time else self.place


class Place:
    """One's place in a line; `come` is set when it is one's turn to be inside."""

    def __init__(self) -> None:
        self.come = threading.Event()


class Line:
    """Lets at most `most` be inside at a time, in the order in which they joined; from any threads.

    A place belongs to whoever holds it, not to a thread. Raises ValueError for fewer than one.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        if most < 1:
            raise ValueError("There must be room for at least one.")
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._inside: dict[Place, float] = {}  # with the time of going in
        self._waiting: deque[Place] = deque()
        self._mean: float | None = None  # seconds that one takes

    def join(self) -> Place:
        """Stand at the end; where there is room, the place has come already."""
        place = Place()
        with self._lock:
            self._waiting.append(place)
            self._let_in()
        return place

    def leave(self, place: Place) -> None:
        """Go, from inside or while waiting; who has gone already may go again."""
        with self._lock:
            if self._inside.pop(place, None) is None and place in self._waiting:
                self._waiting.remove(place)
            self._let_in()

    @contextmanager
    def place(self) -> Iterator[Place]:
        """A place at the end of the line that is left with this block."""
        place = self.join()
        try:
            yield place
        finally:
            self.leave(place)

    def wait(self, place: Place, check: Callable[[], None] = lambda: None) -> Iterator[Ahead]:
        """What is ahead, whenever that has changed, until the place has come.

        What `check` raises ends the waiting.
        """
        told = None
        while not place.come.wait(CHECK_SECONDS):
            check()
            ahead = self.ahead(place)
            if ahead is not None and ahead != told:
                told = ahead
                yield ahead

    def ahead(self, place: Place) -> Ahead | None:
        """What is ahead of a place that waits, None for one that does not."""
        with self._lock:
            if place not in self._waiting:
                return None
            rank = self._waiting.index(place) + 1
            if self._mean is None:
                return Ahead(rank, None)
            now = self._clock()
            free = [max(0.0, self._mean - (now - came)) for came in self._inside.values()]
            heapq.heapify(free)
            for _ in range(rank - 1):  # each goes in as soon as somebody comes out
                heapq.heapreplace(free, free[0] + self._mean)
            return Ahead(rank, _about(free[0]))

    def took(self, seconds: float) -> None:
        """Learn how long one took."""
        with self._lock:
            before = seconds if self._mean is None else self._mean
            self._mean = before + WEIGHT_OF_NEWEST * (seconds - before)

    def _let_in(self) -> None:
        """Call those who wait longest where there is room; the lock is held."""
        while self._waiting and len(self._inside) < self._most:
            place = self._waiting.popleft()
            self._inside[place] = self._clock()
            place.come.set()


def _about(seconds: float) -> int:
    """Seconds rounded up to what people count in: twos, fives, quarters of a minute, minutes."""
    step = 2 if seconds <= 10 else 5 if seconds <= 60 else 15 if seconds <= 105 else 60
    return step * max(1, math.ceil(seconds / step))
