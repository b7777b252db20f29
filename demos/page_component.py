"""A component of the page that we draw ourselves: markup, styles and script in three files beside its class.

Gradio evaluates markup and styles as templates and the script once, when the component appears. So these
files are constant, and what people and models say reaches the page by `textContent` in the script, never as
markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr


def page_component(
    folder: Path,
    name: str,
    value: Any,
    properties: dict[str, Any],
    parts: Sequence[str] = (),
    **kwargs: Any,
) -> gr.HTML:
    """The component of `<name>.html`, `.css` and `.js` in `folder`; `properties` are its props with defaults.

    `parts` are further scripts of the folder, put before that one: together they are one script.
    A function and no class of its own: gradio would write a stub file beside every class of a component.
    """
    markup, styles = ((folder / f"{name}.{ending}").read_text(encoding="utf-8") for ending in ("html", "css"))
    script = "\n".join((folder / f"{part}.js").read_text(encoding="utf-8") for part in (*parts, name))
    return gr.HTML(
        value,
        html_template=markup,
        css_template=styles,
        js_on_load=script,
        apply_default_css=False,
        **{key: kwargs.pop(key, default) for key, default in properties.items()},
        **kwargs,
    )


def refusal(problem: object) -> gr.Error:
    """The error that shows a sentence to a person or program; the server's log is not told of it."""
    return gr.Error(str(problem), print_exception=False)
