"""From what a person has typed and marked to a flag and the rights to its sound, ready to be checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from annotators.flags.kinds import KINDS
from annotators.flags.phrases import alike, one_line, tidy
from store.audio import ROW_SECONDS
from store.records import Clip, Confidence, Flag, FlagKind, Licence, Observation, Rights, new_id, now


@dataclass(frozen=True)
class Draft:
    """A flag being written. Its id and instant stay the same, so that what is previewed is what is saved."""

    observation_id: str
    flag_id: str = field(default_factory=new_id)
    begun_at: str = field(default_factory=now)

    def flag(
        self,
        observation: Observation,
        contributor: str,
        *,
        span: tuple[Any, Any],
        kind: Any,
        claim: Any,
        correction: Any = "",
        attribute: Any = "",
        times: tuple[Any, Any] = (None, None),
        confidence: Any = "sure",
        note: Any = "",
    ) -> Flag:
        """The flag as it stands now; `annotators.flags.checks` says whether it can be kept.

        What the kind does not ask for is left out, even if it was typed for another kind before. That an
        instruction was not followed is said of the whole answer when no words are marked.
        """
        start, stop = _whole(span[0]), _whole(span[1])
        if kind == "not_following" and start == stop:
            start, stop = 0, len(observation.text)
        asked = {one.name for one in KINDS[kind].fields} if kind in KINDS else {"claim"}
        texts = {
            name: _text(value) if name in asked else ""
            for name, value in (("claim", claim), ("attribute", attribute), ("correction", correction))
        }
        return Flag(
            id=self.flag_id,
            observation_id=observation.id,
            kind=cast("FlagKind", kind),
            span_start=start,
            span_stop=stop,
            span_text=observation.text[max(0, start) : max(0, stop)],
            time_start=_seconds(times[0]),
            time_stop=_seconds(times[1]),
            confidence=cast("Confidence", confidence),
            contributor=contributor,
            note=_text(note),
            made_at=self.begun_at,
            **texts,
        )


def all_that_is_said(observation: Observation, span: tuple[Any, Any], correction: Any) -> str:
    """Whisper's transcript with the marked words put right, for a person to confirm or to put right further.

    Empty where there is none to offer: of another system, of a view longer than a row's window, and before
    words are marked and put right.
    """
    start, stop = _whole(span[0]), _whole(span[1])
    view, text, said = observation.view, observation.text, tidy(_text(correction))
    if observation.system != "whisper" or view.stop - view.start > ROW_SECONDS:
        return ""
    if not said or not 0 <= start < stop <= len(text):
        return ""
    return one_line(text[:start] + alike(text[start:stop], said)[1] + text[stop:])


def rights(
    clip: Clip, contributor: str, owner: Any, licence: Any, attribution: Any, speaker_agrees: Any
) -> Rights:
    """What a person says of a sound's owner and licence, to be checked by `check_rights`."""
    return Rights(
        clip_id=clip.id,
        owner=cast("Any", owner),
        licence=cast("Licence", licence),
        attribution=_text(attribution),
        speaker_agrees=bool(speaker_agrees),
        contributor=contributor,
    )


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _whole(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and value == value else 0


def _seconds(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
