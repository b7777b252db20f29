"""The transcript: Whisper's words on the timeline and as a line of text with its own flag."""

from __future__ import annotations

from typing import Any

import gradio as gr

from demos.panels.model_component import ModelChoices
from demos.panels.panel_component import Panel, answered, counted, panel_view, waiting
from demos.request import Request
from demos.timeline.timeline_component import words_update
from store.records import Observation

EMPTY = "Press Listen for a transcript."


def build(choices: ModelChoices, timeline: gr.HTML) -> Panel:
    """The strip under the timeline; its words are also drawn on `timeline`."""
    with gr.Row(elem_classes=["card", "strip"]):
        chosen = choices.heading("whisper", "Whisper", "transcript")
        view = panel_view("whisper", waiting(EMPTY))

    def request(model: str) -> Request:
        return Request("whisper", model=model)

    def answer(observation: Observation) -> dict[str, Any]:
        value = answered(observation, counted(len(observation.words), "word"))
        value["line"] = True
        if not observation.text.strip():
            value["sentence"] = "Whisper heard no words."
        return choices.with_model(value, observation)

    def fill(observation: Observation | None) -> dict[Any, Any]:
        return {timeline: words_update(() if observation is None else observation.words)}

    return Panel(
        "whisper", "Whisper", EMPTY, view, [chosen], request, answer, [timeline], fill, controls=[chosen]
    )
