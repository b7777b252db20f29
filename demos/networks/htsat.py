"""HTSAT, the audio encoder of CLAP (2023) and Pengi (Chen et al., HTS-AT, ICASSP 2022).

A log-mel spectrogram is stretched to a fixed length, cut into chunks that are stacked into a square
image, and read by a Swin transformer. Sizes come from `HtsatConfig`; tensor names are those of the
published checkpoints.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from demos.networks.log_mel import LogMel, PowerSpectrogram
from demos.networks.sizes import from_plain, to_plain
from demos.networks.swin import Grid, PatchEmbedding, SwinStage


@dataclass(frozen=True)
class HtsatConfig:
    """All sizes of an HTSAT; the defaults are those of msclap 2023 and Pengi.

    Rates and mel edges are in hertz, `window_size` and `hop_size` in samples. `mel_sample_rate` is the rate
    the mel bank was drawn for, which in the published models is not the rate of the sound. `drop_path` is
    the probability of skipping the last block in training; it grows linearly from 0. Raises ValueError if
    the sizes do not fit each other.
    """

    sample_rate: int = 44100
    clip_seconds: float = 7
    window_size: int = 1024
    hop_size: int = 320
    mel_bins: int = 64
    mel_sample_rate: int = 32000
    mel_fmin: float = 50
    mel_fmax: float = 14000
    spec_size: int = 256
    patch_size: int = 4
    patch_stride: int = 4
    embed_dim: int = 96
    depths: tuple[int, ...] = (2, 2, 6, 2)
    num_heads: tuple[int, ...] = (4, 8, 16, 32)
    window: int = 8
    mlp_ratio: float = 4
    num_classes: int = 527
    drop_path: float = 0.1

    def __post_init__(self) -> None:
        for problem, sentence in (
            (len(self.depths) != len(self.num_heads), "depths and num_heads must have one entry per stage."),
            (self.spec_size % self.mel_bins, "spec_size must be a multiple of mel_bins."),
            ((self.patch_size - self.patch_stride) % 2, "patch_size - patch_stride must be even."),
            (
                self.spec_size % (self.patch_stride * 2 ** (self.stages - 1)),
                "spec_size must be divisible by patch_stride and by 2 for each merging.",
            ),
            (self.final_grid[0] % self.chunks, "each chunk must keep at least one row of the last grid."),
            (
                any(
                    side > self.window and side % self.window
                    for side, _ in map(self.grid, range(self.stages))
                ),
                "the window must divide every grid that is larger than it.",
            ),
            (
                any(self.width(i) % heads for i, heads in enumerate(self.num_heads)),
                "the heads of a stage must divide its width.",
            ),
            (self.target_frames < self.frames, "clip_seconds has more frames than the image has room for."),
        ):
            if problem:
                raise ValueError(f"This HTSAT configuration does not fit: {sentence}")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "HtsatConfig":
        """Read what `to_dict` or JSON gave; absent sizes keep their defaults, unknown ones are refused."""
        return from_plain(cls, values)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return to_plain(self)

    @property
    def stages(self) -> int:
        """Number of stages."""
        return len(self.depths)

    @property
    def clip_samples(self) -> int:
        """Samples of one window of sound."""
        return round(self.clip_seconds * self.sample_rate)

    @property
    def frames(self) -> int:
        """Spectrogram frames of one window of sound."""
        return self.clip_samples // self.hop_size + 1

    @property
    def chunks(self) -> int:
        """How many consecutive pieces of the spectrogram are stacked into the image."""
        return self.spec_size // self.mel_bins

    @property
    def target_frames(self) -> int:
        """Frames that a spectrogram is stretched to before folding."""
        return self.spec_size * self.chunks

    @property
    def final_grid(self) -> Grid:
        """Rows and columns of the last stage."""
        return self.grid(self.stages - 1)

    @property
    def latent_size(self) -> int:
        """Width of the last stage, of `latent` and of `tokens`."""
        return self.width(self.stages - 1)

    def grid(self, stage: int) -> Grid:
        """Rows and columns of tokens in a stage."""
        side = self.spec_size // self.patch_stride // 2**stage
        return side, side

    def width(self, stage: int) -> int:
        """Channels in a stage."""
        return self.embed_dim * 2**stage


@dataclass(frozen=True)
class Hidden:
    """Hidden states at one place: the module's published name, its grid, `[B, rows * columns, C]` values."""

    name: str
    grid: Grid
    values: Tensor


@dataclass(frozen=True)
class HtsatOutput:
    """What HTSAT heard in B windows of sound.

    `latent` `[B, D]` is the embedding CLAP and Pengi use, the mean of `tokens` `[B, N, D]` (after the last
    norm). `framewise_logits` `[B, steps, classes]` run through the window in time order, in equal steps;
    `clipwise_logits` `[B, classes]` are their mean and `clipwise` the probabilities of these. `hidden` is
    empty unless asked for; then it holds the patch embedding, every block, every stage after its merging and
    the last norm.
    """

    latent: Tensor
    tokens: Tensor
    clipwise: Tensor
    clipwise_logits: Tensor
    framewise_logits: Tensor
    hidden: tuple[Hidden, ...] = ()


class Htsat(nn.Module):
    """The encoder. Give it `[B, samples]` of mono sound at the configured rate, in [-1, 1]."""

    def __init__(self, config: HtsatConfig) -> None:
        super().__init__()
        self.config = config
        self.spectrogram_extractor = PowerSpectrogram(config.window_size, config.hop_size)
        self.logmel_extractor = LogMel(
            config.window_size, config.mel_bins, config.mel_sample_rate, config.mel_fmin, config.mel_fmax
        )
        self.bn0 = nn.BatchNorm2d(config.mel_bins)
        self.patch_embed = PatchEmbedding(config.patch_size, config.patch_stride, config.embed_dim)
        drop_paths = torch.linspace(0, config.drop_path, sum(config.depths), device="cpu").tolist()
        self.layers = nn.ModuleList(
            SwinStage(
                config.width(stage),
                config.grid(stage),
                config.num_heads[stage],
                config.window,
                config.mlp_ratio,
                drop_paths[sum(config.depths[:stage]) : sum(config.depths[: stage + 1])],
                merge=stage < config.stages - 1,
            )
            for stage in range(config.stages)
        )
        self.norm = nn.LayerNorm(config.latent_size)
        rows_per_chunk = config.final_grid[0] // config.chunks
        self.tscam_conv = nn.Conv2d(
            config.latent_size, config.num_classes, kernel_size=(rows_per_chunk, 3), padding=(0, 1)
        )
        self.head = nn.Linear(config.num_classes, config.num_classes)  # in every published file, never called
        self.apply(_initialise)

    def forward(self, waveform: Tensor, collect: bool = False) -> HtsatOutput:
        """Hear `[B, samples]`; `collect` keeps the hidden states for heatmaps. Too long: ValueError."""
        return self.from_log_mel(self.log_mel(waveform), collect)

    def log_mel(self, waveform: Tensor) -> Tensor:
        """`[B, samples]` to decibels `[B, 1, frames, mel_bins]`, always float32."""
        with torch.autocast(waveform.device.type, enabled=False):
            log_mel: Tensor = self.logmel_extractor(self.spectrogram_extractor(waveform.float()))
        return log_mel

    def from_log_mel(self, log_mel: Tensor, collect: bool = False) -> HtsatOutput:
        """Hear decibels `[B, 1, frames, mel_bins]` that `log_mel` gave (or that were altered in training)."""
        hidden: list[Hidden] = []

        def keep(name: str, stage: int, values: Tensor) -> None:
            if collect:
                hidden.append(Hidden(name, self.config.grid(stage), values))

        tokens = self.patch_embed(self.image(self.normalise(log_mel)))
        keep("patch_embed", 0, tokens)
        for number, stage in enumerate(self.layers):
            for depth, block in enumerate(stage.blocks):
                tokens = block(tokens)
                keep(f"layers.{number}.blocks.{depth}", number, tokens)
            if stage.downsample is not None:
                tokens = stage.downsample(tokens)
            keep(f"layers.{number}", min(number + 1, self.config.stages - 1), tokens)
        last = self.config.stages - 1
        tokens = self.norm(tokens)
        keep("norm", last, tokens)

        framewise = self._framewise_logits(tokens)
        clipwise = framewise.mean(dim=1)
        return HtsatOutput(
            tokens.mean(dim=1), tokens, clipwise.sigmoid(), clipwise, framewise, hidden=tuple(hidden)
        )

    def normalise(self, log_mel: Tensor) -> Tensor:
        """Batch normalisation of each mel band: `[B, 1, frames, mel_bins]` to the same shape."""
        log_mel = log_mel.to(self.bn0.weight.dtype)
        normalised: Tensor = self.bn0(log_mel.transpose(1, 3)).transpose(1, 3)
        return normalised

    def image(self, log_mel: Tensor) -> Tensor:
        """Stretch, then stack the chunks: `[B, 1, frames, mel_bins]` to a square `[B, 1, S, S]`.

        Row = chunk * mel_bins + band, column = frame within the chunk, S = `spec_size`.
        """
        frames, target = log_mel.shape[2], self.config.target_frames
        if frames > target:
            raise ValueError(
                f"HTSAT was given {frames} frames of sound, its image has room for {target}: "
                f"cut the sound into windows of {self.config.clip_seconds} s."
            )
        if frames < target:
            log_mel = functional.interpolate(
                log_mel, (target, self.config.mel_bins), mode="bicubic", align_corners=True
            )
        chunks = log_mel.unflatten(2, (self.config.chunks, self.config.spec_size))
        return chunks.transpose(3, 4).flatten(2, 3)

    def hidden_over_time(self, hidden: Tensor, grid: Grid) -> Tensor:
        """Tokens in time order: `[B, rows * columns, C]` to `[B, chunks * columns, C]`, mean over frequency.

        Time step t of T covers the share t/T to (t+1)/T of the window of sound.
        """
        rows, columns = grid
        unfolded = hidden.unflatten(1, (self.config.chunks, rows // self.config.chunks, columns))
        return unfolded.mean(dim=2).flatten(1, 2)

    def _framewise_logits(self, tokens: Tensor) -> Tensor:
        rows, columns = self.config.final_grid
        unfolded = tokens.unflatten(1, (self.config.chunks, rows // self.config.chunks, columns))
        # time runs through the chunks, frequency through the rows of a chunk: [B, C, rows of a chunk, time]
        image = unfolded.permute(0, 4, 2, 1, 3).flatten(3, 4)
        logits: Tensor = self.tscam_conv(image).flatten(2).transpose(1, 2)
        return logits


def _initialise(module: nn.Module) -> None:
    """Start values of the Swin paper: truncated normal of deviation 0.02, no bias."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    table = getattr(module, "relative_position_bias_table", None)
    if table is not None:
        nn.init.trunc_normal_(table, std=0.02)
