"""The choice of the labels that CLAP ranks: a bank that ships, pasted labels, or a bank saved in the browser.

The browser's part is `bank.js`. Saved banks stay in the visitor's browser: nothing of them is kept here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from demos.banks.banks import LONGEST_NAME, SUITE, Bank
from demos.page_component import page_component
from demos.request import LARGEST_BANK, LONGEST_LABEL


def bank_choice(banks: Sequence[Bank]) -> gr.HTML:
    """The choice among `banks` and the visitor's own; its value is what `banks.asked_of` reads.

    The event `input` says that another bank was chosen.
    """
    offered = [
        {
            "id": bank.id,
            "title": bank.title,
            "group": bank.group,
            "size": len(bank.labels),
            "hint": bank.hint,
        }
        for bank in banks
    ]
    properties = {
        "banks": offered,
        "such_as": list(banks[0].asked[:3]),
        "most_labels": LARGEST_BANK,
        "longest_label": LONGEST_LABEL,
        "longest_name": LONGEST_NAME,
    }
    value = {"bank": SUITE, "labels": ""}
    return page_component(Path(__file__).parent, "bank", value, properties, elem_classes="bank")
