"""Doubted words: what the panels underline is what the model gave little probability, and nothing else."""

from __future__ import annotations

from demos.panels.doubt import doubtful_parts
from store.records import Token
from tests.people import answer, sound

CLIP, _ = sound()


def parts(text: str, *tokens: tuple[str, float | None]) -> list[tuple[str, float]]:
    said = answer(CLIP, text, tokens=tuple(Token(*token) for token in tokens))
    return [(text[start:stop], probability) for start, stop, probability in doubtful_parts(said)]


def test_a_word_is_doubted_when_any_of_its_tokens_is() -> None:
    assert parts("a door closes", ("a", 0.9), (" do", 0.8), ("or", 0.2), (" closes", 0.7)) == [("door", 0.2)]


def test_neighbours_stay_apart() -> None:
    assert parts("a dog barks", ("a", 0.9), (" dog", 0.3), (" barks", 0.4)) == [("dog", 0.3), ("barks", 0.4)]


def test_tokens_without_a_probability_or_a_place_are_passed_over() -> None:
    assert parts("a dog", ("<s>", 0.01), ("a", None), (" dog", 0.9), ("</s>", 0.1)) == []


def test_the_second_of_equal_words_is_found() -> None:
    text = "rain and rain"
    said = answer(CLIP, text, tokens=(Token("rain", 0.9), Token(" and", 0.9), Token(" rain", 0.1)))
    assert [(start, stop) for start, stop, _ in doubtful_parts(said)] == [(9, 13)]
