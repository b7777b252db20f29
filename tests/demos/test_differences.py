"""Where two answers differ."""

from __future__ import annotations

import pytest

from demos.panels.differences import differing_words


@pytest.mark.parametrize(
    ("text", "other", "differs"),
    [
        ("a dog barking", "a dog barking", []),
        ("A dog, barking.", "a dog barking", []),
        ("a dog barking", "a cat meowing", ["dog", "barking"]),
        ("rain then a bell", "a bell then rain", ["rain", "then"]),
        ("a dog", "", ["a", "dog"]),
        ("", "a dog", []),
        ("yes …", "yes", ["…"]),
    ],
)
def test_words_that_are_not_in_the_other(text: str, other: str, differs: list[str]) -> None:
    assert [text[start:stop] for start, stop in differing_words(text, other)] == differs
