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
from annotators.flags.drafts import Draft, all_that_is_said, rights
from annotators.flags.fields_form import (
    FIRST_KIND,
    PLACES,
    SAVE_FLAG,
    SAVE_ROWS,
    WRITTEN,
    Typed,
    draw,
    fields_of,
    keeping,
    kinds_about,
)
from annotators.flags.flagging import needs_rights, save_flag
from annotators.flags.kinds import KINDS
from annotators.flags.rights_form import rights_asked
from annotators.flags.rows import rows_of
from annotators.flags.rows_table import becoming, not_yet
from annotators.flags.words_component import marked_span, marked_words, offered_parts, words_value
from demos.conversation import turns_of
from demos.page_component import refusal
from demos.request import SYSTEM_NAMES
from demos.session import Session, Sessions
from demos.sound import Sound
from demos.timeline.timeline_component import marks_update
from store.errors import StoreError
from store.records import Flag, FlagKind, Observation, Rights, System
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
            span = _whole_words(observation, getattr(event, "start", 0), getattr(event, "stop", 0))
            kind: FlagKind = "speech_content" if observation.system == "whisper" else FIRST_KIND
            range_start, range_stop = times if isinstance(times, list | tuple) else (None, None)
            words, offered = words_value(observation, *span), offered_parts(kind, observation.text, span)
            return {
                parts.box: gr.update(visible=True),
                parts.writing: gr.update(visible=True),
                parts.saved: gr.update(visible=False),
                parts.title: _title(observation),
                typed.draft: Draft(observation.id),
                typed.words: gr.update(value=words, parts=offered),
                typed.about: KINDS[kind].group,
                typed.kind: self._kinds_shown(kind),
                **{
                    getattr(typed, name): gr.update(**({"value": ""} if name in WRITTEN else {}), **asks)
                    for name, asks in fields_of(KINDS[kind]).items()
                },
                typed.claim: gr.update(
                    value=observation.text[slice(*span)], **fields_of(KINDS[kind])["claim"]
                ),
                parts.offered_transcript: "",
                parts.save: SAVE_ROWS,
                typed.time_start: range_start,
                typed.time_stop: range_stop,
                typed.confidence: "sure",
                parts.problem: "",
                **rights_asked(parts.rights, self._store, session.sound.clip, contributor),
            }

        outputs = [
            *(parts.box, parts.writing, parts.saved, parts.title, parts.problem, parts.rights.box),
            *(parts.offered_transcript, parts.save),
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

    def shows_parts_on(self, timeline: gr.HTML) -> None:
        """Draw the parts of the sound that were flagged, by anyone who had the same sound."""

        def flagged(request: gr.Request) -> dict[str, Any]:
            _, sound, _ = self._visitor(request)
            return marks_update(() if sound is None else self._store.flagged_parts(sound.clip.id))

        timeline.loaded(flagged, None, timeline, **_EVENT)
        self._saving.then(flagged, None, timeline, **_EVENT)

    def closes_with(self, *events: Callable[..., Any]) -> None:
        """Close when another sound comes in."""
        for event in events:
            event(self._closed, None, self._close_outputs(), **_EVENT)

    def closes_for(self, system: System, event: Callable[..., Any]) -> None:
        """Close on this event when an answer of this system stands in the form."""

        def closed(draft: Any, request: gr.Request) -> dict[Any, Any]:
            session, _, _ = self._visitor(request)
            said = session.observation(draft.observation_id) if isinstance(draft, Draft) else None
            if said is None or said.system != system:
                return {self._parts.box: gr.skip()}
            return self._closed()

        event(closed, self._parts.inputs.draft, self._close_outputs(), **_EVENT)

    def _attach(self) -> None:
        parts, typed = self._parts, self._parts.inputs
        inputs = list(typed)
        fields = [getattr(typed, name) for name in PLACES]
        typed.words.mark(_words_marked, [typed.words, typed.kind], [typed.claim, typed.words], **_EVENT)
        typed.about.input(self._about_chosen, typed.about, typed.kind, **_EVENT)
        chosen = [typed.words, typed.kind, typed.claim, typed.aspect, typed.right]
        typed.kind.change(self._kind_chosen, chosen, [*fields, parts.save, typed.words], **_EVENT)
        chosen = [typed.kind, typed.aspect, typed.right]
        typed.aspect.input(_answers_of_aspect, chosen, typed.right, **_EVENT)
        offered = parts.offered_transcript
        for changed in (typed.words.mark, typed.kind.change, typed.correction.change):
            changed(
                self._transcript_offered,
                [typed.draft, typed.words, typed.kind, typed.correction, typed.transcript, offered],
                [typed.transcript, offered],
                trigger_mode="always_last",
                **_EVENT,
            )
        read = (typed.words, typed.kind, *fields, typed.time_start, typed.time_stop)
        changes = [one.change for one in read]
        gr.on(changes, self._preview, inputs, parts.preview, trigger_mode="always_last", **_EVENT)
        saving = [parts.writing, parts.saved, parts.saved_rows, parts.to_tasks, parts.problem, typed.words]
        self._saving = parts.save.click(self._saved, inputs, saving, **_EVENT)
        for button in (parts.cancel, parts.done):
            button.click(self._closed, None, self._close_outputs(), **_EVENT)

    def _visitor(self, request: gr.Request) -> tuple[Session, Sound | None, str]:
        session = self._sessions.of(request.session_hash)
        return session, session.sound, contributor_of(request.session_hash)

    def _kinds_shown(self, kind: FlagKind) -> Any:
        """The kinds about the same thing to choose from, this one chosen; one alone needs no choice."""
        among = kinds_about(KINDS[kind].group)
        return gr.update(choices=among, value=kind, visible=len(among) > 1)

    def _about_chosen(self, about: Any) -> Any:
        """The kinds of the group that was chosen, the first of them chosen too."""
        return self._kinds_shown(next((one.id for one in KINDS.values() if one.group == about), FIRST_KIND))

    def _kind_chosen(self, words: Any, kind: Any, claim: Any, aspect: Any, right: Any) -> dict[Any, Any]:
        """The fields of the kind that was chosen, and whether the marked words hold too much for it.

        Free words that were typed stay, and so does what was chosen where the kind has it among its choices.
        """
        typed, (text, span) = self._parts.inputs, _marked(words)
        if kind not in KINDS:
            return {typed.claim: gr.skip()}
        standing = {"aspect": aspect, "right": right}
        shown = {
            getattr(typed, name): gr.update(**keeping(asks, standing.get(name)))
            for name, asks in fields_of(KINDS[kind], aspect).items()
        }
        shown[typed.claim] |= _claim_from_words(kind, text, span, claim)
        shown[typed.words] = gr.update(parts=offered_parts(kind, text, span))
        shown[self._parts.save] = gr.update(value=SAVE_ROWS if KINDS[kind].tasks else SAVE_FLAG)
        return shown

    def _transcript_offered(
        self,
        request: gr.Request,
        draft: Any,
        words: Any,
        kind: Any,
        correction: Any,
        typed: Any,
        offered: Any,
    ) -> tuple[Any, Any]:
        """Whisper's transcript put right, offered as all that is said; what people wrote or cleared stays."""
        session, _, _ = self._visitor(request)
        observation = session.observation(draft.observation_id) if isinstance(draft, Draft) else None
        if observation is None or kind != "speech_content" or (typed or "") != offered:
            return gr.skip(), gr.skip()
        said = all_that_is_said(observation, marked_span(words), correction)
        return said, said

    def _flag(self, typed: Typed, request: gr.Request) -> tuple[Sound, Observation, Flag]:
        """What stands in the form as a flag; FlagError when its sound is gone."""
        session, sound, contributor = self._visitor(request)
        draft = typed.draft
        observation = session.observation(draft.observation_id) if isinstance(draft, Draft) else None
        if sound is None or observation is None:
            raise FlagError("This answer is of another sound. Press Listen again, then flag.")
        phrases = typed.phrases
        flag = draft.flag(
            observation,
            contributor,
            span=marked_span(typed.words),
            kind=typed.kind,
            claim=phrases.get("claim"),
            attribute=phrases.get("attribute"),
            correction=phrases.get("correction"),
            times=(typed.time_start, typed.time_stop),
            confidence=typed.confidence,
        )
        return sound, observation, flag

    def _preview(self, request: gr.Request, *values: Any) -> str:
        typed = Typed(*values)
        try:
            sound, observation, flag = self._flag(typed, request)
            return becoming(flag, rows_of(flag, observation, sound.clip))
        except FlagError as problem:
            return not_yet(str(problem), typed.kind)

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
            parts.to_tasks: gr.update(visible=bool(kept.rows)),
            parts.problem: "",
            parts.inputs.words: {},
        }

    def _rights(self, typed: Typed, sound: Sound, flag: Flag) -> Rights | None:
        if not needs_rights(self._store, sound.clip, flag.contributor):
            return None
        said = (typed.owner, typed.licence, typed.attribution, typed.speaker_agrees)
        return rights(sound.clip, flag.contributor, *said)

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


def _title(observation: Observation) -> str:
    """What the form asks; of a follow-up, that its rows do not carry the conversation."""
    title = f"<h3>What did {SYSTEM_NAMES[observation.system]} make up?</h3>"
    if not turns_of(observation):
        return title
    asked = escape(observation.instruction)
    return (
        f"{title}<p class='hint'>This answers the follow-up “{asked}”. A row carries no conversation: write "
        "what was meant so that it can be understood alone.</p>"
    )


def _marked(words: Any) -> tuple[str, tuple[Any, Any]]:
    """Text and marked span of the words that came back from a browser."""
    text = words.get("text") if isinstance(words, dict) else ""
    return text if isinstance(text, str) else "", marked_span(words)


def _words_marked(words: Any, kind: Any) -> tuple[Any, Any]:
    """The marked words as the claim, and the claims that they join; no claim when no words are marked."""
    text, span = _marked(words)
    quotes = kind in KINDS and KINDS[kind].claim_quotes
    claim = marked_words(text, span) if quotes else ""
    return claim or gr.skip(), gr.update(parts=offered_parts(kind, text, span))


def _claim_from_words(kind: FlagKind, text: str, span: tuple[Any, Any], claim: Any) -> dict[str, Any]:
    """What becomes of the claim when another kind is chosen: the marked words where the kind quotes them."""
    marked = marked_words(text, span)
    if KINDS[kind].claim_quotes:
        return {} if claim else {"value": marked}
    return {"value": ""} if claim == marked else {}


def _answers_of_aspect(kind: Any, aspect: Any, right: Any) -> Any:
    """The closed set of the aspect that was chosen."""
    if kind not in KINDS or not KINDS[kind].aspects:
        return gr.skip()
    return gr.update(**keeping(fields_of(KINDS[kind], aspect)["right"], right))


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
