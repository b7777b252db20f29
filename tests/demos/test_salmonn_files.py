"""SALMONN's files: what is saved is what is published, and what does not fit is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from demos.checkpoint_reader import CheckpointError
from demos.salmonn.checkpoint import adapter_tensors, llama_tensors, read_adapter, read_llama, read_salmonn
from demos.salmonn.config import SalmonnConfig
from demos.salmonn.network import Salmonn
from tests.published_salmonn import (
    FIXTURES,
    bare_language_model,
    read_published,
    tiny_config,
    write_published,
)
from tests.seeded import read_layout


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_published(tmp_path_factory.mktemp("salmonn"))


@pytest.fixture(scope="module")
def config() -> SalmonnConfig:
    return tiny_config()


@pytest.fixture(scope="module")
def network(files: Path, config: SalmonnConfig) -> Salmonn:
    return read_published(files, config)


def test_what_is_saved_is_what_is_published_and_is_read_again(
    network: Salmonn, files: Path, config: SalmonnConfig, tmp_path: Path
) -> None:
    saved = {name: tensor.clone() for name, tensor in adapter_tensors(network).items()}
    assert saved.keys() == read_layout(FIXTURES / "layout_tiny_salmonn.json").keys()
    assert llama_tensors(network).keys() == read_layout(FIXTURES / "layout_tiny_llama.json").keys()
    save_file(saved, tmp_path / "adapter.safetensors")
    other = Salmonn(config, network.speech_encoder, network.beats, bare_language_model(network, config))
    read_adapter(other, tmp_path / "adapter.safetensors")
    assert all(torch.equal(tensor, saved[name]) for name, tensor in adapter_tensors(other).items())


def edited(files: Path, target: Path, edit: Callable[[dict[str, Tensor]], None]) -> Path:
    content = torch.load(files / "salmonn.pth", weights_only=True)
    edit(content["model"])
    torch.save(content, target)
    return target


def test_a_wrong_prefix_is_not_passed_over(files: Path, network: Salmonn, tmp_path: Path) -> None:
    """The published loader would leave LoRA without effect and say nothing."""

    def strip(tensors: dict[str, Tensor]) -> None:
        for name in [name for name in tensors if ".default." in name]:
            tensors[name.replace(".default.", ".")] = tensors.pop(name)

    with pytest.raises(CheckpointError, match=r"missing: .*lora_A\.default"):
        read_adapter(network, edited(files, tmp_path / "stripped.pth", strip))


def test_a_missing_tensor_and_an_unknown_one_are_errors(
    files: Path, network: Salmonn, tmp_path: Path
) -> None:

    def without_bias(tensors: dict[str, Tensor]) -> None:
        del tensors["ln_audio.bias"]

    def with_another(tensors: dict[str, Tensor]) -> None:
        tensors["something_else"] = torch.ones(1)

    with pytest.raises(CheckpointError, match=r"missing: ln_audio\.bias"):
        read_adapter(network, edited(files, tmp_path / "holed.pth", without_bias))
    with pytest.raises(CheckpointError, match="not known: something_else"):
        read_adapter(network, edited(files, tmp_path / "more.pth", with_another))


def test_a_language_model_of_another_size_is_refused(files: Path, config: SalmonnConfig) -> None:
    with pytest.raises(CheckpointError, match="wrong shape"):
        read_llama({**config.llama, "intermediate_size": 96}, files / "llama.safetensors")


def test_a_language_model_in_half_precision_keeps_float32_adapters(
    files: Path, config: SalmonnConfig, network: Salmonn
) -> None:
    audio_tokens = torch.randn(1, 5, config.hidden_size, generator=torch.Generator().manual_seed(1)) / 10
    llama = read_llama(config.llama, files / "llama.safetensors", torch.bfloat16)
    half = read_salmonn(config, network.speech_encoder, network.beats, llama, files / "salmonn.pth")
    layer = half.llama_model.model.layers[0].self_attn.q_proj
    assert (layer.weight.dtype, layer.lora_A["default"].weight.dtype) == (torch.bfloat16, torch.float32)
    with torch.no_grad():
        logits = half.logits(half.prompt(audio_tokens[0], [7], [33])[None], last_only=True)
        exact = network.logits(network.prompt(audio_tokens[0], [7], [33])[None], last_only=True)
    assert float((logits - exact).abs().max()) < 0.1
