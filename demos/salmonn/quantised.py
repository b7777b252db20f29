"""SALMONN's language model in 8 or 4 bits, by bitsandbytes, for cards that its 16 bits do not fit into.

8 bits are LLM.int8() (Dettmers et al., NeurIPS 2022), which keeps features with outliers in 16 bits; 4 bits
are NormalFloat (Dettmers et al., QLoRA, NeurIPS 2023), in blocks of 64 numbers. Embeddings and the output
layer stay in 16 bits, adapters in 32. bitsandbytes is no dependency: who wants it installs it.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal

import torch
from torch import nn

from demos.networks.lora import LoraLinear

Bits = Literal[8, 4]
OUTLIERS = 6.0  # features beyond it are multiplied in 16 bits, as published
_KEPT = ("lm_head",)


class QuantisationError(ValueError):
    """A language model that cannot be quantised here; one sentence for people."""


def can_quantise() -> bool:
    """Whether bitsandbytes is installed."""
    return find_spec("bitsandbytes") is not None


def quantise(llama: nn.Module, bits: Bits, device: torch.device | str) -> None:
    """Bring the linear layers of a language model in 16 bits to 8 or 4, and to a device, one after the other.

    What is left of it stays where it is. Raises QuantisationError without bitsandbytes.
    """
    if not can_quantise():
        raise QuantisationError(
            f"{bits}-bit weights need bitsandbytes, which is not installed: run “pip install bitsandbytes”."
        )
    found = [
        (parent, name, child)
        for parent in llama.modules()
        for name, child in parent.named_children()
        if isinstance(child, nn.Linear) and name not in _KEPT and not isinstance(parent, nn.ModuleDict)
    ]  # adapters of LoRA are kept in a ModuleDict
    for parent, name, child in found:
        quantised = _quantised(child, bits, device)
        if isinstance(child, LoraLinear):
            child.stand_on(quantised)
        else:
            setattr(parent, name, quantised)


def _quantised(layer: nn.Linear, bits: Bits, device: torch.device | str) -> nn.Module:
    """A layer with the numbers of another one, in 8 or 4 bits, on a device."""
    import bitsandbytes

    sizes = layer.in_features, layer.out_features
    weight, dtype = layer.weight.detach(), layer.weight.dtype
    made: nn.Module
    if bits == 8:
        made = bitsandbytes.nn.Linear8bitLt(*sizes, bias=False, has_fp16_weights=False, threshold=OUTLIERS)
        made.weight = bitsandbytes.nn.Int8Params(weight, requires_grad=False, has_fp16_weights=False)
    else:
        made = bitsandbytes.nn.Linear4bit(*sizes, bias=False, compute_dtype=dtype, quant_type="nf4")
        made.weight = bitsandbytes.nn.Params4bit(weight, requires_grad=False, quant_type="nf4")
    if layer.bias is not None:
        made.bias = nn.Parameter(layer.bias.detach().clone(), requires_grad=False)
    return made.to(device).eval()
