"""A store whose process is killed at any moment holds every flag that was confirmed, and nothing half."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from store.audio import UNFINISHED
from store.store import Store
from store.verify import verify
from tests.store.savers import (
    Confirmed,
    confirmed,
    save_short,
    start_dying_before_the_commit,
    start_saving,
)

KILLS_OF_ONE_STORE = 10
LEFT_OVER = re.compile(r"The audio file [0-9a-f]{64}\.flac is of no kept clip: a crash left it")


@pytest.mark.parametrize(
    "stores",
    [
        pytest.param(3, id="30-kills"),
        pytest.param(20, id="200-kills", marks=[pytest.mark.full, pytest.mark.timeout(3600)]),
    ],
)
def test_what_was_confirmed_outlives_a_kill_at_any_moment(tmp_path: Path, stores: int) -> None:
    chance = random.Random(stores)
    for number in range(stores):
        folder, confirmations = tmp_path / f"store {number}", tmp_path / f"confirmed {number}"
        for kill in range(KILLS_OF_ONE_STORE):
            save_and_kill(folder, confirmations, chance, short_log=kill % 2 == 0)
            with Store(folder, create=False) as store:
                assert_holds(store, confirmed(confirmations))


def test_a_store_that_was_killed_while_it_was_made_opens(tmp_path: Path) -> None:
    chance = random.Random(0)
    for number in range(8):
        folder, confirmations = tmp_path / f"store {number}", tmp_path / f"confirmed {number}"
        process = start_saving(folder, confirmations, seed=number, short_log=False)
        wait_until(folder.is_dir)
        time.sleep(chance.uniform(0.0, 0.1))
        process.kill()
        process.join()
        with Store(folder) as store:
            assert_holds(store, confirmed(confirmations))


def test_audio_that_a_kill_left_is_named_or_cleared_and_serves_when_its_sound_is_flagged(
    tmp_path: Path,
) -> None:
    process = start_dying_before_the_commit(tmp_path, seed=7)
    process.join()
    assert process.exitcode == -9
    assert list((tmp_path / "audio" / UNFINISHED).iterdir()) != []
    with Store(tmp_path, create=False) as store:
        assert list((tmp_path / "audio" / UNFINISHED).iterdir()) == []
        (sentence,) = verify(store)
        assert LEFT_OVER.match(sentence)
        save_short(store, seed=7)
        assert list(verify(store)) == []


def save_and_kill(folder: Path, confirmations: Path, chance: random.Random, short_log: bool) -> None:
    """Let a process save flags, and kill it 50–400 ms after the first was confirmed."""
    before = len(confirmed(confirmations))
    process = start_saving(folder, confirmations, chance.getrandbits(30), short_log)
    wait_until(lambda: len(confirmed(confirmations)) > before or not process.is_alive())
    time.sleep(chance.uniform(0.05, 0.4))
    assert process.is_alive(), "it should save until it is killed"
    process.kill()
    process.join()


def assert_holds(store: Store, confirmations: list[Confirmed]) -> None:
    """Every confirmed flag is kept word for word with its rows; all audio is whole and has its right name."""
    for one in confirmations:
        kept = store.flag(one.flag["id"])
        assert kept is not None, "a confirmed flag is lost"
        assert asdict(kept) == one.flag
        assert [asdict(row) for row in store.rows_of_flag(kept.id)] == one.rows
    assert [sentence for sentence in verify(store) if not LEFT_OVER.match(sentence)] == []
    assert list((store.audio_folder / UNFINISHED).glob("*")) == []


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait until something holds; the time limit of the test is that of the wait."""
    while not holds():
        time.sleep(0.005)
