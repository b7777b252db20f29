"""Reads a CLAP of any family from published files (such as `CLAP_weights_2023.pth`) or from our own."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from demos.checkpoint_reader import Rules, fill, fill_from, read_tensors
from demos.clap.msclap_2022 import Msclap2022, Msclap2022Config
from demos.clap.network import Clap, ClapConfig
from demos.clap.paraclap import Paraclap, ParaclapConfig
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


MSCLAP_2022_RULES = Rules(
    ignored={
        r"caption_encoder\.base\.embeddings\.position_ids": (
            "a count from 0 that older versions of transformers saved"
        ),
        r"caption_encoder\.base\.pooler\..*": "BERT's pooler, which CLAP makes no use of",
    },
    computed=[
        r"audio_encoder\.base\.(.*\.)?bn\d\.num_batches_tracked",
        r"audio_encoder\.base\.spectrogram_extractor\.stft\.conv_(real|imag)\.weight",
        r"audio_encoder\.base\.logmel_extractor\.melW",
    ],
)


def load_msclap_2022(files: str | Path | Sequence[str | Path], config: Msclap2022Config) -> Msclap2022:
    """An msclap 2022 (`CLAP_weights_2022.pth`), ready to use as `load` gives it; raises as `load`."""
    network = Msclap2022(config)
    fill(network, files, MSCLAP_2022_RULES)
    return network.eval().requires_grad_(False)


PARACLAP_RULES = Rules(
    ignored={
        r"audio_branch\.base\.masked_spec_embed": "what stands for masked frames, in training only",
        r"text_branch\.base\.embeddings\.position_ids": (
            "a count from 0 that older versions of transformers saved"
        ),
        r"text_branch\.base\.pooler\..*": "BERT's pooler, which ParaCLAP makes no use of",
    }
)
_WEIGHT_NORM = {  # as older versions of torch named the two parts of a normalised weight
    ".pos_conv_embed.conv.weight_g": ".pos_conv_embed.conv.parametrizations.weight.original0",
    ".pos_conv_embed.conv.weight_v": ".pos_conv_embed.conv.parametrizations.weight.original1",
}


def load_paraclap(file: str | Path, config: ParaclapConfig) -> Paraclap:
    """A ParaCLAP (`best.pth.tar`, or such weights as safetensors), ready to use as `load` gives it.

    Raises as `load`.
    """
    network = Paraclap(config)
    fill_from(network, renamed_weight_norm(read_tensors(file)), PARACLAP_RULES, Path(file).name)
    return network.eval().requires_grad_(False)


def renamed_weight_norm(found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors with the parts of normalised weights under the names that torch gives them now."""
    return {_weight_norm_name(name): tensor for name, tensor in found.items()}


def _weight_norm_name(name: str) -> str:
    for old, new in _WEIGHT_NORM.items():
        if name.endswith(old):
            return name.removesuffix(old) + new
    return name
