"""A bounded cache that makes each thing once, even when several threads ask for it at the same time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager, nullcontext
from typing import Generic, TypeVar

CHECK_SECONDS = 0.05  # how often one who waits looks whether to go on waiting

Value = TypeVar("Value")


class _Entry(Generic[Value]):
    """A value being made or made; `done` is set when it is one of the two or has failed."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.value: Value | None = None
        self.made = False
        self.size = 0


class OnceCache(Generic[Value]):
    """Values by (clip id, key), least recently used first to go, at most `capacity` bytes of them.

    `size_of` gives a value's bytes. The newest value is kept even when it alone exceeds the capacity.
    """

    def __init__(self, capacity: int, size_of: Callable[[Value], int]) -> None:
        self._capacity = capacity
        self._size_of = size_of
        self._entries: OrderedDict[tuple[str, Hashable], _Entry[Value]] = OrderedDict()
        self._lock = threading.Lock()

    def get(
        self,
        clip_id: str,
        key: Hashable,
        make: Callable[[], Value],
        check: Callable[[], None] = lambda: None,
        waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> Value:
        """The value of (clip id, key), made by one caller while the others wait for it.

        What `make` raises reaches the caller who ran it; those who waited then try for themselves, so one
        person's cancelling never fails another. Who waits calls `check` now and then and leaves by what it
        raises, and waits within `waiting`.
        """
        name = (clip_id, key)
        while True:
            with self._lock:
                entry = self._entries.get(name)
                mine = entry is None
                if entry is None:
                    entry = self._entries[name] = _Entry()
                self._entries.move_to_end(name)
            if mine:
                return self._make(name, entry, make)
            if not entry.done.is_set():
                with waiting():
                    while not entry.done.wait(CHECK_SECONDS):
                        check()
            if entry.made:
                return entry.value  # type: ignore[return-value]

    def forget(self, clip_id: str) -> None:
        """Drop everything of this clip; what is being made for it is handed to its callers and not kept."""
        with self._lock:
            for name in [name for name in self._entries if name[0] == clip_id]:
                del self._entries[name]

    @property
    def size(self) -> int:
        """Bytes of the values that are kept."""
        with self._lock:
            return sum(entry.size for entry in self._entries.values())

    def _make(self, name: tuple[str, Hashable], entry: _Entry[Value], make: Callable[[], Value]) -> Value:
        try:
            value = make()
            entry.value, entry.size, entry.made = value, self._size_of(value), True
        finally:
            with self._lock:
                if not entry.made and self._entries.get(name) is entry:
                    del self._entries[name]
                self._shrink()
            entry.done.set()
        return value

    def _shrink(self) -> None:
        total = sum(entry.size for entry in self._entries.values())
        oldest_first = [name for name, entry in self._entries.items() if entry.made]
        for name in oldest_first[:-1]:
            if total <= self._capacity:
                return
            total -= self._entries.pop(name).size
