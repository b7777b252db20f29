"""Rows as Dynamic-SUPERB takes them: a zip with a folder for each task and a data set for each instance.

    <Task>/README.md                                         the task, as reviewers want it
    <Task>/<Instance>/instance.json                          one of its instances
    datasets/<Instance>/README.md                            card of the instance's data set
    datasets/<Instance>/data/test-00000-of-00001.parquet     audio, file, instruction, label

An instance is as many of a task's rows under one licence as fit. What leaves here carries public ids only: no
private id, no contributor, no note, no file name that a person gave. The same rows give the same bytes.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from store.benchmark import TASKS
from store.errors import StoreError
from store.export_pages import ExportedInstance, data_set_card, task_page
from store.exported_audio import RowAudio, features_schema, whole_or_not
from store.instances import ORGANISATION, Instance
from store.rows import ALL_ROWS, RowFilter, RowView
from store.store import Store

INSTANCES_AT_ONCE = 16  # whose rows, without their audio, are held in memory
ROWS_PER_GROUP = 100  # rows held in memory with their audio

_SCHEMA = features_schema(dict.fromkeys(("file", "instruction", "label"), pa.string()))


def export(
    store: Store,
    out_zip: Path,
    chosen: RowFilter = ALL_ROWS,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write the chosen rows to `out_zip` and return its path; the file appears whole or not at all.

    `progress` is told how many instances are written, of how many.
    Raises StoreError when no row is chosen, audio is damaged, or the disk refuses.
    """
    instances = store.instances(chosen)
    if not instances:
        raise StoreError("No row fits this choice, so there is nothing to export: choose other rows.")
    with whole_or_not(out_zip) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        written: dict[str, list[ExportedInstance]] = {}
        for number, (instance, views) in enumerate(_with_rows(store, instances)):
            if progress is not None:
                progress(number, len(instances))
            written.setdefault(instance.task, []).append(_write_instance(archive, store, instance, views))
        for task, its_instances in written.items():
            _write_text(archive, f"{task}/README.md", task_page(TASKS[task], its_instances))
    return out_zip


def _with_rows(store: Store, instances: Sequence[Instance]) -> Iterator[tuple[Instance, list[RowView]]]:
    """Each instance with its rows, those of one clip together; a few instances are read at once."""
    for first in range(0, len(instances), INSTANCES_AT_ONCE):
        some = instances[first : first + INSTANCES_AT_ONCE]
        place = {row_id: number for number, instance in enumerate(some) for row_id in instance.row_ids}
        views: list[list[RowView]] = [[] for _ in some]
        for view in store.rows_by_clip(RowFilter(ids=tuple(place))):
            views[place[view.row.id]].append(view)
        yield from zip(some, views, strict=True)


def _write_instance(
    archive: zipfile.ZipFile, store: Store, instance: Instance, views: Sequence[RowView]
) -> ExportedInstance:
    """Write one instance's data set, card and instance.json."""
    exported = ExportedInstance(instance)
    task = TASKS[instance.task]
    folder = f"datasets/{instance.name}"
    with (
        archive.open(_entry(f"{folder}/data/test-00000-of-00001.parquet"), "w", force_zip64=True) as file,
        pq.ParquetWriter(
            pa.PythonFile(file, "w"), _SCHEMA, use_dictionary=["instruction", "label"]
        ) as parquet,
    ):
        for group in _row_groups(store, exported, views):
            parquet.write_table(pa.Table.from_pylist(group, schema=_SCHEMA))
    _write_text(archive, f"{folder}/README.md", data_set_card(exported))
    description = {
        "name": instance.name,
        "description": task.description,
        "keywords": list(task.keywords),
        "metrics": list(task.metrics),
        "path": f"{ORGANISATION}/{instance.name}",
        "version": "",
    }
    _write_text(
        archive,
        f"{task.name}/{instance.name}/instance.json",
        json.dumps(description, indent=2, ensure_ascii=False) + "\n",
    )
    return exported


def _row_groups(
    store: Store, exported: ExportedInstance, views: Sequence[RowView]
) -> Iterator[list[dict[str, object]]]:
    """The columns of an instance's rows, a group at a time; each row is added to `exported`."""
    audio = RowAudio(store)
    group: list[dict[str, object]] = []
    for view in views:
        exported.add(view)
        row, flac = view.row, audio.flac(view)
        texts = {"file": row.file, "instruction": row.instruction, "label": row.label}
        exported.bytes += len(flac) + sum(len(text.encode()) for text in (row.file, *texts.values()))
        group.append({"audio": {"bytes": flac, "path": row.file}, **texts})
        if len(group) == ROWS_PER_GROUP:
            yield group
            group = []
    if group:
        yield group


def _entry(name: str) -> zipfile.ZipInfo:
    """A file of the zip, dated alike in every export so that equal rows give equal bytes."""
    entry = zipfile.ZipInfo(name)
    entry.external_attr = 0o644 << 16
    return entry


def _write_text(archive: zipfile.ZipFile, name: str, text: str) -> None:
    archive.writestr(_entry(name), text.encode("utf-8"), zipfile.ZIP_DEFLATED)
