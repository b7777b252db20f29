"""The list of a visitor's own votes, each with a button that takes it back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from annotators.votes.ballot_component import CHOICES
from annotators.votes.own_votes import OwnVote
from annotators.votes.setting import setting_of
from demos.page_component import page_component


def own_votes_list(**kwargs: Any) -> gr.HTML:
    """The component; its value comes from `own_votes_value`. Events: `withdraw` (vote), and `read`."""
    return page_component(Path(__file__).parent, "own_votes", {}, {}, **kwargs)


def own_votes_value(votes: Sequence[OwnVote], problem: str = "") -> dict[str, Any]:
    """What the list shows; `problem` is why a vote could not be taken back."""
    return {"votes": [_line(one) for one in votes], "problem": problem}


def _line(one: OwnVote) -> dict[str, str]:
    blind, moment = "blind" if one.vote.blind else "with the names", one.vote.made_at[:16].replace("T", " ")
    return {
        "id": one.vote.id,
        "question": one.left.instruction,
        "choice": CHOICES[one.vote.choice],
        "sides": f"A: {setting_of(one.left).words}; B: {setting_of(one.right).words}",
        "given": f"{blind}, {moment} UTC",
    }
