"""Mini wav2vec 2.0: the published architecture and objective, small, trained on sounds of the world.

Baevski et al. (NeurIPS 2020): in each masked step, tell the quantised sound that was there from those of the
other masked steps, while all entries of the codebooks stay in use. The paper draws 100 other steps as
distractors; a window of 2 s has some 50 masked steps, and all of them serve.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import Wav2Vec2Config, Wav2Vec2ForPreTraining

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

CONFIG = Wav2Vec2Config(
    **SHAPE,
    num_conv_pos_embeddings=64,
    num_codevector_groups=2,
    num_codevectors_per_group=64,
    codevector_dim=128,
    proj_codevector_dim=128,
)
WARM, COLD = 2.0, 0.5  # temperature of the Gumbel softmax at the first step and in the last fifth


def temperature(step: int, steps: int) -> float:
    """Falls from WARM by a constant factor to COLD, which it reaches after four fifths of the steps."""
    return max(COLD, WARM * (COLD / WARM) ** (step / max(1.0, 0.8 * steps)))


def quantised(model: Wav2Vec2ForPreTraining, logits: Tensor, heat: float, mask: Tensor) -> tuple[Tensor, ...]:
    """Codes drawn from logits [batch, frames, entries], their vectors, and the share of entries left unused.

    Returns codes [batch, frames, groups], vectors [batch, frames, codevector_dim] and a scalar: 0 when the
    masked steps use all entries of every codebook equally, near 1 when they use one.
    """
    book = model.quantizer
    logits = logits.float().unflatten(2, (book.num_groups, book.num_vars))
    chosen = F.gumbel_softmax(logits, tau=heat, hard=True)
    entries = book.codevectors.view(book.num_groups, book.num_vars, -1)
    vectors = torch.einsum("btgv,gvd->btgd", chosen, entries).flatten(2)
    mean = logits[mask].softmax(-1).mean(0)  # [groups, entries]
    perplexity = torch.exp(-torch.xlogy(mean, mean).sum(-1)).sum()
    entries_in_all = book.num_groups * book.num_vars
    return chosen.argmax(-1), vectors, (entries_in_all - perplexity) / entries_in_all


def contrast(context: Tensor, target: Tensor, codes: Tensor, mask: Tensor, sharpness: float) -> Tensor:
    """Cross-entropy of finding each masked step's own target among those of the window's masked steps.

    `context` and `target` are [batch, frames, values], `codes` [batch, frames, groups]: steps of the same
    code as the true one are no distractors.
    """
    cosines = F.normalize(context.float(), dim=-1) @ F.normalize(target.float(), dim=-1).transpose(1, 2)
    same = (codes[:, :, None] == codes[:, None]).all(-1)
    itself = torch.eye(codes.shape[1], dtype=torch.bool, device=codes.device)
    allowed = itself | (mask[:, None] & ~same)
    logits = (cosines / sharpness).masked_fill(~allowed, -math.inf)
    return -logits.log_softmax(-1).diagonal(dim1=1, dim2=2)[mask].mean()


def run(
    folder: Path,
    world: World,
    steps: int = 800,
    size: int = 16,
    frames: int = FRAMES,
    config: Wav2Vec2Config = CONFIG,
    device: str = "cpu",
) -> None:
    """Train; write `wav2vec2/` as a published checkpoint (`Wav2Vec2ForPreTraining`)."""
    torch.manual_seed(61)
    model = Wav2Vec2ForPreTraining(config)
    # Around zero, so that two entries differ in direction: all-positive ones have cosines near 1.
    torch.nn.init.uniform_(model.quantizer.codevectors, -1, 1)
    model.to(device)

    def hear(sound: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        hidden, heard = projected(model.wav2vec2, features(model.wav2vec2, sound))
        entering = entered(model.wav2vec2, masked(model.wav2vec2, hidden, mask))
        outputs, _ = through(model.wav2vec2.encoder.layers, entering)
        return model.project_hid(outputs[-1]), model.quantizer.weight_proj(heard)

    quick = compiled(hear)

    def losses(rng: np.random.Generator, step: int) -> dict[str, Tensor]:
        sound = world.batch(rng, size, frames).to(device)
        mask = spans(rng, size, frames).to(device)
        with mixed(device):
            context, logits = quick(sound, mask)
        codes, vectors, unused = quantised(model, logits, temperature(step, steps), mask)
        target = model.project_q(vectors)
        found = contrast(context, target, codes, mask, config.contrastive_logits_temperature)
        return {"contrast": found, "unused": config.diversity_loss_weight * unused}

    train(Plan("wav2vec2", steps, 1.5e-3, warm_up=min(60, steps), muon=True, seed=62), model, losses, folder)
    save(model, folder / "wav2vec2")
