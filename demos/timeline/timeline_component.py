"""The timeline of the page: a clip, its spectrogram and its words over one time axis, to play and seek.

Everything is drawn in the browser by `timeline.js`. The value is plain data:

    seconds, rate, name        of the clip
    envelope                   [smallest, largest] sample, evenly spaced over the clip
    mel, rows, columns         the log-mel picture, bytes 0..255 as base64, row 0 the lowest band
    topHertz                   the upper edge of the highest band
    audio                      the address that the browser plays

`words` is a property of its own, so that a transcript can arrive without the sound being sent again. The
event `range` carries `start` and `stop` in seconds, or None for both when the person let the range go.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import gradio as gr

from demos.page_component import page_component
from demos.picture import HIGHEST, envelope, log_mel_picture
from demos.sound import Sound
from store.records import Word


def timeline(**kwargs: Any) -> gr.HTML:
    """One clip on one time axis; the value comes from `timeline_value`."""
    return page_component(Path(__file__).parent, "timeline", {}, {"words": []}, **kwargs)


def words_update(words: Iterable[Word]) -> dict[str, Any]:
    """What an event returns to show these words on the timeline and leave the rest as it is."""
    return gr.update(words=[{"text": word.text, "start": word.start, "stop": word.stop} for word in words])


def timeline_value(sound: Sound, audio: str) -> dict[str, Any]:
    """What the timeline draws of a sound; `audio` is the address that the browser plays it from."""
    picture = log_mel_picture(sound)
    rows, columns = picture.values.shape
    return {
        "name": sound.clip.name,
        "seconds": sound.clip.seconds,
        "rate": sound.clip.rate,
        "envelope": [[round(float(low), 4), round(float(high), 4)] for low, high in envelope(sound)],
        "mel": base64.b64encode(picture.values.tobytes()).decode(),
        "rows": rows,
        "columns": columns,
        "topHertz": min(HIGHEST, sound.clip.rate / 2),
        "audio": audio,
    }
