"""The networks of a suite, each loaded when it is first needed, and shared by all that use the same file."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from demos import layouts
from demos.catalog import OWN, CatalogError, Model, Suite
from demos.placement import Placement
from demos.published.admission import Admission
from demos.tokenizer import load_tokenizer
from store.records import System

if TYPE_CHECKING:
    from whisper.model import AudioEncoder, Whisper

    from demos.clap.retrieval import Retrieval
    from demos.layers.checkpoint import SpeechEncoder
    from demos.networks.beats import Beats
    from demos.networks.htsat import Htsat, HtsatConfig
    from demos.pengi.captioning import Captioning
    from demos.pengi.clapcap_captioning import ClapcapCaptioning
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
    asks for something loaded already does not wait. Before a published model is read, room is made for it:
    others of them that were asked least lately leave; who hears with one of those still holds it until the
    answer is whole. Every method raises ValueError (or a kind of it: CatalogError, CheckpointError,
    ConfigError, TokenizerError) when files are missing or do not fit, or there is no room.
    """

    def __init__(self, suite: Suite, placement: Placement, admission: Admission | None = None) -> None:
        import transformers

        for name in _LAZY:
            getattr(transformers, name)
        self.suite = suite
        self.placement = placement
        self._admission = admission or Admission(placement.device)
        self._kept: dict[Hashable, Any] = {}
        self._users: dict[Hashable, set[str]] = {}  # ids of the published models that something is kept for
        self._loading = threading.RLock()

    def holds(self, model: Model) -> bool:
        """Whether a model could listen at once; for mini ones of `layers`, whether every encoder could."""
        return self._key(model) in self._kept

    def load(self, model: Model) -> None:
        """Load all that a model needs; for mini ones of `layers` every encoder."""
        load: dict[System, Callable[[Model], object]] = {
            "clap": self.retrieval,
            "pengi": self.captioner,
            "salmonn": self.answering,
            "whisper": self.transcription,
            "layers": self._load_encoders,
        }
        load[model.system](model)

    def dtype_name(self, model: Model) -> str:
        """The number type of a model, such as "float32"; of SALMONN that of its language model."""
        return self._admission.precision(model) if model.layout == "salmonn" else self.placement.dtype_name

    def retrieval(self, model: Model | None = None) -> Retrieval:
        """CLAP: a model of its slot, or the suite's own."""
        return self._of(model or self.suite.model("clap"), self._load_clap)

    def captioning(self, model: Model | None = None) -> Captioning:
        """Pengi: a model of its slot, or the suite's own."""
        return self._of(model or self.suite.model("pengi"), self._load_pengi)

    def captioner(self, model: Model) -> Captioning | ClapcapCaptioning:
        """Whatever captions for a model of Pengi's slot."""
        return self._of(model, self._load_clapcap) if model.layout == "clapcap" else self.captioning(model)

    def answering(self, model: Model | None = None) -> Answering:
        """SALMONN: a model of its slot, or the suite's own."""
        return self._of(model or self.suite.model("salmonn"), self._load_salmonn)

    def transcription(self, model: Model | None = None) -> Transcription:
        """Whisper: a model of its slot, or the suite's own."""
        return self._of(model or self.suite.model("whisper"), self._load_whisper)

    def whisper(self, model: Model) -> Whisper:
        """The Whisper network of a model, which has a file for the part `whisper`."""

        def read() -> Whisper:
            network = self.placement.place(layouts.read_whisper(model))
            # Whoever hears with the encoder alone goes on with the one that was read first.
            network.encoder = self._part(model, _encoder_of(model), lambda: network.encoder)
            return network

        return self._part(model, model.files["whisper"], read)

    def whisper_encoder(self, model: Model) -> AudioEncoder:
        """The encoder of that Whisper; of a published one that nobody asked for a transcript, it alone."""
        if model.layout == OWN:
            return self.whisper(model).encoder
        return self._part(
            model, _encoder_of(model), lambda: self.placement.place(layouts.read_whisper_encoder(model))
        )

    def beats(self, model: Model) -> Beats:
        """The BEATs of a model, which has the part `beats`."""
        return self._part(
            model, model.files["beats"], lambda: self.placement.place(layouts.read_beats(model))
        )

    def speech_encoder(self, model: Model) -> SpeechEncoder:
        """The self-supervised encoder of a model; its part `transformers` lies in a folder of its own."""

        def read() -> SpeechEncoder:
            from demos.layers.checkpoint import read_speech_encoder

            found = read_speech_encoder(model.files["transformers"].parent, model.rate)
            return replace(found, network=self.placement.place(found.network))

        return self._part(model, model.files["transformers"], read)

    def htsat(self, model: Model) -> Htsat:
        """The HTSAT of a model, which has the part `htsat`."""
        model.require()
        return self._shared_htsat(model, layouts.htsat_config(model))

    def _shared_htsat(self, model: Model, config: HtsatConfig) -> Htsat:
        """The one HTSAT of a file; two models that share it must agree about its sizes."""
        htsat = self._part(
            model, model.files["htsat"], lambda: self.placement.place(layouts.read_htsat(model, config))
        )
        if htsat.config != config:
            raise CatalogError(
                f"The configuration of {model.title} describes another HTSAT than the one in "
                f"{model.files['htsat'].name}. Restore the files of the suite together."
            )
        return htsat

    def _load_clap(self, model: Model) -> Retrieval:
        from demos.clap.network import Clap
        from demos.clap.retrieval import Retrieval

        network = layouts.read_clap(model)
        if isinstance(network, Clap):
            network.audio_encoder.base.htsat = self._shared_htsat(model, layouts.htsat_config(model))
        if network.sample_rate != model.rate:
            raise CatalogError(
                f"{model.title} is catalogued at {model.rate} Hz, but its files say {network.sample_rate} Hz."
            )
        tokenizer = layouts.clap_tokenizer(model)
        return Retrieval(self.placement.place(network), tokenizer, self.placement.device)

    def _load_pengi(self, model: Model) -> Captioning:
        from demos.pengi.captioning import Captioning

        network = layouts.read_pengi(model)
        network.audio_encoder.base.htsat = self._shared_htsat(model, layouts.htsat_config(model))
        prompts = model.files.get("prompt_tokenizer")
        return Captioning(
            self.placement.place(network),
            load_tokenizer(model.files["tokenizer"]),
            load_tokenizer(prompts) if prompts else None,
            device=self.placement.device,
        )

    def _load_clapcap(self, model: Model) -> ClapcapCaptioning:
        from demos.pengi.clapcap_captioning import ClapcapCaptioning

        network = layouts.read_clapcap(model)
        network.clap.base.htsat = self._shared_htsat(model, layouts.htsat_config(model))
        tokenizer = load_tokenizer(model.files["tokenizer"])
        return ClapcapCaptioning(self.placement.place(network), tokenizer, self.placement.device)

    def _load_salmonn(self, model: Model) -> Answering:
        from demos.salmonn.answering import Answering
        from demos.salmonn.checkpoint import read_llama, read_salmonn
        from demos.salmonn.config import SalmonnConfig

        encoder, beats = self.whisper_encoder(model), self.beats(model)
        if model.layout != OWN:
            return self._load_published_salmonn(model, encoder, beats)
        config = SalmonnConfig.from_dict(layouts.read_json(model.files["config"]))
        llama = read_llama(config.llama, model.files["llama"])
        weights, changed = model.files["weights"], model.files.get("changed_weights")
        network = read_salmonn(config, encoder, beats, llama, weights, changed)
        tokenizer = load_tokenizer(model.files["tokenizer"])
        return Answering(self.placement.place(network), tokenizer, self.placement.device)

    def _load_published_salmonn(self, model: Model, encoder: AudioEncoder, beats: Beats) -> Answering:
        import torch

        from demos.salmonn.published import load_published
        from demos.salmonn.quantised import Bits

        precision, device = self._admission.precision(model), self.placement.device
        quantised: dict[str, Bits] = {"int8": 8, "int4": 4}
        in_16_bits = torch.float16 if device.type == "cuda" else torch.bfloat16
        return load_published(
            model.files["weights"],
            layouts.folder_of(model, "vicuna"),
            encoder,
            beats,
            in_16_bits if precision in quantised else getattr(torch, precision),
            device,
            bits=quantised.get(precision),
        )

    def _load_whisper(self, model: Model) -> Transcription:
        from demos.whisper.transcription import Transcription

        return Transcription(self.whisper(model), self.placement.device)

    def _load_encoders(self, model: Model) -> None:
        """Read an encoder of `layers`; with one of the suite's own all the others of it too."""
        readers: dict[str, Callable[[Model], object]] = {
            "whisper": self.whisper_encoder,
            "beats": self.beats,
            "htsat": self.htsat,
            "transformers": self.speech_encoder,
        }

        own = [encoder for encoder in self.suite.encoders if encoder.layout == OWN]

        def read() -> bool:
            for one in [model] if model.layout != OWN else own:
                for part in readers.keys() & one.files.keys():
                    readers[part](one)
            return True

        self._part(model, self._key(model), read)

    def _of(self, model: Model, read: Callable[[Model], Thing]) -> Thing:
        return self._part(model, self._key(model), lambda: read(model))

    def _part(self, model: Model, key: Hashable, read: Callable[[], Thing]) -> Thing:
        """What is kept by a key, read for a model if it is not; for a published one room is made before."""
        published = model.layout != OWN
        if not (key in self._kept and (not published or self._admission.asked(model))):
            with self._loading:
                if published:
                    self._admit(model)
                if key not in self._kept:
                    model.require()
                    self._kept[key] = self._read(model, read)
                if published:
                    self._users.setdefault(key, set()).add(model.id)
        kept: Thing = self._kept[key]
        return kept

    def _read(self, model: Model, read: Callable[[], Thing]) -> Thing:
        try:
            return read()
        except BaseException:
            if model.layout != OWN:
                self._let_go([model.id])  # a model of which a part cannot be read takes no room
                self._admission.leave([model.id])
            raise

    def _admit(self, model: Model) -> None:
        if not self._admission.asked(model):
            self._let_go(self._admission.admit(model))

    def _let_go(self, ids: Iterable[str]) -> None:
        """Drop what is kept for these models and for no other."""
        gone = set(ids)
        if not gone:
            return
        for key, users in list(self._users.items()):
            users -= gone
            if not users:
                del self._users[key]
                self._kept.pop(key, None)
        if self.placement.device.type == "cuda":
            import torch

            torch.cuda.empty_cache()

    def _key(self, model: Model) -> Hashable:
        """By which a model is kept; all of the suite's own encoders of `layers` are one."""
        return "layers" if model.system == "layers" and model.layout == OWN else model.id


def _encoder_of(model: Model) -> Hashable:
    return model.files["whisper"], "encoder"
