"""CNN14, the audio encoder of CLAP (2022) (Kong et al., PANNs, 2020).

A log-mel spectrogram is read by six blocks of convolutions; time and frequency are halved between them, and
what is left is pooled over both. Tensor names are those of the published checkpoints.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from demos.networks.log_mel import LogMel, PowerSpectrogram


@dataclass(frozen=True)
class Cnn14Config:
    """All sizes of a CNN14; the defaults are those of msclap 2022.

    Rates and mel edges are in hertz, `window_size` and `hop_size` in samples. `widths` are the channels of
    the blocks, the last one is the width of the latent.
    """

    sample_rate: int = 44100
    clip_seconds: float = 5
    window_size: int = 1024
    hop_size: int = 320
    mel_bins: int = 64
    mel_fmin: float = 50
    mel_fmax: float = 14000
    widths: tuple[int, ...] = (64, 128, 256, 512, 1024, 2048)
    num_classes: int = 527

    @property
    def clip_samples(self) -> int:
        """Samples of one window of sound."""
        return round(self.clip_seconds * self.sample_rate)

    @property
    def latent_size(self) -> int:
        """Width of the latent."""
        return self.widths[-1]


@dataclass(frozen=True)
class Cnn14Output:
    """What CNN14 heard in B windows: the `latent` `[B, D]` that CLAP embeds, and `clipwise` `[B, classes]`,
    probabilities of AudioSet's classes.
    """

    latent: Tensor
    clipwise: Tensor


class ConvolutionBlock(nn.Module):
    """Two convolutions, each with batch normalisation and ReLU."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.bn2 = nn.BatchNorm2d(out_channels)

    def forward(self, image: Tensor) -> Tensor:
        """`[B, in_channels, frames, bands]` to `[B, out_channels, frames, bands]`."""
        image = functional.relu(self.bn1(self.conv1(image)))
        return functional.relu(self.bn2(self.conv2(image)))


class Cnn14(nn.Module):
    """The encoder. Give it `[B, samples]` of mono sound at the configured rate, in [-1, 1].

    It is here to listen: the dropout of the published training is left out.
    """

    def __init__(self, config: Cnn14Config) -> None:
        super().__init__()
        self.config = config
        self.spectrogram_extractor = PowerSpectrogram(config.window_size, config.hop_size)
        self.logmel_extractor = LogMel(
            config.window_size, config.mel_bins, config.sample_rate, config.mel_fmin, config.mel_fmax
        )
        self.bn0 = nn.BatchNorm2d(config.mel_bins)
        widths = (1, *config.widths)
        for number, width in enumerate(config.widths, start=1):  # published files count them in their names
            self.add_module(f"conv_block{number}", ConvolutionBlock(widths[number - 1], width))
        self.fc1 = nn.Linear(config.latent_size, config.latent_size)
        self.fc_audioset = nn.Linear(config.latent_size, config.num_classes)

    def forward(self, waveform: Tensor) -> Cnn14Output:
        """Hear `[B, samples]`."""
        image = self.normalise(self.log_mel(waveform))
        for number in range(1, len(self.config.widths) + 1):
            if number > 1:
                image = functional.avg_pool2d(image, kernel_size=2)
            image = self.get_submodule(f"conv_block{number}")(image)
        over_time = image.mean(dim=3)  # [B, D, frames left]
        latent = functional.relu(self.fc1(over_time.amax(dim=2) + over_time.mean(dim=2)))
        return Cnn14Output(latent, self.fc_audioset(latent).sigmoid())

    def log_mel(self, waveform: Tensor) -> Tensor:
        """`[B, samples]` to decibels `[B, 1, frames, mel_bins]`, always float32."""
        with torch.autocast(waveform.device.type, enabled=False):
            log_mel: Tensor = self.logmel_extractor(self.spectrogram_extractor(waveform.float()))
        return log_mel

    def normalise(self, log_mel: Tensor) -> Tensor:
        """Batch normalisation of each mel band: `[B, 1, frames, mel_bins]` to the same shape."""
        log_mel = log_mel.to(self.bn0.weight.dtype)
        normalised: Tensor = self.bn0(log_mel.transpose(1, 3)).transpose(1, 3)
        return normalised
