"""What is withdrawn leaves the files, whatever happens to the machine on the way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from store.audio import audio_path
from store.database import FILE_NAME, REWRITE_DUE
from store.errors import StoreError
from store.store import Store
from store.verify import verify
from tests.store.contributions import (
    clip_id,
    contribute,
    edit,
    files_with,
    take_back,
)

ROOT = Path(__file__).parents[2]


PRIVATE = ("anna-note-1", "anna-answer-1", "anna-name-1.wav", "anna-credit-1", "bert-note-1", "carl-reason")


@pytest.mark.parametrize("reopened", [False, True], ids=["from the log", "from the file"])
def test_no_file_holds_what_was_withdrawn(tmp_path: Path, reopened: bool) -> None:
    store = Store(tmp_path)
    edit(store, contribute(store, 1, "anna"), "carl")
    contribute(store, 1, "bert")
    contribute(store, 2, "anna")
    if reopened:
        store.close()
        store = Store(tmp_path)
    assert all(files_with(tmp_path, *PRIVATE).values())

    take_back(store, 1, "anna", "clip")
    store.close()

    assert files_with(tmp_path, *PRIVATE) == {text: set() for text in PRIVATE}
    assert files_with(tmp_path, "anna-note-2", clip_id(1)) == {
        "anna-note-2": {FILE_NAME},
        clip_id(1): {FILE_NAME},  # in the withdrawal
    }
    assert {path.name for path in tmp_path.iterdir()} == {FILE_NAME, "audio"}
    with Store(tmp_path) as again:
        assert again.counts()["flags"] == 1
        assert list(verify(again)) == []


def test_no_file_holds_what_a_contributor_took_back(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        contribute(store, 1, "anna")
        contribute(store, 1, "bert")
    with Store(tmp_path) as store:
        take_back(store, 1, "anna", "contribution")
    gone = files_with(tmp_path, "anna-note-1", "anna-answer-1", "anna-name-1", "anna-credit-1")
    assert not any(gone.values())
    assert all(files_with(tmp_path, "bert-note-1", "bert-answer-1", "bert-credit-1").values())


WITHDRAW_AND_DIE = """
import os, sys
from store.store import Store
from tests.store.contributions import contribute, take_back

store = Store(sys.argv[1])
contribute(store, 1, "anna")
contribute(store, 2, "anna")
take_back(store, 1, "anna", "clip")
os._exit(0)
"""


def test_a_crash_after_a_withdrawal_loses_neither_it_nor_the_rest(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", WITHDRAW_AND_DIE, str(tmp_path)], cwd=ROOT, check=True)
    assert files_with(tmp_path, "anna-note-1")["anna-note-1"]
    sound_left = audio_path(tmp_path / "audio", clip_id(1))  # as if it had died before deleting it
    sound_left.write_bytes(audio_path(tmp_path / "audio", clip_id(2)).read_bytes())

    with Store(tmp_path) as store:
        assert not sound_left.exists()
        assert not files_with(tmp_path, "anna-note-1")["anna-note-1"]
        assert store.counts()["flags"] == 1
        with pytest.raises(StoreError, match="withdrawn"):
            contribute(store, 1, "bert")
        assert list(verify(store)) == []


def test_a_crash_while_the_database_is_written_anew_leaves_the_old_one(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", WITHDRAW_AND_DIE, str(tmp_path)], cwd=ROOT, check=True)
    for left in (f"{FILE_NAME}.rewritten", f"{FILE_NAME}.rewritten.wal"):
        (tmp_path / left).write_bytes(b"half a file")
    with Store(tmp_path) as store:
        assert not (tmp_path / REWRITE_DUE).exists()
        assert not files_with(tmp_path, "anna-note-1")["anna-note-1"]
        assert store.counts()["flags"] == 1
    assert {path.name for path in tmp_path.iterdir()} == {FILE_NAME, "audio"}


WITHDRAW_ON_A_FULL_DISK = """
import resource, signal, sys
from store.store import Store
from tests.store.contributions import contribute, take_back

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with Store(sys.argv[1]) as store:
    contribute(store, 1, "anna")
    contribute(store, 2, "anna")
store = Store(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
take_back(store, 1, "anna", "clip")
store.close()
again = Store(sys.argv[1], create=False)
print(again.counts()["flags"])
again.close()
"""


def test_on_a_full_disk_the_withdrawal_holds_and_the_file_is_written_anew_later(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHDRAW_ON_A_FULL_DISK, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("1\n", "")
    assert (tmp_path / REWRITE_DUE).exists()
    assert files_with(tmp_path, "anna-note-1")["anna-note-1"] == {FILE_NAME}
    with Store(tmp_path) as store:
        assert store.counts()["flags"] == 1
        assert list(verify(store)) == []
    assert {path.name for path in tmp_path.iterdir()} == {FILE_NAME, "audio"}
    assert not files_with(tmp_path, "anna-note-1")["anna-note-1"]


def test_who_reads_during_a_withdrawal_reads_on(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        for seed in range(3):
            contribute(store, seed, "anna")
        reading = store.rows_by_clip()
        seen = [next(reading).row.clip_id]
        take_back(store, 1, "anna", "clip")
        seen += [view.row.clip_id for view in reading]
        assert len(seen) == 6
        assert store.count_rows() == 4
    assert not files_with(tmp_path, "anna-note-1")["anna-note-1"]


def test_a_sound_that_cannot_be_deleted_is_said_and_deleted_later(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        contribute(store, 1, "anna")
        path = audio_path(store.audio_folder, clip_id(1))
        path.rename(path.with_suffix(".kept"))
        path.mkdir()  # which cannot be deleted like a file
        with pytest.raises(StoreError, match="was withdrawn, but the file with the sound"):
            take_back(store, 1, "anna", "clip")
        assert store.counts()["clips"] == 0
    path.rmdir()
    path.with_suffix(".kept").rename(path)
    Store(tmp_path).close()
    assert not path.exists()
