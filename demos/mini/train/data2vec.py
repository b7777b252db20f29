"""Mini data2vec-audio: the published architecture and objective, small, trained on sounds of the world.

Baevski et al. (ICML 2022): from a masked window, predict what a slowly following copy of the network makes of
the whole window, averaged over its upper layers. As in the paper's audio models the copy shares convolutions
and places with the learner, the targets are the additions of the feed-forward parts, normalised over time,
and the loss is the squared error. One thing is not published: what a place has in common in all windows of
the batch is taken out of the targets. Without it, within 250 steps of windows that are all as long, 0.97 of
the targets was the place in the window, and the sound no longer mattered.
"""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import Data2VecAudioConfig, Data2VecAudioModel

from demos.mini.train.fast import compiled, mixed
from demos.mini.train.loop import Plan, train
from demos.mini.train.self_supervised import (
    FRAMES,
    SHAPE,
    World,
    entered,
    features,
    masked,
    projected,
    save,
    spans,
    through,
)

CONFIG = Data2VecAudioConfig(**SHAPE, num_conv_pos_embeddings=3, conv_pos_kernel_size=19)
UPPER = 4  # layers of the teacher that are averaged
SLOW, SLOWEST = 0.99, 0.999  # share of itself that the teacher keeps at each step: at first, from half way on


def kept(step: int, steps: int) -> float:
    """How much of itself the teacher keeps at a step: rises in a line over the first half of the steps."""
    return SLOW + (SLOWEST - SLOW) * min(1.0, step / max(1.0, 0.5 * steps))


class Pair(nn.Module):
    """The learner, the transformer layers of its slowly following teacher, and a head for the prediction."""

    def __init__(self, config: Data2VecAudioConfig) -> None:
        super().__init__()
        self.learner = Data2VecAudioModel(config)
        self.teacher = copy.deepcopy(self.learner.encoder.layers).requires_grad_(False)
        self.head = nn.Linear(config.hidden_size, config.hidden_size)

    @torch.no_grad()
    def follow(self, keep: float) -> None:
        """Move the teacher towards the learner."""
        learned = self.learner.encoder.layers.parameters()
        for ours, theirs in zip(self.teacher.parameters(), learned, strict=True):
            ours.lerp_(theirs, 1 - keep)

    def forward(self, sound: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Prediction and target, [batch, frames, width] both."""
        learner = self.learner
        hidden, _ = projected(learner, features(learner, sound))
        outputs, _ = through(learner.encoder.layers, entered(learner, masked(learner, hidden, mask)))
        with torch.no_grad():
            _, added = through(self.teacher, entered(learner, hidden.detach()))
            upper = [over_time(states) for states in added[-UPPER:]]
        return self.head(outputs[-1]), without_place(torch.stack(upper).mean(0))


def without_place(states: Tensor) -> Tensor:
    """Normalised over time and less what all windows have at the same place, [batch, frames, width]."""
    even = over_time(states)
    return over_time(even - even.mean(0, keepdim=True))


def over_time(states: Tensor) -> Tensor:
    """Each channel with zero mean and unit variance over the window: a constant is no target."""
    return F.instance_norm(states.float().transpose(1, 2)).transpose(1, 2)


def run(
    folder: Path,
    world: World,
    steps: int = 400,
    size: int = 16,
    frames: int = FRAMES,
    config: Data2VecAudioConfig = CONFIG,
    device: str = "cpu",
) -> None:
    """Train; write `data2vec/` as a published checkpoint (`Data2VecAudioModel`)."""
    torch.manual_seed(71)
    pair = Pair(config).to(device)
    quick = compiled(pair.forward)

    def losses(rng: np.random.Generator, step: int) -> dict[str, Tensor]:
        if step:
            pair.follow(kept(step, steps))
        sound = world.batch(rng, size, frames).to(device)
        mask = spans(rng, size, frames).to(device)
        with mixed(device):
            predicted, target = quick(sound, mask)
        return {"missed": F.mse_loss(predicted.float()[mask], target[mask])}

    train(Plan("data2vec", steps, 1.5e-3, warm_up=min(60, steps), muon=True, seed=72), pair, losses, folder)
    save(pair.learner, folder / "data2vec")
