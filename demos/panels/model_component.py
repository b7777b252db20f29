"""The model of a panel: its title stands in the panel's first line, to choose from where there are several.

The choice belongs to the page of one visitor. An answer says at its foot which model gave it, unless that is
the suite's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from demos.catalog import Model
from demos.panels.panel_component import heading
from store.records import Observation


def model_heading(system: str, doing: str, choices: Sequence[Model]) -> gr.Dropdown:
    """The first line of a panel; returns the choice of its model, whose value is an id.

    Where there is but one model, its title is written there and the choice is not shown.
    """
    own = choices[0]
    if len(choices) == 1:
        heading(system, doing, own.title, own.note)
        return model_choice(f"Model of {system}", choices)
    with gr.Row(elem_classes="panel-title"):
        heading(system, doing)
        return model_choice(f"Model of {system}", choices)


def model_choice(label: str, choices: Sequence[Model]) -> gr.Dropdown:
    """A list of models, the suite's own first and chosen; not shown where there is but one."""
    return gr.Dropdown(
        [(model.title, model.id) for model in choices],
        value=choices[0].id,
        label=label,
        visible=len(choices) > 1,
        show_label=False,
        container=False,
        filterable=False,
        min_width=80,
        elem_classes="model-choice",
    )


def model_of(observation: Observation, choices: Sequence[Model]) -> Model:
    """The model that gave an answer."""
    return next((model for model in choices if model.id == observation.model_id), choices[0])


def with_model(value: dict[str, Any], observation: Observation, choices: Sequence[Model]) -> dict[str, Any]:
    """The panel's value with the model's title at the foot, where the suite's own did not answer."""
    model = model_of(observation, choices)
    if model is choices[0]:
        return value
    return {**value, "took": " · ".join(part for part in (value["took"], model.title) if part)}
