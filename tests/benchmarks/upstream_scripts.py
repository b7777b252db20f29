"""Five systems run apart, each as its published script does it, on the networks that the engine has loaded.

Every script decodes the file, resamples it, makes its own features and runs its own encoders; CLAP embeds its
labels in the same run; Pengi reads everything again for each token; Whisper is openai-whisper's own
`transcribe`; SALMONN goes through the `generate` of transformers. Kept as light as those scripts could be:
nothing is loaded again, CLAP and Pengi hear the one window of 7 s that their wrappers crop (here the first),
and SALMONN decodes greedily, as the engine does, instead of with the published 4 beams.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import torch
import whisper
from torch import Tensor

from demos.engine import Engine
from demos.request import USUAL_BEAMS, USUAL_TOKENS
from demos.resampling import resample_published, resample_soxr
from demos.salmonn.answering import SAMPLE_RATE, heard_window, prompt_ids
from demos.salmonn.generation import GenerationSettings, beam_search
from demos.sound import Samples
from demos.whisper.encoding import encoder_hidden
from tests.benchmarks.captions import published_beams


class UpstreamScripts:
    """What a researcher runs today for what one listen shows; nothing is kept between the five."""

    def __init__(self, engine: Engine) -> None:
        """Every system of the engine must be warm."""
        networks = engine.networks
        self._retrieval = networks.retrieval()
        self._captioning = networks.captioning()
        self._answering = networks.answering()
        self._transcription = networks.transcription()
        self._encoder = networks.whisper(engine.suite.encoders[0])
        self._bank = engine.default_bank()
        self._caption_instruction = engine.presets("pengi")[0].text
        self._answer_instruction = engine.presets("salmonn")[0].text

    def run(self, path: Path, embed_bank: bool = True) -> None:
        """One script after the other; without `embed_bank` CLAP's labels are taken as embedded before."""
        self.retrieve(path, embed_bank)
        self.caption(path)
        self.answer(path)
        self.transcribe(path)
        self.layers(path)

    @torch.inference_mode()
    def retrieve(self, path: Path, embed_bank: bool) -> None:
        """msclap: embeddings of all labels, an embedding of the sound, the similarities between them."""
        retrieval = self._retrieval
        if embed_bank:
            retrieval.network.embed_ids(*retrieval.network.text_ids(retrieval.tokenizer, self._bank))
        crop = _crop(path, retrieval.sample_rate, retrieval.network.clip_samples)
        (retrieval.embed_windows(crop) @ retrieval.embed_texts(self._bank).T).argsort()

    @torch.inference_mode()
    def caption(self, path: Path) -> None:
        """Pengi: sound and prompt to a prefix, then a beam search that remembers nothing."""
        captioning, htsat = self._captioning, self._captioning.network.audio_encoder.htsat
        crop = _crop(path, htsat.config.sample_rate, htsat.config.clip_samples)
        prefix = captioning.prefix(htsat(crop).latent, self._caption_instruction)
        published_beams(
            captioning.decoder, prefix, captioning.stop_id, USUAL_BEAMS["pengi"], USUAL_TOKENS["pengi"]
        )

    @torch.inference_mode()
    def answer(self, path: Path) -> None:
        """SALMONN: both encoders, the window-level Q-Former, then the language model by `generate`."""
        answering = self._answering
        heard = heard_window(resample_soxr(*_decoded(path), SAMPLE_RATE))
        sound = answering.audio_tokens(*answering.encode(heard))[0]
        network = answering.network
        before, after = prompt_ids(network.config, answering.tokenizer, self._answer_instruction)
        settings = GenerationSettings(network.config.trained_scaling, max_new_tokens=USUAL_TOKENS["salmonn"])
        prompt = network.prompt(sound, before, after)
        beam_search(network, prompt, settings, answering.ends, answering.barred, lambda: False)

    def transcribe(self, path: Path) -> None:
        """openai-whisper, with the times of words.

        Without second tries at higher temperatures, and without tokens of time: mini-Whisper never learned
        them, and writes on to the longest text there can be.
        """
        heard = resample_soxr(*_decoded(path), SAMPLE_RATE)
        whisper.transcribe(
            self._transcription.model,
            heard,
            temperature=0.0,
            word_timestamps=True,
            without_timestamps=True,
            fp16=False,
            language="en",
        )

    @torch.inference_mode()
    def layers(self, path: Path) -> None:
        """Whisper's encoder once more, for the root mean square of each layer's states over time."""
        heard = resample_soxr(*_decoded(path), SAMPLE_RATE)
        for states in encoder_hidden(self._encoder, heard.copy(), collect=True).layers:
            states.square().mean(dim=-1).sqrt()


def _decoded(path: Path) -> tuple[Samples, int]:
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return samples.mean(axis=1), rate


def _crop(path: Path, rate: int, length: int) -> Tensor:
    """[1, length]; a shorter sound is repeated."""
    heard = resample_published(*_decoded(path), rate)
    return torch.from_numpy(np.resize(heard, max(length, len(heard)))[None, :length].copy())
