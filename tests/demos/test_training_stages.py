"""Stages that go on from what others left: on a handful of sounds, from the first to the last."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from demos.mini.train import beats, clap, llama, pengi, salmonn
from demos.mini.train.sounds import Scenes, Utterances

pytestmark = pytest.mark.usefixtures("small_training", "training_encoders")


@pytest.fixture
def left(training_data: Path, tmp_path: Path) -> Path:
    """What the stages before have left, to go on with."""
    return shutil.copytree(training_data, tmp_path / "train")


def changed(before: dict[str, torch.Tensor], path: Path) -> set[str]:
    """The tensors of a file that are no longer what they were."""
    return {name for name, value in load_file(path).items() if not torch.equal(value, before[name])}


def test_clap_and_pengi_go_on_with_other_scenes(left: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pengi, "BATCH", 4)
    first, more = Scenes(left / "scenes"), Scenes(left / "questions")
    monkeypatch.setattr(clap, "BATCH", 2)
    clap.run(left, first, steps=1)
    clap.run_heads(left, first, steps=1)
    pengi.run(left, first, steps=1, more_steps=1)
    sound, text = load_file(left / "htsat.safetensors"), load_file(left / "clap.safetensors")
    decoder = load_file(left / "pengi.safetensors")
    clap.run_wider(left, more, steps=2)
    pengi.run_wider(left, more, steps=2)
    assert changed(sound, left / "htsat.safetensors")
    assert changed(text, left / "clap.safetensors")
    assert any("gpt" in name for name in changed(decoder, left / "pengi.safetensors"))
    assert {"log_mel-more.npy", "latents-more.npy"} <= {path.name for path in left.iterdir()}


def test_beats_grows_and_salmonn_goes_on_with_what_it_stands_on(left: Path) -> None:
    scenes, questions = Scenes(left / "scenes"), Scenes(left / "questions")
    beats.run(left, scenes, questions, Utterances(left / "utterances"), 1, 0, 0)
    assert beats.trained(left).config.encoder_ffn_embed_dim == 512
    salmonn.run(left, questions, scenes, first_steps=1, steps=1, more_steps=1, full_steps=1)
    adapter, language = load_file(left / "salmonn.safetensors"), load_file(left / "llama.safetensors")
    beats.run_wider(left, scenes, questions, Utterances(left / "utterances"), 2, 1)
    assert beats.trained(left).config.encoder_ffn_embed_dim == 1024
    llama.run_wider(left, salmonn.configuration(left), steps=2)
    assert changed(language, left / "llama.safetensors")
    salmonn.run_wider(left, questions, scenes, counts=(2, 2), score_steps=2, steps=3, full_steps=2)
    assert "speech_llama_proj.weight" in changed(adapter, left / "salmonn.safetensors")
