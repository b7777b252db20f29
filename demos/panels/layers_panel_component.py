"""The Layers panel: what moves inside an encoder while it hears, layer by layer."""

from __future__ import annotations

from typing import Any

import gradio as gr

from demos.heatmap.heatmap_component import heatmap_value, heatmap_view
from demos.panels.model_component import ModelChoices
from demos.panels.panel_component import (
    Panel,
    answered,
    heading_html,
    panel_heading,
    panel_view,
    waiting,
)
from demos.request import Request
from store.records import Observation

EMPTY = "Press Listen to see the activations of an encoder."
MEASURES = [
    ("change from below", "change_from_below"),
    ("RMS", "rms"),
    ("effective rank", "effective_rank"),
    ("attention entropy", "attention_entropy"),
]


def build(choices: ModelChoices) -> Panel:
    """The panel's column: choice of encoder and measure, and the heatmap."""
    with gr.Column(elem_classes=["card", "panel-layers"]):
        panel_heading(heading_html("Layers", "activations", "layer × time"))
        with gr.Row(elem_classes="choices"):
            encoder = choices.encoders()
            measure = gr.Dropdown(
                MEASURES,
                value=MEASURES[0][1],
                label="Measure",
                show_label=False,
                container=False,
                filterable=False,
                min_width=80,
            )
        heatmap = heatmap_view(elem_classes="heatmap")
        view = panel_view("layers", waiting(EMPTY))

    def request(chosen_encoder: str, chosen_measure: str) -> Request:
        return Request("layers", encoder=chosen_encoder, measure=chosen_measure)

    def answer(observation: Observation) -> dict[str, Any]:
        heat = observation.heatmap
        shape = "" if heat is None else f"{len(heat.values)} × {len(heat.values[0])}"
        value = answered(observation, shape)
        value["text"] = ""
        value["observation"] = ""  # there are no words to flag in a heatmap
        return value

    def fill(observation: Observation | None) -> dict[Any, Any]:
        return {heatmap: {} if observation is None else heatmap_value(observation)}

    return Panel(
        "layers",
        "Layers",
        EMPTY,
        view,
        [encoder, measure],
        request,
        answer,
        [heatmap],
        fill,
        [encoder, measure],
    )
