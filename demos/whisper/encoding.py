"""Running Whisper's encoder on a window of sound, once for all that need its hidden states."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from whisper.audio import N_SAMPLES, log_mel_spectrogram, pad_or_trim
from whisper.model import AudioEncoder, Whisper

SECONDS_PER_FRAME = 0.02  # of the hidden states


@dataclass(frozen=True)
class EncodedSpeech:
    """The encoder's states for one window of 30 s, 50 frames per second.

    `hidden` is the normalised output [1, 1500, width]. `layers`, if they were asked for, are the states
    [1, 1500, width] below the first layer and after each; the last is `hidden` before its normalisation.
    """

    hidden: Tensor
    layers: tuple[Tensor, ...] = ()


@torch.no_grad()
def encoder_hidden(
    model: Whisper | AudioEncoder, waveform: np.ndarray, collect: bool = False
) -> EncodedSpeech:
    """Encode a sound [samples] at 16 kHz; what is over 30 s is left out, what is missing is silence.

    `collect` keeps the states of every layer for a heatmap.
    """
    encoder = model.encoder if isinstance(model, Whisper) else model
    weight = encoder.conv1.weight
    samples = torch.from_numpy(np.ascontiguousarray(waveform, dtype=np.float32)).to(weight.device)
    mel = log_mel_spectrogram(pad_or_trim(samples, N_SAMPLES), n_mels=weight.shape[1]).to(weight.dtype)
    if not collect:
        return EncodedSpeech(encoder(mel[None]))
    state = functional.gelu(encoder.conv2(functional.gelu(encoder.conv1(mel[None]))))
    state = (state.permute(0, 2, 1) + encoder.positional_embedding).to(weight.dtype)
    layers = [state]
    for block in encoder.blocks:
        layers.append(block(layers[-1]))
    return EncodedSpeech(encoder.ln_post(layers[-1]), tuple(layers))
