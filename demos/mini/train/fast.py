"""Training faster on a processor: compiled networks, and bfloat16 where it is multiplied natively.

Both are left out where the machine cannot: without a C++ compiler, or without AVX-512 BF16, the same stages
run as they stand, more slowly. Weights and optimiser stay in float32 either way.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from typing import Any

import torch

BFLOAT16 = bool(torch.cpu.get_capabilities().get("avx512_bf16"))


def mixed() -> torch.autocast:
    """A context in which matrix products run in bfloat16, where the processor has it; losses stay outside."""
    return torch.autocast("cpu", torch.bfloat16, enabled=BFLOAT16)


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function compiled for the shapes it is called with, or itself where there is no C++ compiler."""
    if shutil.which(os.environ.get("CXX", "g++")) is None:
        return function
    compiled_function: Callable[..., Any] = torch.compile(function, dynamic=False)
    return compiled_function
