"""The published SALMONN from its files as they are downloaded, ready to answer.

The checkpoint holds the trained parts; Vicuna comes as a folder of its repository on the Hub; the encoder of
Whisper large-v2 and BEATs are given, so that others may share them. Vicuna alone is held in 16 bits, as it is
published. The published SALMONN keeps encoders, Q-Former and LoRA in float32, and so does this one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from demos.checkpoint_reader import CheckpointError
from demos.networks.qformer import QFormerConfig
from demos.salmonn.answering import Answering
from demos.salmonn.checkpoint import read_llama, read_salmonn
from demos.salmonn.config import SalmonnConfig
from demos.salmonn.quantised import Bits, quantise
from demos.salmonn.sentencepiece_tokenizer import SentencePieceTokenizer
from demos.tokenizer import TokenizerError

if TYPE_CHECKING:
    from whisper.model import AudioEncoder

    from demos.networks.beats import Beats

# What a LLaMA's configuration says about its network; the rest is about training and other programs.
_REQUIRED = (
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "vocab_size",
    "rms_norm_eps",
    "bos_token_id",
    "eos_token_id",
)
_OPTIONAL = (
    "num_key_value_heads",
    "head_dim",
    "hidden_act",
    "max_position_embeddings",
    "rope_theta",
    "rope_scaling",
    "rope_parameters",
    "attention_bias",
    "mlp_bias",
    "tie_word_embeddings",
)
_WEIGHTS = ("model*.safetensors", "pytorch_model*.bin")  # in order of preference
_INDICES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")


def load_published(
    checkpoint: Path,
    vicuna: Path,
    speech_encoder: AudioEncoder,
    beats: Beats,
    dtype: torch.dtype = torch.bfloat16,
    device: torch.device | str = "cpu",
    config: SalmonnConfig | None = None,
    bits: Bits | None = None,
) -> Answering:
    """SALMONN with its language model in `dtype` on `device`, where both encoders must be already.

    With `bits` its linear layers are quantised, layer by layer: main memory then has to hold it once in
    `dtype`.

    `checkpoint` is `salmonn_v1.pth` or `salmonn_7b_v0.pth`, `vicuna` the folder with `config.json`, weights
    and `tokenizer.model`. Without a `config` it is `published_config`. Beside the network itself loading
    takes a few hundred megabytes.
    Raises CheckpointError or TokenizerError when a file is missing, damaged or of another model.
    """
    config = config or published_config(vicuna, speech_encoder, beats)
    tokenizer = _read_tokenizer(vicuna / "tokenizer.model", config)
    llama = read_llama(config.llama, weight_files(vicuna), dtype, "cpu" if bits else device)
    network = read_salmonn(config, speech_encoder, beats, llama, checkpoint)
    if bits:
        quantise(network.llama_model, bits, device)
    return Answering(network.to(device).requires_grad_(False), tokenizer, device)


def published_config(vicuna: Path, speech_encoder: AudioEncoder, beats: Beats) -> SalmonnConfig:
    """The published SALMONN over the Vicuna of a folder and two encoders.

    Raises CheckpointError when `config.json` is missing, damaged or of another kind of network.
    """
    speech_width = int(speech_encoder.conv1.weight.shape[0])
    return SalmonnConfig(
        speech_width=speech_width,
        beats=beats.config,
        qformer=QFormerConfig(encoder_width=speech_width + beats.config.encoder_embed_dim),
        llama=_llama_fields(vicuna / "config.json"),
    )


def weight_files(folder: Path) -> list[Path]:
    """The files with the weights of a repository on the Hub: safetensors if there are any, else PyTorch's.

    Raises CheckpointError when there are none, or the index names one that is not there.
    """
    for pattern, index in zip(_WEIGHTS, _INDICES, strict=True):
        found = sorted(path for path in folder.glob(pattern) if path.is_file())
        if not found:
            continue
        if not (folder / index).is_file():
            return found
        named = _read_json(folder / index).get("weight_map")
        if not isinstance(named, Mapping) or not named:
            raise CheckpointError(f"{index} does not say which file holds which weights. Fetch it again.")
        files = sorted({folder / str(name) for name in named.values()})
        if missing := [path.name for path in files if not path.is_file()]:
            raise CheckpointError(f"{folder.name} lacks {', '.join(missing)}. Fetch the model again.")
        return files
    raise CheckpointError(f"There are no weights of a language model in {folder}. Fetch the model again.")


def _llama_fields(path: Path) -> dict[str, Any]:
    stated = _read_json(path)
    if stated.get("model_type") != "llama":
        raise CheckpointError(f"{path} describes no LLaMA; SALMONN needs Vicuna's.")
    if missing := [name for name in _REQUIRED if stated.get(name) is None]:
        raise CheckpointError(f"{path} lacks {', '.join(missing)}. Fetch it again.")
    return {name: stated[name] for name in (*_REQUIRED, *_OPTIONAL) if stated.get(name) is not None}


def _read_tokenizer(path: Path, config: SalmonnConfig) -> SentencePieceTokenizer:
    tokenizer = SentencePieceTokenizer(path)
    llama = config.llama
    if (tokenizer.bos_token_id, tokenizer.eos_token_id) != (llama["bos_token_id"], llama["eos_token_id"]):
        raise TokenizerError(
            f"{path} begins and ends texts with {tokenizer.bos_token_id} and {tokenizer.eos_token_id}, its "
            f"language model with {llama['bos_token_id']} and {llama['eos_token_id']}. Fetch both again."
        )
    if tokenizer.pieces > llama["vocab_size"]:
        raise TokenizerError(
            f"{path} has {tokenizer.pieces} pieces, its language model only {llama['vocab_size']}. "
            "Fetch both again."
        )
    return tokenizer


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read. Fetch the model again.") from error
    if not isinstance(values, dict):
        raise CheckpointError(f"{path} does not hold one JSON object. Fetch the model again.")
    return values
