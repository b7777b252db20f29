"""The CLAP of msclap 2022: CNN14 for sound, BERT for text (Elizalde et al., ICASSP 2023)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from transformers import BertModel

from demos.clap.towers import Towers
from demos.networks.cnn14 import Cnn14, Cnn14Config
from demos.networks.projection import ProjectionHead
from demos.networks.sizes import read_json
from demos.networks.text import BertSizes
from demos.tokenizer import bert_ids

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


@dataclass(frozen=True)
class Msclap2022Config:
    """Sizes of an msclap 2022; the defaults are the published ones.

    `text_length` is the most tokens of a text, `embedding_size` the width of the shared space.
    """

    cnn14: Cnn14Config = field(default_factory=Cnn14Config)
    text: BertSizes = field(default_factory=BertSizes)
    text_length: int = 100
    embedding_size: int = 1024

    @classmethod
    def from_json(cls, path: str | Path) -> "Msclap2022Config":
        """Read the sizes from a JSON file; absent entries keep their defaults. Raises ConfigError."""
        return read_json(cls, path)


class SoundEncoder(nn.Module):
    """Sound to an embedding: CNN14's latent, projected."""

    def __init__(self, config: Cnn14Config, embedding_size: int) -> None:
        super().__init__()
        self.base = Cnn14(config)
        self.projection = ProjectionHead(config.latent_size, embedding_size)


class TextEncoder(nn.Module):
    """Text to an embedding: BERT's last state at the first token, projected."""

    def __init__(self, sizes: BertSizes, embedding_size: int) -> None:
        super().__init__()
        self.base = BertModel(sizes.config(), add_pooling_layer=False)
        self.projection = ProjectionHead(sizes.hidden_size, embedding_size)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Token ids and mask, each `[n, length]`, to embeddings `[n, embedding_size]`, not normalised."""
        states = self.base(input_ids=ids, attention_mask=mask).last_hidden_state
        embedding: Tensor = self.projection(states[:, 0])
        return embedding


class Msclap2022(Towers):
    """Both encoders and the learned scale of the similarity, under the published names."""

    def __init__(self, config: Msclap2022Config) -> None:
        super().__init__()
        self.config = config
        self.sample_rate = config.cnn14.sample_rate
        self.clip_samples = config.cnn14.clip_samples
        self.audio_encoder = SoundEncoder(config.cnn14, config.embedding_size)
        self.caption_encoder = TextEncoder(config.text, config.embedding_size)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))  # a logarithm

    def latent(self, waveform: Tensor) -> Tensor:
        """CNN14's latent of `[B, clip_samples]`: `[B, D]`."""
        latent: Tensor = self.audio_encoder.base(waveform).latent
        return latent

    def embed_latent(self, latent: Tensor) -> Tensor:
        """A latent `[B, D]` to embeddings `[B, d]`, not normalised."""
        embedding: Tensor = self.audio_encoder.projection(latent)
        return embedding

    def text_ids(self, tokenizer: "PreTrainedTokenizerFast", texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Texts as BERT's ids and mask, each `[n, longest]`."""
        return bert_ids(tokenizer, texts, self.config.text_length)

    def embed_ids(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Ids and mask, each `[n, longest]`, to embeddings `[n, d]`, not normalised."""
        embedding: Tensor = self.caption_encoder(ids, mask)
        return embedding
