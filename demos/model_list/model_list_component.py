"""The list of published models on the page: by slot, with sizes, terms and where each stands.

The browser's part is `model_list.js`; it asks for the list again every second while a model is on its way.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from demos.page_component import page_component
from demos.published.bringing import UNDER_WAY, Bringing
from demos.published.command import size_said
from demos.published.model import HandFile, HubFiles, PublishedModel, gigabytes
from demos.request import SYSTEM_NAMES
from store.records import SYSTEMS


def model_list(value: dict[str, Any]) -> gr.HTML:
    """The list; it sends the events `look`, `bring` {id}, `cancel` {id} and `use` {id, slot}."""
    return page_component(Path(__file__).parent, "model_list", value, {}, elem_classes="model-list")


def list_value(bringing: Bringing, may_bring: bool, problem: str = "") -> dict[str, Any]:
    """The list as it is now. `may_bring` says whether visitors may bring models here."""
    slots = [
        {
            "id": system,
            "name": SYSTEM_NAMES[system],
            "models": [_row(model, bringing) for model in bringing.models if model.system == system],
        }
        for system in SYSTEMS
        if any(model.system == system for model in bringing.models)
    ]
    return {"slots": slots, "may": may_bring, "problem": problem, "watch": bringing.under_way}


def _row(model: PublishedModel, bringing: Bringing) -> dict[str, Any]:
    standing = bringing.standing(model)
    return {
        "id": model.id,
        "title": model.title,
        "download": size_said(model),
        "memory": memory_said(model),
        "licence": model.weights_licence,
        "terms": model.terms,
        "trained": model.trained_on,
        "from": ", ".join(dict.fromkeys(_origins(model))),
        "hand": [f"{one.name}: {one.where}" for one in model.sources if isinstance(one, HandFile)],
        "state": standing.state,
        "moving": standing.state in UNDER_WAY,
        "done": standing.done,
        "total": standing.total,
        "progress": progress_said(standing.done, standing.total, standing.seconds_left),
        "problem": standing.problem,
    }


def memory_said(model: PublishedModel) -> str:
    """What its weights take in memory, in the number type in which they are read here."""
    if not model.parts:
        return "not known"
    if model.quantisable:
        return f"{gigabytes(model.memory('bfloat16'))} in 16 bits"
    return gigabytes(model.memory("float32"))


def progress_said(done: int, total: int | None, seconds_left: float | None) -> str:
    """Bytes that came, of how many, and for how long the rest still takes."""
    if not done and total is None:
        return ""
    said = gigabytes(done) if total is None else f"{gigabytes(done)} of {gigabytes(total)}"
    if seconds_left is None:
        return said
    if seconds_left < 90:
        return f"{said}, about {max(1, round(seconds_left))} s left"
    minutes = seconds_left / 60
    return (
        f"{said}, about {minutes:.0f} min left"
        if minutes < 90
        else f"{said}, about {minutes / 60:.1f} h left"
    )


def _origins(model: PublishedModel) -> list[str]:
    return [
        one.repo
        if isinstance(one, HubFiles)
        else one.name
        if isinstance(one, HandFile)
        else one.url.split("/")[2]
        for one in model.sources
    ]
