"""Retrieval: how well each of many texts fits a sound."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from demos.clap.network import Clap
from demos.networks.htsat import HtsatOutput
from demos.networks.projection import unit_length
from demos.tokenizer import gpt2_ids
from demos.windows import Window, hear, windows
from store.records import Score

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

TEXT_BATCH = 64
TEXTS_KEPT = 4096  # embedded texts that are remembered, so that a bank of labels is embedded once


class Retrieval:
    """A CLAP with its tokenizer. Sound is mono float32 at `network.config.htsat.sample_rate`.

    Deviations from the published wrapper: every window of a long sound is heard instead of a random one,
    and a text longer than `text_length` is shortened before its end instead of failing.
    """

    def __init__(
        self, network: Clap, tokenizer: "PreTrainedTokenizerFast", device: torch.device | str = "cpu"
    ) -> None:
        self.network = network
        self.tokenizer = tokenizer
        self.device = torch.device(device)
        self._embedded: dict[str, Tensor] = {}

    def windows(self, samples: int) -> tuple[Window, ...]:
        """The windows in which a sound of so many samples is heard."""
        return windows(samples, self.network.config.htsat.clip_samples)

    def hear(self, waveform: np.ndarray, collect: bool = False) -> HtsatOutput:
        """What HTSAT hears in each window of `[samples]`; its `latent` can be handed to `rank`."""
        return hear(self.network.audio_encoder.htsat, waveform, self.device, collect)

    @torch.inference_mode()
    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """Embeddings `[n, d]` of unit length. Raises ValueError if there is no text or an empty one."""
        if not texts or not all(text.strip() for text in texts):
            raise ValueError("CLAP needs at least one text to compare the sound with, and none may be empty.")
        new = [text for text in dict.fromkeys(texts) if text not in self._embedded]
        if len(self._embedded) + len(new) > TEXTS_KEPT:
            self._embedded, new = {}, list(dict.fromkeys(texts))
        config = self.network.config
        for first in range(0, len(new), TEXT_BATCH):
            batch = new[first : first + TEXT_BATCH]
            ids, mask = gpt2_ids(self.tokenizer, batch, config.end_text, config.text_length)
            embedded = self.network.caption_encoder(ids.to(self.device), mask.to(self.device))
            self._embedded.update(zip(batch, unit_length(embedded), strict=True))
        return torch.stack([self._embedded[text] for text in texts])

    def embed_windows(self, waveform: np.ndarray | Tensor) -> Tensor:
        """Full windows `[W, clip_samples]` to embeddings `[W, d]` of unit length."""
        return self.embed_latent(self._latent(torch.as_tensor(waveform)))

    @torch.inference_mode()
    def embed_latent(self, latent: Tensor) -> Tensor:
        """HTSAT's `latent` `[W, D]` to embeddings `[W, d]` of unit length."""
        return unit_length(self.network.audio_encoder.embed(latent.to(self.device)))

    def rank(
        self,
        waveform: np.ndarray,
        texts: Sequence[str],
        top: int | None = None,
        latent: Tensor | None = None,
    ) -> list[Score]:
        """The `top` texts (all if None) that fit `[samples]` best, best first.

        Each has the mean cosine over the windows and the cosine of each window with its times in seconds.
        `latent` `[W, D]` is what HTSAT heard in `windows(len(waveform))`, if that is known already. Raises
        ValueError if there is no sound or no text.
        """
        if latent is None:
            latent = self.hear(waveform).latent
        heard = self.windows(len(waveform))
        if len(latent) != len(heard):
            raise ValueError(f"{len(latent)} windows were heard of a sound that has {len(heard)}.")
        cosines = (self.embed_latent(latent) @ self.embed_texts(texts).T).double().cpu()  # [W, n]
        order = cosines.mean(dim=0).argsort(descending=True, stable=True)[:top].tolist()
        rate = self.network.config.htsat.sample_rate
        times = [(window.start / rate, window.stop / rate) for window in heard]
        return [
            Score(
                texts[place],
                cosines[:, place].mean().item(),
                tuple(
                    (*time, cosine) for time, cosine in zip(times, cosines[:, place].tolist(), strict=True)
                ),
            )
            for place in order
        ]

    @torch.inference_mode()
    def _latent(self, full: Tensor) -> Tensor:
        latent: Tensor = self.network.audio_encoder.hear(full.to(self.device)).latent
        return latent
