"""What becomes of a recording on its way: telephones, lossy coding, low rates, clipping, levelling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, rfft

from demos.mini.world.dsp import SAMPLE_RATE, samples_of
from demos.mini.world.ranges import Ranges, Span

CodecKind = Literal["none", "telephone", "lossy", "low rate", "clipped", "levelled", "coarse"]
_SHARES: dict[CodecKind, float] = {
    "none": 0.46,
    "telephone": 0.07,
    "lossy": 0.16,
    "low rate": 0.09,
    "clipped": 0.08,
    "levelled": 0.09,
    "coarse": 0.05,
}
CODEC_KINDS: tuple[CodecKind, ...] = tuple(_SHARES)
_STRENGTH = Span(0, 1)
_FRAME = 512


@dataclass(frozen=True)
class Codec:
    """One change of a whole recording; `strength` from 0 (hardly heard) to 1 (plainly heard)."""

    kind: CodecKind = "none"
    strength: float = 0.0

    @classmethod
    def draw(cls, rng: np.random.Generator, ranges: Ranges) -> Codec:
        """A random one; nearly half of all recordings are left as they are."""
        kind = CODEC_KINDS[int(rng.choice(len(CODEC_KINDS), p=list(_SHARES.values())))]
        strength = _STRENGTH.draw(rng, ranges)
        return cls() if kind == "none" else cls(kind, strength)

    def passed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The recording [samples] after it, at about the same level."""
        if self.kind == "none" or not samples.any():
            return samples
        change = {
            "telephone": _telephone,
            "lossy": _lossy,
            "low rate": _low_rate,
            "clipped": _clipped,
            "levelled": _levelled,
            "coarse": _coarse,
        }[self.kind]
        return change(samples, self.strength).astype(np.float32)


AS_IT_IS = Codec()
"""A recording that nothing happened to."""


def _band(samples: NDArray[np.float32], low: float, high: float) -> NDArray[np.floating]:
    """What lies between two frequencies, with edges a third of an octave wide."""
    spectrum = rfft(samples)
    octave = np.log2(np.maximum(np.linspace(0, SAMPLE_RATE / 2, len(spectrum)), 1))
    up = np.clip((octave - np.log2(low)) * 3 + 0.5, 0, 1)
    down = np.clip((np.log2(high) - octave) * 3 + 0.5, 0, 1)
    return irfft(spectrum * (up * down).astype(np.float32), len(samples))


def _telephone(samples: NDArray[np.float32], strength: float) -> NDArray[np.floating]:
    """300 to 3400 Hz and eight bits on the µ-law's curve (ITU-T G.711); stronger: fewer bits."""
    heard = _band(samples, 200 + 150 * strength, 3800 - 500 * strength)
    peak = float(np.abs(heard).max()) + 1e-9
    curved = np.sign(heard) * np.log1p(255 * np.abs(heard) / peak) / np.log(256)
    steps = 2 ** (7 - 2 * strength)
    stepped = np.round(curved * steps) / steps
    return np.sign(stepped) * (256 ** np.abs(stepped) - 1) / 255 * peak


def _lossy(samples: NDArray[np.float32], strength: float) -> NDArray[np.floating]:
    """What perceptual coders do: no top, and in each frame nothing far beneath the loudest of its band."""
    hop = _FRAME // 2
    frames = -(-len(samples) // hop) + 1
    padded = np.zeros((frames + 1) * hop, np.float32)
    padded[hop : hop + len(samples)] = samples
    window = np.sin(np.pi * (np.arange(_FRAME) + 0.5) / _FRAME).astype(np.float32)
    cut = np.lib.stride_tricks.sliding_window_view(padded, _FRAME)[::hop] * window
    spectra = rfft(cut, axis=1)
    highest = int((7600 - 3600 * strength) / SAMPLE_RATE * _FRAME)
    spectra[:, highest:] = 0
    width = 8
    kept = spectra[:, : (spectra.shape[1] // width) * width]
    power = np.abs(kept.reshape(len(kept), -1, width))
    step = power.max(2, keepdims=True) * (0.08 + 0.5 * strength)
    masked = np.where(power < step, 0, 1).reshape(kept.shape)
    kept *= masked
    back = irfft(spectra, _FRAME, axis=1) * window
    total = np.zeros_like(padded)
    total[: len(back) * hop] += back[:, :hop].ravel()
    total[hop : hop + len(back) * hop] += back[:, hop:].ravel()
    return total[hop : hop + len(samples)]


def _low_rate(samples: NDArray[np.float32], strength: float) -> NDArray[np.floating]:
    """Kept at 12 down to 6 kHz and drawn back with straight lines, which leaves images above."""
    rate = 12_000 - 6_000 * strength
    smooth = _band(samples, 1.0, 0.45 * rate)
    every = SAMPLE_RATE / rate
    places = np.arange(0, len(samples), every)
    known = np.interp(places, np.arange(len(samples)), smooth)
    return np.interp(np.arange(len(samples)), places, known)


def _clipped(samples: NDArray[np.float32], strength: float) -> NDArray[np.floating]:
    """Driven 3 to 18 dB into the limit: every peak beyond it is cut flat."""
    peak = float(np.abs(samples).max())
    limit = peak * 10 ** (-(3 + 15 * strength) / 20)
    return np.clip(samples, -limit, limit)


def _levelled(samples: NDArray[np.float32], strength: float) -> NDArray[np.floating]:
    """Automatic gain: loud stretches come down and quiet ones up, by up to 80 % of their difference."""
    from scipy.signal import lfilter  # see dsp.recursive

    keep = float(np.exp(-1 / (0.08 * SAMPLE_RATE)))
    start = samples[: samples_of(0.1)]
    zi = [keep * float(np.mean(start * start))]
    power, _ = lfilter([1 - keep], [1.0, -keep], samples * samples, zi=zi)
    level = np.sqrt(np.maximum(power, 0)) + 0.03 * float(np.abs(samples).max()) + 1e-9
    return samples * (level / level.max()) ** -(0.2 + 0.6 * strength)


def _coarse(samples: NDArray[np.float32], strength: float) -> NDArray[np.floating]:
    """Few bits: ten down to five of the peak's range."""
    peak = float(np.abs(samples).max())
    steps = 2 ** (9 - 5 * strength)
    return np.round(samples / peak * steps) / steps * peak
