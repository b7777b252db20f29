"""Where networks live: devices, number types and threads. Nothing else moves a network.

There are two ways. Locally a device is there all the time. On ZeroGPU, hardware of the Hub's Spaces, a
graphics card is lent to one call at a time, and the call is made in a process of its own.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

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
    """One device for all networks, chosen once, everything resident in float32.

    `device` names it ("cpu", "cuda", "cuda:1"); without it a CUDA device is taken where there is one. On CUDA
    convolutions do not round to TensorFloat-32, so that an observation is the same as on the CPU.
    Who computes takes one of `turns`: so many networks run at once that they fill the cores and no more.
    On ZeroGPU, after `begin`, there is a CUDA device to place networks on, whether a card is lent or not.
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
        """Bring a network to its device and number type, ready to listen and not to learn.

        On ZeroGPU sparse buffers stay on the processor, because CUDA is emulated for dense tensors alone; the
        one there is, Whisper's table of alignment heads, is only read.
        """
        with _sparse_put_aside(network) if on_zero_gpu() else nullcontext():
            return network.to(device=self.device, dtype=self.dtype).eval().requires_grad_(False)


@contextmanager
def _sparse_put_aside(network: nn.Module) -> Iterator[None]:
    """Let a network be without its sparse buffers in this block."""
    sparse = [
        (module, name, buffer)
        for module in network.modules()
        for name, buffer in module.named_buffers(recurse=False)
        if buffer.is_sparse
    ]
    for module, name, _ in sparse:
        setattr(module, name, None)
    try:
        yield
    finally:
        for module, name, buffer in sparse:
            setattr(module, name, buffer)


def on_zero_gpu() -> bool:
    """Whether this is a Space on ZeroGPU hardware, by the variable that the Hub sets there."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")


def begin() -> None:
    """On ZeroGPU let the package `spaces` emulate CUDA in this thread, before anything imports PyTorch.

    Until a card is lent, networks can be placed by this thread alone. Elsewhere nothing is to be begun.
    """
    if on_zero_gpu():
        import spaces  # noqa: F401  # importing it is what does it


def on_lent_card(
    work: Callable[..., Iterator[Any]], seconds: Callable[..., int]
) -> Callable[..., Iterator[Any]]:
    """`work`, a generator function, made to run with a lent card in a process forked from this one.

    `seconds` says, from the same arguments, how long it is to take at most. Arguments and what is yielded
    are pickled on the way, and nothing else that changes there comes back. A process may serve several calls.
    To be called before the page is served.
    """
    import spaces

    lent: Callable[..., Iterator[Any]] = spaces.GPU(work, duration=seconds)
    return lent


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
