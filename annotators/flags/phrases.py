"""What people type, made ready to stand inside a question, and compared."""

from __future__ import annotations

import unicodedata

_QUOTES = "\"'“”‘’«»„"
_SENTENCE_ENDS = ".,;:!?…"


def tidy(text: str) -> str:
    """A phrase ready to stand inside a question: single spaces, no quotes around, no full stop after it."""
    phrase = one_line(text)
    while phrase and (phrase[0] in _QUOTES or phrase[-1] in _QUOTES + _SENTENCE_ENDS):
        phrase = phrase[1:] if phrase[0] in _QUOTES else phrase[:-1]
        phrase = phrase.strip()
    return phrase


def one_line(text: str) -> str:
    """The text with single spaces for whatever stands between its words."""
    return " ".join(text.split())


def same_words(one: str, other: str) -> bool:
    """Whether two phrases differ in nothing but case, punctuation and spaces."""
    return letters(one) == letters(other)


def letters(text: str) -> str:
    """The letters and digits of a text, by which phrases are compared; of one without any, all but spaces."""
    return "".join(
        letter for letter in unicodedata.normalize("NFKC", text).casefold() if letter.isalnum()
    ) or one_line(text)


def alike(one: str, other: str) -> tuple[str, str]:
    """Both phrases with a capital when either has one: case must not tell the typed one from the model's."""
    if one[:1].isupper() != other[:1].isupper():
        return one[:1].upper() + one[1:], other[:1].upper() + other[1:]
    return one, other
