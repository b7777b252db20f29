"""The SALMONN panel: an answer that takes speech and sounds together, and the same in another setting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from demos.conversation import MOST_TURNS, turns_of
from demos.panels.instruction_component import instruction, with_what_was_trained
from demos.panels.model_component import ModelChoices
from demos.panels.panel_component import Panel, answered, counted, panel_view, waiting, with_tokens
from demos.presets import Preset
from demos.request import MOST_SCALING, Request
from store.records import Observation

EMPTY = "Press Listen to ask SALMONN about this sound."
EMPTY_BESIDE = (
    "Press Compare to ask the same in this setting. Words that the answer above does not have are underlined."
)
BESIDE = "compared"
BEAMS = [("greedy decoding", 1), ("beam search, 4 beams", 4)]  # word by word, and as published


@dataclass(frozen=True)
class _Settings:
    """The controls of one setting, its model apart."""

    scaling: gr.Slider
    beams: gr.Dropdown


@dataclass(frozen=True)
class Voting:
    """By which a person says that they want to vote on answers in two settings."""

    blind: gr.Checkbox  # compare them blind
    on_these: gr.Button  # vote on the two that stand there


def build(choices: ModelChoices, presets: Sequence[Preset]) -> tuple[Panel, Panel, Voting]:
    """The panel's column: instruction, settings and answer, and below it the answer in another setting."""
    with gr.Column(elem_classes=["card", "panel-salmonn"]):
        model = choices.heading("salmonn", "SALMONN", "co-reasoning")
        _, words = instruction("SALMONN", presets)
        first = _settings("SALMONN", MOST_SCALING)
        view = panel_view("salmonn", waiting(EMPTY))
        with gr.Accordion("Compare with another setting or model", open=False, elem_classes="compared"):
            with choices.row("salmonn"):
                other_model = choices.choice("salmonn", "Model of the other setting of SALMONN")
            second = _settings("the other setting of SALMONN", MOST_SCALING / 2)
            silent = gr.Checkbox(label="silence instead of the sound", value=False, elem_classes="silent")
            beside = panel_view(
                "salmonn", {**waiting(EMPTY_BESIDE), "again": True}, "SALMONN, compared", listens=False
            )
            blind = gr.Checkbox(label="Blind: hide which is which until I have voted", elem_classes="blind")
            on_these = gr.Button("Which is more faithful? Vote …", size="sm", elem_classes="vote-on-these")

    def request(
        text: str, model_id: str, lora_scaling: float, beams: int, over_silence: bool = False
    ) -> Request:
        held = min(MOST_SCALING, max(0.0, float(lora_scaling)))
        return Request(
            "salmonn",
            model=model_id,
            instruction=(text or "").strip(),
            lora_scaling=held,
            beams=int(beams),
            over_silence=bool(over_silence),
        )

    def answer(observation: Observation) -> dict[str, Any]:
        value = choices.with_model(answer_value(observation), observation)
        return with_what_was_trained(value, choices.model_of(observation), observation)

    def first_answer(observation: Observation) -> dict[str, Any]:
        return followed(answer(observation), observation)

    asked = [words, model, first.scaling, first.beams]
    asked_beside = [words, other_model, second.scaling, second.beams, silent]
    return (
        Panel(
            "salmonn",
            "SALMONN",
            EMPTY,
            view,
            asked,
            request,
            first_answer,
            controls=[model],
            speaks_of_sounds=True,
            blind=blind,
        ),
        Panel(
            "salmonn",
            "SALMONN, compared",
            EMPTY_BESIDE,
            beside,
            asked_beside,
            request,
            answer,
            speaks_of_sounds=True,
            beside=BESIDE,
            blind=blind,
        ),
        Voting(blind, on_these),
    )


def answer_value(observation: Observation) -> dict[str, Any]:
    """The view's value for an answer; of the setting it says what is not as trained."""
    value = with_tokens(
        answered(observation, counted(len(observation.tokens), "token")), observation, look=True
    )
    if observation.lora_scaling not in (None, MOST_SCALING):
        value["took"] += f" · LoRA {observation.lora_scaling:g}"
    if observation.settings.get("beams", 1) > 1:
        value["took"] += f" · {observation.settings['beams']} beams"
    if observation.settings.get("over_silence"):
        value["took"] += " · over silence"
        value["flaggable"] = False  # the sound was not heard: nothing of it is made up
    return value


def followed(value: dict[str, Any], observation: Observation) -> dict[str, Any]:
    """The value of an answer that a follow-up can be asked to."""
    before = len(turns_of(observation))
    notes = list(value.get("notes", []))
    if before:
        notes.append("It was trained on single questions alone, and may pass over what was said before.")
    if before == MOST_TURNS:
        notes.append(f"A conversation has at most {MOST_TURNS + 1} questions. Begin a new one to ask more.")
    return {**value, "notes": notes, "first": observation.instruction, "follows": before < MOST_TURNS}


def _settings(whose: str, lora_scaling: float) -> _Settings:
    with gr.Row(elem_classes="choices"):
        scaling = gr.Slider(
            0,
            MOST_SCALING,
            value=lora_scaling,
            step=0.1,
            label="LoRA scaling",
            elem_classes="scaling",
            buttons=[],
            min_width=150,
        )
        beams = gr.Dropdown(
            BEAMS,
            value=1,
            label=f"Decoding of {whose}",
            show_label=False,
            container=False,
            filterable=False,
            min_width=80,
        )
    return _Settings(scaling, beams)
