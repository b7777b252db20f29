"""What every CLAP is to retrieval: one tower for sound, one for text, and one space for both."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor, nn

from demos.networks.projection import unit_length

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


class Towers(nn.Module, ABC):
    """A CLAP of any family.

    `sample_rate` is that of the sound it hears (in hertz), `clip_samples` the length of one window of it, and
    `logit_scale` the learned scale of the similarity, a logarithm.
    """

    sample_rate: int
    clip_samples: int
    logit_scale: Tensor

    def fill(self, sound: np.ndarray, length: int) -> np.ndarray:
        """What is heard of a sound shorter than a window of `length` samples: it is repeated end to end."""
        return np.resize(sound, length)

    @abstractmethod
    def latent(self, waveform: Tensor) -> Tensor:
        """What the sound tower hears in `[B, clip_samples]`, before its projection: `[B, D]`."""

    @abstractmethod
    def embed_latent(self, latent: Tensor) -> Tensor:
        """A latent `[B, D]` to embeddings `[B, d]`, not normalised."""

    @abstractmethod
    def text_ids(self, tokenizer: "PreTrainedTokenizerFast", texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Texts as ids and mask, each `[n, longest]` int64; a text that is too long loses tokens before its
        end.
        """

    @abstractmethod
    def embed_ids(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Ids and mask, each `[n, longest]`, to embeddings `[n, d]`, not normalised."""

    def similarity(self, audio: Tensor, text: Tensor) -> Tensor:
        """Scaled cosines `[audio, text]` of embeddings `[audio, d]` and `[text, d]`; a softmax over texts
        follows.
        """
        return self.logit_scale.exp() * unit_length(audio) @ unit_length(text).T
