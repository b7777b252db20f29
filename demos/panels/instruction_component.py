"""The instruction of a panel: presets to choose from, and the words themselves, free to change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from demos.catalog import Model
from demos.presets import Preset
from store.records import Observation


def instruction(system: str, presets: Sequence[Preset]) -> tuple[gr.Dropdown, gr.Textbox]:
    """A list of presets by task and the text box that they fill; the box is what is asked."""
    preset = gr.Dropdown(
        [(_title(preset), preset.text) for preset in presets],
        value=presets[0].text,
        label=f"{system} instruction preset",
        show_label=False,
        container=False,
        filterable=False,
        elem_classes="preset",
    )
    words = gr.Textbox(
        presets[0].text,
        label=f"{system} instruction",
        show_label=False,
        container=False,
        lines=2,
        max_lines=4,
        max_length=500,
        placeholder="Ask in your own words",
        elem_classes="instruction",
    )
    preset.input(None, preset, words, js="(text) => text", api_visibility="private")
    return preset, words


def with_what_was_trained(value: dict[str, Any], model: Model, observation: Observation) -> dict[str, Any]:
    """The panel's value, with a note where the model's training never had the instruction."""
    if not model.untrained(observation.instruction):
        return value
    note = f"A published instruction that {model.title} was not trained for: see what it makes of it."
    return {**value, "notes": [*value.get("notes", []), note]}


def _title(preset: Preset) -> str:
    return f"{preset.task}: {preset.title}" + ("" if preset.trained else " (not trained)")
