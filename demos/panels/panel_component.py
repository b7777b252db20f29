"""What the panels share: the view that draws an answer, and the states that it can be in.

The value of a panel's view is plain data, drawn by `panel.js` with `textContent` only:

    state      "empty", "running", "done", "stopped" or "error"
    sentence   what to say instead of, or above, an answer; `stage` while running, and `left` about how long
               one who waits in line still waits
    text       the answer so far; `doubts` are its parts [start, stop, probability] that the model doubted
    scores     labels with their cosine and windows (CLAP)
    tokens     [text, probability] of an answer that is shaded by them; `look` whether its words can be
               looked into (SALMONN)
    differs    parts [start, stop] of the answer that another one, which stands beside it, does not have
    unheard    parts [start, stop, sentence] of the answer that CLAP does not find in the sound
    turns      of a conversation the questions before with their answers; `asked` the question that follows
               them, `first` the question where nothing was before it, `follows` whether one can follow
    notes      sentences below the answer; `took` the line at the foot
    observation  the id that a flag points at; `again` whether there is something to run again
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from demos.conversation import FollowUp
from demos.evidence import Evidence
from demos.grounds import Grounds
from demos.page_component import page_component
from demos.panels.doubt import doubtful_parts
from demos.request import LONGEST_INSTRUCTION, SYSTEM_NAMES, Partial, Request
from store.records import Observation, System


def panel_view(system: System, value: dict[str, Any], title: str = "", listens: bool = True) -> gr.HTML:
    """One system's answer with its state, and the buttons Re-run, Cancel and Flag.

    One that does not listen is asked by its own button alone, not by Listen.

    Events: `ask` (Listen or, with `again`, Re-run was pressed; start and stop where a part of the sound is
    meant), `follow` (observation, question: a follow-up to it), `anew` (the conversation ends), `cancel`,
    `flagged` (observation, start, stop: the selected characters of the answer), `look` (observation: a word
    was chosen to see what it rests on). The property `grounds` is what `grounds_value` or `no_grounds` made
    last. `nudge` asks for nothing: it opens the stream of answers when nothing was heard of a question.
    """
    known = {"system": system, "title": title or SYSTEM_NAMES[system], "listens": listens, "grounds": None}
    known["longest"] = LONGEST_INSTRUCTION
    return page_component(
        Path(__file__).parent,
        "panel",
        value,
        known,
        elem_classes=["answer", "first" if listens else "beside"],
    )


def counted(number: int, what: str) -> str:
    """“1 token”, “14 tokens”."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def with_tokens(value: dict[str, Any], observation: Observation, look: bool = False) -> dict[str, Any]:
    """The same value with the probabilities of the tokens as shades instead of doubted words."""
    tokens = [[token.text, token.probability] for token in observation.tokens]
    return {**value, "doubts": [], "tokens": tokens, "look": look}


def with_evidence(
    value: dict[str, Any], text: str, found: Sequence[Evidence], contradicted: Sequence[str]
) -> dict[str, Any]:
    """The same value with what CLAP does not find underlined, and with sentences about contradictions."""
    doubtful = [one for one in found if one.doubtful]
    unheard, notes = [], []
    for one in doubtful:
        score = f"best CLAP score {one.cosine:.2f}, at {one.start:.1f}–{one.stop:.1f} s"
        words = text[one.claim.start : one.claim.stop]
        unheard.append([one.claim.start, one.claim.stop, f"{score}: {one.chance:.0%} likely to be there."])
        notes.append(f"“{words}”: {score}. Not in the sound?")
    return {**value, "unheard": unheard, "notes": [*value.get("notes", []), *notes, *contradicted]}


def grounds_value(observation: Observation, found: Grounds) -> dict[str, Any]:
    """What an answer rests on, for the view's property `grounds`: attention is the mean over the layers."""

    def plain(values: Any) -> Any:
        return [plain(one) for one in values] if np.ndim(values) else float(f"{values:.4g}")

    return {
        "observation": observation.id,
        "tokens": list(found.tokens),
        "windows": [list(times) for times in found.windows],
        "attention": plain(found.attention.mean(0)),
        "mass": plain(found.mass),
        "probabilities": plain(found.probabilities),
        "overSilence": plain(found.over_silence),
    }


def no_grounds(observation_id: str, sentence: str) -> dict[str, Any]:
    """Why an answer could not be looked into, for the same property."""
    return {"observation": observation_id, "problem": sentence}


@dataclass(frozen=True)
class Panel:
    """One system's place on the page.

    `request` turns the values of `inputs` into what the engine is asked; `empty` is the sentence before the
    first listen; `answer` is the view's value for an observation. `extra` are further components that `fill`
    gives values for, from an observation or from None. A change of one of `controls` asks again at once.
    """

    system: System
    title: str
    empty: str
    view: gr.HTML
    inputs: Sequence[gr.components.Component]
    request: Callable[..., Request]
    answer: Callable[[Observation], dict[str, Any]]
    extra: Sequence[gr.components.Component] = ()
    fill: Callable[[Observation | None], dict[Any, Any]] = lambda observation: {}
    controls: Sequence[gr.components.Component] = ()
    speaks_of_sounds: bool = False  # its answers are held against what CLAP finds
    beside: str = ""  # what it is called where it is a further question to the same system
    blind: gr.Checkbox | None = None  # while it is on, the panel is silent: answers are compared blind

    @property
    def name(self) -> str:
        """By which its answers are cancelled."""
        return f"{self.system} {self.beside}".strip()

    def unasked(self, sentence: str = "") -> dict[str, Any]:
        """The state before anything was heard; what stands beside an answer has its own button to ask."""
        return {**waiting(sentence or self.empty), "again": bool(self.beside)}


def heading_html(title: str, doing: str, model: str = "", note: str = "") -> str:
    """The first line of a panel: the system, what it does, and its model, if any, with a note as tooltip."""
    named = f'<span class="model" title="{escape(note, quote=True)}">{escape(model)}</span>' if model else ""
    return f"<h3>{escape(title)} <small>{escape(doing)}</small>{named}</h3>"


def panel_heading(html: str) -> gr.HTML:
    """A place for that line."""
    return gr.HTML(html, elem_classes="panel-head", apply_default_css=False)


def ask_number(event: gr.EventData) -> int:
    """The number that the page gave a question, or the one to cancel; 0 where a control was changed."""
    number = (event._data or {}).get("ask")
    return number if isinstance(number, int) and number > 0 else 0


def waiting(sentence: str) -> dict[str, Any]:
    """The state before anything was heard."""
    return {"state": "empty", "sentence": sentence}


def silent() -> dict[str, Any]:
    """The state while answers are compared blind: what it said, or would say, would tell which is which."""
    return waiting("Blind: both settings are asked in the card below. Nothing stands here until it is off.")


def running(partial: Partial | None = None) -> dict[str, Any]:
    """The state while a system listens; with the text that it has written so far."""
    if partial is None:
        return {"state": "running", "stage": "Waiting for its turn …"}
    if partial.ahead is not None:
        return {"state": "running", "stage": partial.ahead.place, "left": partial.ahead.time}
    percent = "" if partial.fraction is None else f" {partial.fraction:.0%}"
    return {"state": "running", "stage": f"{partial.stage}{percent}", "text": partial.text}


def in_conversation(value: dict[str, Any], follow_up: FollowUp | None) -> dict[str, Any]:
    """The same value below the turns that the question follows."""
    if follow_up is None:
        return value
    return {**value, "turns": [list(turn) for turn in follow_up.turns], "asked": follow_up.question}


def failed(sentence: str) -> dict[str, Any]:
    """The state after an error, said in one sentence."""
    return {"state": "error", "sentence": sentence, "again": True}


def stopped() -> dict[str, Any]:
    """The state after the person pressed Cancel."""
    return {"state": "stopped", "sentence": "Stopped. Nothing was kept.", "again": True}


def answered(observation: Observation, amount: str) -> dict[str, Any]:
    """The state with an answer; `amount` says how much was said ("14 tokens")."""
    return {
        "state": "done",
        "text": observation.text,
        "doubts": [list(part) for part in doubtful_parts(observation)],
        "took": " · ".join(part for part in (f"{observation.seconds:.2f} s", amount) if part),
        "observation": observation.id if observation.text.strip() else "",  # no words, nothing to flag
        "again": True,
    }
