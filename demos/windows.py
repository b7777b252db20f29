"""Deterministic windows of sound, for systems that hear a fixed length at a time.

The published wrappers of CLAP and Pengi hear one random window of a longer sound. Here every part is heard:
windows start every half window, the last ends with the sound. A sound no longer than a window is one window,
repeated end to end until it is full, as published.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch

from demos.networks.htsat import Htsat, HtsatOutput

BATCH = 8  # windows heard at a time


@dataclass(frozen=True)
class Window:
    """A window of a sound: samples from `start` up to `stop`; shorter than a full window if the sound is."""

    start: int
    stop: int


def windows(samples: int, length: int) -> tuple[Window, ...]:
    """The windows of a sound of `samples` samples, `length` samples each, in order."""
    if samples <= length:
        return (Window(0, samples),)
    last = samples - length
    return tuple(Window(start, start + length) for start in (*range(0, last, max(1, length // 2)), last))


def cut(
    waveform: np.ndarray, length: int, fill: Callable[[np.ndarray, int], np.ndarray] = np.resize
) -> np.ndarray:
    """A mono sound `[samples]` as full windows `[windows, length]`, in the order of `windows`.

    `fill` makes a sound shorter than a window what is heard of it; without it, it is repeated end to end.
    Raises ValueError if the sound is empty.
    """
    if not len(waveform):
        raise ValueError("There is no sound to hear: it has no samples.")
    return np.stack([fill(waveform[w.start : w.stop], length) for w in windows(len(waveform), length)])


@torch.inference_mode()
def hear(
    htsat: Htsat, waveform: np.ndarray, device: torch.device | str, collect: bool = False
) -> HtsatOutput:
    """What HTSAT hears in each window of a mono sound `[samples]` at its rate; B is the number of windows.

    One output serves every system that has the same HTSAT weights.
    """
    full = torch.from_numpy(cut(np.asarray(waveform, np.float32), htsat.config.clip_samples))
    return joined([htsat(batch.to(device), collect) for batch in full.split(BATCH)])


def joined(outputs: Sequence[HtsatOutput]) -> HtsatOutput:
    """Outputs for consecutive windows as one."""
    if len(outputs) == 1:
        return outputs[0]
    hidden = tuple(
        replace(places[0], values=torch.cat([place.values for place in places]))
        for places in zip(*(output.hidden for output in outputs), strict=True)
    )
    tensors = {
        field.name: torch.cat([getattr(output, field.name) for output in outputs])
        for field in fields(HtsatOutput)
        if field.name != "hidden"
    }
    return HtsatOutput(**tensors, hidden=hidden)
