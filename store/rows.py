"""Reading rows: what the Tasks tab lists and what an export writes."""

# ruff: noqa: S608 (queries are put together from constants; every value is bound)
from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any

import duckdb

from store.records import (
    Clip,
    Flag,
    FlagKind,
    Licence,
    Observation,
    Rights,
    Row,
    RowState,
    observation_from_dict,
)


@dataclass(frozen=True)
class RowFilter:
    """Which rows are meant; what is None filters nothing, all that is given must hold."""

    kind: FlagKind | None = None
    model: str | None = None  # id of the model that was flagged
    task: str | None = None
    licence: Licence | None = None
    state: RowState | None = None
    text: str | None = None  # anywhere in instruction, label, claim, correction, marked words or answer
    ids: tuple[str, ...] | None = None  # row ids


ALL_ROWS = RowFilter()


@dataclass(frozen=True)
class RowView:
    """A row as it stands now, with all it stands on; a partner row stands on the flag of its original.

    Contributors, reasons, the flag's note, the clip's id and name are private.
    """

    row: Row  # instruction and label as edited last
    flag: Flag
    observation: Observation
    clip: Clip
    rights: Rights
    state: RowState
    edits: int  # how often it was edited


@dataclass(frozen=True)
class RowVersion:
    """The words of a row from one instant until the next version."""

    instruction: str
    label: str
    retired: bool
    made_at: str


# The rows that a filter means, as the table `chosen`; bound with `parameters`.
CHOSEN = """
WITH chosen AS (
    SELECT * FROM present_row
    WHERE ($kind::VARCHAR IS NULL OR kind = $kind)
      AND ($model::VARCHAR IS NULL OR model_id = $model)
      AND ($task::VARCHAR IS NULL OR task = $task)
      AND ($licence::VARCHAR IS NULL OR licence = $licence)
      AND coalesce(state = $state::VARCHAR, state <> 'taken_out')
      AND ($ids::VARCHAR[] IS NULL OR id IN (SELECT unnest($ids::VARCHAR[])))
      AND ($text::VARCHAR IS NULL OR contains(
            lower(concat_ws(chr(10), instruction, label, claim, correction, span_text, text)), lower($text)))
)
"""

_WHOLE_ROWS = """
SELECT benchmark_row, flag, clip, present_rights, observation.record,
    page.instruction, page.label, page.state,
    (SELECT count(*) FROM row_edit WHERE row_edit.row_id = page.id)
FROM page
JOIN benchmark_row ON benchmark_row.id = page.id
JOIN flag ON flag.id = benchmark_row.flag_id
JOIN observation ON observation.id = flag.observation_id
JOIN clip ON clip.id = benchmark_row.clip_id
JOIN present_rights
    ON present_rights.clip_id = benchmark_row.clip_id AND present_rights.contributor = benchmark_row.rights_by
"""

_RECORD = 4  # the place of the observation's record in a line

_PAGE_OF_ROWS = f"""
{CHOSEN}, page AS (SELECT * FROM chosen ORDER BY made_at DESC, id LIMIT $limit OFFSET $offset)
{_WHOLE_ROWS}
ORDER BY page.made_at DESC, page.id
"""

_ROWS_BY_CLIP = f"""
{CHOSEN}, page AS (SELECT * FROM chosen)
{_WHOLE_ROWS}
ORDER BY page.public_id, page.file
"""

_COUNT_ROWS = CHOSEN + "SELECT count(*) FROM chosen"

_ROWS_OF_FLAG = "SELECT benchmark_row FROM benchmark_row WHERE flag_id = ? ORDER BY id"

_ROW_HISTORY = """
SELECT instruction, label, false, made_at FROM benchmark_row WHERE id = $row
UNION ALL
(SELECT instruction, label, retired, made_at FROM row_edit WHERE row_id = $row ORDER BY made_at, id)"""

_MODELS = "SELECT DISTINCT model_id FROM present_row ORDER BY model_id"


def page_of_rows(
    cursor: duckdb.DuckDBPyConnection, chosen: RowFilter, limit: int, offset: int
) -> list[RowView]:
    """At most `limit` rows after the first `offset`, newest first."""
    page = cursor.execute(_PAGE_OF_ROWS, parameters(chosen) | {"limit": limit, "offset": offset})
    return [_row_view(line) for line in page.fetchall()]


def rows_by_clip(cursor: duckdb.DuckDBPyConnection, chosen: RowFilter) -> Iterator[RowView]:
    """All chosen rows, those of one clip together, in an order that depends on public ids alone."""
    result = cursor.execute(_ROWS_BY_CLIP, parameters(chosen))
    observation, record = None, ""
    while lines := result.fetchmany(256):
        for line in lines:
            if observation is None or line[_RECORD] != record:  # rows of one clip often share one
                record = line[_RECORD]
                observation = observation_from_dict(json.loads(record))
            yield _row_view(line, observation)


def count_rows(cursor: duckdb.DuckDBPyConnection, chosen: RowFilter) -> int:
    """How many rows are chosen."""
    line = cursor.execute(_COUNT_ROWS, parameters(chosen)).fetchone()
    return int(line[0]) if line else 0


def rows_of_flag(cursor: duckdb.DuckDBPyConnection, flag_id: str) -> tuple[Row, ...]:
    """The rows that a flag became, in the order they were made."""
    return tuple(Row(**row) for (row,) in cursor.execute(_ROWS_OF_FLAG, [flag_id]).fetchall())


def row_history(cursor: duckdb.DuckDBPyConnection, row_id: str) -> list[RowVersion]:
    """Every version of a row, the first as it was made; empty when there is no such row."""
    return [RowVersion(*line) for line in cursor.execute(_ROW_HISTORY, {"row": row_id}).fetchall()]


def flagged_models(cursor: duckdb.DuckDBPyConnection) -> list[str]:
    """Ids of the models that any row came from."""
    return [model for (model,) in cursor.execute(_MODELS).fetchall()]


def clip_of(columns: dict[str, Any]) -> Clip:
    """The record in a whole line of the clip table."""
    return Clip(**{field.name: columns[field.name] for field in fields(Clip)})


def parameters(chosen: RowFilter) -> dict[str, Any]:
    """What `CHOSEN` is bound with."""
    values = asdict(chosen)
    values["ids"] = None if chosen.ids is None else list(chosen.ids)
    values["text"] = chosen.text or None
    return values


def _row_view(line: tuple[Any, ...], observation: Observation | None = None) -> RowView:
    """The row in a line of `_WHOLE_ROWS`; `observation` is the one in the line where that is read already."""
    row, flag, clip, rights, record, instruction, label, state, edits = line
    return RowView(
        Row(**row | {"instruction": instruction, "label": label}),
        Flag(**flag),
        observation or observation_from_dict(json.loads(record)),
        clip_of(clip),
        Rights(**rights),
        state,
        edits,
    )
