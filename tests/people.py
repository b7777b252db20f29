"""What a person does, for tests: a sound, an answer about it, a flag, rights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from store.audio import FULL_SCALE, Samples, clip_id
from store.records import Clip, Flag, Observation, Rights, Token, View, new_id

ANSWER = "A dog barks behind a passing car."
CLAIM = "a passing car"


def sound(seconds: float = 1.0, rate: int = 22_050, channels: int = 2, seed: int = 0) -> tuple[Clip, Samples]:
    """A clip of noise and its samples, exact to 24 bits."""
    frames = round(seconds * rate)
    noise = np.random.default_rng(seed).integers(-FULL_SCALE // 4, FULL_SCALE // 4, (frames, channels))
    samples = (noise / FULL_SCALE).astype(np.float32)
    clip = Clip(clip_id(samples, rate), new_id(), rate, channels, frames, name=f"PRIVATE-NAME-{seed}.wav")
    return clip, samples


def answer(clip: Clip, text: str = ANSWER, **values: Any) -> Observation:
    """What a model said of the whole clip."""
    return replace(
        Observation(
            id=new_id(),
            system="salmonn",
            view=View(clip.id, 16_000, "published", 0.0, clip.seconds),
            model_id="mini-salmonn",
            model_revision="0" * 64,
            instruction="What do you hear?",
            prompt="USER: <Speech></Speech> What do you hear?\nASSISTANT:",
            settings={"beams": 1, "lora_scaling": 4.0},
            dtype="float32",
            device="cpu",
            seed=0,
            text=text,
            tokens=(Token("A", 0.5), Token(" dog", None)),
        ),
        **values,
    )


def flag(observation: Observation, marked: str = CLAIM, **values: Any) -> Flag:
    """A flag on the words `marked` of the answer: object existence, unless said otherwise."""
    start = observation.text.index(marked)
    return replace(
        Flag(
            id=new_id(),
            observation_id=observation.id,
            kind="object_existence",
            span_start=start,
            span_stop=start + len(marked),
            span_text=marked,
            claim=marked,
            correction="a dog barking",
            time_start=None,
            time_stop=None,
            confidence="sure",
            contributor="PRIVATE-CONTRIBUTOR",
            note="PRIVATE-NOTE",
        ),
        **values,
    )


def rights(clip: Clip, **values: Any) -> Rights:
    """The clip is the contributor's own, given to the public domain."""
    return replace(
        Rights(
            clip_id=clip.id,
            owner="mine",
            licence="CC0-1.0",
            attribution="",
            speaker_agrees=True,
            contributor="PRIVATE-CONTRIBUTOR",
        ),
        **values,
    )


# One flag of every kind on `ANSWER_OF_KINDS`, as the values that differ from `flag`'s own.
ANSWER_OF_KINDS = "A bell rings, then a dog barks. A woman is laughing and says: Turn on the light!"
KINDS_OF_FLAGS: dict[str, dict[str, Any]] = {
    "object_existence": {"marked": "A bell", "claim": "a bell ringing", "correction": "a dog barking"},
    "temporal_order": {
        "marked": "then a dog barks",
        "claim": "a bell ringing",
        "correction": "a dog barking",
    },
    "object_attribute": {
        "marked": "A woman is laughing",
        "claim": "a woman",
        "attribute": "laughing",
        "correction": "a child",
    },
    "speech_content": {
        "marked": "Turn on the light",
        "claim": "Turn on the light",
        "correction": "turn off the light",
        "attribute": "Please turn off the light!",
    },
    "speaker": {"marked": "A woman", "claim": "a woman", "attribute": "voice", "correction": "a man"},
    "emotion": {"marked": "laughing", "claim": "amused", "correction": "anger"},
    "music": {"marked": "A bell rings", "claim": "a carol", "attribute": "genre", "correction": "jazz"},
    "should_abstain": {
        "marked": "A woman",
        "claim": "a neighbour",
        "attribute": "who the speaker is to the listener",
        "correction": "a teacher",
    },
    "self_contradiction": {
        "marked": "a dog barks",
        "claim": "a dog barking",
        "correction": "it is there",
    },
    "not_following": {"marked": ANSWER_OF_KINDS, "claim": "", "correction": ""},
    "other": {"marked": "A bell rings", "claim": "the answer repeats the instruction", "correction": ""},
}

# Flags that together become rows of every task: one of every kind, and one of every aspect of a kind.
FLAGS: tuple[tuple[str, dict[str, Any]], ...] = (
    *KINDS_OF_FLAGS.items(),
    *(
        (kind, KINDS_OF_FLAGS[kind] | {"attribute": aspect, "correction": correction})
        for kind, aspect, correction in (
            ("speaker", "number of speakers", "two"),
            ("speaker", "way of speaking", "whispering"),
            ("music", "instrument", "a piano"),
            ("music", "mood", "calm"),
        )
    ),
)
