"""The bar that a sound comes in by: record, upload, drop, or choose an example; and the Listen button.

The browser's part is `source.js`. Events: `sound` (a file lies on the server: `path` and `name`), `example`
(`id`), `listen`. A path told by a browser is never trusted: `uploaded` accepts only files that lie in
gradio's own upload folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

_HERE = Path(__file__).parent
MOST_BYTES = 120_000_000  # an upload's size
MOST_SECONDS = 600  # a recording's length


def _asset(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")

from gradio.events import Dependency

class SourceBar(PageComponent):
    """Record, Upload, examples as chips, what was heard, and Listen.

    `examples` are dicts of id, title and says. Properties that events may update: `chosen` (id of the example
    in use), `line` (name, seconds, rate, what is heard), `notices` (sentences), `wrong` (one sentence: the
    sound was refused), `ready` (a sound is there to be heard).
    """

    def __init__(self, value: Any = None, **kwargs: Any) -> None:
        properties = {
            "examples": [],
            "chosen": "",
            "line": "",
            "notices": [],
            "wrong": "",
            "ready": False,
            "most_bytes": MOST_BYTES,
            "most_seconds": MOST_SECONDS,
        }
        super().__init__(Path(__file__).parent, "source", value or "", properties, **kwargs)
    from typing import Callable, Literal, Sequence, Any, TYPE_CHECKING
    from gradio.blocks import Block
    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component


def uploaded(path: Any) -> Path | None:
    """The file at `path` if it was uploaded to this server by gradio, else None (never a file of the machine)."""
    if not isinstance(path, str) or not path:
        return None
    folder = Path(get_upload_folder()).resolve()
    file = Path(path).resolve()
    return file if file.is_relative_to(folder) and file.is_file() else None