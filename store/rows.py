"""Reading rows: what the Tasks tab lists, what an export writes, and how far each task is from its gates."""

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
    observation_from_dict,
)


@dataclass(frozen=True)
class RowFilter:
    """Which rows are meant; what is None filters nothing, all that is given must hold."""

    kind: FlagKind | None = None
    model: str | None = None  # id of the model that was flagged
    task: str | None = None
    licence: Licence | None = None
    text: str | None = None  # anywhere in instruction, label, claim, correction, marked words or answer
    ids: tuple[str, ...] | None = None  # row ids


ALL_ROWS = RowFilter()


@dataclass(frozen=True)
class RowView:
    """A row with all it stands on. Contributors, the flag's note, the clip's id and name are private."""

    row: Row
    flag: Flag
    observation: Observation
    clip: Clip
    rights: Rights


@dataclass(frozen=True)
class TaskCount:
    """How many rows a task has under one licence and what they amount to; gates are judged by it."""

    task: str
    licence: Licence
    rows: int
    instructions: int  # distinct ones
    seconds: float  # audio of all rows together
    labels: dict[str, int]  # rows per label, most frequent first
    unpaired: int


_CHOSEN = """
WITH chosen AS (
    SELECT * FROM present_row
    WHERE ($kind::VARCHAR IS NULL OR kind = $kind)
      AND ($model::VARCHAR IS NULL OR model_id = $model)
      AND ($task::VARCHAR IS NULL OR task = $task)
      AND ($licence::VARCHAR IS NULL OR licence = $licence)
      AND ($ids::VARCHAR[] IS NULL OR list_contains($ids::VARCHAR[], id))
      AND ($text::VARCHAR IS NULL OR contains(
            lower(concat_ws(chr(10), instruction, label, claim, correction, span_text, text)), lower($text)))
)
"""

_WHOLE_ROWS = """
SELECT benchmark_row, flag, clip, present_rights, observation.record
FROM page
JOIN benchmark_row ON benchmark_row.id = page.id
JOIN flag ON flag.id = benchmark_row.flag_id
JOIN observation ON observation.id = flag.observation_id
JOIN clip ON clip.id = benchmark_row.clip_id
JOIN present_rights
    ON present_rights.clip_id = benchmark_row.clip_id AND present_rights.contributor = flag.contributor
"""

_PAGE_OF_ROWS = f"""
{_CHOSEN}, page AS (SELECT id, made_at FROM chosen ORDER BY made_at DESC, id LIMIT $limit OFFSET $offset)
{_WHOLE_ROWS}
ORDER BY page.made_at DESC, page.id
"""

_ROWS_BY_CLIP = f"""
{_CHOSEN}, page AS (SELECT id, public_id, file FROM chosen)
{_WHOLE_ROWS}
ORDER BY page.public_id, page.file
"""

_COUNT_ROWS = _CHOSEN + "SELECT count(*) FROM chosen"

_TASK_COUNTS = f"""
{_CHOSEN}, label_counts AS (
    SELECT task, licence, label, count(*) AS number FROM chosen GROUP BY ALL
), histograms AS (
    SELECT task, licence,
        list(label ORDER BY number DESC, label) AS labels,
        list(number ORDER BY number DESC, label) AS numbers
    FROM label_counts GROUP BY task, licence
)
SELECT task, licence, count(*), count(DISTINCT instruction), sum(seconds),
    any_value(labels), any_value(numbers), count_if(NOT paired)
FROM chosen JOIN histograms USING (task, licence)
GROUP BY task, licence
ORDER BY task, licence
"""

_ROWS_OF_FLAG = "SELECT benchmark_row FROM benchmark_row WHERE flag_id = ? ORDER BY id"

_MODELS = "SELECT DISTINCT model_id FROM present_row ORDER BY model_id"


def page_of_rows(
    cursor: duckdb.DuckDBPyConnection, chosen: RowFilter, limit: int, offset: int
) -> list[RowView]:
    """At most `limit` rows after the first `offset`, newest first."""
    page = cursor.execute(_PAGE_OF_ROWS, _parameters(chosen) | {"limit": limit, "offset": offset})
    return [_row_view(line) for line in page.fetchall()]


def rows_by_clip(cursor: duckdb.DuckDBPyConnection, chosen: RowFilter) -> Iterator[RowView]:
    """All chosen rows, those of one clip together, in an order that depends on public ids alone."""
    result = cursor.execute(_ROWS_BY_CLIP, _parameters(chosen))
    while lines := result.fetchmany(256):
        yield from map(_row_view, lines)


def count_rows(cursor: duckdb.DuckDBPyConnection, chosen: RowFilter) -> int:
    """How many rows are chosen."""
    line = cursor.execute(_COUNT_ROWS, _parameters(chosen)).fetchone()
    return int(line[0]) if line else 0


def task_counts(cursor: duckdb.DuckDBPyConnection, chosen: RowFilter) -> list[TaskCount]:
    """The chosen rows counted per task and licence."""
    return [
        TaskCount(
            task, licence, rows, instructions, seconds, dict(zip(labels, numbers, strict=True)), unpaired
        )
        for task, licence, rows, instructions, seconds, labels, numbers, unpaired in cursor.execute(
            _TASK_COUNTS, _parameters(chosen)
        ).fetchall()
    ]


def rows_of_flag(cursor: duckdb.DuckDBPyConnection, flag_id: str) -> tuple[Row, ...]:
    """The rows that a flag became, in the order they were made."""
    return tuple(Row(**row) for (row,) in cursor.execute(_ROWS_OF_FLAG, [flag_id]).fetchall())


def flagged_models(cursor: duckdb.DuckDBPyConnection) -> list[str]:
    """Ids of the models that any row came from."""
    return [model for (model,) in cursor.execute(_MODELS).fetchall()]


def clip_of(columns: dict[str, Any]) -> Clip:
    """The record in a whole line of the clip table."""
    return Clip(**{field.name: columns[field.name] for field in fields(Clip)})


def _parameters(chosen: RowFilter) -> dict[str, Any]:
    values = asdict(chosen)
    values["ids"] = None if chosen.ids is None else list(chosen.ids)
    values["text"] = chosen.text or None
    return values


def _row_view(line: tuple[Any, ...]) -> RowView:
    row, flag, clip, rights, record = line
    return RowView(
        Row(**row), Flag(**flag), observation_from_dict(json.loads(record)), clip_of(clip), Rights(**rights)
    )
