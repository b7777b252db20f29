"""The published models whose files are on this machine, each as a model that can fill a slot.

What a published model hears, and under which name its files are read, stands here; where the files are had
stands in `demos.published.models`.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from demos.catalog import Model
from demos.presets import MINI_PENGI, MINI_SALMONN, Preset
from demos.published.model import PublishedModel, WebFile
from demos.published.models import PUBLISHED
from demos.published.places import Places, places, source_here
from store.records import Resampling

LOOKS_AGAIN = 2.0  # seconds after which the disk is looked at again
_SHA256 = re.compile(r"[0-9a-f]{64}")

PUBLISHED_PENGI, PUBLISHED_SALMONN = (
    tuple(replace(preset, trained=True) for preset in presets) for presets in (MINI_PENGI, MINI_SALMONN)
)


@dataclass(frozen=True)
class Heard:
    """How a layout's sound is made, and what its files are to the reader.

    `parts` are the names of each source's file, in the order of the sources; a source of several files goes
    by “name/file”. `window` is in seconds.
    """

    rate: int
    window: float
    parts: tuple[tuple[str, ...], ...]
    resampling: Resampling = "soxr"
    presets: tuple[Preset, ...] = ()


# Windows and rates of msclap, Pengi, ParaCLAP and SALMONN are those of their papers and code; LAION's are the
# defaults of its feature extractor, PE-AV's the rate of its extractor and a window of our own choice.
HEARD: Mapping[str, Heard] = {
    "msclap-2023": Heard(44_100, 7.0, (("htsat", "weights"), ("tokenizer",)), "published"),
    "msclap-2022": Heard(44_100, 5.0, (("weights",), ("tokenizer",)), "published"),
    "laion": Heard(48_000, 10.0, (("folder",),)),
    "pe-audio": Heard(48_000, 10.0, (("folder",),)),
    "paraclap": Heard(16_000, 30.0, (("weights",), ("tokenizer",))),
    "pengi": Heard(
        44_100,
        7.0,
        (("htsat", "weights"), ("prompt_tokenizer",), ("tokenizer",)),
        "published",
        PUBLISHED_PENGI,
    ),
    "pengi-no-text": Heard(44_100, 7.0, (("htsat", "weights"), ("tokenizer",)), "published", PUBLISHED_PENGI),
    "clapcap": Heard(44_100, 7.0, (("htsat", "weights"), ("tokenizer",)), "published"),
    "salmonn": Heard(
        16_000, 30.0, (("weights",), ("vicuna",), ("whisper",), ("beats",)), presets=PUBLISHED_SALMONN
    ),
    "whisper": Heard(16_000, 30.0, (("whisper",),)),
    "beats": Heard(16_000, 30.0, (("beats",),)),
    "htsat": Heard(44_100, 7.0, (("htsat",),), "published"),
    "transformers": Heard(16_000, 30.0, (("transformers",),)),
}
_FOLDERS = ("folder", "vicuna", "transformers")  # parts that are all files of a source
_TOKENIZERS = ("tokenizer", "prompt_tokenizer")  # of which tokenizer.json is read alone


def layout_of(model: PublishedModel) -> str:
    """The key of HEARD by which a published model is read."""
    if model.system in ("salmonn", "whisper"):
        return model.system
    if model.system == "layers":
        own = {"whisper-large-v2-encoder": "whisper", "beats": "beats", "htsat": "htsat"}
        return own.get(model.id, "transformers")
    if model.id.startswith(("larger-clap", "clap-htsat")):
        return "laion"
    return {"pengi-base": "pengi", "pengi-base-no-text-enc": "pengi-no-text"}.get(model.id, model.id)


def as_model(published: PublishedModel, where: Places) -> Model | None:
    """A published model as one that can fill its slot; None when a file of it is not here."""
    here = [source_here(source, where) for source in published.sources]
    layout = layout_of(published)
    heard = HEARD[layout]
    files: dict[str, Path] = {}
    for names, found in zip(heard.parts, here, strict=True):
        if found is None:
            return None
        files |= _named(names, found)
    return Model(
        id=published.id,
        system=published.system,
        title=published.title,
        files=files,
        rate=heard.rate,
        resampling=heard.resampling,
        window=heard.window,
        code_licence=published.code_licence,
        weights_licence=published.weights_licence,
        trained_on=published.trained_on,
        note=published.terms,
        presets=heard.presets,
        layout=layout,
        hashes=dict(_hashes(published, files)),
        stated_parameters=published.parameters,
    )


class Shelf:
    """The published models that are here, looked for again now and then; a model keeps being one object."""

    def __init__(self, where: Places | None = None, published: Sequence[PublishedModel] = PUBLISHED) -> None:
        self._where = where
        self._published = published
        self._looked = -LOOKS_AGAIN
        self._here: dict[str, Model] = {}
        self._lock = threading.Lock()

    @property
    def where(self) -> Places:
        """Where their files lie."""
        if self._where is None:
            self._where = places()
        return self._where

    def models(self) -> tuple[Model, ...]:
        """Those of which every file is here, as of the last LOOKS_AGAIN seconds."""
        with self._lock:
            if time.monotonic() - self._looked >= LOOKS_AGAIN:
                self._look()
            return tuple(self._here.values())

    def look(self) -> None:
        """Look at the disk now, because something came."""
        with self._lock:
            self._look()

    def _look(self) -> None:
        found = {}
        for published in self._published:
            model = as_model(published, self.where)
            if model is not None:
                before = self._here.get(model.id)
                found[model.id] = before if before and before.files == model.files else model
        self._here, self._looked = found, time.monotonic()


def _named(names: Sequence[str], found: Sequence[Path]) -> dict[str, Path]:
    """Files of one source under the names of their parts."""
    if names[0] in _TOKENIZERS:
        # Where a repository has none, its first file is named, so that the reader can say what is lacking.
        return {names[0]: next((path for path in found if path.name == "tokenizer.json"), found[0])}
    if names[0] not in _FOLDERS:
        return dict.fromkeys(names, found[0])
    if names[0] != "transformers":
        return {f"{names[0]}/{path.name}": path for path in found}
    named = {"config.json": "transformers_config", "preprocessor_config.json": "preprocessor"}
    return {named.get(path.name, "transformers"): path for path in found}


def _hashes(published: PublishedModel, files: Mapping[str, Path]) -> Iterator[tuple[str, str]]:
    """SHA-256 of parts that were compared with it when they were fetched: nobody need hash 26 GB again."""
    stated = {source.name: source.sha256 for source in published.sources if isinstance(source, WebFile)}
    for part, path in files.items():
        blob = path.resolve().name  # the cache of huggingface_hub names a large file by its SHA-256
        if stated.get(path.name):
            yield part, stated[path.name]
        elif _SHA256.fullmatch(blob):
            yield part, blob
