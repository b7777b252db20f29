"""Where two answers differ, word by word."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

_WORD = re.compile(r"\S+")


def differing_words(text: str, other: str) -> list[tuple[int, int]]:
    """The words (start, stop) of `text` that `other` does not have in the same order, whatever their case."""
    words, others = list(_WORD.finditer(text)), _WORD.findall(other)
    matcher = SequenceMatcher(
        None, [_plain(word[0]) for word in words], list(map(_plain, others)), autojunk=False
    )
    same = {
        place for block in matcher.get_matching_blocks() for place in range(block.a, block.a + block.size)
    }
    return [word.span() for place, word in enumerate(words) if place not in same]


def _plain(word: str) -> str:
    return word.lower().strip(".,;:!?“”\"'") or word
