"""Mini HuBERT: the published architecture and objective, small, trained on sounds of the world.

Hsu et al. (2021): name the cluster of each masked step. The clusters of the first iteration are of cepstra
(MFCC with both differences, 39 values), those of the second of what a middle layer of the first made. With
half an hour to learn in, the second iteration goes on from the weights of the first instead of starting anew;
without steps it is left out.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import HubertConfig, HubertModel

from demos.mini.train.fast import compiled, mixed
from demos.mini.train.loop import Plan, train
from demos.mini.train.self_supervised import (
    FRAMES,
    RECEPTIVE_FIELD,
    SHAPE,
    STRIDE,
    World,
    entered,
    features,
    masked,
    projected,
    save,
    spans,
    states,
    through,
)
from demos.networks import log_mel

CONFIG = HubertConfig(**SHAPE, num_conv_pos_embeddings=64)
FIRST_CLUSTERS, SECOND_CLUSTERS = 100, 200
CEPSTRA = 13
BANDS = 40
CODE_WIDTH = 64
SHARPNESS = 0.1  # cosines are divided by it
MIDDLE = 4  # the layer of the first iteration whose output is clustered for the second
SAMPLE_WINDOWS = 240  # whose steps are clustered
ROUNDS = 25  # of k-means, at most


def mfcc(sound: Tensor) -> Tensor:
    """Mel cepstra and their first and second differences, [batch, samples] to [batch, steps, 39].

    One step for each step of the convolutions, over the same 25 ms.
    """
    window, bank, cosines = (values.to(sound.device) for values in _cepstral_constants())
    frames = sound.float().unfold(1, RECEPTIVE_FIELD, STRIDE) * window
    power = torch.fft.rfft(frames).abs().square()
    cepstra = torch.log(power @ bank + 1e-6) @ cosines
    first = _difference(cepstra)
    return torch.cat([cepstra, first, _difference(first)], 2)


@lru_cache(maxsize=1)
def _cepstral_constants() -> tuple[Tensor, Tensor, Tensor]:
    window = torch.hann_window(RECEPTIVE_FIELD)
    bank = log_mel.mel_bank(RECEPTIVE_FIELD, BANDS, 16_000, 40, 7_800)
    band, order = torch.arange(BANDS)[:, None], torch.arange(CEPSTRA)[None]
    cosines = torch.cos(torch.pi / BANDS * (band + 0.5) * order) * (2 / BANDS) ** 0.5
    return window, bank, cosines


def _difference(values: Tensor) -> Tensor:
    """Slope over five steps by least squares; the ends are repeated."""
    padded = torch.cat([values[:, :1]] * 2 + [values] + [values[:, -1:]] * 2, 1)
    one, two = padded[:, 3:-1] - padded[:, 1:-3], padded[:, 4:] - padded[:, :-4]
    return (one + 2 * two) / 10


class Clusters:
    """Centres of k-means over values that are scaled to unit variance first."""

    def __init__(self, mean: Tensor, deviation: Tensor, centres: Tensor) -> None:
        self.mean, self.deviation, self.centres = mean, deviation, centres

    @classmethod
    def of(cls, values: Tensor, count: int, seed: int) -> Clusters:
        """Cluster values [points, dimensions] (Lloyd's rounds from spread-out points, `count` ≤ points)."""
        random = torch.Generator().manual_seed(seed)
        mean, deviation = values.mean(0), values.std(0) + 1e-5
        points = (values - mean) / deviation
        found = cls(mean, deviation, _spread_points(points, count, random))
        for _ in range(ROUNDS):
            named, distance = found._nearest(points)
            sums = torch.zeros_like(found.centres).index_add_(0, named, points)
            sizes = torch.bincount(named, minlength=count)
            centres = sums / sizes.clamp(min=1)[:, None]
            if empty := int((sizes == 0).sum()):
                # An empty cluster begins anew at the points that are worst served.
                centres[sizes == 0] = points[distance.topk(empty).indices]
            moved = float((centres - found.centres).abs().max())
            found.centres = centres
            if moved < 1e-4:
                break
        return found

    @classmethod
    def kept(cls, path: Path, make: Callable[[], Clusters]) -> Clusters:
        """Those of a file; where there is none they are made and written."""
        if not path.exists():
            made = make()
            save_file({"mean": made.mean, "deviation": made.deviation, "centres": made.centres}, path)
        return cls(**load_file(path))

    def to(self, device: str) -> Clusters:
        """The same on a device."""
        return Clusters(self.mean.to(device), self.deviation.to(device), self.centres.to(device))

    def __call__(self, values: Tensor) -> Tensor:
        """The nearest centre of each of [..., dimensions] values, int64 [...]."""
        points = (values.float().flatten(0, -2) - self.mean) / self.deviation
        return self._nearest(points)[0].view(values.shape[:-1])

    def _nearest(self, points: Tensor) -> tuple[Tensor, Tensor]:
        # |x|² is the same for all centres, and only needed for the distance itself.
        partial_distance = self.centres.square().sum(1) - 2 * points @ self.centres.T
        least, named = partial_distance.min(1)
        return named, least + points.square().sum(1)


def _spread_points(points: Tensor, count: int, random: torch.Generator) -> Tensor:
    """Points drawn one by one, far ones rather than near ones (k-means++, Arthur & Vassilvitskii 2007)."""
    chosen = [points[int(torch.randint(len(points), (1,), generator=random))]]
    nearest = (points - chosen[0]).square().sum(1)
    for _ in range(count - 1):
        chosen.append(points[int(torch.multinomial(nearest + 1e-9, 1, generator=random))])
        nearest = torch.minimum(nearest, (points - chosen[-1]).square().sum(1))
    return torch.stack(chosen)


class Namer(nn.Module):
    """HuBERT with the head of one iteration: a projection, and a vector for each cluster."""

    def __init__(self, model: HubertModel, clusters: int) -> None:
        super().__init__()
        self.model = model
        self.projection = nn.Linear(model.config.hidden_size, CODE_WIDTH)
        self.codes = nn.Parameter(torch.randn(clusters, CODE_WIDTH))

    def forward(self, sound: Tensor, mask: Tensor) -> Tensor:
        """Logits of each step over the clusters, [batch, frames, clusters]."""
        hidden, _ = projected(self.model, features(self.model, sound))
        entering = entered(self.model, masked(self.model, hidden, mask))
        outputs, _ = through(self.model.encoder.layers, entering)
        said = F.normalize(self.projection(outputs[-1]).float(), dim=-1)
        return said @ F.normalize(self.codes.float(), dim=-1).T / SHARPNESS


@torch.no_grad()
def clustered(
    world: World, describe: Callable[[Tensor], Tensor], clusters: int, seed: int, windows: int, frames: int
) -> Clusters:
    """Clusters of what `describe` makes of the steps of random windows."""
    rng = np.random.default_rng(seed)
    # They are few: clustered on the processor, they are the same wherever the network is.
    batches = [describe(world.batch(rng, 8, frames)).float().cpu() for _ in range(max(1, windows // 8))]
    values = torch.cat(batches).flatten(0, 1)
    return Clusters.of(values, min(clusters, len(values)), seed)


def _iteration(
    plan: Plan,
    model: HubertModel,
    describe: Callable[[Tensor], Tensor],
    clusters: Clusters,
    draw: Callable[[np.random.Generator], tuple[Tensor, Tensor]],
    folder: Path,
    device: str,
) -> None:
    """Train `model` to name, in masked steps, the clusters of what `describe` makes of the whole sound."""
    namer = Namer(model, len(clusters.centres)).to(device)
    quick = compiled(namer.forward)

    def losses(rng: np.random.Generator, step: int) -> dict[str, Tensor]:
        sound, mask = draw(rng)
        with torch.no_grad():
            named = clusters(describe(sound))
        with mixed(device):
            logits = quick(sound, mask)
        return {"named": F.cross_entropy(logits.float()[mask], named[mask])}

    train(plan, namer, losses, folder)


def run(
    folder: Path,
    world: World,
    steps: int = 800,
    second_steps: int = 0,
    size: int = 16,
    frames: int = FRAMES,
    config: HubertConfig = CONFIG,
    windows: int = SAMPLE_WINDOWS,
    device: str = "cpu",
) -> None:
    """The first iteration, and the second where it has steps; write `hubert/` as a published checkpoint."""
    torch.manual_seed(81)
    folder.mkdir(parents=True, exist_ok=True)
    model = HubertModel(config).to(device)

    def draw(rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        return world.batch(rng, size, frames).to(device), spans(rng, size, frames).to(device)

    first = Clusters.kept(
        folder / "hubert-clusters-1.safetensors",
        partial(clustered, world, mfcc, FIRST_CLUSTERS, 82, windows, frames),
    )
    plan = Plan("hubert", steps, 1.5e-3, warm_up=min(40, steps), muon=True, seed=83)
    _iteration(plan, model, mfcc, first.to(device), draw, folder, device)

    if second_steps:
        teacher = copy.deepcopy(model).requires_grad_(False)
        middle = compiled(lambda sound: states(teacher, sound)[MIDDLE])

        def describe(sound: Tensor) -> Tensor:
            with mixed(device):
                return middle(sound.to(device))

        second = Clusters.kept(
            folder / "hubert-clusters-2.safetensors",
            partial(clustered, world, describe, SECOND_CLUSTERS, 84, windows, frames),
        )
        plan = Plan("hubert-second", second_steps, 1.5e-3, warm_up=min(40, second_steps), muon=True, seed=85)
        _iteration(plan, model, describe, second.to(device), draw, folder, device)
    save(model, folder / "hubert")
