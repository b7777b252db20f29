"""Reads Whisper from openai-whisper's own files and from Hugging Face's, into openai-whisper's classes.

An openai-whisper file is a `.pt` with `dims` and `model_state_dict`, float16 as published; it is cast to the
network's type, float32. A Hugging Face file holds a WhisperForConditionalGeneration under other names; its
number of attention heads stands in the configuration beside it alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path

from torch import Tensor, nn
from whisper.model import AudioEncoder, ModelDimensions, Whisper

from demos.checkpoint_reader import CheckpointError, Rules, fill_from, read_entry, read_tensors

Files = str | Path | Sequence[str | Path]

PUBLISHED_HEAD_WIDTH = 64  # of every published Whisper

_RULES = Rules(ignored={"proj_out.weight": "the output layer, which is the token embedding"})
_ENCODER_RULES = Rules(
    ignored={r"decoder\..*|proj_out\.weight": "the decoder, which an encoder does without"}
)

# Hugging Face's names → openai-whisper's, applied in this order.
_RENAMED = (
    (r"^model\.", ""),
    (r"(encoder|decoder)\.layers\.", r"\1.blocks."),
    (r"embed_positions\.weight$", "positional_embedding"),
    (r"embed_tokens\.", "token_embedding."),
    (r"\.self_attn_layer_norm\.", ".attn_ln."),
    (r"\.encoder_attn_layer_norm\.", ".cross_attn_ln."),
    (r"\.final_layer_norm\.", ".mlp_ln."),
    (r"\.self_attn\.", ".attn."),
    (r"\.encoder_attn\.", ".cross_attn."),
    (r"\.q_proj\.", ".query."),
    (r"\.k_proj\.", ".key."),
    (r"\.v_proj\.", ".value."),
    (r"\.out_proj\.", ".out."),
    (r"\.fc1\.", ".mlp.0."),
    (r"\.fc2\.", ".mlp.2."),
    (r"^encoder\.layer_norm\.", "encoder.ln_post."),
    (r"^decoder\.layer_norm\.", "decoder.ln."),
)


def read_whisper(files: Files, heads: int | None = None, alignment: str | None = None) -> Whisper:
    """The whole of a Whisper model, float32, on the CPU, ready to transcribe.

    `heads` is the number of attention heads of a Hugging Face file that has no `config.json` beside it.
    `alignment` names a published model (“tiny.en”, “large-v2”, …) whose attention heads, known to follow
    time, then place the words; otherwise the upper half of the decoder does.
    Raises CheckpointError when the files do not hold a whole Whisper model or the name is unknown.
    """
    tensors, dimensions = _read(files, heads)
    network = Whisper(dimensions)
    _fit_feed_forward(network, tensors)
    fill_from(network, tensors, _RULES, _names(files))
    if alignment is not None:
        from whisper import _ALIGNMENT_HEADS

        if alignment not in _ALIGNMENT_HEADS:
            raise CheckpointError(
                f"There is no published Whisper model “{alignment}”; there are {', '.join(_ALIGNMENT_HEADS)}."
            )
        network.set_alignment_heads(_ALIGNMENT_HEADS[alignment])
    return network.eval()


def read_encoder(files: Files, heads: int | None = None) -> AudioEncoder:
    """The encoder alone, float32, on the CPU. `heads` as in `read_whisper`.

    Raises CheckpointError when the files do not hold a whole Whisper encoder.
    """
    tensors, dimensions = _read(files, heads)
    holder = nn.Module()
    holder.encoder = AudioEncoder(
        dimensions.n_mels,
        dimensions.n_audio_ctx,
        dimensions.n_audio_state,
        dimensions.n_audio_head,
        dimensions.n_audio_layer,
    )
    _fit_feed_forward(holder, tensors)
    fill_from(holder, tensors, _ENCODER_RULES, _names(files))
    return holder.encoder.eval()


def openai_name(name: str) -> str:
    """openai-whisper's name for a tensor of a Hugging Face file."""
    for pattern, replacement in _RENAMED:
        name = re.sub(pattern, replacement, name)
    return name


def _read(files: Files, heads: int | None) -> tuple[dict[str, Tensor], ModelDimensions]:
    """Tensors under openai-whisper's names, and the model's sizes."""
    paths = [Path(files)] if isinstance(files, str | Path) else [Path(file) for file in files]
    tensors: dict[str, Tensor] = {}
    for path in paths:
        tensors |= read_tensors(path)
    if not any(name.startswith("model.") for name in tensors):
        return tensors, _stated_dimensions(paths[0])
    tensors = {openai_name(name): tensor for name, tensor in tensors.items()}
    try:
        return tensors, _dimensions(tensors, heads or _configured_heads(paths[0]))
    except KeyError as missing:
        raise CheckpointError(f"{_names(files)} is no Whisper model: it lacks {missing}.") from missing


def _stated_dimensions(path: Path) -> ModelDimensions:
    stated = read_entry(path, "dims")
    wanted = {entry.name for entry in fields(ModelDimensions)}
    if not isinstance(stated, Mapping) or set(stated) != wanted:
        raise CheckpointError(f"{path.name} does not state the dimensions of a Whisper model.")
    return ModelDimensions(**stated)


def _dimensions(tensors: Mapping[str, Tensor], heads: int | None) -> ModelDimensions:
    audio_width, mels, _ = tensors["encoder.conv1.weight"].shape
    vocabulary, text_width = tensors["decoder.token_embedding.weight"].shape
    return ModelDimensions(
        n_mels=mels,
        n_audio_ctx=len(tensors["encoder.positional_embedding"]),
        n_audio_state=audio_width,
        n_audio_head=heads or audio_width // PUBLISHED_HEAD_WIDTH,
        n_audio_layer=_layers(tensors, "encoder"),
        n_vocab=vocabulary,
        n_text_ctx=len(tensors["decoder.positional_embedding"]),
        n_text_state=text_width,
        n_text_head=heads or text_width // PUBLISHED_HEAD_WIDTH,
        n_text_layer=_layers(tensors, "decoder"),
    )


def _layers(tensors: Mapping[str, Tensor], part: str) -> int:
    return len({name.split(".")[2] for name in tensors if name.startswith(f"{part}.blocks.")})


def _configured_heads(path: Path) -> int | None:
    config = path.parent / "config.json"
    if not config.is_file():
        return None
    stated = json.loads(config.read_text(encoding="utf-8")).get("encoder_attention_heads")
    return None if stated is None else int(stated)


def _fit_feed_forward(network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Give every block the inner width that the file has; openai-whisper always makes it 4 × the width."""
    for name, block in network.named_modules():
        given = tensors.get(f"{name}.0.weight")
        if not name.endswith(".mlp") or given is None or given.shape[0] == block[0].out_features:
            continue
        width = block[0].in_features
        linear = type(block[0])
        block[0], block[2] = linear(width, given.shape[0]), linear(given.shape[0], width)


def _names(files: Files) -> str:
    paths = [files] if isinstance(files, str | Path) else files
    return " + ".join(Path(path).name for path in paths)
