"""Failure cases that one can listen to: each misheard clip is made again, on a page with what was said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from tqdm import tqdm

from demos.mini.evaluation.details import Failure
from demos.mini.evaluation.held_out import draw
from demos.mini.evaluation.listening import SAMPLE_RATE

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}td,th{padding:.4rem .6rem;text-align:left;"
    "border-bottom:1px solid #8886;vertical-align:top}audio{width:15rem}"
)


def failure_clip(entry: Failure) -> NDArray[np.float32]:
    """The clip that was misheard: float32, mono, 16 kHz."""
    return draw(entry.kind, entry.number).samples()


def write_page(folder: Path, failures: Sequence[Failure]) -> Path:
    """Write a WAV for each failure and a page to hear them by; several failures may share a clip."""
    folder.mkdir(parents=True, exist_ok=True)
    for failure in tqdm(failures, desc="clips"):
        if not (folder / _file(failure)).exists():
            soundfile.write(folder / _file(failure), failure_clip(failure), SAMPLE_RATE, subtype="PCM_16")
    page = folder / "index.html"
    page.write_text("\n".join(_html(failures)) + "\n", encoding="utf-8")
    return page


def _file(failure: Failure) -> str:
    return f"{failure.kind}-{failure.number:04d}.wav"


def _html(failures: Sequence[Failure]) -> Iterator[str]:
    title = "What the mini suite misheard"
    yield f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
    yield f"<style>{_STYLE}</style><h1>{title}</h1>"
    for test, those in groupby(failures, key=lambda failure: failure.test):
        yield f"<h2>{escape(test)}</h2><table>"
        yield "<tr><th>clip</th><th>asked</th><th>true</th><th>said</th></tr>"
        for failure in those:
            cells = "".join(
                f"<td>{escape(text)}</td>" for text in (failure.asked, failure.truth, failure.said)
            )
            source = escape(_file(failure))
            yield f'<tr><td><audio controls preload="none" src="{source}"></audio></td>{cells}</tr>'
        yield "</table>"
    yield "</html>"
