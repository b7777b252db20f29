"""A window-level Q-Former: one learned query sums up every third of a second.

Tang et al., "SALMONN: Towards Generic Hearing Abilities for Large Language Models", ICLR 2024, section 3;
the Q-Former itself is BLIP-2's (Li et al., ICML 2023), whose transformers implementation computes the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

from torch import Tensor
from transformers import Blip2QFormerConfig, Blip2QFormerModel

# transformers' names → published names, applied in this order.
_RENAMED = (
    (r"^layernorm\.", "embeddings.LayerNorm."),
    (r"attention\.attention\.", "attention.self."),
    (r"^", "bert."),
)


@dataclass(frozen=True)
class QFormerConfig:
    """Sizes of a Q-Former under their BERT names; `encoder_width` is that of the frames it attends to."""

    hidden_size: int = 768
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    num_hidden_layers: int = 2
    layer_norm_eps: float = 1e-12
    encoder_width: int = 2048
    num_query_token: int = 1
    cross_attention_freq: int = 1
    dropout: float = 0.1  # in training only

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> QFormerConfig:
        """The configuration in a dictionary; keys that are no sizes of this network are passed over."""
        known = {entry.name for entry in fields(cls)}
        return cls(**{key: value for key, value in values.items() if key in known})  # type: ignore[arg-type]


def build_qformer(config: QFormerConfig) -> Blip2QFormerModel:
    """The Q-Former's transformer, freshly initialised, without word embeddings and text path."""
    return Blip2QFormerModel(
        Blip2QFormerConfig(
            hidden_size=config.hidden_size,
            num_attention_heads=config.num_attention_heads,
            intermediate_size=config.intermediate_size,
            num_hidden_layers=config.num_hidden_layers,
            layer_norm_eps=config.layer_norm_eps,
            encoder_hidden_size=config.encoder_width,
            cross_attention_frequency=config.cross_attention_freq,
            hidden_dropout_prob=config.dropout,
            attention_probs_dropout_prob=config.dropout,
            use_qformer_text_input=False,
        )
    )


def windows(frames: Tensor, kernel: int, stride: int) -> Tensor:
    """[batch, frames, width] → [batch, windows, kernel, width]; frames that fill no window are dropped.

    Raises ValueError when there are fewer frames than one window holds.
    """
    if frames.shape[1] < kernel:
        raise ValueError(
            f"The Q-Former needs at least {kernel} frames for one window; it was given {frames.shape[1]}."
        )
    return frames.unfold(1, kernel, stride).movedim(-1, 2)


def query_windows(qformer: Blip2QFormerModel, queries: Tensor, cut: Tensor) -> Tensor:
    """What the queries [1, n, hidden] find in each window of `cut` [batch, windows, kernel, width].

    Windows do not see each other. Returns [batch, windows · n, hidden].
    """
    batch, count = cut.shape[:2]
    flat = cut.flatten(0, 1)
    found = qformer(query_embeds=queries.expand(flat.shape[0], -1, -1), encoder_hidden_states=flat)
    return found.last_hidden_state.reshape(batch, count * queries.shape[1], -1)


def to_published(name: str) -> str:
    """The published name (below `speech_Qformer.`) for transformers' name of a Q-Former tensor."""
    for here, published in _RENAMED:
        name = re.sub(here, published, name)
    return name
