"""The words of an answer, to be marked by click, by dragging, or by the arrow keys with Shift."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from annotators.flags.kinds import KINDS
from demos.claims import split
from demos.page_component import page_component
from store.records import Observation


def markable_words(**kwargs: Any) -> gr.HTML:
    """An answer whose words can be marked; the event `mark` says that the marking changed.

    The value is {observation, text, start, stop}, characters into the text. What a browser sends back is only
    asked for start and stop; the text is the server's. The property `parts` is what `offered_parts` makes:
    a button for each part narrows the marking to it.
    """
    return page_component(Path(__file__).parent, "words", {}, {"parts": {}}, **kwargs)


def words_value(observation: Observation, start: int = 0, stop: int = 0) -> dict[str, Any]:
    """The value that shows an observation's text with the characters start..stop marked."""
    return {"observation": observation.id, "text": observation.text, "start": start, "stop": stop}


def offered_parts(kind: Any, text: str, span: tuple[Any, Any]) -> dict[str, Any]:
    """The claims that the marked characters of a text seem to join, offered for a kind that takes one."""
    start, stop = span
    if not _is_within(text, span) or kind not in KINDS or not KINDS[kind].one_claim:
        return {}
    parts = [[start + first, start + last] for first, last in split(text[start:stop])]
    return {"start": start, "stop": stop, "parts": parts} if parts else {}


def marked_span(value: Any) -> tuple[Any, Any]:
    """The marked characters of a value that came back from a browser; (0, 0) if there are none."""
    if not isinstance(value, dict):
        return 0, 0
    return value.get("start", 0), value.get("stop", 0)


def marked_words(text: str, span: tuple[Any, Any]) -> str:
    """The marked part of a text; empty when nothing in it is marked."""
    return text[span[0] : span[1]] if _is_within(text, span) else ""


def _is_within(text: str, span: tuple[Any, Any]) -> bool:
    start, stop = span
    return isinstance(start, int) and isinstance(stop, int) and 0 <= start < stop <= len(text)
