"""Asking an engine, and counting what runs for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import cast

from demos.engine import ANSWERS_AT_ONCE, Engine, Partial, Request
from demos.sound import Sound, from_array
from store.records import SYSTEMS, Observation, System
from tests.seeded import seeded_waveform

RATE = 16_000


def sweep(seconds: float = 3.0, seed: int = 1) -> Sound:
    return from_array(RATE, seeded_waveform(seconds, RATE, seed))


def ask(engine: Engine, sound: Sound, system: System, **how: object) -> Observation:
    how.setdefault("max_tokens", 6)
    *partials, said = engine.observe(sound, Request(system, **how))  # type: ignore[arg-type]
    assert all(isinstance(partial, Partial) for partial in partials)
    assert isinstance(said, Observation)
    return said


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def busy(engine: Engine, asked: Request) -> Iterator[list[Generator[object]]]:
    """As many visitors as a system answers at once, who have begun to be answered and then stand still."""
    answers = [cast(Generator[object], engine.observe(sweep(), asked)) for _ in range(ANSWERS_AT_ONCE)]
    try:
        for answer in answers:
            next(answer)
        yield answers
    finally:
        for answer in answers:
            answer.close()


@contextmanager
def passes(engine: Engine) -> Iterator[Counter[str]]:
    """Counts how often each encoder and the language model run."""
    suite_, networks = engine.suite, engine.networks
    for system in SYSTEMS:
        engine.warm(system)
    counted: Counter[str] = Counter()
    first_modules = {
        "HTSAT": networks.htsat(suite_.encoder("HTSAT")),
        "whisper encoder": networks.whisper(suite_.encoder("whisper encoder")).encoder.conv1,
        "BEATs": networks.beats(suite_.encoder("BEATs")).patch_embedding,
        "LLaMA": networks.answering().network.llama_model.model,
    }
    hooks = [
        module.register_forward_hook(lambda *_, name=name: counted.update([name]))
        for name, module in first_modules.items()
    ]
    try:
        yield counted
    finally:
        for hook in hooks:
            hook.remove()
