"""Reads a Pengi (`base.pth`, `base_no_text_enc.pth`) or a clapcap from published files, or from our own."""

from collections.abc import Sequence
from pathlib import Path

from demos.checkpoint_reader import Rules, fill
from demos.networks import audio_encoder
from demos.pengi.clapcap import Clapcap, ClapcapConfig
from demos.pengi.network import Pengi, PengiConfig

RULES = Rules(
    ignored={
        r"caption_decoder\.gpt\.transformer\.h\.\d+\.attn\.(bias|masked_bias)": (
            "a causal mask that older versions of transformers saved"
        ),
        r"caption_encoder\.base\.embeddings\.position_ids": (
            "a count from 0 that older versions of transformers saved"
        ),
    },
    computed=[rf"audio_encoder\.{pattern}" for pattern in audio_encoder.COMPUTED],
    tied={"caption_decoder.gpt.lm_head.weight": "caption_decoder.gpt.transformer.wte.weight"},
)


def load(files: str | Path | Sequence[str | Path], config: PengiConfig) -> Pengi:
    """A Pengi with the weights of one or several files, ready to use (evaluation mode, float32, on the CPU).

    Raises CheckpointError if weights and configuration do not match.
    """
    network = Pengi(config)
    fill(network, files, RULES)
    return network.eval().requires_grad_(False)


CLAPCAP_RULES = Rules(
    ignored={
        r"gpt\.transformer\.h\.\d+\.attn\.(bias|masked_bias)": (
            "a causal mask that older versions of transformers saved"
        )
    },
    computed=[rf"clap\.{pattern}" for pattern in audio_encoder.COMPUTED],
    tied={"gpt.lm_head.weight": "gpt.transformer.wte.weight"},
)


def load_clapcap(files: str | Path | Sequence[str | Path], config: ClapcapConfig) -> Clapcap:
    """A clapcap (`clapcap_weights_2023.pth`), ready to use as `load` gives it; raises as `load`."""
    network = Clapcap(config)
    fill(network, files, CLAPCAP_RULES)
    return network.eval().requires_grad_(False)
