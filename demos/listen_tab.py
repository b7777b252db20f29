"""The Listen tab: one sound goes in, the systems answer side by side, each as soon as it can.

What is above this floor comes in by `Actions`: `place_flag_form` draws the form of the annotators below the panels.
A sound and its observations belong to the visitor's session (`demos.session`) and to nothing else here.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import gradio as gr
import soundfile
from gradio.utils import get_upload_folder

from demos.catalog import Suite
from demos.engine import Cancelled, Engine, EngineError, Partial
from demos.panels import (
    clap_panel_component,
    layers_panel_component,
    pengi_panel_component,
    salmonn_panel_component,
    whisper_panel_component,
)
from demos.panels.panel_component import Panel, PanelView, failed, running, stopped, waiting
from demos.session import Session, Sessions
from demos.sound import Sound, SoundError, mono, notices, read
from demos.source.source_component import SourceBar, uploaded
from demos.timeline.timeline_component import Timeline, timeline_value
from store.records import Observation

log = logging.getLogger(__name__)

AT_ONCE = 2  # visitors that one system answers at the same time; others wait their turn
LONGEST_HEARD = 30.0  # seconds of a longer clip that the models hear


class FlagForm(Protocol):
    """What the Listen tab asks of the form that is placed below its panels."""

    def opens_from(self, view: PanelView) -> None:
        """Open on the `flag` event of a panel."""

    def takes_times_from(self, timeline: Timeline) -> None:
        """Take the time range that is dragged on the timeline."""

    def closes_with(self, *events: Callable[..., Any]) -> None:
        """Close when one of these events brings another sound."""


@dataclass(frozen=True)
class Example:
    """One shipped sound that a chip opens."""

    id: str
    title: str
    path: Path
    says: str = ""


@dataclass(frozen=True)
class Actions:
    """What the tab works with, given from above."""

    engine: Engine
    suite: Suite
    sessions: Sessions
    examples: Sequence[Example]
    place_flag_form: Callable[[], FlagForm]


def build(actions: Actions) -> None:
    """Draw the tab and attach its events; called inside the tab's own context."""
    bar = SourceBar([{"id": one.id, "title": one.title, "says": one.says} for one in actions.examples])
    timeline = Timeline(elem_classes=["card", "timeline"])
    whisper = whisper_panel_component.build(actions.suite.model("whisper"), timeline)
    engine, suite = actions.engine, actions.suite
    with gr.Row(elem_classes="panels"):
        clap = clap_panel_component.build(suite.model("clap"), engine.default_bank)
        pengi = pengi_panel_component.build(suite.model("pengi"), engine.presets("pengi"))
        salmonn = salmonn_panel_component.build(suite.model("salmonn"), engine.presets("salmonn"))
        layers = layers_panel_component.build([encoder.title for encoder in suite.encoders])
    panels = [whisper, clap, pengi, salmonn, layers]
    form = actions.place_flag_form()
    _attach_sound(actions, bar, timeline, panels)
    form.closes_with(bar.sound, bar.example)
    form.takes_times_from(timeline)
    for panel in panels:
        _attach_panel(actions, bar, panel)
        if panel is not layers:
            form.opens_from(panel.view)
    at_once = json.dumps([running()] * len(panels))
    bar.listen(None, None, [panel.view for panel in panels], js=f"() => {at_once}", api_visibility="private")


def _attach_sound(actions: Actions, bar: SourceBar, timeline: Timeline, panels: Sequence[Panel]) -> None:
    """A sound comes in: it is drawn at once and the panels are emptied."""
    examples = {one.id: one for one in actions.examples}
    outputs = [bar, timeline, *(panel.view for panel in panels), *_extras(panels, but=timeline)]

    def hold(session: Session, sound: Sound, chosen: str) -> list[Any]:
        session.hold(sound)
        audio = _playable(session, sound)
        filled = [value for panel in panels if timeline not in panel.extra for value in panel.fill(None)]
        return [
            gr.update(line=_line(sound), notices=notices(sound), wrong="", chosen=chosen, ready=True),
            gr.update(value=timeline_value(sound, audio), words=[]),
            *(waiting(panel.empty) for panel in panels),
            *filled,
        ]

    def refuse(sentence: str) -> list[Any]:
        return [gr.update(wrong=sentence, notices=[]), *[gr.skip()] * (len(outputs) - 1)]

    def upload(event: gr.EventData, request: gr.Request) -> list[Any]:
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

    def choose(event: gr.EventData, request: gr.Request) -> list[Any]:
        example = examples.get(str(getattr(event, "id", "")))
        if example is None:
            return refuse("There is no such example. Reload the page.")
        sound = read(example.path, example.path.name)
        return hold(actions.sessions.of(request.session_hash), sound, example.id)

    settings: dict[str, Any] = {
        "show_progress": "hidden",
        "concurrency_id": "sound",
        "concurrency_limit": 4,
        "trigger_mode": "multiple",
        "api_visibility": "private",
    }
    bar.sound(upload, None, outputs, **settings)
    bar.example(choose, None, outputs, **settings)


def _attach_panel(actions: Actions, bar: SourceBar, panel: Panel) -> None:
    """Listen, Re-run and a change of the panel's own controls run its system; Cancel stops it."""
    outputs = [panel.view, *panel.extra]
    nothing = [gr.skip()] * len(panel.extra)

    def observe(request: gr.Request, *values: Any) -> Iterator[list[Any]]:
        session = actions.sessions.of(request.session_hash)
        sound = session.sound
        if sound is None:
            yield [waiting("Record, upload or choose a sound first."), *nothing]
            return
        cancelled = session.begin(panel.system)
        yield [running(), *panel.fill(None)]
        try:
            for item in actions.engine.observe(sound, panel.request(*values), cancelled.is_set):
                if isinstance(item, Partial):
                    yield [running(item), *nothing]
                else:
                    session.keep(item)
                    yield [_within(sound, item, panel.answer(item)), *panel.fill(item)]
        except Cancelled:
            if session.is_current(panel.system, cancelled):
                yield [stopped(), *nothing]
        except EngineError as problem:
            yield [failed(str(problem)), *nothing]
        except Exception:
            log.exception("%s failed", panel.title)
            yield [failed(f"{panel.title} failed in a way nobody foresaw; the server's log says how."), *nothing]
        finally:
            cancelled.set()

    def cancel(request: gr.Request) -> None:
        actions.sessions.of(request.session_hash).cancel(panel.system)

    settings: dict[str, Any] = {
        "show_progress": "hidden",
        "concurrency_id": panel.system,
        "concurrency_limit": AT_ONCE,
        "trigger_mode": "multiple",
        "api_visibility": "private",
    }
    triggers = [bar.listen, panel.view.rerun, *(control.input for control in panel.controls)]
    for trigger in triggers:
        trigger(observe, list(panel.inputs), outputs, **settings)
    panel.view.cancel(cancel, None, None, queue=False, api_visibility="private")


def _extras(panels: Sequence[Panel], but: Timeline) -> list[gr.components.Component]:
    return [one for panel in panels if but not in panel.extra for one in panel.extra]


def _line(sound: Sound) -> str:
    """The line beside the examples: name, length, rate, and what of the clip is heard."""
    clip = sound.clip
    rate = f"{clip.rate / 1000:g} kHz"
    channels = {1: "", 2: " · stereo, heard as one"}.get(clip.channels, f" · {clip.channels} channels, heard as one")
    heard = "heard whole" if clip.seconds <= LONGEST_HEARD else f"heard 0–{LONGEST_HEARD:.0f} s"
    return f"{clip.name} · {clip.seconds:.1f} s · {rate}{channels} · {heard}"


def _within(sound: Sound, observation: Observation, value: dict[str, Any]) -> dict[str, Any]:
    """The answer's line at the foot with the window that was heard, unless that was the whole clip."""
    view = observation.view
    if view.start > 0 or view.stop < sound.clip.seconds - 0.01:
        value["took"] += f" · heard {view.start:.1f}–{view.stop:.1f} s"
    return value


def _playable(session: Session, sound: Sound) -> str:
    """The address of a WAV of what the models hear, the channel mean; the file is deleted with the session."""
    folder = Path(get_upload_folder()) / secrets.token_hex(16)
    folder.mkdir(parents=True)
    file = folder / "sound.wav"
    soundfile.write(file, mono(sound), sound.clip.rate, subtype="PCM_16")
    session.keep_file(file)
    return f"gradio_api/file={file}"
