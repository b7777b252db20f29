"""What leaves the house: a folder that Dynamic-SUPERB takes and `datasets` loads, nothing private in it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from annotators.flags.flagging import save_flag
from store.__main__ import main
from store.benchmark import TASKS
from store.errors import StoreError
from store.export import export
from store.records import Flag, Row
from store.rows import RowFilter
from store.store import Store
from tests.people import ANSWER_OF_KINDS, FLAGS, answer, flag, rights, sound

CONTRIBUTOR = "PRIVATE-CONTRIBUTOR"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as opened:
        yield opened


def fill(store: Store, clips: int = 2, **stated: Any) -> list[tuple[Flag, tuple[Row, ...]]]:
    """Flag every kind on each of some clips under one licence."""
    saved = []
    for number in range(clips):
        clip, samples = sound(seconds=1.5, seed=number + len(stated) * 100)
        observation = answer(clip, text=ANSWER_OF_KINDS)
        for kind, values in FLAGS:
            one = flag(observation, kind=kind, note=f"PRIVATE-NOTE {kind}", **values)
            rights_once = rights(clip, **stated) if kind == "object_existence" else None
            saved.append((one, save_flag(store, clip, samples, observation, one, rights_once).rows))
    return saved


def load(folder: Path, cache: Path) -> Any:
    """The test split of an exported data set, through the real `datasets`, audio not decoded.

    Its own decoder, torchcodec, needs FFmpeg's libraries, which not every machine has.
    """
    import datasets

    (parquet,) = folder.glob("data/*.parquet")
    alone = datasets.Features.from_arrow_schema(pq.read_schema(parquet))  # without the card
    loaded = datasets.load_dataset(str(folder), split="test", cache_dir=str(cache))
    assert alone == loaded.features
    assert loaded.features["audio"] == datasets.Audio(sampling_rate=16_000)
    return loaded.cast_column("audio", datasets.Audio(sampling_rate=16_000, decode=False))


def test_every_kind_goes_from_flag_to_a_loaded_data_set(store: Store, tmp_path: Path) -> None:
    saved = fill(store)
    archive = export(store, tmp_path / "out" / "tasks.zip")
    folder = tmp_path / "unpacked"
    zipfile.ZipFile(archive).extractall(folder)

    rows = {row.file: row for _, kept in saved for row in kept}
    seen: dict[str, dict[str, Any]] = {}
    for data_set in sorted((folder / "datasets").iterdir()):
        task = data_set.name.split("_", 1)[0]
        for line in load(data_set, tmp_path / "cache"):
            assert rows[line["file"]].task == task
            assert set(line) == {"audio", "file", "instruction", "label"}
            seen[line["file"]] = line

    assert set(seen) == set(rows)
    for file, line in seen.items():
        row = rows[file]
        assert (line["instruction"], line["label"]) == (row.instruction, row.label)
        if TASKS[row.task].options:
            assert line["label"] in line["instruction"]
        heard, rate = soundfile.read(io.BytesIO(line["audio"]["bytes"]), dtype="float32")
        assert (rate, heard.ndim) == (16_000, 1)
        np.testing.assert_allclose(heard, store.row_audio(row.id)[1], atol=2**-24)


def test_the_folder_is_laid_out_and_described_as_dynamic_superb_asks(store: Store, tmp_path: Path) -> None:
    fill(store)
    with zipfile.ZipFile(export(store, tmp_path / "tasks.zip")) as archive:
        names = set(archive.namelist())
        for task in TASKS.values():
            page = archive.read(f"{task.name}/README.md").decode()
            for section in (
                f"# {task.title}",
                "## Task Objective",
                "## Datasets",
                "### Licences and attribution",
                "## Instructions and labels",
                "## Evaluation metric",
                "## Performance and difficulty",
                "## References",
                "random",
                "Draft",
            ):
                assert section in page
            instance = f"{task.name}_Earwitness-FlaggedCC0"
            described = json.loads(archive.read(f"{task.name}/{instance}/instance.json"))
            assert described == {
                "name": instance,
                "description": task.description,
                "keywords": list(task.keywords),
                "metrics": list(task.metrics),
                "path": f"DynamicSuperb/{instance}",
                "version": "",
            }
            assert "license: cc0-1.0" in archive.read(f"datasets/{instance}/README.md").decode()
            assert f"datasets/{instance}/data/test-00000-of-00001.parquet" in names
        assert len(names) == 4 * len(TASKS)


def test_nothing_private_is_in_any_byte_of_an_export(store: Store, tmp_path: Path) -> None:
    saved = fill(store, licence="CC-BY-4.0", attribution="Public Name")
    fill(store)
    archive = export(store, tmp_path / "tasks.zip")
    private = {"PRIVATE"} | {one.id for one, _ in saved} | {one.observation_id for one, _ in saved}
    public = set()
    for view in store.rows(limit=1000):
        private |= {view.clip.id, view.clip.name, view.flag.id, view.flag.contributor}
        public.add(view.clip.public_id)

    with zipfile.ZipFile(archive) as opened:
        everything = b"".join(opened.read(name) for name in opened.namelist())
        for name in opened.namelist():
            if name.endswith(".parquet"):
                table = pq.read_table(io.BytesIO(opened.read(name)))
                everything += repr(table.drop_columns("audio").to_pylist()).encode()
    everything += archive.read_bytes()

    assert [text for text in private if text.encode() in everything] == []
    assert all(text.encode() in everything for text in public)
    assert b"Public Name" in everything


def test_each_instance_is_under_one_licence_and_credit_travels(store: Store, tmp_path: Path) -> None:
    fill(store, clips=1)
    fill(store, clips=1, licence="CC-BY-4.0", attribution="Ada | Lovelace")
    fill(store, clips=1, licence="third-party", owner="third-party", attribution="Archive, CC BY 3.0")
    with zipfile.ZipFile(export(store, tmp_path / "tasks.zip")) as archive:
        cards = {
            name.split("/")[1]: archive.read(name).decode()
            for name in archive.namelist()
            if name.startswith("datasets/SoundExistence") and name.endswith("README.md")
        }
        page = archive.read("SoundExistenceVerification/README.md").decode()
    names = {f"SoundExistenceVerification_Earwitness-Flagged{kind}" for kind in ("CC0", "CCBY", "ThirdParty")}
    assert set(cards) == names
    credits = {"CC0": "license: cc0-1.0", "CCBY": "license: cc-by-4.0", "ThirdParty": "license: other"}
    for kind, licence in credits.items():
        assert licence in cards[f"SoundExistenceVerification_Earwitness-Flagged{kind}"]
    assert "Ada \\| Lovelace" in page
    assert "Ada \\| Lovelace" in cards["SoundExistenceVerification_Earwitness-FlaggedCCBY"]
    assert "Archive, CC BY 3.0" not in cards["SoundExistenceVerification_Earwitness-FlaggedCCBY"]
    assert "Archive, CC BY 3.0" in page


def test_only_the_chosen_rows_are_exported(store: Store, tmp_path: Path) -> None:
    saved = fill(store)
    chosen = saved[0][1][0]
    with zipfile.ZipFile(export(store, tmp_path / "one.zip", RowFilter(ids=(chosen.id,)))) as archive:
        (parquet,) = (name for name in archive.namelist() if name.endswith(".parquet"))
        table = pq.read_table(io.BytesIO(archive.read(parquet)))
    assert table.column("file").to_pylist() == [chosen.file]


def test_the_same_rows_give_the_same_bytes(store: Store, tmp_path: Path) -> None:
    fill(store)
    first = export(store, tmp_path / "first.zip").read_bytes()
    assert export(store, tmp_path / "second.zip").read_bytes() == first


def test_nothing_to_export_is_said_and_leaves_no_file(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nothing to export"):
        export(store, tmp_path / "out" / "tasks.zip")
    assert not (tmp_path / "out").exists()


def test_damaged_audio_stops_the_export_and_leaves_no_file(store: Store, tmp_path: Path) -> None:
    fill(store, clips=1)
    (flac,) = store.audio_folder.glob("??/??/*.flac")
    flac.write_bytes(b"no audio")
    with pytest.raises(StoreError, match="cannot be decoded"):
        export(store, tmp_path / "out" / "tasks.zip")
    assert list((tmp_path / "out").iterdir()) == []


def test_the_command_line_counts_verifies_and_exports(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(store, clips=1)
    store.close()
    folder = ["--store", str(store.folder)]

    assert main([*folder, "counts"]) == 0
    counted = capsys.readouterr().out.split()
    assert dict(zip(counted[1::2], counted[::2], strict=True)) == {
        "clips": "1",
        "observations": "1",
        "flags": "15",
        "rows": "17",
        "votes": "0",
        "contributors": "1",
    }

    assert main([*folder, "verify"]) == 0
    assert "whole" in capsys.readouterr().out

    assert main([*folder, "export", str(tmp_path / "x.zip"), "--task", "SpokenWordsChoice"]) == 0
    names = zipfile.ZipFile(tmp_path / "x.zip").namelist()
    assert {name.split("/")[-2] for name in names if name.endswith("instance.json")} == {
        "SpokenWordsChoice_Earwitness-FlaggedCC0"
    }

    assert main([*folder, "export", str(tmp_path / "y.zip"), "--model", "no such model"]) == 2
    assert "nothing to export" in capsys.readouterr().err

    next(store.audio_folder.glob("??/??/*.flac")).unlink()
    assert main([*folder, "verify"]) == 1
    assert "is missing" in capsys.readouterr().out
