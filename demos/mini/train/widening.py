"""Log-mel spectrograms as from other rooms and microphones than those they were rendered with.

Rates, pitches, colours and noise beyond the ranges of training: the held-out world goes beyond them too.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def some_of(
    rng: np.random.Generator, share: float, some: tuple[Tensor, Tensor], others: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """A random share of the rows of `some`, the rest of `others`: sounds and their truths [B, ...]."""
    chosen = torch.from_numpy(rng.random(len(some[0])) < share)[:, None, None]
    return torch.where(chosen, some[0], others[0]), torch.where(chosen, some[1], others[1])


def widen(rng: np.random.Generator, log_mel: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Play each sound at another rate and pitch, through another microphone, in more noise.

    `log_mel` [B, frames, bands] in dB and `truth` [B, steps, classes] keep their shapes: a slower sound is
    cut, a faster one begins again, as a short one does.
    """
    frames, bands = log_mel.shape[1:]
    ramp = torch.linspace(-1, 1, bands)
    sounds, truths = [], []
    for sound, steps in zip(log_mel, truth, strict=True):
        rate = float(rng.uniform(0.75, 1.3))
        sound = sound[(torch.arange(frames) * rate).long() % frames]
        steps = steps[((torch.arange(len(steps)) + 0.5) * rate).long() % len(steps)]
        shift = int(rng.integers(-5, 6))
        sound = sound[:, (torch.arange(bands) - shift).clamp(0, bands - 1)]
        sound = sound + float(rng.uniform(-8, 8)) * ramp + float(rng.uniform(-4, 4)) * ramp.square()
        floor = sound.max() - float(rng.uniform(25, 80))
        sounds.append(10 * torch.log10(10 ** (sound / 10) + 10 ** (floor / 10)))
        truths.append(steps)
    return torch.stack(sounds), torch.stack(truths)


def augment(rng: np.random.Generator, log_mel: Tensor) -> Tensor:
    """Shift the level, hide a band and a stretch of each sound (SpecAugment); dB [B, frames, bands]."""
    for sound in log_mel:
        sound += rng.uniform(-8, 8)
        width = rng.integers(0, 10)
        band = rng.integers(0, sound.shape[1] - width)
        sound[:, band : band + width] = sound.mean()
        length = rng.integers(0, 24)
        start = rng.integers(0, sound.shape[0] - length)
        sound[start : start + length] = sound.mean()
    return log_mel
