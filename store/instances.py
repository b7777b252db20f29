"""Instances: as many rows of one task under one licence as fit, and what has to hold before one is released.

Gates: the task submission and review pages of Dynamic-SUPERB (Huang et al., arXiv 2309.09510 and 2411.05361)
and this project's own: every question balanced, and not to be answered without the sound.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import duckdb

from store.benchmark import TASKS
from store.records import Licence, RowState
from store.rows import CHOSEN, RowFilter, parameters
from store.shortcut import Asked, shortcut_accuracy

COLLECTION = "Earwitness-Flagged"
ORGANISATION = "DynamicSuperb"  # whose data sets the instances are meant to become

MOST_ROWS = 200  # in one instance: as many as phase 2 evaluates
MOST_SECONDS = 3600.0  # audio of all rows of an instance together
LEAST_ROWS = 32  # a habit of contributors' validators, not a rule of the project
LEAST_INSTRUCTIONS = 10  # distinct ones, or a twentieth of the rows when that is more
MOST_SHORTCUT = 0.55  # share of rows that may be answered right without the sound

_LICENCE_IN_NAMES: dict[Licence, str] = {"CC0-1.0": "CC0", "CC-BY-4.0": "CCBY", "third-party": "ThirdParty"}

# Rows that balance each other follow each other, the one that was flagged first.
_ROWS = (
    CHOSEN
    + """
SELECT chosen.task, chosen.licence, coalesce(nullif(chosen.partner_of, ''), chosen.id) AS original,
    chosen.id, chosen.instruction, chosen.label, chosen.question, chosen.seconds, chosen.state
FROM chosen LEFT JOIN benchmark_row AS flagged ON flagged.id = chosen.partner_of
ORDER BY chosen.task, chosen.licence, coalesce(flagged.made_at, chosen.made_at), original,
    chosen.partner_of, chosen.id
"""
)


@dataclass(frozen=True)
class Gate:
    """One condition that an instance has to meet."""

    name: str  # what is counted
    have: float
    need: float
    is_most: bool = False  # True: `need` must not be exceeded; False: it must be reached
    is_rule: bool = True  # False: a habit of contributors

    @property
    def met(self) -> bool:
        """Whether the condition holds."""
        return self.have <= self.need if self.is_most else self.have >= self.need

    @property
    def words(self) -> str:
        """Such as “27 of at least 32 rows” or “12.5 minutes of audio, at most 60”."""
        if self.is_most:
            have = f"{self.have:.3g}"
            name = re.sub(r"^(row|minute)s\b", r"\1", self.name) if have == "1" else self.name
            return f"{have} {name}, at most {self.need:.3g}"
        return f"{self.have:.0f} of at least {self.need:.0f} {self.name}"


@dataclass(frozen=True)
class Instance:
    """Some rows of a task under one licence, and what they amount to; gates are judged by it."""

    task: str
    licence: Licence
    number: int  # 1 for the first of a task and licence; the next begins when one is full
    row_ids: tuple[str, ...]
    instructions: int  # distinct ones
    seconds: float  # audio of all rows together
    labels: dict[str, int]  # rows per label, most frequent first
    unpaired: int  # rows that may not be released before they have a partner
    shortcut: float  # share of rows that is answered right without the sound

    @property
    def rows(self) -> int:
        """How many rows it holds."""
        return len(self.row_ids)

    @property
    def name(self) -> str:
        """Task_Collection, numbered from the second on: it is the name of the data set, too."""
        return instance_name(self.task, self.licence, self.number)

    @property
    def gates(self) -> tuple[Gate, ...]:
        """How far it is from each condition."""
        asked = (
            Gate("rows", self.rows, LEAST_ROWS, is_rule=False),
            Gate("distinct instructions", self.instructions, max(LEAST_INSTRUCTIONS, self.rows // 20)),
            Gate("minutes of audio", self.seconds / 60, MOST_SECONDS / 60, is_most=True),
            Gate("rows without a partner", self.unpaired, 0, is_most=True),
        )
        if "accuracy" not in TASKS[self.task].metrics:
            return asked
        return (
            *asked,
            Gate("% right without the sound", 100 * self.shortcut, 100 * MOST_SHORTCUT, is_most=True),
        )

    @property
    def ready(self) -> bool:
        """Whether every gate is passed."""
        return all(gate.met for gate in self.gates)


def instance_name(task: str, licence: Licence, number: int = 1) -> str:
    """The name of an instance: one is never under two licences."""
    return f"{task}_{COLLECTION}{_LICENCE_IN_NAMES[licence]}" + (f"-{number}" if number > 1 else "")


def instances(cursor: duckdb.DuckDBPyConnection, chosen: RowFilter) -> list[Instance]:
    """The instances that the chosen rows make, by task and licence.

    Rows fill them in the order in which they were flagged; a row and those that balance it stay together, so
    an instance holds at most `MOST_ROWS` rows and `MOST_SECONDS` of audio unless one such group is larger.
    """
    lines = [_Line(*line) for line in cursor.execute(_ROWS, parameters(chosen)).fetchall()]
    found = []
    for (task, licence), same in groupby(lines, key=lambda line: (line.task, line.licence)):
        for number, filled in enumerate(_fill(list(same)), start=1):
            found.append(_instance(task, licence, number, filled))
    return found


class _Line(NamedTuple):
    task: str
    licence: Licence
    original: str
    id: str
    instruction: str
    label: str
    question: str
    seconds: float
    state: RowState


def _fill(lines: Sequence[_Line]) -> Iterator[list[_Line]]:
    """The rows of one task and licence in portions."""
    portion: list[_Line] = []
    seconds = 0.0
    for _, together in groupby(lines, key=lambda line: line.original):
        group = list(together)
        length = sum(line.seconds for line in group)
        if portion and (len(portion) + len(group) > MOST_ROWS or seconds + length > MOST_SECONDS):
            yield portion
            portion, seconds = [], 0.0
        portion += group
        seconds += length
    yield portion


def _instance(task: str, licence: Licence, number: int, lines: Sequence[_Line]) -> Instance:
    labels = Counter(line.label for line in lines)
    return Instance(
        task=task,
        licence=licence,
        number=number,
        row_ids=tuple(line.id for line in lines),
        instructions=len({line.instruction for line in lines}),
        seconds=sum(line.seconds for line in lines),
        labels=dict(sorted(labels.items(), key=lambda item: (-item[1], item[0]))),
        unpaired=sum(line.state == "unpaired" for line in lines),
        shortcut=shortcut_accuracy([Asked(line.instruction, line.label, line.question) for line in lines]),
    )
