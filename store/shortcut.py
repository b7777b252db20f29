"""How well an instance could be answered without its sound: the text-only shortcut.

A set that a deaf model can solve measures nothing (hallucination studies after MuChoMusic and MMAU publish
this number). The rules tried are those that carry over to rows nobody has seen; the best of them counts.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

_QUOTED = re.compile(r"“([^”]+)”")


@dataclass(frozen=True)
class Asked:
    """A row without its sound."""

    instruction: str
    label: str
    question: str  # `store.records.question_key`


def shortcut_accuracy(rows: Sequence[Asked]) -> float:
    """The best share of rows, 0..1, that is answered right from the text alone; 0 for no rows.

    Tried are: always the most frequent label; for a question that is asked more than once its most frequent
    label, the most frequent one elsewhere; always the option at one place among those that an instruction
    quotes; always the longest or the shortest of these options. A single question's own label is not looked
    up: that would be knowing the row.
    """
    if not rows:
        return 0.0
    rules = [_by_question(rows)]
    options = [_QUOTED.findall(row.instruction) for row in rows]
    if all(len(quoted) >= 2 for quoted in options):
        longest = max(map(len, options))
        rules += [_share(rows, [quoted[at % len(quoted)] for quoted in options]) for at in range(longest)]
        rules += [_share(rows, [choose(quoted, key=len) for quoted in options]) for choose in (min, max)]
    return max(rules)


def _by_question(rows: Sequence[Asked]) -> float:
    """The accuracy of the most frequent label, looked up by question where one is asked more than once."""
    overall = Counter(row.label for row in rows).most_common(1)[0]
    by_question: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        by_question[row.question][row.label] += 1
    right = sum(
        labels.most_common(1)[0][1] if labels.total() > 1 else labels[overall[0]]
        for labels in by_question.values()
    )
    return max(right, overall[1]) / len(rows)


def _share(rows: Sequence[Asked], answers: Sequence[str]) -> float:
    """The accuracy of some answers."""
    return sum(row.label == said for row, said in zip(rows, answers, strict=True)) / len(rows)
