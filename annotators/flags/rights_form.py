"""The part of a form that asks, once per person and sound, whose the sound is and how it may travel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from annotators.flags.flagging import needs_rights
from demos.examples import SOURCE, is_example
from store.records import Clip
from store.store import Store

OWNERS = [("mine", "mine"), ("someone else's", "third-party")]
LICENCES = [("CC0, free of conditions", "CC0-1.0"), ("CC-BY 4.0, with a name", "CC-BY-4.0")]
OTHER_LICENCE = ("its own licence", "third-party")


@dataclass(frozen=True)
class RightsParts:
    """The components, in the order in which `annotators.flags.drafts.rights` takes what stands in them."""

    box: gr.Column  # holds the others
    owner: gr.Radio
    licence: gr.Radio
    attribution: gr.Textbox
    speaker_agrees: gr.Checkbox

    @property
    def inputs(self) -> list[gr.components.Component]:
        """What the person fills in."""
        return [self.owner, self.licence, self.attribution, self.speaker_agrees]


def draw_rights() -> RightsParts:
    """Draw the part, hidden, and let the choice of the owner change which licences there are."""
    with gr.Column(visible=False, elem_classes="rights") as box:
        owner = gr.Radio(OWNERS, label="whose sound", elem_classes=["field", "chips"])
        licence = gr.Radio(
            [*LICENCES, OTHER_LICENCE], value="CC0-1.0", label="licence", elem_classes=["field", "chips"]
        )
        attribution = gr.Textbox(label="name", max_lines=2, elem_classes="field")
        speaker_agrees = gr.Checkbox(
            label="Everyone who can be heard agrees to share the sound, or nobody is heard.",
            elem_classes="agrees",
        )
    owner.input(
        _licences_of_owner,
        owner,
        [licence, attribution],
        show_progress="hidden",
        concurrency_id="flag",
        concurrency_limit=8,
        api_visibility="private",
    )
    return RightsParts(box, owner, licence, attribution, speaker_agrees)


def rights_asked(parts: RightsParts, store: Store, clip: Clip, contributor: str) -> dict[Any, Any]:
    """The part as it is to be shown: where something is to be asked, filled in where the page knows."""
    known = is_example(clip)
    owner = "third-party" if known else None
    return {
        parts.box: gr.update(visible=needs_rights(store, clip, contributor)),
        parts.owner: owner,
        parts.licence: gr.update(
            choices=[*LICENCES, OTHER_LICENCE], value="third-party" if known else "CC0-1.0"
        ),
        parts.attribution: gr.update(value=SOURCE if known else "", label=_attribution_label(owner)),
        parts.speaker_agrees: known,
    }


def _licences_of_owner(owner: Any) -> list[Any]:
    """Which licences there are to choose from, and what the attribution is to say."""
    mine = owner == "mine"
    choices = LICENCES if mine else [*LICENCES, OTHER_LICENCE]
    value = "CC0-1.0" if mine else OTHER_LICENCE[1]
    return [gr.update(choices=choices, value=value), gr.update(label=_attribution_label(owner))]


def _attribution_label(owner: Any) -> str:
    return "source and licence" if owner == "third-party" else "name to credit"
