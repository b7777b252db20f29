"""The mapping network that turns an embedding into a prefix for a language model (Pengi; ClipCap's
transformer).

Deshmukh et al., Pengi, NeurIPS 2023; after Mokady et al., ClipCap, 2021.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

HEADS = 8  # whatever the width, as published
FEED_FORWARD_RATIO = 2


class MapperAttention(nn.Module):
    """Self-attention over all positions, without a mask."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.to_queries = nn.Linear(width, width, bias=False)
        self.to_keys_values = nn.Linear(width, 2 * width, bias=False)  # keys first, then values
        self.project = nn.Linear(width, width)

    def forward(self, sequence: Tensor) -> Tensor:
        """`[B, L, width]` to the same shape."""
        query, key, value = (
            part.unflatten(2, (HEADS, -1)).transpose(1, 2)  # [B, heads, L, width of a head]
            for part in (self.to_queries(sequence), *self.to_keys_values(sequence).chunk(2, dim=-1))
        )
        attended = functional.scaled_dot_product_attention(query, key, value)
        output: Tensor = self.project(attended.transpose(1, 2).flatten(2))
        return output


class MapperFeedForward(nn.Module):
    """Two linear maps with a ReLU between."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, FEED_FORWARD_RATIO * width)
        self.fc2 = nn.Linear(FEED_FORWARD_RATIO * width, width)

    def forward(self, sequence: Tensor) -> Tensor:
        """`[..., width]` to the same shape."""
        output: Tensor = self.fc2(functional.relu(self.fc1(sequence)))
        return output


class MapperLayer(nn.Module):
    """Pre-norm attention and feed-forward."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn = MapperAttention(width)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = MapperFeedForward(width)

    def forward(self, sequence: Tensor) -> Tensor:
        """`[B, L, width]` to the same shape."""
        sequence = sequence + self.attn(self.norm1(sequence))
        result: Tensor = sequence + self.mlp(self.norm2(sequence))
        return result


class MapperTransformer(nn.Module):
    """A stack of layers without positions and without a norm at the end."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(MapperLayer(width) for _ in range(layers))

    def forward(self, sequence: Tensor) -> Tensor:
        """`[B, L, width]` to the same shape."""
        for layer in self.layers:
            sequence = layer(sequence)
        return sequence


class Mapper(nn.Module):
    """Content vectors and learned vectors through a transformer; what stands at the learned ones is the
    prefix.

    With `embedding_size` the content is one embedding `[B, embedding_size]`, made `content_length` vectors
    by a linear map. Without, it is `[B, content_length, width]` as it comes. Output `[B, prefix_length,
    width]`. Raises ValueError if the width cannot be split among the heads.
    """

    def __init__(
        self, width: int, content_length: int, prefix_length: int, layers: int, embedding_size: int | None
    ) -> None:
        super().__init__()
        if width % HEADS:
            raise ValueError(f"A mapper of width {width} cannot be split among its {HEADS} heads.")
        self.content_length = content_length
        self.prefix_const = nn.Parameter(torch.randn(prefix_length, width))
        self.transformer = MapperTransformer(width, layers)
        self.linear = nn.Linear(embedding_size, content_length * width) if embedding_size else None

    def forward(self, content: Tensor) -> Tensor:
        """`[B, embedding_size]` or `[B, content_length, width]` to a prefix `[B, prefix_length, width]`."""
        if self.linear is not None:
            content = self.linear(content).unflatten(1, (self.content_length, -1))
        learned = self.prefix_const.expand(len(content), -1, -1)
        prefix: Tensor = self.transformer(torch.cat((content, learned), dim=1))[:, content.shape[1] :]
        return prefix
