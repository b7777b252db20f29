"""Whisper's filter banks of sounds, made once, and everything that is done to them while it learns.

Powers are added band by band instead of samples: other speeds, voices, microphones, rooms and backgrounds
cost a fifth of what they cost on samples, and the log-mel of a window need not be made anew each time.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import lfilter
from torch import Tensor
from tqdm import tqdm
from whisper.audio import HOP_LENGTH, N_FFT, mel_filters

from demos.mini.train.sounds import SAMPLE_RATE, Sounds

BANDS = 80
FRAMES_PER_SECOND = SAMPLE_RATE // HOP_LENGTH
WARPS = np.geomspace(0.82, 1.22, 41)
_FLOOR = 1e-10


class Powers:
    """Mel powers of many sounds, end to end in one file: [frames, 80] log10 in float16 on disk."""

    def __init__(self, path: Path, sounds: Sounds) -> None:
        frames = [truth["samples"] // HOP_LENGTH for truth in sounds.truths]
        self._starts = np.concatenate([[0], np.cumsum(frames)])
        if not path.exists():
            beside = path.with_suffix(".tmp.npy")
            shape = (int(self._starts[-1]), BANDS)
            kept = np.lib.format.open_memmap(beside, mode="w+", dtype=np.float16, shape=shape)
            for index in tqdm(range(len(frames)), desc=path.stem, mininterval=5):
                start, stop = self._starts[index], self._starts[index + 1]
                kept[start:stop] = powers(sounds.samples(index))[: stop - start].clamp(min=_FLOOR).log10()
            kept.flush()
            beside.replace(path)
        self._kept = np.load(path, mmap_mode="r")

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __getitem__(self, index: int) -> NDArray[np.float32]:
        """Powers of one sound, float32 [frames, 80]."""
        kept = self._kept[self._starts[index] : self._starts[index + 1]]
        return np.float32(10) ** kept.astype(np.float32)


def powers(samples: NDArray[np.float32]) -> Tensor:
    """Mel powers [frames, 80] of a sound at 16 kHz, as openai-whisper takes them before the logarithm."""
    window = torch.hann_window(N_FFT)
    spectrum = torch.stft(torch.from_numpy(samples), N_FFT, HOP_LENGTH, window=window, return_complex=True)
    return (mel_filters("cpu", BANDS) @ spectrum[:, :-1].abs().square()).T


def log_mel(power: NDArray[np.float32]) -> Tensor:
    """The network's input [B, 80, frames] from powers [B, frames, 80]: openai-whisper's own scaling."""
    logarithm = torch.from_numpy(power).clamp(min=_FLOOR).log10()
    loudest = logarithm.amax(dim=(1, 2), keepdim=True)
    return ((torch.maximum(logarithm, loudest - 8.0) + 4.0) / 4.0).transpose(1, 2).contiguous()


@lru_cache(maxsize=1)
def _warps() -> NDArray[np.float32]:
    """Matrices [41, 80, 80] that move every frequency by one of `WARPS`."""
    filters = mel_filters("cpu", BANDS).numpy()
    bins = np.linspace(0, SAMPLE_RATE / 2, filters.shape[1])
    centres = (filters * bins).sum(1) / filters.sum(1)
    matrices = np.zeros((len(WARPS), BANDS, BANDS), np.float32)
    for number, warp in enumerate(WARPS):
        places = np.clip(np.interp(centres / warp, centres, np.arange(BANDS)), 0, BANDS - 1)
        low = np.minimum(places.astype(int), BANDS - 2)
        share = places - low
        matrices[number, low, np.arange(BANDS)] = 1 - share
        matrices[number, low + 1, np.arange(BANDS)] += share
    return matrices


def another_voice(rng: np.random.Generator, power: NDArray[np.float32], speed: float) -> NDArray[np.float32]:
    """The utterance [frames, 80] so many times as fast, by another throat (Jaitly & Hinton 2013).

    Its tempo is uneven, and its resonances are broader and less sharp or sharper: what synthesisers of
    another make do differently.
    """
    order = _unevenly(rng, len(power), speed)
    voice = power[order] @ _warps()[int(rng.integers(len(WARPS)))]
    blur = np.float32(rng.uniform(0, 0.15))
    voice[:, 1:-1] = (1 - 2 * blur) * voice[:, 1:-1] + blur * (voice[:, :-2] + voice[:, 2:])
    mean = float(voice.mean()) + _FLOOR
    return mean * (voice / mean) ** np.float32(rng.uniform(0.9, 1.15))


def _unevenly(rng: np.random.Generator, frames: int, speed: float) -> NDArray[np.int64]:
    """Which frame is heard when, in an utterance `speed` times as fast whose pace wavers on the way."""
    knots = 2 + frames // 25
    paces = 2 ** rng.uniform(-0.25, 0.25, knots)
    pace = np.interp(np.linspace(0, knots - 1, frames), np.arange(knots), paces)
    ends = np.cumsum(1 / pace)
    wanted = int(frames / speed)
    return np.searchsorted(ends, (np.arange(wanted) + 0.5) * (ends[-1] / wanted)).clip(max=frames - 1)


def coloured(rng: np.random.Generator, power: NDArray[np.float32], decibels: float) -> None:
    """Other microphones: a smooth random curve of up to so many decibels, and at times a telephone's band.

    `power` [B, frames, 80] is changed in place.
    """
    places = np.linspace(0, 1, BANDS)
    for row in power:
        waves = [rng.uniform(-1, 1) * np.cos(np.pi * (order * places + rng.random())) for order in (1, 2, 3)]
        curve = np.sum(waves, axis=0) * decibels / 2
        if rng.random() < 0.15:
            curve[int(rng.integers(52, 62)) :] -= 40
        row *= (10 ** (curve / 10)).astype(np.float32)


def in_a_room(rng: np.random.Generator, power: NDArray[np.float32]) -> None:
    """Half of the windows [B, frames, 80] get a tail that decays, as a diffuse room leaves; in place."""
    for row in power:
        if rng.random() < 0.5:
            continue
        sixty = 0.08 * (1.2 / 0.08) ** rng.random()  # seconds to fall 60 dB
        keep = 10 ** (-6 / (sixty * FRAMES_PER_SECOND))
        wet = 10 ** rng.uniform(-3, -0.4)
        row += lfilter([0.0, (1 - keep) * wet], [1.0, -keep], row, axis=0).astype(np.float32)


def hissing(rng: np.random.Generator, power: NDArray[np.float32]) -> None:
    """A noise floor 20 to 75 dB under the loudest frame of each window, of a random tilt; in place."""
    for row in power:
        loudest = float(row.sum(1).max()) / BANDS + 1e-7
        tilt = 10 ** (rng.uniform(-12, 12) * np.linspace(-1, 1, BANDS) / 10)
        level = loudest * 10 ** (-rng.uniform(20, 75) / 10)
        row += rng.standard_exponential(row.shape, dtype=np.float32) * (level * tilt).astype(np.float32)
