"""Mini-BEATs: the published architecture, small, trained as a sound-event tagger of the world.

The fine-tuning objective of Chen et al. (ICML 2023, section 3.3), binary cross-entropy over classes, with the
world's exact times as truth for each 160 ms step. Half of the sounds carry speech over them, and all are
played at other speeds and through other microphones: the held-out world goes beyond the ranges of this one.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from demos.mini.train.loop import Plan, train
from demos.mini.train.sounds import SAMPLE_RATE, Scenes, Utterances, played
from demos.mini.train.weights import half
from demos.mini.world.taxonomy import NAMES
from demos.networks.beats import Beats, BeatsConfig

CONFIG = BeatsConfig(
    embed_dim=64,
    encoder_layers=3,
    encoder_embed_dim=96,
    encoder_ffn_embed_dim=384,
    encoder_attention_heads=4,
    conv_pos=32,
    conv_pos_groups=8,
    predictor_class=len(NAMES),
)
SECONDS = 4.5  # of sound in one training window
STEP = 0.16  # seconds that one patch covers
BATCH = 32
SPEEDS = (0.75, 1.3)  # scenes are played slower and faster, which shifts every pitch and rate
TILT = 0.25  # largest change from the lowest to the highest band, in normalised fbank units (about 14 dB)


def batch(
    rng: np.random.Generator, size: int, scenes: Scenes, utterances: Utterances
) -> tuple[Tensor, Tensor]:
    """Sounds [B, samples] and what sounds when [B, steps, classes]."""
    length = round(SECONDS * SAMPLE_RATE)
    steps = int((length - 400) // 160 + 1) // 16
    sounds = np.zeros((size, length), np.float32)
    truth = np.zeros((size, steps, len(NAMES)), np.float32)
    for row in range(size):
        index = int(rng.integers(len(scenes)))
        speed = float(rng.uniform(*SPEEDS))
        sound = played(scenes.samples(index), speed)
        start = int(rng.integers(0, max(1, len(sound) - length + 1)))
        piece = sound[start : start + length]
        sounds[row, : len(piece)] = piece
        for event in scenes.scenes[index].events:
            onset = (event.onset / speed - start / SAMPLE_RATE) / STEP
            offset = (event.offset / speed - start / SAMPLE_RATE) / STEP
            if offset > 0 and onset < steps:
                truth[row, int(max(0, onset)) : int(np.ceil(offset)), NAMES.index(event.name)] = 1
        if rng.random() < 0.5:
            speech, _ = utterances.draw(rng)
            speech = speech[: length // 2]
            at = int(rng.integers(0, length - len(speech)))
            level = np.abs(piece).max() * 10 ** (rng.uniform(-12, 10) / 20)
            sounds[row, at : at + len(speech)] += speech * level / (np.abs(speech).max() + 1e-6)
    gains = 10 ** (rng.uniform(-20, 6, (size, 1)).astype(np.float32) / 20)
    return torch.from_numpy(np.clip(sounds * gains, -1, 1)), torch.from_numpy(truth)


def coloured(rng: np.random.Generator, fbank: Tensor) -> Tensor:
    """Another microphone: a tilt over the bands and one band hidden, per sound; fbank [B, frames, 128]."""
    ramp = torch.linspace(-1, 1, fbank.shape[2])
    for sound in fbank:
        sound += float(rng.uniform(-TILT, TILT)) * ramp
        width = int(rng.integers(0, 16))
        band = int(rng.integers(0, fbank.shape[2] - width))
        sound[:, band : band + width] = sound.mean()
    return fbank


def run(folder: Path, scenes: Scenes, utterances: Utterances, steps: int) -> None:
    """Train and write `beats.safetensors` (float16) and `beats.json`."""
    torch.manual_seed(31)
    beats = Beats(CONFIG)
    predictor = beats.predictor
    assert predictor is not None  # the configuration has classes

    def losses(rng: np.random.Generator, step: int) -> dict[str, Tensor]:
        sounds, truth = batch(rng, BATCH, scenes, utterances)
        tokens, _ = beats.encode(coloured(rng, beats.fbank(sounds, dtype=torch.float32)))
        by_time = beats.mean_over_frequency(tokens)
        logits = predictor(by_time)
        timed = F.binary_cross_entropy_with_logits(logits, truth[:, : logits.shape[1]])
        clip = F.binary_cross_entropy_with_logits(logits.amax(1), truth.amax(1))
        return {"timed": 8 * timed, "clip": 4 * clip}

    train(Plan("beats", steps, 1.5e-3, warm_up=150, seed=32), beats, losses, folder)
    save_file(half(beats), folder / "beats.safetensors")
    (folder / "beats.json").write_text(json.dumps(CONFIG.to_dict(), indent=1) + "\n")
