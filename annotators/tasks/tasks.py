"""What the Tasks tab does: list rows a page at a time, play them, show how far each task is, export."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from store.audio import Samples
from store.errors import StoreError
from store.export import export
from store.export_table import export_json_lines, export_parquet
from store.instances import Instance
from store.rows import ALL_ROWS, RowFilter, RowView
from store.store import Store

ROWS_PER_PAGE = 50


@dataclass(frozen=True)
class Page:
    """One page of the list of rows."""

    rows: tuple[RowView, ...]
    number: int  # 1..pages
    pages: int  # at least 1
    total: int  # rows on all pages


def page(store: Store, chosen: RowFilter = ALL_ROWS, number: int = 1, per_page: int = ROWS_PER_PAGE) -> Page:
    """The page of this number of the chosen rows, newest first; a number past the end gives the last page."""
    total = store.count_rows(chosen)
    pages = max(1, -(-total // per_page))
    number = min(max(1, number), pages)
    rows = store.rows(chosen, limit=per_page, offset=(number - 1) * per_page)
    return Page(tuple(rows), number, pages, total)


def models(store: Store) -> list[str]:
    """Ids of the models that rows came from, to filter by."""
    return store.flagged_models()


def instances(store: Store, chosen: RowFilter = ALL_ROWS) -> list[Instance]:
    """Every instance that the chosen rows make, with its gates."""
    return store.instances(chosen)


def row_audio(store: Store, row_id: str) -> tuple[int, Samples]:
    """What is heard in a row: 16000 and float32 [n]; raises StoreError when it is missing or damaged."""
    return store.row_audio(row_id)


@dataclass(frozen=True)
class Form:
    """One form of an export."""

    title: str  # on the page
    file: str  # name of the file
    about: str  # for whom, in a few words
    write: Callable[[Store, Path, RowFilter], Path]


FORMS: dict[str, Form] = {
    "dynamic-superb": Form("Dynamic-SUPERB", "earwitness-tasks.zip", "as Dynamic-SUPERB takes it", export),
    "json-lines": Form(
        "JSON lines",
        "earwitness-rows.zip",
        "rows.jsonl and audio, with all about the flags",
        export_json_lines,
    ),
    "parquet": Form(
        "parquet", "earwitness-rows.parquet", "one table, with all about the flags", export_parquet
    ),
}


def export_tasks(
    store: Store, folder: Path, chosen: RowFilter = ALL_ROWS, form: str = "dynamic-superb"
) -> Path:
    """Export the chosen rows into a file in `folder`, in one of `FORMS`.

    Raises StoreError when there is nothing to export or no such form.
    """
    if form not in FORMS:
        raise StoreError(f"There is no export “{form}”: choose one of {', '.join(FORMS)}.")
    return FORMS[form].write(store, folder / FORMS[form].file, chosen)
