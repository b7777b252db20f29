"""The CLAP panel: which words fit the sound, from the engine's bank or from labels that the person pastes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from demos.catalog import Model
from demos.panels.panel_component import Panel, answered, counted, heading, panel_view, waiting
from demos.request import Request
from store.records import Observation

SHOWN = 8
EMPTY = "Press Listen to see which words fit this sound."


def build(model: Model, default_bank: Callable[[], tuple[str, ...]]) -> Panel:
    """The panel's column; the bank is the default one while the text box is empty."""
    with gr.Column(elem_classes=["card", "panel-clap"]):
        heading("CLAP", "retrieval", model.title, model.note)
        gr.HTML(
            "<p>Which words fit this sound?</p>",
            elem_classes="sub",
            apply_default_css=False,
        )
        with gr.Accordion("Your own labels", open=False, elem_classes="bank"):
            bank = gr.Textbox(
                label="Labels for CLAP, one per line",
                show_label=False,
                container=False,
                lines=4,
                max_lines=10,
                placeholder="\n".join([*default_bank()[:3], "one label per line"]),
            )
        view = panel_view("clap", waiting(EMPTY))

    def request(pasted: str) -> Request:
        labels = tuple(line.strip() for line in (pasted or "").splitlines() if line.strip())
        return Request("clap", bank=labels)

    def answer(observation: Observation) -> dict[str, Any]:
        ranked = sorted(observation.scores, key=lambda score: -score.cosine)
        windows = len(ranked[0].windows) if ranked else 0
        value = answered(observation, counted(windows, "window"))
        value["text"] = ""
        value["doubts"] = []
        value["scores"] = [
            {"text": s.text, "cosine": s.cosine, "windows": [list(w) for w in s.windows]}
            for s in ranked[:SHOWN]
        ]
        asked = len(observation.settings.get("bank", ranked))
        value["notes"] = [f"The best {SHOWN} of {asked} labels."] if asked > SHOWN else []
        if windows > 1:
            value["notes"].append("Choose a label to see on the timeline when it fits.")
        return value

    return Panel("clap", "CLAP", EMPTY, view, [bank], request, answer)
