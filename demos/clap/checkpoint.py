"""Reads a CLAP from published files (`CLAP_weights_2023.pth`) or from our own."""

from collections.abc import Sequence
from pathlib import Path

from demos.checkpoint_reader import Rules, fill
from demos.clap.network import Clap, ClapConfig
from demos.networks import audio_encoder

RULES = Rules(
    ignored={
        r"caption_encoder\.base\.h\.\d+\.attn\.(bias|masked_bias)": (
            "a causal mask that older versions of transformers saved"
        )
    },
    computed=[rf"audio_encoder\.{pattern}" for pattern in audio_encoder.COMPUTED],
)


def load(files: str | Path | Sequence[str | Path], config: ClapConfig) -> Clap:
    """A CLAP with the weights of one or several files, ready to use (evaluation mode, float32, on the CPU).

    Raises CheckpointError if weights and configuration do not match.
    """
    network = Clap(config)
    fill(network, files, RULES)
    return network.eval().requires_grad_(False)
