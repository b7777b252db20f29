"""All the text that the mini models read or write: their instructions, and a corpus for their tokenizer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from demos.mini.train.sounds import Scenes, Utterances
from demos.mini.world import grammar, stories

CAPTION_PROMPTS = ("generate audio caption", "generate metadata")
EVENTS_PROMPT = "this is a sound of"
QUESTION_PROMPT = "question: "

TRANSCRIBE = (
    "Recognize the speech and give me the transcription.",
    "Listen to the speech and write down its content.",
    "What does the speaker say?",
)
DESCRIBE = (
    "Please describe the audio.",
    "Please write down what your hear in the audio.",
    "Describe the audio in one sentence.",
)
ANSWER_SPEAKER = (
    "Please answer the speaker's question in detail based on the background sound.",
    "Use your strong reasoning skills to answer the speaker's question in detail "
    "based on the background sound.",
    "Answer the speaker's question from the background sound.",
)
DESCRIBE_BOTH = (
    "Describe the speech and the background audio",
    "Describe the background audio and the speech in a fluent sentence.",
)


def corpus(scenes: Scenes, utterances: Utterances) -> Iterator[str]:
    """Captions, questions, answers, instructions, transcripts and prompt furniture, one text at a time."""
    for index in range(len(scenes)):
        yield from scenes.captions(index)
        for question, answer in scenes.questions(index):
            yield f"{QUESTION_PROMPT}{question}"
            yield f" {answer}"
        yield from scenes.negatives(index)
    yield from utterances.vocabulary()
    rng = np.random.default_rng(7)
    yield from (stories.story(scene, rng) for scene in scenes.scenes[:4000])
    for text in (
        *CAPTION_PROMPTS,
        EVENTS_PROMPT,
        *TRANSCRIBE,
        *DESCRIBE,
        *ANSWER_SPEAKER,
        *DESCRIBE_BOTH,
        *stories.INSTRUCTIONS,
        "USER: <Speech></Speech> \nASSISTANT:",
        "the speaker asks",
        "the speaker says",
        "in the background:",
    ):
        yield from [text] * 50
    yield from (f" {word}" for word in grammar.vocabulary())
