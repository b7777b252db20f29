"""The projection head that brings audio and text into one space (Elizalde et al., CLAP, ICASSP 2023)."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class ProjectionHead(nn.Module):
    """A linear map with a residual refinement: `norm(a + drop(W2 gelu(a)))` where `a = W1 x`.

    Input `[..., in_features]`, output `[..., out_features]`. The output has no unit length; whoever
    compares embeddings normalises them. `dropout` acts on the refinement, in training only.
    """

    def __init__(self, in_features: int, out_features: int, dropout: float = 0.5) -> None:
        super().__init__()
        self.linear1 = nn.Linear(in_features, out_features, bias=False)
        self.linear2 = nn.Linear(out_features, out_features, bias=False)
        self.layer_norm = nn.LayerNorm(out_features)
        self.drop = nn.Dropout(dropout)

    def forward(self, features: Tensor) -> Tensor:
        """Project `[..., in_features]` to `[..., out_features]`."""
        projected = self.linear1(features)
        refinement = self.drop(self.linear2(functional.gelu(projected)))
        output: Tensor = self.layer_norm(projected + refinement)
        return output


def unit_length(embeddings: Tensor) -> Tensor:
    """`[..., d]` divided by its Euclidean length along the last axis; zeros give NaN, as published."""
    return embeddings / torch.linalg.vector_norm(embeddings, dim=-1, keepdim=True)
