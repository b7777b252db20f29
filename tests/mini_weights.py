"""A suite of untrained networks in exactly the files of the mini suite: real classes, real files, tiny sizes.

What it says makes no sense, but everything that an engine does with trained weights it does with these.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import nn
from whisper.model import ModelDimensions, Whisper

from demos.catalog import Suite, default_bank, suite
from demos.checkpoint_reader import without_computed
from demos.clap import checkpoint as clap_checkpoint
from demos.clap.network import Clap, ClapConfig
from demos.mini.train import tokenizer as tokenizer_stage
from demos.networks.beats import Beats, BeatsConfig
from demos.networks.htsat import HtsatConfig
from demos.networks.qformer import QFormerConfig
from demos.networks.sizes import to_plain
from demos.networks.text import Gpt2Sizes
from demos.pengi import checkpoint as pengi_checkpoint
from demos.pengi.network import Pengi, PengiConfig
from demos.salmonn.checkpoint import adapter_tensors, llama_tensors
from demos.salmonn.config import SalmonnConfig
from demos.salmonn.network import Salmonn

HTSAT_PREFIX = "audio_encoder.base.htsat."
HTSAT = HtsatConfig(
    sample_rate=16_000,
    hop_size=448,
    mel_sample_rate=16_000,
    mel_fmax=7_800,
    spec_size=128,
    patch_size=8,
    patch_stride=8,
    embed_dim=16,
    depths=(2, 2),
    num_heads=(2, 4),
    num_classes=5,
)
BEATS = BeatsConfig(
    embed_dim=24,
    encoder_layers=2,
    encoder_embed_dim=32,
    encoder_ffn_embed_dim=64,
    encoder_attention_heads=4,
    conv_pos=16,
    conv_pos_groups=4,
    predictor_class=5,
)
WHISPER = ModelDimensions(
    n_mels=80,
    n_audio_ctx=1500,
    n_audio_state=32,
    n_audio_head=2,
    n_audio_layer=2,
    n_vocab=51_864,
    n_text_ctx=24,
    n_text_state=32,
    n_text_head=2,
    n_text_layer=2,
)


def write_mini_weights(folder: Path) -> Suite:
    """Write all files of a mini suite into `folder` and return the suite that they make up."""
    torch.manual_seed(0)
    made = suite("mini", folder)
    tokenizer_stage.run(folder, [*default_bank(), "USER: <Speech></Speech> \nASSISTANT:"] * 3)
    vocabulary = Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab_size()
    _write_clap_and_pengi(folder, vocabulary)
    _write_whisper_beats_and_salmonn(folder, vocabulary)
    return made


def _write_clap_and_pengi(folder: Path, vocabulary: int) -> None:
    text = Gpt2Sizes(vocab_size=vocabulary, n_positions=128, n_embd=32, n_layer=2, n_head=2)
    clap_config = ClapConfig(htsat=HTSAT, text=text, text_length=40, embedding_size=24)
    pengi_config = PengiConfig(
        htsat=HTSAT,
        decoder=text,
        text_encoder=None,
        prompt_length=16,
        content_length=16,
        prefix_length=8,
        mapper_layers=1,
        embedding_size=24,
    )
    clap, pengi = Clap(clap_config), Pengi(pengi_config)
    pengi.audio_encoder.base = clap.audio_encoder.base
    clap_state = without_computed(clap.state_dict(), clap_checkpoint.RULES)
    pengi_state = without_computed(pengi.state_dict(), pengi_checkpoint.RULES)
    htsat = {name: value for name, value in clap_state.items() if name.startswith(HTSAT_PREFIX)}
    _save(htsat, folder / "htsat.safetensors")
    for name, state in (("clap", clap_state), ("pengi", pengi_state)):
        _save({key: state[key] for key in state.keys() - htsat.keys()}, folder / f"{name}.safetensors")
    _write_json(to_plain(clap_config), folder / "clap.json")
    _write_json(to_plain(pengi_config), folder / "pengi.json")


def _write_whisper_beats_and_salmonn(folder: Path, vocabulary: int) -> None:
    whisper, beats = Whisper(WHISPER), Beats(BEATS)
    nn.init.normal_(whisper.decoder.positional_embedding)
    config = SalmonnConfig(
        speech_width=WHISPER.n_audio_state,
        beats=BEATS,
        qformer=QFormerConfig(
            hidden_size=32,
            num_attention_heads=4,
            intermediate_size=64,
            encoder_width=WHISPER.n_audio_state + BEATS.encoder_embed_dim,
        ),
        llama={
            "vocab_size": vocabulary,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "max_position_embeddings": 256,
            "bos_token_id": vocabulary - 2,
            "eos_token_id": vocabulary - 1,
            "pad_token_id": None,
        },
    )
    salmonn = Salmonn(config, whisper.encoder, beats)
    for name, tensor in adapter_tensors(salmonn).items():
        if "lora_B" in name:  # zeros at first, so that the scaling would change nothing
            nn.init.normal_(tensor)
    halves = {name: value.half() for name, value in whisper.state_dict().items()}
    torch.save({"dims": asdict(WHISPER), "model_state_dict": halves}, folder / "whisper.pt")
    _save(beats.state_dict(), folder / "beats.safetensors")
    _save(adapter_tensors(salmonn), folder / "salmonn.safetensors")
    before = {name: tensor for name, tensor in adapter_tensors(salmonn).items() if ".lora_" in name}
    for tensor in before.values():
        nn.init.normal_(tensor)
    _save(before, folder / "salmonn_before_activation.safetensors")
    _save(llama_tensors(salmonn), folder / "llama.safetensors")
    _write_json(BEATS.to_dict(), folder / "beats.json")
    _write_json(config.to_dict(), folder / "salmonn.json")


def _save(state: dict[str, torch.Tensor], path: Path) -> None:
    halves = {
        name: value.half().contiguous() if value.is_floating_point() else value.contiguous()
        for name, value in state.items()
    }
    save_file(halves, path)


def _write_json(values: dict, path: Path) -> None:
    path.write_text(json.dumps(values), encoding="utf-8")
