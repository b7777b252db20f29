"""Which models there are, where their files lie, and which of them make up a suite."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from demos.presets import MINI_PENGI, MINI_SALMONN, MINI_SALMONN_BEFORE_ACTIVATION, Preset
from store.records import Resampling, System

MINI_WEIGHTS = Path(__file__).parent / "mini" / "weights"
SUITES = ("mini", "auto")
OWN = "own"  # the layout of files that the mini suite has: sizes in a JSON file beside each network

_SELF_SUPERVISED = (
    ("wav2vec2", "wav2vec 2.0"),
    ("hubert", "HuBERT"),
    ("data2vec", "data2vec-audio"),
    ("wavlm", "WavLM"),
    ("speaker", "WavLM (speakers)"),
)
"""Folders of encoders that a suite may have besides, as transformers saves them, and their titles."""
_MINI_NOTE = "Knows only the synthetic sounds and the closed grammar of speech that it was trained on."
_BEFORE_ACTIVATION_NOTE = f"{_MINI_NOTE} It lacks the last step, activation tuning, which taught stories."
_MINI_SOURCE = "Synthetic sounds and espeak-ng speech, made by demos.mini.world"


class CatalogError(ValueError):
    """A suite or model that does not exist, or files that are not there; one sentence for people."""


@dataclass(frozen=True, eq=False)
class Model:
    """One set of weights that fills a system's slot.

    `files` maps each file's part in the model ("weights", "config", "tokenizer", …) to where it lies; several
    models may share a file. Tensors of the part "changed_weights" take the place of those in "weights".
    `rate` and `resampling` say how its sound is made from a clip, `window` how many seconds it hears at a
    time. `presets` are instructions to offer, the first one the default. `layout` says how the files are
    laid out: as the mini suite's, or as a publisher gives them. `hashes` are the SHA-256 of those parts of
    which it was taken already, when they were fetched; `stated_parameters` is their count where nobody is to
    open the files for it.
    """

    id: str
    system: System
    title: str
    files: Mapping[str, Path]
    rate: int  # samples per second
    resampling: Resampling
    window: float  # seconds
    code_licence: str
    weights_licence: str
    trained_on: str
    note: str = ""
    presets: tuple[Preset, ...] = field(default=())
    layout: str = OWN
    hashes: Mapping[str, str] = field(default_factory=dict)
    stated_parameters: int = 0

    @property
    def missing(self) -> tuple[Path, ...]:
        """Those of its files that are not there."""
        return tuple(path for path in self.files.values() if not path.is_file())

    @cached_property
    def bytes(self) -> int:
        """Size of all its files. Raises CatalogError when one is missing."""
        self.require()
        return sum(path.stat().st_size for path in self.files.values())

    @cached_property
    def revision(self) -> str:
        """SHA-256 over the SHA-256 of each file, in the order of their parts' names.

        Raises CatalogError when one is missing.
        """
        self.require()
        whole = hashlib.sha256()
        for part in sorted(self.files):
            whole.update(f"{part} {self.hashes.get(part) or file_hash(self.files[part])}\n".encode())
        return whole.hexdigest()

    @cached_property
    def parameters(self) -> int:
        """Numbers that its weights hold, shared files included. CatalogError when a file is missing."""
        self.require()
        if self.stated_parameters:
            return self.stated_parameters
        return sum(_numbers(path) for path in self.files.values() if path.suffix in (".safetensors", ".pt"))

    def untrained(self, instruction: str) -> bool:
        """Whether this is one of its presets that its training never had."""
        return any(preset.text == instruction and not preset.trained for preset in self.presets)

    def require(self) -> None:
        """Raise CatalogError, naming them, when files are missing."""
        if missing := self.missing:
            names = ", ".join(path.name for path in missing)
            way = "Run “make train”, or fetch the repository again."
            if self.layout != OWN:
                way = f"Run “make fetch MODEL={self.id}”."
            raise CatalogError(
                f"{self.title} cannot listen, because {names} is not in {missing[0].parent}. {way}"
            )


@dataclass(frozen=True, eq=False)
class Suite:
    """One model for each slot; `layers` shows the encoders, in the order in which to offer them.

    `others` can be asked instead of a slot's own model, and so can those that `shelf` names when it is asked:
    published models, which may come while the page is served. `evidence` is where the calibration of CLAP's
    scores lies, for those suites that have one. `reasons` say why a slot has its model, where it was chosen.
    """

    name: str
    models: Mapping[System, Model]
    encoders: tuple[Model, ...]
    others: tuple[Model, ...] = ()
    evidence: Path | None = None
    shelf: Callable[[], tuple[Model, ...]] = tuple
    reasons: Mapping[System, str] = field(default_factory=dict)

    @property
    def all_models(self) -> tuple[Model, ...]:
        """Every model of which there are files: by slot, its own one first, and the encoders last."""
        slots = (model for system in self.models for model in self.choices(system))
        return (*slots, *self.choices("layers"))

    def choices(self, system: System) -> tuple[Model, ...]:
        """The models that a slot can be filled with: its own one first, then those whose files are there."""
        own = self.encoders if system == "layers" else (self.models[system],)
        there = {model.id: model for model in (*own, *self.others, *self.shelf()) if model.system == system}
        return tuple(model for model in there.values() if model in own or not model.missing)

    def model(self, system: System, model_id: str = "") -> Model:
        """The model of that id for a system's slot, without one the slot's own; of `layers` the encoders.

        Raises CatalogError, naming those there are.
        """
        choices = self.choices(system)
        for model in choices:
            if model_id in ("", model.id):
                return model
        ids = ", ".join(model.id for model in choices)
        raise CatalogError(f"There is no model “{model_id}” for the slot {system}; there are {ids}.")

    def by_slot(self, model_ids: Iterable[str]) -> dict[System, str]:
        """Which of these models is for which slot, by its id; encoders of `layers` are none of them.

        Raises CatalogError, naming those there are, for an unknown one, and for two that are for one slot.
        """
        there = {model.id: model.system for model in self.all_models if model.system != "layers"}
        found: dict[System, str] = {}
        for model_id in dict.fromkeys(model_ids):
            if model_id not in there:
                raise CatalogError(f"There is no model “{model_id}”; there are {', '.join(there)}.")
            first = found.setdefault(there[model_id], model_id)
            if first != model_id:
                raise CatalogError(
                    f"{first} and {model_id} are for the same slot, {there[model_id]}: name one of them, "
                    "then ask again with the other."
                )
        return found

    def encoder(self, title: str) -> Model:
        """The encoder of that title. Raises CatalogError, naming those there are."""
        encoders = self.choices("layers")
        for encoder in encoders:
            if encoder.title == title:
                return encoder
        names = ", ".join(f"“{encoder.title}”" for encoder in encoders)
        raise CatalogError(f"There is no encoder “{title}” in this suite; there are {names}.")


def suite(name: str = "mini", folder: Path | None = None) -> Suite:
    """The mini suite, with its files in `folder` instead of their own place if one is given.

    No file is opened. Raises CatalogError for another name; `demos.published.suites` knows all SUITES.
    """
    if name != "mini":
        raise CatalogError(f"There is no suite “{name}”; there is mini.")
    return _mini(MINI_WEIGHTS if folder is None else folder)


def file_hash(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def default_bank() -> tuple[str, ...]:
    """The captions that CLAP ranks where a person gives none: one for each sound of mini's world."""
    from demos.mini.world.language import OTHER_LABELS, labels_caption
    from demos.mini.world.taxonomy import NAMES

    return tuple(labels_caption(label)[0] for label in (*NAMES, *OTHER_LABELS))


def _mini(folder: Path) -> Suite:
    htsat = {"htsat": "htsat.safetensors"}
    tokenizer = {"tokenizer": "tokenizer.json"}
    whisper = {"whisper": "whisper.pt"}
    beats = {"beats": "beats.safetensors", "beats_config": "beats.json"}
    clap = {**htsat, **tokenizer, "weights": "clap.safetensors", "config": "clap.json"}
    pengi = {**htsat, **tokenizer, "weights": "pengi.safetensors", "config": "pengi.json"}
    salmonn = {"weights": "salmonn.safetensors", "llama": "llama.safetensors", "config": "salmonn.json"}
    salmonn |= {**whisper, **beats, **tokenizer}
    before = {"changed_weights": "salmonn_before_activation.safetensors"}

    def model(
        id_: str,
        system: System,
        title: str,
        window: float,
        files: Mapping[str, str],
        presets: tuple[Preset, ...] = (),
        note: str = _MINI_NOTE,
    ) -> Model:
        return Model(
            id=id_,
            system=system,
            title=title,
            files={part: folder / name for part, name in files.items()},
            rate=16_000,
            resampling="soxr",
            window=window,
            code_licence="Apache-2.0",
            weights_licence="Apache-2.0",
            trained_on=_MINI_SOURCE,
            note=note,
            presets=presets,
        )

    self_supervised = [
        model(
            f"mini-{name}",
            "layers",
            title,
            30.0,
            {
                "transformers": f"{name}/model.safetensors",
                "transformers_config": f"{name}/config.json",
                "preprocessor": f"{name}/preprocessor_config.json",
            },
        )
        for name, title in _SELF_SUPERVISED
    ]
    return Suite(
        name="mini",
        models={
            "clap": model("mini-clap", "clap", "Mini-CLAP", 7.0, clap),
            "pengi": model("mini-pengi", "pengi", "Mini-Pengi", 7.0, pengi, MINI_PENGI),
            "salmonn": model("mini-salmonn", "salmonn", "Mini-SALMONN", 30.0, salmonn, MINI_SALMONN),
            "whisper": model("mini-whisper", "whisper", "Mini-Whisper", 30.0, whisper),
        },
        encoders=(
            model("mini-whisper-encoder", "layers", "whisper encoder", 30.0, whisper),
            model("mini-beats", "layers", "BEATs", 30.0, beats),
            model("mini-htsat", "layers", "HTSAT", 7.0, {**htsat, "config": "clap.json"}),
            *(one for one in self_supervised if not one.missing),
        ),
        others=(
            model(
                "mini-salmonn-before-activation",
                "salmonn",
                "Mini-SALMONN before activation",
                30.0,
                {**salmonn, **before},
                MINI_SALMONN_BEFORE_ACTIVATION,
                _BEFORE_ACTIVATION_NOTE,
            ),
        ),
        evidence=folder / "evidence.json",
    )


def _numbers(path: Path) -> int:
    """How many numbers a weight file holds, read from its header or, for a PyTorch file, without its data."""
    if path.suffix == ".safetensors":
        from safetensors import safe_open

        with safe_open(path, framework="np") as file:
            return sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
    import torch

    from demos.checkpoint_reader import mappable

    content = torch.load(path, map_location="meta", weights_only=True, mmap=mappable(path) or None)
    return sum(tensor.numel() for tensor in content["model_state_dict"].values())
