"""`python -m tests.benchmarks profile`: a flame graph of warm whole listens to a clip of 10 s."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from demos.engine import Engine, EngineError
from demos.sound import Sound, from_array
from store.records import SYSTEMS
from tests.benchmarks.flame_graph import flame_graph
from tests.benchmarks.listening import NOISE, REQUESTS, fresh_clip
from tests.benchmarks.sampling import Stack, sampled

PICTURE = Path(__file__).parents[2] / "docs" / "pictures" / "listen_flame.svg"
SECONDS = 10.0
LISTENS = 10


def ten_seconds(number: int) -> Sound:
    """The first example, once more from its beginning until 10 s are full, with faint noise of its own."""
    example = fresh_clip(number)
    frames = round(SECONDS * example.clip.rate)
    repeated = np.resize(example.samples[:, 0], frames)
    noise = NOISE * np.random.default_rng(number).standard_normal(frames)
    return from_array(example.clip.rate, repeated + noise.astype(np.float32))


def profile_listens(engine: Engine, listens: int = LISTENS) -> Counter[Stack]:
    """The sampled stacks of warm listens of fresh clips. Raises EngineError when a system cannot answer."""
    for system in SYSTEMS:
        engine.warm(system)
    sounds = [ten_seconds(50_000 + number) for number in range(listens + 1)]
    _listen(engine, sounds[0])
    with sampled(SYSTEMS) as counted:
        for sound in sounds[1:]:
            _listen(engine, sound)
    return counted


def write_flame_graph(engine: Engine, path: Path = PICTURE) -> None:
    """Profile, and draw what was seen."""
    counted = profile_listens(engine)
    title = f"A warm listen to {SECONDS:g} s, mini suite: {counted.total():,} samples of {LISTENS} listens"
    path.write_text(flame_graph(counted, title), encoding="utf-8")


def _listen(engine: Engine, sound: Sound) -> None:
    for _, item in engine.listen(sound, REQUESTS):
        if isinstance(item, EngineError):
            raise item
    engine.forget(sound.clip.id)
