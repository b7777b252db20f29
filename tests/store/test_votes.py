"""Votes in the store: kept whole with all that they are about, counted by setting, gone when taken back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from store.audio import kept_ids
from store.database import FILE_NAME
from store.errors import StoreError
from store.records import VOTE_CHOICES, Observation, Vote, new_id
from store.store import Store
from store.verify import verify
from store.votes import Standing
from tests.people import answer, rights, sound
from tests.store.contributions import clip_id, contribute, files_with, kept_clip, take_back, vote

CLIP, SAMPLES = sound(seconds=0.1)
LEFT = answer(CLIP, text="A dog barks.")
RIGHT = answer(CLIP, text="A cat meows.", settings={"beams": 4, "lora_scaling": 2.0, "over_silence": True})
SHORT, _ = sound(seconds=0.1, rate=8_000, channels=1, seed=1)  # the sound of `vote` for the seed 1
WHO = "PRIVATE-CONTRIBUTOR"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as opened:
        yield opened


def between(left: Observation = LEFT, right: Observation = RIGHT, **values: object) -> Vote:
    given = {"choice": "left", "blind": True, "contributor": WHO} | values
    return Vote(new_id(), left.id, right.id, **given)  # type: ignore[arg-type]


def test_a_vote_is_kept_with_sound_rights_and_both_answers(tmp_path: Path) -> None:
    given = [between(replace(LEFT, id=new_id()), choice=choice) for choice in VOTE_CHOICES]
    with Store(tmp_path) as store:
        for one in given:
            left = replace(LEFT, id=one.left_observation_id)
            store.save_vote(SAMPLES, CLIP, left, RIGHT, one, rights(CLIP))
    with Store(tmp_path, create=False) as again:
        assert [again.vote(one.id) for one in given] == given
        assert again.observation(RIGHT.id) == RIGHT
        stated = again.rights_of(CLIP.id, WHO)
        assert stated is not None
        assert stated == rights(CLIP, stated_at=stated.stated_at)
        assert again.clip_samples(CLIP).shape == SAMPLES.shape
        assert again.counts() == {
            "clips": 1,
            "observations": 5,
            "flags": 0,
            "rows": 0,
            "votes": 4,
            "contributors": 1,
        }
        assert again.vote("another") is None
        assert list(verify(again)) == []


def test_without_rights_nothing_of_a_vote_is_kept(store: Store) -> None:
    with pytest.raises(StoreError, match="whose sound"):
        store.save_vote(SAMPLES, CLIP, LEFT, RIGHT, between(), None)
    assert set(store.counts().values()) == {0}
    assert list(kept_ids(store.audio_folder)) == []


def test_a_vote_is_given_once(store: Store) -> None:
    one = between()
    store.save_vote(SAMPLES, CLIP, LEFT, RIGHT, one, rights(CLIP))
    store.save_vote(SAMPLES, CLIP, LEFT, RIGHT, one, None)  # as when the reply was lost
    for again in (replace(one, choice="right"), between(choice="right")):
        with pytest.raises(StoreError, match="stays as it was given"):
            store.save_vote(SAMPLES, CLIP, LEFT, RIGHT, again, None)
    with pytest.raises(StoreError, match="stays as it was given"):
        store.save_vote(SAMPLES, CLIP, RIGHT, LEFT, between(RIGHT, LEFT), None)
    assert store.counts()["votes"] == 1
    store.save_vote(SAMPLES, CLIP, LEFT, RIGHT, between(contributor="bert"), rights(CLIP, contributor="bert"))
    assert store.counts()["votes"] == 2


@pytest.mark.parametrize(
    ("left", "right", "values"),
    [
        (LEFT, LEFT, {}),
        (LEFT, answer(sound(seed=5)[0]), {}),
        (LEFT, RIGHT, {"choice": "up"}),
        (LEFT, RIGHT, {"left_observation_id": "another"}),
        (LEFT, RIGHT, {"contributor": "another"}),
    ],
)
def test_what_does_not_belong_together_is_not_kept(
    store: Store, left: Observation, right: Observation, values: dict[str, str]
) -> None:
    one = replace(between(left, right), **values)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="do not belong"):
        store.save_vote(SAMPLES, CLIP, left, right, one, rights(CLIP))
    assert set(store.counts().values()) == {0}


def test_settings_stand_by_how_their_answers_came_off(store: Store) -> None:
    for seed, choice in enumerate(("left", "left", "right", "both", "neither")):
        vote(store, seed, "anna", choice, blind=choice != "both")  # type: ignore[arg-type]
    store.save_vote(SAMPLES, CLIP, LEFT, RIGHT, between(choice="right"), rights(CLIP))
    full, half = ("mini-salmonn", 4.0, 1, False), ("mini-salmonn", 2.0, 1, False)
    assert store.standings() == [
        Standing("mini-salmonn", 2.0, 4, True, 1, 0, 0, 0, 1),
        Standing(*full, 2, 2, 1, 1, 5),
        Standing(*half, 1, 2, 1, 1, 4),
    ]
    assert [one.votes for one in store.standings()] == [1, 6, 5]


def test_an_answer_that_was_only_voted_on_counts_for_no_model_s_following(store: Store) -> None:
    vote(store, 1, "anna", "left")
    assert store.following() == []
    contribute(store, 1, "anna")
    assert [(one.model, one.answers) for one in store.following()] == [("mini-salmonn", 1)]


def test_the_owner_s_withdrawal_erases_the_votes_of_everyone(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        vote(store, 1, "anna", "left")
        vote(store, 1, "bert", "right")
        stays = vote(store, 2, "bert", "both")
        take_back(store, 1, "anna", "clip")
        assert store.counts()["votes"] == 1
        assert store.vote(stays.id) == stays
        assert list(verify(store)) == []
    assert not any(files_with(tmp_path, "anna-left-1", "bert-right-1").values())


def test_a_contributor_takes_back_their_votes_and_others_keep_theirs(store: Store) -> None:
    answers = answer(SHORT, text="shared-left"), answer(SHORT, text="shared-right")
    mine = vote(store, 1, "anna", "left", answers)
    theirs = vote(store, 1, "bert", "right", answers)
    vote(store, 1, "anna", "both")
    take_back(store, 1, "anna", "contribution")
    assert store.vote(mine.id) is None
    assert store.vote(theirs.id) == theirs
    assert [store.observation(one.id) for one in answers] == list(answers)
    assert store.counts()["observations"] == 2
    with pytest.raises(StoreError, match="You withdrew"):
        vote(store, 1, "anna", "left")
    take_back(store, 1, "bert", "contribution")
    assert set(store.counts().values()) == {0}


def test_an_answer_that_was_voted_on_outlives_its_flag(store: Store) -> None:
    row = contribute(store, 1, "anna")
    view = store.row(row.id)
    assert view is not None
    flagged = view.observation
    one = vote(store, 1, "bert", "left", (flagged, answer(SHORT)))
    take_back(store, 1, "anna", "contribution")
    assert store.observation(flagged.id) == flagged
    assert store.vote(one.id) == one
    assert list(verify(store)) == []


def test_verify_names_votes_that_lead_nowhere(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        vote(store, 1, "anna", "left")
        vote(store, 2, "anna", "left")
        other = vote(store, 3, "bert", "left")
    with duckdb.connect(str(tmp_path / FILE_NAME)) as connection:
        connection.execute("DELETE FROM rights WHERE contributor = 'bert'")
        connection.execute("DELETE FROM observation WHERE text = 'anna-right-1'")
        connection.execute(
            "UPDATE vote SET right_observation_id = ? WHERE left_observation_id IN "
            "(SELECT id FROM observation WHERE text = 'anna-left-2')",
            [other.right_observation_id],
        )
    with Store(tmp_path) as store:
        found = " ".join(verify(store))
    assert "on an answer that is not kept" in found
    assert "on answers about two clips" in found
    assert f"The vote {other.id} is on a clip whose contributor stated no rights." in found


def test_verify_names_a_vote_that_a_withdrawal_should_have_erased(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        one = vote(store, 1, "anna", "left")
        public_id = kept_clip(store, clip_id(1)).public_id
    with duckdb.connect(str(tmp_path / FILE_NAME)) as connection:
        connection.execute(
            "INSERT INTO withdrawal VALUES ('w', ?, ?, 'clip', 'mine', 'anna', 'then')",
            [clip_id(1), public_id],
        )
    with Store(tmp_path) as store:
        assert f"The vote {one.id} is kept although it was withdrawn." in list(verify(store))
