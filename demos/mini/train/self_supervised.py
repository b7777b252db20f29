"""What the self-supervised trio shares: windows of world sound, masks, the published forward pass in parts.

Wav2vec 2.0, HuBERT and data2vec-audio hear raw samples at 16 kHz through seven convolutions (one step every
320 samples) and a transformer. The classes are those of the transformers library, so that what is trained
here is read as the published models are; only their parts are called one by one, because masks are drawn from
the step's own random source and a compiled pass needs them as tensors.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import PreTrainedModel, Wav2Vec2FeatureExtractor

from demos.mini.train.sounds import SAMPLE_RATE, Backgrounds, Sounds, played

STRIDE, RECEPTIVE_FIELD = 320, 400  # samples, of the seven convolutions together
FRAMES = 100  # steps of 20 ms in a training window (2 s)
MASK_SHARE, MASK_LENGTH = 0.65, 10  # begun spans cover this share if none overlap; steps in a span (200 ms)
RATES = (0.85, 1.2)  # how much faster a sound is played
UTTERANCE_PARTS = 24  # of what is rendered, the first ones: half an hour of a core hears no more
SCENE_PARTS = 14
MOST_UTTERANCES = 4  # in one window of speech

SHAPE: dict[str, Any] = {
    "hidden_size": 128,
    "num_hidden_layers": 6,
    "num_attention_heads": 4,
    "intermediate_size": 512,
    "conv_dim": (32, 32, 48, 64, 96, 128, 128),
    "num_conv_pos_embedding_groups": 8,
    # Half an hour of learning from endless windows does not over-fit, and compiled passes skip no layer.
    "hidden_dropout": 0.0,
    "activation_dropout": 0.0,
    "attention_dropout": 0.0,
    "layerdrop": 0.0,
    # Plain products train twice as fast on a processor as torch's fused attention; it is not saved.
    "attn_implementation": "eager",
    "mask_time_prob": MASK_SHARE,
    "mask_time_length": MASK_LENGTH,
}
"""Sizes that the three have in common; kernels and strides of the convolutions stay as published."""


def samples_of(frames: int) -> int:
    """How many samples the convolutions turn into exactly so many steps."""
    return STRIDE * (frames - 1) + RECEPTIVE_FIELD


def normalised(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Zero mean and unit variance, as the published feature extractors give (`do_normalize`)."""
    centred = samples - samples.mean()
    return (centred / np.sqrt(centred.var() + 1e-7)).astype(np.float32)


class World:
    """Windows of speech, scenes and single sounds, half of them at another speed and pitch."""

    def __init__(self, utterances: Sounds, scenes: Sounds, backgrounds: Backgrounds) -> None:
        self.utterances = utterances
        self.scenes = scenes
        self.backgrounds = backgrounds

    def batch(self, rng: np.random.Generator, size: int, frames: int = FRAMES) -> Tensor:
        """Normalised windows, float32 [size, samples]."""
        return torch.from_numpy(np.stack([self.window(rng, samples_of(frames)) for _ in range(size)]))

    def window(self, rng: np.random.Generator, length: int) -> NDArray[np.float32]:
        """One normalised window of `length` samples: speech, a scene, or a single sound."""
        kind = rng.random()
        if kind < 0.45:
            sound = self._speech(rng, length)
        elif kind < 0.85:
            sound = _cut(rng, _any(rng, self.scenes), length)
        else:
            sound = self.backgrounds.draw(rng, length)
        # A floor of noise: no microphone gives the pure zeros that lie between two synthetic sounds.
        floor = np.sqrt(np.square(sound).mean() + 1e-9) * 10 ** rng.uniform(-4, -1.5)
        return normalised(sound + rng.standard_normal(length, dtype=np.float32) * np.float32(floor))

    def _speech(self, rng: np.random.Generator, length: int) -> NDArray[np.float32]:
        """Sentences one after another; over a third lie other voices or sounds, as WavLM heard them."""
        sound = self._talk(rng, length)
        if rng.random() < 1 / 3:
            other = self._talk(rng, length) if rng.random() < 0.5 else self.backgrounds.draw(rng, length)
            sound = laid_over(sound, other, decibels=float(rng.uniform(0, 15)))
        return sound

    def _talk(self, rng: np.random.Generator, length: int) -> NDArray[np.float32]:
        pieces: list[NDArray[np.float32]] = []
        for _ in range(MOST_UTTERANCES):
            pieces.append(_faster(rng, _any(rng, self.utterances)))
            pieces.append(np.zeros(int(rng.uniform(0.1, 0.6) * SAMPLE_RATE), np.float32))
            if sum(map(len, pieces)) >= length:
                break
        return _cut(rng, np.concatenate(pieces), length, speeds=False)


def laid_over(sound: NDArray[np.float32], other: NDArray[np.float32], decibels: float) -> NDArray[np.float32]:
    """The sound with another under it whose mean power lies so many decibels lower."""
    ratio = np.sqrt((np.square(sound).mean() + 1e-9) / (np.square(other).mean() + 1e-9))
    return (sound + other * np.float32(ratio * 10 ** (-decibels / 20))).astype(np.float32)


def _any(rng: np.random.Generator, sounds: Sounds) -> NDArray[np.float32]:
    return sounds.samples(int(rng.integers(len(sounds))))


def _faster(rng: np.random.Generator, sound: NDArray[np.float32]) -> NDArray[np.float32]:
    return played(sound, float(rng.uniform(*RATES))) if rng.random() < 0.5 else sound


def _cut(
    rng: np.random.Generator, sound: NDArray[np.float32], length: int, speeds: bool = True
) -> NDArray[np.float32]:
    """`length` samples from anywhere in a sound; a shorter one is begun again at its end."""
    if speeds:
        sound = _faster(rng, sound)
    start = int(rng.integers(0, max(1, len(sound) - length + 1)))
    return np.resize(sound[start : start + length], length)


def spans(
    rng: np.random.Generator, size: int, frames: int, share: float = MASK_SHARE, length: int = MASK_LENGTH
) -> Tensor:
    """Which steps are masked, bool [size, frames]: spans begun at random places, some of which overlap."""
    length = min(length, frames)
    starts = max(1, round(share * frames / length))
    mask = np.zeros((size, frames), dtype=bool)
    for row in mask:
        for start in rng.choice(frames - length + 1, min(starts, frames - length + 1), replace=False):
            row[start : start + length] = True
    return torch.from_numpy(mask)


def features(model: PreTrainedModel, samples: Tensor) -> Tensor:
    """What the convolutions make of normalised samples: [batch, frames, channels]."""
    hidden = samples[:, None]
    for layer in model.feature_extractor.conv_layers:
        hidden = layer.conv(hidden)
        norm = getattr(layer, "layer_norm", None)
        if isinstance(norm, nn.LayerNorm):
            # Over channels, so time comes first for a moment; the activation is many times faster there.
            hidden = layer.activation(norm(hidden.transpose(1, 2))).transpose(1, 2).contiguous()
        else:
            hidden = layer.activation(hidden if norm is None else norm(hidden))
    return hidden.transpose(1, 2)


def projected(model: PreTrainedModel, heard: Tensor) -> tuple[Tensor, Tensor]:
    """Features at the width of the transformer, and the features normalised (unchanged in HuBERT)."""
    wide = model.feature_projection(heard)
    return wide if isinstance(wide, tuple) else (wide, heard)


def masked(model: PreTrainedModel, hidden: Tensor, mask: Tensor) -> Tensor:
    """Hidden steps with the learned mask vector in the masked places."""
    return torch.where(mask[..., None], model.masked_spec_embed.to(hidden.dtype), hidden)


def entered(model: PreTrainedModel, hidden: Tensor) -> Tensor:
    """What enters the first layer of the transformer: hidden steps that know their places."""
    encoder = model.encoder
    return encoder.layer_norm(hidden + encoder.pos_conv_embed(hidden))


def through(layers: nn.ModuleList, hidden: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """The output of each layer, and what its feed-forward part added."""
    outputs, added = [], []
    for layer in layers:
        hidden = layer.layer_norm(hidden + layer.attention(hidden)[0])
        added.append(layer.feed_forward(hidden))
        hidden = layer.final_layer_norm(hidden + added[-1])
        outputs.append(hidden)
    return outputs, added


def states(model: PreTrainedModel, samples: Tensor) -> list[Tensor]:
    """What enters the transformer and the output of each of its layers, without a mask."""
    hidden = entered(model, projected(model, features(model, samples))[0])
    return [hidden, *through(model.encoder.layers, hidden)[0]]


def save(model: PreTrainedModel, folder: Path, normalise: bool = True) -> None:
    """Write a network as its publishers do: config.json, model.safetensors (float16), the input's rules."""
    stored = copy.deepcopy(model).cpu().half()
    stored.save_pretrained(folder)
    Wav2Vec2FeatureExtractor(
        sampling_rate=SAMPLE_RATE, do_normalize=normalise, return_attention_mask=False
    ).save_pretrained(folder)
