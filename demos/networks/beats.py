"""BEATs: an audio encoder of patch tokens, and its sound-event classifier.

Chen et al., "BEATs: Audio Pre-Training with Acoustic Tokenizers", ICML 2023. A 16 × 16 patch
embedding over a Kaldi filter bank, a convolutional position embedding and post-norm transformer
layers with a gated relative position bias. Module names are those of the published checkpoints.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import torch
from torch import Tensor, nn
from torch.nn import functional

from demos.networks import kaldi_fbank

FBANK_MEAN = 15.41663
FBANK_DEVIATION = 6.55582
PCM_SCALE = 32_768.0
GATE_WIDTH = 8  # the gate sums two groups of four

_REQUIRED = {
    "activation_fn": "gelu",
    "layer_norm_first": False,
    "deep_norm": True,
    "relative_position_embedding": True,
    "gru_rel_pos": True,
}


@dataclass(frozen=True)
class BeatsConfig:
    """Sizes of a BEATs network, under the keys of a published file's `cfg`; defaults are iter3+ AS2M's.

    `predictor_class` is read only where `finetuned_model` is true: without it there is no classifier.
    `training` keeps the keys that matter to training alone (dropouts, layer drop, …), unused here.
    """

    input_patch_size: int = 16
    embed_dim: int = 512
    conv_bias: bool = False
    encoder_layers: int = 12
    encoder_embed_dim: int = 768
    encoder_ffn_embed_dim: int = 3072
    encoder_attention_heads: int = 12
    conv_pos: int = 128
    conv_pos_groups: int = 16
    num_buckets: int = 320
    max_distance: int = 800
    finetuned_model: bool = True
    predictor_class: int = 527
    training: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, published: Mapping[str, object]) -> BeatsConfig:
        """The configuration in a published `cfg` dictionary.

        Raises ValueError where the file asks for a variant that this network is not
        (pre-norm layers, another activation, no position bias) or leaves out a size.
        """
        for key, wanted in _REQUIRED.items():
            if published.get(key, wanted) != wanted:
                raise ValueError(
                    f"This BEATs file says {key} = {published[key]!r}; only {wanted!r} is supported. "
                    "Use an iter3 or iter3+ checkpoint."
                )
        structural = {entry.name for entry in fields(cls)} - {"training"}
        optional = {"finetuned_model", "predictor_class", "conv_bias"}
        missing = sorted(structural - optional - published.keys())
        if missing:
            raise ValueError(f"The BEATs configuration lacks {', '.join(missing)}.")
        values = {key: published[key] for key in structural & published.keys()}
        values.setdefault("finetuned_model", False)
        training = {key: value for key, value in published.items() if key not in structural}
        return cls(**values, training=training)  # type: ignore[arg-type]

    def to_dict(self) -> dict[str, object]:
        """The published form again, training keys included."""
        structural = {
            entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name != "training"
        }
        return {**_REQUIRED, **self.training, **structural}

    @property
    def frequency_patches(self) -> int:
        """Patches that share one span of time: 8 for 128 mel bins and patches of 16."""
        return kaldi_fbank.MEL_BINS // self.input_patch_size


class Beats(nn.Module):
    """BEATs: sound at 16 kHz in, 50 tokens per second out (8 frequency patches for every 160 ms)."""

    def __init__(self, config: BeatsConfig) -> None:
        super().__init__()
        self.config = config
        patch = config.input_patch_size
        self.patch_embedding = nn.Conv2d(1, config.embed_dim, patch, stride=patch, bias=config.conv_bias)
        self.layer_norm = nn.LayerNorm(config.embed_dim)
        self.post_extract_proj = (
            nn.Linear(config.embed_dim, config.encoder_embed_dim)
            if config.embed_dim != config.encoder_embed_dim
            else None
        )
        self.encoder = BeatsEncoder(config)
        self.predictor = (
            nn.Linear(config.encoder_embed_dim, config.predictor_class) if config.finetuned_model else None
        )

    @staticmethod
    def fbank(waveform: Tensor, dtype: torch.dtype = torch.float64) -> Tensor:
        """Normalised filter bank, float32 [batch, frames, 128], of a waveform [batch, samples] in [−1, 1].

        `dtype` is the precision it is computed in: float64 as published, float32 where that is slow
        (it differs by up to 3e-4). Raises ValueError for less than 400 samples.
        """
        features = kaldi_fbank.log_mel(waveform.to(dtype) * PCM_SCALE, dtype)
        return ((features - FBANK_MEAN) / (2.0 * FBANK_DEVIATION)).float()

    def encode(self, sound: Tensor, padding_mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Tokens [batch, tokens, width] of the last layer, and their padding mask.

        `sound` is a waveform [batch, samples] or a filter bank [batch, frames, 128]. `padding_mask`, of the
        same length, is True where a shorter clip of the batch was filled up. The token order is
        time-major: token = 8 · time patch + frequency patch. Masked tokens still carry values.
        Raises ValueError where the sound is too short for one patch (2,800 samples, 16 frames).
        """
        tokens, mask, _ = self._encode(sound, padding_mask, collect=False)
        return tokens, mask

    def hidden_states(
        self, sound: Tensor, padding_mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None, list[Tensor]]:
        """As `encode`, with `layers + 1` states [batch, tokens, width]: the first input, then each output."""
        return self._encode(sound, padding_mask, collect=True)

    def class_logits(self, tokens: Tensor, token_mask: Tensor | None = None) -> Tensor:
        """Scores [batch, classes] before the sigmoid: the head's mean over the tokens that are not padding.

        Raises ValueError for a network without a classification head.
        """
        if self.predictor is None:
            raise ValueError("This BEATs network has no classification head; use a fine-tuned checkpoint.")
        logits = self.predictor(tokens)
        if token_mask is None:
            return logits.mean(dim=1)
        heard = (~token_mask).unsqueeze(-1)
        return (logits * heard).sum(dim=1) / heard.sum(dim=1)

    def classify(self, tokens: Tensor, token_mask: Tensor | None = None) -> Tensor:
        """Probabilities [batch, classes], one independent sound event per class."""
        return torch.sigmoid(self.class_logits(tokens, token_mask))

    def mean_over_frequency(self, tokens: Tensor) -> Tensor:
        """[batch, tokens, width] → [batch, tokens / 8, width]: one vector for every 160 ms."""
        return tokens.unflatten(1, (-1, self.config.frequency_patches)).mean(dim=2)

    def _encode(
        self, sound: Tensor, padding_mask: Tensor | None, collect: bool
    ) -> tuple[Tensor, Tensor | None, list[Tensor]]:
        if sound.dim() == 2:
            fbank = self.fbank(sound)
            padding_mask = None if padding_mask is None else reduce_mask(padding_mask, fbank.shape[1])
        else:
            fbank = sound
        if fbank.shape[1] < self.config.input_patch_size:
            raise ValueError(
                f"BEATs needs at least {self.config.input_patch_size} frames of 10 ms; "
                f"it was given {fbank.shape[1]}."
            )
        fbank = fbank.to(self.patch_embedding.weight.dtype)
        patches = self.patch_embedding(fbank.unsqueeze(1))
        tokens = self.layer_norm(patches.flatten(2).transpose(1, 2))
        mask = None if padding_mask is None else reduce_mask(padding_mask, tokens.shape[1])
        if self.post_extract_proj is not None:
            tokens = self.post_extract_proj(tokens)
        tokens, states = self.encoder(tokens, mask, collect)
        return tokens, mask, states


class BeatsEncoder(nn.Module):
    """The transformer over patch tokens."""

    def __init__(self, config: BeatsConfig) -> None:
        super().__init__()
        self.pos_conv = nn.Sequential(PositionConvolution(config), nn.GELU())
        self.layer_norm = nn.LayerNorm(config.encoder_embed_dim)
        self.layers = nn.ModuleList(
            BeatsLayer(config, owns_bias=index == 0) for index in range(config.encoder_layers)
        )

    def forward(self, tokens: Tensor, mask: Tensor | None, collect: bool) -> tuple[Tensor, list[Tensor]]:
        """Encoded tokens [batch, tokens, width]; where `collect` is set, also every layer's states."""
        if mask is not None:
            tokens = tokens.masked_fill(mask.unsqueeze(-1), 0.0)
        positions = self.pos_conv(tokens.transpose(1, 2)).transpose(1, 2)
        tokens = self.layer_norm(tokens + positions)
        bias = self.layers[0].self_attn.position_bias(tokens.shape[1])
        states = [tokens] if collect else []
        for layer in self.layers:
            tokens = layer(tokens, bias, mask)
            if collect:
                states.append(tokens)
        return tokens, states


class PositionConvolution(nn.Module):
    """Grouped convolution over the tokens, weight-normalised along its kernel axis (one gain per tap)."""

    def __init__(self, config: BeatsConfig) -> None:
        super().__init__()
        width, kernel, groups = config.encoder_embed_dim, config.conv_pos, config.conv_pos_groups
        deviation = math.sqrt(4.0 / (kernel * width))
        self.groups = groups
        self.weight_v = nn.Parameter(torch.randn(width, width // groups, kernel) * deviation)
        self.weight_g = nn.Parameter(self.weight_v.detach().norm(dim=(0, 1), keepdim=True))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, tokens: Tensor) -> Tensor:
        """[batch, width, tokens] → the same shape; an even kernel's extra last output is dropped."""
        kernel = self.weight_v.shape[2]
        weight = self.weight_v * (self.weight_g / self.weight_v.norm(dim=(0, 1), keepdim=True))
        output = functional.conv1d(tokens, weight, self.bias, padding=kernel // 2, groups=self.groups)
        return output[..., : tokens.shape[2]]


class BeatsLayer(nn.Module):
    """Post-norm transformer layer whose residual is weighted by (2 · layers)^¼ (DeepNorm)."""

    def __init__(self, config: BeatsConfig, owns_bias: bool) -> None:
        super().__init__()
        width = config.encoder_embed_dim
        self.residual_weight = (2.0 * config.encoder_layers) ** 0.25
        self.self_attn = GatedBiasAttention(config, owns_bias)
        self.self_attn_layer_norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, config.encoder_ffn_embed_dim)
        self.fc2 = nn.Linear(config.encoder_ffn_embed_dim, width)
        self.final_layer_norm = nn.LayerNorm(width)
        gain = (8.0 * config.encoder_layers) ** -0.25
        for linear in (self.fc1, self.fc2):
            nn.init.xavier_normal_(linear.weight, gain)
            nn.init.zeros_(linear.bias)

    def forward(self, tokens: Tensor, bias: Tensor, mask: Tensor | None) -> Tensor:
        """[batch, tokens, width] → the same shape."""
        attended = self.self_attn(tokens, bias, mask)
        tokens = self.self_attn_layer_norm(self.residual_weight * tokens + attended)
        changed = self.fc2(functional.gelu(self.fc1(tokens)))
        return self.final_layer_norm(self.residual_weight * tokens + changed)


class GatedBiasAttention(nn.Module):
    """Self-attention with a relative position bias that every query scales for itself.

    The gate reads the projected query, before it is scaled (WavLM's reads the layer's input).
    One table of biases, owned by the first layer, serves all layers.
    """

    def __init__(self, config: BeatsConfig, owns_bias: bool) -> None:
        super().__init__()
        width, heads = config.encoder_embed_dim, config.encoder_attention_heads
        self.heads = heads
        self.max_distance = config.max_distance
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)
        self.grep_linear = nn.Linear(width // heads, GATE_WIDTH)
        self.grep_a = nn.Parameter(torch.ones(1, heads, 1, 1))
        self.relative_attention_bias = nn.Embedding(config.num_buckets, heads) if owns_bias else None
        gain = (8.0 * config.encoder_layers) ** -0.25
        for linear, scale in (
            (self.q_proj, 1.0),
            (self.k_proj, 1.0),
            (self.v_proj, gain),
            (self.out_proj, gain),
        ):
            nn.init.xavier_normal_(linear.weight, scale)
            nn.init.zeros_(linear.bias)
        if self.relative_attention_bias is not None:
            nn.init.normal_(self.relative_attention_bias.weight, std=0.02)

    def position_bias(self, tokens: int) -> Tensor:
        """Ungated bias [heads, tokens, tokens] for every query (row) and key (column).

        Raises ValueError when called on a layer that does not own the table.
        """
        if self.relative_attention_bias is None:
            raise ValueError("Only the first BEATs layer owns the table of position biases.")
        device = self.relative_attention_bias.weight.device
        positions = torch.arange(tokens, device=device)
        offsets = torch.arange(1 - tokens, tokens, device=device)
        buckets = offset_buckets(offsets, self.relative_attention_bias.num_embeddings, self.max_distance)
        by_offset = self.relative_attention_bias(buckets).transpose(0, 1)
        return by_offset[:, positions[None, :] - positions[:, None] + tokens - 1]

    def forward(self, tokens: Tensor, bias: Tensor, mask: Tensor | None) -> Tensor:
        """[batch, tokens, width] → the same; `bias` [heads, tokens, tokens]; masked tokens are no keys."""
        query, key, gated = self.scored(tokens, bias)
        value = self._by_head(self.v_proj(tokens))
        if mask is not None:
            gated = gated.masked_fill(mask[:, None, None, :], float("-inf"))
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=gated)
        return self.out_proj(attended.transpose(1, 2).flatten(2))

    def scored(self, tokens: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries and keys [batch, heads, tokens, width of a head], and the gated bias of their scores."""
        query, key = self._by_head(self.q_proj(tokens)), self._by_head(self.k_proj(tokens))
        halves = self.grep_linear(query).unflatten(-1, (2, -1)).sum(dim=-1)
        first, second = torch.sigmoid(halves).split(1, dim=-1)
        gate = first * (second * self.grep_a - 1.0) + 2.0
        return query, key, (gate * bias).to(query.dtype)

    def _by_head(self, projected: Tensor) -> Tensor:
        return projected.unflatten(2, (self.heads, -1)).transpose(1, 2)


def offset_buckets(offsets: Tensor, buckets: int, max_distance: int) -> Tensor:
    """Bucket of every offset (key − query).

    Exact up to a quarter of `buckets`, then logarithmic to `max_distance`. Half the buckets are for each
    sign; those of positive offsets come second.
    """
    per_sign = buckets // 2
    exact = per_sign // 2
    distance = offsets.abs()
    growth = torch.log(distance.float().clamp_min(1.0) / exact) / math.log(max_distance / exact)
    logarithmic = (exact + (growth * (per_sign - exact)).long()).clamp_max(per_sign - 1)
    return torch.where(distance < exact, distance, logarithmic) + (offsets > 0).long() * per_sign


def reduce_mask(mask: Tensor, length: int) -> Tensor:
    """A padding mask [batch, n] brought to [batch, length]: True where all that an output covers is padding.

    The published rule: what does not divide evenly is dropped at the end, the rest is split evenly. From
    frames to tokens this reads the 8 frequency patches of a time as if they followed each other.
    """
    even = mask[:, : mask.shape[1] - mask.shape[1] % length]
    return even.reshape(mask.shape[0], length, -1).all(dim=-1)
