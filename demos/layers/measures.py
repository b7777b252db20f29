"""Three measures of an encoder's hidden states, for each layer and moment: their size, turn and spread.

RMS is the root mean square over all channels (and frequency patches) of a layer at a moment. Change from
below is 1 − cosine between a layer's states and those of the layer beneath at the same moment: 0 where a
layer leaves the direction alone, 1 where it turns it by a right angle. It needs two layers of the same shape;
where an encoder merges its tokens (between the stages of HTSAT) there is none, and that layer has no row.
Effective rank (Roy & Vetterli, EUSIPCO 2007) is how many directions the states of a short stretch spread
over: the exponential of the entropy of their singular values, from 1 (all alike) to the moments of the
stretch. A pass keeps the products of those states alone, from which ranks are computed when somebody asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

Grid = npt.NDArray[np.float32]

SHORTEST_STRETCH = 4  # moments over which an effective rank is taken


@dataclass(frozen=True)
class LayerStates:
    """The states of one layer over time, [batch, moments, values]; nearer to the sound comes first."""

    name: str
    states: Tensor


@dataclass(frozen=True)
class Measures:
    """The measures of a pass: float32 [batch, layers, moments], with a name for each of the layers.

    All layers have as many moments as the finest; a coarser layer repeats its own. `products` has, for each
    of `rms_layers`, the inner products of the states of each stretch: [batch, stretches, k, k];
    `own_moments` says how many moments each of these layers has itself.
    """

    rms_layers: tuple[str, ...]
    rms: Grid
    change_layers: tuple[str, ...]
    change: Grid
    products: tuple[Grid, ...]
    own_moments: tuple[int, ...]


@torch.no_grad()
def measure(layers: Sequence[LayerStates], stretch: int = SHORTEST_STRETCH) -> Measures:
    """Measure the layers of one pass, given from the sound upwards.

    A stretch is so many of the finest moments. Raises ValueError without any layer.
    """
    if not layers:
        raise ValueError("There are no layers to measure.")
    moments = max(layer.states.shape[1] for layer in layers)
    rms = [layer.states.float().square().mean(dim=2).sqrt() for layer in layers]
    turned = [
        (above.name, 1 - functional.cosine_similarity(above.states.float(), below.states.float(), dim=2))
        for below, above in pairwise(layers)
        if above.states.shape == below.states.shape
    ]
    return Measures(
        tuple(layer.name for layer in layers),
        _stacked(rms, moments),
        tuple(name for name, _ in turned),
        _stacked([values for _, values in turned], moments, batch=len(rms[0])),
        tuple(
            _products(layer.states.float(), stretch * layer.states.shape[1] // moments) for layer in layers
        ),
        tuple(layer.states.shape[1] for layer in layers),
    )


def effective_ranks(products: Grid) -> Grid:
    """Products [..., k, k] to effective ranks [...], 1 to k; 1 as well where all states are zero."""
    squares = np.linalg.eigvalsh(products.astype(np.float64)).clip(min=0)
    singular = np.sqrt(squares)
    shares = singular / np.maximum(singular.sum(-1, keepdims=True), 1e-30)
    entropy = -(shares * np.log(np.maximum(shares, 1e-30))).sum(-1)
    ranks: Grid = np.exp(entropy).astype(np.float32)
    return ranks


def _products(states: Tensor, stretch: int) -> Grid:
    """Inner products [batch, stretches, k, k] of states [batch, moments, values]; zeros fill up the last."""
    size = max(SHORTEST_STRETCH, stretch)
    missing = -states.shape[1] % size
    cut = functional.pad(states, (0, 0, 0, missing)).unflatten(1, (-1, size))
    return (cut @ cut.transpose(-1, -2)).cpu().numpy()


def _stacked(rows: Sequence[Tensor], moments: int, batch: int = 0) -> Grid:
    """Rows of [batch, their own moments] as [batch, rows, moments]."""
    if not rows:
        return np.empty((batch, 0, moments), dtype=np.float32)
    same = [row.repeat_interleave(moments // row.shape[1], dim=1) for row in rows]
    return torch.stack(same, dim=1).cpu().numpy()
