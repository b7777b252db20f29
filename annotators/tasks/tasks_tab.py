"""The Tasks tab: the rows that flags became, to look through, hear and take away as a zip."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import soundfile
from gradio.utils import get_upload_folder

from annotators.flags.clap_ranking import clap_ranking
from annotators.flags.kinds import KINDS
from annotators.tasks import details_component
from annotators.tasks.rows_component import STATES, row_list, rows_value
from annotators.tasks.tasks import FORMS, export_tasks, instances, models, page, row_audio
from demos.engine import Engine
from demos.page_component import refusal
from demos.session import Sessions
from store.benchmark import TASKS
from store.errors import StoreError
from store.records import ROW_STATES
from store.rows import RowFilter
from store.store import Store

ANY = ""

_EVENT: dict[str, Any] = {
    "show_progress": "hidden",
    "concurrency_id": "tasks",
    "concurrency_limit": 8,
    "api_visibility": "private",
}


@dataclass(frozen=True)
class Actions:
    """What the tab works with, given from above."""

    store: Store
    engine: Engine
    sessions: Sessions


def build(actions: Actions, tab: gr.Tab) -> None:
    """Draw the tab and attach its events; the list is read anew whenever `tab` is opened."""
    store = actions.store
    with gr.Row(elem_classes=["filters"]):
        kind = gr.Dropdown(
            [("any kind", ANY), *((one.title, one.id) for one in KINDS.values())],
            value=ANY, label="kind", container=False, filterable=False, min_width=120,
        )  # fmt: skip
        task = gr.Dropdown(
            [("any task", ANY), *((one, one) for one in TASKS)],
            value=ANY, label="task", container=False, filterable=False, min_width=180,
        )  # fmt: skip
        model = gr.Dropdown(
            [("any model", ANY)], value=ANY, label="model", container=False, filterable=False, min_width=120
        )
        state = gr.Dropdown(
            [("any state", ANY), *((title, one) for one, title in STATES.items())],
            value=ANY, label="state", container=False, filterable=False, min_width=130,
        )  # fmt: skip
        text = gr.Textbox(
            label="words in the row", placeholder="search in the rows", container=False, min_width=160
        )
        form = gr.Dropdown(
            [(one.title, name) for name, one in FORMS.items()],
            value=next(iter(FORMS)), label="export as", container=False, filterable=False, min_width=130,
        )  # fmt: skip
        take = gr.Button("⤓ Export", elem_classes="export", min_width=110)
    rows = row_list(elem_classes="row-list")
    filters = [kind, model, task, state, text]

    def show(*values: Any, number: int = 1) -> dict[str, Any]:
        chosen = _chosen(values)
        filtered = any(values)
        try:
            return rows_value(
                page(store, chosen, number), instances(store, chosen), store.following(), filtered
            )
        except StoreError as problem:
            raise refusal(problem) from problem

    def opened(*values: Any) -> list[Any]:
        choices = [("any model", ANY), *((name, name) for name in models(store))]
        return [gr.update(choices=choices), show(*values)]

    def turn(event: gr.EventData, *values: Any) -> dict[str, Any]:
        number = getattr(event, "number", 1)
        return show(*values, number=number if isinstance(number, int) else 1)

    def address_of(rate: int, samples: Any, request: gr.Request) -> str:
        file = temporary(".wav")
        soundfile.write(file, samples, rate, subtype="PCM_16")
        actions.sessions.of(request.session_hash).keep_file(file)
        return f"gradio_api/file={file}"

    def play(event: gr.EventData, request: gr.Request) -> Any:
        row = str(getattr(event, "row", ""))
        try:
            rate, samples = row_audio(store, row)
        except (StoreError, ValueError) as problem:
            raise refusal(problem) from problem
        return gr.update(sound={"row": row, "address": address_of(rate, samples, request)})

    def take_away(request: gr.Request, form: Any, *values: Any) -> Any:
        chosen = _chosen(values)
        folder = temporary()
        try:
            file = export_tasks(store, folder, chosen, str(form))
        except StoreError as problem:
            raise refusal(problem) from problem
        actions.sessions.of(request.session_hash).keep_file(file)
        size = file.stat().st_size
        sentence = f"{file.name}, {size / 1000:.0f} kB, {FORMS[str(form)].about}"
        download = {"address": f"gradio_api/file={file}", "name": file.name, "sentence": sentence}
        return gr.update(download=download)

    tab.select(opened, filters, [model, rows], **_EVENT)
    for one in (kind, model, task, state):
        one.input(show, filters, rows, **_EVENT)
    text.input(show, filters, rows, trigger_mode="always_last", **_EVENT)
    rows.turn(turn, filters, rows, **_EVENT)
    rows.play(play, None, rows, **_EVENT)
    rank = clap_ranking(actions.engine, store)
    details_component.attach(rows, filters, store, actions.engine, rank, show, address_of)
    take.click(take_away, [form, *filters], rows, **_EVENT)


def _chosen(values: Sequence[Any]) -> RowFilter:
    """The filter that the controls above the list make, in their order."""
    names = ("kind", "model", "task", "state", "text")
    return chosen_rows(**dict(zip(names, values, strict=True)))


def chosen_rows(
    kind: Any = "", model: Any = "", task: Any = "", state: Any = "", text: Any = ""
) -> RowFilter:
    """The filter that these make; what is empty filters nothing. Refuses kinds and states there are not."""
    kind, model, task, state, text = (
        value if isinstance(value, str) and value.strip() else None
        for value in (kind, model, task, state, text)
    )
    if kind is not None and kind not in KINDS:
        raise refusal(f"There is no kind of flag “{kind}”: choose one of {', '.join(KINDS)}.")
    if state is not None and state not in ROW_STATES:
        raise refusal(f"There is no state “{state}”: choose one of {', '.join(ROW_STATES)}.")
    return RowFilter(kind=kind, model=model, task=task, state=state, text=text)


def temporary(ending: str = "") -> Path:
    """A place for a file, or without `ending` for a folder, that gradio serves to who knows its address."""
    folder = Path(get_upload_folder())
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{secrets.token_hex(16)}{ending}"
