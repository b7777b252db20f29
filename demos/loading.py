"""The networks of a suite, each loaded when it is first needed, and shared by all that use the same file."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Hashable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from demos.catalog import CatalogError, Model, Suite
from demos.placement import Placement
from store.records import System

if TYPE_CHECKING:
    from whisper.model import Whisper

    from demos.clap.retrieval import Retrieval
    from demos.layers.checkpoint import SpeechEncoder
    from demos.networks.beats import Beats
    from demos.networks.htsat import Htsat, HtsatConfig
    from demos.pengi.captioning import Captioning
    from demos.salmonn.answering import Answering
    from demos.whisper.transcription import Transcription

Thing = TypeVar("Thing")

# transformers makes what it is asked for when it is asked, and fails where two threads ask at once
_LAZY = (
    "Blip2QFormerModel",
    "DynamicCache",
    "GPT2LMHeadModel",
    "GPT2Model",
    "GenerationConfig",
    "LlamaForCausalLM",
    "PreTrainedTokenizerFast",
)


class Networks:
    """Loads what is asked for, one thing at a time, and keeps it.

    Loading is not done in parallel because the heavy packages cannot be imported by several threads at once;
    the parts of transformers that the systems use are imported here, before anybody can ask for them. Whoever
    asks for something loaded already does not wait. Every method raises ValueError (or a kind of it:
    CatalogError, CheckpointError, ConfigError, TokenizerError) when files are missing or do not fit.
    """

    def __init__(self, suite: Suite, placement: Placement) -> None:
        import transformers

        for name in _LAZY:
            getattr(transformers, name)
        self.suite = suite
        self.placement = placement
        self._kept: dict[Hashable, Any] = {}
        self._loading = threading.RLock()

    def holds(self, model: Model) -> bool:
        """Whether a model could listen at once; for one of `layers`, whether every encoder could."""
        return _place(model) in self._kept

    def load(self, model: Model) -> None:
        """Load all that a model needs; for one of `layers` every encoder."""
        load: dict[System, Callable[[Model], object]] = {
            "clap": self.retrieval,
            "pengi": self.captioning,
            "salmonn": self.answering,
            "whisper": self.transcription,
            "layers": lambda model: self._once(_place(model), self._load_encoders),
        }
        load[model.system](model)

    def retrieval(self, model: Model | None = None) -> Retrieval:
        """CLAP: a model of its slot, or the suite's own."""
        return self._of(model or self.suite.model("clap"), self._load_clap)

    def captioning(self, model: Model | None = None) -> Captioning:
        """Pengi: a model of its slot, or the suite's own."""
        return self._of(model or self.suite.model("pengi"), self._load_pengi)

    def answering(self, model: Model | None = None) -> Answering:
        """SALMONN: a model of its slot, or the suite's own."""
        return self._of(model or self.suite.model("salmonn"), self._load_salmonn)

    def transcription(self, model: Model | None = None) -> Transcription:
        """Whisper: a model of its slot, or the suite's own."""
        return self._of(model or self.suite.model("whisper"), self._load_whisper)

    def whisper(self, model: Model) -> Whisper:
        """The Whisper network of a model, which has a file for the part `whisper`."""

        def read() -> Whisper:
            from demos.whisper.checkpoint import read_whisper

            model.require()
            return self.placement.place(read_whisper(model.files["whisper"]))

        return self._once(model.files["whisper"], read)

    def beats(self, model: Model) -> Beats:
        """The BEATs of a model, which has the parts `beats` and `beats_config`."""

        def read() -> Beats:
            from demos.networks.beats import BeatsConfig
            from demos.salmonn.checkpoint import read_beats

            model.require()
            config = BeatsConfig.from_dict(_read_json(model.files["beats_config"]))
            return self.placement.place(read_beats(model.files["beats"], config))

        return self._once(model.files["beats"], read)

    def speech_encoder(self, model: Model) -> SpeechEncoder:
        """The self-supervised encoder of a model; its part `transformers` lies in a folder of its own."""

        def read() -> SpeechEncoder:
            from demos.layers.checkpoint import read_speech_encoder

            model.require()
            found = read_speech_encoder(model.files["transformers"].parent, model.rate)
            return replace(found, network=self.placement.place(found.network))

        return self._once(model.files["transformers"], read)

    def htsat(self, model: Model) -> Htsat:
        """The HTSAT of a model, which has the parts `htsat` and `config`."""
        from demos.networks.htsat import HtsatConfig

        model.require()
        stated = _read_json(model.files["config"])
        return self._shared_htsat(model, HtsatConfig.from_dict(stated.get("htsat", {})))

    def _shared_htsat(self, model: Model, config: HtsatConfig) -> Htsat:
        """The one HTSAT of a file; two models that share it must agree about its sizes."""
        if config.sample_rate != model.rate:
            raise CatalogError(
                f"{model.title} is catalogued at {model.rate} Hz, but its configuration says "
                f"{config.sample_rate} Hz. Restore the files of the suite together."
            )

        def read() -> Htsat:
            from torch import nn

            from demos.checkpoint_reader import Rules, fill
            from demos.networks.audio_encoder import COMPUTED, HtsatBase

            whole = nn.Module()  # the names in the file begin with audio_encoder.base.htsat
            whole.audio_encoder = nn.Module()
            whole.audio_encoder.base = HtsatBase(config)
            fill(
                whole, model.files["htsat"], Rules(computed=[rf"audio_encoder\.{name}" for name in COMPUTED])
            )
            return self.placement.place(whole.audio_encoder.base.htsat)

        htsat = self._once(model.files["htsat"], read)
        if htsat.config != config:
            raise CatalogError(
                f"The configuration of {model.title} describes another HTSAT than the one in "
                f"{model.files['htsat'].name}. Restore the files of the suite together."
            )
        return htsat

    def _load_clap(self, model: Model) -> Retrieval:
        from demos.clap.checkpoint import load
        from demos.clap.network import ClapConfig
        from demos.clap.retrieval import Retrieval
        from demos.tokenizer import load_tokenizer

        config = ClapConfig.from_json(model.files["config"])
        network = load([model.files["htsat"], model.files["weights"]], config)
        network.audio_encoder.base.htsat = self._shared_htsat(model, config.htsat)
        tokenizer = load_tokenizer(model.files["tokenizer"])
        return Retrieval(self.placement.place(network), tokenizer, self.placement.device)

    def _load_pengi(self, model: Model) -> Captioning:
        from demos.pengi.captioning import Captioning
        from demos.pengi.checkpoint import load
        from demos.pengi.network import PengiConfig
        from demos.tokenizer import load_tokenizer

        config = PengiConfig.from_json(model.files["config"])
        network = load([model.files["htsat"], model.files["weights"]], config)
        network.audio_encoder.base.htsat = self._shared_htsat(model, config.htsat)
        tokenizer = load_tokenizer(model.files["tokenizer"])
        return Captioning(self.placement.place(network), tokenizer, device=self.placement.device)

    def _load_salmonn(self, model: Model) -> Answering:
        from demos.salmonn.answering import Answering
        from demos.salmonn.checkpoint import read_llama, read_salmonn
        from demos.salmonn.config import SalmonnConfig
        from demos.tokenizer import load_tokenizer

        config = SalmonnConfig.from_dict(_read_json(model.files["config"]))
        llama = read_llama(config.llama, model.files["llama"])
        encoder = self.whisper(model).encoder
        weights, changed = model.files["weights"], model.files.get("changed_weights")
        network = read_salmonn(config, encoder, self.beats(model), llama, weights, changed)
        tokenizer = load_tokenizer(model.files["tokenizer"])
        return Answering(self.placement.place(network), tokenizer, self.placement.device)

    def _load_whisper(self, model: Model) -> Transcription:
        from demos.whisper.transcription import Transcription

        return Transcription(self.whisper(model), self.placement.device)

    def _load_encoders(self) -> bool:
        readers = {
            "whisper": self.whisper,
            "beats": self.beats,
            "htsat": self.htsat,
            "transformers": self.speech_encoder,
        }
        for model in self.suite.encoders:
            for part, read in readers.items():
                if part in model.files:
                    read(model)
        return True

    def _of(self, model: Model, read: Callable[[Model], Thing]) -> Thing:
        def checked() -> Thing:
            model.require()
            return read(model)

        return self._once(_place(model), checked)

    def _once(self, name: Hashable, read: Callable[[], Thing]) -> Thing:
        if name not in self._kept:
            with self._loading:
                if name not in self._kept:
                    self._kept[name] = read()
        kept: Thing = self._kept[name]
        return kept


def _place(model: Model) -> str:
    """By which a model is kept; all encoders of `layers` are one."""
    return "layers" if model.system == "layers" else model.id


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CatalogError(f"The configuration {path.name} cannot be read. Restore it.") from error
    if not isinstance(values, dict):
        raise CatalogError(f"The configuration {path.name} does not hold one JSON object. Restore it.")
    return values
