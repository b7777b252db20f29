"""The table of votes: how often each setting was found more faithful. Everything said is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import gradio as gr

from annotators.votes.setting import setting_of
from demos.page_component import refusal
from store.errors import StoreError
from store.store import Store
from store.votes import Standing

_HEADS = ("setting", "more faithful", "less faithful", "both faithful", "neither", "votes", "of them blind")


def votes_table(store: Store, tab: gr.Tab) -> None:
    """Draw the table; it is read anew whenever `tab` is opened, and not there before anyone has voted."""

    def read() -> str:
        try:
            return standings_html(store.standings())
        except StoreError as problem:
            raise refusal(problem) from problem

    table = gr.HTML(elem_classes="standings", apply_default_css=False)
    tab.select(
        read,
        None,
        table,
        show_progress="hidden",
        concurrency_id="tasks",
        concurrency_limit=8,
        api_visibility="private",
    )


def standings_html(standings: Sequence[Standing]) -> str:
    """The table as HTML, the best setting first; empty without votes."""
    if not standings:
        return ""
    heads = "".join(f'<th scope="col">{head}</th>' for head in _HEADS)
    return (
        "<section><h3>Votes: which answer was more faithful to the sound</h3>"
        f'<div class="wide"><table class="rows"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(map(_line, standings))}</tbody></table></div></section>"
    )


def _line(one: Standing) -> str:
    numbers = (one.wins, one.losses, one.both_faithful, one.neither_faithful, one.votes, one.blind)
    cells = "".join(f"<td>{number}</td>" for number in numbers)
    return f'<tr><th scope="row">{escape(setting_of(one).words)}</th>{cells}</tr>'
