"""Resampling: by soxr, and by the windowed sinc of the published CLAP and Pengi."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import soxr

from demos.sound import Samples

FILTER_WIDTH = 6  # zero crossings of the published sinc on either side
ROLLOFF = 0.99  # its cut-off, as a share of the lower Nyquist frequency
MOST_WEIGHTS = 1 << 22  # of a convolution; rates that share no divisor, such as 44,099 and 44,100, need more
CHUNK = 1 << 18  # output samples that are computed at once without a convolution


def resample_soxr(samples: Samples, rate: int, new_rate: int) -> Samples:
    """Resampled by soxr at its very high quality and held within −1..1 where the filter overshoots."""
    if rate == new_rate:
        return samples
    resampled = soxr.resample(samples, rate, new_rate, quality="VHQ")
    return np.clip(resampled, -1.0, 1.0).astype(np.float32, copy=False)


def resample_published(samples: Samples, rate: int, new_rate: int) -> Samples:
    """Resampled as the published CLAP and Pengi do: windowed sinc, Hann, 6 zero crossings, rolloff 0.99.

    [n] → [⌈n · new rate / rate⌉]. The filter is torchaudio's default `Resample`: its taps are computed in
    float64 and used in float32, and sound is zero outside the window.
    """
    if rate == new_rate or not len(samples):
        return samples
    divisor = math.gcd(rate, new_rate)
    old, new = rate // divisor, new_rate // divisor
    taps = _sinc_taps(old, new)
    reach = (taps.shape[1] - 1) // 2
    length = -(-len(samples) * new // old)
    if new * (old + taps.shape[1]) <= MOST_WEIGHTS:
        return _convolved(np.pad(samples, (reach, reach + old)), old, new)[:length]
    return _tap_by_tap(np.pad(samples, reach), taps, old, new, length)


def _convolved(padded: Samples, old: int, new: int) -> Samples:
    """Every `old` samples become `new` ones: one convolution with a channel for each of them."""
    import torch

    heard = torch.from_numpy(padded)[None, None]
    with torch.inference_mode():
        made = torch.nn.functional.conv1d(heard, torch.from_numpy(_kernels(old, new)), stride=old)
        samples: Samples = made[0].T.reshape(-1).numpy()
    return samples


def _tap_by_tap(padded: Samples, taps: npt.NDArray[np.float32], old: int, new: int, length: int) -> Samples:
    made = np.empty(length, dtype=np.float32)
    for begin in range(0, length, CHUNK):
        outputs = np.arange(begin, min(begin + CHUNK, length))
        phases = outputs % new
        nearest = outputs * old // new  # the input sample at or just before each output
        total = np.zeros(len(outputs), dtype=np.float32)
        for tap in range(taps.shape[1]):
            total += padded[nearest + tap] * taps[phases, tap]
        made[begin : begin + len(outputs)] = total
    return made


@lru_cache(maxsize=8)
def _kernels(old: int, new: int) -> npt.NDArray[np.float32]:
    """The taps of each phase where its nearest input sample stands: [new, 1, old − 1 + taps]."""
    taps = _sinc_taps(old, new)
    kernels = np.zeros((new, 1, old - 1 + taps.shape[1]), dtype=np.float32)
    for phase, nearest in enumerate(np.arange(new) * old // new):
        kernels[phase, 0, nearest : nearest + taps.shape[1]] = taps[phase]
    return kernels


@lru_cache(maxsize=32)
def _sinc_taps(old: int, new: int) -> npt.NDArray[np.float32]:
    """Filter taps [new phases, taps] around the input sample at or before each output."""
    cutoff = min(old, new) * ROLLOFF
    reach = math.ceil(FILTER_WIDTH * old / cutoff)
    fraction = np.arange(new) * old % new / new  # of an input sample, from the nearest one to the output
    distance = (np.arange(-reach, reach + 1) - fraction[:, None]) * cutoff / old  # in zero crossings
    distance = np.clip(distance, -FILTER_WIDTH, FILTER_WIDTH)
    window = np.cos(distance * np.pi / FILTER_WIDTH / 2) ** 2
    return (np.sinc(distance) * window * cutoff / old).astype(np.float32)
