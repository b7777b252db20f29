"""A closed grammar of short English sentences: statements, commands, and questions about the background.

Fewer than 110 distinct words, three to eight words a sentence, so that a tiny recogniser can learn them all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np

SentenceKind = Literal["statement", "command", "question", "check"]
KINDS: tuple[SentenceKind, ...] = ("statement", "command", "question", "check")


@dataclass(frozen=True)
class Sentence:
    """One utterance: lower-case words.

    `asks` is what a question wants to know: "any" for the one background event, or a category, whose event is
    the answer whatever else sounds. A "check" asks whether any event of the category is there: yes or no.
    """

    text: str
    kind: SentenceKind
    asks: str | None = None


_WORDS: Mapping[str, Sequence[str]] = {
    "number": ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    "colour": ("red", "blue", "green", "black", "white"),
    "relative": ("sister", "brother", "mother", "father", "friend"),
    "thing": ("coat", "hat", "book", "chair", "bag", "cup"),
    "carrier": ("bus", "boat", "bike"),
    "goes": ("leaves", "stops", "arrives"),
    "got": ("bought", "lost", "found"),
    "place": ("kitchen", "garden", "office", "school"),
    "shut": ("open", "close"),
    "part": ("window", "box"),
    "switch": ("on", "off"),
}

_STATEMENTS = (
    "the {colour} {carrier} {goes} at {number}",
    "my {relative} {got} a {colour} {thing}",
    "my {relative} will meet us at {number}",
    "we {got} a {thing} in the {place}",
    "the {colour} {thing} is in the {place}",
    "we have {number} friends at school",
    "my {relative} has a {colour} {carrier}",
)
_COMMANDS = (
    "{shut} the {part} please",
    "please {shut} the {colour} {part}",
    "turn the light {switch} please",
    "please bring me the {colour} {thing}",
    "meet my {relative} in the {place}",
)
_QUESTIONS: Mapping[str, Sequence[str]] = {
    "any": (
        "what sound is behind me",
        "what is making that noise",
        "what is making that sound",
        "what do you hear behind me",
        "what can you hear now",
        "which sound is that",
        "please tell me what you hear",
    ),
    "animal": (
        "which animal can you hear",
        "which animal is behind me",
        "what kind of animal is that",
        "tell me which animal you hear",
    ),
    "weather": (
        "what weather can you hear",
        "what is the weather now",
        "what kind of weather is that",
        "tell me which weather you hear",
    ),
    "alarm": (
        "which alarm is that",
        "which alarm can you hear",
        "what kind of alarm is that",
        "tell me which alarm you hear",
    ),
    "vehicle": (
        "which vehicle is that",
        "which vehicle can you hear",
        "what kind of vehicle is that",
        "tell me which vehicle you hear",
    ),
    "household": (
        "which sound is in the house",
        "what can you hear in the house",
        "what house noise is that",
        "tell me which house noise you hear",
    ),
    "human": (
        "what is the person doing",
        "what is that person doing now",
        "tell me what the person is doing",
        "what is the person behind me doing",
    ),
}
_CHECKS: Mapping[str, Sequence[str]] = {
    "animal": ("do you hear an animal", "is there an animal behind me"),
    "weather": ("do you hear any weather", "can you hear the weather now"),
    "alarm": ("do you hear an alarm", "is there an alarm behind me"),
    "vehicle": ("do you hear a vehicle", "is there a vehicle behind me"),
    "household": ("do you hear any house noise", "is there any noise in the house"),
    "human": ("do you hear any person behind me", "is there any person doing that"),
}


def _expand(template: str) -> list[str]:
    slots = re.findall(r"{(\w+)}", template)
    return [
        template.format(**dict(zip(slots, words, strict=True)))
        for words in product(*(_WORDS[slot] for slot in slots))
    ]


def all_sentences(kind: SentenceKind) -> list[Sentence]:
    """Every sentence of a kind, in a fixed order."""
    if kind == "statement":
        return [Sentence(text, kind) for template in _STATEMENTS for text in _expand(template)]
    if kind == "command":
        return [Sentence(text, kind) for template in _COMMANDS for text in _expand(template)]
    asked = _QUESTIONS if kind == "question" else _CHECKS
    return [Sentence(text, kind, asks) for asks, texts in asked.items() for text in texts]


def sample_sentence(
    rng: np.random.Generator, kind: SentenceKind | None = None, asks: str | None = None
) -> Sentence:
    """A random sentence of a kind (of any kind when None); templates are equally likely, whatever they hold.

    For "question" and "check", `asks` picks what is asked for; None draws it evenly.
    """
    kind = kind or KINDS[int(rng.integers(len(KINDS)))]
    if kind in ("statement", "command"):
        templates = _STATEMENTS if kind == "statement" else _COMMANDS
        template = templates[int(rng.integers(len(templates)))]
        filled = {slot: words[int(rng.integers(len(words)))] for slot, words in _WORDS.items()}
        return Sentence(template.format(**filled), kind)
    asked = _QUESTIONS if kind == "question" else _CHECKS
    if asks is None:
        asks = tuple(asked)[int(rng.integers(len(asked)))]
    elif asks not in asked:
        raise ValueError(f"A {kind} asks for one of {', '.join(asked)}, not for {asks!r}.")
    return Sentence(asked[asks][int(rng.integers(len(asked[asks])))], kind, asks)


def vocabulary() -> list[str]:
    """Every word of the grammar, sorted."""
    return sorted(
        {word for kind in KINDS for sentence in all_sentences(kind) for word in sentence.text.split()}
    )
