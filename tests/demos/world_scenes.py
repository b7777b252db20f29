"""Random scenes of the world for tests, spoken by a stand-in, so that no speech synthesiser is needed."""

from __future__ import annotations

from typing import get_args
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from demos.mini.world import grammar, speech
from demos.mini.world.ranges import Ranges
from demos.mini.world.scene import Scene, SceneKind
from demos.mini.world.scenes import conversation, make_scene, render

KINDS: tuple[SceneKind, ...] = get_args(SceneKind)
BUZZ = (0.1 * np.sign(np.sin(np.arange(24_000) * 0.05))).astype(np.float32)
"""What the stand-in says, whatever the words: as long as speech."""


def spoken(
    text: str, kind: grammar.SentenceKind = "statement", asks: str | None = None, voice: int = 0
) -> speech.Spoken:
    """A stand-in recording of a sentence."""
    utterance = speech.Utterance(grammar.Sentence(text, kind, asks), speech.VOICES[voice], 160, 50)
    return speech.Spoken(utterance, BUZZ)


def random_scene(kind: SceneKind, seed: int, split: Ranges = "train") -> Scene:
    """A random scene of a kind, spoken by the stand-in where it has speech."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    if kind == "conversation":
        first, second = rng.choice(len(speech.VOICES), 2, replace=False)
        return conversation(
            rng, split, spoken("hello", voice=int(first)), spoken("good morning", voice=int(second))
        )
    said = spoken("what sound is that", "question", "any") if kind == "question" else spoken("hello")
    return make_scene(rng, split, kind, said if kind in ("speech", "speech_over", "question") else None)


def samples_of(scene: Scene) -> NDArray[np.float32]:
    """Its samples, with the stand-in's voice for everyone."""
    with patch("demos.mini.world.scenes.synthesise", lambda utterance: BUZZ):
        return render(scene)
