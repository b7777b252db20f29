"""The words of an answer, to be marked by click, by dragging, or by the arrow keys with Shift."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from demos.page_component import PageComponent
from store.records import Observation


class MarkableWords(PageComponent):
    """An answer whose words can be marked; the event `mark` says that the marking changed.

    The value is {observation, text, start, stop}, characters into the text. What a browser sends back is only
    asked for start and stop; the text is the server's.
    """

    def __init__(self, value: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(Path(__file__).parent, "words", value or {}, {}, **kwargs)


def words_value(observation: Observation, start: int = 0, stop: int = 0) -> dict[str, Any]:
    """The value that shows an observation's text with the characters start..stop marked."""
    return {"observation": observation.id, "text": observation.text, "start": start, "stop": stop}


def marked_span(value: Any) -> tuple[Any, Any]:
    """The marked characters of a value that came back from a browser; (0, 0) if there are none."""
    if not isinstance(value, dict):
        return 0, 0
    return value.get("start", 0), value.get("stop", 0)
