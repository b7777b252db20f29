"""Training faster: compiled networks, and bfloat16 where it is multiplied natively.

Both are left out where the machine cannot: without a C++ compiler, or without AVX-512 BF16, the same stages
run as they stand, more slowly. Weights and optimiser stay in float32 either way.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

BFLOAT16 = bool(torch.cpu.get_capabilities().get("avx512_bf16"))


def mixed(device: str | torch.device = "cpu") -> torch.autocast:
    """A context in which matrix products run in bfloat16, where the device has it; losses stay outside."""
    kind = torch.device(device).type
    return torch.autocast(kind, torch.bfloat16, enabled=BFLOAT16 or kind == "cuda")


def device_of(module: nn.Module) -> torch.device:
    """Where a network is."""
    return next(module.parameters()).device


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function compiled for the shapes it is called with, or itself where there is no C++ compiler."""
    if shutil.which(os.environ.get("CXX", "g++")) is None:
        return function
    compiled_function: Callable[..., Any] = torch.compile(function, dynamic=False)
    return compiled_function


@contextmanager
def plain_attention(device: str | torch.device = "cpu") -> Iterator[None]:
    """Have small language models attend by two products and a softmax; on a GPU nothing is changed.

    On a processor, a training step of mini-LLaMA takes less than half of the time that it takes with torch's
    fused attention; for HTSAT's many small windows it is the other way round. Not for several threads.
    """
    if torch.device(device).type != "cpu":
        yield
        return
    fused = functional.scaled_dot_product_attention
    functional.scaled_dot_product_attention = _attention
    try:
        yield
    finally:
        functional.scaled_dot_product_attention = fused


def _attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """What `scaled_dot_product_attention` computes, for as many heads of keys as of queries."""
    scores = (query * (scale or query.shape[-1] ** -0.5)) @ key.transpose(-1, -2)
    if is_causal:
        after = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        scores = scores.masked_fill(after, float("-inf"))
    if attn_mask is not None:
        barred = attn_mask.dtype == torch.bool
        scores = scores.masked_fill(~attn_mask, float("-inf")) if barred else scores + attn_mask
    shares = functional.dropout(scores.softmax(-1), dropout_p, training=dropout_p > 0)
    return shares.to(value.dtype) @ value
