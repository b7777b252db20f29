"""The head of the page: its name, its question, and the suite with its limits. The tabs stand between."""

from __future__ import annotations

from html import escape

import gradio as gr

from demos.catalog import OWN, Suite


def header(suite: Suite) -> gr.HTML:
    """The name to the left, the suite to the right; its tooltip: the models' limits, or why it has them."""
    own = [model for model in suite.models.values() if model.layout == OWN]
    limits = " ".join(suite.reasons.values()) or own[0].note
    published = len(suite.models) - len(own)
    knows = f"{published} published models" if published > 1 else "1 published model"
    return gr.HTML(
        '<div class="ew-name">Earwitness<span>Can audio models really hear?</span></div>'
        f'<div class="ew-suite" title="{escape(limits, quote=True)}">suite <b>{escape(suite.name)}</b>'
        f" · {knows if published else 'synthetic sounds only'}</div>",
        elem_classes="ew-header",
        apply_default_css=False,
    )
