"""The CLAP of msclap 2023: HTSAT for sound, GPT-2 for text, one space for both (arXiv 2309.05767)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from transformers import GPT2Model

from demos.clap.towers import Towers
from demos.networks.audio_encoder import AudioEncoder
from demos.networks.htsat import HtsatConfig
from demos.networks.projection import ProjectionHead
from demos.networks.sizes import read_json
from demos.networks.text import Gpt2Sizes
from demos.tokenizer import GPT2_PAD_ID, gpt2_ids

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


@dataclass(frozen=True)
class ClapConfig:
    """Sizes of a CLAP; the defaults are those of msclap 2023.

    `text_length` is the most tokens of a text, `end_text` is appended to each text before it is tokenised,
    `embedding_size` is the width of the shared space.
    """

    htsat: HtsatConfig = field(default_factory=HtsatConfig)
    text: Gpt2Sizes = field(default_factory=Gpt2Sizes)
    text_length: int = 77
    embedding_size: int = 1024
    end_text: str = " <|endoftext|>"

    @classmethod
    def from_json(cls, path: str | Path) -> "ClapConfig":
        """Read the sizes from a JSON file; absent entries keep their defaults. Raises ConfigError."""
        return read_json(cls, path)


class TextEncoder(nn.Module):
    """Text to an embedding: GPT-2's last state at the last token, projected."""

    def __init__(self, sizes: Gpt2Sizes, embedding_size: int) -> None:
        super().__init__()
        self.base = GPT2Model(sizes.config())
        self.projection = ProjectionHead(sizes.n_embd, embedding_size)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Token ids and mask, each `[n, length]`, to embeddings `[n, embedding_size]`, not normalised.

        The last token is taken to be the one at count(ids ≠ 0) − 1, as published. A text that contains the
        pad token itself (`!` in GPT-2's vocabulary) is therefore read one position early for each.
        """
        states = self.base(input_ids=ids, attention_mask=mask).last_hidden_state
        last = (ids != GPT2_PAD_ID).sum(dim=1) - 1
        embedding: Tensor = self.projection(states[torch.arange(len(ids), device=ids.device), last])
        return embedding


class Clap(Towers):
    """Both encoders and the learned scale of the similarity, under the published names."""

    def __init__(self, config: ClapConfig) -> None:
        super().__init__()
        self.config = config
        self.sample_rate = config.htsat.sample_rate
        self.clip_samples = config.htsat.clip_samples
        self.audio_encoder = AudioEncoder(config.htsat, config.embedding_size)
        self.caption_encoder = TextEncoder(config.text, config.embedding_size)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))  # a logarithm

    def latent(self, waveform: Tensor) -> Tensor:
        """HTSAT's latent of `[B, clip_samples]`: `[B, D]`."""
        return self.audio_encoder.hear(waveform).latent

    def embed_latent(self, latent: Tensor) -> Tensor:
        """A latent `[B, D]` to embeddings `[B, d]`, not normalised."""
        return self.audio_encoder.embed(latent)

    def text_ids(self, tokenizer: "PreTrainedTokenizerFast", texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Texts with their end as GPT-2's ids and mask, each `[n, longest]`."""
        return gpt2_ids(tokenizer, texts, self.config.end_text, self.config.text_length)

    def embed_ids(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Ids and mask, each `[n, longest]`, to embeddings `[n, d]`, not normalised."""
        embedding: Tensor = self.caption_encoder(ids, mask)
        return embedding
