"""Retrieval: how well each of many texts fits a sound."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from demos.clap.towers import Towers
from demos.networks.projection import unit_length
from demos.windows import Window, cut, windows
from store.records import Score

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SECONDS_AT_ONCE = 60  # of windows that are heard together
TEXT_BATCH = 64
TEXTS_KEPT = 4096  # embedded texts that are remembered, so that a bank of labels is embedded once


class Retrieval:
    """A CLAP of any family with its tokenizer. Sound is mono float32 at `sample_rate`.

    Deviations from the published wrappers: every window of a long sound is heard instead of a random one,
    and a text that is too long is shortened before its end instead of failing.
    """

    def __init__(
        self, network: Towers, tokenizer: "PreTrainedTokenizerFast", device: torch.device | str = "cpu"
    ) -> None:
        self.network = network
        self.tokenizer = tokenizer
        self.device = torch.device(device)
        self._embedded: dict[str, Tensor] = {}

    @property
    def sample_rate(self) -> int:
        """Samples per second of the sound it hears."""
        return self.network.sample_rate

    def windows(self, samples: int) -> tuple[Window, ...]:
        """The windows in which a sound of so many samples is heard."""
        return windows(samples, self.network.clip_samples)

    def latent(self, waveform: np.ndarray) -> Tensor:
        """What is heard in each window of `[samples]`: `[W, D]`, which `rank` and `embed_latent` take."""
        network = self.network
        full = cut(np.asarray(waveform, np.float32), network.clip_samples, network.fill)
        return self._latent(torch.from_numpy(full))

    @torch.inference_mode()
    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """Embeddings `[n, d]` of unit length. Raises ValueError if there is no text or an empty one."""
        if not texts or not all(text.strip() for text in texts):
            raise ValueError("CLAP needs at least one text to compare the sound with, and none may be empty.")
        new = [text for text in dict.fromkeys(texts) if text not in self._embedded]
        if len(self._embedded) + len(new) > TEXTS_KEPT:
            self._embedded, new = {}, list(dict.fromkeys(texts))
        for first in range(0, len(new), TEXT_BATCH):
            batch = new[first : first + TEXT_BATCH]
            ids, mask = self.network.text_ids(self.tokenizer, batch)
            embedded = self.network.embed_ids(ids.to(self.device), mask.to(self.device))
            self._embedded.update(zip(batch, unit_length(embedded), strict=True))
        return torch.stack([self._embedded[text] for text in texts])

    def embed_windows(self, waveform: np.ndarray | Tensor) -> Tensor:
        """Full windows `[W, clip_samples]` to embeddings `[W, d]` of unit length."""
        return self.embed_latent(self._latent(torch.as_tensor(waveform)))

    @torch.inference_mode()
    def embed_latent(self, latent: Tensor) -> Tensor:
        """A latent `[W, D]` to embeddings `[W, d]` of unit length."""
        return unit_length(self.network.embed_latent(latent.to(self.device)))

    def rank(
        self,
        waveform: np.ndarray,
        texts: Sequence[str],
        top: int | None = None,
        latent: Tensor | None = None,
    ) -> list[Score]:
        """The `top` texts (all if None) that fit `[samples]` best, best first.

        Each has the mean cosine over the windows and the cosine of each window with its times in seconds.
        `latent` `[W, D]` is what was heard in `windows(len(waveform))`, if that is known already. Raises
        ValueError if there is no sound or no text.
        """
        if latent is None:
            latent = self.latent(waveform)
        heard = self.windows(len(waveform))
        if len(latent) != len(heard):
            raise ValueError(f"{len(latent)} windows were heard of a sound that has {len(heard)}.")
        cosines = (self.embed_latent(latent) @ self.embed_texts(texts).T).double().cpu()  # [W, n]
        order = cosines.mean(dim=0).argsort(descending=True, stable=True)[:top].tolist()
        rate = self.sample_rate
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
        network = self.network
        batch = max(1, SECONDS_AT_ONCE * network.sample_rate // network.clip_samples)
        return torch.cat([network.latent(part.to(self.device)) for part in full.split(batch)])
