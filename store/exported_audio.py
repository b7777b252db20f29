"""The audio of exported rows, and the files that exports are written to."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from store.audio import ROW_RATE, Samples, audio_path, row_audio, row_flac
from store.errors import store_error
from store.records import Clip
from store.rows import RowView
from store.store import Store

AUDIO_FIELD = pa.field("audio", pa.struct([("bytes", pa.binary()), ("path", pa.string())]))


class RowAudio:
    """FLAC of rows that come clip by clip: every clip is read once, every window encoded once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._clip: Clip | None = None
        self._samples: Samples | None = None
        self._window: tuple[str, float, float] | None = None
        self._flac = b""

    def flac(self, view: RowView) -> bytes:
        """The audio of a row as FLAC bytes. Raises AudioError where the clip's is damaged."""
        clip, row = view.clip, view.row
        if self._samples is None or self._clip != clip:
            self._clip, self._samples = clip, self._store.clip_samples(clip)
        if self._window != (clip.id, row.start, row.stop):
            if (clip.rate, clip.channels, row.start) == (ROW_RATE, 1, 0.0) and row.stop >= clip.seconds:
                # The file that is kept, which has just been verified, holds just this.
                self._flac = audio_path(self._store.audio_folder, clip.id).read_bytes()
            else:
                self._flac = row_flac(row_audio(self._samples, clip.rate, row.start, row.stop))
            self._window = (clip.id, row.start, row.stop)
        return self._flac


def features_schema(columns: dict[str, pa.DataType]) -> pa.Schema:
    """An `audio` column and others, with what `datasets` reads to make `audio` an Audio feature."""
    names = {pa.string(): "string", pa.float64(): "float64", pa.int64(): "int64"}
    features: dict[str, Any] = {"audio": {"sampling_rate": ROW_RATE, "_type": "Audio"}}
    features |= {name: {"dtype": names[kind], "_type": "Value"} for name, kind in columns.items()}
    return pa.schema(
        [AUDIO_FIELD, *(pa.field(name, kind) for name, kind in columns.items())],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )


@contextmanager
def whole_or_not(out: Path) -> Iterator[Path]:
    """A temporary file beside `out` that takes its place at the end, or is removed when something fails.

    Raises StoreError when the disk refuses.
    """
    temporary = out.with_name(f".{out.name}.{uuid.uuid4().hex}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(out)
    except OSError as error:
        raise store_error(error, out.parent) from error
    finally:
        temporary.unlink(missing_ok=True)
