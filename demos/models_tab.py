"""The Models tab: the published models, with what they need and under which terms; load them, then use them.

Whoever serves the page says whether its visitors may bring models here; that is checked where they ask.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from demos.catalog import CatalogError
from demos.model_list.model_list_component import list_value, model_list
from demos.panels.model_component import ModelChoices
from demos.published.bringing import Bringing
from demos.published.download import FetchError
from store.records import SYSTEMS

_ABOUT = (
    "<p>The published models are the networks of the mini suite at full size, trained by their authors on "
    "real sound. <b>None of their files was ever opened by us</b>: loading is proven on published layouts "
    "with seeded weights. What is loaded stands in the lists of models on the Listen tab, for everybody; "
    "until then, and in every slot that you leave, the suite’s own model answers.</p>"
)
_MAY_NOT = (
    "<p>Visitors of this server cannot load models. Whoever runs it does so with "
    "<code>make fetch MODEL=…</code>, or starts it with <code>--visitors-load</code>.</p>"
)
REFUSED = "Visitors of this server cannot load models. Ask whoever runs it."


def build(bringing: Bringing, may_bring: bool, choices: ModelChoices, tab: gr.Tab, tabs: gr.Tabs) -> None:
    """Draw the tab, inside its own context; `choices` are the lists of models on the Listen tab."""
    with gr.Column(elem_classes=["card", "prose-card"]):
        gr.HTML(
            f"<h3>Published models</h3>{_ABOUT}{'' if may_bring else _MAY_NOT}",
            apply_default_css=False,
            elem_classes="prose",
        )
        listed = model_list(list_value(bringing, may_bring))

    def shown(problem: str = "") -> dict[Any, Any]:
        return {listed: list_value(bringing, may_bring, problem), **choices.shown()}

    def asked(event: gr.EventData, do: Callable[[str], None]) -> dict[Any, Any]:
        if not may_bring:
            return shown(REFUSED)
        try:
            do(str(getattr(event, "id", "")))
        except FetchError as problem:
            return shown(str(problem))
        return shown()

    def bring(event: gr.EventData) -> dict[Any, Any]:
        return asked(event, bringing.bring)

    def cancel(event: gr.EventData) -> dict[Any, Any]:
        return asked(event, bringing.cancel)

    def use(event: gr.EventData) -> dict[Any, Any]:
        slot = next((one for one in SYSTEMS if one == getattr(event, "slot", "")), SYSTEMS[0])
        try:
            used = choices.used(slot, str(getattr(event, "id", "")))
        except CatalogError as problem:
            return shown(str(problem))
        return {listed: list_value(bringing, may_bring), **used, tabs: gr.Tabs(selected="listen")}

    outputs = [listed, *choices.outputs]
    event: dict[str, Any] = {
        "show_progress": "hidden",
        "queue": False,
        "trigger_mode": "multiple",
        "api_visibility": "private",
    }
    tab.select(lambda: shown(), None, outputs, **event)
    listed.look(lambda: shown(), None, outputs, **event)
    listed.bring(bring, None, outputs, **event)
    listed.cancel(cancel, None, outputs, **event)
    listed.use(use, None, [*outputs, tabs], **event)


def name_what_came(page: gr.Blocks, choices: ModelChoices) -> None:
    """Name the models that came since the page was drawn, whenever a visitor opens it."""
    page.load(
        choices.shown, None, choices.outputs, show_progress="hidden", queue=False, api_visibility="private"
    )
