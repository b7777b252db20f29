"""The Help tab: what the page is, how to use it, what its models can and cannot do, what it keeps."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

import gradio as gr

from demos.catalog import OWN, Model, Suite


def build(suite: Suite, more: Sequence[str] = ()) -> None:
    """Draw the tab; `more` is help from above this floor, HTML that stands below the page's own words."""
    with gr.Row(elem_classes="help"):
        with gr.Column(elem_classes=["card", "prose-card"], scale=3):
            gr.Markdown((Path(__file__).parent / "help.md").read_text(encoding="utf-8"))
            for html in more:
                gr.HTML(html, apply_default_css=False, elem_classes="prose")
        with gr.Column(elem_classes=["card", "prose-card"], scale=2):
            gr.HTML(_models(suite, suite.all_models), apply_default_css=False, elem_classes="models")


def _models(suite: Suite, models: Sequence[Model]) -> str:
    """The suite's models with what they were trained on and their licences, as HTML."""
    mini = next(one for one in models if one.layout == OWN)
    chosen = "".join(
        f"<li><b>{escape(system)}</b>: {escape(reason)}</li>" for system, reason in suite.reasons.items()
    )
    lines = "".join(
        f"<tr><td><b>{escape(one.title)}</b></td><td>{escape(one.system)}</td>"
        f"<td>{escape(one.weights_licence)}</td></tr>"
        for one in models
    )
    return (
        f"<h3>The {escape(suite.name)} suite</h3>{f'<ul>{chosen}</ul>' if chosen else ''}"
        f"<p class='limits'><b>{escape(mini.note)}</b> "
        "The mini models are real networks of the published architectures, trained small. Of a real "
        "recording they will say things that are not there. Published models stand on the Models tab.</p>"
        "<table class='rows'><thead><tr><th scope='col'>model</th><th scope='col'>slot</th>"
        f"<th scope='col'>weights</th></tr></thead><tbody>{lines}</tbody></table>"
        f"<p class='hint'>The mini models were trained on: {escape(mini.trained_on)}.</p>"
    )
