"""What opens below a row: what the model was asked, partners, versions, editing, hearing it again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from annotators.flags.checks import FlagError
from annotators.flags.flag_form import contributor_of
from annotators.flags.partners import (
    OTHER_ANSWER,
    Candidate,
    Rank,
    candidates,
    confirm_partner,
    partner_audio,
)
from annotators.tasks.editing import edit_row, may_edit, take_out, withdraw
from annotators.tasks.replay import Replay, replay
from demos.conversation import turns_of
from demos.engine import Engine, EngineError
from demos.request import SYSTEM_NAMES
from store.errors import StoreError
from store.rows import RowView
from store.store import Store

_EVENT: dict[str, Any] = {
    "show_progress": "hidden",
    "concurrency_id": "row",
    "concurrency_limit": 8,
    "api_visibility": "private",
}
_REPLAY_EVENT = _EVENT | {"concurrency_id": "replay", "concurrency_limit": 2}

Show = Callable[..., dict[str, Any]]
Play = Callable[[int, Any, gr.Request], str]


def attach(
    rows: gr.HTML,
    filters: list[Any],
    store: Store,
    engine: Engine,
    rank: Rank,
    show: Show,
    play: Play,
) -> None:
    """Answer the events of opened rows.

    `show(*filter values)` is the list as it stands; `play(rate, samples, request)` makes a sound that the
    page can fetch and returns its address.
    """

    def details(row: str, request: gr.Request, **more: Any) -> dict[str, Any]:
        view = store.row(row)
        if view is None:
            raise StoreError("This row is not in the store any more: reload the list.")
        return details_value(store, view, contributor_of(request.session_hash)) | more

    def told(row: str, request: gr.Request, act: Callable[[], dict[str, Any]]) -> Any:
        """What `act` has to tell more of a row, or why it could not."""
        try:
            return gr.update(details=details(row, request, **act()))
        except (FlagError, StoreError, EngineError) as problem:
            return gr.update(details=_despite(row, request, str(problem)))

    def _despite(row: str, request: gr.Request, problem: str) -> dict[str, Any]:
        try:
            return details(row, request, problem=problem)
        except StoreError:  # the row itself is gone
            return {"row": row, "problem": problem, **NOTHING}

    def changed(row: str, request: gr.Request, values: tuple[Any, ...], act: Callable[[], object]) -> Any:
        """The list and the row's details after `act` changed it, or the details with what went wrong."""
        try:
            act()
            return gr.update(value=show(*values), details=details(row, request))
        except (FlagError, StoreError) as problem:
            return gr.update(details=_despite(row, request, str(problem)))

    def opened(event: gr.EventData, request: gr.Request) -> Any:
        return told(_text(event, "row"), request, dict)

    def edited(event: gr.EventData, request: gr.Request, *values: Any) -> Any:
        row, who = _text(event, "row"), contributor_of(request.session_hash)
        said = [_text(event, name) for name in ("instruction", "label", "reason")]
        return changed(row, request, values, lambda: edit_row(store, row, who, *said))

    def taken_out(event: gr.EventData, request: gr.Request, *values: Any) -> Any:
        row, who = _text(event, "row"), contributor_of(request.session_hash)
        back = bool(getattr(event, "back", False))
        return changed(row, request, values, lambda: take_out(store, row, who, back=back))

    def proposed(event: gr.EventData, request: gr.Request) -> Any:
        row = _text(event, "row")

        def look() -> dict[str, Any]:
            view = store.row(row)
            found = [] if view is None else candidates(store, view, rank)
            return {"candidates": [_candidate(one) for one in found]}

        return told(row, request, look)

    def sampled(event: gr.EventData, request: gr.Request) -> Any:
        row, clip = _text(event, "row"), _text(event, "clip")
        try:
            return gr.update(sound={"row": clip, "address": play(*partner_audio(store, row, clip), request)})
        except (FlagError, StoreError) as problem:
            return gr.update(details=_despite(row, request, str(problem)))

    def confirmed(event: gr.EventData, request: gr.Request, *values: Any) -> Any:
        row, clip, who = _text(event, "row"), _text(event, "clip"), contributor_of(request.session_hash)
        return changed(row, request, values, lambda: confirm_partner(store, row, clip, who))

    def withdrawn(event: gr.EventData, request: gr.Request, *values: Any) -> Any:
        row, who = _text(event, "row"), contributor_of(request.session_hash)
        try:
            withdraw(store, row, who, everyone=bool(getattr(event, "everyone", False)))
        except (FlagError, StoreError) as problem:
            return gr.update(details=_despite(row, request, str(problem)))
        return gr.update(value=show(*values), details={"row": row, "problem": "", **NOTHING})

    def replayed(event: gr.EventData, request: gr.Request) -> Any:
        row = _text(event, "row")
        return told(row, request, lambda: {"replay": _replay(replay(store, engine, row))})

    rows.open(opened, None, rows, **_EVENT)
    rows.edit(edited, filters, rows, **_EVENT)
    rows.out(taken_out, filters, rows, **_EVENT)
    rows.partners(proposed, None, rows, **_EVENT)
    rows.sample(sampled, None, rows, **_EVENT)
    rows.withdraw(withdrawn, filters, rows, **_EVENT)
    rows.confirm(confirmed, filters, rows, **_EVENT)
    rows.replay(replayed, None, rows, **_REPLAY_EVENT)


NOTHING: dict[str, Any] = {
    "facts": [],
    "versions": [],
    "instruction": "",
    "label": "",
    "editable": False,
    "taken_out": False,
    "withdrawable": False,
    "is_theirs": False,
    "needs_partner": False,
    "other": "",
    "asked": "",
}


def details_value(store: Store, view: RowView, contributor: str) -> dict[str, Any]:
    """What is shown below a row; nothing private is in it."""
    said, row = view.observation, view.row
    facts = [
        ("model", f"{said.model_id} ({SYSTEM_NAMES[said.system]}), revision {said.model_revision[:8]}"),
        *[("asked before", f"{question} → {answer}") for question, answer in turns_of(said)],
        ("instruction", said.instruction),
        ("it said", said.text),
        ("flagged", f"{view.flag.span_text} ({view.flag.kind.replace('_', ' ')}, {view.flag.confidence})"),
    ]
    return {
        "row": row.id,
        "facts": [(name, text) for name, text in facts if text],
        "versions": [
            {
                "instruction": version.instruction,
                "label": version.label,
                "retired": version.retired,
                "made_at": version.made_at[:16].replace("T", " "),
            }
            for version in store.row_history(row.id)
        ],
        "instruction": row.instruction,
        "label": row.label,
        "editable": may_edit(view, contributor),
        "taken_out": view.state == "taken_out",
        "withdrawable": row.role != "partner",  # whose sound is another one than the flag's
        "is_theirs": view.rights.owner == "mine",
        "needs_partner": view.state == "unpaired" and row.label in OTHER_ANSWER,
        "other": OTHER_ANSWER.get(row.label, ""),
        "asked": row.instruction,
    }


def _candidate(one: Candidate) -> dict[str, Any]:
    return {"clip": one.public_id, "seconds": one.stop - one.start, "why": one.why}


def _replay(made: Replay) -> dict[str, Any]:
    return {"same": made.same_words, "text": made.now.text, "changes": list(made.changes)}


def _text(event: gr.EventData, name: str) -> str:
    value = getattr(event, name, "")
    return value if isinstance(value, str) else ""
