"""The models of the panels: each stands in its panel's first line, to choose from where there are several.

The choice belongs to the page of one visitor. An answer says at its foot which model gave it, unless that is
the suite's own. Published models may come while the page is served: `ModelChoices.shown` names them then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from demos.catalog import Model, Suite
from demos.panels.panel_component import heading_html, panel_heading
from store.records import Observation, System


@dataclass(frozen=True)
class _Heading:
    """A first line that names its model as long as there is but one."""

    system: System
    title: str
    doing: str
    view: gr.HTML


class ModelChoices:
    """The lists of models on one page, and how they are brought up to date."""

    def __init__(self, suite: Suite) -> None:
        self._suite = suite
        self._headings: list[_Heading] = []
        self._lists: dict[gr.Dropdown, System] = {}
        self._rows: dict[gr.Row, System] = {}
        self._first: dict[System, gr.Dropdown] = {}

    def heading(self, system: System, title: str, doing: str) -> gr.Dropdown:
        """The first line of a panel; returns the choice of its model, whose value is an id."""
        with gr.Row(elem_classes="panel-title"):
            view = panel_heading(self._heading(system, title, doing))
            self._headings.append(_Heading(system, title, doing, view))
            self._first[system] = self.choice(system, f"Model of {title}")
        return self._first[system]

    def choice(self, system: System, label: str) -> gr.Dropdown:
        """A list of models, the suite's own first and chosen; not shown where there is but one."""
        listed = self._listed(system)
        made = gr.Dropdown(
            listed,
            value=listed[0][1],
            label=label,
            visible=len(listed) > 1,
            show_label=False,
            container=False,
            filterable=False,
            min_width=80,
            elem_classes="model-choice",
        )
        self._lists[made] = system
        return made

    def row(self, system: System) -> gr.Row:
        """A row that is shown where a slot has several models."""
        made = gr.Row(elem_classes="choices", visible=len(self._listed(system)) > 1)
        self._rows[made] = system
        return made

    def encoders(self) -> gr.Dropdown:
        """The list of the encoders of `layers`, whose value is a title."""
        listed = self._listed("layers")
        made = gr.Dropdown(
            listed,
            value=listed[0][1],
            label="Encoder",
            show_label=False,
            container=False,
            filterable=False,
            min_width=80,
        )
        self._lists[made], self._first["layers"] = "layers", made
        return made

    @property
    def outputs(self) -> list[gr.blocks.Block]:
        """What `shown` gives new properties to."""
        return [*self._lists, *self._rows, *(one.view for one in self._headings)]

    def shown(self) -> dict[Any, Any]:
        """All lists with the models that are here now; what a visitor chose stays chosen."""
        updates: dict[Any, Any] = {}
        for listing, system in self._lists.items():
            listed = self._listed(system)
            updates[listing] = gr.update(choices=listed, visible=len(listed) > 1)
        for row, system in self._rows.items():
            updates[row] = gr.update(visible=len(self._listed(system)) > 1)
        for one in self._headings:
            updates[one.view] = self._heading(one.system, one.title, one.doing)
        return updates

    def used(self, system: System, model_id: str) -> dict[Any, Any]:
        """All lists, with this model chosen in its slot. CatalogError for an unknown one."""
        model = self._suite.model(system, model_id)
        updates = self.shown()
        chosen = updates[self._first[system]]
        updates[self._first[system]] = {**chosen, "value": model.title if system == "layers" else model.id}
        return updates

    def model_of(self, observation: Observation) -> Model:
        """The model that gave an answer."""
        choices = self._suite.choices(observation.system)
        return next((model for model in choices if model.id == observation.model_id), choices[0])

    def with_model(self, value: dict[str, Any], observation: Observation) -> dict[str, Any]:
        """The panel's value with the model's title at the foot, where the suite's own did not answer."""
        model = self.model_of(observation)
        if model is self._suite.model(observation.system):
            return value
        return {**value, "took": " · ".join(part for part in (value["took"], model.title) if part)}

    def _listed(self, system: System) -> list[tuple[str, str]]:
        models = self._suite.choices(system)
        return [(model.title, model.title if system == "layers" else model.id) for model in models]

    def _heading(self, system: System, title: str, doing: str) -> str:
        models = self._suite.choices(system)
        own = models[0]
        return heading_html(title, doing, *((own.title, own.note) if len(models) == 1 else ()))
