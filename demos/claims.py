"""Two claims in one: where words that were marked in an answer can be taken apart.

A flag holds one atomic claim, and captions join several: “a dog barking and a bell ringing”. What is said
here is an offer; who knows better marks otherwise. No grammar is known, only the English words that join, and
the usual cases in which they join less than two claims: two adjectives, two verbs of one subject, a pair
that is one thing.
"""

from __future__ import annotations

import re

MOST_PARTS = 6  # are offered

Span = tuple[int, int]  # characters of the text; the second is the first one after

_JOINS = re.compile(
    r"""(?:,\s*)? \b (?P<word> followed\s+by | and\s+then | as\s+well\s+as | along\s+with | together\s+with
        | then | while | before | after | and | with | as ) \b
    | (?P<mark> ; | [.!?…] (?=\s) | , (?=\s) )""",
    re.VERBOSE | re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")


def _set_of(words: str) -> frozenset[str]:
    return frozenset(words.split())


_DETERMINERS = _set_of(
    """a an the some another several many few two three four five someone somebody something people his her
    its their"""
)
_PLACES = _set_of("in on at from near during throughout behind over under")
_ADJECTIVES = _set_of(
    """loud quiet soft gentle high low deep bright dull sharp harsh heavy light strong weak fast slow quick
    long short big small large little old young black white happy sad angry calm clear faint distant near
    metallic electronic male female steady constant rapid rhythmic continuous noisy windy wet dry"""
)
_NO_CLAIM_BEFORE_AS = _set_of("such same just as known much long well soon")
_ONE_THING = frozenset(
    {
        ("rock", "roll"),
        ("drum", "bass"),
        ("rhythm", "blues"),
        ("back", "forth"),
        ("up", "down"),
        ("on", "off"),
    }
)


def split(text: str) -> tuple[Span, ...]:
    """The claims that a text seems to hold, in their order, trimmed; empty when it is one claim or none."""
    begin, parts = 0, []
    joins = list(_JOINS.finditer(text))
    for place, join in enumerate(joins):
        following = joins[place + 1].start() if place + 1 < len(joins) else len(text)
        left, right = _words(text[begin : join.start()]), _words(text[join.end() : following])
        if not left:  # the text begins by joining
            begin = join.end()
        elif _separates(join, left, right):
            parts.append((begin, join.start()))
            begin = join.end()
    parts.append((begin, len(text)))
    trimmed = [span for part in parts if (span := _trimmed(text, part)) is not None]
    return tuple(trimmed[:MOST_PARTS]) if len(trimmed) > 1 else ()


def _separates(join: re.Match[str], left: list[str], right: list[str]) -> bool:
    """Whether a claim seems to stand on either side of what joins them."""
    mark, word = join["mark"], " ".join((join["word"] or "").lower().split())
    if not right:
        return False
    if mark and mark != ",":
        return True
    if mark or word == "and":
        return left[0] not in _PLACES and _are_two(left, right, comma=bool(mark))
    if word == "with":
        return any(_is_ing(one) for one in right[1:]) or right[-1] == "background"
    if word == "as":
        return right[0] in _DETERMINERS and left[-1] not in _NO_CLAIM_BEFORE_AS
    if word in ("while", "before", "after") and _is_ing(right[0]):
        return False
    return not _goes_on(left, right)


def _are_two(left: list[str], right: list[str], comma: bool) -> bool:
    """Whether “and” or a comma joins two claims, and not two words of one."""
    if left[-1] == right[0] or (left[-1], right[0]) in _ONE_THING:
        return False
    if "between" in left or "both" in left:
        return False
    if right[0] in _DETERMINERS:
        return True
    if left[-1] in _ADJECTIVES or (comma and _is_ing(right[0])):
        return False
    if left[0] in ("a", "an") and len(left) == 2 and len(right) > 1:  # “a hollow and metallic sound”
        return False
    return not _goes_on(left, right)


def _goes_on(left: list[str], right: list[str]) -> bool:
    """Whether the right side seems to say more of the subject on the left: “… barks | and growls loudly”."""
    said_by_ing = any(map(_is_ing, left[1:]))
    if _is_ing(right[0]):
        return said_by_ing or (len(right) == 1 and len(left) > 1)
    verb = len(left) > 2 and "of" not in left and not said_by_ing and right[0].endswith("s")
    return verb and (len(right) == 1 or (len(right) == 2 and right[1].endswith("ly")))


def _is_ing(word: str) -> bool:
    return len(word) > 4 and word.endswith("ing") and word not in ("evening", "morning", "something")


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def _trimmed(text: str, part: Span) -> Span | None:
    """From the first word of a part to the last; None when it has no word."""
    words = list(_WORD.finditer(text, *part))
    return (words[0].start(), words[-1].end()) if words else None
