"""Low-rank adapters whose strength is chosen anew for every call.

Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022: y = W x + scaling · B(A(x)).
The scaling in force is kept per thread of execution (`scaled`), not in the layers, so that two people can
ask one network at the same time with different scalings. Tensor names inside a layer are peft's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn
from torch.nn import functional

_scaling: ContextVar[float | Tensor | None] = ContextVar("lora_scaling", default=None)


@contextmanager
def scaled(scaling: float | Tensor | None) -> Iterator[None]:
    """Within this block, and this thread alone, adapters work with `scaling` (0 switches them off).

    A tensor must broadcast against a layer's output. None is the strength that the adapters were trained
    with. Do not yield from a generator inside the block: the caller would inherit the value.
    """
    token = _scaling.set(scaling)
    try:
        yield
    finally:
        _scaling.reset(token)


class LoraLinear(nn.Linear):
    """A linear layer with a low-rank adapter; it takes over the weight of the layer that it replaces.

    The adapter stays in float32 beside a base of lower precision.
    """

    def __init__(self, base: nn.Linear, rank: int, alpha: float, dropout: float) -> None:
        super().__init__(base.in_features, base.out_features, bias=base.bias is not None, device="meta")
        self.weight, self.bias = base.weight, base.bias
        self.base: nn.Module | None = None
        self.trained_scaling = alpha / rank
        self.lora_dropout = nn.Dropout(dropout)
        self.lora_A = nn.ModuleDict({"default": nn.Linear(base.in_features, rank, bias=False)})
        self.lora_B = nn.ModuleDict({"default": nn.Linear(rank, base.out_features, bias=False)})
        # B starts at zero: an untrained adapter changes nothing.
        nn.init.kaiming_uniform_(self.lora_A["default"].weight, a=math.sqrt(5))
        nn.init.zeros_(self.lora_B["default"].weight)

    def stand_on(self, base: nn.Module) -> None:
        """Let another layer of the same sizes, such as a quantised one, take the place of the weight."""
        del self.weight, self.bias
        self.base = base

    def forward(self, features: Tensor) -> Tensor:
        """[..., in_features] → [..., out_features] with the scaling in force."""
        if self.base is None:
            output = functional.linear(features, self.weight, self.bias)
        else:
            output = self.base(features)
        scaling = _scaling.get()
        if scaling is None:
            scaling = self.trained_scaling
        elif not isinstance(scaling, Tensor) and scaling == 0.0:
            return output
        adapter_input = self.lora_dropout(features.to(self.lora_A["default"].weight.dtype))
        change = self.lora_B["default"](self.lora_A["default"](adapter_input)) * scaling
        return output + change.to(output.dtype)


def add_lora(network: nn.Module, targets: Sequence[str], rank: int, alpha: float, dropout: float) -> None:
    """Replace every linear layer of `network` whose own name is in `targets` by one with an adapter.

    Raises ValueError when no layer has such a name.
    """
    found = [
        (parent, name, child)
        for parent in network.modules()
        for name, child in parent.named_children()
        if name in targets and isinstance(child, nn.Linear)
    ]
    if not found:
        raise ValueError(f"The network has no linear layer named {' or '.join(targets)} to put LoRA on.")
    for parent, name, child in found:
        adapted = LoraLinear(child, rank, alpha, dropout)
        for adapter in (adapted.lora_A, adapted.lora_B):
            adapter.to(device=child.weight.device, dtype=torch.float32)
        setattr(parent, name, adapted)
