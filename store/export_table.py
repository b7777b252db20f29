"""Rows as one table, for those who study flags rather than run a benchmark: JSON lines or parquet.

Beside Dynamic-SUPERB's columns each row tells which model said what, which words were flagged as what, and
how it stands. As in every export there is no private id, contributor, note, or file name that a person gave.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from store.errors import StoreError
from store.exported_audio import RowAudio, features_schema, whole_or_not
from store.rows import ALL_ROWS, RowFilter, RowView
from store.store import Store

ROWS_PER_GROUP = 100  # rows held in memory at once

COLUMNS: dict[str, pa.DataType] = {
    **dict.fromkeys(("file", "instruction", "label", "task", "question", "role", "state"), pa.string()),
    **dict.fromkeys(("row", "partner_of", "clip"), pa.string()),
    **dict.fromkeys(("start", "stop"), pa.float64()),
    **dict.fromkeys(("licence", "attribution"), pa.string()),
    **dict.fromkeys(("flag", "kind", "claim", "attribute", "correction", "confidence"), pa.string()),
    **dict.fromkeys(("flagged_words", "answer"), pa.string()),
    **dict.fromkeys(("flagged_from", "flagged_to", "edits", "seed"), pa.int64()),
    **dict.fromkeys(("system", "model", "revision", "model_instruction", "prompt", "settings"), pa.string()),
    **dict.fromkeys(("dtype", "device", "flagged_at", "made_at"), pa.string()),
}


def public_columns(view: RowView) -> dict[str, Any]:
    """What may be told of a row, by the names of `COLUMNS`."""
    row, flag, said = view.row, view.flag, view.observation
    return {
        "file": row.file,
        "instruction": row.instruction,
        "label": row.label,
        "task": row.task,
        "question": row.question,
        "role": row.role,
        "state": view.state,
        "row": row.id,
        "partner_of": row.partner_of,
        "clip": view.clip.public_id,
        "start": row.start,
        "stop": row.stop,
        "licence": view.rights.licence,
        "attribution": view.rights.attribution,
        "flag": flag.id,
        "kind": flag.kind,
        "claim": flag.claim,
        "attribute": flag.attribute,
        "correction": flag.correction,
        "confidence": flag.confidence,
        "flagged_words": flag.span_text,
        "answer": said.text,
        "flagged_from": flag.span_start,
        "flagged_to": flag.span_stop,
        "edits": view.edits,
        "seed": said.seed,
        "system": said.system,
        "model": said.model_id,
        "revision": said.model_revision,
        "model_instruction": said.instruction,
        "prompt": said.prompt,
        "settings": json.dumps(dict(said.settings), sort_keys=True, ensure_ascii=False),
        "dtype": said.dtype,
        "device": said.device,
        "flagged_at": flag.made_at,
        "made_at": row.made_at,
    }


def export_json_lines(store: Store, out_zip: Path, chosen: RowFilter = ALL_ROWS) -> Path:
    """Write `rows.jsonl` and `audio/<file>` of the chosen rows into a zip and return its path.

    The file appears whole or not at all. Raises StoreError when no row is chosen, audio is damaged, or the
    disk refuses.
    """
    _require_rows(store, chosen)
    audio = RowAudio(store)
    lines = []
    with whole_or_not(out_zip) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for view in store.rows_by_clip(chosen):
            archive.writestr(zipfile.ZipInfo(f"audio/{view.row.file}"), audio.flac(view))
            lines.append(json.dumps(public_columns(view), ensure_ascii=False) + "\n")
        archive.writestr(zipfile.ZipInfo("rows.jsonl"), "".join(lines).encode(), zipfile.ZIP_DEFLATED)
    return out_zip


def export_parquet(store: Store, out: Path, chosen: RowFilter = ALL_ROWS) -> Path:
    """Write the chosen rows with their audio into one parquet file that `datasets` loads; its path.

    Whole or not at all, and raises, as `export_json_lines`.
    """
    _require_rows(store, chosen)
    schema = features_schema(COLUMNS)
    with whole_or_not(out) as temporary, pq.ParquetWriter(temporary, schema) as parquet:
        rows = _with_audio(store, chosen)
        while group := list(islice(rows, ROWS_PER_GROUP)):
            parquet.write_table(pa.Table.from_pylist(group, schema=schema))
    return out


def _with_audio(store: Store, chosen: RowFilter) -> Iterator[dict[str, Any]]:
    audio = RowAudio(store)
    for view in store.rows_by_clip(chosen):
        yield {"audio": {"bytes": audio.flac(view), "path": view.row.file}, **public_columns(view)}


def _require_rows(store: Store, chosen: RowFilter) -> None:
    if not store.count_rows(chosen):
        raise StoreError("No row fits this choice, so there is nothing to export: choose other rows.")
