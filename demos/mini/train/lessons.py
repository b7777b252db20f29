"""What mini-LLaMA and mini-SALMONN are asked about a scene, and what they should say to it."""

from __future__ import annotations

import numpy as np

from demos.mini.train.texts import ANSWER_SPEAKER, DESCRIBE, DESCRIBE_BOTH, TRANSCRIBE
from demos.mini.world.scene import Scene
from demos.mini.world.taxonomy import NAMES, class_named

Pair = tuple[str, str]

UNANSWERABLE = 0.12  # of the clips without a question that can be answered
ORDERED = 0.5  # of the questions with yes or no about events in a row
NO_QUESTION = "nobody asks a question"
NOTHING = "nothing"


def said_in(scene: Scene) -> str | None:
    """Everything that is said in a scene, None where nobody speaks."""
    return " ".join(speech.utterance.sentence.text for speech in scene.spoken) or None


def instruction(rng: np.random.Generator, scene: Scene, captions: list[str], questions: list[Pair]) -> Pair:
    """An instruction and its answer: a spoken question, a transcript, a caption, both, a written question.

    Asked to answer a speaker who asks nothing, or who asks about a background that is not there, a model has
    to say so: otherwise it learns to name what sounds, whatever was asked.
    """
    spoken = said_in(scene)
    if scene.answer is None and rng.random() < UNANSWERABLE:
        asks = any(speech.utterance.sentence.asks for speech in scene.spoken)
        if not asks:
            return one(rng, ANSWER_SPEAKER), NO_QUESTION
        if not scene.events:
            return one(rng, ANSWER_SPEAKER), NOTHING
    task = rng.random()
    if scene.answer is not None and task < 0.6:
        named = scene.answer in NAMES
        answer = class_named(scene.answer).noun_phrase if named else scene.answer
        return one(rng, ANSWER_SPEAKER), answer
    if spoken is not None and task < 0.72:
        return one(rng, TRANSCRIBE), spoken
    if spoken is not None and task < 0.78:
        background = " and ".join(class_named(name).noun_phrase for name in scene.names) or "nothing"
        return one(rng, DESCRIBE_BOTH), f"the speaker says {spoken}. in the background: {background}"
    if task < 0.85 or (spoken is None and task < 0.35):
        return one(rng, DESCRIBE), one(rng, captions)
    return questions[int(rng.integers(len(questions)))]


def yes_or_no(rng: np.random.Generator, questions: list[Pair]) -> Pair:
    """A written question with yes or no for an answer, each as often where there are both.

    Two words in a batch of captions weigh next to nothing, so these questions get batches of their own; where
    there are questions of what came before what, half of them are those.
    """
    ordered = [pair for pair in questions if " before " in pair[0]]
    if ordered and rng.random() < ORDERED:
        return ordered[int(rng.integers(len(ordered)))]
    wanted = "yes" if rng.random() < 0.5 else "no"
    found = [pair for pair in questions if pair[1] == wanted]
    found = found or [pair for pair in questions if pair[1] in ("yes", "no")] or questions
    return found[int(rng.integers(len(found)))]


def first_task(rng: np.random.Generator, scene: Scene, captions: list[str]) -> Pair:
    """An instruction of the first stage: a transcript where somebody speaks, else a caption."""
    spoken = said_in(scene)
    if spoken is not None and rng.random() < 0.6:
        return one(rng, TRANSCRIBE), spoken
    return one(rng, DESCRIBE), one(rng, captions)


def one(rng: np.random.Generator, options: tuple[str, ...] | list[str]) -> str:
    """One of several texts."""
    return options[int(rng.integers(len(options)))]
