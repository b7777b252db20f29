"""Attention entropy: how widely each layer of an encoder attends, for each moment of the sound.

For each place in the sound (a frame, or a patch of time and frequency) a head's attention is a distribution
over the places it may look at; its entropy is 0 where one place gets it all and ln n where n places share it
alike. Shown is the mean over the heads and, where several frequency patches share a moment, over these, in
nats (natural logarithm), not normalised, as Clark et al. (BlackboxNLP 2019) and Zhai et al. (ICML 2023)
measure it: e to its power is the number of places attended to.

Whisper's encoder looks at all 1500 frames of its 30 s, padding too; BEATs, wav2vec 2.0, HuBERT, data2vec and
WavLM look at all of the sound; HTSAT looks within windows of its picture, whose n is at most 64. The weights
are computed layer by layer from what entered the layer, one head at a time, and none is kept.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from demos.layers.checkpoint import SpeechEncoder
from demos.networks.beats import Beats
from demos.networks.htsat import Htsat, HtsatOutput
from demos.networks.swin import SwinBlock, cut_windows, join_windows

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from whisper.model import AudioEncoder


@dataclass(frozen=True)
class LayerEntropy:
    """The attention entropy of one layer over its own moments: [batch, moments], nats."""

    name: str
    values: Tensor


def entropy(weights: Tensor) -> Tensor:
    """Entropy in nats of the distributions in the last dimension."""
    return -torch.xlogy(weights, weights).sum(-1)


def mean_entropy(queries: Tensor, keys: Tensor, scale: float, bias: Tensor | None = None) -> Tensor:
    """Mean over the heads of the entropy of each query's attention: [batch, queries].

    Queries and keys are [batch, heads, places, width]; `bias` [batch or 1, heads, queries, keys] is added to
    the scores.
    """
    summed = torch.zeros(queries.shape[0], queries.shape[2], device=queries.device)
    for head in range(queries.shape[1]):
        scores = queries[:, head].float() @ keys[:, head].float().transpose(1, 2) * scale
        if bias is not None:
            scores = scores + bias[:, head].float()
        summed += entropy(scores.softmax(-1))
    return summed / queries.shape[1]


@torch.no_grad()
def whisper_entropies(encoder: AudioEncoder, states: Sequence[Tensor]) -> list[LayerEntropy]:
    """Of each layer, from the states that entered it [1, 1500, width] (`encoder_hidden`)."""
    found = []
    for depth, (block, state) in enumerate(zip(encoder.blocks, states, strict=False), start=1):
        normed = block.attn_ln(state)
        queries, keys = (
            projected.unflatten(2, (block.attn.n_head, -1)).transpose(1, 2)
            for projected in (block.attn.query(normed), block.attn.key(normed))
        )
        found.append(LayerEntropy(f"layer {depth}", mean_entropy(queries, keys, queries.shape[-1] ** -0.5)))
    return found


@torch.no_grad()
def beats_entropies(beats: Beats, states: Sequence[Tensor]) -> list[LayerEntropy]:
    """Of each layer, from the states that entered it [1, tokens, width] (`Beats.hidden_states`)."""
    layers = beats.encoder.layers
    bias = layers[0].self_attn.position_bias(states[0].shape[1])
    found = []
    for depth, (layer, state) in enumerate(zip(layers, states, strict=False), start=1):
        queries, keys, gated = layer.self_attn.scored(state, bias)
        by_token = mean_entropy(queries, keys, queries.shape[-1] ** -0.5, gated)
        by_moment = by_token.unflatten(1, (-1, beats.config.frequency_patches)).mean(2)
        found.append(LayerEntropy(f"layer {depth}", by_moment))
    return found


@torch.no_grad()
def htsat_entropies(htsat: Htsat, output: HtsatOutput) -> list[LayerEntropy]:
    """Of each block, from the hidden states of windows of sound; it attends within windows of its grid."""
    found = []
    for before, place in pairwise(output.hidden):
        parts = place.name.split(".")
        if len(parts) == 4:  # “layers.1.blocks.0”, which heard what stands before it
            block = htsat.get_submodule(place.name)
            assert isinstance(block, SwinBlock)
            by_token = _block_entropy(block, before.values)
            over_time = htsat.hidden_over_time(by_token[..., None], place.grid)[..., 0]
            found.append(LayerEntropy(f"stage {int(parts[1]) + 1} block {int(parts[3]) + 1}", over_time))
    return found


def _block_entropy(block: SwinBlock, tokens: Tensor) -> Tensor:
    """[batch, tokens, width] to the entropy of each token's attention within its window [batch, tokens]."""
    image = block.norm1(tokens).unflatten(1, block.grid)
    if block.shift:
        image = image.roll((-block.shift, -block.shift), (1, 2))
    windows = cut_windows(image, block.window)
    queries, keys, _, scores = block.attn.scored(windows, block.attn_mask)
    heads = block.attn.heads
    # [batch, windows · heads, L, L]: the heads of a window stand side by side
    weights = (queries @ keys.transpose(2, 3) * queries.shape[-1] ** -0.5 + scores).float().softmax(-1)
    by_token = entropy(weights).unflatten(1, (-1, heads)).mean(2)
    joined = join_windows(by_token[..., None], block.grid)
    if block.shift:
        joined = joined.roll((block.shift, block.shift), (1, 2))
    return joined.flatten(1)


@torch.no_grad()
def speech_entropies(encoder: SpeechEncoder, samples: npt.NDArray[np.float32]) -> list[LayerEntropy]:
    """Of each layer of a self-supervised encoder that hears a sound [samples]."""
    found: list[Tensor] = []
    mine = threading.get_ident()

    def look(module: nn.Module, given: tuple[Any, ...], named: dict[str, Any], output: Any) -> None:
        if threading.get_ident() == mine:  # others may listen with the same network
            found.append(_speech_entropy(module, given[0] if given else named["hidden_states"], output))

    hooks = [
        layer.attention.register_forward_hook(look, with_kwargs=True)
        for layer in encoder.network.encoder.layers
    ]
    try:
        encoder.network(encoder.values(samples))
    finally:
        for hook in hooks:
            hook.remove()
    return [LayerEntropy(f"layer {depth}", values) for depth, values in enumerate(found, start=1)]


def _speech_entropy(attention: Any, hidden: Tensor, output: Any) -> Tensor:
    """The entropy of one layer's attention; of WavLM with its gated bias of relative positions."""
    queries, keys = (
        projection(hidden).unflatten(2, (attention.num_heads, -1)).transpose(1, 2)
        for projection in (attention.q_proj, attention.k_proj)
    )
    bias = None
    if hasattr(attention, "gru_rel_pos_linear"):
        by_head = hidden.unflatten(2, (attention.num_heads, -1)).transpose(1, 2)
        halves = attention.gru_rel_pos_linear(by_head).unflatten(-1, (2, 4)).sum(-1)
        first, second = torch.sigmoid(halves).chunk(2, dim=-1)
        gate = first * (second * attention.gru_rel_pos_const - 1.0) + 2.0
        bias = gate * output[2].unflatten(0, (-1, attention.num_heads))
    return mean_entropy(queries, keys, queries.shape[-1] ** -0.5, bias)
