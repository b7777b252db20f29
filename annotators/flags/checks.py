"""What a flag and the rights to a sound must hold before anything is made of them."""

from __future__ import annotations

import math
import re
import unicodedata

from annotators.flags.asked import SOMETHING_ELSE
from annotators.flags.kinds import KINDS, Field, Kind
from annotators.flags.phrases import letters, same_words, tidy
from demos.conversation import turns_of
from store.audio import ROW_SECONDS
from store.benchmark import CANNOT_BE_TOLD
from store.records import CONFIDENCES, KINDS_WITHOUT_ROWS, LICENCES, Clip, Flag, Observation, Rights

LONGEST_NOTE = 2000  # characters
LONGEST_ATTRIBUTION = 500  # characters
# What a phrase can begin with, or be, only after another that says what is meant.
_POINTING_FIRST = frozenset(
    ("it", "its", "they", "them", "their", "he", "him", "his", "she", "her", "this", "that", "these", "those")
)
_POINTING = frozenset(("one", "both", "yes", "no", "the same", "the other", "the first", "the second"))


class FlagError(ValueError):
    """The flag cannot be saved as it is; the text says in a sentence what to change."""


def check_flag(flag: Flag, observation: Observation, clip: Clip) -> None:
    """Raise FlagError unless the flag is complete, fits its observation and can become rows."""
    if flag.observation_id != observation.id or observation.view.clip_id != clip.id:
        raise FlagError("This answer belongs to another sound: listen to this one first, then flag.")
    if flag.kind not in KINDS:
        raise FlagError(f"“{flag.kind}” is no kind of flag: choose one of {', '.join(KINDS)}.")
    if flag.confidence not in CONFIDENCES:
        raise FlagError(f"Say how sure you are: {', '.join(CONFIDENCES)}.")
    if flag.kind == "not_following" and not observation.instruction:
        raise FlagError(
            "This model was given no instruction that it could fail to follow: choose another kind."
        )
    _check_span(flag, observation)
    _check_phrases(flag, KINDS[flag.kind])
    if turns_of(observation):
        _check_stands_alone(flag, KINDS[flag.kind])
    _check_text("note", flag.note, LONGEST_NOTE)
    _check_times(flag, clip)
    if flag.kind not in KINDS_WITHOUT_ROWS:
        window(flag, observation, clip)


def window(flag: Flag, observation: Observation, clip: Clip) -> tuple[float, float]:
    """Start and stop, in seconds, of the sound that goes into the flag's rows; at most 30 s.

    It is what the model heard or, where that is too long for a row, the range that the person gave.
    Raises FlagError when there is no such window.
    """
    start, stop = observation.view.start, min(observation.view.stop, clip.seconds)
    if stop - start <= ROW_SECONDS + 1 / clip.rate:
        return start, stop
    if flag.time_start is None or flag.time_stop is None:
        raise FlagError(
            f"The model heard {stop - start:.0f} s at once and a task holds at most {ROW_SECONDS:.0f} s: "
            "give the time range that your flag is about."
        )
    if flag.time_stop - flag.time_start > ROW_SECONDS:
        raise FlagError(
            f"The time range is {flag.time_stop - flag.time_start:.0f} s long and a task holds at most "
            f"{ROW_SECONDS:.0f} s: give a shorter one."
        )
    return flag.time_start, flag.time_stop


def check_rights(rights: Rights, clip: Clip, contributor: str) -> None:
    """Raise FlagError unless the rights are those of this contributor to this clip and allow sharing it."""
    if (rights.clip_id, rights.contributor) != (clip.id, contributor):
        raise FlagError("These rights were stated for another sound: state them for this one.")
    if rights.owner not in ("mine", "third-party"):
        raise FlagError("Say whose sound this is: mine or third-party.")
    if rights.licence not in LICENCES:
        raise FlagError(f"Choose a licence for the sound: {', '.join(LICENCES)}.")
    if rights.owner == "mine" and rights.licence == "third-party":
        raise FlagError("A sound of your own needs a licence that you give: choose CC0-1.0 or CC-BY-4.0.")
    _check_text("attribution", rights.attribution, LONGEST_ATTRIBUTION)
    if not rights.attribution.strip():
        if rights.owner == "third-party":
            raise FlagError("A sound by someone else needs its source and licence: write them down.")
        if rights.licence == "CC-BY-4.0":
            raise FlagError("CC-BY-4.0 needs a name to give credit to: write it down, or choose CC0-1.0.")
    if not rights.speaker_agrees:
        raise FlagError(
            "Everyone who can be heard must agree that the sound is shared: confirm that they do."
        )


def _check_span(flag: Flag, observation: Observation) -> None:
    if flag.kind == "not_following" and not observation.text and flag.span_start == flag.span_stop == 0:
        return  # no answer at all is none that was asked for
    if not observation.text:
        raise FlagError(
            "This panel has no words that could be flagged: flag an answer, caption or transcript."
        )
    if flag.span_start == flag.span_stop:
        raise FlagError("Mark the words that are wrong first.")
    if not 0 <= flag.span_start < flag.span_stop <= len(observation.text):
        raise FlagError(
            f"The marked words (characters {flag.span_start} to {flag.span_stop}) lie outside the answer of "
            f"{len(observation.text)} characters: mark them again."
        )
    if observation.text[flag.span_start : flag.span_stop] != flag.span_text:
        raise FlagError("The marked words are not those of the answer: mark them again.")


def _check_phrases(flag: Flag, kind: Kind) -> None:
    for field in kind.fields:
        phrase = getattr(flag, field.name)
        _check_text(f"“{field.label}”", phrase, field.longest)
        if field.is_choice:
            _check_choice(field, phrase, kind.choices(field.name, flag.attribute))
        elif field.required and not tidy(phrase):
            raise FlagError(_missing(field))
    for name in ("claim", "attribute", "correction"):
        if kind.field(name) is None and getattr(flag, name).strip():
            raise FlagError(f"A flag of the kind “{kind.title}” has no {name}: leave it empty.")
    if tidy(flag.correction) and same_words(flag.claim, flag.correction):
        labels = " and ".join(f"“{field.label}”" for field in kind.fields if field.name != "attribute")
        raise FlagError(f"{labels} are the same: change one of them.")
    if flag.kind == "should_abstain":
        _check_other_answers(flag, kind)
    if flag.kind == "speech_content" and flag.attribute.strip():
        _check_transcript(flag, kind)


def _check_choice(field: Field, chosen: str, choices: tuple[str, ...]) -> None:
    """Raise FlagError unless the person chose one of the closed set, if there is one yet."""
    if not chosen and choices:
        raise FlagError(f"“{field.label}” is still open: choose one of {', '.join(choices)}.")
    if choices and chosen not in choices:
        raise FlagError(f"“{field.label}” cannot be “{chosen}”: choose one of {', '.join(choices)}.")


def _missing(field: Field) -> str:
    return f"“{field.label}” is empty: write it down, such as “{field.example}”."


def _check_other_answers(flag: Flag, kind: Kind) -> None:
    """Raise FlagError unless no answer of the person's is one that the question offers anyway."""
    for field in kind.fields:
        for offered in (CANNOT_BE_TOLD, SOMETHING_ELSE):
            if field.name != "attribute" and same_words(getattr(flag, field.name), offered):
                raise FlagError(
                    f"“{offered}” is offered anyway: write another answer into “{field.label}”"
                    f"{'' if field.required else ', or leave it empty'}."
                )


def _check_transcript(flag: Flag, kind: Kind) -> None:
    """Raise FlagError unless all that is said holds what was really said at the marked place."""
    field = kind.field("attribute")
    assert field is not None
    said = tidy(flag.correction)
    if letters(said) not in letters(flag.attribute) and said not in flag.attribute:
        raise FlagError(
            f"“{said}” is not in “{field.label}”: put one of them right, or leave “{field.label}” empty."
        )


def _check_stands_alone(flag: Flag, kind: Kind) -> None:
    """Raise FlagError where a row could only be understood with the conversation that the answer is of.

    What was spoken in the sound is quoted as it was.
    """
    if kind.id == "speech_content":
        return
    for field in kind.fields:
        words = re.findall(r"\w+", getattr(flag, field.name).lower())
        if not field.is_choice and words and (words[0] in _POINTING_FIRST or " ".join(words) in _POINTING):
            phrase = getattr(flag, field.name)
            raise FlagError(
                f"“{phrase}” points back into the conversation, which a row does not carry: "
                f"name in “{field.label}” what it stands for."
            )


def _check_text(name: str, text: str, longest: int) -> None:
    if len(text) > longest:
        raise FlagError(f"The {name} is {len(text)} characters long: shorten it to {longest}.")
    if any(unicodedata.category(letter) in ("Cc", "Cs") and not letter.isspace() for letter in text):
        raise FlagError(f"The {name} holds characters that cannot be shown: type it anew.")


def _check_times(flag: Flag, clip: Clip) -> None:
    start, stop = flag.time_start, flag.time_stop
    if start is None and stop is None:
        return
    if start is None or stop is None:
        raise FlagError("A time range has a start and an end: give both, or none.")
    if not (math.isfinite(start) and math.isfinite(stop)) or start >= stop:
        raise FlagError("The time range must end after it starts: choose it again.")
    if start < 0 or stop > clip.seconds + 1 / clip.rate:
        raise FlagError(
            f"The time range {start:.2f}–{stop:.2f} s lies outside the sound of {clip.seconds:.2f} s: "
            "choose it again."
        )
