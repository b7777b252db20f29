"""Stands for the package `spaces` as it behaves on ZeroGPU, so far as a machine without a card can.

As there: a decorated generator function runs in a process forked from the one that serves, in a thread of
it; arguments and results are pickled; a process that has finished is used again; closing the generator stops
the work at its next result; an exception comes back as an error of gradio's that knows its class alone; the
page cannot be launched without a decorated function. What CUDA's emulation there makes impossible is
refused here in so many words: to import this after PyTorch, to move a network or let it compute outside the
first thread of the serving process, to move sparse tensors, and results that hold tensors. CUDA itself is not
emulated.

Each call, and that one was stopped, is told of in the file CALLS of the temporary folder, a JSON object a
line.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import multiprocessing
import pickle
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

if "torch" in sys.modules:
    raise RuntimeError("`spaces` has to be imported before torch.")

import gradio
import torch

CALLS = "calls.jsonl"
_FORK = multiprocessing.get_context("fork")
_decorated: list[Callable[..., Any]] = []
_idle: list[_Process] = []
_lent = False  # whether this is a process that has a card


def GPU(task: Callable[..., Any] | None = None, *, duration: Any = 60) -> Any:
    """The decorator."""
    if task is None:
        return functools.partial(GPU, duration=duration)
    _decorated.append(task)

    @functools.wraps(task)
    def lent(*args: Any, **kwargs: Any) -> Iterator[Any]:
        seconds = duration(*args, **kwargs) if callable(duration) else duration
        process = _idle.pop() if _idle else _Process(task)
        _tell(
            what=args[0],
            asked=len(args[2]) if args[0] == "listen" else 1,
            seconds=seconds,
            process=process.pid,
            visitor=getattr(gradio.context.LocalContext.request.get(None), "session_hash", None),
        )
        process.give(pickle.dumps((args, kwargs)))
        finished = False
        try:
            while True:
                kind, value = process.take()
                if kind == "end":
                    finished = True
                    return
                if kind == "error":
                    finished = True
                    raise gradio.Error(value, title="ZeroGPU worker error", print_exception=False)
                yield value
        finally:
            if not finished:
                _tell(what="stopped", process=process.pid)
                process.stop.set()
                while process.take()[0] not in ("end", "error"):
                    pass
            _idle.append(process)

    return lent


def gradio_auto_wrap(task: Callable[..., Any]) -> Callable[..., Any]:
    """What gradio asks for each function of a page; there as here nothing, unless a variable says so."""
    return task


class _Process:
    """A process that has a card, and the pipes to it."""

    def __init__(self, task: Callable[..., Any]) -> None:
        self.stop = _FORK.Event()
        self._to_child, self._from_child = _FORK.SimpleQueue(), _FORK.SimpleQueue()
        self._process = _FORK.Process(target=self._serve, args=(task,), daemon=True)
        self._process.start()
        self.pid = self._process.pid

    def give(self, arguments: bytes) -> None:
        self._to_child.put(arguments)

    def take(self) -> tuple[str, Any]:
        kind, value = self._from_child.get()
        return kind, pickle.loads(value)

    def _serve(self, task: Callable[..., Any]) -> None:
        global _lent
        _lent = True
        while True:
            args, kwargs = pickle.loads(self._to_child.get())
            self.stop.clear()
            with ThreadPoolExecutor(1) as thread:
                ending = thread.submit(self._work, task, args, kwargs).result()
            self._from_child.put(ending)

    def _work(self, task: Callable[..., Any], args: Any, kwargs: Any) -> tuple[str, bytes]:
        try:
            with contextlib.closing(task(*args, **kwargs)) as results:
                for result in results:
                    if self.stop.is_set():
                        break
                    self._from_child.put(("result", _pickled(result)))
        except Exception as error:
            print("error in a call:", repr(error), file=sys.stderr, flush=True)
            return "error", pickle.dumps(type(error).__name__)
        return "end", pickle.dumps(None)


class _NoTensors(pickle.Pickler):
    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, torch.Tensor):
            raise pickle.PicklingError("a tensor in a result")
        return NotImplemented


def _pickled(result: Any) -> bytes:
    buffer = io.BytesIO()
    _NoTensors(buffer, pickle.HIGHEST_PROTOCOL).dump(result)
    return buffer.getvalue()


def _tell(**told: Any) -> None:
    with (Path(tempfile.gettempdir()) / CALLS).open("a") as file:
        file.write(json.dumps(told) + "\n")


def _as_with_emulated_cuda() -> None:
    call, move = torch.nn.Module.__call__, torch.nn.Module.to

    def refusing_call(self: torch.nn.Module, *args: Any, **kwargs: Any) -> Any:
        if not _lent and threading.current_thread() is not threading.main_thread():
            raise RuntimeError("A network computes without a card.")
        return call(self, *args, **kwargs)

    def refusing_move(self: torch.nn.Module, *args: Any, **kwargs: Any) -> Any:
        if not _lent and threading.current_thread() is not threading.main_thread():
            raise RuntimeError("A network is moved outside the thread in which CUDA is emulated.")
        if not _lent and any(buffer.is_sparse for buffer in self.buffers()):
            raise NotImplementedError("CUDA is not emulated for sparse tensors.")
        return move(self, *args, **kwargs)

    torch.nn.Module.__call__ = refusing_call  # type: ignore[method-assign]
    torch.nn.Module.to = refusing_move  # type: ignore[assignment]


def _checked_launch() -> None:
    launch = gradio.Blocks.launch

    @functools.wraps(launch)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if not _decorated:
            raise RuntimeError("No @spaces.GPU function was found at the start.")
        return launch(*args, **kwargs)

    gradio.Blocks.launch = checked


_as_with_emulated_cuda()
_checked_launch()
