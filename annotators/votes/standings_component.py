"""The votes on the Tasks tab: how often each setting was found more faithful, and the visitor's own votes."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import gradio as gr

from annotators.flags.flag_form import contributor_of
from annotators.votes.ballot import VoteError
from annotators.votes.own_votes import own_votes, withdraw_vote
from annotators.votes.own_votes_component import own_votes_list, own_votes_value
from annotators.votes.setting import setting_of
from demos.page_component import refusal
from store.errors import StoreError
from store.store import Store
from store.votes import Standing

_HEADS = ("setting", "more faithful", "less faithful", "both faithful", "neither", "votes", "of them blind")


def votes_table(store: Store, tab: gr.Tab) -> None:
    """Draw the table, and below it the visitor's own votes; neither is there before there are votes.

    Both are read anew whenever `tab` is opened.
    """

    def read(request: gr.Request) -> list[Any]:
        try:
            own = own_votes(store, contributor_of(request.session_hash))
            return [standings_html(store.standings()), own_votes_value(own)]
        except StoreError as problem:
            raise refusal(problem) from problem

    def withdrawn(event: gr.EventData, request: gr.Request) -> list[Any]:
        contributor = contributor_of(request.session_hash)
        try:
            withdraw_vote(store, str(getattr(event, "vote", "")), contributor)
        except (VoteError, StoreError) as problem:
            return [gr.skip(), own_votes_value(own_votes(store, contributor), str(problem))]
        return read(request)

    table = gr.HTML(elem_classes="standings", apply_default_css=False)
    own = own_votes_list(elem_classes="own-votes")
    event: dict[str, Any] = {
        "show_progress": "hidden",
        "concurrency_id": "tasks",
        "concurrency_limit": 8,
        "api_visibility": "private",
    }
    tab.select(read, None, [table, own], **event)
    own.read(read, None, [table, own], **event)
    own.withdraw(withdrawn, None, [table, own], **event)


def standings_html(standings: Sequence[Standing]) -> str:
    """The table as HTML, the best setting first, all said in it escaped; empty without votes."""
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
