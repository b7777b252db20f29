"""Muon whose orthogonalisation runs in the precision that the machine multiplies natively.

Torch's own always runs it in bfloat16. A processor without such products takes several times as long as for
all the rest of a step; in float32 it is a small part of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from demos.mini.train.fast import BFLOAT16

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic iteration, as in torch.optim.Muon
_ROUNDS = 5


def orthogonalised(gradient: Tensor) -> Tensor:
    """The matrix with all its singular values brought to about one, float32 (Jordan et al. 2024)."""
    first, second, third = _COEFFICIENTS
    wide = gradient if gradient.shape[0] <= gradient.shape[1] else gradient.T
    made = wide / wide.norm().clamp(min=1e-7)
    for _ in range(_ROUNDS):
        gram = made @ made.T
        made = torch.addmm(made, torch.addmm(gram, gram, gram, beta=second, alpha=third), made, beta=first)
    return made if wide is gradient else made.T


class Muon(torch.optim.Muon):
    """Torch's, as it is where bfloat16 is native; else the same step in float32."""

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step; steps are scaled to AdamW's (`match_rms_adamw`) and take Nesterov's momentum."""
        first = self.param_groups[0]["params"][0]
        if BFLOAT16 or first.is_cuda:
            return super().step(closure)
        loss = None if closure is None else closure()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if "momentum_buffer" not in state:
                    state["momentum_buffer"] = torch.zeros_like(weight)
                state["momentum_buffer"].lerp_(weight.grad, 1 - group["momentum"])
                ahead = weight.grad.lerp(state["momentum_buffer"], group["momentum"])
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.add_(orthogonalised(ahead), alpha=-0.2 * max(weight.shape) ** 0.5 * group["lr"])
        return loss
