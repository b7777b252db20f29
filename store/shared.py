"""Reading what may be heard of kept clips by everybody: the windows that exports hold, with their rights."""

from __future__ import annotations

from dataclasses import dataclass

from store.records import FlagKind, Licence
from store.store import Store

# Of each clip the longest window of a standing row; all that is told of it is what exports tell too.
_SHARED = """
WITH shared AS (
    SELECT present_row.id, present_row.clip_id, present_row.public_id, present_row.seconds, present_row.role,
        present_row.kind, present_row.licence, present_row.made_at, present_rights.attribution
    FROM present_row JOIN benchmark_row ON benchmark_row.id = present_row.id
    JOIN present_rights ON present_rights.clip_id = present_row.clip_id
        AND present_rights.contributor = benchmark_row.rights_by
    WHERE present_row.state <> 'taken_out' AND present_rights.speaker_agrees
), flagged AS (
    SELECT clip_id, max(made_at) AS newest,
        coalesce(list_sort(list(DISTINCT kind) FILTER (role <> 'partner')), []) AS kinds
    FROM shared GROUP BY clip_id
)
SELECT clip_id, public_id, id, seconds, kinds, licence, attribution
FROM shared JOIN flagged USING (clip_id)
QUALIFY row_number() OVER (PARTITION BY clip_id ORDER BY seconds DESC, made_at, id) = 1
ORDER BY newest DESC, public_id LIMIT ?"""


@dataclass(frozen=True)
class SharedClip:
    """A kept clip of which a window may be heard: `row_id` names it, for `Store.row_audio`."""

    clip_id: str  # private
    public_id: str
    row_id: str
    seconds: float  # of the window
    kinds: tuple[FlagKind, ...]  # of the flags on it; none where it only balances another row
    licence: Licence
    attribution: str


def shared_clips(store: Store, most: int) -> list[SharedClip]:
    """At most so many clips with a row that stands, the newest first."""
    with store.reading() as cursor:
        lines = cursor.execute(_SHARED, [most]).fetchall()
    return [
        SharedClip(clip, public, row, seconds, tuple(kinds), licence, attribution)
        for clip, public, row, seconds, kinds, licence, attribution in lines
    ]
