"""The instruction of a panel: presets to choose from, and the words themselves, free to change."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr


def instruction(system: str, presets: Sequence[tuple[str, str]]) -> tuple[gr.Dropdown, gr.Textbox]:
    """A list of presets (title, instruction) and the text box that they fill; the box is what is asked."""
    preset = gr.Dropdown(
        [(title, text) for title, text in presets],
        value=presets[0][1],
        label=f"{system} instruction preset",
        show_label=False,
        container=False,
        filterable=False,
        elem_classes="preset",
    )
    words = gr.Textbox(
        presets[0][1],
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
