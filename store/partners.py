"""Reading what could balance a row: what people said of its question elsewhere, and clips to ask it of."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from store.records import Clip, Licence
from store.rows import clip_of
from store.store import Store

# What was said last of each window: annotations, but for those whose row was taken out, and standing rows.
_ANSWERS = """
WITH said AS (
    SELECT clip_id, start, stop, answer, made_at FROM annotation
    WHERE question = $question
      AND row_id NOT IN (SELECT id FROM present_row WHERE state = 'taken_out')
    UNION ALL
    SELECT present_row.clip_id, start, stop, present_row.label,
        coalesce(present_edit.made_at, present_row.made_at)
    FROM present_row JOIN benchmark_row ON benchmark_row.id = present_row.id
    LEFT JOIN present_edit ON present_edit.row_id = present_row.id
    WHERE present_row.question = $question AND present_row.state <> 'taken_out'
)
SELECT clip, start, stop, answer
FROM said JOIN clip ON clip.id = said.clip_id
WHERE clip_id <> $clip
  AND clip_id IN (SELECT clip_id FROM present_rights WHERE licence = $licence)
QUALIFY row_number() OVER (PARTITION BY clip_id, start, stop ORDER BY made_at DESC, answer) = 1
ORDER BY made_at DESC, clip_id, start"""
_CLIPS = """
SELECT clip FROM clip
WHERE id IN (SELECT clip_id FROM present_rights WHERE licence = $licence)
  AND NOT list_contains($without::VARCHAR[], id)
ORDER BY kept_at DESC, id LIMIT $limit"""
_PARTNERS = (
    "SELECT id, clip_id FROM present_row WHERE partner_of = ? AND state <> 'taken_out' ORDER BY made_at, id"
)
_CLIP = "SELECT clip FROM clip WHERE public_id = ?"
_STATED_BY = """
SELECT contributor FROM present_rights WHERE clip_id = ? AND licence = ? ORDER BY stated_at, contributor"""


@dataclass(frozen=True)
class Answer:
    """What was said last of a question in one window of a clip."""

    clip: Clip
    start: float  # seconds
    stop: float
    answer: str


def answers_elsewhere(store: Store, question: str, clip_id: str, licence: Licence) -> list[Answer]:
    """What was said of a question in other clips under the licence, window by window, newest first."""
    with store.reading() as cursor:
        asked = {"question": question, "clip": clip_id, "licence": licence}
        lines = cursor.execute(_ANSWERS, asked).fetchall()
    return [Answer(clip_of(clip), *line) for clip, *line in lines]


def clips_under(store: Store, licence: Licence, without: Collection[str], limit: int) -> list[Clip]:
    """At most `limit` clips under a licence but for those `without` (private ids), newest first."""
    with store.reading() as cursor:
        asked = {"licence": licence, "without": list(without), "limit": limit}
        return [clip_of(clip) for (clip,) in cursor.execute(_CLIPS, asked).fetchall()]


def partner_clips(store: Store, row_id: str) -> dict[str, str]:
    """The standing rows that balance a row: private ids of their clips → ids of the rows."""
    with store.reading() as cursor:
        return {clip: row for row, clip in cursor.execute(_PARTNERS, [row_id]).fetchall()}


def clip_by_public_id(store: Store, public_id: str) -> Clip | None:
    """The kept clip with this public id."""
    with store.reading() as cursor:
        line = cursor.execute(_CLIP, [public_id]).fetchone()
    return None if line is None else clip_of(line[0])


def stated_by(store: Store, clip_id: str, licence: Licence) -> list[str]:
    """Who released a clip under a licence, who said so first before the others; private."""
    with store.reading() as cursor:
        return [name for (name,) in cursor.execute(_STATED_BY, [clip_id, licence]).fetchall()]
