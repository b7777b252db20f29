"""Whisper's decoder with keys and values kept from step to step.

openai-whisper keeps them in hooks on the shared network, so that only one decoding can run at a time and none
can pause. Here they belong to the decoding, and the network stays as it is.
"""

from __future__ import annotations

import torch
from torch import Tensor
from whisper.model import Whisper


class CachedDecoder:
    """Whisper's decoder for one window, whose encoder output is `hidden` [1500, width]."""

    @torch.no_grad()
    def __init__(self, model: Whisper, hidden: Tensor) -> None:
        self._decoder = model.decoder
        self._dtype = hidden.dtype
        self._past: list[tuple[Tensor, Tensor]] = []
        sound = hidden[None]
        self._sound = [
            (block.cross_attn.key(sound), block.cross_attn.value(sound)) for block in self._decoder.blocks
        ]

    @torch.no_grad()
    def scores(self, tokens: Tensor, attention: list[Tensor] | None = None) -> Tensor:
        """Scores, float32 [positions, vocabulary], of what follows each of the next ids [1, positions].

        To `attention`, if it is given, every layer adds how much each position looks at each frame of the
        sound, before the softmax: float32 [heads, positions, 1500].
        """
        decoder = self._decoder
        offset = self._past[0][0].shape[1] if self._past else 0
        positions = decoder.positional_embedding[offset : offset + tokens.shape[1]]
        state = (decoder.token_embedding(tokens) + positions).to(self._dtype)
        present = []
        for number, block in enumerate(decoder.blocks):
            normed = block.attn_ln(state)
            key, value = block.attn.key(normed), block.attn.value(normed)
            if self._past:
                key = torch.cat([self._past[number][0], key], dim=1)
                value = torch.cat([self._past[number][1], value], dim=1)
            present.append((key, value))
            attended, _ = block.attn.qkv_attention(block.attn.query(normed), key, value, decoder.mask)
            state = state + block.attn.out(attended)
            query = block.cross_attn.query(block.cross_attn_ln(state))
            if attention is not None:
                attention.append(_looks(query, self._sound[number][0], block.cross_attn.n_head))
            heard, _ = block.cross_attn.qkv_attention(query, *self._sound[number])
            state = state + block.cross_attn.out(heard)
            state = state + block.mlp(block.mlp_ln(state))
        self._past = present
        state = decoder.ln(state)
        return (state @ decoder.token_embedding.weight.to(state.dtype).T).float()[0]


def _looks(query: Tensor, key: Tensor, heads: int) -> Tensor:
    split_query, split_key = (
        states[0].unflatten(-1, (heads, -1)).transpose(0, 1).float() for states in (query, key)
    )
    return split_query @ split_key.transpose(1, 2) * split_query.shape[-1] ** -0.5
