"""The store keeps what it says it kept, whole or not at all, whoever else writes at the same time."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest

from annotators.flags.rows import rows_of
from store.audio import audio_path, kept_ids
from store.database import FILE_NAME
from store.errors import StoreError, store_error
from store.records import Clip, Flag, Observation, Rights, Row, new_id, to_json
from store.rows import RowFilter
from store.store import Store
from store.verify import verify
from tests.people import ANSWER, CLAIM, answer, flag, rights, sound

ROOT = Path(__file__).parents[2]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as opened:
        yield opened


def save(
    store: Store,
    clip: Clip,
    samples: np.ndarray,
    observation: Observation,
    one: Flag,
    stated: Rights | None,
) -> tuple[Row, ...]:
    """Save a flag with the rows it becomes."""
    return store.save_flag(samples, clip, observation, one, stated, rows_of(one, observation, clip))


def test_what_was_saved_is_there_after_reopening_word_for_word(tmp_path: Path) -> None:
    clip, samples = sound(seconds=2.0)
    observation = answer(clip)
    one = flag(observation, time_start=0.5, time_stop=1.25)
    stated = rights(clip, licence="CC-BY-4.0", attribution="Zoë Müller")
    with Store(tmp_path) as first:
        rows = save(first, clip, samples, observation, one, stated)

    with Store(tmp_path, create=False) as again:
        assert again.clip(clip.id) == clip
        assert again.rights_of(clip.id, one.contributor) == stated
        kept = again.observation(observation.id)
        assert kept is not None
        assert to_json(kept) == to_json(observation)
        assert again.flag(one.id) == one
        assert again.rows_of_flag(one.id) == rows
        np.testing.assert_array_equal(again.clip_samples(clip), samples)
        views = again.rows()
        assert [view.row.id for view in views] == [row.id for row in rows]
        assert {view.flag for view in views} == {one}
        assert {view.clip for view in views} == {clip}
        assert {view.rights for view in views} == {stated}
        rate, heard = again.row_audio(rows[0].id)
        assert (rate, heard.shape) == (16_000, (32_000,))
        assert again.counts() == {
            "clips": 1,
            "observations": 1,
            "flags": 1,
            "rows": 2,
            "votes": 0,
            "contributors": 1,
        }
        assert list(verify(again)) == []


@pytest.mark.parametrize(
    "text",
    [
        "'); DROP TABLE flag; --",
        '"; DELETE FROM benchmark_row WHERE 1=1; /*',
        "$id ? ?1 %s {claim} \\n \\",
        "сирена 🚨 鐘の音 à la façon de ‮abc‬",
        "a\u0301 and á are not the same text",
    ],
)
def test_any_text_survives_verbatim_and_is_found_again(store: Store, text: str) -> None:
    clip, samples = sound()
    observation = answer(clip, text=f"I hear {text} here")
    one = flag(observation, marked=text, correction="", note=text)
    save(store, clip, samples, observation, one, rights(clip, attribution=text))

    assert store.flag(one.id) == one
    (view,) = store.rows(RowFilter(text=text.upper() if text.isascii() else text))
    assert view.flag == one
    assert view.observation.text == f"I hear {text} here"
    assert view.rights.attribution == text
    assert store.counts()["flags"] == 1


def test_saving_the_same_flag_again_changes_nothing(store: Store) -> None:
    clip, samples = sound()
    observation = answer(clip)
    one = flag(observation)
    first = save(store, clip, samples, observation, one, rights(clip))
    before = store.counts()

    assert save(store, clip, samples, observation, one, rights(clip)) == first
    assert save(store, clip, samples, observation, one, None) == first
    assert store.counts() == before

    with pytest.raises(StoreError, match="saved before with other words"):
        save(store, clip, samples, observation, replace(one, correction="a cat"), None)
    assert store.flag(one.id) == one


def test_an_answer_is_never_replaced_under_its_id(store: Store) -> None:
    clip, samples = sound()
    observation = answer(clip)
    save(store, clip, samples, observation, flag(observation), rights(clip))
    changed = replace(observation, prompt="Another prompt")
    with pytest.raises(StoreError, match="kept already with other words"):
        save(store, clip, samples, changed, flag(changed), None)
    assert store.counts()["flags"] == 1


def test_the_same_sound_from_two_people_is_kept_once_under_one_public_id(store: Store) -> None:
    clip, samples = sound()
    theirs = replace(clip, public_id=new_id(), name="other.wav")
    mine, other = answer(clip), answer(theirs)
    save(store, clip, samples, mine, flag(mine), rights(clip))
    saved = save(
        store,
        theirs,
        samples,
        other,
        flag(other, contributor="second"),
        rights(theirs, contributor="second", licence="CC-BY-4.0", attribution="Second"),
    )

    assert store.counts()["clips"] == 1
    assert all(clip.public_id in row.file and theirs.public_id not in row.file for row in saved)
    licences = {view.flag.contributor: view.rights.licence for view in store.rows()}
    assert licences == {"PRIVATE-CONTRIBUTOR": "CC0-1.0", "second": "CC-BY-4.0"}


def test_what_a_contributor_says_last_of_the_licence_holds(store: Store) -> None:
    clip, samples = sound()
    observation = answer(clip)
    save(store, clip, samples, observation, flag(observation), rights(clip))
    later = rights(clip, licence="CC-BY-4.0", attribution="A name")
    save(store, clip, samples, observation, flag(observation), later)
    assert store.rights_of(clip.id, later.contributor) == later
    assert {view.rights.licence for view in store.rows()} == {"CC-BY-4.0"}
    assert store.count_rows() == 4


def test_without_rights_nothing_is_kept(store: Store) -> None:
    clip, samples = sound()
    observation = answer(clip)
    with pytest.raises(StoreError, match="whose sound"):
        save(store, clip, samples, observation, flag(observation), None)
    assert set(store.counts().values()) == {0}
    assert list(kept_ids(store.audio_folder)) == []


def test_records_that_do_not_belong_together_are_refused(store: Store) -> None:
    clip, samples = sound()
    other_clip, _ = sound(seed=1)
    observation = answer(clip)
    one = flag(observation)
    rows = rows_of(one, observation, clip)
    with pytest.raises(ValueError, match="rights"):
        store.save_flag(samples, clip, observation, one, rights(other_clip), rows)
    with pytest.raises(ValueError, match="rows"):
        store.save_flag(samples, clip, observation, one, rights(clip), ())
    with pytest.raises(ValueError, match="flag"):
        store.save_flag(samples, clip, answer(clip), one, rights(clip), rows)
    assert set(store.counts().values()) == {0}


def test_a_transaction_that_breaks_in_the_middle_leaves_nothing(store: Store) -> None:
    clip, samples = sound()
    observation = answer(clip)
    one = flag(observation)
    row, _ = rows_of(one, observation, clip)
    with pytest.raises(StoreError):  # the second row takes the id of the first, after all else was written
        store.save_flag(samples, clip, observation, one, rights(clip), (row, row))
    assert set(store.counts().values()) == {0}
    assert store.clip(clip.id) is None
    assert list(kept_ids(store.audio_folder)) == []

    save(store, clip, samples, observation, one, rights(clip))
    assert list(verify(store)) == []


def test_a_failed_save_does_not_take_the_audio_of_a_saved_flag(store: Store) -> None:
    clip, samples = sound()
    observation = answer(clip)
    save(store, clip, samples, observation, flag(observation), rights(clip))
    with pytest.raises(StoreError):
        save(store, clip, samples, observation, flag(observation, contributor="no rights"), None)
    assert list(verify(store)) == []


def test_eight_people_flag_at_once_and_nothing_is_lost(store: Store) -> None:
    shared_clip, shared_samples = sound(seconds=0.3, seed=99)
    saved: list[tuple[str, tuple[Row, ...]]] = []
    failed: list[BaseException] = []

    def flag_many(person: int) -> None:
        try:
            for number in range(6):
                if number % 2:
                    clip, samples = replace(shared_clip, public_id=new_id()), shared_samples
                else:
                    clip, samples = sound(seconds=0.2, seed=person * 100 + number)
                observation = answer(clip)
                one = flag(observation, contributor=f"person {person}")
                stated = rights(clip, contributor=one.contributor)
                saved.append((one.id, save(store, clip, samples, observation, one, stated)))
                store.rows()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=flag_many, args=(person,)) for person in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert len(saved) == 48
    assert all(store.rows_of_flag(flag_id) == rows for flag_id, rows in saved)
    assert store.counts() == {
        "clips": 8 * 3 + 1,
        "observations": 48,
        "flags": 48,
        "rows": 96,
        "votes": 0,
        "contributors": 8,
    }
    assert list(verify(store)) == []


def test_the_same_flag_from_two_threads_at_once_is_saved_once(store: Store) -> None:
    clip, samples = sound()
    observation = answer(clip)
    one = flag(observation)
    results: list[tuple[Row, ...]] = []

    def press_save() -> None:
        results.append(save(store, clip, samples, observation, one, rights(clip)))

    threads = [threading.Thread(target=press_save) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert len(set(results)) == 1
    assert store.counts()["rows"] == 2


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "disk is full"),
        (errno.EROFS, "cannot be written"),
        (errno.EACCES, "cannot be written"),
        (errno.EIO, "as it was before"),
    ],
)
def test_what_the_disk_says_becomes_a_sentence(number: int, words: str) -> None:
    said = str(store_error(OSError(number, os.strerror(number)), Path("folder")))
    assert words in said
    assert "Errno" not in said or number == errno.EIO


FLAG_UNTIL_FULL = f"""
import resource, signal, sys
from annotators.flags.rows import rows_of
from store.errors import StoreError
from store.store import Store
from tests.people import answer, flag, rights, sound

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = Store(sys.argv[1])

def save(seed, seconds, text):
    clip, samples = sound(seconds=seconds, seed=seed)
    observation = answer(clip, text=text)
    one = flag(observation)
    store.save_flag(samples, clip, observation, one, rights(clip), rows_of(one, observation, clip))

save(1, 0.2, {ANSWER!r})
before = store.counts()
limit = 200_000
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
for seconds, text in ((10.0, {ANSWER!r}), (0.2, {CLAIM!r} + "x" * 2 * limit)):
    try:
        save(2, seconds, text)
    except StoreError as error:
        print(error)
    else:
        print("saved")
    assert store.counts() == before, store.counts()
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
save(3, 0.2, {ANSWER!r})
print(store.counts()["flags"])
store.close()
"""


def test_a_full_disk_is_said_and_the_store_goes_on_when_there_is_room_again(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    done = subprocess.run(
        [sys.executable, "-c", FLAG_UNTIL_FULL, str(folder)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    full = "The disk is full, so nothing was saved: free some space, then save again."
    assert done.stdout.splitlines() == [full, full, "2"]
    with Store(folder) as again:
        assert again.counts()["flags"] == 2
        assert list(verify(again)) == []


def test_verify_names_what_is_damaged_missing_or_left_over(store: Store) -> None:
    damaged, missing = sound(seed=1), sound(seed=2)
    for clip, samples in (damaged, missing):
        observation = answer(clip)
        save(store, clip, samples, observation, flag(observation), rights(clip))
    other = audio_path(store.audio_folder, "f" * 64)
    other.parent.mkdir(parents=True)
    shutil.copy(audio_path(store.audio_folder, missing[0].id), other)
    audio_path(store.audio_folder, missing[0].id).replace(audio_path(store.audio_folder, damaged[0].id))

    found = list(verify(store))

    assert any(damaged[0].public_id in sentence and "damaged" in sentence for sentence in found)
    assert any(missing[0].public_id in sentence and "missing" in sentence for sentence in found)
    assert any("f" * 64 in sentence and "no kept clip" in sentence for sentence in found)
    assert len(found) == 3


def test_verify_names_rows_that_lead_nowhere(tmp_path: Path) -> None:
    clip, samples = sound()
    observation = answer(clip)
    with Store(tmp_path) as store:
        save(store, clip, samples, observation, flag(observation), rights(clip))
    with duckdb.connect(str(tmp_path / FILE_NAME)) as connection:
        connection.execute("DELETE FROM flag")
    with Store(tmp_path) as store:
        assert sum("from a flag that is not kept" in sentence for sentence in verify(store)) == 2


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    clip, samples = sound()
    observation = answer(clip)
    store = Store(tmp_path)
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        save(store, clip, samples, observation, flag(observation), rights(clip))
