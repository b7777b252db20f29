"""Kaldi's log-mel filter bank ("fbank") in torch: the front end of BEATs.

Follows Kaldi's `compute-fbank-feats` with its default settings, 128 triangular filters and no dither.
Runs on a batch, on any device, in float64 (what BEATs was published with) or float32.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

SAMPLE_RATE = 16_000
FRAME_SAMPLES = 400
HOP_SAMPLES = 160
FFT_SIZE = 512
MEL_BINS = 128
LOWEST_HZ = 20.0
HIGHEST_HZ = SAMPLE_RATE / 2
PREEMPHASIS = 0.97
ENERGY_FLOOR = 1.1920929e-07  # float32 epsilon, Kaldi's floor before the logarithm


def frame_count(samples: int) -> int:
    """Number of whole 25 ms frames, 10 ms apart, in `samples` samples at 16 kHz; 0 if not one fits."""
    return max(0, 1 + (samples - FRAME_SAMPLES) // HOP_SAMPLES)


def log_mel(waveform: Tensor, dtype: torch.dtype = torch.float64) -> Tensor:
    """Log-mel energies of a batch of waveforms.

    `waveform` is [batch, samples] at 16 kHz, in 16-bit integer scale (±32768) as Kaldi expects;
    all arithmetic is done in `dtype`. Returns [batch, frames, 128] in `dtype`.
    Raises ValueError when the waveform is shorter than one frame (400 samples).
    """
    if waveform.dim() != 2:
        raise ValueError(f"The filter bank takes [batch, samples]; it was given {list(waveform.shape)}.")
    if waveform.shape[1] < FRAME_SAMPLES:
        raise ValueError(
            f"The filter bank needs at least {FRAME_SAMPLES} samples (25 ms); "
            f"it was given {waveform.shape[1]}."
        )
    with torch.autocast(waveform.device.type, enabled=False):
        frames = waveform.to(dtype).unfold(1, FRAME_SAMPLES, HOP_SAMPLES)
        frames = frames - frames.mean(dim=-1, keepdim=True)
        # The first sample of a frame counts as its own predecessor.
        predecessors = functional.pad(frames, (1, 0), mode="replicate")[..., :-1]
        frames = (frames - PREEMPHASIS * predecessors) * povey_window(dtype, waveform.device)
        power = torch.fft.rfft(frames, n=FFT_SIZE).abs().square()
        energies = power @ mel_filters(dtype, waveform.device)
        return energies.clamp_min(ENERGY_FLOOR).log()


@lru_cache(maxsize=8)
@torch.inference_mode(False)
def povey_window(dtype: torch.dtype, device: torch.device) -> Tensor:
    """A symmetric Hann window of 400 samples raised to the power 0.85."""
    window = torch.hann_window(FRAME_SAMPLES, periodic=False, dtype=torch.float64).pow(0.85)
    return window.to(device=device, dtype=dtype)


@lru_cache(maxsize=8)
@torch.inference_mode(False)
def mel_filters(dtype: torch.dtype, device: torch.device) -> Tensor:
    """Triangles [257 frequencies, 128 bins], equally spaced and linear in mel, not area-normalised.

    The filter of bin 3 falls between two frequencies of the transform and is empty, so that this
    feature is constant. The published network was trained with it.
    """
    frequencies = torch.arange(FFT_SIZE // 2 + 1, dtype=torch.float64) * SAMPLE_RATE / FFT_SIZE
    mels = _mel(frequencies)[:, None]
    edges = torch.linspace(
        1127.0 * math.log1p(LOWEST_HZ / 700.0),
        1127.0 * math.log1p(HIGHEST_HZ / 700.0),
        MEL_BINS + 2,
        dtype=torch.float64,
    )
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    rising = (mels - left) / (centre - left)
    falling = (right - mels) / (right - centre)
    return torch.minimum(rising, falling).clamp_min(0.0).to(device=device, dtype=dtype)


def _mel(hertz: Tensor) -> Tensor:
    return 1127.0 * torch.log1p(hertz / 700.0)
