"""Little stories around the sounds of a scene: several sentences, from the truth, in a small vocabulary.

Mini-LLaMA learns to tell them from what it reads; mini-SALMONN is never instructed with them. They are the
family of instructions by which activation tuning is measured (Tang et al., ICLR 2024, section 3.3).
"""

from __future__ import annotations

import re

import numpy as np

from demos.mini.world.scene import Scene
from demos.mini.world.taxonomy import class_named

INSTRUCTIONS = (
    "Tell a story about this audio.",
    "Please write a short story based on the audio.",
    "Make up a story around what you hear.",
)
SHORTEST_STORY = 16
"""Words from which a text of two or more sentences counts as a story."""

_WHO = ("an old man", "a young woman", "a little girl", "a tired father", "my neighbour", "a small boy")
_WHERE = (
    "in a small village",
    "at the end of a long street",
    "in a quiet house",
    "near the old harbour",
    "on a farm in the hills",
    "in the middle of the city",
)
_WHEN = ("one evening", "one morning", "late at night", "on a cold day", "early in spring", "last summer")
_DOES = ("sits by the window", "waits for a letter", "looks for a friend", "cannot sleep", "makes some tea")
_REACTIONS = ("and the story begins", "and everyone listens", "and the room grows still", "and nobody moves")
_ENDINGS = (
    "in the end everyone goes home",
    "after that all is quiet again",
    "nobody ever finds out why",
    "they still talk about it today",
    "it was only a dream",
)
_NOTHING = "but there is nothing to hear at all"


def story(scene: Scene, rng: np.random.Generator) -> str:
    """Three to six sentences that name every sound of a scene in its order; lower case, full stops."""

    def one(options: tuple[str, ...]) -> str:
        return options[int(rng.integers(len(options)))]

    who, when = one(_WHO), one(_WHEN)
    sentences = [f"{when} {who} {one(_DOES)} {one(_WHERE)}"]
    heard = [class_named(name).present for name in scene.names]
    if scene.tones:
        heard.append("pure tones are playing")
    if scene.speech is not None:
        heard.append(f"a {scene.speech.utterance.voice.speaker} speaks")
    if scene.kind == "overlap":
        heard = [" while ".join(heard)]
    for place, sound in enumerate(heard):
        begins = "suddenly" if place == 0 else "then" if place < len(heard) - 1 else "at last"
        sentences.append(f"{begins} {sound}" + (f" {one(_REACTIONS)}" if place == 0 else ""))
    if not heard:
        sentences.append(_NOTHING)
    sentences.append(one(_ENDINGS))
    return ". ".join(sentences) + "."


def is_story(text: str) -> bool:
    """Whether a text is told at length: at least two sentences and `SHORTEST_STORY` words."""
    sentences = [part for part in re.split(r"[.!?]+", text) if part.strip()]
    return len(sentences) >= 2 and len(text.split()) >= SHORTEST_STORY
