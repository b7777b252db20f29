"""Marked words that hold two claims are taken apart; one claim is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demos.claims import MOST_PARTS, split


def parts(text: str) -> list[str]:
    return [text[start:stop] for start, stop in split(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a dog barking and a bell ringing", ["a dog barking", "a bell ringing"]),
        ("A bell rings, then a dog barks.", ["A bell rings", "a dog barks"]),
        ("a bell rings and then a dog barks", ["a bell rings", "a dog barks"]),
        ("a man speaking while birds chirp", ["a man speaking", "birds chirp"]),
        ("A bell rings. A dog barks!", ["A bell rings", "A dog barks"]),
        ("a siren; a dog", ["a siren", "a dog"]),
        ("rain and thunder", ["rain", "thunder"]),
        ("rain, thunder and wind", ["rain", "thunder", "wind"]),
        ("a car, a train, and a plane", ["a car", "a train", "a plane"]),
        ("thunder and lightning", ["thunder", "lightning"]),
        ("barking and howling", ["barking", "howling"]),
        ("a man speaking and music", ["a man speaking", "music"]),
        ("birds chirping and wind blowing", ["birds chirping", "wind blowing"]),
        ("the sound of rain and footsteps", ["the sound of rain", "footsteps"]),
        ("wind and running water", ["wind", "running water"]),
        ("a bell followed by footsteps", ["a bell", "footsteps"]),
        ("a dog barks as a siren wails", ["a dog barks", "a siren wails"]),
        ("a man speaks before a door closes", ["a man speaks", "a door closes"]),
        ("a man speaking with a dog barking", ["a man speaking", "a dog barking"]),
        ("a man speaking with music in the background", ["a man speaking", "music in the background"]),
        ("and a dog barks and birds chirp", ["a dog barks", "birds chirp"]),
        ("a crying baby, as well as a woman", ["a crying baby", "a woman"]),
    ],
)
def test_two_claims_are_taken_apart(text: str, expected: list[str]) -> None:
    assert parts(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " , and ",
        "a passing car",
        "a dog barking and howling",
        "a dog barking and growling loudly",
        "A dog barks and growls",
        "A dog barks and growls loudly",
        "a loud and clear voice",
        "a hollow and metallic sound",
        "a loud, sharp bang",
        "rock and roll",
        "louder and louder",
        "footsteps going back and forth",
        "a conversation between a man and a woman",
        "a man talking with a friend",
        "a sound such as a bell",
        "a man speaks while walking",
        "In the background, a dog barks",
        "a dog, barking loudly",
        "1,000 birds",
        "the sand under a standing band",
        "A dog barks.",
    ],
)
def test_one_claim_is_left_alone(text: str) -> None:
    assert parts(text) == []


joined = st.lists(
    st.sampled_from(
        ["a dog barking", "rain", "and", "then", "while", ",", ". ", "; ", "with", "as", "🎺", "s"]
    ),
    max_size=12,
).map(" ".join)


@given(st.one_of(joined, st.text(max_size=80)))
def test_parts_lie_in_the_text_in_order_and_hold_words(text: str) -> None:
    spans = split(text)
    assert len(spans) != 1
    assert len(spans) <= MOST_PARTS
    ends = 0
    for start, stop in spans:
        assert ends <= start < stop <= len(text)
        assert text[start].isalnum()
        assert text[stop - 1].isalnum()
        ends = stop
