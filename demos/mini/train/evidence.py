"""Calibration of the evidence: how likely a sound that Pengi names is there, by what CLAP makes of it.

Pengi captions fresh scenes of the training ranges, CLAP scores what it names, the world knows what sounds.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tqdm import tqdm

from demos.catalog import suite
from demos.engine import Engine, Request
from demos.evidence import Evidence, fitted
from demos.mini.train.sounds import SAMPLE_RATE
from demos.mini.world import scenes
from demos.mini.world.language import events_in
from demos.mini.world.scene import Scene, SceneKind
from demos.placement import Placement
from demos.sound import from_array
from store.records import Observation

FILE = "evidence.json"
SCENES = 1200
KINDS: tuple[SceneKind, ...] = ("single", "sequence", "overlap", "sequence")
SEED = 67


def run(folder: Path, count: int = SCENES) -> None:
    """Write `evidence.json`. Raises ValueError where Pengi names nothing that is there, or nothing else."""
    engine = Engine(suite("mini", folder), Placement("cpu"))
    features, there = [], []
    for number in tqdm(range(count), desc="evidence", mininterval=5):
        rng = np.random.default_rng([SEED, number])
        scene = scenes.make_scene(rng, "train", KINDS[number % len(KINDS)])
        for found, true in judged(engine, scene):
            features.append((found.cosine, found.standing))
            there.append(true)
    fitted(features, there).write(folder / FILE)


def judged(engine: Engine, scene: Scene) -> list[tuple[Evidence, bool]]:
    """The evidence for each class of events that Pengi names in a scene, and whether it sounds there."""
    sound = from_array(SAMPLE_RATE, scenes.render(scene))
    *_, said = engine.observe(sound, Request("pengi"))
    assert isinstance(said, Observation)
    found = engine.evidence(sound, said.text)
    engine.forget(sound.clip.id)
    named = [(one, events_in(said.text[one.claim.start : one.claim.stop])) for one in found]
    return [(one, names[0] in scene.names) for one, names in named if names]
