"""A conversation about one part of a sound: what was asked and answered before a question that follows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from store.records import Observation

Turns = tuple[tuple[str, str], ...]  # earlier questions with their answers, the first one first

MOST_TURNS = 8  # earlier questions of a conversation
LONGEST_ANSWER = 4000  # characters of one of their answers


@dataclass(frozen=True)
class FollowUp:
    """A question that follows others about the same part of a sound."""

    question: str
    turns: Turns


def turns_of(said: Observation) -> Turns:
    """What was asked and answered before an observation's own question."""
    return turns_from(said.settings.get("turns", ()))


def turns_from(values: Iterable[Any]) -> Turns:
    """Turns from pairs of question and answer, as JSON has them. ValueError where it is something else."""
    found = []
    for pair in values:
        if not (isinstance(pair, list | tuple) and len(pair) == 2 and all(isinstance(p, str) for p in pair)):
            raise ValueError(
                "Each earlier turn is a question and its answer: give a list of two texts for each."
            )
        found.append((pair[0], pair[1]))
    return tuple(found)


def follow_up(said: Observation, question: str) -> FollowUp:
    """A question that follows an observation's own question and answer, and those before them."""
    return FollowUp(question.strip(), (*turns_of(said), (said.instruction, said.text)))
