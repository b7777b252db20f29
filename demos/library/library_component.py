"""The library on the page: sounds like the one that is heard, sounds that fit words; play them, open them.

The browser's part is `library.js`. What is shown of a sound is what its shelf made public.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from demos.library.library import Findings, Library
from demos.page_component import page_component
from demos.request import Cancelled, EngineError
from demos.session import Sessions
from demos.source.source_component import playable

NONE = "There are no other sounds in the library yet."


def library_view() -> gr.HTML:
    """The search box and what was found; the property `heard` is the id of CLAP's answer, or empty."""
    return page_component(
        Path(__file__).parent, "library", {}, {"heard": "", "sound": {}}, elem_classes="library"
    )


def attach(view: gr.HTML, library: Library, sessions: Sessions) -> None:
    """Let the view find and play; who opens a sound is told by its event `open` {id}."""

    def show_near(request: gr.Request) -> Any:
        session = sessions.of(request.session_hash)
        sound = session.sound
        if sound is None:
            return {}
        try:
            findings = library.near(sound, lambda: session.sound is not sound)
        except Cancelled:
            return gr.skip()
        except EngineError as problem:
            return _refused("sound", str(problem))
        return gr.skip() if session.sound is not sound else _value("sound", "Nearest to this sound", findings)

    def show_found(event: gr.EventData) -> dict[str, Any]:
        text = str(getattr(event, "text", "") or "")
        try:
            return _value("text", f"Nearest to “{' '.join(text.split())}”", library.find(text))
        except EngineError as problem:
            return _refused("text", str(problem))

    def play_found(event: gr.EventData, request: gr.Request) -> Any:
        sound_id = str(getattr(event, "id", ""))
        try:
            address = playable(sessions.of(request.session_hash), library.sound(sound_id))
        except EngineError as problem:
            return gr.update(value=_refused("text", str(problem)))
        return gr.update(sound={"id": sound_id, "address": address})

    settings: dict[str, Any] = {
        "show_progress": "hidden",
        "concurrency_id": "library",
        "concurrency_limit": 2,
        "api_visibility": "private",
    }
    view.near(show_near, None, view, trigger_mode="always_last", **settings)
    view.find(show_found, None, view, trigger_mode="always_last", **settings)
    view.hold(play_found, None, view, trigger_mode="multiple", **settings)


def found_sounds(findings: Findings) -> list[dict[str, Any]]:
    """What is public of the sounds that were found, best first: id, title, about and cosine."""
    return [
        {"id": one.sound.id, "title": one.sound.title, "about": one.sound.about, "cosine": one.cosine}
        for one in findings.found
    ]


def _value(of: str, heading: str, findings: Findings) -> dict[str, Any]:
    """What the view shows of findings."""
    left = f" {findings.unheard} sounds are not compared yet: ask again." if findings.unheard else ""
    sentence = f"{heading}:{left}" if findings.found else f"{NONE}{left}"
    return {"of": of, "sentence": sentence, "wrong": False, "found": found_sounds(findings)}


def _refused(of: str, sentence: str) -> dict[str, Any]:
    return {"of": of, "sentence": sentence, "wrong": True, "found": []}
