"""The form by which people vote on two answers: ask both, choose, and say whether the vote is kept.

What is asked before the vote is asked before the names are shown, whether the vote may be kept too: who knows
the names could keep the votes that they like. The pair belongs to the visitor's session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import gradio as gr

from annotators.flags.checks import FlagError
from annotators.flags.drafts import rights
from annotators.flags.flag_form import contributor_of
from annotators.flags.flagging import needs_rights
from annotators.flags.rights_form import RightsParts, draw_rights, rights_asked
from annotators.votes.ballot import Ballot, Pair, VoteError
from annotators.votes.ballot_component import (
    CHOICES,
    asking,
    not_asked,
    nothing_to_vote_on,
    to_vote_on,
    two_answers,
    voted,
)
from annotators.votes.voting import (
    ask_blind,
    ballot_of,
    close_ballot,
    open_ballot,
    pair_that_stands,
    save_vote,
)
from demos.engine import Cancelled, Engine, EngineError
from demos.line import MOST_IN_LINE
from demos.panels.panel_component import Panel, ask_number, silent
from demos.panels.salmonn_panel_component import Voting
from demos.session import Session, Sessions
from demos.sound import Sound
from store.errors import StoreError
from store.records import Rights, Vote, VoteChoice
from store.store import Store

TITLE = "<h3>Which answer is more faithful to the sound?</h3>"
KEEPING = [("keep it, with the sound and both answers", "keep"), ("only show me the names", "show")]
KEPT = (
    "Your vote is saved on this machine's disk, with the sound and both answers. The Tasks tab takes it back."
)
NOT_KEPT = "Nothing was kept: neither your vote nor the sound."
NO_SOUND = "Record, upload or choose a sound first."
STOPPED = "Stopped. Nothing was kept."
NAME = "vote"  # by which a session cancels what the form asks

_EVENT: dict[str, Any] = {
    "show_progress": "hidden",
    "concurrency_id": "vote",
    "concurrency_limit": 8,
    "api_visibility": "private",
}


@dataclass(frozen=True)
class _Parts:
    """The components of the form."""

    box: gr.Column
    answers: gr.HTML
    asked: gr.Column  # what is asked before the vote, and the vote
    keeping: gr.Radio
    rights: RightsParts
    problem: gr.HTML
    buttons: dict[VoteChoice, gr.Button]
    silenced: gr.State  # (clip id, value, value): what the panels showed before they fell silent


class VoteForm:
    """The form on the page. The Listen tab tells it which panels it compares."""

    def __init__(self, store: Store, engine: Engine, sessions: Sessions) -> None:
        self._store = store
        self._engine = engine
        self._sessions = sessions
        self._parts = _draw()
        self._blind: gr.Checkbox | None = None

    def compares(self, first: Panel, second: Panel, voting: Voting) -> None:
        """Vote on the answers of these two panels, or, blind, on what they would ask."""
        parts, panels = self._parts, (first, second)
        views = [first.view, second.view]
        card = self._card()

        def switched(on: bool, one: Any, other: Any, silenced: Any, request: gr.Request) -> dict[Any, Any]:
            session = self._sessions.of(request.session_hash)
            close_ballot(session)
            session.begin(NAME).set()
            clip = "" if session.sound is None else session.sound.clip.id
            shown = {voting.on_these: gr.update(visible=not on), **self._closed(visible=on)}
            if on:
                for panel in panels:
                    session.begin(panel.name).set()
                return shown | {view: silent() for view in views} | {parts.silenced: (clip, one, other)}
            was, *values = silenced or ("", None, None)
            back = [
                value if clip and was == clip and _is_answer(value) else panel.unasked()
                for value, panel in zip(values, panels, strict=True)
            ]
            return shown | dict(zip(views, back, strict=True)) | {parts.silenced: None}

        def asked(request: gr.Request, event: gr.EventData, *values: Any) -> Iterator[dict[Any, Any]]:
            session = self._sessions.of(request.session_hash)
            sound = session.sound
            if sound is None:
                yield self._closed(NO_SOUND, wrong=True)
                return
            close_ballot(session)
            begun = session.begin(NAME, ask_number(event))
            if begun.is_set():  # called off while it waited
                yield self._closed(STOPPED)
                return
            yield {**self._closed(), parts.answers: asking()}
            try:
                start, stop = session.part(first.name)
                ours, theirs = values[: len(first.inputs)], values[len(first.inputs) :]
                requests = first.request(*ours), second.request(*theirs)
                one, other = (replace(request, start=start, stop=stop) for request in requests)
                for item in ask_blind(self._engine, session, sound, (one, other), begun.is_set):
                    if not session.is_current(NAME, begun):
                        return
                    if isinstance(item, Pair):
                        yield self._opened(session, sound, item, request)
                    else:
                        yield {parts.answers: asking(item)}
            except (VoteError, EngineError) as problem:
                if session.is_current(NAME, begun):
                    stopped = isinstance(problem, Cancelled)
                    yield self._closed(STOPPED if stopped else str(problem), wrong=not stopped)

        def on_these(request: gr.Request) -> dict[Any, Any]:
            session = self._sessions.of(request.session_hash)
            try:
                if session.sound is None:
                    raise VoteError(NO_SOUND)
                pair = pair_that_stands(*(session.latest(panel.name) for panel in panels))
                return self._opened(session, session.sound, pair, request)
            except VoteError as problem:
                return {**self._closed(), parts.answers: nothing_to_vote_on(str(problem))}

        self._blind = voting.blind
        voting.blind.input(
            switched,
            [voting.blind, *views, parts.silenced],
            [*card, *views, voting.on_these, parts.silenced],
            **_EVENT,
        )
        voting.on_these.click(on_these, None, card, **_EVENT)
        salmonn = _EVENT | {"concurrency_id": first.system, "concurrency_limit": MOST_IN_LINE}
        parts.answers.ask(asked, [*first.inputs, *second.inputs], card, **salmonn)
        parts.answers.cancel(self._cancelled, None, parts.answers, queue=False, api_visibility="private")
        parts.answers.close(self._let_go, None, card, **_EVENT)
        parts.keeping.input(self._keeping_chosen, parts.keeping, parts.rights.box, **_EVENT)
        said = [parts.keeping, *parts.rights.inputs]
        for choice, button in parts.buttons.items():
            button.click(self._voting(choice), said, card, **_EVENT)

    def begins_anew_with(self, *events: Callable[..., Any]) -> None:
        """Let go of the pair when another sound comes in; the card stays while blind is on."""

        def another(blind: bool) -> dict[Any, Any]:
            return self._closed(visible=blind)

        for event in events:
            event(another, self._blind, self._card(), **_EVENT)

    def _card(self) -> list[Any]:
        """The components that what happens in the form changes."""
        parts = self._parts
        return [
            *(parts.box, parts.answers, parts.asked, parts.problem),
            *(parts.keeping, parts.rights.box, *parts.rights.inputs, *parts.buttons.values()),
        ]

    def _closed(self, sentence: str = "", wrong: bool = False, visible: bool = True) -> dict[Any, Any]:
        """The form without a pair to vote on."""
        parts = self._parts
        return {
            parts.box: gr.update(visible=visible),
            parts.answers: not_asked(sentence, wrong),
            parts.asked: gr.update(visible=False),
            parts.problem: "",
        }

    def _opened(self, session: Session, sound: Sound, pair: Pair, request: gr.Request) -> dict[Any, Any]:
        """The form with a pair, which the session holds from now on."""
        open_ballot(session, sound, pair)
        parts = self._parts
        return {
            parts.box: gr.update(visible=True),
            parts.answers: to_vote_on(pair),
            parts.asked: gr.update(visible=True),
            parts.problem: "",
            parts.keeping: "keep",
            **rights_asked(parts.rights, self._store, sound.clip, contributor_of(request.session_hash)),
            **{
                button: gr.update(interactive=not (pair.same_words and choice in ("left", "right")))
                for choice, button in parts.buttons.items()
            },
        }

    def _voting(self, choice: VoteChoice) -> Callable[..., dict[Any, Any]]:
        """What happens when the button of this choice is pressed."""

        def vote(request: gr.Request, keeping: Any, *said: Any) -> dict[Any, Any]:
            parts, contributor = self._parts, contributor_of(request.session_hash)
            session = self._sessions.of(request.session_hash)
            sound = session.sound
            try:
                ballot = ballot_of(session)
                if sound is None:
                    raise VoteError(NO_SOUND)
                given = self._cast(ballot, choice, sound, contributor, keeping == "keep", said)
            except (VoteError, FlagError, StoreError) as problem:
                return {parts.problem: f'<p class="problem" role="alert">{escape(str(problem))}</p>'}
            for answer in ballot.pair.sides:
                session.keep(answer)
            return {
                parts.answers: voted(ballot.pair, given, KEPT if keeping == "keep" else NOT_KEPT),
                parts.asked: gr.update(visible=False),
                parts.problem: "",
            }

        return vote

    def _cast(
        self, ballot: Ballot, choice: VoteChoice, sound: Sound, contributor: str, kept: bool, said: Any
    ) -> Vote:
        """The vote, in the store if the person wants that."""

        def keep(vote: Vote) -> None:
            if kept:
                save_vote(self._store, sound, ballot.pair, vote, self._rights(sound, contributor, said))

        return ballot.cast(choice, contributor, keep)

    def _rights(self, sound: Sound, contributor: str, said: Any) -> Rights | None:
        if not needs_rights(self._store, sound.clip, contributor):
            return None
        return rights(sound.clip, contributor, *said)

    def _keeping_chosen(self, keeping: Any, request: gr.Request) -> Any:
        """Rights are asked for where something is to be kept."""
        sound = self._sessions.of(request.session_hash).sound
        contributor = contributor_of(request.session_hash)
        asks = keeping == "keep" and sound is not None and needs_rights(self._store, sound.clip, contributor)
        return gr.update(visible=asks)

    def _cancelled(self, event: gr.EventData, request: gr.Request) -> Any:
        begun = self._sessions.of(request.session_hash).cancel(NAME, ask_number(event))
        return gr.skip() if begun else not_asked(STOPPED)

    def _let_go(self, request: gr.Request) -> dict[Any, Any]:
        close_ballot(self._sessions.of(request.session_hash))
        return self._closed(visible=False)


def _is_answer(value: Any) -> bool:
    return isinstance(value, dict) and value.get("state") == "done"


def _draw() -> _Parts:
    """Draw the form, hidden, and return its parts."""
    with gr.Column(visible=False, elem_classes=["card", "form-card", "vote-form"]) as box:
        gr.HTML(TITLE, elem_classes="form-title", apply_default_css=False)
        answers = two_answers()
        with gr.Column(visible=False, elem_classes="typed") as asked:
            keeping = gr.Radio(KEEPING, value="keep", label="my vote", elem_classes=["field", "chips"])
            stated = draw_rights()
            with gr.Row(elem_classes="buttons"):
                buttons = {
                    choice: gr.Button(title, elem_classes=f"vote-{choice}")
                    for choice, title in CHOICES.items()
                }
        problem = gr.HTML(elem_classes="form-problem", apply_default_css=False)
        silenced = gr.State(None)
    return _Parts(box, answers, asked, keeping, stated, problem, buttons, silenced)
