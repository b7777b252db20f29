"""A whole listen against its bare network calls, and against five systems that share nothing."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from demos.engine import Engine, EngineError, Request
from demos.examples import examples
from demos.sound import Sound, from_array
from store.records import SYSTEMS
from tests.benchmarks.bare_networks import BareNetworks, recorded
from tests.benchmarks.comparison import Comparison, seconds_of

REQUESTS = tuple(Request(system) for system in SYSTEMS)
NOISE = 1e-4  # of full scale: another clip for the caches, the same sound for the networks


def compare_listening(engine: Engine, runs: int) -> tuple[Comparison, Comparison]:
    """Time listens of fresh clips, all networks loaded and the texts of the bank embedded."""
    for system in SYSTEMS:
        engine.warm(system)
    _listen(engine, _fresh_clip(0))
    whole, bare, apart = [], [], []
    for run in range(1, runs + 1):
        sound = _fresh_clip(run)
        whole.append(seconds_of(partial(_listen, engine, sound)))
        engine.forget(sound.clip.id)
        with recorded(engine) as inputs:
            _listen(engine, sound)
        engine.forget(sound.clip.id)
        networks = BareNetworks(engine, sound, inputs)
        bare.append(seconds_of(networks.run))
        apart.append(seconds_of(partial(_ask_each_apart, engine, sound)))
    listen = Comparison(
        "a whole listen: five systems at once", "its bare network calls, back to back", whole, bare
    )
    baseline = "the five systems one after the other, each with its own encoder passes"
    return listen, replace(listen, baseline=baseline, baseline_seconds=apart)


def _fresh_clip(number: int) -> Sound:
    """The first shipped example with faint noise of its own, so that nobody has heard this clip before."""
    sound = examples()[0].sound()
    noise = NOISE * np.random.default_rng(number).standard_normal(sound.samples.shape)
    return from_array(sound.clip.rate, sound.samples + noise.astype(np.float32))


def _listen(engine: Engine, sound: Sound) -> None:
    """Listen with every system; EngineError when one could not answer, for then the time means nothing."""
    for _, item in engine.listen(sound, REQUESTS):
        if isinstance(item, EngineError):
            raise item


def _ask_each_apart(engine: Engine, sound: Sound) -> None:
    for request in REQUESTS:
        for _ in engine.observe(sound, request):
            pass
        engine.forget(sound.clip.id)
