"""The CLAP panel: which words fit the sound, from a bank that ships or from the person's own labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from demos.banks.bank_component import bank_choice
from demos.banks.banks import asked_of, shipped_banks, shown_names
from demos.library.library_component import library_view
from demos.panels.model_component import ModelChoices
from demos.panels.panel_component import Panel, answered, counted, panel_view, waiting
from demos.request import Request
from store.records import Observation

SHOWN = 8
EMPTY = "Press Listen to see which words fit this sound."


def build(choices: ModelChoices, default_bank: Callable[[], tuple[str, ...]]) -> tuple[Panel, gr.HTML]:
    """The panel's column, with the choice of the bank that is ranked, and the library's view at its end."""
    banks = shipped_banks(default_bank())
    with gr.Column(elem_classes=["card", "panel-clap"]):
        model = choices.heading("clap", "CLAP", "retrieval")
        gr.HTML(
            "<p>Which words fit this sound?</p>",
            elem_classes="sub",
            apply_default_css=False,
        )
        choice = bank_choice(banks)
        view = panel_view("clap", waiting(EMPTY))
        shelves = library_view()

    def request(chosen: Any, model_id: str) -> Request:
        return Request("clap", model=model_id, bank=asked_of(chosen, banks))

    def answer(observation: Observation) -> dict[str, Any]:
        ranked = sorted(observation.scores, key=lambda score: -score.cosine)
        windows = len(ranked[0].windows) if ranked else 0
        value = answered(observation, counted(windows, "window"))
        value["text"] = ""
        value["doubts"] = []
        asked = observation.settings.get("bank", [score.text for score in ranked])
        shown = shown_names(asked, banks)
        value["scores"] = [
            {"text": shown.get(s.text, s.text), "cosine": s.cosine, "windows": [list(w) for w in s.windows]}
            for s in ranked[:SHOWN]
        ]
        value["notes"] = [f"The best {SHOWN} of {len(asked)} labels."] if len(asked) > SHOWN else []
        if windows > 1:
            value["notes"].append("Choose a label to see on the timeline when it fits.")
        return choices.with_model(value, observation)

    def fill(observation: Observation | None) -> dict[Any, Any]:
        return {shelves: gr.update(heard="" if observation is None else observation.id)}

    controls = [choice, model]
    panel = Panel("clap", "CLAP", EMPTY, view, controls, request, answer, [shelves], fill, controls)
    return panel, shelves
