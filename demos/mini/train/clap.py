"""Mini-CLAP: HTSAT and GPT-2 text tower of msclap 2023, small, trained with contrast and tags.

Contrastive loss of Elizalde et al. (arXiv 2309.05767), where captions of equal content count as each other's
match. At the same time the class head of HTSAT learns what sounds when (the world knows it exactly), heads
that are not kept read all events and their order from the one latent that CLAP and Pengi go on with, and
single events are matched to their labels; beside its caption each scene has others that are false by one
thing alone. Sounds are played higher and lower, faster and slower, through other microphones and in more
noise, since the held-out world goes beyond the ranges of this one. A second phase goes on with the heads
alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from demos.clap.checkpoint import load
from demos.clap.network import Clap, ClapConfig
from demos.mini.train.beginnings import expect_rarely, principal_filters
from demos.mini.train.clap_examples import END, PLACES, Examples
from demos.mini.train.fast import compiled, device_of, mixed
from demos.mini.train.loop import Plan, train
from demos.mini.train.objectives import share_changed, which_class
from demos.mini.train.sounds import SAMPLE_RATE, Scenes
from demos.mini.train.weights import half
from demos.mini.train.widening import augment, some_of, widen
from demos.mini.world.language import labels_caption
from demos.mini.world.taxonomy import NAMES
from demos.networks.htsat import Htsat, HtsatConfig
from demos.networks.sizes import to_plain
from demos.networks.text import Gpt2Sizes
from demos.tokenizer import padded

HTSAT = HtsatConfig(
    sample_rate=SAMPLE_RATE,
    clip_seconds=7,
    window_size=1024,
    hop_size=448,
    mel_bins=64,
    mel_sample_rate=SAMPLE_RATE,
    mel_fmin=50,
    mel_fmax=7800,
    spec_size=128,
    patch_size=8,
    patch_stride=8,
    embed_dim=96,
    depths=(2, 4),
    num_heads=(4, 8),
    num_classes=len(NAMES),
    drop_path=0.0,
)
BATCH = 64
HEARINGS = 3  # of each scene that are kept for what learns on a frozen HTSAT
RAMP = 250  # steps: see `share_changed`
NEGATIVES = 2  # false captions beside each true one


@dataclass(frozen=True)
class Choices:
    """What a training has; each can be left out to see what it is good for (`ablations.py`)."""

    widening: bool = True  # other rates, pitches, microphones and noise
    timed_tags: bool = True
    false_captions: bool = True
    events_head: bool = True
    order_head: bool = True
    which_class: bool = True  # rather than any other, beside whether each sounds or not
    muon: bool = True  # orthogonalised steps for hidden matrices


class Lesson(nn.Module):
    """The network, and two heads that are not kept: from the latent of a window they read its events, and
    which of them comes first, second and so on.
    """

    def __init__(self, clap: Clap) -> None:
        super().__init__()
        self.clap = clap
        width = clap.audio_encoder.base.htsat.config.latent_size
        self.events = nn.Linear(width, len(NAMES))
        self.places = nn.Linear(width, PLACES * len(NAMES))


def run(folder: Path, scenes: Scenes, steps: int, choices: Choices = Choices(), device: str = "cpu") -> None:
    """Train and write `htsat.safetensors`, `clap.safetensors` (float16) and `clap.json`."""
    torch.manual_seed(11)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    config = ClapConfig(
        htsat=HTSAT,
        text=Gpt2Sizes(
            vocab_size=tokenizer.get_vocab_size(),
            n_positions=64,
            n_embd=128,
            n_layer=3,
            n_head=4,
            dropout=0.05,
        ),
        text_length=40,
        embedding_size=256,
    )
    clap = Clap(config)
    lesson = Lesson(clap)
    htsat = clap.audio_encoder.base.htsat
    examples = Examples(folder, scenes, htsat, tokenizer)
    htsat.bn0.running_mean.copy_(torch.tensor(np.asarray(examples.log_mel[:256], np.float32).mean((0, 1))))
    labels = label_captions(tokenizer)
    for bias in (lesson.events.bias, htsat.tscam_conv.bias):
        assert bias is not None
        expect_rarely(bias)
    filters = first_filters(htsat, examples)
    htsat.patch_embed.proj.weight.data[: len(filters)] = filters
    lesson.to(device)

    losses = losses_of(lesson, examples, labels, choices)
    train(
        Plan("clap", steps, 3e-3, warm_up=150, weight_decay=0.05, decay=0.4, muon=choices.muon, seed=12),
        lesson,
        losses,
        folder,
    )
    save(folder, clap)
    (folder / "clap.json").write_text(json.dumps(to_plain(config), indent=1) + "\n")


def losses_of(
    lesson: Lesson,
    examples: Examples,
    labels: list[list[list[int]]],
    choices: Choices = Choices(),
    ramps: bool = True,
    order_weight: float = 2.0,
) -> Callable[[np.random.Generator, int], dict[str, Tensor]]:
    """The losses of a step; where it `ramps`, sounds are unchanged in the first ones."""
    clap, htsat = lesson.clap, lesson.clap.audio_encoder.base.htsat
    device = device_of(clap)

    def listen(log_mel: Tensor) -> tuple[Tensor, Tensor]:
        output = htsat.from_log_mel(log_mel[:, None])
        return output.latent, output.framewise_logits

    quick = compiled(listen)

    def losses(rng: np.random.Generator, step: int) -> dict[str, Tensor]:
        rows = np.sort(rng.choice(len(examples.content), BATCH, replace=False))
        log_mel = torch.from_numpy(examples.log_mel[rows].astype(np.float32))
        truth = torch.from_numpy(examples.steps[rows])
        # Whatever is left out, a step draws the same.
        widened = some_of(
            rng, share_changed(step, RAMP) if ramps else 1.0, widen(rng, log_mel, truth), (log_mel, truth)
        )
        log_mel, truth = widened if choices.widening else (log_mel, truth)
        with mixed(device):
            latent, framewise = quick(augment(rng, log_mel).to(device))
        truth = truth.to(device)
        latent, framewise = latent.float(), framewise.float()
        sounding, events = truth.amax(1), lesson.events(latent)
        timed = 24 * F.binary_cross_entropy_with_logits(framewise, truth)
        clip = 9 * F.binary_cross_entropy_with_logits(events, sounding)
        if choices.which_class:
            timed = timed + 4 * which_class(framewise, truth)
            clip = clip + 2 * which_class(events, sounding)
        asked = labels if step % 2 else []
        found = matching(rng, clap, examples, rows, latent, asked, choices.false_captions)
        if choices.timed_tags:
            found["tags"] = timed
        if choices.events_head:
            found["events"] = clip
        if choices.order_head:
            places = lesson.places(latent).unflatten(1, (PLACES, len(NAMES))).flatten(0, 1)
            order = torch.from_numpy(examples.order[rows]).flatten().to(device)
            found["order"] = order_weight * F.cross_entropy(places, order, ignore_index=-1)
        return found

    return losses


def run_wider(folder: Path, scenes: Scenes, steps: int, device: str = "cpu") -> None:
    """Go on from both files with other scenes, many of them unusual; writes them again.

    The heads that are not kept are drawn anew, and the order of events weighs twice as much.
    """
    torch.manual_seed(16)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    clap = trained(folder).requires_grad_(True)
    lesson = Lesson(clap)
    expect_rarely(lesson.events.bias)
    examples = Examples(folder, scenes, clap.audio_encoder.base.htsat, tokenizer, more=True)
    lesson.to(device)
    train(
        Plan("clap-wider", steps, 2.5e-3, warm_up=150, weight_decay=0.05, decay=0.6, muon=True, seed=17),
        lesson,
        losses_of(lesson, examples, label_captions(tokenizer), ramps=False, order_weight=4.0),
        folder,
    )
    save(folder, clap)


def first_filters(htsat: Htsat, examples: Examples) -> Tensor:
    """What the patch embedding begins with: the principal components of patches, [values, 1, side, side]."""
    side = htsat.config.patch_size
    log_mel = torch.from_numpy(np.asarray(examples.log_mel[:1200], np.float32))
    silent = torch.zeros(len(log_mel), 1, 1)
    heard, _ = widen(np.random.default_rng(13), log_mel, silent)
    with torch.no_grad():
        image = htsat.image(htsat.normalise(heard[:, None]))[:, 0]
    patches = image.unfold(1, side, side).unfold(2, side, side).flatten(0, 2).flatten(1)
    return principal_filters(patches, min(side**2, htsat.config.embed_dim)).unflatten(1, (1, side, side))


def matching(
    rng: np.random.Generator,
    clap: Clap,
    examples: Examples,
    rows: NDArray[np.int64],
    latent: Tensor,
    labels: list[list[list[int]]],
    false_captions: bool = True,
) -> dict[str, Tensor]:
    """Contrast of some scenes with their captions, and of single events with their label among all `labels`.

    `latent` [B, width] is what HTSAT made of the scenes `rows`. A scene has to tell its caption from those of
    all others and, with `false_captions`, from `NEGATIVES` of its own that are false by one thing alone.
    """
    audio = F.normalize(clap.audio_encoder.projection(latent), dim=-1)
    chosen = [_any(rng, examples.captions[i]) for i in rows]
    chosen += [_any(rng, forms) for forms in labels]
    false = [row for row, i in enumerate(rows) if false_captions and examples.negatives[i]]
    chosen += [_any(rng, examples.negatives[rows[row]]) for row in false for _ in range(NEGATIVES)]
    text = F.normalize(_read(clap, chosen), dim=-1)
    captions, classes, wrong = text.split([len(rows), len(labels), len(text) - len(rows) - len(labels)])
    scale = clap.logit_scale.clamp(max=np.log(100)).exp()
    logits = scale * audio @ captions.T
    content = torch.from_numpy(examples.content[rows]).to(latent.device)
    match = (content[:, None] == content[None]).float()
    match = match / match.sum(1, keepdim=True)
    own = torch.full((len(rows), NEGATIVES), -1e4, device=latent.device)
    own[false] = scale * (audio[false][:, None] * wrong.unflatten(0, (-1, NEGATIVES))).sum(-1)
    to_text = F.cross_entropy(
        torch.cat([logits, own], dim=1), torch.cat([match, torch.zeros_like(own)], dim=1)
    )
    found = {"contrast": (to_text + F.cross_entropy(logits.T, match)) / 2}
    single = torch.from_numpy(examples.single[rows]).to(latent.device)
    if labels and (single >= 0).any():
        found["label"] = F.cross_entropy(scale * audio @ classes.T, single, ignore_index=-1)
    return found


def _read(clap: Clap, texts: list[list[int]]) -> Tensor:
    """What the text tower makes of texts [texts, width], short ones apart from long ones to pad less."""
    order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
    halves = [order[: len(order) // 2], order[len(order) // 2 :]]
    device, read = device_of(clap), []
    with mixed(device):
        for half in halves:
            ids, mask = padded([texts[i] for i in half], 0, len(texts[half[-1]]))
            read.append(clap.caption_encoder(ids.to(device), mask.to(device)))
    said = torch.cat(read)
    back = torch.empty(len(order), dtype=torch.long)
    back[torch.tensor(order)] = torch.arange(len(order))
    return said.float()[back.to(device)]


def _any(rng: np.random.Generator, options: list[list[int]]) -> list[int]:
    return options[int(rng.integers(len(options)))]


def save(folder: Path, clap: Clap) -> None:
    """Write `htsat.safetensors` and `clap.safetensors`, float16."""
    state = half(clap)
    base = "audio_encoder.base."
    save_file({k: v for k, v in state.items() if k.startswith(base)}, folder / "htsat.safetensors")
    save_file({k: v for k, v in state.items() if not k.startswith(base)}, folder / "clap.safetensors")


def hear(folder: Path, scenes: Scenes, more: bool = False, device: str = "cpu") -> NDArray[np.float32]:
    """HTSAT's latents of every scene, [scenes, hearings, width]: as it is first, then widened; made once.

    Those of `more` scenes are kept apart from those of the first ones.
    """
    path = folder / ("latents-more.npy" if more else "latents.npy")
    if not path.exists():
        clap = trained(folder).to(device)
        htsat = clap.audio_encoder.base.htsat
        log_mels = np.load(folder / ("log_mel-more.npy" if more else "log_mel.npy"), mmap_mode="r")
        latents = np.zeros((len(scenes), HEARINGS, htsat.config.latent_size), np.float32)
        quick = compiled(lambda log_mel: htsat.from_log_mel(log_mel[:, None]).latent)
        for start in tqdm(range(0, len(scenes), 32), desc="latents", mininterval=5):
            rows = slice(start, min(start + 32, len(scenes)))
            log_mel = torch.from_numpy(log_mels[rows].astype(np.float32))
            silent = torch.zeros(len(log_mel), 1, 1)
            for hearing in range(HEARINGS):
                rng = np.random.default_rng([21, start, hearing])
                heard = widen(rng, log_mel, silent)[0] if hearing else log_mel
                with torch.no_grad(), mixed(device):
                    latents[rows, hearing] = quick(heard.to(device)).float().cpu().numpy()
        np.save(path, latents)
    return np.load(path)


def trained(folder: Path) -> Clap:
    """The CLAP whose files lie in `folder`."""
    config = ClapConfig.from_json(folder / "clap.json")
    return load([folder / "htsat.safetensors", folder / "clap.safetensors"], config)


def run_heads(folder: Path, scenes: Scenes, steps: int, device: str = "cpu") -> None:
    """Go on with the text tower and both projections alone, on kept latents; writes `clap.safetensors` again.

    HTSAT's tags know more than the shared space does by then, and without HTSAT a step costs a tenth.
    """
    torch.manual_seed(14)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    clap = trained(folder)
    clap.requires_grad_(True)
    clap.audio_encoder.base.requires_grad_(False)
    examples = Examples(folder, scenes, clap.audio_encoder.base.htsat, tokenizer)
    latents = hear(folder, scenes, device=device)
    clap.to(device)
    labels = label_captions(tokenizer)

    def losses(rng: np.random.Generator, step: int) -> dict[str, Tensor]:
        rows = rng.choice(len(scenes), 2 * BATCH, replace=False)
        latent = torch.from_numpy(latents[rows, rng.integers(0, HEARINGS, len(rows))]).to(device)
        return matching(rng, clap, examples, rows, latent, labels)

    train(
        Plan("clap-heads", steps, 1e-3, warm_up=50, weight_decay=0.05, muon=True, seed=15),
        clap,
        losses,
        folder,
    )
    save(folder, clap)


def label_captions(tokenizer: Tokenizer) -> list[list[list[int]]]:
    """Token ids of every form of every class's label."""
    return [
        [encoding.ids for encoding in tokenizer.encode_batch([form + END for form in labels_caption(name)])]
        for name in NAMES
    ]
