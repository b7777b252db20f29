"""The bar that a sound comes in by: record, upload, drop, or choose an example; and the Listen button.

The browser's part is `source.js`. Events: `sound` (a file lies on the server: `path` and `name`), `example`
(`id`); Listen is heard by the panels themselves. A path told by a browser is never trusted: `uploaded` takes
only files that lie in gradio's own upload folder.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import soundfile
from gradio.utils import get_upload_folder

from demos.page_component import page_component
from demos.session import Session
from demos.sound import Sound, mono

MOST_BYTES = 120_000_000  # an upload's size
MOST_SECONDS = 600  # a recording's length


def source_bar(examples: Sequence[dict[str, str]]) -> gr.HTML:
    """Record, Upload, examples as chips, what was heard, and Listen.

    `examples` are dicts of id and title. Properties that events may update: `chosen` (id of the example in
    use), `line` (name, and below it length, rate and what is heard), `notices` (sentences), `wrong` (one
    sentence: the sound was refused), `ready` (a sound is there to be heard).
    """
    properties = {
        "examples": list(examples),
        "chosen": "",
        "line": "",
        "notices": [],
        "wrong": "",
        "ready": False,
        "most_bytes": MOST_BYTES,
        "most_seconds": MOST_SECONDS,
    }
    return page_component(Path(__file__).parent, "source", "", properties)


def uploaded(path: Any) -> Path | None:
    """The file at `path` if it was uploaded to this server, else None: never another file of the machine."""
    if not isinstance(path, str) or not path:
        return None
    folder = Path(get_upload_folder()).resolve()
    file = Path(path).resolve()
    return file if file.is_relative_to(folder) and file.is_file() else None


def playable(session: Session, sound: Sound) -> str:
    """The address of a WAV of what the models hear, the channel mean; it is deleted with the session."""
    folder = Path(get_upload_folder())
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{secrets.token_hex(16)}.wav"
    soundfile.write(file, mono(sound), sound.clip.rate, subtype="PCM_16")
    session.keep_file(file)
    return f"gradio_api/file={file}"
