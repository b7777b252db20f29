"""Two measures of an encoder's hidden states, for each layer and moment: their size, and their turn.

RMS is the root mean square over all channels (and frequency patches) of a layer at a moment. Change from
below is 1 − cosine between a layer's states and those of the layer beneath at the same moment: 0 where a
layer leaves the direction alone, 1 where it turns it by a right angle. It needs two layers of the same shape;
where an encoder merges its tokens (between the stages of HTSAT) there is none, and that layer has no row.
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


@dataclass(frozen=True)
class LayerStates:
    """The states of one layer over time, [batch, moments, values]; nearer to the sound comes first."""

    name: str
    states: Tensor


@dataclass(frozen=True)
class Measures:
    """Both measures of a pass: float32 [batch, layers, moments], with a name for each of the layers.

    All layers have as many moments as the finest; a coarser layer repeats its own.
    """

    rms_layers: tuple[str, ...]
    rms: Grid
    change_layers: tuple[str, ...]
    change: Grid


@torch.no_grad()
def measure(layers: Sequence[LayerStates]) -> Measures:
    """Measure the layers of one pass, given from the sound upwards. Raises ValueError without any."""
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
    )


def _stacked(rows: Sequence[Tensor], moments: int, batch: int = 0) -> Grid:
    """Rows of [batch, their own moments] as [batch, rows, moments]."""
    if not rows:
        return np.empty((batch, 0, moments), dtype=np.float32)
    same = [row.repeat_interleave(moments // row.shape[1], dim=1) for row in rows]
    return torch.stack(same, dim=1).cpu().numpy()
