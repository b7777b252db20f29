"""The list of rows in the Tasks tab: what is asked and right, what the model said, and what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from annotators.flags.kinds import KINDS
from annotators.tasks.tasks import Page
from demos.page_component import page_component
from store.benchmark import TASKS
from store.following import Following
from store.instances import Gate, Instance
from store.records import RowState
from store.rows import RowView

STATES: dict[RowState, str] = {
    "unpaired": "needs a partner",
    "paired": "has a partner",
    "complete": "needs no partner",
    "taken_out": "taken out",
}
NOTHING_YET = "No rows yet. Listen to a sound, flag what a model made up, and its rows appear here."
NOTHING_FITS = "No row fits this choice. Choose less."


def row_list(**kwargs: Any) -> gr.HTML:
    """Rows, progress and pages. Events: `play` (row), `turn` (number of a page), and those of opened rows.

    The value comes from `rows_value`. The property `sound` {row, address} is played, `download` {address,
    name, sentence} is fetched by the browser, `details` is what is shown below an opened row
    (`details_component`).
    """
    return page_component(
        Path(__file__).parent, "rows", {}, {"sound": {}, "download": {}, "details": {}}, **kwargs
    )


def rows_value(
    page: Page, instances: list[Instance], following: list[Following], filtered: bool
) -> dict[str, Any]:
    """What the list shows of a page of rows, their instances and all models; nothing private is in it."""
    return {
        "rows": [_row(view) for view in page.rows],
        "instances": [_instance(one) for one in instances],
        "following": [
            {"model": one.model, "answers": one.answers, "missed": one.missed, "rate": one.rate}
            for one in following
        ],
        "number": page.number,
        "pages": page.pages,
        "total": page.total,
        "empty": NOTHING_FITS if filtered else NOTHING_YET,
    }


def _row(view: RowView) -> dict[str, Any]:
    return {
        "id": view.row.id,
        "instruction": view.row.instruction,
        "label": view.row.label,
        "task": view.row.task,
        "kind": KINDS[view.flag.kind].title,
        "model": view.observation.model_id,
        "answer": view.observation.text,
        "span": [view.flag.span_start, view.flag.span_stop],
        "start": view.row.start,
        "stop": view.row.stop,
        "licence": view.rights.licence,
        "made_at": view.row.made_at[:10],
        "state": STATES[view.state],
        "role": view.row.role,
        "edits": view.edits,
    }


def _instance(one: Instance) -> dict[str, Any]:
    labels = ", ".join(f"{number} × {label}" for label, number in list(one.labels.items())[:3])
    return {
        "task": one.task,
        "name": one.name,
        "licence": one.licence,
        "about": f"{TASKS[one.task].description} {one.rows} rows: {labels}",
        "rules": [_gate(gate) for gate in one.gates if gate.is_rule],
        "habits": [_gate(gate) for gate in one.gates if not gate.is_rule],
        "ready": one.ready,
    }


def _gate(gate: Gate) -> dict[str, Any]:
    share = gate.have / gate.need if gate.need else float(gate.met)
    return {"words": gate.words, "met": gate.met, "share": share}
