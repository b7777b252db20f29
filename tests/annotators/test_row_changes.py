"""What people do with rows afterwards: say them otherwise, take them out, hear the model again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from annotators.flags.checks import FlagError
from annotators.flags.flagging import save_flag
from annotators.flags.partners import confirm_partner
from annotators.tasks.editing import edit_row, take_out, withdraw
from annotators.tasks.replay import replay
from demos.engine import Engine, Request
from demos.sound import from_array
from store.errors import StoreError
from store.records import Observation, Row
from store.store import Store
from store.verify import verify
from tests.mini_weights import write_mini_weights
from tests.people import answer, flag, rights, sound

WHO = "PRIVATE-CONTRIBUTOR"
OTHER = "mini-salmonn-before-activation"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as opened:
        yield opened


def saved(store: Store) -> Row:
    clip, samples = sound()
    observation = answer(clip)
    return save_flag(store, clip, samples, observation, flag(observation), rights(clip)).rows[0]


def test_who_made_a_row_says_it_otherwise_and_the_old_words_stay(store: Store) -> None:
    row = saved(store)
    view = edit_row(store, row.id, WHO, "  Is there a\ncar? Answer yes or no. ", "no", "clearer")
    assert (view.row.instruction, view.row.label, view.edits) == (
        "Is there a car? Answer yes or no.",
        "no",
        1,
    )
    assert [version.instruction for version in store.row_history(row.id)] == [
        row.instruction,
        "Is there a car? Answer yes or no.",
    ]


@pytest.mark.parametrize(
    ("who", "instruction", "label", "sentence"),
    [
        ("somebody else", "Is there a car? Answer yes or no.", "no", "Only who made this row"),
        (WHO, "", "no", "needs an instruction"),
        (WHO, "Is there a car?", "maybe", "“maybe” is not among them"),
        (WHO, "Is it so? yes or no " + "x" * 600, "no", "shorten it to 600"),
    ],
)
def test_words_that_cannot_stand_are_refused_and_nothing_changes(
    store: Store, who: str, instruction: str, label: str, sentence: str
) -> None:
    row = saved(store)
    with pytest.raises(FlagError, match=sentence):
        edit_row(store, row.id, who, instruction, label)
    assert len(store.row_history(row.id)) == 1


def test_the_same_words_are_no_edit(store: Store) -> None:
    row = saved(store)
    with pytest.raises(FlagError, match="Nothing was changed"):
        edit_row(store, row.id, WHO, row.instruction, row.label)


def test_a_row_is_taken_out_and_put_back(store: Store) -> None:
    row = saved(store)
    assert take_out(store, row.id, WHO).state == "taken_out"
    assert row.id not in {view.row.id for view in store.rows()}
    assert take_out(store, row.id, WHO).edits == 1, "taking it out again changes nothing"
    assert take_out(store, row.id, WHO, back=True).state == "unpaired"
    with pytest.raises(FlagError, match="Only who made this row"):
        take_out(store, row.id, "somebody else")
    with pytest.raises(StoreError, match="reload the list"):
        take_out(store, "0" * 32, WHO)


def test_who_flagged_takes_back_what_they_gave_and_the_owner_the_sound(store: Store) -> None:
    row = saved(store)
    with pytest.raises(FlagError, match="Only who made this row"):
        withdraw(store, row.id, "somebody else")
    withdraw(store, row.id, WHO)
    assert store.counts()["rows"] == store.counts()["clips"] == 0
    clip, samples = sound(seed=5)
    observation = answer(clip)
    mine = save_flag(store, clip, samples, observation, flag(observation), rights(clip)).rows[0]
    theirs = answer(clip)
    other = flag(theirs, contributor="somebody else")
    save_flag(store, clip, samples, theirs, other, rights(clip, contributor="somebody else"))
    withdraw(store, mine.id, WHO, everyone=True)
    assert store.counts()["clips"] == store.counts()["flags"] == 0
    assert list(verify(store)) == []


def test_a_partner_row_does_not_withdraw_the_sound_that_it_balances(store: Store) -> None:
    row = saved(store)
    clip, samples = sound(seed=9)
    observation = answer(clip)
    save_flag(store, clip, samples, observation, flag(observation, claim="rain", correction=""), rights(clip))
    partner = confirm_partner(store, row.id, clip.public_id, WHO)
    before = store.counts()
    with pytest.raises(FlagError, match="another sound than the one you flagged"):
        withdraw(store, partner.id, WHO)
    assert store.counts() == before


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return Engine(write_mini_weights(tmp_path_factory.mktemp("weights")))


def heard_and_flagged(store: Store, engine: Engine, request: Request) -> Observation:
    """A real observation of the engine, flagged."""
    _, samples = sound(seconds=2.0, channels=1, seed=7)
    brought = from_array(22_050, samples)
    *_, said = engine.observe(brought, request)
    assert isinstance(said, Observation)
    word = said.text.split()[0] if said.text.split() else said.text
    one = flag(said, marked=word, claim="a sound that is not there")
    save_flag(store, brought.clip, brought.samples, said, one, rights(brought.clip))
    return said


@pytest.mark.parametrize(
    "request_",
    [
        Request("clap", bank=("a dog", "rain", "a bell")),
        Request("pengi", instruction="this is a sound of", beams=2, max_tokens=8),
        Request("salmonn", instruction="What is there?", lora_scaling=2.5, max_tokens=9, start=0.25),
        Request("salmonn", instruction="And then?", turns=(("What is there?", "a dog"),), max_tokens=9),
        Request("salmonn", instruction="What is there?", over_silence=True, max_tokens=9),
        Request("salmonn", model=OTHER, instruction="What is there?", max_tokens=9),
    ],
    ids=["clap", "pengi", "salmonn", "follow-up", "over silence", "another model"],
)
def test_the_same_model_says_the_same_again(store: Store, engine: Engine, request_: Request) -> None:
    said = heard_and_flagged(store, engine, request_)
    again = replay(store, engine, store.rows()[0].row.id)
    assert again.same_words
    assert again.changes == ()
    assert again.now.view == said.view
    assert again.now.settings == said.settings
    assert (again.now.model_id, again.now.model_revision) == (said.model_id, said.model_revision)
    assert again.now.id != said.id


def test_a_replay_says_what_changed(store: Store, engine: Engine, tmp_path: Path) -> None:
    said = heard_and_flagged(store, engine, Request("clap", bank=("a dog", "rain", "a bell")))
    folder = tmp_path / "other"
    folder.mkdir()
    other = write_mini_weights(folder)
    (folder / "clap.json").write_text((folder / "clap.json").read_text() + "\n")
    again = replay(store, Engine(other), store.rows()[0].row.id)
    assert again.now.model_revision != said.model_revision
    (sentence,) = again.changes
    assert said.model_revision[:8] in sentence


def test_a_model_that_is_not_here_is_named(store: Store, engine: Engine) -> None:
    clip, samples = sound()
    observation = replace(answer(clip), model_id="salmonn-13b")
    row = save_flag(store, clip, samples, observation, flag(observation), rights(clip)).rows[0]
    with pytest.raises(StoreError, match=f"salmonn-13b said this, .* has mini-salmonn and {OTHER}"):
        replay(store, engine, row.id)
