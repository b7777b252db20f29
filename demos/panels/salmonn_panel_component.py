"""The SALMONN panel: an answer that takes speech and sounds together, written word by word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from demos.catalog import Model
from demos.panels.instruction_component import instruction
from demos.panels.panel_component import Panel, PanelView, answered, heading, waiting
from demos.request import Request
from store.records import Observation

EMPTY = "Press Listen to ask SALMONN about this sound."
MOST_SCALING = 4.0


def build(model: Model, presets: Sequence[tuple[str, str]]) -> Panel:
    """The panel's column, with its instruction and the LoRA scaling."""
    with gr.Column(elem_classes=["card", "panel-salmonn"]):
        heading("SALMONN", "co-reasoning", model.title, model.note)
        _, words = instruction("SALMONN", presets)
        scaling = gr.Slider(
            0,
            MOST_SCALING,
            value=MOST_SCALING,
            step=0.1,
            label="LoRA scaling",
            info="4 as trained, 0 the language model alone",
            elem_classes="scaling",
            buttons=[],
        )
        view = PanelView(waiting(EMPTY), elem_classes="answer")

    def request(text: str, lora_scaling: float) -> Request:
        held = min(MOST_SCALING, max(0.0, float(lora_scaling)))
        return Request("salmonn", instruction=(text or "").strip(), lora_scaling=held)

    def answer(observation: Observation) -> dict[str, Any]:
        value = answered(observation, f"{len(observation.tokens)} tokens")
        if observation.lora_scaling is not None:
            value["took"] += f" · LoRA {observation.lora_scaling:.1f}"
        return value

    return Panel("salmonn", "SALMONN", EMPTY, view, [words, scaling], request, answer)
