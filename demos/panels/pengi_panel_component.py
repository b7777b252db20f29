"""The Pengi panel: a caption, or an answer to a question about the sound."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from demos.panels.instruction_component import instruction, with_what_was_trained
from demos.panels.model_component import ModelChoices
from demos.panels.panel_component import Panel, answered, counted, panel_view, waiting, with_tokens
from demos.presets import Preset
from demos.request import Request
from demos.timeline.timeline_component import captions_update
from store.records import Observation

EMPTY = "Press Listen for a caption of this sound."


def build(choices: ModelChoices, presets: Sequence[Preset], timeline: gr.HTML) -> Panel:
    """The panel's column, with its instruction; what is said of each window is also drawn on `timeline`."""
    with gr.Column(elem_classes=["card", "panel-pengi"]):
        chosen = choices.heading("pengi", "Pengi", "caption")
        _, words = instruction("Pengi", presets)
        view = panel_view("pengi", waiting(EMPTY))

    def request(text: str, model: str) -> Request:
        return Request("pengi", model=model, instruction=(text or "").strip())

    def answer(observation: Observation) -> dict[str, Any]:
        value = answered(observation, counted(len(observation.tokens), "token"))
        value = choices.with_model(with_tokens(value, observation), observation)
        return with_what_was_trained(value, choices.model_of(observation), observation)

    def fill(observation: Observation | None) -> dict[Any, Any]:
        return {timeline: captions_update(() if observation is None else captions_of(observation))}

    return Panel(
        "pengi",
        "Pengi",
        EMPTY,
        view,
        [words, chosen],
        request,
        answer,
        [timeline],
        fill,
        [chosen],
        speaks_of_sounds=True,
    )


def captions_of(observation: Observation) -> list[tuple[float, float, str]]:
    """What Pengi said of each window that it heard: (start, stop, text), seconds of the clip."""
    windows = observation.settings["windows"]
    lines = observation.text.split("\n") if len(windows) > 1 else [observation.text]
    texts = [line.partition(" s: ")[2] for line in lines] if len(windows) > 1 else lines
    return [
        (start, min(stop, observation.view.stop), text)
        for (start, stop), text in zip(windows, texts, strict=True)
    ]
