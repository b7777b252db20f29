"""What is asked because of a flag: for each kind a function from the flag to its questions and their answers.

The flag has been checked (`annotators.flags.checks`). Nothing here is drawn by chance; the wording is, in
`annotators.flags.rows`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from annotators.flags import wordings
from annotators.flags.phrases import alike, one_line, tidy
from annotators.flags.wordings import Wording
from store.benchmark import (
    ABSTENTION,
    CANNOT_BE_TOLD,
    SOUND_ATTRIBUTE,
    SOUND_EXISTENCE,
    SOUND_ORDER,
    SPEECH_TRANSCRIPTION,
    SPOKEN_WORDS,
    BenchmarkTask,
)
from store.records import Flag, question_key

YES, NO = "yes", "no"
IS_THERE, IS_NOT_THERE = "it is there", "it is not there"
SOMETHING_ELSE = "something else"  # the other answer to choose from when the person named none


@dataclass(frozen=True)
class Asked:
    """One question about the flagged window, and the answer that is right."""

    task: BenchmarkTask
    wording: Wording
    names: Mapping[str, str]  # what the question's template is filled with
    label: str
    question: str  # by `question_key`
    options: tuple[str, ...] = ()  # answers to list in the instruction; empty where the format says them


@dataclass(frozen=True)
class Aspect:
    """Something that a model can get wrong and that has a closed set of answers."""

    name: str  # what the person chooses, as in Flag.attribute
    asked: str  # such as “how many people are speaking”: see `wordings.CHOICE`
    task: BenchmarkTask

    @property
    def answers(self) -> tuple[str, ...]:
        """The closed set."""
        return self.task.closed_set


def existence(flag: Flag) -> list[Asked]:
    """Whether the claimed sound is there (no), and whether the one that really is (yes)."""
    asked = [_sound(flag.claim, NO)]
    if tidy(flag.correction):
        asked.append(_sound(flag.correction, YES))
    return asked


def order(flag: Flag) -> list[Asked]:
    """Whether the sounds come as the model said (no), and whether the other way round (yes)."""
    return [_order(flag.claim, flag.correction, NO), _order(flag.correction, flag.claim, YES)]


def attribute(flag: Flag) -> list[Asked]:
    """Whether it is so of the one that the model named (no), and of the one of whom it is (yes)."""
    asked = [_attribute(flag.claim, flag.attribute, NO)]
    if tidy(flag.correction):
        asked.append(_attribute(flag.correction, flag.attribute, YES))
    return asked


def words(flag: Flag) -> list[Asked]:
    """Which of two wordings was said, and, when the person gave it, all that was said."""
    claim, correction = alike(tidy(flag.claim), tidy(flag.correction))
    one, other = sorted((claim, correction), key=lambda phrase: one_line(phrase).lower())
    key = question_key({"one": one, "other": other})
    asked = [Asked(SPOKEN_WORDS, wordings.WORDS, {}, correction, key, (claim, correction))]
    if transcript := one_line(flag.attribute):
        key = question_key({"asked": "all that is said"})
        asked.append(Asked(SPEECH_TRANSCRIPTION, wordings.TRANSCRIPTION, {}, transcript, key))
    return asked


def choice(aspect: Aspect, flag: Flag) -> list[Asked]:
    """Which answer of the aspect's closed set is right."""
    names = {"asked": aspect.asked}
    key = question_key(names)
    return [Asked(aspect.task, wordings.CHOICE, names, flag.correction, key, aspect.answers)]


def abstention(flag: Flag) -> list[Asked]:
    """What the model claimed, another answer, or that it cannot be told, which is right."""
    asked, claim = tidy(flag.attribute), tidy(flag.claim)
    other = tidy(flag.correction) or SOMETHING_ELSE
    one, two = sorted((claim, other), key=str.lower)
    key = question_key({"asked": asked, "one": one, "other": two})
    names, options = {"asked": asked}, (claim, other, CANNOT_BE_TOLD)
    return [Asked(ABSTENTION, wordings.ABSTENTION, names, CANNOT_BE_TOLD, key, options)]


def contradiction(flag: Flag) -> list[Asked]:
    """Whether the sound that the model both claims and denies is there."""
    return [_sound(flag.claim, YES if flag.correction == IS_THERE else NO)]


def nothing(_flag: Flag) -> list[Asked]:
    """No question: the flag says something of the answer that cannot be asked of another model."""
    return []


def _sound(sound: str, label: str) -> Asked:
    return _verification(SOUND_EXISTENCE, wordings.EXISTENCE, {"sound": tidy(sound)}, label)


def _order(first: str, second: str, label: str) -> Asked:
    names = {"first": tidy(first), "second": tidy(second)}
    return _verification(SOUND_ORDER, wordings.ORDER, names, label)


def _attribute(holder: str, said: str, label: str) -> Asked:
    names = {"holder": tidy(holder), "attribute": tidy(said)}
    return _verification(SOUND_ATTRIBUTE, wordings.ATTRIBUTE, names, label)


def _verification(task: BenchmarkTask, wording: Wording, names: Mapping[str, str], label: str) -> Asked:
    return Asked(task, wording, names, label, question_key(names))
