"""A tiny SALMONN in files as they are published, with the weights whose golden numbers are known."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file
from sentencepiece import SentencePieceTrainer
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM

from demos.salmonn.checkpoint import llama_tensors, read_beats, read_llama, read_salmonn
from demos.salmonn.config import SalmonnConfig
from demos.salmonn.network import Salmonn
from demos.whisper.checkpoint import read_encoder
from tests.seeded import read_layout, seeded_state_dict

FIXTURES = Path(__file__).parent / "fixtures" / "salmonn"


def seeded(part: str) -> dict[str, Tensor]:
    layout = read_layout(FIXTURES / f"layout_tiny_{part}.json")
    return {name: torch.from_numpy(weight) for name, weight in seeded_state_dict(layout).items()}


def write_published(folder: Path) -> Path:
    """The four files of a SALMONN as they are published, with the strays that the published ones hold."""
    config = json.loads((FIXTURES / "config_tiny.json").read_text())
    save_file(seeded("whisper"), folder / "whisper.safetensors")
    torch.save({"cfg": config["beats"], "model": seeded("beats")}, folder / "beats.pt")
    save_file(seeded("llama"), folder / "llama.safetensors")
    adapter = seeded("salmonn")
    adapter["speech_Qformer.bert.embeddings.position_ids"] = torch.arange(512)[None]
    adapter["beats.encoder.layers.1.self_attn.relative_attention_bias.weight"] = torch.ones(320, 4)
    for layer in range(2):
        name = f"llama_model.base_model.model.model.layers.{layer}.self_attn.rotary_emb.inv_freq"
        adapter[name] = torch.ones(8)
    torch.save({"model": adapter, "optimizer": {"state": {}}, "epoch": 3}, folder / "salmonn.pth")
    return folder


def write_downloaded(folder: Path, pattern: str) -> tuple[Path, Path]:
    """A SALMONN file and the folder of its Vicuna as they lie on the Hub, weights in two files with an index.

    `pattern` names the files: `model-{}.safetensors` or `pytorch_model-{}.bin`.
    """
    write_published(folder)
    vicuna = folder / "vicuna"
    vicuna.mkdir()
    llama = json.loads((FIXTURES / "config_tiny.json").read_text())["llama"]
    others = {"architectures": ["LlamaForCausalLM"], "torch_dtype": "float16", "rope_scaling": None}
    (vicuna / "config.json").write_text(json.dumps({**llama, **others, "model_type": "llama"}))
    write_words(vicuna / "tokenizer.model")
    tensors = seeded("llama")
    if pattern.endswith(".bin"):
        tensors["model.layers.1.self_attn.rotary_emb.inv_freq"] = torch.ones(8)
    names = sorted(tensors)
    weight_map: dict[str, str] = {}
    for number, part in enumerate((names[:7], names[7:]), 1):
        file = pattern.format(f"{number:05}-of-00002")
        shard = {name: tensors[name] for name in part}
        if pattern.endswith(".bin"):
            torch.save(shard, vicuna / file)
        else:
            save_file(shard, vicuna / file)
        weight_map |= dict.fromkeys(part, file)
    index = pattern.replace("-{}", "") + ".index.json"
    (vicuna / index).write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return folder / "salmonn.pth", vicuna


def write_words(path: Path) -> None:
    """A SentencePiece model whose piece N is the word `wN`, for N from 3 to 126."""
    words = [word for number in range(3, 127) for word in [f"w{number}"] * (200 - number)]
    trained = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(words), model_writer=trained, model_type="word", vocab_size=127, minloglevel=2
    )
    path.write_bytes(trained.getvalue())


def tiny_config() -> SalmonnConfig:
    """The tiny configuration with a prompt whose pieces are the golden ids in the word tokenizer."""
    return replace(
        SalmonnConfig.from_json(FIXTURES / "config_tiny.json"),
        prompt_template="w7 w23 w41 w5 w88 w19 w64 {}",
        audio_placeholder="<SpeechHere> ",
    )


def read_published(files: Path, config: SalmonnConfig) -> Salmonn:
    """The network of the files that `write_published` wrote."""
    return read_salmonn(
        config,
        read_encoder(files / "whisper.safetensors", heads=4),
        read_beats(files / "beats.pt", config.beats),
        read_llama(config.llama, files / "llama.safetensors"),
        files / "salmonn.pth",
    )


def bare_language_model(network: Salmonn, config: SalmonnConfig) -> nn.Module:
    """Another LLaMA with the weights of the network's, without its adapters."""
    llama = LlamaForCausalLM(LlamaConfig(**config.llama))
    llama.load_state_dict(llama_tensors(network))
    return llama
