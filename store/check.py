"""Checking an export before it is handed in: Dynamic-SUPERB's published checks, and its statistics.

An export is a folder or a zip as `store.export` writes it. What its pages have to say is in
`store.check_rules`, what rows have to be in `store.check_rows`; here the files are found and read.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO, TextIO, cast

import pyarrow as pa
import pyarrow.parquet as pq

from store.check_rows import InstanceStatistics, RowCheck
from store.check_rules import (
    Card,
    Problem,
    card_column_problems,
    column_problems,
    description_problems,
    feature_kind,
    is_audio,
    metrics_of,
    name_problems,
    page_problems,
    read_card,
)
from store.errors import StoreError
from store.instances import LEAST_ROWS

DATA_SETS = "datasets"  # the folder of an export that holds the data of all instances
LABELS_SHOWN = 10  # most frequent labels that a report counts

# Of a parquet file, which is never in memory whole; but a page, at worst a row group, is the least to read.
ROWS_AT_ONCE = 16
READ_AT_ONCE = 1 << 20  # bytes of each column

_DAMAGE = (  # what reading a file that is not whole, or not what its name says, may raise
    OSError,
    EOFError,
    UnicodeDecodeError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
    pa.ArrowException,
)
_MISSING = {  # files that every task and instance has, and what to write there
    "instance.json missing": "describe the instance in it",
    "README missing": "describe the task in it, with all sections that reviewers ask for",
    "card missing": "write the data set's card, with its licence and features",
}


def check_export(path: Path) -> Iterator[Problem]:
    """Each thing that is wrong with the export in this folder or zip; nothing when all is well.

    Raises StoreError, when the first is asked for, if there is no such folder or zip or it holds no export.
    """
    for found in _examined(path):
        yield from found.problems


def instance_statistics(path: Path) -> Iterator[InstanceStatistics]:
    """The statistics of every instance whose data can be read; raises StoreError as `check_export` does."""
    for found in _examined(path):
        if found.statistics is not None:
            yield found.statistics


def report(path: Path, out: TextIO) -> bool:
    """Write statistics and problems to `out`, in sentences, and say whether every rule holds.

    Raises StoreError as `check_export` does.
    """
    problems: list[Problem] = []
    for found in _examined(path):
        problems += found.problems
        if found.statistics is not None:
            out.writelines(f"{line}\n" for line in _statistics_lines(found.statistics))
    broken = [problem for problem in problems if problem.is_rule]
    remarks = [problem for problem in problems if not problem.is_rule]
    for head, group in (("Rules that do not hold:", broken), ("Remarks, which fail nothing:", remarks)):
        if group:
            out.write(f"\n{head}\n")
            out.writelines(f"  {one.where}: {one.sentence}\n" for one in group)
    out.write(f"\n{f'To be mended: {len(broken)}.' if broken else 'Every rule holds.'}\n")
    return not broken


def _statistics_lines(statistics: InstanceStatistics) -> Iterator[str]:
    yield (
        f"{statistics.name}: {statistics.rows} of at least {LEAST_ROWS} rows, "
        f"{statistics.instructions} of at least {statistics.least_instructions} distinct instructions."
    )
    for audio in statistics.audio:
        yield (
            f"  {audio.column}: {audio.clips} clips, {audio.minutes:.2f} minutes; mean {audio.mean:.2f} s, "
            f"variance {audio.variance:.2f} s², "
            f"longest {audio.longest:.2f} s, shortest {audio.shortest:.2f} s."
        )
    for column, numbers in statistics.labels.items():
        shown = [f"“{label}” {number}" for label, number in list(numbers.items())[:LABELS_SHOWN]]
        if len(numbers) > LABELS_SHOWN:
            shown.append(f"and {len(numbers) - LABELS_SHOWN} other labels")
        yield f"  {column}: {', '.join(shown)}."


@dataclass
class _Found:
    """What came out of a part of an export."""

    problems: list[Problem] = field(default_factory=list)
    statistics: InstanceStatistics | None = None
    licences: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()


def _examined(path: Path) -> Iterator[_Found]:
    """The instances of an export one after the other, each task's page after them."""
    with _opened(path) as export:
        tasks = _tasks(export.names)
        if not tasks:
            raise StoreError(
                f"Nothing in {path} looks like an export, it has neither <Task>/<Instance>/instance.json nor "
                f"{DATA_SETS}/<Instance>: give the zip that an export wrote, or the folder unpacked from it."
            )
        for task in sorted(tasks):
            instances = []
            for name in sorted(tasks[task]):
                instances.append(_examine_instance(export, task, name))
                yield instances[-1]
            yield _examine_page(export, task, instances)


def _tasks(names: Iterable[str]) -> dict[str, set[str]]:
    """The instances of each task: the folders in the task's folder, and data sets that have none there."""
    paths = [name.split("/") for name in names]
    data_sets = {parts[1] for parts in paths if parts[0] == DATA_SETS and len(parts) > 2}
    tasks: dict[str, set[str]] = defaultdict(set)
    for parts in paths:
        if parts[0] != DATA_SETS and len(parts) == 3:
            task, name, file = parts
            if file == "instance.json" or name in data_sets or name.startswith(f"{task}_"):
                tasks[task].add(name)
    for name in data_sets - {name for placed in tasks.values() for name in placed}:
        tasks[name.split("_", 1)[0]].add(name)
    return tasks


def _examine_instance(export: _Export, task: str, name: str) -> _Found:
    """Everything about one instance: its name, instance.json, card and data."""
    where, data_set = f"{task}/{name}", f"{DATA_SETS}/{name}"
    found = _Found(list(name_problems(where, task, name)))
    described = _text(export, f"{where}/instance.json", "instance.json missing", found)
    if described is not None:
        found.problems += description_problems(f"{where}/instance.json", described, name)
        found.metrics = metrics_of(described)
    if f"{where}/README.md" in export.names:
        sentence = f"A task has one README.md, in {task}: move what this one says there, then delete it."
        found.problems.append(Problem(f"{where}/README.md", "README in instance folder", sentence))
    if not any(file.startswith(f"{data_set}/") for file in export.names):
        sentence = "The instance has no data set: put its card and its parquet there."
        found.problems.append(Problem(data_set, "data set missing", sentence))
        return found
    card = Card()
    if (text := _text(export, f"{data_set}/README.md", "card missing", found)) is not None:
        card, wrong = read_card(f"{data_set}/README.md", text)
        found.problems += wrong
    found.licences = card.licences
    found.statistics = _examine_data(export, name, card, found)
    return found


def _examine_page(export: _Export, task: str, instances: Sequence[_Found]) -> _Found:
    """The README.md of a task whose instances were examined."""
    found = _Found()
    where = f"{task}/README.md"
    if (text := _text(export, where, "README missing", found)) is not None:
        licences = dict.fromkeys(licence for one in instances for licence in one.licences)
        accuracy = any(not one.metrics or "accuracy" in one.metrics for one in instances)
        found.problems += page_problems(where, text, tuple(licences), accuracy)
    return found


def _text(export: _Export, name: str, missing: str, found: _Found) -> str | None:
    """A text file of the export; None when it cannot be had, which is then one of the problems found."""
    if name not in export.names:
        found.problems.append(Problem(name, missing, f"This file is missing: {_MISSING[missing]}."))
        return None
    try:
        with export.open(name) as file:
            return file.read().decode("utf-8")
    except _DAMAGE as error:
        found.problems.append(_damaged(name, error))
        return None


def _examine_data(export: _Export, name: str, card: Card, found: _Found) -> InstanceStatistics | None:
    """The splits, columns and rows of an instance's data set; what is wrong is added to `found`."""
    folder = f"{DATA_SETS}/{name}"
    splits: dict[str, list[str]] = defaultdict(list)
    for file in export.names:
        if file.startswith(f"{folder}/") and file.endswith(".parquet"):
            splits[re.split("[-.]", PurePosixPath(file).name, maxsplit=1)[0]].append(file)
    found.problems += _split_problems(folder, list(splits), card)
    if not splits:
        return None
    split = "test" if "test" in splits else min(splits)
    rows: RowCheck | None = None
    kinds: dict[str, str] = {}
    for file in splits[split]:
        try:
            with export.seekable(file) as opened:
                parquet = pq.ParquetFile(opened, pre_buffer=False, buffer_size=READ_AT_ONCE)
                schema = parquet.schema_arrow
                if rows is None:
                    kinds = _kinds(schema, card)
                    rows = RowCheck(kinds, found.metrics)
                    found.problems += column_problems(file, kinds)
                    if card.features is not None:
                        found.problems += card_column_problems(file, card.features, _kinds_in_parquet(schema))
                elif kinds != _kinds(schema, card):
                    sentence = "Its columns are not those of the other parquet files: write them all alike."
                    found.problems.append(Problem(file, "columns differ", sentence))
                    continue
                for batch in parquet.iter_batches(ROWS_AT_ONCE, columns=rows.columns):
                    for row in batch.to_pylist():
                        rows.add(file, row)
        except _DAMAGE as error:
            found.problems.append(_damaged(file, error))
    if rows is None:
        return None
    found.problems += rows.problems(folder)
    statistics = rows.statistics(name)
    stated = card.splits.get(split)
    if stated not in (None, statistics.rows):
        sentence = f"The card says {stated} rows, but there are {statistics.rows}: write the card again."
        found.problems.append(Problem(f"{folder}/README.md", "card rows", sentence))
    return statistics


def _split_problems(folder: str, splits: Sequence[str], card: Card) -> Iterator[Problem]:
    if not splits:
        sentence = "There is no parquet file, so no split: add the rows as data/test-00000-of-00001.parquet."
        yield Problem(folder, "no split", sentence)
    elif len(splits) > 1:
        sentence = f"There are {len(splits)} splits ({', '.join(sorted(splits))}): keep one, called test."
        yield Problem(folder, "several splits", sentence)
    elif splits[0] != "test":
        sentence = f"The only split is called {splits[0]}: call it test, in the file's name and in the card."
        yield Problem(folder, "split not test", sentence)
    if splits and card.splits and card.splits.keys() != set(splits):
        sentence = (
            f"The card names the splits {', '.join(card.splits)}, the files {', '.join(splits)}: mend it."
        )
        yield Problem(f"{folder}/README.md", "card splits", sentence)


def _kinds(schema: pa.Schema, card: Card) -> dict[str, str]:
    """What each column is to one who loads it: by the parquet's metadata, else the card, else as stored."""
    features = _features(schema)
    kinds = {}
    for column in schema:
        stored, name = column.type, column.name
        kind = features.get(name) or (card.features or {}).get(name) or str(stored)
        fits = _holds_audio(stored) if is_audio(kind) else _holds_text(stored) or kind != "string"
        kinds[name] = kind if fits else f"{stored} (declared as {kind})"
    return kinds


def _kinds_in_parquet(schema: pa.Schema) -> dict[str, str | None]:
    """What a parquet file alone says its columns are; None: nothing that a card could contradict."""
    features = _features(schema)
    return {
        column.name: features.get(column.name) or (None if _holds_audio(column.type) else str(column.type))
        for column in schema
    }


def _features(schema: pa.Schema) -> dict[str, str]:
    """The features that `datasets` writes into a parquet file's metadata; empty when there are none."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return {str(name): feature_kind(feature) for name, feature in features.items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}


def _holds_text(stored: pa.DataType) -> bool:
    return pa.types.is_string(stored) or pa.types.is_large_string(stored)


def _holds_audio(stored: pa.DataType) -> bool:
    """Whether files can lie in a column, as bytes or as {bytes, path}."""
    if pa.types.is_struct(stored) and stored.get_field_index("bytes") >= 0:
        stored = stored.field("bytes").type
    return pa.types.is_binary(stored) or pa.types.is_large_binary(stored)


class _Export:
    """The files of an export, by their path inside it."""

    def __init__(self, names: Iterable[str], opener: Callable[[str], BinaryIO]) -> None:
        """`names` are all files with their folders; `opener` opens one of them for reading."""
        seen = [name for name in names if not re.search(r"(^|/)(\.|__MACOSX/)", name)]
        self._root = _wrapping_folder(seen)
        self._opener = opener
        self.names = {name.removeprefix(self._root): None for name in sorted(seen)}  # an ordered set

    def open(self, name: str) -> BinaryIO:
        """A file, to be read from its beginning to its end."""
        return self._opener(self._root + name)

    @contextmanager
    def seekable(self, name: str) -> Iterator[BinaryIO]:
        """A file in which one can go back cheaply; what is packed is unpacked to a temporary file first."""
        with self.open(name) as file:
            if not isinstance(file, zipfile.ZipExtFile):
                yield file
                return
            with tempfile.TemporaryFile() as copy:
                shutil.copyfileobj(file, copy)
                copy.seek(0)
                yield cast(BinaryIO, copy)


@contextmanager
def _opened(path: Path) -> Iterator[_Export]:
    """The export in a folder or zip; raises StoreError when it is neither."""
    if path.is_dir():
        files = [file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()]
        yield _Export(files, lambda name: (path / name).open("rb"))
        return
    if not path.exists():
        raise StoreError(f"There is no {path}: give the zip that an export wrote, or its unpacked folder.")
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise StoreError(f"{path} is neither a folder nor a zip: give one that an export wrote.") from error
    with archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        if any(entry.flag_bits & 1 for entry in entries):
            raise StoreError(f"{path} is locked by a password: unpack it, then check the folder.")
        yield _Export([one.filename for one in entries], lambda name: cast(BinaryIO, archive.open(name)))


def _wrapping_folder(names: Sequence[str]) -> str:
    """The one folder, with its slash, that a whole export was put into; empty when there is none."""
    tops = {name.split("/", 1)[0] for name in names}
    wrapping = f"{tops.pop()}/" if len(tops) == 1 else ""
    return wrapping if any(name.startswith(f"{wrapping}{DATA_SETS}/") for name in names) else ""


def _damaged(where: str, error: Exception) -> Problem:
    said = " ".join(str(error).split()) or type(error).__name__
    return Problem(
        where, "damaged file", f"This file cannot be read ({said}): mend it, or write the export again."
    )
