"""A backup is made while the store is used, is whole or not there, and gives the store back word for word."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from store.audio import audio_path
from store.backup import backup, restore
from store.database import FILE_NAME
from store.errors import StoreError
from store.records import Clip, Withdrawal, new_id
from store.store import Store
from store.verify import verify
from tests.store.savers import PEOPLE, Confirmed, save_short, start_dying_in_a_backup

ROOT = Path(__file__).parents[2]
FIXTURES = Path(__file__).parents[1] / "fixtures" / "store"

PRIVATE_NAME = b"PRIVATE-NAME"  # in the name of the file that a person gave

HOLD = """
import sys
from store.store import Store
store = Store(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
store.close()
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as opened:
        yield opened


def test_a_backup_made_while_eight_people_save_is_whole_and_of_one_moment(
    store: Store, tmp_path: Path
) -> None:
    earlier = [save_short(store, seed) for seed in range(5)]
    saved: list[list[Confirmed]] = [[] for _ in range(PEOPLE)]
    enough = threading.Event()

    def save(person: int) -> None:
        while not enough.is_set():
            seed = 1000 * person + 100 + len(saved[person])
            saved[person].append(save_short(store, seed, f"person {person}"))

    threads = [threading.Thread(target=save, args=(person,)) for person in range(PEOPLE)]
    for thread in threads:
        thread.start()
    backups = [backup(store, tmp_path / f"backup {number}") for number in range(3)]
    enough.set()
    for thread in threads:
        thread.join()

    assert list(verify(store)) == []
    numbers = []
    for folder in backups:
        with Store(folder, create=False) as copy:
            assert list(verify(copy)) == []
            assert all(copy.flag(one.flag["id"]) is not None for one in earlier)
            for own in saved:  # each saved one after the other: of what came later nothing is there
                kept = [copy.flag(one.flag["id"]) is not None for one in own]
                assert kept == sorted(kept, reverse=True)
            numbers.append(copy.counts()["flags"])
    assert 5 <= numbers[0] <= numbers[1] <= numbers[2] <= store.counts()["flags"]
    assert store.counts()["flags"] == 5 + sum(map(len, saved))


@pytest.mark.parametrize(
    "name", ["it's a backup", 'a "quoted"; name', "резервная копия 🎧", "50 % #1", "below/it"]
)
def test_a_restored_store_holds_every_line_and_every_sample(store: Store, tmp_path: Path, name: str) -> None:
    for seed in range(3):
        save_short(store, seed, f"person {seed}")
    kept = lines(store)

    assert backup(store, tmp_path / name) == tmp_path / name
    before = contents(tmp_path / name)
    assert restore(tmp_path / name, tmp_path / f"{name} restored") == tmp_path / f"{name} restored"

    assert contents(tmp_path / name) == before
    with Store(tmp_path / f"{name} restored", create=False) as again:
        assert lines(again) == kept
        for clip in clips(store):
            np.testing.assert_array_equal(again.clip_samples(clip), store.clip_samples(clip))
        save_short(again, seed=99)
        assert list(verify(again)) == []
        assert again.counts()["flags"] == 4


def test_a_backup_of_an_empty_store_gives_an_empty_store(store: Store, tmp_path: Path) -> None:
    restore(backup(store, tmp_path / "backup"), tmp_path / "restored")
    with Store(tmp_path / "restored", create=False) as again:
        assert set(again.counts().values()) == {0}


def test_an_empty_folder_is_restored_into(store: Store, tmp_path: Path) -> None:
    save_short(store, seed=0)
    (tmp_path / "restored").mkdir()
    restore(backup(store, tmp_path / "backup"), tmp_path / "restored")
    with Store(tmp_path / "restored", create=False) as again:
        assert again.counts()["flags"] == 1


def test_a_second_backup_under_the_same_name_is_refused_and_the_first_stays(
    store: Store, tmp_path: Path
) -> None:
    save_short(store, seed=0)
    folder = backup(store, tmp_path / "backup")
    before = contents(folder)
    save_short(store, seed=1)
    with pytest.raises(StoreError, match=r"something at .*backup already: back up into a new folder\.$"):
        backup(store, folder)
    assert contents(folder) == before
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="something at"):
        backup(store, tmp_path / "file")


def test_the_store_is_still_held_after_a_backup(store: Store, tmp_path: Path) -> None:
    """A process loses its lock on a file when it closes any of its handles to it; a backup must not."""
    backup(store, tmp_path / "backup")
    asked = subprocess.run(
        [sys.executable, "-c", HOLD, str(store.folder)], cwd=ROOT, capture_output=True, text=True, input=""
    )
    assert asked.returncode != 0
    assert "in use by another program" in asked.stderr


def test_what_damages_the_store_leaves_its_backup_whole(store: Store, tmp_path: Path) -> None:
    save_short(store, seed=0)
    folder = backup(store, tmp_path / "backup")
    (clip,) = clips(store)
    with audio_path(store.audio_folder, clip.id).open("rb+") as flac:
        flac.write(b"damaged")
    with Store(folder, create=False) as copy:
        assert list(verify(copy)) == []


def test_what_was_withdrawn_is_not_in_a_backup_though_it_is_still_in_the_file(
    store: Store, tmp_path: Path
) -> None:
    save_short(store, seed=0, contributor="WHO-WITHDREW")
    with store.reading() as cursor:
        cursor.execute("CHECKPOINT")
    (clip,) = clips(store)
    store.withdraw(Withdrawal(new_id(), clip.id, "clip", "WHO-WITHDREW"))
    with store.reading() as cursor:
        before = cursor.execute("SELECT contributor FROM withdrawal").fetchall()
    folder = backup(store, tmp_path / "backup")
    assert PRIVATE_NAME in (store.folder / FILE_NAME).read_bytes()
    assert PRIVATE_NAME not in (folder / FILE_NAME).read_bytes()
    with Store(folder, create=False) as copy, copy.reading() as cursor:
        assert cursor.execute("SELECT contributor FROM withdrawal").fetchall() == before


def test_steps_are_told_up_to_the_whole(store: Store, tmp_path: Path) -> None:
    for seed in range(3):
        save_short(store, seed)
    told: list[tuple[int, int]] = []
    folder = backup(store, tmp_path / "backup", lambda done, whole: told.append((done, whole)))
    assert told == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    told.clear()
    restore(folder, tmp_path / "restored", lambda done, whole: told.append((done, whole)))
    assert told == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize("at", range(4))
def test_what_is_interrupted_leaves_nothing_behind(store: Store, tmp_path: Path, at: int) -> None:
    def interrupt(done: int, whole: int) -> None:
        if done == at:
            raise KeyboardInterrupt

    for seed in range(3):
        save_short(store, seed)
    with pytest.raises(KeyboardInterrupt):
        backup(store, tmp_path / "backup", interrupt)
    assert names(tmp_path) == {"store"}
    folder = backup(store, tmp_path / "backup")
    with pytest.raises(KeyboardInterrupt):
        restore(folder, tmp_path / "restored", interrupt)
    assert names(tmp_path) == {"store", "backup"}
    restore(folder, tmp_path / "restored")
    assert attached(store) == [FILE_NAME.removesuffix(".duckdb")]


def test_a_backup_that_was_killed_is_not_taken_for_one(store: Store, tmp_path: Path) -> None:
    for seed in range(3):
        save_short(store, seed)
    store.close()
    process = start_dying_in_a_backup(store.folder, tmp_path / "backup")
    process.join()
    assert process.exitcode == -9

    assert names(tmp_path) == {"store", ".backup.unfinished"}
    with pytest.raises(StoreError, match="There is no backup"):
        restore(tmp_path / "backup", tmp_path / "restored")
    with Store(store.folder, create=False) as again:
        assert list(verify(again)) == []
        with pytest.raises(StoreError, match=r"unfinished is of an attempt that goes on or was cut off"):
            backup(again, tmp_path / "backup")
        shutil.rmtree(tmp_path / ".backup.unfinished")
        backup(again, tmp_path / "backup")
    restore(tmp_path / "backup", tmp_path / "restored")


def test_a_store_with_damaged_audio_is_not_backed_up_until_it_is_whole(store: Store, tmp_path: Path) -> None:
    for seed in range(2):
        save_short(store, seed)
    clip, other = clips(store)
    audio_path(store.audio_folder, clip.id).write_bytes(b"no audio")
    with pytest.raises(StoreError, match=rf"^Nothing was backed up.* {clip.public_id} cannot be decoded"):
        backup(store, tmp_path / "backup")
    audio_path(store.audio_folder, clip.id).unlink()
    with pytest.raises(StoreError, match=rf"^Nothing was backed up.* {clip.public_id} is missing"):
        backup(store, tmp_path / "backup")
    shutil.copy(audio_path(store.audio_folder, other.id), audio_path(store.audio_folder, clip.id))
    with pytest.raises(StoreError, match=rf"^Nothing was backed up.* {clip.public_id} is damaged"):
        backup(store, tmp_path / "backup")
    assert names(tmp_path) == {"store"}

    for seed in range(2):
        save_short(store, seed)  # the sounds are at hand again
    assert list(verify(store)) == []
    backup(store, tmp_path / "backup")


def test_a_sound_that_is_withdrawn_meanwhile_stops_the_backup_in_a_sentence(
    store: Store, tmp_path: Path
) -> None:
    for seed in range(2):
        save_short(store, seed)
    _, last = clips(store)

    def withdraw(done: int, whole: int) -> None:
        if done == 1:
            store.withdraw(Withdrawal(new_id(), last.id, "clip", "somebody"))

    with pytest.raises(StoreError, match="withdrawn while the store was backed up: back up again"):
        backup(store, tmp_path / "backup", withdraw)
    assert names(tmp_path) == {"store"}
    folder = backup(store, tmp_path / "backup")
    with Store(folder, create=False) as copy:
        assert last not in clips(copy)


def test_a_closed_store_is_not_backed_up(store: Store, tmp_path: Path) -> None:
    store.close()
    with pytest.raises(StoreError):
        backup(store, tmp_path / "backup")
    assert names(tmp_path) == {"store"}


def test_a_damaged_backup_is_not_restored_and_what_is_wrong_is_named(store: Store, tmp_path: Path) -> None:
    for seed in range(3):
        save_short(store, seed)
    folder = backup(store, tmp_path / "backup")
    cut, missing, _ = clips(store)
    whole = audio_path(folder / "audio", cut.id).read_bytes()
    audio_path(folder / "audio", cut.id).write_bytes(whole[: len(whole) // 2])
    audio_path(folder / "audio", missing.id).unlink()
    before = contents(folder)

    with pytest.raises(StoreError, match=r"^Nothing was restored, because the backup .* not whole") as caught:
        restore(folder, tmp_path / "restored")

    assert f"{cut.public_id} cannot be decoded" in str(caught.value)
    assert f"{missing.public_id} is missing" in str(caught.value)
    assert contents(folder) == before
    assert names(tmp_path) == {"store", "backup"}


def test_of_many_faults_of_a_backup_the_first_are_named_and_the_others_counted(
    store: Store, tmp_path: Path
) -> None:
    for seed in range(8):
        save_short(store, seed)
    folder = backup(store, tmp_path / "backup")
    with duckdb.connect(str(folder / FILE_NAME)) as connection:
        connection.execute("DELETE FROM observation")
    with pytest.raises(StoreError, match=r"And 3 more\.$") as caught:
        restore(folder, tmp_path / "restored")
    assert str(caught.value).count("is on an observation that is not kept") == 5


def test_a_backup_whose_database_is_damaged_is_refused_in_a_sentence(store: Store, tmp_path: Path) -> None:
    for seed in range(3):
        save_short(store, seed)
    folder = backup(store, tmp_path / "backup")
    file = folder / FILE_NAME
    whole = file.read_bytes()
    sentence = rf"^The database in {folder} is damaged or no database: restore another backup\.$"
    for at in (100, 5_000, 12_388):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
        with pytest.raises(StoreError, match=sentence):
            restore(folder, tmp_path / "restored")
    for length in (0, 5_000, 12_288, len(whole) // 2):
        file.write_bytes(whole[:length])
        with pytest.raises(StoreError):
            restore(folder, tmp_path / "restored")
    file.unlink()
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE clip (id)")
    with pytest.raises(StoreError, match=sentence):
        restore(folder, tmp_path / "restored")
    assert names(tmp_path) == {"store", "backup"}


def test_what_stands_in_the_way_of_restoring_is_said_and_left_alone(store: Store, tmp_path: Path) -> None:
    save_short(store, seed=0)
    folder = backup(store, tmp_path / "backup")
    with pytest.raises(StoreError, match=r"a store in .*store already: move that folder away"):
        restore(folder, store.folder)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("mine")
    with pytest.raises(StoreError, match=r"something at .*other already: restore into a new folder"):
        restore(folder, tmp_path / "other")
    for nothing in (tmp_path / "nowhere", tmp_path / "other"):
        with pytest.raises(StoreError, match=r"^There is no backup in .*: check the folder\.$"):
            restore(nothing, tmp_path / "restored")
    assert names(tmp_path) == {"store", "backup", "other"}
    assert (tmp_path / "other" / "letter.txt").read_text() == "mine"
    assert store.counts()["flags"] == 1


def test_a_backup_that_is_in_use_is_not_restored(store: Store, tmp_path: Path) -> None:
    save_short(store, seed=0)
    folder = backup(store, tmp_path / "backup")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "open\n"
    with pytest.raises(StoreError, match=rf"in use by another program \(process {holder.pid}\)"):
        restore(folder, tmp_path / "restored")
    holder.communicate("")
    with Store(folder), pytest.raises(StoreError, match="in use by another program"):
        restore(folder, tmp_path / "restored")  # though it is this one
    restore(folder, tmp_path / "restored")


def test_a_backup_of_an_earlier_version_is_restored_and_stays_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    zipfile.ZipFile(FIXTURES / "schema_0001.zip").extractall(folder)
    before = contents(folder)
    restore(folder, tmp_path / "restored")
    assert contents(folder) == before
    with Store(tmp_path / "restored", create=False) as again:
        assert again.counts()["flags"] == 8
        assert list(verify(again)) == []


def clips(store: Store) -> list[Clip]:
    """The kept clips in the order in which they are backed up."""
    with store.reading() as cursor:
        found = cursor.execute("SELECT id, public_id, rate, channels, frames, name FROM clip ORDER BY id")
        return [Clip(*line) for line in found.fetchall()]


def lines(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Every line of every table."""
    with store.reading() as cursor:
        tables = cursor.execute("SELECT table_name FROM duckdb_tables() ORDER BY ALL").fetchall()
        return {
            table: cursor.execute(f"SELECT * FROM {table} ORDER BY ALL").fetchall()  # noqa: S608
            for (table,) in tables
        }


def attached(store: Store) -> list[str]:
    """The names of the databases that the store's DuckDB has open."""
    with store.reading() as cursor:
        return [name for (name,) in cursor.execute("SHOW DATABASES").fetchall()]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}
