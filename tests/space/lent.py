"""Asks an engine on ZeroGPU, in a process of its own: the package `spaces` changes PyTorch for all of it.

Prints what came of each run, by its name, as one JSON object.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from demos.examples import examples
from demos.placement import begin
from demos.sound import Sound, from_array

begin()

from demos.catalog import suite  # noqa: E402
from demos.engine import Cancelled, EngineError, Partial, Request  # noqa: E402
from demos.zero_gpu import ZeroGpuEngine, engine_of  # noqa: E402
from store.records import Observation  # noqa: E402
from tests.seeded import seeded_waveform  # noqa: E402

REQUESTS = (Request("clap"), Request("pengi"), Request("salmonn"), Request("whisper"), Request("layers"))
RATE = 16_000
LONG = 180.0  # seconds; Pengi writes a caption for each seven of them


def panels(engine: ZeroGpuEngine, sound: Sound) -> object:
    """Five asks at about the same time, then what the page asks for behind them."""
    before = len(_calls())
    said = _together([partial(_last, engine, sound, request) for request in REQUESTS])
    evidence = engine.evidence(sound, said[1].text, said[1].view.start, said[1].view.stop)
    engine.embedding(sound, sound.clip.seconds)
    return {
        "texts": [one.text for one in said],
        "found": len(evidence),
        "process": os.getpid(),
        "calls": _calls()[before:],
    }


def held_locks(engine: ZeroGpuEngine, sound: Sound) -> object:
    """An ask while other threads of this process hold what an engine locks."""
    assert engine._started is not None
    encoders = engine._started[1]
    lines = [line._lock for line in engine._lines.values()]
    caches = [engine._views._cache._lock, encoders._cache._lock, encoders._attention._lock]
    with ExitStack() as held:
        for lock in (engine._starting, *lines, *caches):
            held.enter_context(lock)
        return _last(engine, sound, Request("clap")).text


def cancelled(engine: ZeroGpuEngine, sound: Sound) -> object:
    """Two share a call and one cancels; then one alone does, and somebody else asks."""
    writing = threading.Event()

    def ask(request: Request, stop: Callable[[], bool], sound: Sound = sound) -> str:
        try:
            for item in engine.observe(sound, request, stop):
                if isinstance(item, Observation):
                    return item.text
                if item.stage == "Writing":
                    writing.set()
        except Cancelled:
            return "cancelled"
        return "nothing"

    stops: list[Callable[[], bool]] = [writing.is_set, lambda: False]
    requests = [Request("salmonn", max_tokens=200), Request("whisper")]
    shared = _together([partial(ask, *one) for one in zip(requests, stops, strict=True)])
    writing.clear()
    before = len(_calls())
    long = from_array(RATE, seeded_waveform(LONG, RATE, 5), "long.wav")
    alone = ask(Request("pengi"), writing.is_set, long)
    after = _last(engine, sound, Request("clap")).text
    return {"shared": shared, "alone": alone, "after": after, "calls": _calls()[before:]}


def refused(engine: ZeroGpuEngine, sound: Sound) -> object:
    """What makes no sense, and then what breaks in a call."""
    told, before = [], len(_calls())
    for request in (Request("pengi", instruction="x" * 600), Request("clap", model="mine")):
        told.append(_refusal(partial(_last, engine, sound, request)))
    calls = len(_calls()) - before
    told.append(_refusal(lambda: engine._once("no_such_method", sound)))
    return {"told": told, "calls": calls}


def forgotten(engine: ZeroGpuEngine, sound: Sound) -> object:
    """What is kept of a clip beside its answers, before and after it is forgotten."""
    _last(engine, sound, Request("clap"))
    before = len(engine._beside._kept)
    assert before
    engine.forget(sound.clip.id)
    return [before, len(engine._beside._kept)]


def _sound() -> Sound:
    return next(one for one in examples() if one.path.stem == "question-over-barking").sound()


def _last(engine: ZeroGpuEngine, sound: Sound, request: Request) -> Observation:
    *partials, last = engine.observe(sound, request)
    assert all(isinstance(one, Partial) for one in partials)
    assert isinstance(last, Observation)
    return last


def _together(asks: list[Callable[[], Any]]) -> list[Any]:
    said: dict[int, Any] = {}
    threads = [
        threading.Thread(target=lambda place=place, ask=ask: said.update({place: ask()}))  # type: ignore[misc]
        for place, ask in enumerate(asks)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [said[place] for place in range(len(asks))]


def _refusal(ask: Callable[[], object]) -> str:
    try:
        ask()
    except EngineError as problem:
        return str(problem)
    return ""


def _calls() -> list[dict[str, Any]]:
    calls = Path(tempfile.gettempdir()) / "calls.jsonl"
    return (
        [json.loads(line) for line in calls.read_text(encoding="utf-8").splitlines()]
        if calls.exists()
        else []
    )


if __name__ == "__main__":
    lent = engine_of(suite("mini"))
    assert isinstance(lent, ZeroGpuEngine)
    runs = (held_locks, panels, cancelled, refused, forgotten)  # locks are held when the process is forked
    print(json.dumps({run.__name__: run(lent, _sound()) for run in runs}))
