"""Pengi: HTSAT, a prompt encoder and two mapping networks before a GPT-2 (arXiv 2305.11834).

The published variant `base` reads the prompt with CLIP's text tower, `base_no_text_enc` with GPT-2's own
token embeddings.
"""

from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import CLIPTextModel, GPT2LMHeadModel

from demos.networks.audio_encoder import AudioEncoder
from demos.networks.htsat import HtsatConfig
from demos.networks.mapping import Mapper
from demos.networks.projection import ProjectionHead, unit_length
from demos.networks.sizes import ConfigError, read_json
from demos.networks.text import ClipTextSizes, Gpt2Sizes


@dataclass(frozen=True)
class PengiConfig:
    """Sizes of a Pengi; the defaults are those of the published `base`.

    Without `text_encoder` (null in JSON) it is `base_no_text_enc`. `prompt_length` is the number of tokens
    that a prompt is padded or cut to, `content_length` the number of vectors an embedding becomes before a
    mapper, `prefix_length` what a mapper leaves of them, `mapper_layers` the layers of each mapper.
    `end_text` ends the prompts of `base_no_text_enc`, and its first token ends what is generated. Raises
    ConfigError if the lengths do not fit each other.
    """

    htsat: HtsatConfig = field(default_factory=HtsatConfig)
    decoder: Gpt2Sizes = field(default_factory=Gpt2Sizes)
    text_encoder: ClipTextSizes | None = field(default_factory=ClipTextSizes)
    prompt_length: int = 40
    content_length: int = 40
    prefix_length: int = 40
    mapper_layers: int = 4
    embedding_size: int = 1024
    end_text: str = " <|endoftext|>"

    def __post_init__(self) -> None:
        if self.text_encoder is None and self.prompt_length != self.content_length:
            raise ConfigError(
                f"Without a text encoder the tokens of a prompt ({self.prompt_length}) are the content of "
                f"the mapper ({self.content_length}), so both lengths must be equal."
            )

    @classmethod
    def from_json(cls, path: str | Path) -> "PengiConfig":
        """Read the sizes from a JSON file; absent entries keep their defaults. Raises ConfigError."""
        return read_json(cls, path)


class PromptEncoder(nn.Module):
    """A prompt to an embedding: CLIP's text tower, CLIP's projection, then ours."""

    def __init__(self, sizes: ClipTextSizes, embedding_size: int) -> None:
        super().__init__()
        self.base = CLIPTextModel(sizes.config())
        self.clip_text_projection = nn.Linear(sizes.hidden_size, sizes.projection_dim, bias=False)
        self.projection = ProjectionHead(sizes.projection_dim, embedding_size)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """CLIP ids and mask, each `[n, length]`, to embeddings `[n, embedding_size]`, not normalised."""
        pooled = self.base(input_ids=ids, attention_mask=mask).pooler_output
        embedding: Tensor = self.projection(self.clip_text_projection(pooled))
        return embedding


class CaptionDecoder(nn.Module):
    """GPT-2 and the mappers that write its prefix."""

    def __init__(self, config: PengiConfig) -> None:
        super().__init__()
        width = config.decoder.n_embd
        lengths = (config.content_length, config.prefix_length, config.mapper_layers)
        self.gpt = GPT2LMHeadModel(config.decoder.config())
        self.audio_project = Mapper(width, *lengths, embedding_size=config.embedding_size)
        self.text_project = Mapper(
            width, *lengths, embedding_size=config.embedding_size if config.text_encoder else None
        )


class Pengi(nn.Module):
    """All parts under the published names."""

    def __init__(self, config: PengiConfig) -> None:
        super().__init__()
        self.config = config
        self.audio_encoder = AudioEncoder(config.htsat, config.embedding_size)
        if config.text_encoder is not None:
            self.caption_encoder = PromptEncoder(config.text_encoder, config.embedding_size)
        self.caption_decoder = CaptionDecoder(config)

    def audio_prefix(self, latent: Tensor) -> Tensor:
        """HTSAT's `latent` `[B, D]` to a prefix `[B, prefix_length, width]`; the embedding between has unit
        length.
        """
        prefix: Tensor = self.caption_decoder.audio_project(unit_length(self.audio_encoder.embed(latent)))
        return prefix

    def embed_prompts(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Prompt ids and mask, each `[n, prompt_length]`, to what the text mapper reads, not normalised.

        `[n, embedding_size]` with a text encoder; without one, the token embeddings `[n, prompt_length,
        width]`, pads included.
        """
        if self.config.text_encoder is None:
            embedding: Tensor = self.embed_tokens(ids)
        else:
            embedding = self.caption_encoder(ids, mask)
        return embedding

    def text_prefix(self, prompts: Tensor, normalize_text: bool) -> Tensor:
        """Embedded prompts to a prefix `[n, prefix_length, width]`.

        The published training gives the embedding unit length before the mapper, the published wrapper does
        not; the prefixes differ a lot. Token embeddings (no text encoder) are never normalised.
        """
        if normalize_text and self.config.text_encoder is not None:
            prompts = unit_length(prompts)
        prefix: Tensor = self.caption_decoder.text_project(prompts)
        return prefix

    def embed_tokens(self, ids: Tensor) -> Tensor:
        """GPT-2's embeddings of token ids: `[...]` to `[..., width]`, without positions."""
        embedding: Tensor = self.caption_decoder.gpt.transformer.wte(ids)
        return embedding

    def prefix(
        self, latent: Tensor, ids: Tensor, mask: Tensor, normalize_text: bool, extra_ids: Tensor | None = None
    ) -> Tensor:
        """All that stands before the generated text: sound, prompt, then the embedded extra ids `[B, k]`.

        Row i of `latent` `[B, D]` goes with row i of `ids` and `mask` `[B, prompt_length]`, or all rows with
        the only one of a prompt or of extra ids; `[B, P, width]`.
        """
        parts = [
            self.audio_prefix(latent),
            self.text_prefix(self.embed_prompts(ids, mask), normalize_text),
        ]
        if extra_ids is not None:
            parts.append(self.embed_tokens(extra_ids))
        return torch.cat([part.expand(len(latent), -1, -1) for part in parts], dim=1)
