"""Balancing rows: what is proposed and why, what is written when a person confirms, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annotators.flags.checks import FlagError
from annotators.flags.clap_ranking import clap_ranking
from annotators.flags.flagging import save_flag
from annotators.flags.partners import (
    MOST_CANDIDATES,
    Candidate,
    candidates,
    confirm_partner,
    partner_audio,
    what_to_listen_for,
)
from annotators.tasks.editing import edit_row, take_out
from demos.engine import Engine, Request
from demos.sound import from_array
from store.audio import audio_path
from store.errors import StoreError
from store.records import Clip, Observation, Row, Withdrawal, new_id
from store.rows import RowView
from store.store import Store
from store.verify import verify
from tests.mini_weights import write_mini_weights
from tests.people import answer, flag, rights, sound

WHO = "PRIVATE-CONTRIBUTOR"
OTHER = "ANOTHER-CONTRIBUTOR"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as opened:
        yield opened


def kept(
    store: Store,
    seed: int,
    claim: str = "a bell ringing",
    seconds: float = 1.0,
    who: str = WHO,
    **values: Any,
) -> tuple[Clip, tuple[Row, ...]]:
    """A clip on which a person flagged a sound that is not there; `licence` states another licence."""
    clip, samples = sound(seconds=seconds, rate=8_000, channels=1, seed=seed)
    stated = {name: values.pop(name) for name in ("licence", "attribution", "owner") if name in values}
    observation = answer(clip)
    one = flag(observation, **({"claim": claim, "correction": "", "contributor": who} | values))
    made = save_flag(store, clip, samples, observation, one, rights(clip, contributor=who, **stated))
    return clip, made.rows


def view(store: Store, row: Row) -> RowView:
    found = store.row(row.id)
    assert found is not None
    return found


def found(store: Store, row: Row, **rank: Any) -> list[Candidate]:
    return candidates(store, view(store, row), **rank)


def ids(proposed: list[Candidate]) -> list[str]:
    return [one.public_id for one in proposed]


def test_clips_of_which_the_other_answer_was_said_come_first(store: Store) -> None:
    holder, _ = kept(store, 1, "rain", correction="A  bell RINGING.")
    _, (row, *_) = kept(store, 2)
    newest, _ = kept(store, 3, "wind")
    first, second = found(store, row)
    assert (first.public_id, first.answer, first.is_verified) == (holder.public_id, "yes", True)
    assert (second.public_id, second.is_verified) == (newest.public_id, False)
    assert all(one.why.endswith(".") for one in (first, second))
    assert (first.start, first.stop) == (0.0, 1.0)


def test_clips_of_which_the_same_answer_was_said_are_left_out(store: Store) -> None:
    _, (row,) = kept(store, 1)
    same, _ = kept(store, 2)
    assert found(store, row) == []
    with pytest.raises(FlagError, match="said before that the answer is no in this sound too"):
        confirm_partner(store, row.id, same.public_id, WHO)


def test_the_last_word_on_a_window_counts(store: Store) -> None:
    holder, (_, there) = kept(store, 1, "rain", correction="a bell ringing")
    _, (row,) = kept(store, 2)
    assert found(store, row)[0].is_verified
    edit_row(store, there.id, WHO, there.instruction, "no")
    assert found(store, row) == []
    take_out(store, there.id, WHO)
    (unsaid,) = found(store, row)
    assert (unsaid.public_id, unsaid.is_verified) == (holder.public_id, False)


def test_a_partner_that_was_put_right_counts_as_it_stands(store: Store) -> None:
    _, (_, present) = kept(store, 1, "rain", correction="a bell ringing")
    clip, _ = kept(store, 2, "rain")
    partner = confirm_partner(store, present.id, clip.public_id, WHO)
    assert partner.label == "no"
    _, (_, next_present) = kept(store, 3, "rain", correction="a bell ringing")
    assert ids(found(store, next_present)) == [clip.public_id]
    edit_row(store, partner.id, WHO, partner.instruction, "yes")
    assert found(store, next_present) == []


def test_only_clips_under_the_same_licence_are_proposed(store: Store) -> None:
    _, (row,) = kept(store, 1)
    credited: dict[str, Any] = {"licence": "CC-BY-4.0", "attribution": "Ada"}
    kept(store, 2, "rain", correction="a bell ringing", **credited)
    stranger, _ = kept(store, 3, "rain", **credited)
    assert found(store, row) == []
    with pytest.raises(FlagError, match=r"under the same licence \(CC0-1.0\)"):
        confirm_partner(store, row.id, stranger.public_id, WHO)
    kept(store, 3, "wind", who=OTHER)  # another person gives the same sound away freely
    assert ids(found(store, row)) == [stranger.public_id]
    assert confirm_partner(store, row.id, stranger.public_id, WHO).rights_by == OTHER


def test_at_most_eight_are_proposed_and_a_scorer_orders_those_nobody_spoke_of(store: Store) -> None:
    clips = [kept(store, seed, "rain")[0] for seed in range(12)]
    _, (absent, present) = kept(store, 20, correction="a dog barking")
    asked: list[str] = []

    def rank(text: str, among: list[Clip]) -> list[float]:
        asked.append(text)
        places = {clip.id: float(place) for place, clip in enumerate(clips)}
        return [math.nan if places[clip.id] == 5.0 else places[clip.id] for clip in among]

    newest = [clip.public_id for clip in reversed(clips)]
    assert ids(found(store, absent)) == newest[:MOST_CANDIDATES]
    fitting = [one for one in newest if one != clips[5].public_id]
    assert ids(found(store, absent, rank=rank)) == fitting[:MOST_CANDIDATES]
    unlike = found(store, present, rank=rank)  # the other answer is no: what fits worst comes first
    assert ids(unlike) == fitting[::-1][:MOST_CANDIDATES]
    assert asked == ["a bell ringing", "a dog barking"]
    assert "unlike “a dog barking” (0.00)" in unlike[0].why


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"kind": "temporal_order", "correction": "a dog"}, "a bell ringing and then a dog"),
        ({"kind": "object_attribute", "claim": "a Woman", "attribute": "laughing"}, "a woman laughing"),
        ({}, "a bell ringing"),
    ],
)
def test_a_scorer_is_told_what_to_listen_for(store: Store, values: dict[str, Any], text: str) -> None:
    _, (row, *_) = kept(store, 1, **values)
    assert what_to_listen_for(row.question) == text


def test_confirming_writes_the_same_question_with_the_other_answer(store: Store) -> None:
    _, (row,) = kept(store, 1)
    clip, _ = kept(store, 2, "rain", seconds=2.0)
    partner = confirm_partner(store, row.id, clip.public_id, OTHER)
    assert (partner.instruction, partner.label, partner.question) == (row.instruction, "yes", row.question)
    assert (partner.role, partner.partner_of, partner.task) == ("partner", row.id, row.task)
    assert (partner.clip_id, partner.start, partner.stop) == (clip.id, 0.0, 2.0)
    assert clip.public_id in partner.file
    assert partner.rights_by == WHO  # who confirms has said nothing of the rights to this sound
    assert view(store, partner).row == partner
    assert {view(store, one).state for one in (row, partner)} == {"paired"}
    assert list(verify(store)) == []

    assert confirm_partner(store, row.id, clip.public_id, WHO) == partner
    assert store.count_rows() == 3
    assert clip.public_id not in ids(found(store, row))


def test_who_confirms_stands_for_the_rights_where_they_stated_them(store: Store) -> None:
    _, (row,) = kept(store, 1)
    clip, _ = kept(store, 2, "rain")
    kept(store, 2, "wind", who=OTHER)
    assert confirm_partner(store, row.id, clip.public_id, OTHER).rights_by == OTHER


def test_what_a_person_heard_once_is_proposed_for_the_next_row(store: Store) -> None:
    _, (row,) = kept(store, 1)
    clip, _ = kept(store, 2, "rain")
    partner = confirm_partner(store, row.id, clip.public_id, WHO)
    _, (next_row,) = kept(store, 3)
    assert [one.public_id for one in found(store, next_row) if one.is_verified] == [clip.public_id]
    take_out(store, partner.id, WHO)
    assert view(store, row).state == "unpaired"
    assert [one.is_verified for one in found(store, next_row)] == [False]


def test_of_a_long_clip_the_beginning_is_asked_about_or_what_was_heard(store: Store) -> None:
    _, (row,) = kept(store, 1)
    long, _ = kept(store, 2, "rain", seconds=40.0, time_start=12.0, time_stop=14.0)
    (proposed,) = found(store, row)
    assert (proposed.start, proposed.stop) == (0.0, 30.0)
    rate, heard = partner_audio(store, row.id, long.public_id)
    assert (rate, len(heard)) == (16_000, 480_000)
    heard_there: dict[str, Any] = {"correction": "a bell ringing", "time_start": 30.0, "time_stop": 33.0}
    kept(store, 2, "wind", seconds=40.0, **heard_there)
    (proposed,) = found(store, row)
    assert (proposed.start, proposed.stop, proposed.is_verified) == (30.0, 33.0, True)
    assert len(partner_audio(store, row.id, long.public_id)[1]) == 48_000
    partner = confirm_partner(store, row.id, long.public_id, WHO)
    assert (partner.start, partner.stop) == (30.0, 33.0)
    assert list(verify(store)) == []


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("speaker", {"attribute": "voice", "correction": "a man"}),
        ("speech_content", {"correction": "a bell sinking"}),
    ],
)
def test_a_row_that_offers_every_answer_needs_no_partner(
    store: Store, kind: str, values: dict[str, Any]
) -> None:
    _, (row,) = kept(store, 1, kind=kind, **values)
    clip, _ = kept(store, 2, "rain")
    assert found(store, row) == []
    with pytest.raises(FlagError, match="needs no partner"):
        confirm_partner(store, row.id, clip.public_id, WHO)


def test_what_cannot_balance_is_refused_in_a_sentence(store: Store) -> None:
    own, (row,) = kept(store, 1)
    clip, _ = kept(store, 2, "rain")
    another, _ = kept(store, 3, "rain")
    partner = confirm_partner(store, row.id, clip.public_id, WHO)
    refused = [
        ("no such row", clip.public_id, "not in the store any more: reload"),
        (row.id, "no such clip", "not in the store any more: choose another"),
        (row.id, own.public_id, "question of another sound"),
        (partner.id, another.public_id, "itself a partner"),
    ]
    for row_id, public_id, sentence in refused:
        with pytest.raises((FlagError, StoreError), match=sentence) as problem:
            confirm_partner(store, row_id, public_id, WHO)
        assert str(problem.value).endswith(".")
    assert found(store, partner) == []
    take_out(store, row.id, WHO)
    assert found(store, row) == []
    with pytest.raises(StoreError, match="put it back before it is balanced"):
        confirm_partner(store, row.id, another.public_id, WHO)
    assert store.count_rows() == 3


def test_nothing_that_was_withdrawn_is_proposed_or_confirmed(store: Store) -> None:
    _, (row,) = kept(store, 1)
    clip, _ = kept(store, 2, "rain", correction="a bell ringing")
    assert ids(found(store, row)) == [clip.public_id]
    store.withdraw(Withdrawal(new_id(), clip.id, "clip", WHO))
    assert found(store, row) == []
    with pytest.raises(StoreError, match="not in the store any more"):
        confirm_partner(store, row.id, clip.public_id, WHO)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return Engine(write_mini_weights(tmp_path_factory.mktemp("weights")))


def test_clap_scores_stored_clips_as_it_scores_sounds_that_are_brought(store: Store, engine: Engine) -> None:
    clips = [kept(store, seed, "rain")[0] for seed in (1, 2)]
    scores = clap_ranking(engine, store)("a bell ringing", clips)
    for clip, score in zip(clips, scores, strict=True):
        brought = from_array(clip.rate, np.asarray(store.clip_samples(clip)))
        assert brought.clip.id == clip.id
        *_, said = engine.observe(brought, Request("clap", bank=("a bell ringing",)))
        assert isinstance(said, Observation)
        assert score == said.scores[0].cosine
    assert len(set(scores)) == 2


def test_a_clip_whose_audio_is_damaged_is_not_proposed(store: Store, engine: Engine) -> None:
    _, (row,) = kept(store, 1)
    damaged, _ = kept(store, 2, "rain")
    whole, _ = kept(store, 3, "rain")
    audio_path(store.audio_folder, damaged.id).write_bytes(b"no audio")
    assert ids(found(store, row, rank=clap_ranking(engine, store))) == [whole.public_id]


def test_a_suite_without_its_clap_says_so_in_a_sentence(store: Store, tmp_path: Path) -> None:
    made = write_mini_weights(tmp_path)
    for file in tmp_path.glob("clap*"):
        file.unlink()
    _, (row,) = kept(store, 1)
    kept(store, 2, "rain")
    with pytest.raises(FlagError, match="CLAP cannot order the sounds"):
        found(store, row, rank=clap_ranking(Engine(made), store))
