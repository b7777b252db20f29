"""Where a scene is heard: a room, a microphone's colour and a noise floor, each from its own ranges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

from demos.mini.world.dsp import SAMPLE_RATE, Signal, noise_spectrum, samples_of
from demos.mini.world.ranges import Ranges, Span, draw_all

NoiseKind = Literal["white", "pink", "brown", "hum", "hiss", "rumble"]
NOISE_KINDS: tuple[NoiseKind, ...] = ("white", "pink", "brown", "hum", "hiss", "rumble")

_ROOM = {"sixty": Span(0.06, 1.3, log=True), "wet": Span(0.01, 0.7, log=True)}
_MICROPHONE = {
    "low_cut": Span(20, 260, log=True),
    "high_cut": Span(3400, 10000, log=True),
    "tilt": Span(-7, 7),
    "bump": Span(200, 6000, log=True),
    "bump_gain": Span(-9, 9),
}
_NOISE_LEVEL = Span(-80, -40)
_SPECTRA = {
    "white": ([0, 8000], [0, 0]),
    "pink": ([0, 62, 125, 250, 500, 1000, 2000, 4000, 8000], [0, 0, -3, -6, -9, -12, -15, -18, -21]),
    "brown": ([0, 62, 125, 250, 500, 1000, 2000, 4000, 8000], [0, 0, -6, -12, -18, -24, -30, -36, -42]),
    "hum": ([0, 8000], [-10, -22]),
    "hiss": ([0, 500, 2000, 4000, 8000], [-24, -18, -8, -2, 0]),
    "rumble": ([0, 40, 120, 400, 1000, 8000], [-12, 0, -4, -22, -36, -48]),
}


@dataclass(frozen=True)
class Room:
    """An exponentially decaying diffuse room: seconds to fall 60 dB, and the level of its sound."""

    sixty: float
    wet: float
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator, ranges: Ranges) -> Room:
        """A random room, from a padded booth to a hall."""
        return cls(**draw_all(_ROOM, rng, ranges), seed=int(rng.integers(2**31)))

    def response(self) -> Signal:
        """The reverberant tail that follows the direct sound, of unit energy: noise that decays."""
        n = samples_of(self.sixty)
        noise = np.random.default_rng(self.seed).standard_normal(n)
        tail = noise * np.exp(np.arange(n) * (-6.908 / n))
        tail[: min(n, 40)] = 0.0
        return tail / (np.sqrt(np.sum(tail * tail)) + 1e-9)


@dataclass(frozen=True)
class Microphone:
    """A zero-phase colouring: band limits in Hz, tilt over the band in dB, one broad bump."""

    low_cut: float
    high_cut: float
    tilt: float
    bump: float
    bump_gain: float

    @classmethod
    def draw(cls, rng: np.random.Generator, ranges: Ranges) -> Microphone:
        """A random microphone."""
        return cls(**draw_all(_MICROPHONE, rng, ranges))

    def gain(self, bins: int) -> NDArray[np.float32]:
        """Linear gains at `bins` even frequencies from 0 to half the sample rate."""
        coarse = np.linspace(0, SAMPLE_RATE / 2, 401)
        octave = np.log2(np.maximum(coarse, 30) / 1000)
        decibels = self.tilt * octave / 3 + self.bump_gain * np.exp(
            -0.5 * (np.log2(np.maximum(coarse, 30) / self.bump) / 0.7) ** 2
        )
        passed = (
            1
            / np.sqrt(1 + (self.low_cut / np.maximum(coarse, 1)) ** 4)
            / np.sqrt(1 + (coarse / self.high_cut) ** 8)
        )
        levels = 10 ** (decibels / 20) * passed
        return np.interp(np.linspace(0, SAMPLE_RATE / 2, bins), coarse, levels).astype(np.float32)


@dataclass(frozen=True)
class Noise:
    """A steady noise floor: its kind, its root mean square in dB below full scale, its seed."""

    kind: NoiseKind
    level: float
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator, ranges: Ranges) -> Noise:
        """A random floor between faint and plainly there."""
        kind = NOISE_KINDS[int(rng.integers(len(NOISE_KINDS)))]
        return cls(kind, _NOISE_LEVEL.draw(rng, ranges), int(rng.integers(2**31)))

    def spectrum(self, size: int) -> NDArray[np.complex64]:
        """The real transform of `size` samples of the floor."""
        rng = np.random.default_rng(self.seed)
        frequencies, decibels = _SPECTRA[self.kind]
        spectrum = noise_spectrum(rng, size, frequencies, decibels)
        if self.kind == "hum":
            mains = 50.0 if rng.random() < 0.5 else 60.0
            spectrum *= np.float32(0.4)
            for harmonic, amplitude in ((1, 0.9), (2, 0.6), (3, 0.3)):
                spectrum[round(harmonic * mains / SAMPLE_RATE * size)] += np.complex64(amplitude * size / 2)
        return spectrum * np.float32(10 ** (self.level / 20))


def heard(
    direct: Signal, distant: Signal, room: Room, microphone: Microphone, noise: Noise
) -> NDArray[np.float32]:
    """What is recorded: direct sound, distant sound by way of the room, colour, and the noise floor."""
    n = len(direct)
    size = next_fast_len(n + samples_of(room.sixty), real=True)
    total = noise.spectrum(size)
    if direct.any() or distant.any():
        near = rfft(direct.astype(np.float32), size)
        far = rfft(distant.astype(np.float32), size)
        far *= rfft((room.wet * room.response()).astype(np.float32), size)
        near += far
        near *= microphone.gain(len(near))
        total += near
    return irfft(total, size)[:n]
