"""A conversation with SALMONN: how earlier turns stand in the prompt, what a follow-up costs and carries."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from demos.catalog import suite
from demos.conversation import LONGEST_ANSWER, MOST_TURNS, follow_up, turns_from, turns_of
from demos.engine import Engine, EngineError
from demos.salmonn.answering import prompt_ids
from store.records import observation_from_dict, to_json
from tests.asking import ask, passes, sweep

ENCODERS = ("whisper encoder", "BEATs", "HTSAT")
TURNS = (("what can you hear?", "a dog barking"), ("is it loud?", "loud"))


def test_earlier_turns_stand_as_in_vicuna_with_the_sound_in_the_first_alone(warm: Engine) -> None:
    said = ask(warm, sweep(), "salmonn", instruction="is it near?", turns=TURNS)
    assert said.prompt == (
        "USER: <Speech><SpeechHere></Speech> what can you hear?\nASSISTANT: a dog barking</s>"
        "USER: is it loud?\nASSISTANT: loud</s>USER: is it near?\nASSISTANT:"
    )
    assert said.instruction == "is it near?"


def test_the_ids_of_a_turn_are_those_that_the_model_was_asked_and_wrote(warm: Engine) -> None:
    answering = warm.networks.answering()
    config, tokenizer = answering.network.config, answering.tokenizer
    before, asked = prompt_ids(config, tokenizer, TURNS[0][0])
    written = tokenizer.encode(f" {TURNS[0][1]}", add_special_tokens=False)  # as a target of the training
    follows = tokenizer.encode("USER: is it near?\nASSISTANT:", add_special_tokens=False)
    end = config.llama["eos_token_id"]
    assert prompt_ids(config, tokenizer, "is it near?", TURNS[:1]) == (
        before,
        [*asked, *written, end, *follows],
    )


def test_a_follow_up_runs_no_encoder_again(folder: Path) -> None:
    engine, sound = Engine(suite("mini", folder)), sweep()
    with passes(engine) as counted:
        said = ask(engine, sound, "salmonn")
        once = {name: counted[name] for name in ENCODERS}
        asked = follow_up(said, "and then?")
        ask(engine, sound, "salmonn", instruction=asked.question, turns=asked.turns)
    assert {name: counted[name] for name in ENCODERS} == once
    assert once["whisper encoder"] == once["BEATs"] == 1


def test_a_follow_up_carries_the_turns_before_it_and_is_followed_up_in_turn(warm: Engine) -> None:
    sound = sweep()
    first = ask(warm, sound, "salmonn", instruction="what can you hear?")
    second = follow_up(first, "  and then? ")
    assert second.question == "and then?"
    assert second.turns == (("what can you hear?", first.text),)
    said = ask(warm, sound, "salmonn", instruction=second.question, turns=second.turns)
    kept = observation_from_dict(json.loads(to_json(said)))
    assert turns_of(kept) == second.turns
    assert follow_up(kept, "why?").turns == (*second.turns, ("and then?", said.text))
    assert turns_of(first) == ()
    assert "turns" not in first.settings


def test_what_was_said_before_changes_what_is_probable(warm: Engine) -> None:
    sound = sweep()
    alone = ask(warm, sound, "salmonn", instruction="and then?")
    follows = ask(warm, sound, "salmonn", instruction="and then?", turns=TURNS)
    assert [token.probability for token in alone.tokens] != [token.probability for token in follows.tokens]


def test_a_follow_up_is_looked_into_with_the_turns_before_it(warm: Engine) -> None:
    sound = sweep()
    said = ask(warm, sound, "salmonn", instruction="and then?", turns=TURNS)
    found = warm.grounds(sound, said)
    expected = [token.probability for token in said.tokens]
    np.testing.assert_allclose(found.probabilities, np.array(expected, np.float32), atol=1e-4)


@pytest.mark.parametrize(
    ("turns", "sentence"),
    [
        ((("again?", "yes"),) * (MOST_TURNS + 1), f"it may have {MOST_TURNS}. Begin a new one"),
        (((" ", "yes"),), "needs a question"),
        ((("q" * 501, "yes"),), "at most 500 characters"),
        ((("what?", "a" * (LONGEST_ANSWER + 1)),), "Begin a new conversation"),
        ((("what?", "a word " * 500),), "too long for this model; please begin a new one"),
    ],
)
def test_a_conversation_that_is_too_long_is_refused_in_a_sentence(
    warm: Engine, turns: tuple[tuple[str, str], ...], sentence: str
) -> None:
    with pytest.raises(EngineError, match=sentence):
        ask(warm, sweep(), "salmonn", instruction="and then?", turns=turns)


def test_other_systems_know_no_conversation(warm: Engine) -> None:
    said = ask(warm, sweep(), "pengi", instruction="generate metadata", turns=TURNS)
    assert "turns" not in said.settings
    assert said.prompt == "generate metadata"


@pytest.mark.parametrize("turns", [["what?"], [["what?"]], [["what?", 3]], ["ab"], [["a", "b", "c"]]])
def test_turns_that_are_no_pairs_of_texts_are_refused(turns: list[object]) -> None:
    with pytest.raises(ValueError, match="a question and its answer"):
        turns_from(turns)
