"""The words of an answer, to be marked by click, by dragging, or by the arrow keys with Shift."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from demos.page_component import page_component
from store.records import Observation


def markable_words(**kwargs: Any) -> gr.HTML:
    """An answer whose words can be marked; the event `mark` says that the marking changed.

    The value is {observation, text, start, stop}, characters into the text. What a browser sends back is only
    asked for start and stop; the text is the server's.
    """
    return page_component(Path(__file__).parent, "words", {}, {}, **kwargs)


def words_value(observation: Observation, start: int = 0, stop: int = 0) -> dict[str, Any]:
    """The value that shows an observation's text with the characters start..stop marked."""
    return {"observation": observation.id, "text": observation.text, "start": start, "stop": stop}


def marked_span(value: Any) -> tuple[Any, Any]:
    """The marked characters of a value that came back from a browser; (0, 0) if there are none."""
    if not isinstance(value, dict):
        return 0, 0
    return value.get("start", 0), value.get("stop", 0)
