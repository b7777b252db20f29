"""The components of the flag form and their places on the page; `flag_form` says what they do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import gradio as gr

from annotators.flags.kinds import GROUPS, KINDS, LONGEST_PHRASE, Field, FieldName, Group, Kind
from annotators.flags.rights_form import RightsParts, draw_rights
from annotators.flags.words_component import markable_words
from store.records import FlagKind

FIRST_KIND: FlagKind = "object_existence"
SAVE_ROWS, SAVE_FLAG = "Save as task  ⌘↵", "Save flag  ⌘↵"
CONFIDENCES = [("a guess", "guess"), ("sure", "sure"), ("certain", "certain")]


# The components that show the fields of a kind, in their order in the form; each shows at most one.
PLACES = ("aspect", "claim", "attribute", "correction", "right", "transcript")
WRITTEN = ("claim", "attribute", "correction", "transcript")  # those that hold free words


class Typed(NamedTuple):
    """What stands in the form, in the order of its inputs."""

    draft: Any
    words: Any
    about: Any
    kind: Any
    aspect: Any
    claim: Any
    attribute: Any
    correction: Any
    right: Any
    transcript: Any
    time_start: Any
    time_stop: Any
    confidence: Any
    owner: Any
    licence: Any
    attribution: Any
    speaker_agrees: Any

    @property
    def phrases(self) -> dict[FieldName, Any]:
        """What was typed or chosen for the fields of the kind."""
        kind = KINDS.get(self.kind)
        return {} if kind is None else {field.name: getattr(self, place(field)) for field in kind.fields}


@dataclass(frozen=True)
class Parts:
    """The components of the form."""

    box: gr.Column
    writing: gr.Row
    title: gr.HTML
    inputs: Typed
    chosen_times: gr.State
    offered_transcript: gr.State
    rights: RightsParts
    preview: gr.HTML
    problem: gr.HTML
    save: gr.Button
    cancel: gr.Button
    saved: gr.Column
    saved_rows: gr.HTML
    to_tasks: gr.Button
    done: gr.Button


def place(field: Field) -> str:
    """Which of the components in `PLACES` shows a field."""
    if field.name == "claim":
        return "claim"
    if field.name == "attribute":
        written = "transcript" if field.longest > LONGEST_PHRASE else "attribute"
        return "aspect" if field.is_choice else written
    return "right" if field.is_choice else "correction"


def fields_of(kind: Kind, aspect: Any = None) -> dict[str, dict[str, Any]]:
    """How each component in `PLACES` asks for its field of a kind; what it does not ask for is hidden.

    Answers to choose from are those of the `aspect` that is chosen, or else of the kind's first.
    """
    shown: dict[str, dict[str, Any]] = {name: {"visible": False} for name in PLACES}
    aspects = kind.choices("attribute")
    aspect = aspect if aspect in aspects else next(iter(aspects), "")
    for field in kind.fields:
        asks: dict[str, Any] = {"label": field.asked, "visible": True}
        if field.is_choice:
            value = aspect if field.name == "attribute" else None
            asks |= {"choices": list(kind.choices(field.name, aspect)), "value": value}
        else:
            asks |= {"placeholder": field.example}
        shown[place(field)] = asks
    return shown


def keeping(asks: dict[str, Any], standing: Any) -> dict[str, Any]:
    """How a component asks that may have been answered already: an answer that can stand is left alone.

    What is not set is not lost either when the person answers before the server's reply has come.
    """
    may_stand = "choices" in asks and (standing in asks["choices"] or standing == asks["value"])
    return {name: value for name, value in asks.items() if name != "value" or not may_stand}


def kinds_about(group: Group) -> list[tuple[str, str]]:
    """The kinds of a group to choose from: (title, id)."""
    return [(one.title, one.id) for one in KINDS.values() if one.group == group]


def draw() -> Parts:
    """Draw the form, hidden, and return its parts."""
    first, group = fields_of(KINDS[FIRST_KIND]), KINDS[FIRST_KIND].group
    with gr.Column(visible=False, elem_classes=["card", "form-card", "flag-form"]) as box:
        with gr.Row(elem_classes="writing") as writing:
            with gr.Column(elem_classes="typed"):
                title = gr.HTML(elem_classes="form-title", apply_default_css=False)
                draft, chosen_times, offered_transcript = gr.State(None), gr.State((None, None)), gr.State("")
                with gr.Row(elem_classes="labelled"):
                    gr.HTML("<span>words</span>", elem_classes="label", apply_default_css=False)
                    words = markable_words(elem_classes="words")
                about = gr.Radio(
                    list(GROUPS), value=group, label="about", elem_classes=["field", "chips", "about"]
                )
                kinds = gr.Radio(
                    kinds_about(group),
                    value=FIRST_KIND,
                    label="kind",
                    elem_classes=["field", "chips", "kind"],
                )
                aspect = gr.Radio(**first["aspect"], elem_classes=["field", "chips", "aspect"])
                claim = gr.Textbox(**first["claim"], max_lines=2, elem_classes=["field", "claim"])
                attribute = gr.Textbox(**first["attribute"], max_lines=2, elem_classes=["field", "attribute"])
                correction = gr.Textbox(
                    **first["correction"], max_lines=2, elem_classes=["field", "correction"]
                )
                right = gr.Radio(**first["right"], elem_classes=["field", "chips", "right"])
                transcript = gr.Textbox(
                    **first["transcript"], max_lines=6, elem_classes=["field", "transcript"]
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
                rights = draw_rights()
                problem = gr.HTML(elem_classes="form-problem", apply_default_css=False)
                with gr.Row(elem_classes="buttons"):
                    save = gr.Button(SAVE_ROWS, variant="primary", elem_classes="save-flag")
                    cancel = gr.Button("Cancel")
            with gr.Column(elem_classes="becomes"):
                preview = gr.HTML(elem_classes="preview", apply_default_css=False)
        with gr.Column(visible=False, elem_classes="saved") as saved:
            saved_rows = gr.HTML(elem_classes="preview", apply_default_css=False)
            with gr.Row(elem_classes="buttons"):
                to_tasks = gr.Button("See them in Tasks", variant="primary", elem_classes="to-tasks")
                done = gr.Button("Close")
    inputs = Typed(
        draft, words, about, kinds, aspect, claim, attribute, correction, right, transcript, time_start,
        time_stop, confidence, *rights.inputs,
    )  # fmt: skip
    return Parts(
        box, writing, title, inputs, chosen_times, offered_transcript, rights, preview, problem, save,
        cancel, saved, saved_rows, to_tasks, done,
    )  # fmt: skip
