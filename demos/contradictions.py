"""Where the answers about one clip contradict each other: “no” to a sound that another answer speaks of."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from demos.mini.world.language import mentions_in
from demos.request import SYSTEM_NAMES
from demos.spoken import told_of_sounds
from store.records import Observation

_ASKS = re.compile(r"^\W*(?:question:\s*)?(?:is|are|can|do|does|did|was|were|has|have)\b")
_SAYS = re.compile(r"^\W*(yes|no)\b")
_SPEAKER = re.compile(r"\b(speakers?|transcri\w+)\b")


@dataclass(frozen=True)
class _Stance:
    """What one observation says of a sound: that it is there, or not."""

    said: Observation
    name: str
    there: bool
    asked: bool  # whether it was asked for


def contradictions(said: Observation, others: Iterable[Observation]) -> list[str]:
    """Sentences about the other answers, of overlapping windows of the same clip, that `said` contradicts.

    A caption that does not speak of a sound denies nothing; only “no” does. What an answer says was spoken is
    no sound that it speaks of.
    """
    own = {(stance.name, stance.there): stance for stance in _stances(said)}
    found = []
    for other in others:
        if other.id == said.id or not _overlap(said, other):
            continue
        for stance in _stances(other):
            mine = own.get((stance.name, not stance.there))
            if mine is not None:
                apart = said.system == other.system and said.model_id != other.model_id
                found.append(f"{_words(mine, apart)}, but {_words(stance, apart)}.")
    return list(dict.fromkeys(found))


def without_speech(asked: Observation | None, transcript: Observation | None) -> list[str]:
    """A sentence for who asks about what is spoken in a window in which Whisper heard no words; or none."""
    if asked is None or transcript is None or transcript.text.strip() or not _overlap(asked, transcript):
        return []
    if not _SPEAKER.search(asked.instruction.lower()):
        return []
    who = SYSTEM_NAMES[asked.system]
    return [
        f"Whisper heard no words and {who} is asked about some: to ask about sounds, change its instruction."
    ]


def _stances(said: Observation) -> list[_Stance]:
    if said.settings.get("over_silence"):  # it says nothing of the sound
        return []
    asked, text = said.instruction.lower(), said.text.lower()
    answer = _SAYS.match(text)
    sounds = {name for _, _, name in mentions_in(asked)}
    if answer and _ASKS.match(asked):
        # A question for two sounds at once, or for which comes first, denies neither of them.
        return [_Stance(said, name, answer[1] == "yes", True) for name in sounds] if len(sounds) == 1 else []
    if said.system not in ("pengi", "salmonn"):
        return []
    heard = told_of_sounds(said.instruction, said.text).lower()
    return [_Stance(said, name, True, False) for name in dict.fromkeys(n for _, _, n in mentions_in(heard))]


def _overlap(one: Observation, other: Observation) -> bool:
    same = one.view.clip_id == other.view.clip_id
    return same and max(one.view.start, other.view.start) < min(one.view.stop, other.view.stop)


def _words(stance: _Stance, with_model: bool) -> str:
    """What was said, by whom; with the model where two of one system are held against each other."""
    who = SYSTEM_NAMES[stance.said.system] + (f" ({stance.said.model_id})" if with_model else "")
    if stance.asked:
        return f"{who} says “{stance.said.text.strip()}” to “{stance.said.instruction.strip()}”"
    return f"{who} writes “{stance.said.text.strip()}”"
