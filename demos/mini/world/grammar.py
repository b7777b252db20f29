"""A closed grammar of everyday English sentences: statements, commands, and questions about the background.

Between 520 and 620 distinct words, three to ten words a sentence. A template is drawn as often as there are
words that rely on it, so that every word is heard often enough to be learnt.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from demos.mini.world.sentences import CHECKS, COMMANDS, QUESTIONS, STATEMENTS, WORDS

SentenceKind = Literal["statement", "command", "question", "check"]
KINDS: tuple[SentenceKind, ...] = ("statement", "command", "question", "check")
_KIND_SHARES = (0.45, 0.2, 0.25, 0.1)


@dataclass(frozen=True)
class Sentence:
    """One utterance: lower-case words.

    `asks` is what a question wants to know: "any" for the one background event, or a category, whose event is
    the answer whatever else sounds. A "check" asks whether any event of the category is there: yes or no.
    """

    text: str
    kind: SentenceKind
    asks: str | None = None


_SLOT = re.compile(r"{(\w+)}")


def _shares(templates: Sequence[str]) -> NDArray[np.float64]:
    """How often each template is drawn: a word's need is split among the templates that can say it."""
    uses = Counter(part for template in templates for part in template.split())
    slots = {f"{{{slot}}}": len(words) for slot, words in WORDS.items()}
    need = [sum(slots.get(part, 1.5) / uses[part] for part in template.split()) for template in templates]
    return np.array(need) / sum(need)


_TEMPLATES: Mapping[str, tuple[Sequence[str], NDArray[np.float64]]] = {
    "statement": (STATEMENTS, np.cumsum(_shares(STATEMENTS))),
    "command": (COMMANDS, np.cumsum(_shares(COMMANDS))),
}


def all_sentences(kind: SentenceKind) -> Iterator[Sentence]:
    """Every sentence of a kind, in a fixed order, one by one: there are over 200,000 statements."""
    if kind in _TEMPLATES:
        for template in _TEMPLATES[kind][0]:
            slots = _SLOT.findall(template)
            for words in product(*(WORDS[slot] for slot in slots)):
                yield Sentence(template.format(**dict(zip(slots, words, strict=True))), kind)
        return
    for asks, texts in (QUESTIONS if kind == "question" else CHECKS).items():
        for text in texts:
            yield Sentence(text, kind, asks)


def sample_sentence(
    rng: np.random.Generator, kind: SentenceKind | None = None, asks: str | None = None
) -> Sentence:
    """A random sentence of a kind; of any kind when None, statements most often.

    For "question" and "check", `asks` picks what is asked for; None draws it evenly.
    """
    kind = kind or KINDS[int(rng.choice(len(KINDS), p=_KIND_SHARES))]
    if kind in _TEMPLATES:
        templates, cumulated = _TEMPLATES[kind]
        position = int(np.searchsorted(cumulated, rng.random(), side="right"))
        template = templates[min(position, len(templates) - 1)]
        filled = {slot: WORDS[slot][int(rng.integers(len(WORDS[slot])))] for slot in _SLOT.findall(template)}
        return Sentence(template.format(**filled), kind)
    asked = QUESTIONS if kind == "question" else CHECKS
    if asks is None:
        asks = tuple(asked)[int(rng.integers(len(asked)))]
    elif asks not in asked:
        raise ValueError(f"A {kind} asks for one of {', '.join(asked)}, not for {asks!r}.")
    return Sentence(asked[asks][int(rng.integers(len(asked[asks])))], kind, asks)


def vocabulary() -> list[str]:
    """Every word of the grammar, sorted."""
    fixed = [
        *STATEMENTS,
        *COMMANDS,
        *(text for asked in (QUESTIONS, CHECKS) for texts in asked.values() for text in texts),
    ]
    words = {word for text in fixed for word in text.split() if not _SLOT.fullmatch(word)}
    slots = {slot for text in fixed for slot in _SLOT.findall(text)}
    return sorted(words.union(*(WORDS[slot] for slot in slots)))
