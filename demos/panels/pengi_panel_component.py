"""The Pengi panel: a caption, or an answer to a question about the sound."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from demos.catalog import Model
from demos.panels.instruction_component import instruction
from demos.panels.panel_component import Panel, answered, heading, panel_view, waiting
from demos.request import Request
from store.records import Observation

EMPTY = "Press Listen for a caption of this sound."


def build(model: Model, presets: Sequence[tuple[str, str]]) -> Panel:
    """The panel's column, with its instruction."""
    with gr.Column(elem_classes=["card", "panel-pengi"]):
        heading("Pengi", "caption", model.title, model.note)
        _, words = instruction("Pengi", presets)
        view = panel_view(waiting(EMPTY))

    def request(text: str) -> Request:
        return Request("pengi", instruction=(text or "").strip())

    def answer(observation: Observation) -> dict[str, Any]:
        return answered(observation, f"{len(observation.tokens)} tokens")

    return Panel("pengi", "Pengi", EMPTY, view, [words], request, answer)
