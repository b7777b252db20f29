"""One training loop for every stage: seeded by the step number, so a run that was cut goes on exactly.

What a step sees depends on (seed, step) alone, never on what ran before; the checkpoint holds weights,
optimisers and step. AdamW, linear warm-up, cosine decay (Loshchilov & Hutter, arXiv 1608.03983, 1711.05101);
where a plan says so, hidden matrices take orthogonalised steps instead (Muon: Liu et al., arXiv 2502.16982).
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from demos.mini.train.muon import Muon

SECONDS_BETWEEN_CHECKPOINTS = 60.0


@dataclass(frozen=True)
class Plan:
    """How long and how fast a stage learns."""

    name: str
    steps: int
    learning_rate: float
    warm_up: int = 200  # steps
    weight_decay: float = 0.02
    clip_norm: float = 1.0
    final_fraction: float = 0.02  # of the learning rate, reached at the last step
    decay: float = 1.0  # share of the steps, the last ones, over which the rate falls; before, it is even
    muon: bool = False  # for hidden matrices; its steps are scaled to AdamW's, so the rate is the same
    seed: int = 0


def step_rng(plan: Plan, step: int) -> np.random.Generator:
    """The random source of one step: a function of the plan's seed and the step alone."""
    return np.random.default_rng([plan.seed, step])


def decay_begins(plan: Plan) -> int:
    """The step from which the rate falls."""
    return round((1 - plan.decay) * plan.steps)


def learning_rate(plan: Plan, step: int) -> float:
    """Linear warm-up, an even stretch, then a cosine down to `final_fraction` of the plan's rate."""
    warm = min(1.0, (step + 1) / plan.warm_up)
    progress = max(0, step - decay_begins(plan)) / max(1, plan.steps - decay_begins(plan))
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
    return plan.learning_rate * warm * (plan.final_fraction + (1 - plan.final_fraction) * cosine)


def train(
    plan: Plan,
    module: nn.Module,
    loss_of: Callable[[np.random.Generator, int], dict[str, Tensor]],
    folder: Path,
) -> None:
    """Train `module` in place until `plan.steps`, resuming from `folder/<name>.ckpt` where there is one.

    It stays on the device on which it is; a checkpoint goes on wherever the module is now.
    `loss_of(rng, step)` returns named scalar losses; their sum is minimised. The learning curve is appended
    to `folder/<name>.jsonl` every 50 steps. Where the rate begins to fall, the state is kept as
    `folder/<name>-even.ckpt` too: put in the place of the other it is where a longer plan can go on from.
    """
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / f"{plan.name}.ckpt"
    parameters = [p for p in module.parameters() if p.requires_grad]
    optimisers = _optimisers(plan, module)
    start = 0
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location=parameters[0].device, weights_only=True)
        module.load_state_dict(saved["module"])
        for optimiser, state in zip(optimisers, saved["optimisers"], strict=True):
            optimiser.load_state_dict(state)
        start = saved["step"]
    module.train()
    last_save = time.monotonic()
    averages: dict[str, float] = {}
    bar = tqdm(range(start, plan.steps), desc=plan.name, initial=start, total=plan.steps, mininterval=5)
    for step in bar:
        if step and step == decay_begins(plan):
            _save(folder / f"{plan.name}-even.ckpt", module, optimisers, step)
        torch.manual_seed(plan.seed * 1_000_003 + step)
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(plan, step)
        losses = loss_of(step_rng(plan, step), step)
        total = torch.stack(list(losses.values())).sum()
        module.zero_grad(set_to_none=True)
        total.backward()
        nn.utils.clip_grad_norm_(parameters, plan.clip_norm)
        for optimiser in optimisers:
            optimiser.step()
        for name, value in losses.items():
            averages[name] = 0.98 * averages.get(name, value.item()) + 0.02 * value.item()
        if step % 50 == 49:
            bar.set_postfix({name: f"{value:.3f}" for name, value in averages.items()}, refresh=False)
            with (folder / f"{plan.name}.jsonl").open("a") as curve:
                curve.write(json.dumps({"step": step + 1, **averages}) + "\n")
        if time.monotonic() - last_save > SECONDS_BETWEEN_CHECKPOINTS:
            _save(checkpoint, module, optimisers, step + 1)
            last_save = time.monotonic()
    _save(checkpoint, module, optimisers, plan.steps)
    module.eval()


def _optimisers(plan: Plan, module: nn.Module) -> list[torch.optim.Optimizer]:
    """AdamW for everything, or for all but hidden matrices; what has fewer than two axes does not decay."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    hidden = _hidden_matrices(module) if plan.muon else []
    taken = {id(p) for p in hidden}
    rest = [p for p in parameters if id(p) not in taken]
    adamw = torch.optim.AdamW(
        [
            {"params": [p for p in rest if p.ndim >= 2], "weight_decay": plan.weight_decay},
            {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0},
        ],
        lr=plan.learning_rate,
        betas=(0.9, 0.98),
        fused=True,
    )
    if not hidden:
        return [adamw]
    muon = Muon(hidden, lr=plan.learning_rate, weight_decay=plan.weight_decay, adjust_lr_fn="match_rms_adamw")
    return [adamw, muon]


def _hidden_matrices(module: nn.Module) -> list[nn.Parameter]:
    """The matrices that turn hidden states into others: no embeddings, no biases by position."""
    theirs = sys.modules.get("transformers.pytorch_utils")  # of GPT-2; where it is not loaded there are none
    kinds = (nn.Linear, theirs.Conv1D) if theirs else (nn.Linear,)
    layers: list[Any] = [layer for layer in module.modules() if isinstance(layer, kinds)]
    tables = {id(layer.weight) for layer in module.modules() if isinstance(layer, nn.Embedding)}
    found = {id(layer.weight): layer.weight for layer in layers if layer.weight.requires_grad}
    return [weight for key, weight in found.items() if key not in tables]


def _save(path: Path, module: nn.Module, optimisers: list[torch.optim.Optimizer], step: int) -> None:
    """Write beside, then rename: a cut never leaves half a checkpoint."""
    beside = path.with_suffix(".tmp")
    torch.save(
        {
            "module": module.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in optimisers],
            "step": step,
        },
        beside,
    )
    beside.replace(path)
