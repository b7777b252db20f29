"""A good export that the real store wrote, unpacked, so that tests can plant defects in it."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile
import yaml

from store.benchmark import SPOKEN_WORDS
from store.check import Problem, check_export
from store.export import export
from store.records import Row, new_id, question_key, row_file
from store.store import Store
from tests.people import answer, flag, rights, sound

TASK = SPOKEN_WORDS.name
ROWS = 40
AUDIO = {"sampling_rate": 16_000, "_type": "Audio"}
STRING = {"dtype": "string", "_type": "Value"}

Rows = list[dict[str, Any]]


def write_archive(folder: Path) -> Path:
    """A zip that the real export wrote: two instances of one task, large enough for every gate."""
    with Store(folder / "store") as store:
        _save_rows(store, seed=0)
        _save_rows(store, seed=1, licence="CC-BY-4.0", attribution="Ada")
        return export(store, folder / "tasks.zip")


def _save_rows(store: Store, seed: int, **stated: Any) -> None:
    """As many rows as a good instance has, about which of two wordings was said in a clip."""
    clip, samples = sound(seconds=0.2, seed=seed)
    observation = answer(clip)
    for number in range(ROWS):
        one = flag(observation, kind="speech_content")
        row_id = new_id()
        said, claimed = f"this is number {number}", f"{number} is a number"
        row = Row(
            id=row_id,
            flag_id=one.id,
            clip_id=clip.id,
            task=TASK,
            file=row_file(clip, row_id),
            instruction=f"What is said? Answer “{said}” or “{claimed}”.",
            label=said,
            start=0.0,
            stop=clip.seconds,
            question=question_key({"one": said, "other": claimed}),
            rights_by=one.contributor,
            needs_partner=SPOKEN_WORDS.needs_partner,
        )
        store.save_flag(samples, clip, observation, one, None if number else rights(clip, **stated), (row,))


def unpack(archive: Path, folder: Path) -> Export:
    """The export in a zip, unpacked."""
    zipfile.ZipFile(archive).extractall(folder)
    return Export(folder)


class Export:
    """An unpacked export, as pushed, in one instance of which a test plants a defect."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for described in folder.glob("*/*/instance.json"):
            described.write_text(described.read_text().replace('"version": ""', f'"version": "{"0f" * 20}"'))
        self.page = folder / TASK / "README.md"
        (self.instance,) = folder.glob(f"{TASK}/{TASK}_*CC0")
        self.described = self.instance / "instance.json"
        self.data_set = folder / "datasets" / self.instance.name
        self.card = self.data_set / "README.md"
        (self.parquet,) = self.data_set.glob("data/test-*.parquet")

    def problems(self) -> list[Problem]:
        return list(check_export(self.folder))

    def rules(self) -> list[str]:
        return [problem.rule for problem in self.problems()]

    def describe(self, **values: Any) -> None:
        """Change values of instance.json; `...` takes the key out."""
        stated = json.loads(self.described.read_text()) | values
        kept = {key: value for key, value in stated.items() if value is not ...}
        self.described.write_text(json.dumps(kept, indent=2))

    def replace(self, file: Path, old: str, new: str) -> None:
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    def rows(self) -> Rows:
        rows: Rows = pq.read_table(self.parquet).to_pylist()
        return rows

    def write_rows(self, rows: Rows) -> None:
        """Write other rows with the same columns, and their number into the card."""
        schema = pq.read_schema(self.parquet)
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), self.parquet)
        self.card.write_text(
            re.sub(r"num_examples: \d+", f"num_examples: {len(rows)}", self.card.read_text())
        )

    def write_columns(self, columns: dict[str, pa.Array], features: dict[str, Any] | None) -> None:
        """Write other columns and, where given, their features into the parquet and the card."""
        table = pa.table(columns)
        if features is not None:
            metadata = {"huggingface": json.dumps({"info": {"features": features}})}
            table = table.replace_schema_metadata(metadata)
            self.write_card_features(
                [
                    {
                        "name": name,
                        "dtype": feature.get("dtype")
                        or {"audio": {"sampling_rate": feature["sampling_rate"]}},
                    }
                    for name, feature in features.items()
                ]
            )
        pq.write_table(table, self.parquet)

    def write_card_features(self, features: list[dict[str, Any]] | None) -> None:
        _, front, body = self.card.read_text().split("---\n", 2)
        stated = yaml.safe_load(front)
        stated["dataset_info"]["features"] = features
        self.card.write_text(f"---\n{yaml.safe_dump(stated)}---\n{body}")

    def columns(self) -> dict[str, pa.Array]:
        table = pq.read_table(self.parquet)
        return {name: table.column(name).combine_chunks() for name in table.column_names}

    def change_columns(self, **changed: tuple[str, Any, Callable[[pa.Array], pa.Array]] | None) -> None:
        """Give columns another name, feature and content, or, by None, take them out."""
        columns: dict[str, pa.Array] = {}
        features: dict[str, Any] = {}
        for name, values in self.columns().items():
            change = changed.get(name, (name, AUDIO if name == "audio" else STRING, lambda same: same))
            if change is not None:
                new_name, features[change[0]], content = change
                columns[new_name] = content(values)
        self.write_columns(columns, features)

    def add_column(self, name: str, like: str, feature: dict[str, Any]) -> None:
        columns = self.columns()
        features = {column: AUDIO if column == "audio" else STRING for column in columns}
        self.write_columns({**columns, name: columns[like]}, {**features, name: feature})


def clip(seconds: float, rate: int = 16_000, channels: int = 1, kind: str = "FLAC") -> dict[str, Any]:
    """What lies in an audio column: silence."""
    file = io.BytesIO()
    soundfile.write(file, np.zeros((round(seconds * rate), channels), np.int16), rate, "PCM_16", format=kind)
    return {"bytes": file.getvalue(), "path": "silence"}
