"""Two answers beside each other; where the vote is blind, their names come after it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from annotators.votes.ballot import Pair
from annotators.votes.setting import setting_of
from demos.line import Ahead
from demos.page_component import page_component
from demos.panels.differences import differing_words
from demos.panels.panel_component import counted
from store.records import Observation, Vote, VoteChoice

NAMES = ("Answer A", "Answer B")
CHOICES: dict[VoteChoice, str] = {
    "left": "A is more faithful",
    "right": "B is more faithful",
    "both": "Both are faithful",
    "neither": "Neither is faithful",
}
BLIND = (
    "Both settings are asked the same anew. Chance says which answer is A and which is B; you learn it after "
    "your vote."
)
SEEN = "One of these answers was shown before with its setting, so your vote does not count as blind."
SAME = "Both say the same words, so that neither can be more faithful than the other."
ASK, ASK_AGAIN = "Ask both", "Ask both again"


def two_answers(**kwargs: Any) -> gr.HTML:
    """The component; its value comes from the functions below. Events: `ask`, `cancel`, `close`."""
    return page_component(Path(__file__).parent, "ballot", {}, {}, **kwargs)


def not_asked(sentence: str = "", wrong: bool = False) -> dict[str, Any]:
    """Before a blind pair is asked, or after that was stopped or failed."""
    state = "error" if wrong else "empty"
    return {"state": state, "about": BLIND, "sentence": sentence, "ask": ASK}


def nothing_to_vote_on(sentence: str) -> dict[str, Any]:
    """Where there are no two answers to vote on."""
    return {"state": "error", "sentence": sentence, "close": True}


def asking(ahead: Ahead | None = None) -> dict[str, Any]:
    """While both are asked; of neither is told how far it is, but what is ahead of who waits in line."""
    waiting = {} if ahead is None else {"sentence": ahead.place, "left": ahead.time}
    return {"state": "asking", "about": BLIND, "sentence": "Both are asked …", **waiting}


def to_vote_on(pair: Pair) -> dict[str, Any]:
    """The pair before the vote. Of a hidden one nothing is in it but the words of the answers."""
    seen = [SEEN] if pair.hidden and pair.seen else []
    same = [SAME] if pair.same_words else []
    return {
        "state": "open",
        "about": BLIND if pair.hidden else "",
        "sides": _sides(pair, named=not pair.hidden),
        "note": " ".join([*seen, *same]),
        "ask": ASK_AGAIN if pair.hidden else "",
        "close": not pair.hidden,
    }


def voted(pair: Pair, vote: Vote, kept: str) -> dict[str, Any]:
    """The pair after the vote, with names and settings; `kept` says what was kept of it."""
    sides = _sides(pair, named=True)
    for side, choice in zip(sides, ("left", "right"), strict=True):
        side["chosen"] = vote.choice in (choice, "both")
    return {
        "state": "voted",
        "sides": sides,
        "outcome": f"You voted: {CHOICES[vote.choice]}.",
        "note": kept,
        "ask": ASK_AGAIN if pair.hidden else "",
        "close": not pair.hidden,
    }


def _sides(pair: Pair, named: bool) -> list[dict[str, Any]]:
    left, right = pair.sides
    return [
        {
            "name": name,
            "text": said.text,
            "differs": differing_words(said.text, other.text),
            **(_named(said) if named else {}),
        }
        for name, said, other in zip(NAMES, (left, right), (right, left), strict=True)
    ]


def _named(said: Observation) -> dict[str, Any]:
    """What tells which answer it is."""
    took = f"{said.seconds:.2f} s · {counted(len(said.tokens), 'token')}"
    return {"setting": setting_of(said).words, "took": took}
