"""The network calls of one listen alone: recorded while the engine listens, then made again back to back.

What is left out is all that the engine does around them: threads, views, spectrograms for Whisper, measures
of layers, choosing tokens, probabilities, texts, times of words, observations.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import DynamicCache

from demos.engine import Engine
from demos.salmonn.answering import heard_window
from demos.sound import Sound
from demos.views import view_of, view_samples


@dataclass
class Inputs:
    """What the networks were given in one listen, call by call, on their device."""

    htsat: list[Tensor] = field(default_factory=list)  # sound, [windows, samples]
    whisper: list[Tensor] = field(default_factory=list)  # mel spectrogram, [1, bands, frames]
    caption: list[Tensor] = field(default_factory=list)  # embeddings, [windows × beams, positions, width]
    answer: list[dict[str, Tensor]] = field(default_factory=list)  # embeddings of the prompt, then ids
    transcript: list[Tensor] = field(default_factory=list)  # ids, [1, positions]


@contextmanager
def recorded(engine: Engine) -> Iterator[Inputs]:
    """The inputs of every network call that the engine makes in this block; all systems must be warm."""
    networks, suite = engine.networks, engine.suite
    whisper = networks.transcription().model
    inputs = Inputs()

    def answering(_: nn.Module, __: Any, given: dict[str, Any]) -> None:
        names = ("inputs_embeds", "input_ids")
        inputs.answer.append({name: given[name] for name in names if given.get(name) is not None})

    def captioning(_: nn.Module, __: Any, given: dict[str, Any]) -> None:
        inputs.caption.append(given["inputs_embeds"])

    hooks = ExitStack()
    with hooks:
        for module, kept in (
            (networks.htsat(suite.encoder("HTSAT")), inputs.htsat),
            (whisper.encoder.conv1, inputs.whisper),
            (whisper.decoder.token_embedding, inputs.transcript),
        ):
            hooks.enter_context(
                module.register_forward_pre_hook(lambda _, given, kept=kept: kept.append(given[0]))
            )
        for module, keep in (
            (networks.answering().network.llama_model, answering),
            (networks.captioning().network.caption_decoder.gpt.transformer, captioning),
        ):
            hooks.enter_context(module.register_forward_pre_hook(keep, with_kwargs=True))
        yield inputs


class BareNetworks:
    """The network calls that a listen of one sound came down to, ready to be made."""

    def __init__(self, engine: Engine, sound: Sound, inputs: Inputs) -> None:
        """`inputs` is what `recorded` saw while the engine heard `sound` with every system's defaults."""
        networks, suite = engine.networks, engine.suite
        self._inputs = inputs
        self._device = networks.placement.device
        self._htsat = networks.htsat(suite.encoder("HTSAT"))
        self._beats = networks.beats(suite.encoder("BEATs"))
        self._clap = networks.retrieval().network
        self._pengi = networks.captioning().network
        self._salmonn = networks.answering().network
        self._whisper = networks.transcription().model
        instruction = engine.presets("pengi")[0].text
        self._prompt = [part.to(self._device) for part in networks.captioning().prompt_ids([instruction])]
        model = suite.model("salmonn")
        samples = view_samples(sound, view_of(sound, model.rate, model.resampling))
        self._sound = torch.from_numpy(np.asarray(heard_window(samples), np.float64))[None].to(self._device)

    @torch.inference_mode()
    def run(self) -> None:
        """Make all calls, one after the other, and wait until the device has finished."""
        latents = torch.cat([self._htsat(batch).latent for batch in self._inputs.htsat])
        self._clap.audio_encoder.embed(latents)
        self._caption(latents)
        (speech,) = [self._whisper.encoder(mel) for mel in self._inputs.whisper]
        events, _ = self._beats.encode(self._sound)
        self._salmonn.audio_tokens(self._salmonn.fuse(speech, events))
        self._answer()
        self._transcribe(speech)
        if self._device.type == "cuda":
            torch.cuda.synchronize()

    def _caption(self, latents: Tensor) -> None:
        gpt = self._pengi.caption_decoder.gpt
        ids, mask = self._prompt
        windows = iter(latents)
        for inputs in self._inputs.caption:
            rows = len(inputs)
            if inputs.shape[1] > 1:  # prefixes: the next windows begin
                heard = torch.stack(list(islice(windows, rows)))
                self._pengi.prefix(heard, ids, mask, normalize_text=False)
                cache, before = DynamicCache(config=gpt.config), rows
            if rows > before:
                cache.batch_repeat_interleave(rows // before)
            elif rows < before:  # some windows are complete
                cache.batch_select_indices(torch.arange(rows, device=inputs.device))
            before = rows
            state = gpt.transformer(inputs_embeds=inputs, past_key_values=cache, use_cache=True)
            gpt.lm_head(state.last_hidden_state[:, -1])

    def _answer(self) -> None:
        llama = self._salmonn.llama_model
        cache = DynamicCache(config=llama.config)
        for inputs in self._inputs.answer:
            llama(**inputs, past_key_values=cache, use_cache=True, logits_to_keep=1)

    def _transcribe(self, speech: Tensor) -> None:
        """By openai-whisper's own decoder with its own cache."""
        for ids in _texts(self._inputs.transcript):
            cache, hooks = self._whisper.install_kv_cache_hooks()
            for part in ids:
                self._whisper.decoder(part, speech, kv_cache=cache)
            for hook in hooks:
                hook.remove()


def _texts(calls: Sequence[Tensor]) -> list[list[Tensor]]:
    """Calls of a decoder, those of one text together: a text begins with several ids at once."""
    texts: list[list[Tensor]] = []
    for ids in calls:
        if ids.shape[1] > 1:
            texts.append([])
        texts[-1].append(ids)
    return texts
