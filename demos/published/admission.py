"""Which published models are in memory: before one is read room is made, or it is refused with numbers."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from demos.catalog import CatalogError, Model
from demos.published.memory import Device, Placed, occupied, plan
from demos.published.model import Part, Precision, PublishedModel
from demos.published.models import PUBLISHED

if TYPE_CHECKING:
    import torch

KEPT_FREE = 1_500_000_000  # bytes for the page, the mini suite and what networks compute
_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".tar")
_MEMORY = Path("/proc/meminfo")
_LIMIT = Path("/sys/fs/cgroup/memory.max")  # of a container
_USED = Path("/sys/fs/cgroup/memory.current")


class Admission:
    """The published models that are in a device's memory, least recently asked first.

    `free` says how many bytes the device has free now.
    """

    def __init__(self, device: torch.device, free: Callable[[], int] | None = None) -> None:
        self._device = device
        self._free = free or (lambda: free_bytes(device))
        self._resident: OrderedDict[str, Placed] = OrderedDict()
        self._lock = threading.Lock()

    def asked(self, model: Model) -> bool:
        """Whether a model is in memory; it then counts as the one that was asked last."""
        with self._lock:
            if model.id in self._resident:
                self._resident.move_to_end(model.id)
            return model.id in self._resident

    def admit(self, model: Model) -> tuple[str, ...]:
        """Count a model as in memory; returns the ids of those that have to leave for it.

        Raises CatalogError, with numbers and what would fit, when there is no room even without them.
        """
        with self._lock:
            wanted = measured(model)
            resident = tuple(self._resident.values())
            held = occupied(resident)
            device = _device(self._device, held + max(0, self._free() - KEPT_FREE))
            planned = plan([wanted], device, resident)
            for sentence in planned.refused.values():
                raise CatalogError(sentence)
            for leaving in planned.evicted:
                del self._resident[leaving.model.id]
            self._resident[model.id] = planned.placed[0]
            return tuple(leaving.model.id for leaving in planned.evicted)

    def leave(self, ids: Iterable[str]) -> None:
        """Forget models that are in memory no more."""
        with self._lock:
            for id_ in ids:
                self._resident.pop(id_, None)

    def precision(self, model: Model) -> Precision:
        """The number type that was planned for a model that is in memory; float32 for any other."""
        with self._lock:
            placed = self._resident.get(model.id)
            return placed.precision if placed else "float32"


def measured(model: Model) -> PublishedModel:
    """The published model of that id; where its parameters are not known, they follow from its files."""
    published = next(one for one in PUBLISHED if one.id == model.id)
    if published.parts:
        return published
    size = sum(path.stat().st_size for path in model.files.values() if path.suffix in _WEIGHTS)
    return replace(published, parts=(Part(model.id, size // 4),))


def local_device() -> Device:
    """The device that networks are placed on when nobody names one, with what it has free now."""
    import torch

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return _device(device, max(0, free_bytes(device) - KEPT_FREE))


def _device(device: torch.device, size: int) -> Device:
    """So many bytes of a device; 16 bits are bfloat16 on processors, which compute float16 slowly.

    A GPU takes 8 and 4 bits too where bitsandbytes is installed.
    """
    if device.type != "cuda":
        return Device("this machine", size, ("float32", "bfloat16"), quantises=False)
    coarse: tuple[Precision, ...] = ("int8", "int4") if find_spec("bitsandbytes") else ()
    return Device("this GPU", size, ("float32", "float16", *coarse))


def free_bytes(device: torch.device) -> int:
    """Bytes of a device's memory that nobody uses."""
    import torch

    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    known = [_available(), _left_of_limit()]
    return min([size for size in known if size is not None], default=0)


def _available() -> int | None:
    """What Linux says can be had without swapping."""
    try:
        lines = dict(line.split(":", 1) for line in _MEMORY.read_text(encoding="ascii").splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return _whole_memory()


def _whole_memory() -> int | None:
    """The memory of a machine that does not say what is free, half of which may be used by others."""
    import os

    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (AttributeError, ValueError, OSError):
        return None


def _left_of_limit() -> int | None:
    """What is left of a container's limit, where there is one."""
    try:
        return max(0, int(_LIMIT.read_text()) - int(_USED.read_text()))
    except (OSError, ValueError):  # no limit reads “max”
        return None
