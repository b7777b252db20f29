"""Rows as a small table of the page: what is asked and what is right. Everything said is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from annotators.flags.kinds import KINDS
from store.records import Flag, Row

_NUMBERS = ("no rows", "one row", "two rows", "three rows")


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
    """A heading that says how many rows of which task a flag becomes, and the rows, as HTML."""
    count = _NUMBERS[len(rows)] if len(rows) < len(_NUMBERS) else f"{len(rows)} rows"
    task = KINDS[flag.kind].task.name
    heard = f"{rows[0].start:.1f}–{rows[0].stop:.1f} s" if rows else ""
    return (
        f"<h3>{escape(before)} {count} of <u>{escape(task)}</u></h3>{rows_table(rows)}"
        f'<p class="hint">Audio: {heard} of this sound, 16 kHz mono.</p>'
    )
