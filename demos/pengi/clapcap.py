"""clapcap: the captioner of msclap, CLAP's sound encoder and a mapper before a GPT-2; it takes no prompt."""

from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor, nn
from transformers import GPT2LMHeadModel

from demos.networks.audio_encoder import AudioEncoder
from demos.networks.htsat import HtsatConfig
from demos.networks.mapping import Mapper
from demos.networks.projection import unit_length
from demos.networks.sizes import read_json
from demos.networks.text import Gpt2Sizes


@dataclass(frozen=True)
class ClapcapConfig:
    """Sizes of a clapcap; the defaults are the published ones.

    `content_length` is the number of vectors that an embedding becomes before the mapper, `prefix_length`
    what the mapper leaves of them. The first token of `end_text` ends what is generated.
    """

    htsat: HtsatConfig = field(default_factory=HtsatConfig)
    decoder: Gpt2Sizes = field(default_factory=Gpt2Sizes)
    content_length: int = 40
    prefix_length: int = 40
    mapper_layers: int = 8
    embedding_size: int = 1024
    end_text: str = " <|endoftext|>"

    @classmethod
    def from_json(cls, path: str | Path) -> "ClapcapConfig":
        """Read the sizes from a JSON file; absent entries keep their defaults. Raises ConfigError."""
        return read_json(cls, path)


class Clapcap(nn.Module):
    """All parts under the published names."""

    def __init__(self, config: ClapcapConfig) -> None:
        super().__init__()
        self.config = config
        self.clap = AudioEncoder(config.htsat, config.embedding_size)
        self.gpt = GPT2LMHeadModel(config.decoder.config())
        self.clap_project = Mapper(
            config.decoder.n_embd,
            config.content_length,
            config.prefix_length,
            config.mapper_layers,
            embedding_size=config.embedding_size,
        )

    def prefix(self, latent: Tensor) -> Tensor:
        """HTSAT's `latent` `[B, D]` to all that stands before the text: `[B, prefix_length, width]`.

        The embedding between them has unit length.
        """
        prefix: Tensor = self.clap_project(unit_length(self.clap.embed(latent)))
        return prefix
