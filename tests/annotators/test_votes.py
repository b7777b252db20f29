"""Voting as a person meets it: blind until the vote, one vote on a pair, kept only when they want it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from annotators.flags.checks import FlagError
from annotators.votes.ballot import Ballot, Pair, VoteError
from annotators.votes.ballot_component import asking, to_vote_on, voted
from annotators.votes.own_votes import own_votes, withdraw_vote
from annotators.votes.own_votes_component import own_votes_value
from annotators.votes.setting import setting_of
from annotators.votes.standings_component import standings_html
from annotators.votes.voting import (
    ask_blind,
    ballot_of,
    close_ballot,
    open_ballot,
    pair_that_stands,
    save_vote,
)
from demos.engine import Engine
from demos.line import Ahead
from demos.request import Request
from demos.session import Session, Sessions
from demos.sound import Sound, from_array
from store.errors import StoreError
from store.records import Rights, Vote
from store.store import Store
from store.votes import Standing
from tests.asking import busy
from tests.mini_weights import write_mini_weights
from tests.people import answer, rights
from tests.seeded import seeded_waveform

SOUND = from_array(16_000, seeded_waveform(1.0, 16_000, 1))
FULL = answer(SOUND.clip, text="A dog barks.", seconds=1.25)
HALF = answer(
    SOUND.clip, text="A cat meows.", settings={"beams": 4, "lora_scaling": 2.0, "over_silence": True}
)
WHO = "PRIVATE-CONTRIBUTOR"
ASKED = Request("salmonn", max_tokens=3), Request("salmonn", max_tokens=3, lora_scaling=2.0)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return Engine(write_mini_weights(tmp_path_factory.mktemp("weights")))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as opened:
        yield opened


def blind_pair(engine: Engine, session: Session) -> Pair:
    *_, pair = ask_blind(engine, session, SOUND, ASKED)
    assert isinstance(pair, Pair)
    return pair


def cast(ballot: Ballot, choice: Any = "left") -> Vote:
    return ballot.cast(choice, WHO, lambda vote: None)


def test_chance_says_which_answer_stands_on_the_left(engine: Engine) -> None:
    session = Sessions(engine).of("me")
    session.hold(SOUND)
    pairs = [blind_pair(engine, session) for _ in range(24)]
    assert {pair.left.lora_scaling for pair in pairs} == {2.0, 4.0}
    assert all({pair.left.lora_scaling, pair.right.lora_scaling} == {2.0, 4.0} for pair in pairs)
    assert all(pair.hidden for pair in pairs)
    assert len({one.id for pair in pairs for one in pair.sides}) == 48  # each asked anew
    assert session.observations() == []  # so that nothing else on the page can speak of them


def test_who_asks_blind_while_others_are_answered_is_told_what_is_ahead(engine: Engine) -> None:
    session = Sessions(engine).of("me")
    with busy(engine, ASKED[0]) as before:
        asked = ask_blind(engine, session, SOUND, ASKED)
        ahead = next(asked)
        assert isinstance(ahead, Ahead)
        assert asking(ahead)["sentence"] == "1st in line"
        assert asking(ahead)["left"] == ahead.time
        list(before[0])
        assert next(asked) is None
        assert asking(None)["sentence"] == "Both are asked …"
        *_, pair = asked
        assert isinstance(pair, Pair)


def test_before_the_vote_the_page_gets_the_words_of_a_hidden_pair_and_nothing_else() -> None:
    shown, turned = (to_vote_on(Pair(*sides, hidden=True)) for sides in ((FULL, HALF), (HALF, FULL)))
    sides = shown.pop("sides")
    assert turned.pop("sides") == [
        {**one, "name": other["name"]} for one, other in zip(sides[::-1], sides, strict=True)
    ]
    assert shown == turned
    assert [set(side) for side in sides] == [{"name", "text", "differs"}] * 2
    assert [side["text"] for side in sides] == [FULL.text, HALF.text]
    said = json.dumps(sides)
    assert not [one for one in (FULL.id, HALF.id, "LoRA", "beams", "silence", "1.25", "mini") if one in said]


def test_after_the_vote_names_settings_and_the_vote_are_shown() -> None:
    pair = Pair(HALF, FULL, hidden=True)
    shown = voted(pair, cast(Ballot(pair)), "Kept.")
    left, right = shown["sides"]
    assert left["setting"] == "mini-salmonn · LoRA 2 · 4 beams · over silence"
    assert (right["setting"], right["took"]) == ("mini-salmonn · LoRA 4 · greedy", "1.25 s · 2 tokens")
    assert (left["chosen"], right["chosen"]) == (True, False)
    assert (shown["outcome"], shown["note"]) == ("You voted: A is more faithful.", "Kept.")


def test_answers_with_their_names_can_be_voted_on_too_but_not_as_blind() -> None:
    pair = pair_that_stands(FULL, HALF)
    assert [side["setting"] for side in to_vote_on(pair)["sides"]] == [
        "mini-salmonn · LoRA 4 · greedy",
        "mini-salmonn · LoRA 2 · 4 beams · over silence",
    ]
    assert not cast(Ballot(pair)).blind
    with pytest.raises(VoteError, match="press Listen, then Compare"):
        pair_that_stands(FULL, None)


def test_who_had_seen_one_of_the_answers_does_not_vote_blind(engine: Engine) -> None:
    session = Sessions(engine).of("me")
    session.hold(SOUND)
    *_, said = engine.observe(SOUND, ASKED[0])
    assert not blind_pair(engine, session).seen
    session.keep(said)  # type: ignore[arg-type]
    pair = blind_pair(engine, session)
    assert pair.seen
    assert "does not count as blind" in to_vote_on(pair)["note"]


@pytest.mark.parametrize(
    ("one", "other", "sentence"),
    [
        (FULL, answer(SOUND.clip, text="Rain."), "Both settings are the same"),
        (FULL, replace(HALF, instruction="What else?"), "different questions"),
        (FULL, replace(HALF, view=replace(HALF.view, stop=0.5)), "different questions"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_a_sentence(one: Any, other: Any, sentence: str) -> None:
    with pytest.raises(VoteError, match=sentence):
        Pair(one, other, hidden=False)


def test_the_same_setting_twice_is_not_even_asked(engine: Engine) -> None:
    session = Sessions(engine).of("me")
    with pytest.raises(VoteError, match="Both settings are the same"):
        next(ask_blind(engine, session, SOUND, (ASKED[0], ASKED[0])))


def test_two_models_are_voted_on_blind_and_stand_apart_in_the_table(engine: Engine, store: Store) -> None:
    session = Sessions(engine).of("me")
    session.hold(SOUND)
    models = ("mini-salmonn", "mini-salmonn-before-activation")
    one, other = (replace(ASKED[0], model=model) for model in models)
    *_, pair = ask_blind(engine, session, SOUND, (one, other))
    assert isinstance(pair, Pair)
    assert {said.model_id for said in pair.sides} == set(models)
    assert not [model for model in models if model in json.dumps(to_vote_on(pair))]

    ballot, stated = Ballot(pair), rights(SOUND.clip)
    given = ballot.cast("both", WHO, lambda vote: save_vote(store, SOUND, ballot.pair, vote, stated))
    assert {side["setting"].split(" · ")[0] for side in voted(pair, given, "")["sides"]} == set(models)
    assert {standing.model for standing in store.standings()} == set(models)


def test_a_vote_is_given_once_and_for_all() -> None:
    ballot = Ballot(Pair(FULL, HALF, hidden=True))
    with pytest.raises(VoteError, match="no vote “up”: choose one of left, right, both, neither"):
        cast(ballot, "up")
    given = cast(ballot, "both")
    assert (given.left_observation_id, given.right_observation_id) == (FULL.id, HALF.id)
    assert (given.choice, given.blind, given.contributor) == ("both", True, WHO)
    with pytest.raises(VoteError, match="stays as it was given"):
        cast(ballot, "left")


def test_of_the_same_words_neither_is_more_faithful() -> None:
    ballot = Ballot(Pair(FULL, replace(HALF, text=f" {FULL.text}\n"), hidden=True))
    for choice in ("left", "right"):
        with pytest.raises(VoteError, match="the same words"):
            cast(ballot, choice)
    assert cast(ballot, "neither").choice == "neither"


def test_a_vote_without_rights_is_not_given_and_can_be_given_then(store: Store) -> None:
    ballot = Ballot(Pair(FULL, HALF, hidden=True))

    def keep(stated: Rights | None) -> Vote:
        return ballot.cast("right", WHO, lambda vote: save_vote(store, SOUND, ballot.pair, vote, stated))

    for stated, sentence in ((None, "whose sound"), (rights(SOUND.clip, speaker_agrees=False), "must agree")):
        with pytest.raises(FlagError, match=sentence):
            keep(stated)
    assert set(store.counts().values()) == {0}
    given = keep(rights(SOUND.clip))
    assert store.vote(given.id) == given
    assert [store.observation(one.id) for one in (FULL, HALF)] == [FULL, HALF]


def test_who_voted_sees_and_takes_back_their_own_votes_and_nobody_elses(store: Store) -> None:
    for who in (WHO, "SOMEBODY-ELSE"):
        ballot = Ballot(Pair(FULL, HALF, hidden=True))
        stated = rights(SOUND.clip, contributor=who)
        ballot.cast("left", who, lambda vote, b=ballot, r=stated: save_vote(store, SOUND, b.pair, vote, r))  # type: ignore[misc]
    (mine,), (theirs,) = own_votes(store, WHO), own_votes(store, "SOMEBODY-ELSE")
    (line,) = own_votes_value([mine])["votes"]
    assert (line["choice"], line["question"]) == ("A is more faithful", FULL.instruction)
    assert line["sides"].startswith("A: mini-salmonn · LoRA 4 · greedy; B: mini-salmonn · LoRA 2")
    with pytest.raises(VoteError, match="Only who gave a vote"):
        withdraw_vote(store, theirs.vote.id, WHO)
    withdraw_vote(store, mine.vote.id, WHO)
    assert (own_votes(store, WHO), own_votes(store, "SOMEBODY-ELSE")) == ([], [theirs])
    with pytest.raises(StoreError, match="not in the store any more"):
        withdraw_vote(store, mine.vote.id, WHO)


def test_a_vote_that_is_not_to_be_kept_leaves_nothing(store: Store) -> None:
    cast(Ballot(Pair(FULL, HALF, hidden=True)))
    assert set(store.counts().values()) == {0}


def test_the_pair_goes_with_the_sound(engine: Engine) -> None:
    session = Sessions(engine).of("me")
    session.hold(SOUND)
    with pytest.raises(VoteError, match="ask both again"):
        ballot_of(session)
    ballot = open_ballot(session, SOUND, Pair(FULL, HALF, hidden=True))
    assert ballot_of(session) is ballot
    close_ballot(session)
    with pytest.raises(VoteError, match="ask both again"):
        ballot_of(session)
    open_ballot(session, SOUND, Pair(FULL, HALF, hidden=True))
    other: Sound = from_array(16_000, seeded_waveform(1.0, 16_000, 2))
    session.hold(other)
    with pytest.raises(VoteError, match="ask both again"):
        ballot_of(session)
    with pytest.raises(VoteError, match="Another sound"):
        open_ballot(session, SOUND, Pair(FULL, HALF, hidden=True))


def test_the_table_of_votes_names_settings_and_escapes_them() -> None:
    assert standings_html([]) == ""
    table = standings_html([Standing("<b>model", 2.0, 1, False, 3, 2, 1, 4, 7)])
    assert '<th scope="row">&lt;b&gt;model · LoRA 2 · greedy</th>' in table
    assert "".join(f"<td>{number}</td>" for number in (3, 2, 1, 4, 10, 7)) in table
    assert setting_of(replace(FULL, settings={}, model_id="mini-pengi")).words == "mini-pengi · greedy"
