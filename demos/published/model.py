"""What a published model is: where its files are had, how large its networks are, what one may do with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from store.records import System

Precision = Literal["float32", "bfloat16", "float16", "int8", "int4"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
QUANTISED: Mapping[Precision, float] = {
    "int8": 1.0,
    "int4": 0.5 + 4 / 64,  # with one float32 for each block of 64 numbers, as bitsandbytes keeps it
}
UNQUANTISED_BYTES: Mapping[Precision, int] = {
    "float32": 4,
    "bfloat16": 2,
    "float16": 2,
    "int8": 2,  # what is not quantised stays in 16 bits
    "int4": 2,
}


@dataclass(frozen=True, eq=False)
class HubFiles:
    """Files of a repository on the Hugging Face Hub.

    `files` are names or patterns such as `*.safetensors`; of alternatives divided by `|` the first that the
    repository has is taken, and an empty one says that it may have none. `revision` is a commit where we know
    one, otherwise a branch: then the files of the day on which they are fetched are kept. `digests` are the
    SHA-256 of those files whose hash is published.
    """

    repo: str
    files: tuple[str, ...]
    revision: str = "main"
    digests: Mapping[str, str] = field(default_factory=dict)
    about_bytes: int | None = None


@dataclass(frozen=True, eq=False)
class WebFile:
    """A file with an address of its own; `sha256` is empty where the hash is not published."""

    url: str
    sha256: str = ""
    about_bytes: int | None = None

    @property
    def name(self) -> str:
        """The last part of its address."""
        return self.url.rsplit("/", 1)[-1].split("?")[0]


@dataclass(frozen=True, eq=False)
class HandFile:
    """A file without a lasting address, for a person to find and put in its place; `where` helps."""

    name: str
    where: str
    about_bytes: int | None = None


Source = HubFiles | WebFile | HandFile


@dataclass(frozen=True)
class Part:
    """A network, or a part of one, that several models may share in memory; `key` says which it is.

    `parameters` are the numbers that it holds in memory, `quantisable` how many of them 8 or 4 bits can hold
    (the matrices of a language model without its embeddings). A part without any is read in float32 alone.
    """

    key: str
    parameters: int
    quantisable: int = 0

    def bytes(self, precision: Precision) -> int:
        """Memory of its weights, where the model that it belongs to is read in a number type."""
        kept = UNQUANTISED_BYTES[precision] if self.quantisable else UNQUANTISED_BYTES["float32"]
        quantised = QUANTISED.get(precision, kept)
        return round((self.parameters - self.quantisable) * kept + self.quantisable * quantised)


@dataclass(frozen=True, eq=False)
class PublishedModel:
    """A published set of weights that can fill a system's slot.

    `terms` is what its licences ask of people, in a sentence. `not_known` are sentences about what we could
    not see. `working_bytes` is what it needs while it works beside its weights, where that was computed
    (the key/value cache of a language model, in 16 bits).
    """

    id: str
    system: System
    title: str
    sources: tuple[Source, ...]
    parts: tuple[Part, ...]
    code_licence: str
    weights_licence: str
    trained_on: str
    terms: str = ""
    not_known: tuple[str, ...] = ()
    working_bytes: int = 0

    @property
    def parameters(self) -> int:
        """Numbers in all its parts."""
        return sum(part.parameters for part in self.parts)

    @property
    def quantisable(self) -> bool:
        """Whether 8 or 4 bits make it smaller."""
        return any(part.quantisable for part in self.parts)

    @property
    def about_bytes(self) -> int | None:
        """Roughly what has to be downloaded; None where the size of a file is not known."""
        sizes = [source.about_bytes for source in self.sources]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    def memory(self, precision: Precision) -> int:
        """Bytes of its weights and of its work when nothing is shared."""
        return sum(part.bytes(precision) for part in self.parts) + self.working_bytes


def gigabytes(size: float) -> str:
    """A number of bytes for people, in steps of 1000: "3.1 GB", "640 MB"."""
    for unit, amount in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= amount * 0.9995:
            number = size / amount
            return f"{number:.0f} {unit}" if number >= 99.95 else f"{number:.1f} {unit}"
    return f"{size:.0f} bytes"
