"""Where a listen's time goes: the stacks of the threads that answer, looked at every millisecond.

A stack is seen from outside (`sys._current_frames`), so nothing that is measured is changed. A call into
torch counts for the line of Python that made it.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from types import FrameType

Stack = tuple[str, ...]

EVERY_SECONDS = 0.001
SWITCH_SECONDS = 0.0005  # how long a thread keeps the interpreter at most; the sampler needs it often
WAITING = frozenset({"threading", "queue", "concurrent.futures._base"})  # who stands in these does nothing
PLUMBING = (  # frames that say nothing of their own: calls that only pass on
    "threading",
    "contextlib",
    "torch.nn.modules.module",
    "torch.utils._contextlib",
    "transformers.utils.generic",
    "transformers.utils.output_capturing",
    "transformers.utils.deprecation",
)


@contextmanager
def sampled(names: Collection[str]) -> Iterator[Counter[Stack]]:
    """Counts the stacks of the threads with these names while the block runs; who waits is not counted.

    A stack begins with the thread's name; each call after it is “module: function”.
    """
    counted: Counter[Stack] = Counter()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            named = {thread.ident: thread.name for thread in threading.enumerate() if thread.name in names}
            for ident, frame in sys._current_frames().items():
                if ident in named and _module(frame) not in WAITING:
                    counted[(named[ident], *_calls(frame))] += 1
            time.sleep(EVERY_SECONDS)

    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    sampler = threading.Thread(target=look, daemon=True, name="sampler")
    sampler.start()
    try:
        yield counted
    finally:
        done.set()
        sampler.join()
        sys.setswitchinterval(before)


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _calls(frame: FrameType | None) -> Stack:
    """The calls of a stack from the outermost to the innermost, without the plumbing."""
    calls: list[str] = []
    while frame is not None:
        module = _module(frame)
        if module not in PLUMBING:
            calls.append(f"{module}: {frame.f_code.co_qualname}")
        frame = frame.f_back
    return tuple(reversed(calls))
