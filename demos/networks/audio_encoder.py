"""The audio side that CLAP (2023) and Pengi share: HTSAT and a projection head, under the published names."""

from torch import Tensor, nn

from demos.networks.htsat import Htsat, HtsatConfig, HtsatOutput
from demos.networks.projection import ProjectionHead

# Names, below the audio encoder, of what a file may lack: constants that the network computes, and a count of
# training steps that hearing makes no use of.
COMPUTED = (
    r"base\.htsat\.bn0\.num_batches_tracked",
    r"base\.htsat\.spectrogram_extractor\.stft\.conv_(real|imag)\.weight",
    r"base\.htsat\.logmel_extractor\.melW",
    r"base\.htsat\.layers\.\d+\.blocks\.\d+\.attn\.relative_position_index",
    r"base\.htsat\.layers\.\d+\.blocks\.\d+\.attn_mask",
)


class HtsatBase(nn.Module):
    """Gives HTSAT the name that it has in published files, `base.htsat`."""

    def __init__(self, config: HtsatConfig) -> None:
        super().__init__()
        self.htsat = Htsat(config)


class AudioEncoder(nn.Module):
    """Sound to an embedding in the shared space."""

    def __init__(self, config: HtsatConfig, embedding_size: int) -> None:
        super().__init__()
        self.base = HtsatBase(config)
        self.projection = ProjectionHead(config.latent_size, embedding_size)

    @property
    def htsat(self) -> Htsat:
        """The encoder before the projection."""
        return self.base.htsat

    def forward(self, waveform: Tensor) -> Tensor:
        """`[B, samples]` to embeddings `[B, embedding_size]`, not normalised."""
        return self.embed(self.hear(waveform).latent)

    def hear(self, waveform: Tensor, collect: bool = False) -> HtsatOutput:
        """All that HTSAT gives for `[B, samples]`; see `Htsat`."""
        output: HtsatOutput = self.htsat(waveform, collect)
        return output

    def embed(self, latent: Tensor) -> Tensor:
        """HTSAT's `latent` `[B, latent_size]` to embeddings `[B, embedding_size]`, not normalised."""
        embedding: Tensor = self.projection(latent)
        return embedding
