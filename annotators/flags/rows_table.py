"""Rows as a small table of the page: what is asked and what is right. Everything said is escaped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import Any

from annotators.flags.kinds import KINDS
from store.records import Flag, Row

_NUMBERS = ("no", "one", "two", "three")


def rows_table(rows: Sequence[Row]) -> str:
    """Instruction and label of each row, as HTML."""
    lines = "".join(
        f"<tr><td>{escape(row.instruction)}</td><td><b>{escape(row.label)}</b></td></tr>" for row in rows
    )
    return (
        '<table class="rows"><thead><tr><th scope="col">instruction</th><th scope="col">label</th></tr>'
        f"</thead><tbody>{lines}</tbody></table>"
    )


def becoming(flag: Flag, rows: Sequence[Row], before: str = "Becomes") -> str:
    """A heading that says how many rows of which tasks a flag becomes, and the rows, as HTML.

    Of a flag that becomes no row it says so, and what it is good for.
    """
    if not rows:
        return f'<h3>{escape(before)} a flag</h3><p class="hint">{escape(KINDS[flag.kind].becomes)}</p>'
    counts = Counter(row.task for row in rows)
    tasks = " and ".join(f"{_rows(count)} of <u>{escape(task)}</u>" for task, count in counts.items())
    return (
        f"<h3>{escape(before)} {tasks}</h3>{rows_table(rows)}"
        f'<p class="hint">Audio: {rows[0].start:.1f}–{rows[0].stop:.1f} s of this sound, 16 kHz mono.</p>'
    )


def not_yet(problem: str, kind: Any) -> str:
    """What stands where the rows will, as HTML: what is still missing, and what the kind is about."""
    chosen = KINDS.get(kind)
    about = "" if chosen is None else f"{chosen.help} {chosen.becomes}"
    thing = "a flag" if chosen is not None and not chosen.tasks else "a task"
    sentences = "".join(f'<p class="hint">{escape(one)}</p>' for one in (problem, about) if one)
    return f"<h3>Becomes {thing}</h3>{sentences}"


def _rows(count: int) -> str:
    number = _NUMBERS[count] if count < len(_NUMBERS) else str(count)
    return f"{number} {'row' if count == 1 else 'rows'}"
