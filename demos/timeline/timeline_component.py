"""The timeline of the page: a clip, its spectrogram and its words over one time axis, to play and seek.

Everything is drawn in the browser by `timeline.js`. The value is plain data:

    seconds, rate, name        of the clip
    envelope                   smallest and largest sample of evenly spaced parts, int16 in turn, as base64
    mel, rows, columns         the log-mel picture, bytes 0..255 as base64, row 0 the lowest band
    decibels                   what the bytes 0 and 255 stand for
    topHertz                   the upper edge of the highest band
    audio                      the address that the browser plays

`words`, `captions` and `marks` are properties of their own, so that they can arrive without the sound being
sent again. The event `loaded` says that a sound was drawn; `range` carries `start` and `stop` in seconds, or
None for both when the person let the range go.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from demos.page_component import page_component
from demos.picture import HIGHEST, envelope, log_mel_picture
from demos.sound import Sound
from store.records import Word

FINEST = 3000  # columns of picture and envelope: what a zoomed view still tells apart


def timeline(**kwargs: Any) -> gr.HTML:
    """One clip on one time axis; the value comes from `timeline_value`."""
    lanes: dict[str, Any] = {"words": [], "captions": [], "marks": []}
    return page_component(Path(__file__).parent, "timeline", {}, lanes, ("tracks", "export"), **kwargs)


def words_update(words: Iterable[Word]) -> dict[str, Any]:
    """What an event returns to show these words on the timeline and leave the rest as it is."""
    shown = [
        {
            "text": word.text.strip(),
            "start": word.start,
            "stop": word.stop,
            "probability": round(word.probability, 4),
        }
        for word in words
    ]
    return gr.update(words=shown)


def captions_update(captions: Iterable[tuple[float, float, str]]) -> dict[str, Any]:
    """The same for captions: (start, stop, text)."""
    return gr.update(captions=_lane(captions))


def marks_update(marks: Iterable[tuple[float, float, str]]) -> dict[str, Any]:
    """The same for parts that were flagged: (start, stop, claim)."""
    return gr.update(marks=_lane(marks))


def _lane(parts: Iterable[tuple[float, float, str]]) -> list[dict[str, Any]]:
    return [{"start": start, "stop": stop, "text": text} for start, stop, text in parts]


def timeline_value(sound: Sound, audio: str) -> dict[str, Any]:
    """What the timeline draws of a sound; `audio` is the address that the browser plays it from."""
    picture = log_mel_picture(sound, columns=FINEST)
    rows, columns = picture.values.shape
    shape = np.rint(envelope(sound, FINEST) * 32767).astype("<i2")
    return {
        "name": sound.clip.name,
        "seconds": sound.clip.seconds,
        "rate": sound.clip.rate,
        "envelope": base64.b64encode(shape.tobytes()).decode(),
        "mel": base64.b64encode(picture.values.tobytes()).decode(),
        "rows": rows,
        "columns": columns,
        "decibels": [picture.quietest, picture.loudest],
        "topHertz": min(HIGHEST, sound.clip.rate / 2),
        "audio": audio,
    }
