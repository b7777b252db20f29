"""Where networks live: devices, number types and threads. Nothing else moves a network."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import torch
    from torch import nn

    Network = TypeVar("Network", bound=nn.Module)

MOST_THREADS = 8  # of one operation; small networks gain nothing from more, and several people listen at once

_threads_lock = threading.Lock()
_threads_set = False


class Placement:
    """The local way: one device for all networks, chosen once, everything resident in float32.

    `device` names it ("cpu", "cuda", "cuda:1"); without it a CUDA device is taken where there is one. On CUDA
    convolutions do not round to TensorFloat-32, so that an observation is the same as on the CPU.
    """

    def __init__(self, device: str | None = None) -> None:
        import torch

        self.device: torch.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.dtype: torch.dtype = torch.float32
        if self.device.type == "cuda":
            torch.backends.cudnn.allow_tf32 = False
            torch.backends.cuda.matmul.allow_tf32 = False
        _limit_threads()

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


def _limit_threads() -> None:
    """Use the cores that this process may use, once, unless the environment says how many."""
    import torch

    global _threads_set
    with _threads_lock:
        if not _threads_set and "OMP_NUM_THREADS" not in os.environ:
            torch.set_num_threads(min(MOST_THREADS, len(os.sched_getaffinity(0))))
        _threads_set = True
