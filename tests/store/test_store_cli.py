"""Everything that a store can be asked from the command line: what it does, says, and returns."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import duckdb
import pytest

from store.__main__ import main
from store.audio import audio_path
from store.database import FILE_NAME
from store.records import RowEdit, new_id
from store.store import Store
from tests.store.contributions import clip_id, content, contribute, files_with, kept_clip, vote


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store with a sound of Anna's that Bert flagged too, and one of Bert's."""
    with Store(tmp_path / "store") as store:
        contribute(store, 1, "anna")
        contribute(store, 1, "bert", owner="third-party")
        contribute(store, 2, "bert")
    return tmp_path / "store"


def public_id(folder: Path, seed: int) -> str:
    with Store(folder) as store:
        return kept_clip(store, clip_id(seed)).public_id


def said(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_the_owner_withdraws_a_clip_for_everyone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = public_id(folder, 1)
    asked = ["--store", str(folder), "withdraw", clip, "--contributor", "anna", "--everyone"]
    assert main(asked) == 0
    assert said(capsys) == (
        f"Clip {clip} is withdrawn, which erased 1 clip, 2 observations, 2 flags, 4 rows.\n",
        "",
    )
    assert main(asked) == 0
    assert "erased no clip, observation, flag, row or vote" in said(capsys)[0]
    assert not files_with(folder, "anna-note-1")["anna-note-1"]
    assert main(["--store", str(folder), "verify"]) == 0
    assert "nothing withdrawn is kept" in said(capsys)[0]


def test_a_contributor_withdraws_what_they_gave(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = public_id(folder, 1)
    assert main(["--store", str(folder), "withdraw", clip, "--contributor", "bert"]) == 0
    assert said(capsys)[0] == (
        f"What bert gave to clip {clip} is withdrawn, which erased 1 observation, 1 flag, 2 rows.\n"
    )
    assert public_id(folder, 1) == clip


def test_a_clip_is_found_by_the_public_id_that_a_row_was_exported_under(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store(tmp_path / "other") as store:
        contribute(store, 1, "anna")
    into = tmp_path / "merged"
    assert main(["merge", str(folder), str(tmp_path / "other"), "--into", str(into)]) == 0
    larger = max(public_id(folder, 1), public_id(tmp_path / "other", 1))
    assert public_id(into, 1) < larger
    assert main(["--store", str(into), "withdraw", larger, "--contributor", "anna", "--everyone"]) == 0
    assert "erased 1 clip" in said(capsys)[0]


@pytest.mark.parametrize(
    ("clip", "who", "sentence"),
    [
        ("1", "bert", "Only who stated that this sound is their own"),
        ("unknown", "anna", "There is no clip unknown in the store"),
    ],
)
def test_a_withdrawal_that_is_refused_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str], clip: str, who: str, sentence: str
) -> None:
    named = public_id(folder, 1) if clip == "1" else clip
    assert main(["--store", str(folder), "withdraw", named, "--contributor", who, "--everyone"]) == 2
    out, err = said(capsys)
    assert out == ""
    assert err.startswith(sentence)
    assert len(err.splitlines()) == 1


def test_a_database_that_could_not_be_written_anew_is_said_until_it_can(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = public_id(folder, 1)
    in_the_way = folder / f"{FILE_NAME}.rewritten"
    in_the_way.mkdir()
    for asked in (["withdraw", clip, "--contributor", "anna", "--everyone"], ["verify"]):
        assert main(["--store", str(folder), *asked]) == 1
        assert "may still stand in unused parts" in said(capsys)[1]
    assert files_with(folder, "anna-note-1")["anna-note-1"]
    in_the_way.rmdir()
    assert main(["--store", str(folder), "verify"]) == 0
    assert said(capsys)[1] == ""
    assert not files_with(folder, "anna-note-1")["anna-note-1"]


def test_two_stores_are_merged(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Store(tmp_path / "other") as store:
        contribute(store, 3, "carl")
    asked = ["merge", str(folder), str(tmp_path / "other"), "--into", str(tmp_path / "merged")]
    assert main(asked) == 0
    assert said(capsys)[0] == (
        f"Merged {folder} and {tmp_path / 'other'} into {tmp_path / 'merged'}: "
        "3 clips, 4 observations, 4 flags, 8 rows, 3 contributors.\n"
    )
    assert main(asked) == 2
    assert "merge into a new folder" in said(capsys)[1]


def test_a_store_is_backed_up_and_restored(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy, again = tmp_path / "copy", tmp_path / "again"
    assert main(["--store", str(folder), "backup", str(copy)]) == 0
    assert said(capsys)[0] == f"Backed up {folder} to {copy}.\n"
    assert main(["--store", str(again), "restore", str(copy)]) == 0
    assert said(capsys)[0] == f"Restored {copy} to {again}.\n"
    assert content(again) == content(folder)
    assert main(["--store", str(again), "restore", str(copy)]) == 2
    assert "There is a store in" in said(capsys)[1]


def test_an_export_is_written_by_state_and_checked(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store(folder) as store:
        row = store.rows()[0].row
        store.save_edit(RowEdit(new_id(), row.id, row.instruction, row.label, "anna", retired=True))
    out = tmp_path / "rows.zip"
    export = ["--store", str(folder), "export", str(out)]
    assert main([*export, "--state", "unpaired"]) == 0
    assert said(capsys)[0] == f"Exported 5 rows to {out}.\n"
    assert main([*export, "--state", "taken_out"]) == 0
    assert said(capsys)[0] == f"Exported 1 row to {out}.\n"
    assert main([*export, "--state", "paired"]) == 2
    assert "nothing to export" in said(capsys)[1]

    assert main(["check", str(out)]) == 1  # one row alone is no instance
    assert "To be mended" in said(capsys)[0]
    assert main(["check", str(tmp_path / "nothing.zip")]) == 2
    assert len(said(capsys)[1].splitlines()) == 1


def test_verify_returns_1_and_names_what_is_wrong(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    audio_path(folder / "audio", clip_id(2)).unlink()
    with duckdb.connect(str(folder / FILE_NAME)) as connection:
        connection.execute("DELETE FROM rights WHERE contributor = 'anna'")
    assert main(["--store", str(folder), "verify"]) == 1
    out = said(capsys)[0]
    assert "is missing" in out
    assert out.count("stated no rights") == 2


def test_votes_are_printed_as_a_table_without_names(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Store(folder) as store:
        one = vote(store, 1, "anna", "left")
        vote(store, 3, "carl", "neither", blind=False)
        clip = kept_clip(store, clip_id(1)).public_id
    assert main(["--store", str(folder), "votes"]) == 0
    out = said(capsys)[0]
    first, second = csv.DictReader(io.StringIO(out))
    assert (first["vote"], first["choice"], first["blind"], first["clip"]) == (one.id, "left", "True", clip)
    assert (first["left_lora_scaling"], first["right_lora_scaling"]) == ("4.0", "2.0")
    assert (first["left_text"], first["right_text"]) == ("anna-left-1", "anna-right-1")
    assert (second["choice"], second["blind"], second["left_model"]) == ("neither", "False", "mini-salmonn")
    assert "anna-credit-1" not in out
    assert "anna-name-1" not in out
    assert clip_id(1) not in out


@pytest.mark.parametrize(
    "command", [["counts"], ["verify"], ["votes"], ["export", "x.zip"], ["backup", "copy"]]
)
def test_where_there_is_no_store_none_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    assert main(["--store", str(tmp_path / "nowhere"), *command]) == 2
    assert said(capsys)[1].startswith(f"There is no store in {tmp_path / 'nowhere'}")
    assert list(tmp_path.iterdir()) == []


def test_every_command_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    out = said(capsys)[0]
    commands = (
        *("counts", "verify", "export", "votes", "check"),
        *("withdraw", "merge", "backup", "restore"),
    )
    assert all(f"\n    {command} " in out for command in commands)
    with pytest.raises(SystemExit) as refused:
        main([])
    assert refused.value.code == 2
