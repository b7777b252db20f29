"""From the files of a model to its network, whatever way its files are laid out.

The mini suite keeps the sizes of each network in a JSON file beside its weights; a published model has the
sizes that its reader knows, or says them in a file of its own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demos.catalog import OWN, CatalogError, Model

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerFast
    from whisper.model import AudioEncoder, Whisper

    from demos.clap.towers import Towers
    from demos.networks.beats import Beats
    from demos.networks.htsat import Htsat, HtsatConfig
    from demos.pengi.clapcap import Clapcap
    from demos.pengi.network import Pengi

_HTSAT_BELOW = {"clapcap": "clap"}  # what the names of HTSAT's tensors begin with, where not audio_encoder


def htsat_config(model: Model) -> HtsatConfig:
    """The sizes of a model's HTSAT. Raises CatalogError where they are not for the rate of its catalogue."""
    from demos.networks.htsat import HtsatConfig

    stated = read_json(model.files["config"]).get("htsat", {}) if model.layout == OWN else {}
    config = HtsatConfig.from_dict(stated)
    if config.sample_rate != model.rate:
        raise CatalogError(
            f"{model.title} is catalogued at {model.rate} Hz, but its configuration says "
            f"{config.sample_rate} Hz. Restore the files of the suite together."
        )
    return config


def read_htsat(model: Model, config: HtsatConfig) -> Htsat:
    """The HTSAT in the part `htsat` of a model, out of all that the file may hold besides."""
    from torch import nn

    from demos.checkpoint_reader import Rules, fill_from, read_tensors
    from demos.networks.audio_encoder import COMPUTED, HtsatBase

    below = _HTSAT_BELOW.get(model.layout, "audio_encoder")
    file = model.files["htsat"]
    tensors: dict[str, Tensor] = read_tensors(file)
    if model.layout != OWN:
        tensors = {name: one for name, one in tensors.items() if name.startswith(f"{below}.base.htsat.")}
    whole = nn.Module()  # the names in the file begin with audio_encoder.base.htsat
    whole.add_module(below, nn.Module())
    whole.get_submodule(below).base = base = HtsatBase(config)
    fill_from(whole, tensors, Rules(computed=[rf"{below}\.{name}" for name in COMPUTED]), file.name)
    return base.htsat


def read_clap(model: Model) -> Towers:
    """The CLAP of a model, of any family."""
    from demos.clap import checkpoint

    if model.layout == "msclap-2023":
        from demos.clap.network import ClapConfig

        return checkpoint.load(model.files["weights"], ClapConfig())
    if model.layout == "msclap-2022":
        from demos.clap.msclap_2022 import Msclap2022Config

        return checkpoint.load_msclap_2022(model.files["weights"], Msclap2022Config())
    if model.layout == "paraclap":
        from demos.clap.paraclap import ParaclapConfig

        return checkpoint.load_paraclap(model.files["weights"], ParaclapConfig())
    if model.layout == "laion":
        from demos.clap.laion import load_laion

        return load_laion(folder_of(model, "folder"))
    if model.layout == "pe-audio":
        from demos.clap.pe_audio import load_pe_audio

        return load_pe_audio(folder_of(model, "folder"))
    from demos.clap.network import ClapConfig

    config = ClapConfig.from_json(model.files["config"])
    return checkpoint.load([model.files["htsat"], model.files["weights"]], config)


def clap_tokenizer(model: Model) -> PreTrainedTokenizerFast:
    """The tokenizer of a CLAP; transformers' folders hold it beside the weights."""
    from demos.tokenizer import load_tokenizer

    folders = any(name.startswith("folder/") for name in model.files)
    return load_tokenizer(folder_of(model, "folder") if folders else model.files["tokenizer"])


def read_pengi(model: Model) -> Pengi:
    """The Pengi of a model."""
    from demos.pengi.checkpoint import load
    from demos.pengi.network import PengiConfig

    if model.layout == OWN:
        config = PengiConfig.from_json(model.files["config"])
        return load([model.files["htsat"], model.files["weights"]], config)
    config = PengiConfig() if model.layout == "pengi" else PengiConfig(text_encoder=None)
    return load(model.files["weights"], config)


def read_clapcap(model: Model) -> Clapcap:
    """The clapcap of a model."""
    from demos.pengi.checkpoint import load_clapcap
    from demos.pengi.clapcap import ClapcapConfig

    return load_clapcap(model.files["weights"], ClapcapConfig())


def read_beats(model: Model) -> Beats:
    """The BEATs of a model; the published file states its own sizes."""
    from demos.networks.beats import BeatsConfig
    from demos.salmonn import checkpoint

    if model.layout == OWN:
        config = BeatsConfig.from_dict(read_json(model.files["beats_config"]))
        return checkpoint.read_beats(model.files["beats"], config)
    return checkpoint.read_beats(model.files["beats"])


def read_whisper(model: Model) -> Whisper:
    """The whole Whisper of a model. A published size is known by its file's name, and so are the heads of its
    attention that follow time.
    """
    from whisper import _ALIGNMENT_HEADS

    from demos.whisper import checkpoint

    file = model.files["whisper"]
    return checkpoint.read_whisper(file, alignment=file.stem if file.stem in _ALIGNMENT_HEADS else None)


def read_whisper_encoder(model: Model) -> AudioEncoder:
    """The encoder of a model's Whisper alone."""
    from demos.whisper import checkpoint

    return checkpoint.read_encoder(model.files["whisper"])


def folder_of(model: Model, part: str) -> Path:
    """The folder in which the files of a part lie."""
    return next(path for name, path in model.files.items() if name.startswith(f"{part}/")).parent


def read_json(path: Path) -> dict[str, Any]:
    """The object that a configuration holds. Raises CatalogError when it cannot be read, or holds another."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CatalogError(f"The configuration {path.name} cannot be read. Restore it.") from error
    if not isinstance(values, dict):
        raise CatalogError(f"The configuration {path.name} does not hold one JSON object. Restore it.")
    return values
