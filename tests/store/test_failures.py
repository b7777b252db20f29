"""What a store says when the disk, another program or the clock fails it, and that it goes on afterwards."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import store.writer
from annotators.flags.rows import rows_of
from store.audio import audio_path, read_clip, write_clip
from store.backup import backup, restore
from store.database import FILE_NAME
from store.errors import AudioError, StoreError
from store.records import RowEdit
from store.store import Store
from store.verify import verify
from tests.people import ANSWER, answer, flag, rights, sound
from tests.store.confined import (
    files_at_most,
    give_up_rights,
    in_its_own_process,
    mount_small_disk,
    room_left,
    unwritable,
)

ROOT = Path(__file__).parents[2]
FULL = "The disk is full, so nothing was {}: free some space, then {} again."
LONG = 50_000  # bytes that do not compress, in an answer


def save(
    opened: Store, seed: int, length: int = 0, seconds: float = 0.05, rate: int = 8_000
) -> tuple[str, str]:
    """Save a flag on a sound and on an answer with `length` random bytes; the ids of the flag and its row."""
    clip, samples = sound(seconds=seconds, rate=rate, channels=1, seed=seed)
    observation = answer(clip, text=ANSWER + random.Random(seed).randbytes(length).hex())
    one = flag(observation)
    rows = rows_of(one, observation, clip)
    opened.save_flag(samples, clip, observation, one, rights(clip), rows)
    return one.id, rows[0].id


def assert_goes_on(opened: Store, flags: int) -> None:
    """The store holds so many flags, all is whole, and another one can be saved."""
    assert opened.counts()["flags"] == flags
    assert list(verify(opened)) == []
    save(opened, seed=1_000_000 + flags)
    assert opened.counts()["flags"] == flags + 1
    assert list(verify(opened)) == []


# A full disk


def test_a_full_disk_keeps_what_was_confirmed_and_says_what_was_not(tmp_path: Path) -> None:
    in_its_own_process(fill_the_disk, tmp_path)


def fill_the_disk(folder: Path) -> None:
    mount_small_disk(folder, size=40 << 20)
    with Store(folder / "store") as opened:
        for seed in range(10):
            save(opened, seed, LONG)
        kept = 10
        for room in (0, 4_000, 60_000, 200_000, 700_000):
            with room_left(folder, room):
                said: set[str] = set()
                for seed in range(room + 100, room + 110):
                    try:
                        save(opened, seed, LONG, seconds=1.0)
                    except StoreError as error:
                        said.add(str(error))
                    else:
                        kept += 1
                    assert opened.counts()["flags"] == kept
                assert said == {FULL.format("saved", "save")}
            assert_goes_on(opened, kept)
            kept += 1
    with Store(folder / "store", create=False) as again:
        assert_goes_on(again, kept)


def test_a_log_that_cannot_be_written_into_the_file_takes_no_flag_back(tmp_path: Path) -> None:
    in_its_own_process(let_the_log_grow, tmp_path)


def let_the_log_grow(folder: Path) -> None:
    store.writer.LOG_BYTES = 300_000
    with Store(folder) as opened:
        for seed in range(10):
            save(opened, seed, LONG)
    size = (folder / FILE_NAME).stat().st_size
    with Store(folder, create=False) as opened:
        with files_at_most(size - 100_000):
            for seed in range(100, 110):  # the log needs to be written into the file several times
                save(opened, seed, LONG)
            assert opened.counts()["flags"] == 20
        assert_goes_on(opened, 20)
    with Store(folder, create=False) as again:
        assert_goes_on(again, 21)


def test_a_full_disk_stops_a_backup_and_a_restoration_in_a_sentence(tmp_path: Path) -> None:
    in_its_own_process(fill_the_disk_of_backups, tmp_path)


def fill_the_disk_of_backups(folder: Path) -> None:
    with Store(folder / "store") as opened:
        for seed in range(10):
            save(opened, seed, LONG)
        save(opened, seed=10, seconds=20.0, rate=192_000)  # the longest file: 11 MB of audio
        for size in (0, 5_000, 20_000, 1_000_000, 10_000_000):
            with files_at_most(size), pytest.raises(StoreError) as caught:
                backup(opened, folder / "backup")
            assert str(caught.value) == FULL.format("backed up", "back up")
            assert sorted(path.name for path in folder.iterdir()) == ["store"]
        with opened.reading() as cursor:
            assert len(cursor.execute("SHOW DATABASES").fetchall()) == 1
        assert_goes_on(opened, 11)
        backup(opened, folder / "backup")
        for size in (0, 5_000, 20_000, 1_000_000, 10_000_000):
            with files_at_most(size), pytest.raises(StoreError) as caught:
                restore(folder / "backup", folder / "restored")
            assert str(caught.value) == FULL.format("restored", "restore")
            assert sorted(path.name for path in folder.iterdir()) == ["backup", "store"]
    restore(folder / "backup", folder / "restored")
    with Store(folder / "restored", create=False) as again:
        assert_goes_on(again, 12)


def test_a_small_disk_for_backups_leaves_the_store_alone(tmp_path: Path) -> None:
    in_its_own_process(back_up_to_a_small_disk, tmp_path)


def back_up_to_a_small_disk(folder: Path) -> None:
    """Room for the log of the copy and not for its file is what a limit on the size of files cannot show."""
    disk = folder / "disk"
    disk.mkdir()
    mount_small_disk(disk, size=20 << 20)
    with Store(folder / "store") as opened:
        for seed in range(30):
            save(opened, seed, LONG)
        for room in range(500_000, 8_000_000, 1_500_000):
            with room_left(disk, room), pytest.raises(StoreError) as caught:
                backup(opened, disk / "backup")
            assert str(caught.value) == FULL.format("backed up", "back up")
            assert list(disk.iterdir()) == []
            save(opened, seed=room)
        assert list(verify(opened)) == []
        kept = opened.counts()
        backup(opened, disk / "backup")
    with Store(disk / "backup", create=False) as copy:
        assert copy.counts() == kept


def test_a_store_that_had_no_room_to_begin_begins_when_there_is_room(tmp_path: Path) -> None:
    in_its_own_process(begin_without_room, tmp_path)


def begin_without_room(folder: Path) -> None:
    for size in (0, 100, 5_000, 12_288, 14_000):
        with files_at_most(size), pytest.raises(StoreError) as caught:
            Store(folder / str(size)).close()
        assert str(caught.value) == FULL.format("saved", "save")
        with Store(folder / str(size)) as opened:
            assert_goes_on(opened, 0)


# Folders that may not be written


def test_folders_that_may_not_be_written_are_said_and_the_store_goes_on(tmp_path: Path) -> None:
    in_its_own_process(take_the_right_to_write, tmp_path)


def take_the_right_to_write(folder: Path) -> None:
    give_up_rights()
    refused = r"^The folder .* cannot be written, so nothing was {}: check who may write there\.$"
    (folder / "closed").mkdir()
    with unwritable(folder / "closed"), pytest.raises(StoreError, match=refused.format("saved")):
        Store(folder / "closed")
    Store(folder / "store").close()
    with Store(folder / "store") as opened:
        for kept, closed in enumerate(("store", "store/audio")):  # where the log would be, and the audio
            with unwritable(folder / closed), pytest.raises(StoreError, match=refused.format("saved")):
                save(opened, seed=kept)
            assert_goes_on(opened, kept)
        with unwritable(folder / "closed"):
            with pytest.raises(StoreError, match=refused.format("backed up")):
                backup(opened, folder / "closed" / "backup")
            backup(opened, folder / "backup")
            with pytest.raises(StoreError, match=refused.format("restored")):
                restore(folder / "backup", folder / "closed" / "restored")
        with unwritable(folder / "backup"):
            restore(folder / "backup", folder / "restored")
        assert_goes_on(opened, 2)


def test_a_store_that_cannot_be_opened_again_at_once_is_opened_by_a_later_write(tmp_path: Path) -> None:
    in_its_own_process(fail_to_open_again, tmp_path)


def fail_to_open_again(folder: Path) -> None:
    give_up_rights()
    store.writer.LOG_BYTES = 50_000
    with Store(folder) as opened:
        save(opened, seed=0)
        with unwritable(folder):
            save(opened, seed=0, length=LONG)  # then the long log cannot be removed, which is fatal
            for _ in range(2):
                with pytest.raises(StoreError, match="cannot be written, so nothing was saved"):
                    save(opened, seed=0)
        save(opened, seed=0)
        assert_goes_on(opened, 3)
    with Store(folder, create=False) as again:
        assert_goes_on(again, 4)


# Another program


def test_a_program_that_is_refused_does_not_disturb_the_one_that_has_the_store(tmp_path: Path) -> None:
    with Store(tmp_path) as opened:
        save(opened, seed=0)
        asked = subprocess.run(
            [sys.executable, "-m", "store", "--store", str(tmp_path), "counts"],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        assert asked.returncode == 2
        (sentence,) = asked.stderr.splitlines()
        assert "is in use by another program" in sentence
        assert sentence.endswith("close that one first.")
        assert_goes_on(opened, 1)


# Damaged audio


def test_damaged_audio_is_said_where_it_is_heard_and_healed_by_a_backup(tmp_path: Path) -> None:
    with Store(tmp_path / "store") as opened:
        _, damaged = save(opened, seed=0)
        _, other = save(opened, seed=1)
        _, whole = opened.row_audio(damaged)
        backup(opened, tmp_path / "backup")
        view = opened.row(damaged)
        assert view is not None
        path = audio_path(opened.audio_folder, view.clip.id)
        flac = bytearray(path.read_bytes())
        flac[len(flac) // 2] ^= 1
        path.write_bytes(flac)

        with pytest.raises(AudioError) as caught:
            opened.row_audio(damaged)
        assert str(caught.value).startswith(f"The audio of clip {view.clip.public_id} ")
        assert str(caught.value).lower().endswith("restore it from a backup.")
        assert list(verify(opened)) == [str(caught.value)]
        opened.row_audio(other)
        save(opened, seed=2)
        assert opened.counts()["flags"] == 3

    restore(tmp_path / "backup", tmp_path / "restored")
    with Store(tmp_path / "restored", create=False) as again:
        np.testing.assert_array_equal(again.row_audio(damaged)[1], whole)
        assert_goes_on(again, 2)


@given(at=st.integers(min_value=0), bit=st.integers(0, 7))
@example(at=39_916_799, bit=3)  # the header then promises 34 thousand million samples
def test_a_file_with_one_wrong_bit_gives_its_samples_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, at: int, bit: int
) -> None:
    folder = tmp_path_factory.mktemp("audio")
    clip, samples = sound(seconds=0.02, rate=8_000, channels=1)
    path = write_clip(folder, clip, samples)
    flac = bytearray(path.read_bytes())
    flac[at % len(flac)] ^= 1 << bit
    path.write_bytes(flac)
    with contextlib.suppress(AudioError):
        np.testing.assert_array_equal(read_clip(folder, clip), samples)


# A clock that goes back


@pytest.mark.parametrize("later", ["2026-01-02T00:00:00.000000+00:00", "2026-01-01T12:00:00.000000+00:00"])
def test_the_rights_stated_last_hold_though_the_clock_went_back(tmp_path: Path, later: str) -> None:
    clip, samples = sound(seconds=0.05, rate=8_000, channels=1)
    observation = answer(clip)
    first = rights(clip, stated_at="2026-01-02T00:00:00.000000+00:00")
    last = rights(clip, licence="CC-BY-4.0", attribution="A name", stated_at=later)
    with Store(tmp_path) as opened:
        for stated in (first, last):
            one = flag(observation)
            opened.save_flag(samples, clip, observation, one, stated, rows_of(one, observation, clip))
        found = opened.rights_of(clip.id, last.contributor)
        assert found is not None
        assert replace(found, stated_at=later) == last
        assert {view.rights.licence for view in opened.rows()} == {"CC-BY-4.0"}


@pytest.mark.parametrize("later", ["2026-01-02T00:00:00.000000+00:00", "2026-01-01T12:00:00.000000+00:00"])
def test_the_edit_made_last_holds_though_the_clock_went_back(tmp_path: Path, later: str) -> None:
    edits = [
        RowEdit(
            "f" * 32, "", "Is there a first?", "no", "somebody", made_at="2026-01-02T00:00:00.000000+00:00"
        ),
        RowEdit("0" * 32, "", "Is there a second?", "no", "somebody", made_at=later),
    ]
    with Store(tmp_path) as opened:
        _, row_id = save(opened, seed=0)
        for edit in edits:
            opened.save_edit(replace(edit, row_id=row_id))
        view = opened.row(row_id)
        assert view is not None
        assert view.row.instruction == "Is there a second?"
        assert [version.instruction for version in opened.row_history(row_id)][1:] == [
            "Is there a first?",
            "Is there a second?",
        ]
