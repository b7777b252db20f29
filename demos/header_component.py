"""The head of the page: its name, its question, and the suite with its limits. The tabs stand between."""

from __future__ import annotations

from html import escape

import gradio as gr

from demos.catalog import Suite


def header(suite: Suite) -> gr.HTML:
    """The name to the left, the suite to the right; what its models cannot do is its tooltip."""
    limits = suite.model("salmonn").note
    return gr.HTML(
        '<div class="ew-name">Earwitness<span>Can audio models really hear?</span></div>'
        f'<div class="ew-suite" title="{escape(limits, quote=True)}">suite <b>{escape(suite.name)}</b>'
        " · synthetic sounds only</div>",
        elem_classes="ew-header",
        apply_default_css=False,
    )
