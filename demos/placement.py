"""Where networks live: devices, number types and threads. Nothing else moves a network."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, TypeVar

from demos.turns import Turns

if TYPE_CHECKING:
    import torch
    from torch import nn

    Network = TypeVar("Network", bound=nn.Module)

MOST_AT_ONCE = 4  # networks; what they do between operations is Python's, and that runs one at a time
MOST_THREADS = 8  # of one operation; small networks gain nothing from more

_threads_lock = threading.Lock()
_threads_set = False


class Placement:
    """The local way: one device for all networks, chosen once, everything resident in float32.

    `device` names it ("cpu", "cuda", "cuda:1"); without it a CUDA device is taken where there is one. On CUDA
    convolutions do not round to TensorFloat-32, so that an observation is the same as on the CPU.
    Who computes takes one of `turns`: so many networks run at once that they fill the cores and no more.
    """

    def __init__(self, device: str | None = None) -> None:
        import torch

        self.device: torch.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.dtype: torch.dtype = torch.float32
        if self.device.type == "cuda":
            torch.backends.cudnn.allow_tf32 = False
            torch.backends.cuda.matmul.allow_tf32 = False
        self.turns = Turns(_limit_threads())

    @property
    def dtype_name(self) -> str:
        """The number type as a record names it, such as "float32"."""
        return str(self.dtype).removeprefix("torch.")

    @property
    def device_name(self) -> str:
        """The device as a record names it: "cpu", or "cuda" with the name of the card."""
        if self.device.type != "cuda":
            return str(self.device)
        import torch

        return f"{self.device} ({torch.cuda.get_device_name(self.device)})"

    def place(self, network: Network) -> Network:
        """Bring a network to its device and number type, ready to listen and not to learn."""
        return network.to(device=self.device, dtype=self.dtype).eval().requires_grad_(False)


def shared_out(cores: int) -> tuple[int, int]:
    """How many networks compute at once on so many cores, and with how many threads each."""
    at_once = min(MOST_AT_ONCE, cores)
    return at_once, min(MOST_THREADS, cores // at_once)


def _limit_threads() -> int:
    """Set the threads of an operation, once, unless the environment does; how many networks run at once."""
    import torch

    global _threads_set
    cores = len(os.sched_getaffinity(0))
    at_once, threads = shared_out(cores)
    if "OMP_NUM_THREADS" in os.environ:
        return max(1, min(MOST_AT_ONCE, cores // torch.get_num_threads()))
    with _threads_lock:
        if not _threads_set:
            torch.set_num_threads(threads)
        _threads_set = True
    return at_once
