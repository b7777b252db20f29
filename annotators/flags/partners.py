"""Balancing a row: a clip is found for which its question has the other answer, and a person confirms it.

A set whose answer is always “no” is solved by always saying no. So a row about existence, order or attribute
is released only beside a partner: the same question of another clip under the same licence, where the other
answer is right.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass

from annotators.flags.asked import NO, YES
from annotators.flags.checks import FlagError
from store.audio import ROW_RATE, ROW_SECONDS, Samples, row_audio
from store.errors import StoreError
from store.partners import (
    Answer,
    answers_elsewhere,
    clip_by_public_id,
    clips_under,
    partner_clips,
    stated_by,
)
from store.records import Annotation, Clip, Row, new_id, now, row_file
from store.rows import RowView
from store.store import Store

MOST_CANDIDATES = 8
MOST_RANKED = 40  # newest clips that are compared with the question

Rank = Callable[[str, list[Clip]], list[float]]  # how well a text fits each clip; NaN: cannot be told

OTHER_ANSWER = {YES: NO, NO: YES}


@dataclass(frozen=True)
class Candidate:
    """A clip that could balance a row, if a person hears in it what the answer says."""

    public_id: str
    start: float  # window that the partner row would hold, seconds
    stop: float
    answer: str  # what would have to be right
    is_verified: bool  # a person has said so already
    why: str  # why it is proposed, in a sentence


def candidates(store: Store, view: RowView, rank: Rank | None = None) -> list[Candidate]:
    """At most 8 clips that could balance a row, the likeliest first; none for a row that needs no partner.

    First come clips of which a person said the other answer; then the others under the same licence, by
    `rank` (among the newest 40), or newest first. For a question whether a sound is there, the other answer
    “yes” wants a clip that fits it well, and “no” one that fits it badly; order and attribute are asked where
    the sounds are, whatever the answer. Clips of which the same answer was said are left out.
    """
    row = view.row
    answer = OTHER_ANSWER.get(row.label)
    if not row.needs_partner or row.partner_of or view.state == "taken_out" or answer is None:
        return []
    said = answers_elsewhere(store, row.question, row.clip_id, view.rights.licence)
    used = {row.clip_id, *partner_clips(store, row.id)}
    found: dict[str, Candidate] = {}
    for one in said:
        if one.answer == answer and one.clip.id not in used | found.keys():
            why = f"A person said of this sound that the answer is {answer}."
            found[one.clip.id] = Candidate(one.clip.public_id, one.start, one.stop, answer, True, why)
    verified = list(found.values())[:MOST_CANDIDATES]
    without = used | {one.clip.id for one in said}
    limit = MOST_CANDIDATES if rank is None else MOST_RANKED
    others = clips_under(store, view.rights.licence, without, limit)
    return [*verified, *_proposed(row, others, answer, rank)][:MOST_CANDIDATES]


def confirm_partner(store: Store, row_id: str, public_id: str, contributor: str) -> Row:
    """Keep what a person heard: the row's question has the other answer in the clip with this public id.

    Writes an annotation and the partner row that rests on it, and returns the row; a clip that balances the
    row already gives the row that does. Raises FlagError or StoreError, a sentence for people.
    """
    pairing = _pairing(store, row_id, public_id)
    row, clip = pairing.row, pairing.clip
    kept_id = partner_clips(store, row_id).get(clip.id)
    if kept_id is not None and (kept := store.row(kept_id)) is not None:
        return kept.row
    instant, partner_id = now(), new_id()
    released = pairing.released_by
    partner = Row(
        id=partner_id,
        flag_id=row.flag_id,
        clip_id=clip.id,
        task=row.task,
        file=row_file(clip, partner_id),
        instruction=row.instruction,
        label=pairing.answer,
        start=pairing.start,
        stop=pairing.stop,
        question=row.question,
        rights_by=contributor if contributor in released else released[0],
        role="partner",
        needs_partner=True,
        partner_of=row.id,
        made_at=instant,
    )
    heard = Annotation(
        new_id(), clip.id, row.question, partner.label, partner.start, partner.stop, contributor, instant
    )
    store.save_partner(heard, partner)
    return partner


def partner_audio(store: Store, row_id: str, public_id: str) -> tuple[int, Samples]:
    """What would be heard in the partner row that `confirm_partner` would make: 16000 and float32 [n].

    Raises FlagError or StoreError, a sentence for people, where it would make none or audio is damaged.
    """
    pairing = _pairing(store, row_id, public_id)
    clip = pairing.clip
    return ROW_RATE, row_audio(store.clip_samples(clip), clip.rate, pairing.start, pairing.stop)


def what_to_listen_for(question: str) -> str:
    """The sounds that a question is about, in a few words, from its key."""
    names = json.loads(question)
    if "sound" in names:
        return str(names["sound"])
    if "first" in names:
        return f"{names['first']} and then {names['second']}"
    return f"{names['holder']} {names['attribute']}"


def _proposed(row: Row, clips: list[Clip], answer: str, rank: Rank | None) -> list[Candidate]:
    """Clips of which nobody has said anything yet, the likeliest first."""
    if rank is None:
        why = "One of the newest sounds under the same licence; nobody has said yet what the answer is."
        return [_unheard(clip, answer, why) for clip in clips]
    text = what_to_listen_for(row.question)
    scored = [
        (score, clip) for score, clip in zip(rank(text, clips), clips, strict=True) if not math.isnan(score)
    ]
    should_miss = answer == NO and "sound" in json.loads(row.question)
    scored.sort(key=lambda pair: pair[0], reverse=not should_miss)
    return [
        _unheard(clip, answer, f"CLAP finds it {'unlike' if should_miss else 'like'} “{text}” ({score:.2f}).")
        for score, clip in scored
    ]


def _unheard(clip: Clip, answer: str, why: str) -> Candidate:
    return Candidate(clip.public_id, *_window(clip, answer, []), answer, False, why)


def _window(clip: Clip, answer: str, said: list[Answer]) -> tuple[float, float]:
    """Where a person heard the answer, or else the whole clip, of a long one its beginning; seconds."""
    for one in said:
        if one.answer == answer:
            return one.start, one.stop
    return 0.0, min(clip.seconds, ROW_SECONDS)


@dataclass(frozen=True)
class _Pairing:
    """A row and a clip that could balance it."""

    row: Row
    clip: Clip
    start: float  # window of the clip, seconds
    stop: float
    answer: str
    released_by: list[str]  # who released the clip under the row's licence


def _pairing(store: Store, row_id: str, public_id: str) -> _Pairing:
    """Raises FlagError or StoreError when the clip cannot balance the row."""
    view, clip = store.row(row_id), clip_by_public_id(store, public_id)
    if view is None:
        raise StoreError("This row is not in the store any more: reload the list.")
    row, licence = view.row, view.rights.licence
    answer = OTHER_ANSWER.get(row.label)
    if not row.needs_partner or answer is None:
        raise FlagError("This row needs no partner: its instruction offers every answer.")
    if clip is None:
        raise StoreError("This sound is not in the store any more: choose another one.")
    released_by = stated_by(store, clip.id, licence)
    if not released_by:
        raise FlagError(f"A partner must be under the same licence ({licence}): choose another sound.")
    said = [
        one for one in answers_elsewhere(store, row.question, row.clip_id, licence) if one.clip.id == clip.id
    ]
    if said and not any(one.answer == answer for one in said):
        raise FlagError(
            f"It was said before that the answer is {row.label} in this sound too: choose another sound, or "
            "have that row put right first."
        )
    return _Pairing(row, clip, *_window(clip, answer, said), answer, released_by)
