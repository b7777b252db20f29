"""The tables for those who study flags: everything that may be told, nothing private, audio that is heard."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from annotators.flags.flagging import save_flag
from store.errors import StoreError
from store.export_table import COLUMNS, export_json_lines, export_parquet
from store.rows import RowFilter
from store.store import Store
from tests.people import answer, flag, rights, sound


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as opened:
        for seed in range(2):
            clip, samples = sound(seconds=1.5, seed=seed)
            observation = answer(clip)
            stated = rights(clip, licence="CC-BY-4.0", attribution="Zoë Müller")
            save_flag(opened, clip, samples, observation, flag(observation), stated)
        yield opened


def test_json_lines_name_the_audio_that_lies_beside_them(store: Store, tmp_path: Path) -> None:
    taken = export_json_lines(store, tmp_path / "rows.zip")
    assert b"PRIVATE" not in taken.read_bytes()
    with zipfile.ZipFile(taken) as archive:
        rows = [json.loads(line) for line in archive.read("rows.jsonl").splitlines()]
        assert len(rows) == 4
        for row in rows:
            assert row.keys() == COLUMNS.keys()
            heard = soundfile.info(io.BytesIO(archive.read(f"audio/{row['file']}")))
            assert (heard.samplerate, heard.channels, heard.duration) == (16_000, 1, 1.5)
            assert row["answer"][row["flagged_from"] : row["flagged_to"]] == row["flagged_words"]
            assert (row["attribution"], row["model"]) == ("Zoë Müller", "mini-salmonn")
            assert json.loads(row["settings"])["lora_scaling"] == 4.0
        text = archive.read("rows.jsonl").decode()
    assert "PRIVATE" not in text
    for view in store.rows():
        assert view.clip.id not in text


def test_parquet_is_loaded_by_datasets(store: Store, tmp_path: Path) -> None:
    import datasets

    taken = export_parquet(store, tmp_path / "rows.parquet", RowFilter(text="a passing car"))
    rows = datasets.load_dataset(
        "parquet", data_files=str(taken), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert rows.features["audio"] == datasets.Audio(sampling_rate=16_000)
    assert set(rows.column_names) == {"audio", *COLUMNS}
    assert len(rows) == 4
    first = rows.cast_column("audio", datasets.Audio(decode=False))[0]
    assert soundfile.info(io.BytesIO(first["audio"]["bytes"])).duration == 1.5


@pytest.mark.parametrize("write", [export_json_lines, export_parquet])
def test_nothing_chosen_is_said_and_leaves_no_file(store: Store, tmp_path: Path, write: object) -> None:
    with pytest.raises(StoreError, match="No row fits"):
        write(store, tmp_path / "out" / "file", RowFilter(text="not there"))  # type: ignore[operator]
    assert not (tmp_path / "out").exists()
