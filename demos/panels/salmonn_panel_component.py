"""The SALMONN panel: an answer that takes speech and sounds together, written word by word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from demos.catalog import Model
from demos.panels.instruction_component import instruction
from demos.panels.panel_component import Panel, answered, heading, panel_view, waiting, with_tokens
from demos.request import MOST_SCALING, Request
from store.records import Observation

EMPTY = "Press Listen to ask SALMONN about this sound."


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
            elem_classes="scaling",
            buttons=[],
        )
        view = panel_view("salmonn", waiting(EMPTY))

    def request(text: str, lora_scaling: float) -> Request:
        held = min(MOST_SCALING, max(0.0, float(lora_scaling)))
        return Request("salmonn", instruction=(text or "").strip(), lora_scaling=held)

    def answer(observation: Observation) -> dict[str, Any]:
        value = with_tokens(
            answered(observation, f"{len(observation.tokens)} tokens"), observation, look=True
        )
        if observation.lora_scaling not in (None, MOST_SCALING):  # said only when it is not as trained
            value["took"] += f" · LoRA {observation.lora_scaling:g}"
        return value

    return Panel("salmonn", "SALMONN", EMPTY, view, [words, scaling], request, answer, speaks_of_sounds=True)
