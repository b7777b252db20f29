"""ParaCLAP: wav2vec 2.0 for speech, BERT for queries about how it is spoken (arXiv 2406.07203)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from transformers import BertModel, Wav2Vec2Config, Wav2Vec2Model

from demos.clap.towers import Towers
from demos.networks.projection import ProjectionHead
from demos.networks.sizes import read_json
from demos.networks.text import BertSizes
from demos.tokenizer import bert_ids

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SHORTEST = 400  # samples that the convolutions need for one frame


@dataclass(frozen=True)
class Wav2Vec2Sizes:
    """Sizes of a wav2vec 2.0 of the “robust” kind; the defaults are those of ParaCLAP.

    `conv_dim` is the width of the seven convolutions before the transformer, `position_kernel` and
    `position_groups` are those of the convolution that marks positions.
    """

    hidden_size: int = 1024
    num_hidden_layers: int = 12
    num_attention_heads: int = 16
    intermediate_size: int = 4096
    conv_dim: int = 512
    position_kernel: int = 128
    position_groups: int = 16

    def config(self) -> Wav2Vec2Config:
        """The configuration that transformers builds the model from; masking is for training only."""
        return Wav2Vec2Config(
            hidden_size=self.hidden_size,
            num_hidden_layers=self.num_hidden_layers,
            num_attention_heads=self.num_attention_heads,
            intermediate_size=self.intermediate_size,
            hidden_act="gelu",
            conv_dim=[self.conv_dim] * 7,
            conv_kernel=[10, 3, 3, 3, 3, 2, 2],
            conv_stride=[5, 2, 2, 2, 2, 2, 2],
            conv_bias=True,
            feat_extract_norm="layer",
            feat_extract_activation="gelu",
            do_stable_layer_norm=True,
            num_conv_pos_embeddings=self.position_kernel,
            num_conv_pos_embedding_groups=self.position_groups,
            layer_norm_eps=1e-5,
            add_adapter=False,
            mask_time_prob=0.0,
            mask_feature_prob=0.0,
        )


@dataclass(frozen=True)
class ParaclapConfig:
    """Sizes of a ParaCLAP; the defaults are the published ones.

    `clip_seconds` is the longest sound that is heard at once: the published evaluation hears clips of any
    length as a whole. `text_length` is the most tokens of a query, `embedding_size` the width of the shared
    space.
    """

    speech: Wav2Vec2Sizes = field(default_factory=Wav2Vec2Sizes)
    text: BertSizes = field(default_factory=BertSizes)
    sample_rate: int = 16000
    clip_seconds: float = 30
    text_length: int = 512
    embedding_size: int = 768

    @classmethod
    def from_json(cls, path: str | Path) -> "ParaclapConfig":
        """Read the sizes from a JSON file; absent entries keep their defaults. Raises ConfigError."""
        return read_json(cls, path)


class SpeechBranch(nn.Module):
    """Gives wav2vec 2.0 the name that it has in the published file, `audio_branch.base`."""

    def __init__(self, sizes: Wav2Vec2Sizes) -> None:
        super().__init__()
        self.base = Wav2Vec2Model(sizes.config())


class TextBranch(nn.Module):
    """Gives BERT the name that it has in the published file, `text_branch.base`."""

    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        self.base = BertModel(sizes.config(), add_pooling_layer=False)


class Paraclap(Towers):
    """Both encoders, their projections and the learned scale, under the published names.

    The level of the sound matters: as published, it is not normalised. A sound shorter than a window is heard
    as long as it is, because silence or a repetition behind it would enter the mean over time.
    """

    def __init__(self, config: ParaclapConfig) -> None:
        super().__init__()
        self.config = config
        self.sample_rate = config.sample_rate
        self.clip_samples = round(config.clip_seconds * config.sample_rate)
        self.audio_branch = SpeechBranch(config.speech)
        self.text_branch = TextBranch(config.text)
        self.audio_projection = ProjectionHead(config.speech.hidden_size, config.embedding_size)
        self.text_projection = ProjectionHead(config.text.hidden_size, config.embedding_size)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))  # a logarithm

    def fill(self, sound: np.ndarray, length: int) -> np.ndarray:
        """The sound as long as it is; below 25 ms it is repeated, or there would be nothing to hear."""
        return np.resize(sound, max(len(sound), SHORTEST))

    def latent(self, waveform: Tensor) -> Tensor:
        """The mean over all frames of `[B, samples]`, without padding: `[B, D]`."""
        states = self.audio_branch.base(waveform).last_hidden_state
        latent: Tensor = states.mean(dim=1)
        return latent

    def embed_latent(self, latent: Tensor) -> Tensor:
        """A latent `[B, D]` to embeddings `[B, d]`, not normalised."""
        embedding: Tensor = self.audio_projection(latent)
        return embedding

    def text_ids(self, tokenizer: "PreTrainedTokenizerFast", texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Queries as BERT's ids and mask, each `[n, longest]`."""
        return bert_ids(tokenizer, texts, self.config.text_length)

    def embed_ids(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Ids and mask, each `[n, longest]`, to embeddings `[n, d]`, not normalised: BERT's first state."""
        states = self.text_branch.base(input_ids=ids, attention_mask=mask).last_hidden_state
        embedding: Tensor = self.text_projection(states[:, 0])
        return embedding
