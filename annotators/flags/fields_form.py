"""The components of the flag form and their places on the page; `flag_form` says what they do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import gradio as gr

from annotators.flags.kinds import KINDS, Field
from annotators.flags.words_component import markable_words
from store.records import FlagKind

FIRST_KIND: FlagKind = "object_existence"
OWNERS = [("mine", "mine"), ("someone else's", "third-party")]
LICENCES = [("CC0, free of conditions", "CC0-1.0"), ("CC-BY 4.0, with a name", "CC-BY-4.0")]
OTHER_LICENCE = ("its own licence", "third-party")
CONFIDENCES = [("a guess", "guess"), ("sure", "sure"), ("certain", "certain")]


class Typed(NamedTuple):
    """What stands in the form, in the order of its inputs."""

    draft: Any
    words: Any
    kind: Any
    claim: Any
    attribute: Any
    correction: Any
    time_start: Any
    time_stop: Any
    confidence: Any
    owner: Any
    licence: Any
    attribution: Any
    speaker_agrees: Any


@dataclass(frozen=True)
class Parts:
    """The components of the form."""

    box: gr.Column
    writing: gr.Row
    title: gr.HTML
    inputs: Typed
    chosen_times: gr.State
    rights_box: gr.Column
    preview: gr.HTML
    problem: gr.HTML
    save: gr.Button
    cancel: gr.Button
    saved: gr.Column
    saved_rows: gr.HTML
    to_tasks: gr.Button
    done: gr.Button


def shown(field: Field) -> dict[str, Any]:
    """How a text box asks for a field of a kind."""
    label = field.label if field.required else f"{field.label}, if any"
    return {"label": label, "placeholder": field.example, "visible": True}


def draw() -> Parts:
    """Draw the form, hidden, and return its parts."""
    first = {field.name: shown(field) for field in KINDS[FIRST_KIND].fields}
    with gr.Column(visible=False, elem_classes=["card", "flag-form"]) as box:
        with gr.Row(elem_classes="writing") as writing:
            with gr.Column(elem_classes="typed"):
                title = gr.HTML(elem_classes="form-title", apply_default_css=False)
                draft, chosen_times = gr.State(None), gr.State((None, None))
                with gr.Row(elem_classes="labelled"):
                    gr.HTML("<span>words</span>", elem_classes="label", apply_default_css=False)
                    words = markable_words(elem_classes="words")
                kinds = gr.Radio(
                    [(one.title, one.id) for one in KINDS.values()],
                    value=FIRST_KIND,
                    label="kind",
                    elem_classes=["field", "chips"],
                )
                claim = gr.Textbox(
                    **first["claim"],
                    max_lines=2,
                    elem_classes=["field", "claim"],
                )
                attribute = gr.Textbox(visible=False, max_lines=2, elem_classes=["field", "attribute"])
                correction = gr.Textbox(
                    **first["correction"],
                    max_lines=2,
                    elem_classes=["field", "correction"],
                )
                with gr.Row(elem_classes=["labelled", "when"]):
                    gr.HTML("<span>when</span>", elem_classes="label", apply_default_css=False)
                    time_start = gr.Number(
                        label="from, in seconds", show_label=False, container=False, placeholder="from",
                        minimum=0, min_width=60,
                    )  # fmt: skip
                    gr.HTML("<span>–</span>", elem_classes="dash", apply_default_css=False)
                    time_stop = gr.Number(
                        label="to, in seconds", show_label=False, container=False, placeholder="to",
                        minimum=0, min_width=60,
                    )  # fmt: skip
                    gr.HTML(
                        "<span>s, optional: drag on the timeline</span>",
                        elem_classes="note",
                        apply_default_css=False,
                    )
                confidence = gr.Radio(
                    CONFIDENCES, value="sure", label="how sure", elem_classes=["field", "chips"]
                )
                with gr.Column(visible=False, elem_classes="rights") as rights_box:
                    owner = gr.Radio(OWNERS, label="whose sound", elem_classes=["field", "chips"])
                    licence = gr.Radio(
                        [*LICENCES, OTHER_LICENCE],
                        value="CC0-1.0",
                        label="licence",
                        elem_classes=["field", "chips"],
                    )
                    attribution = gr.Textbox(label="name", max_lines=2, elem_classes="field")
                    speaker_agrees = gr.Checkbox(
                        label="Everyone who can be heard agrees to share the sound, or nobody is heard.",
                        elem_classes="agrees",
                    )
                problem = gr.HTML(elem_classes="form-problem", apply_default_css=False)
                with gr.Row(elem_classes="buttons"):
                    save = gr.Button("Save as task  ⌘↵", variant="primary", elem_classes="save-flag")
                    cancel = gr.Button("Cancel")
            with gr.Column(elem_classes="becomes"):
                preview = gr.HTML(elem_classes="preview", apply_default_css=False)
        with gr.Column(visible=False, elem_classes="saved") as saved:
            saved_rows = gr.HTML(elem_classes="preview", apply_default_css=False)
            with gr.Row(elem_classes="buttons"):
                to_tasks = gr.Button("See them in Tasks", variant="primary", elem_classes="to-tasks")
                done = gr.Button("Close")
    inputs = Typed(
        draft, words, kinds, claim, attribute, correction, time_start, time_stop, confidence,
        owner, licence, attribution, speaker_agrees,
    )  # fmt: skip
    return Parts(
        box, writing, title, inputs, chosen_times, rights_box, preview, problem, save, cancel, saved,
        saved_rows, to_tasks, done,
    )  # fmt: skip
