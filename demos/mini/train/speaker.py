"""Mini speaker model: the published WavLM x-vector architecture, small, trained on the world's voices.

Snyder et al. (ICASSP 2018): time-delay layers, mean and deviation over time, an embedding; over WavLM's
transformer (Chen et al. 2022), as in the published wavlm-base-plus-sv, with the additive-margin softmax. A
voice at another speed can count as another speaker (Yamamoto et al., Interspeech 2019).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import WavLMConfig, WavLMForXVector

from demos.mini.train.beginnings import even_outputs
from demos.mini.train.fast import compiled, mixed
from demos.mini.train.loop import Plan, train
from demos.mini.train.self_supervised import (
    SHAPE,
    entered,
    features,
    laid_over,
    normalised,
    projected,
    samples_of,
    save,
)
from demos.mini.train.sounds import Backgrounds, Sounds, played

FRAMES = 100  # steps of 20 ms in a training window (2 s)
SPEEDS = (1.0,)  # each makes another speaker of a voice; with five it learns too slowly
MARGIN = 0.1  # of the cosine, from seven tenths of the training on; none in the first half
SCALE = 20.0  # of the cosines

CONFIG = WavLMConfig(
    **SHAPE
    | {
        "num_hidden_layers": 2,
        "conv_dim": (32, 32, 48, 64, 96, 96, 96),
        "hidden_size": 96,
        "intermediate_size": 256,
        "mask_time_prob": 0.0,
    },
    num_conv_pos_embeddings=32,
    num_buckets=64,
    max_bucket_distance=200,
    tdnn_dim=(96, 96, 96, 96, 192),
    tdnn_kernel=(5, 3, 3, 1, 1),
    tdnn_dilation=(1, 2, 3, 1, 1),
    xvector_output_dim=96,
)


class Voices:
    """Windows of single speakers: a voice at one of the speeds, some over other sounds."""

    def __init__(self, utterances: Sounds, backgrounds: Backgrounds) -> None:
        self.utterances = utterances
        self.backgrounds = backgrounds
        self.names = sorted({truth["voice"] for truth in utterances.truths})
        self._spoken = {
            name: [index for index, truth in enumerate(utterances.truths) if truth["voice"] == name]
            for name in self.names
        }

    @property
    def speakers(self) -> int:
        """How many are told apart."""
        return len(self.names) * len(SPEEDS)

    def batch(self, rng: np.random.Generator, size: int, frames: int = FRAMES) -> tuple[Tensor, Tensor]:
        """Normalised windows, float32 [size, samples], and who speaks in each, int64 [size]."""
        speakers = rng.integers(self.speakers, size=size)
        windows = [self.window(rng, int(speaker), samples_of(frames)) for speaker in speakers]
        return torch.from_numpy(np.stack(windows)), torch.from_numpy(speakers)

    def window(self, rng: np.random.Generator, speaker: int, length: int) -> NDArray[np.float32]:
        """`length` samples of one speaker, through a random microphone, two thirds of them over a sound."""
        voice, speed = divmod(speaker, len(SPEEDS))
        spoken = self._spoken[self.names[voice]]
        pieces: list[NDArray[np.float32]] = []
        while sum(map(len, pieces)) < length:
            sentence = self.utterances.samples(spoken[int(rng.integers(len(spoken)))])
            # 2 % of jitter, so that a speaker is not known by one exact rate.
            pieces.append(played(sentence, SPEEDS[speed] * float(rng.uniform(0.98, 1.02))))
        speech = np.concatenate(pieces)
        start = int(rng.integers(len(speech) - length + 1))
        sound = speech[start : start + length]
        if rng.random() < 2 / 3:
            other = self.backgrounds.draw(rng, length)
            sound = laid_over(sound, other, decibels=float(rng.uniform(3, 25)))
        # One zero in the filter: brighter or duller by up to some 12 dB between bass and treble.
        tilted = np.append(sound[:1], sound[1:] + np.float32(rng.uniform(-0.6, 0.6)) * sound[:-1])
        floor = np.sqrt(np.square(tilted).mean() + 1e-9) * 10 ** rng.uniform(-4, -1.5)
        return normalised(tilted + rng.standard_normal(length, dtype=np.float32) * np.float32(floor))


def embedded(model: WavLMForXVector, sound: Tensor) -> Tensor:
    """The x-vectors of normalised windows, [batch, xvector_output_dim]: what the published forward gives."""
    hidden = entered(model.wavlm, projected(model.wavlm, features(model.wavlm, sound))[0])
    bias = None
    for layer in model.wavlm.encoder.layers:
        hidden, bias = layer(hidden, position_bias=bias)
    hidden = model.projector(hidden)
    for layer in model.tdnn:
        hidden = layer(hidden)
    return model.feature_extractor(torch.cat([hidden.mean(1), hidden.float().std(1).to(hidden.dtype)], 1))


def begin_even(model: WavLMForXVector, sound: Tensor) -> None:
    """Let each layer of the head give outputs of zero mean and unit variance for a batch of windows.

    As transformers draws them, each of the time-delay layers makes five times less of what entered it: the
    embeddings of two voices begin with a cosine of 0.99 and end as one constant, the last layer's bias.
    """
    layers = [(model.projector, None), *((layer.kernel, layer.activation) for layer in model.tdnn)]
    even_outputs([*layers, (model.feature_extractor, None)], lambda: embedded(model, sound))


def margin(step: int, steps: int) -> float:
    """Rises in a line from nothing, after the first half of the steps, to MARGIN at seven tenths."""
    return MARGIN * min(1.0, max(0.0, step / max(1, steps) - 0.5) / 0.2)


def run(
    folder: Path,
    voices: Voices,
    steps: int = 300,
    size: int = 32,
    frames: int = FRAMES,
    config: WavLMConfig = CONFIG,
    device: str = "cpu",
) -> None:
    """Train; write `speaker/` as a published checkpoint (`WavLMForXVector`)."""
    torch.manual_seed(91)
    model = WavLMForXVector(WavLMConfig(**config.to_dict() | {"num_labels": voices.speakers}))
    model.objective.scale = SCALE
    # The layer after the embedding stays the identity: embeddings are compared, so the margin lies on them.
    torch.nn.init.eye_(model.classifier.weight.data)
    torch.nn.init.zeros_(model.classifier.bias.data)
    model.classifier.requires_grad_(False)
    model.to(device)
    begin_even(model, voices.batch(np.random.default_rng(93), size, frames)[0].to(device))
    quick = compiled(lambda sound: embedded(model, sound))

    def losses(rng: np.random.Generator, step: int) -> dict[str, Tensor]:
        sound, speakers = voices.batch(rng, size, frames)
        with mixed(device):
            embeddings = quick(sound.to(device))
        model.objective.margin = margin(step, steps)
        return {"speaker": model.objective(embeddings.float(), speakers.to(device))}

    train(Plan("speaker", steps, 3e-3, warm_up=min(60, steps), muon=True, seed=92), model, losses, folder)
    save(model, folder / "speaker")
