"""The form that turns a wrong answer into rows: words, kind, what is there, and once per sound whose it is.

It opens below the panels when a person presses Flag and stays until they save or cancel; what was typed stays
when something has to be changed first. What is being written belongs to the visitor's session.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import gradio as gr

from annotators.flags.checks import FlagError
from annotators.flags.drafts import Draft, rights
from annotators.flags.fields_form import FIRST_KIND, LICENCES, OTHER_LICENCE, Parts, Typed, draw, shown
from annotators.flags.flagging import needs_rights, save_flag
from annotators.flags.kinds import KINDS
from annotators.flags.rows import rows_of
from annotators.flags.rows_table import becoming
from annotators.flags.words_component import marked_span, words_value
from demos.examples import SOURCE, is_example
from demos.page_component import refusal
from demos.request import SYSTEM_NAMES
from demos.session import Session, Sessions
from demos.sound import Sound
from store.errors import StoreError
from store.records import Flag, FlagKind, Observation, Rights
from store.store import Store

KEPT = '<p class="hint">Saved on this machine\'s disk.</p>'

_EVENT: dict[str, Any] = {
    "show_progress": "hidden",
    "concurrency_id": "flag",
    "concurrency_limit": 8,
    "api_visibility": "private",
}


def contributor_of(session_hash: str | None) -> str:
    """The private name of a visitor in records: the page's session."""
    return f"session {session_hash or ''}"


class FlagForm:
    """The form on the page. The Listen tab tells it by which events it opens, closes and takes times."""

    def __init__(self, store: Store, sessions: Sessions) -> None:
        self._store = store
        self._sessions = sessions
        self._parts = draw()
        self._attach()

    @property
    def to_tasks(self) -> gr.Button:
        """The button that leads from the saved rows to the Tasks tab."""
        return self._parts.to_tasks

    @property
    def save(self) -> gr.Button:
        """The button that saves; its success is what changes the store."""
        return self._parts.save

    def opens_from(self, view: gr.HTML) -> None:
        """Open on a panel's `flagged` event, with the words that were selected in the answer marked."""
        parts = self._parts
        typed = parts.inputs

        def opened(event: gr.EventData, times: Any, request: gr.Request) -> dict[Any, Any]:
            session, _, contributor = self._visitor(request)
            observation = session.observation(str(getattr(event, "observation", "")))
            if observation is None or session.sound is None:
                raise refusal("This answer is of another sound. Press Listen again, then flag.")
            start, stop = _whole_words(observation, getattr(event, "start", 0), getattr(event, "stop", 0))
            kind: FlagKind = "speech_content" if observation.system == "whisper" else FIRST_KIND
            range_start, range_stop = times if isinstance(times, list | tuple) else (None, None)
            return {
                parts.box: gr.update(visible=True),
                parts.writing: gr.update(visible=True),
                parts.saved: gr.update(visible=False),
                parts.title: f"<h3>What did {SYSTEM_NAMES[observation.system]} make up?</h3>",
                typed.draft: Draft(observation.id),
                typed.words: words_value(observation, start, stop),
                typed.kind: kind,
                typed.claim: observation.text[start:stop],
                typed.attribute: "",
                typed.correction: "",
                typed.time_start: range_start,
                typed.time_stop: range_stop,
                typed.confidence: "sure",
                parts.problem: "",
                **self._rights_asked(session.sound, contributor),
            }

        outputs = [
            *(parts.box, parts.writing, parts.saved, parts.title, parts.problem, parts.rights_box),
            *(one for one in typed),
        ]
        view.flagged(opened, parts.chosen_times, outputs, **_EVENT)

    def takes_times_from(self, timeline: gr.HTML) -> None:
        """Take the range that is dragged on the timeline, now or before the form opens."""
        parts = self._parts

        def taken(event: gr.EventData) -> tuple[Any, Any, Any]:
            times = [getattr(event, "start", None), getattr(event, "stop", None)]
            start, stop = (round(t, 2) if isinstance(t, int | float) else None for t in times)
            return (start, stop), start, stop

        outputs = [parts.chosen_times, parts.inputs.time_start, parts.inputs.time_stop]
        timeline.range(taken, None, outputs, **_EVENT)

    def closes_with(self, *events: Callable[..., Any]) -> None:
        """Close when another sound comes in."""
        for event in events:
            event(self._closed, None, self._close_outputs(), **_EVENT)

    def _attach(self) -> None:
        parts, typed = self._parts, self._parts.inputs
        inputs = list(typed)
        typed.words.mark(_claim_from_words, [typed.draft, typed.words], typed.claim, **_EVENT)
        typed.kind.change(_fields_of_kind, typed.kind, _kind_outputs(parts), **_EVENT)
        typed.owner.input(_licences_of_owner, typed.owner, [typed.licence, typed.attribution], **_EVENT)
        read = (typed.words, typed.kind, typed.claim, typed.attribute, typed.correction)
        changes = [one.change for one in (*read, typed.time_start, typed.time_stop)]
        gr.on(changes, self._preview, inputs, parts.preview, trigger_mode="always_last", **_EVENT)
        saving = [parts.writing, parts.saved, parts.saved_rows, parts.problem, typed.words]
        parts.save.click(self._saved, inputs, saving, **_EVENT)
        for button in (parts.cancel, parts.done):
            button.click(self._closed, None, self._close_outputs(), **_EVENT)

    def _visitor(self, request: gr.Request) -> tuple[Session, Sound | None, str]:
        session = self._sessions.of(request.session_hash)
        return session, session.sound, contributor_of(request.session_hash)

    def _flag(self, typed: Typed, request: gr.Request) -> tuple[Sound, Observation, Flag]:
        """What stands in the form as a flag; FlagError when its sound is gone."""
        session, sound, contributor = self._visitor(request)
        draft = typed.draft
        observation = session.observation(draft.observation_id) if isinstance(draft, Draft) else None
        if sound is None or observation is None:
            raise FlagError("This answer is of another sound. Press Listen again, then flag.")
        flag = draft.flag(
            observation,
            contributor,
            span=marked_span(typed.words),
            kind=typed.kind,
            claim=typed.claim,
            attribute=typed.attribute,
            correction=typed.correction,
            times=(typed.time_start, typed.time_stop),
            confidence=typed.confidence,
        )
        return sound, observation, flag

    def _preview(self, request: gr.Request, *values: Any) -> str:
        try:
            sound, observation, flag = self._flag(Typed(*values), request)
            return becoming(flag, rows_of(flag, observation, sound.clip))
        except FlagError as problem:
            return f'<h3>Becomes a task</h3><p class="hint">{escape(str(problem))}</p>'

    def _saved(self, request: gr.Request, *values: Any) -> dict[Any, Any]:
        parts, typed = self._parts, Typed(*values)
        try:
            sound, observation, flag = self._flag(typed, request)
            kept = save_flag(
                self._store, sound.clip, sound.samples, observation, flag, self._rights(typed, sound, flag)
            )
        except (FlagError, StoreError) as problem:
            return {parts.problem: f'<p class="problem" role="alert">{escape(str(problem))}</p>'}
        return {
            parts.writing: gr.update(visible=False),
            parts.saved: gr.update(visible=True),
            parts.saved_rows: becoming(kept.flag, kept.rows, "Saved as") + KEPT,
            parts.problem: "",
            parts.inputs.words: {},
        }

    def _rights(self, typed: Typed, sound: Sound, flag: Flag) -> Rights | None:
        if not needs_rights(self._store, sound.clip, flag.contributor):
            return None
        said = (typed.owner, typed.licence, typed.attribution, typed.speaker_agrees)
        return rights(sound.clip, flag.contributor, *said)

    def _rights_asked(self, sound: Sound, contributor: str) -> dict[Any, Any]:
        """The part of the form about rights: shown for the first flag, filled in where the page knows."""
        typed = self._parts.inputs
        asked = needs_rights(self._store, sound.clip, contributor)
        known = is_example(sound.clip)
        owner = "third-party" if known else None
        return {
            self._parts.rights_box: gr.update(visible=asked),
            typed.owner: owner,
            typed.licence: gr.update(
                choices=[*LICENCES, OTHER_LICENCE], value="third-party" if known else "CC0-1.0"
            ),
            typed.attribution: gr.update(value=SOURCE if known else "", label=_attribution_label(owner)),
            typed.speaker_agrees: known,
        }

    def _closed(self) -> dict[Any, Any]:
        parts = self._parts
        return {
            parts.box: gr.update(visible=False),
            parts.inputs.draft: None,
            parts.inputs.words: {},
            parts.chosen_times: (None, None),
        }

    def _close_outputs(self) -> list[Any]:
        parts = self._parts
        return [parts.box, parts.inputs.draft, parts.inputs.words, parts.chosen_times]


def _kind_outputs(parts: Parts) -> list[Any]:
    return [parts.inputs.claim, parts.inputs.attribute, parts.inputs.correction]


def _fields_of_kind(kind: Any) -> list[Any]:
    """Labels and examples of the text boxes for a kind; boxes that it does not ask for are hidden."""
    if kind not in KINDS:
        return [gr.skip()] * 3
    fields = (KINDS[kind].field(name) for name in ("claim", "attribute", "correction"))
    return [gr.update(visible=False) if field is None else gr.update(**shown(field)) for field in fields]


def _claim_from_words(draft: Any, words: Any) -> Any:
    """The marked words as the claim; nothing changes when no words are marked."""
    start, stop = marked_span(words)
    text = words.get("text", "") if isinstance(words, dict) else ""
    if draft is None or not isinstance(text, str) or not stop > start >= 0:
        return gr.skip()
    return text[int(start) : int(stop)]


def _licences_of_owner(owner: Any) -> list[Any]:
    """Which licences there are to choose from, and what the attribution is to say."""
    mine = owner == "mine"
    choices = LICENCES if mine else [*LICENCES, OTHER_LICENCE]
    value = "CC0-1.0" if mine else OTHER_LICENCE[1]
    return [gr.update(choices=choices, value=value), gr.update(label=_attribution_label(owner))]


def _attribution_label(owner: Any) -> str:
    return "source and licence" if owner == "third-party" else "name to credit"


def _whole_words(observation: Observation, start: Any, stop: Any) -> tuple[int, int]:
    """A selection grown to whole words without the punctuation around them; (0, 0) if it holds none.

    CLAP's text is one label, so all of it is taken.
    """
    text = observation.text
    if observation.system == "clap":
        return 0, len(text)
    if not (isinstance(start, int) and isinstance(stop, int) and 0 <= start < stop <= len(text)):
        return 0, 0
    while start > 0 and not text[start - 1].isspace():
        start -= 1
    while stop < len(text) and not text[stop].isspace():
        stop += 1
    while start < stop and not text[start].isalnum():
        start += 1
    while stop > start and not text[stop - 1].isalnum():
        stop -= 1
    return (start, stop) if stop > start else (0, 0)
