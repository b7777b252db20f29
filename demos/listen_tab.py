"""The Listen tab: one sound goes in, the systems answer side by side, each as soon as it can.

What is above this floor comes in by `Actions`: `place_flag_form` and `place_vote_form` draw the forms of the
annotators below the panels, `known_failures` says what was flagged in sounds like the present one. A sound
and its observations belong to the visitor's session (`demos.session`) and to nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import gradio as gr

from demos.conversation import FollowUp, follow_up
from demos.engine import Engine
from demos.examples import Example
from demos.library import library_component
from demos.library.library import Library
from demos.line import MOST_IN_LINE
from demos.panels import (
    clap_panel_component,
    layers_panel_component,
    pengi_panel_component,
    salmonn_panel_component,
    whisper_panel_component,
)
from demos.panels.differences import differing_words
from demos.panels.known_component import with_what_is_known
from demos.panels.model_component import ModelChoices
from demos.panels.panel_component import (
    Panel,
    ask_number,
    failed,
    grounds_value,
    in_conversation,
    no_grounds,
    running,
    silent,
    stopped,
)
from demos.panels.salmonn_panel_component import Voting
from demos.request import Cancelled, EngineError, Partial
from demos.session import WHOLE, Part, Session, Sessions
from demos.sound import Sound, SoundError, notices, read
from demos.source.source_component import playable, source_bar, uploaded
from demos.systems import LONGEST_VIEW
from demos.timeline.timeline_component import timeline, timeline_value
from store.records import Observation, System


class FlagForm(Protocol):
    """What the Listen tab asks of the form that is placed below its panels."""

    def opens_from(self, view: gr.HTML) -> None:
        """Open on the `flagged` event of a panel."""

    def takes_times_from(self, timeline: gr.HTML) -> None:
        """Take the time range that is dragged on the timeline."""

    def shows_parts_on(self, timeline: gr.HTML) -> None:
        """Draw the parts that were flagged on the timeline."""

    def closes_with(self, *events: Callable[..., Any]) -> None:
        """Close when one of these events brings another sound."""

    def closes_for(self, system: System, event: Callable[..., Any]) -> None:
        """Close on this event when an answer of this system stands in the form."""

    @property
    def to_tasks(self) -> gr.Button:
        """The button that leads from what was saved to the Tasks tab."""


class VoteForm(Protocol):
    """What the Listen tab asks of the form by which people vote on two answers."""

    def compares(self, first: Panel, second: Panel, voting: Voting) -> None:
        """Take the answers of these two panels, or ask what they would ask."""

    def begins_anew_with(self, *events: Callable[..., Any]) -> None:
        """Let go of what is compared when one of these events brings another sound."""


@dataclass(frozen=True)
class Actions:
    """What the tab works with, given from above."""

    engine: Engine
    sessions: Sessions
    examples: Sequence[Example]
    place_flag_form: Callable[[], FlagForm]
    place_vote_form: Callable[[], VoteForm]
    known_failures: Callable[[Sound, Callable[[], bool]], list[str]]
    library: Library


def build(actions: Actions, choices: ModelChoices) -> FlagForm:
    """Draw the tab and attach its events, inside the tab's own context; returns the flag form.

    `choices` are the lists of models of this page, which are drawn here.
    """
    bar = source_bar([{"id": one.id, "title": one.title} for one in actions.examples])
    drawn = timeline(elem_classes=["card", "timeline"])
    engine = actions.engine
    whisper = whisper_panel_component.build(choices, drawn)
    with gr.Row(elem_classes="panels"):
        clap, shelves = clap_panel_component.build(choices, engine.default_bank)
        pengi = pengi_panel_component.build(choices, engine.presets("pengi"), drawn)
        salmonn, compared, voting = salmonn_panel_component.build(choices, engine.presets("salmonn"))
        layers = layers_panel_component.build(choices)
    panels = [whisper, clap, pengi, salmonn, compared, layers]
    votes = actions.place_vote_form()
    form = actions.place_flag_form()
    library_component.attach(shelves, actions.library, actions.sessions)
    _attach_sound(actions, bar, drawn, panels, shelves)
    votes.compares(salmonn, compared, voting)
    votes.begins_anew_with(bar.sound, bar.example, shelves.open)
    form.closes_for("salmonn", voting.blind.input)
    form.closes_with(bar.sound, bar.example, shelves.open)
    form.takes_times_from(drawn)
    form.shows_parts_on(drawn)
    for panel in panels:
        _attach_panel(actions, panel)
        if panel is not layers:
            form.opens_from(panel.view)
    for panel in (salmonn, compared):
        _attach_looking(actions, panel)
    return form


def forget_who_leaves(page: gr.Blocks, sessions: Sessions) -> None:
    """Close a visitor's session, and with it all that it holds, when the page is closed or loaded anew."""

    def leave(request: gr.Request) -> None:
        sessions.close(request.session_hash)

    page.unload(leave)


def _attach_sound(
    actions: Actions, bar: gr.HTML, drawn: gr.HTML, panels: Sequence[Panel], shelves: gr.HTML
) -> None:
    """A sound comes in: it is drawn at once and the panels are emptied."""
    examples = {one.id: one for one in actions.examples}
    extras = [one for panel in panels for one in panel.extra if one is not drawn]
    outputs = [bar, drawn, *(panel.view for panel in panels), *extras]

    def hold(session: Session, sound: Sound, chosen: str) -> dict[Any, Any]:
        session.hold(sound)
        audio = playable(session, sound)
        shown: dict[Any, Any] = {}
        for panel in panels:
            shown |= {panel.view: panel.unasked(), **panel.fill(None)}
        shown[drawn] = gr.update(value=timeline_value(sound, audio), words=[], captions=[], marks=[])
        line, said = _line(sound), notices(sound)
        shown[bar] = gr.update(line=line, notices=said, wrong="", chosen=chosen, ready=True)
        return shown

    def refuse(sentence: str) -> dict[Any, Any]:
        return {bar: gr.update(wrong=sentence, notices=[])}

    def upload(event: gr.EventData, request: gr.Request) -> dict[Any, Any]:
        path = uploaded(getattr(event, "path", None))
        if path is None:
            return refuse("The file did not arrive. Choose it again.")
        try:
            sound = read(path, str(getattr(event, "name", "") or path.name)[:200])
        except SoundError as problem:
            return refuse(str(problem))
        finally:
            path.unlink(missing_ok=True)  # the clip is held in memory; the upload is not kept
        return hold(actions.sessions.of(request.session_hash), sound, "")

    def choose(event: gr.EventData, request: gr.Request) -> dict[Any, Any]:
        example = examples.get(str(getattr(event, "id", "")))
        if example is None:
            return refuse("There is no such example. Reload the page.")
        return hold(actions.sessions.of(request.session_hash), example.sound(), example.id)

    def open_found(event: gr.EventData, request: gr.Request) -> dict[Any, Any]:
        sound_id = str(getattr(event, "id", ""))
        try:
            sound = actions.library.sound(sound_id)
        except EngineError as problem:
            return refuse(str(problem))
        return hold(
            actions.sessions.of(request.session_hash), sound, sound_id if sound_id in examples else ""
        )

    settings: dict[str, Any] = {
        "show_progress": "hidden",
        "concurrency_id": "sound",
        "concurrency_limit": 4,
        "trigger_mode": "multiple",
        "api_visibility": "private",
    }
    bar.sound(upload, None, outputs, **settings)
    bar.example(choose, None, outputs, **settings)
    shelves.open(open_found, None, outputs, **settings)


def _attach_panel(actions: Actions, panel: Panel) -> None:
    """Listen, Re-run and a change of the panel's own controls run its system; Cancel stops it."""
    outputs = [panel.view, *panel.extra]
    inputs = [*panel.inputs, *([] if panel.blind is None else [panel.blind])]

    def observe(request: gr.Request, event: gr.EventData, *values: Any) -> Iterator[dict[Any, Any]]:
        session = actions.sessions.of(request.session_hash)
        sound = session.sound
        if sound is None:
            yield {panel.view: panel.unasked("Record, upload or choose a sound first.")}
            return
        if event.target is panel.view:
            session.choose_part(panel.name, _part(event))
        start, stop = session.part(panel.name)
        if panel.blind is not None:
            if values[-1]:
                yield {panel.view: silent()}
                return
            values = values[:-1]
        asked = replace(panel.request(*values), start=start, stop=stop)
        follows = _follow_up(session, panel, event)
        if follows is not None:
            asked = replace(asked, instruction=follows.question, turns=follows.turns)
        cancelled = session.begin(panel.name, ask_number(event))
        if cancelled.is_set():  # called off while it waited
            yield {panel.view: in_conversation(stopped(), follows)}
            return
        yield {panel.view: in_conversation(running(), follows), **panel.fill(None)}
        try:
            for item in actions.engine.observe(sound, asked, cancelled.is_set):
                if not session.is_current(panel.name, cancelled):
                    return
                if isinstance(item, Partial):
                    yield {panel.view: in_conversation(running(item), follows)}
                else:
                    session.keep(item, panel.name)
                    value = in_conversation(_within(sound, item, panel.answer(item)), follows)
                    first = session.latest(panel.system) if panel.beside else None
                    if first is not None:
                        value["differs"] = differing_words(item.text, first.text)
                    yield {panel.view: value, **panel.fill(item)}
                    told = actions.known_failures if panel.system == "clap" else None
                    about = panel, session, sound, item, value
                    shown = with_what_is_known(actions.engine, told, *about, cancelled.is_set)
                    if shown is not value and session.is_current(panel.name, cancelled):
                        yield {panel.view: shown}
        except EngineError as problem:
            if session.is_current(panel.name, cancelled):
                ended = stopped() if isinstance(problem, Cancelled) else failed(str(problem))
                yield {panel.view: in_conversation(ended, follows)}
        finally:
            cancelled.set()

    def cancel(event: gr.EventData, request: gr.Request) -> Any:
        begun = actions.sessions.of(request.session_hash).cancel(panel.name, ask_number(event))
        return gr.skip() if begun else stopped()

    def end_conversation(request: gr.Request) -> dict[str, Any]:
        session = actions.sessions.of(request.session_hash)
        session.cancel(panel.name)
        session.follow(panel.name, None)
        sentence = "A new conversation: press ↻ to ask the instruction above."
        return {**panel.unasked(sentence), "again": True}

    settings: dict[str, Any] = {
        "show_progress": "hidden",
        "concurrency_id": panel.system,
        "concurrency_limit": MOST_IN_LINE,
        "trigger_mode": "multiple",
        "api_visibility": "private",
    }
    for trigger in (panel.view.ask, panel.view.follow, *(control.input for control in panel.controls)):
        trigger(observe, inputs, outputs, **settings)
    panel.view.nudge(lambda: None, None, None, show_progress="hidden", api_visibility="private")
    panel.view.cancel(cancel, None, panel.view, queue=False, api_visibility="private")
    panel.view.anew(end_conversation, None, panel.view, queue=False, api_visibility="private")


def _attach_looking(actions: Actions, panel: Panel) -> None:
    """A word of the answer is chosen: what the answer rests on is computed once, the page shows the rest."""

    def look(event: gr.EventData, request: gr.Request) -> dict[str, Any]:
        session = actions.sessions.of(request.session_hash)
        observation_id = str(getattr(event, "observation", ""))
        sound, said = session.sound, session.observation(observation_id)
        if sound is None or said is None:
            found = no_grounds(observation_id, "This answer is not kept any more. Press Listen again.")
        else:
            try:
                found = grounds_value(said, actions.engine.grounds(sound, said))
            except EngineError as problem:
                found = no_grounds(observation_id, str(problem))
        return gr.update(grounds=found)

    panel.view.look(
        look,
        None,
        panel.view,
        show_progress="hidden",
        concurrency_id=panel.system,
        concurrency_limit=MOST_IN_LINE,
        api_visibility="private",
    )


def _follow_up(session: Session, panel: Panel, event: gr.EventData) -> FollowUp | None:
    """The question of a conversation that the panel is asked, None where it is asked its instruction.

    Listen begins anew; Re-run asks the same again; what stands beside an answer asks what that one was asked.
    """
    if panel.beside:
        return session.follow_up(panel.system)
    if event.target is not panel.view:  # a control was changed; such an event carries nothing
        return session.follow_up(panel.name)
    said = session.observation(str(getattr(event, "observation", "")))
    question = str(getattr(event, "question", "")).strip()
    if said is not None and question:
        session.follow(panel.name, follow_up(said, question))
    elif not getattr(event, "again", False):
        session.follow(panel.name, None)
    return session.follow_up(panel.name)


def _part(event: gr.EventData) -> Part:
    """The part of the sound that was asked about, the whole where none was chosen."""
    start, stop = getattr(event, "start", None), getattr(event, "stop", None)
    if isinstance(start, int | float) and isinstance(stop, int | float):
        return float(start), float(stop)
    return WHOLE


def _line(sound: Sound) -> str:
    """What stands beside the examples: the name, and below it length, rate, and what of it is heard."""
    clip = sound.clip
    rate = f"{clip.rate / 1000:g} kHz"
    channels = {1: "", 2: " · stereo, heard as one"}.get(
        clip.channels, f" · {clip.channels} channels, heard as one"
    )
    whole = clip.seconds <= LONGEST_VIEW
    heard = "heard whole" if whole else f"SALMONN and Layers hear its first {LONGEST_VIEW:.0f} s"
    return f"{clip.name}\n{clip.seconds:.1f} s · {rate}{channels} · {heard}"


def _within(sound: Sound, observation: Observation, value: dict[str, Any]) -> dict[str, Any]:
    """The answer's line at the foot with the window that was heard, unless that was the whole clip."""
    view = observation.view
    if view.start > 0 or view.stop < sound.clip.seconds - 0.01:
        value["took"] += f" · heard {view.start:.1f}–{view.stop:.1f} s"
    return value
