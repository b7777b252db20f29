"""Checking a whole store: every clip's audio is there and hashes right, and every name leads somewhere."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from store.audio import ROW_SECONDS, kept_ids
from store.errors import StoreError
from store.records import Clip
from store.store import Store
from store.withdrawal import kept_though_withdrawn

_CLIPS = "SELECT id, public_id, rate, channels, frames, name FROM clip ORDER BY public_id"

# Each finds lines that name something that is not there; the first column names the line.
_DANGLING = {
    "observation {} is of a clip that is not kept":
        "SELECT id FROM observation ANTI JOIN clip ON clip.id = observation.clip_id",
    "flag {} is on an observation that is not kept":
        "SELECT id FROM flag ANTI JOIN observation ON observation.id = flag.observation_id",
    "flag {} has no row":
        """SELECT id FROM flag ANTI JOIN benchmark_row ON benchmark_row.flag_id = flag.id
        WHERE kind NOT IN ('not_following', 'other')""",  # KINDS_WITHOUT_ROWS
    "row {} comes from a flag that is not kept":
        "SELECT id FROM benchmark_row ANTI JOIN flag ON flag.id = benchmark_row.flag_id",
    "row {} is of a clip that is not kept":
        "SELECT id FROM benchmark_row ANTI JOIN clip ON clip.id = benchmark_row.clip_id",
    "row {} is of a clip whose contributor stated no rights":
        """SELECT id FROM benchmark_row ANTI JOIN rights
            ON rights.clip_id = benchmark_row.clip_id AND rights.contributor = benchmark_row.rights_by""",
    "row {} is of another clip than its observation":
        """SELECT benchmark_row.id FROM benchmark_row JOIN flag ON flag.id = benchmark_row.flag_id
        JOIN observation ON observation.id = flag.observation_id
        WHERE observation.clip_id <> benchmark_row.clip_id AND benchmark_row.role <> 'partner'""",
    "partner row {} balances a row that is not kept":
        """SELECT id FROM benchmark_row WHERE partner_of <> ''
        AND partner_of NOT IN (SELECT id FROM benchmark_row)""",
    "vote {} is on an answer that is not kept":
        """SELECT id FROM vote WHERE left_observation_id NOT IN (SELECT id FROM observation)
        OR right_observation_id NOT IN (SELECT id FROM observation)""",
    "vote {} is on answers about two clips":
        """SELECT vote.id FROM vote JOIN observation AS one ON one.id = vote.left_observation_id
        JOIN observation AS other ON other.id = vote.right_observation_id
        WHERE one.clip_id <> other.clip_id""",
    "vote {} is on a clip whose contributor stated no rights":
        """SELECT vote.id FROM vote JOIN observation ON observation.id = vote.left_observation_id
        ANTI JOIN rights
            ON rights.clip_id = observation.clip_id AND rights.contributor = vote.contributor""",
    "edit {} is of a row that is not kept":
        "SELECT id FROM row_edit ANTI JOIN benchmark_row ON benchmark_row.id = row_edit.row_id",
    "annotation {} is of a clip that is not kept":
        """SELECT id FROM annotation ANTI JOIN clip ON clip.id = annotation.clip_id
        ANTI JOIN withdrawal ON withdrawal.clip_id = annotation.clip_id""",  # others withdrew the clip
}  # fmt: skip
_WRONG_WINDOWS = """
SELECT benchmark_row.id FROM benchmark_row JOIN clip ON clip.id = benchmark_row.clip_id
WHERE start < 0 OR start >= stop OR stop > (frames + 1) / rate OR stop - start > ? + 1 / rate"""


def verify(store: Store) -> Iterator[str]:
    """Each thing that is wrong with the store, in a sentence; nothing when all is well."""
    with store.reading() as cursor:
        clips = [Clip(*line) for line in cursor.execute(_CLIPS).fetchall()]
        yield from _dangling(cursor)
        yield from kept_though_withdrawn(cursor)
    for clip in clips:
        try:
            samples = store.clip_samples(clip)
        except StoreError as error:
            yield str(error)
        else:
            if samples.shape != (clip.frames, clip.channels):
                yield f"The audio of clip {clip.public_id} has another length or number of channels."
    for identity in sorted(set(kept_ids(store.audio_folder)) - {clip.id for clip in clips}):
        yield f"The audio file {identity}.flac is of no kept clip: a crash left it, and it may be deleted."


def _dangling(cursor: duckdb.DuckDBPyConnection) -> Iterator[str]:
    for sentence, query in _DANGLING.items():
        for (identity,) in cursor.execute(query).fetchall():
            yield f"The {sentence.format(identity)}."
    for (identity,) in cursor.execute(_WRONG_WINDOWS, [ROW_SECONDS]).fetchall():
        yield f"The row {identity} holds a window that is not in its clip or too long."
