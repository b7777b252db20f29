"""Reads SALMONN from its published files: adapter, BEATs and Vicuna. Whisper's encoder is given.

A SALMONN file holds the trained parts alone: two LayerNorms, query tokens, Q-Former, projection and LoRA. The
published loader passes over what it does not find; here a missing tensor is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding
from whisper.model import AudioEncoder

from demos.checkpoint_reader import (
    CheckpointError,
    Files,
    Rules,
    fill,
    fill_from,
    fill_in_steps,
    read_entry,
    read_tensors,
)
from demos.networks.beats import Beats, BeatsConfig
from demos.networks.qformer import to_published
from demos.salmonn.config import SalmonnConfig
from demos.salmonn.network import Salmonn

_QFORMER = "speech_Qformer."
_PEFT = "llama_model.base_model.model."
_LLAMA = "llama_model."

BEATS_RULES = Rules(
    ignored={
        r"encoder\.layers\.[1-9]\d*\.self_attn\.relative_attention_bias\.weight": (
            "a copy of the first layer's table of position biases, which serves all layers"
        )
    }
)
_LLAMA_IGNORED = {
    r"model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq": "a constant, computed from the configuration"
}
ADAPTER_RULES = Rules(
    ignored={
        r".*\.embeddings\.position_ids": "a counter of embeddings that SALMONN does without",
        r"llama_model\..*\.rotary_emb\.inv_freq": "a constant, computed from the configuration",
        r"beats\..*\.relative_attention_bias\.weight": "a copy of a tensor that comes from the BEATs file",
    }
)


def read_salmonn(
    config: SalmonnConfig,
    speech_encoder: AudioEncoder,
    beats: Beats,
    llama: LlamaForCausalLM,
    adapter: Files,
    changed: str | Path | None = None,
) -> Salmonn:
    """A whole SALMONN on the CPU, ready to answer, from parts read already and the file of its trained parts.

    The tensors of `changed` take the place of those of the same names in `adapter`.
    Raises CheckpointError when the parts do not fit together or a file lacks or adds a tensor.
    """
    width = speech_encoder.conv1.weight.shape[0]
    if width != config.speech_width or beats.config.encoder_embed_dim != config.beats.encoder_embed_dim:
        raise CheckpointError(
            f"This SALMONN needs encoders {config.speech_width} (Whisper) and "
            f"{config.beats.encoder_embed_dim} (BEATs) wide; it was given {width} and "
            f"{beats.config.encoder_embed_dim}."
        )
    network = Salmonn(config, speech_encoder, beats, llama)
    read_adapter(network, adapter)
    if changed is not None:
        _change_adapter(network, changed)
    return network.eval()


def read_adapter(network: Salmonn, files: Files) -> None:
    """Fill a SALMONN's trained parts from its published file; encoders and language model stay as they are.

    Raises CheckpointError when a tensor is missing, unknown or of another shape.
    """
    fill(SalmonnAdapter(adapter_tensors(network)), files, ADAPTER_RULES)


def _change_adapter(network: Salmonn, file: str | Path) -> None:
    """Replace those of a SALMONN's trained parts that a file holds. Raises as `read_adapter`."""
    now, changed = adapter_tensors(network), read_tensors(file)
    fill_from(SalmonnAdapter(now), now | changed, ADAPTER_RULES, Path(file).name)


def read_beats(file: str | Path, config: BeatsConfig | None = None) -> Beats:
    """BEATs, float32 on the CPU, from a published file with its `cfg`; or from weights alone with `config`.

    Raises CheckpointError when the file is not whole, states no configuration or another than `config`.
    """
    stated = None if Path(file).suffix == ".safetensors" else read_entry(file, "cfg")
    if isinstance(stated, Mapping):
        try:
            found = BeatsConfig.from_dict(stated)
        except ValueError as error:
            raise CheckpointError(f"{Path(file).name}: {error}") from error
        if config is not None and _sizes(found) != _sizes(config):
            raise CheckpointError(f"{Path(file).name} is another BEATs than the configuration says.")
        config = found
    if config is None:
        raise CheckpointError(f"{Path(file).name} holds no configuration (`cfg`) of a BEATs network.")
    network = Beats(config)
    fill(network, file, BEATS_RULES)
    return network.eval()


def read_llama(
    config: Mapping[str, Any],
    files: Files,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> LlamaForCausalLM:
    """A LLaMA in `dtype`, before LoRA; `config` holds the fields of transformers' `LlamaConfig`.

    The numbers go from the files straight to `device`, a step at a time: little memory is needed beside it.
    Raises CheckpointError when the files do not hold exactly this language model.
    """
    fields = LlamaConfig(**config)
    # Billions of weights are not drawn at random only to be overwritten.
    with torch.device("meta"):
        network = LlamaForCausalLM(fields)
    network.to(dtype).to_empty(device=device)
    network.model.rotary_emb = LlamaRotaryEmbedding(config=fields).to(device)
    tied = {"lm_head.weight": "model.embed_tokens.weight"} if fields.tie_word_embeddings else {}
    fill_in_steps(network, files, Rules(ignored=_LLAMA_IGNORED, tied=tied))
    if tied:
        network.tie_weights()
    return network.eval()


def adapter_tensors(network: Salmonn) -> dict[str, Tensor]:
    """The trained parts of a SALMONN under their published names: what a SALMONN file holds.

    The tensors are the network's own, not copies.
    """
    return {
        _published(name): tensor
        for name, tensor in network.state_dict().items()
        if name.startswith(("ln_speech.", "ln_audio.", "speech_query_tokens", _QFORMER, "speech_llama_proj."))
        or ".lora_" in name
    }


def llama_tensors(network: Salmonn) -> dict[str, Tensor]:
    """The language model of a SALMONN without its LoRA, under the names that `read_llama` reads."""
    return {
        name.removeprefix(_LLAMA): tensor
        for name, tensor in network.state_dict().items()
        if name.startswith(_LLAMA) and ".lora_" not in name
    }


class SalmonnAdapter(nn.Module):
    """Tensors of a SALMONN under the names that its file gives them, for the reader to fill."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        self._tensors = dict(tensors)

    def state_dict(self, *_: Any, **__: Any) -> dict[str, Tensor]:
        return self._tensors

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Tensor], *_: Any, **__: Any) -> None:
        for name, tensor in state.items():
            self._tensors[name].copy_(tensor)


def _published(name: str) -> str:
    if name.startswith(_QFORMER):
        return _QFORMER + to_published(name.removeprefix(_QFORMER))
    return name.replace(_LLAMA, _PEFT, 1) if name.startswith(_LLAMA) else name


def _sizes(config: BeatsConfig) -> dict[str, object]:
    return {key: value for key, value in vars(config).items() if key != "training"}
