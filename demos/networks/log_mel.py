"""From samples to a log-mel spectrogram, with the filters kept in the checkpoint (torchlibrosa's layout).

Published HTSAT and CNN14 files hold the Fourier kernels and the mel matrix as tensors, so what the file
says wins over what a configuration says. Kernels that are a windowed Fourier transform run as an FFT, which
is many times faster and moves single cells by less than 1e-3 dB; other kernels are convolved.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

KERNEL_TOLERANCE = 1e-5  # float32 kernels agree with the exact transform to about 1e-7
POWER_FLOOR = 1e-10  # silence: -100 dB


class FixedWeight(nn.Module):
    """A tensor named `weight` that is stored with the model and never trained."""

    weight: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight)


class ShortTimeFourier(nn.Module):
    """Kernels `conv_real.weight` and `conv_imag.weight`, each `[n_fft // 2 + 1, 1, n_fft]`."""

    def __init__(self, n_fft: int, hop: int) -> None:
        super().__init__()
        self.n_fft = n_fft
        self.hop = hop
        real, imaginary = fourier_kernels(n_fft)
        self.conv_real = FixedWeight(real)
        self.conv_imag = FixedWeight(imaginary)
        self.uses_fft = True
        self.register_load_state_dict_post_hook(_choose_transform_once_loaded)

    def forward(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """`[B, samples]` to real and imaginary part, each `[B, frames, n_fft // 2 + 1]`.

        Frames are centred on multiples of the hop; the sound is mirrored at both ends, so it must be longer
        than half a window.
        """
        real, imaginary = self.conv_real.weight.float(), self.conv_imag.weight.float()
        if self.uses_fft:
            window = real[0, 0]  # the row of frequency zero is the window itself
            transform = torch.stft(
                waveform, self.n_fft, self.hop, window=window, pad_mode="reflect", return_complex=True
            ).transpose(1, 2)
            return transform.real, transform.imag
        half = self.n_fft // 2
        padded = functional.pad(waveform[:, None], (half, half), mode="reflect")
        return (
            functional.conv1d(padded, real, stride=self.hop).transpose(1, 2),
            functional.conv1d(padded, imaginary, stride=self.hop).transpose(1, 2),
        )

    def choose_transform(self) -> None:
        """Use the FFT if the kernels held now are a windowed Fourier transform, else convolve with them."""
        real, imaginary = self.conv_real.weight, self.conv_imag.weight
        if real.is_meta:
            return
        window = real[0, 0].double().cpu()
        exact_real, exact_imaginary = fourier_kernels(self.n_fft, window)
        difference = max(
            (real.float().cpu() - exact_real).abs().max().item(),
            (imaginary.float().cpu() - exact_imaginary).abs().max().item(),
        )
        self.uses_fft = difference < KERNEL_TOLERANCE


def _choose_transform_once_loaded(module: nn.Module, _: object) -> None:
    assert isinstance(module, ShortTimeFourier)
    module.choose_transform()


class PowerSpectrogram(nn.Module):
    """Power per frequency bin; holds the kernels under the published name `stft`."""

    def __init__(self, n_fft: int, hop: int) -> None:
        super().__init__()
        self.stft = ShortTimeFourier(n_fft, hop)

    def forward(self, waveform: Tensor) -> Tensor:
        """`[B, samples]` to power `[B, 1, frames, n_fft // 2 + 1]`, frames = samples // hop + 1."""
        real, imaginary = self.stft(waveform)
        power: Tensor = (real.square() + imaginary.square())[:, None]
        return power


class LogMel(nn.Module):
    """Mel bands in decibels against a power of one, floored at -100 dB; no other clipping."""

    melW: Tensor

    def __init__(self, n_fft: int, mel_bins: int, sample_rate: int, fmin: float, fmax: float) -> None:
        super().__init__()
        self.register_buffer("melW", mel_bank(n_fft, mel_bins, sample_rate, fmin, fmax))

    def forward(self, power: Tensor) -> Tensor:
        """Power `[B, 1, frames, n_fft // 2 + 1]` to decibels `[B, 1, frames, mel_bins]`."""
        return 10.0 * torch.log10((power @ self.melW.float()).clamp(min=POWER_FLOOR))


def fourier_kernels(n_fft: int, window: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Real and imaginary kernels of a windowed Fourier transform, each `[n_fft // 2 + 1, 1, n_fft]`.

    The window (`[n_fft]`, float64) is a periodic Hann window unless given.
    """
    if window is None:
        window = torch.hann_window(n_fft, periodic=True, dtype=torch.float64, device="cpu")
    sample = torch.arange(n_fft, device="cpu")
    # whole turns are removed from the angle while it is an integer, which keeps it exact
    steps = (torch.arange(n_fft // 2 + 1, device="cpu")[:, None] * sample) % n_fft
    angle = steps.double() * (2 * math.pi / n_fft)
    real = (window * torch.cos(angle)).float()
    imaginary = (-window * torch.sin(angle)).float()
    return real[:, None], imaginary[:, None]


def mel_bank(n_fft: int, mel_bins: int, sample_rate: int, fmin: float, fmax: float) -> Tensor:
    """Triangular mel filters `[n_fft // 2 + 1, mel_bins]`: Slaney's scale, equal areas (librosa's default).

    `sample_rate`, `fmin` and `fmax` are in hertz. Raises ValueError if a filter holds no frequency bin.
    """
    edges = _mel_to_hertz(np.linspace(_hertz_to_mel(fmin), _hertz_to_mel(fmax), mel_bins + 2))
    frequencies = np.linspace(0.0, sample_rate / 2, n_fft // 2 + 1)
    distance = edges[:, None] - frequencies  # [mel_bins + 2, bins]
    width = np.diff(edges)[:, None]
    rising, falling = -distance[:-2] / width[:-1], distance[2:] / width[1:]
    filters = np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (edges[2:] - edges[:-2]))[:, None]
    if not filters.any(axis=1).all():
        raise ValueError(
            f"{mel_bins} mel bands from {fmin} to {fmax} Hz are too narrow for a window of {n_fft} samples "
            f"at {sample_rate} Hz: a band holds no frequency bin. Use fewer bands or a longer window."
        )
    return torch.from_numpy(filters.T.astype(np.float32).copy())


# Slaney's mel scale: linear below 1 kHz (3 mel per 200 Hz), then 27 mel for each factor of 6.4.
_LINEAR_STEP = 200.0 / 3
_BREAK_HERTZ = 1000.0
_BREAK_MEL = _BREAK_HERTZ / _LINEAR_STEP
_LOG_STEP = math.log(6.4) / 27.0


def _hertz_to_mel(hertz: float) -> float:
    if hertz < _BREAK_HERTZ:
        return hertz / _LINEAR_STEP
    return _BREAK_MEL + math.log(hertz / _BREAK_HERTZ) / _LOG_STEP


def _mel_to_hertz(mel: np.ndarray) -> np.ndarray:
    above = _BREAK_HERTZ * np.exp(_LOG_STEP * (np.maximum(mel, _BREAK_MEL) - _BREAK_MEL))
    return np.where(mel < _BREAK_MEL, mel * _LINEAR_STEP, above)
