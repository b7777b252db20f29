"""LAION's CLAPs are read from a folder of the Hub and hear as transformers hears, the same each time."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from demos.checkpoint_reader import CheckpointError
from demos.clap.laion import LaionClap, load_laion
from demos.clap.retrieval import Retrieval
from demos.tokenizer import load_tokenizer
from tests.seeded import seeded_waveform
from tests.tiny_published import write_laion

RATE = 48000
TEXTS = ["a dog barks", "rain", "rain " * 60]


@pytest.fixture(scope="module", params=[False, True], ids=["unfused", "fused"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_laion(tmp_path_factory.mktemp("clap"), request.param)


@pytest.fixture
def retrieval(folder: Path) -> Retrieval:
    return Retrieval(load_laion(folder), load_tokenizer(folder))


@torch.inference_mode()
def test_a_sound_of_one_window_is_heard_as_transformers_hears_it(retrieval: Retrieval) -> None:
    network = retrieval.network
    assert isinstance(network, LaionClap)
    assert (retrieval.sample_rate, network.clip_samples) == (RATE, 10 * RATE)
    for seconds in (10.0, 3.0):  # the short one is repeated three times, then silent
        sound = seeded_waveform(seconds, RATE)
        features = network.extractor(sound, sampling_rate=RATE, return_tensors="pt")
        expected = network.model.get_audio_features(
            features.input_features.float(), is_longer=torch.zeros((1, 1), dtype=torch.bool)
        ).pooler_output
        assert torch.allclose(retrieval.embed_latent(retrieval.latent(sound)), expected, atol=1e-6)
    ids, mask = network.text_ids(retrieval.tokenizer, TEXTS)
    expected = network.model.get_text_features(ids, mask).pooler_output
    assert torch.allclose(retrieval.embed_texts(TEXTS), expected, atol=1e-6)
    assert ids.shape == (3, 40)
    assert ids[:, -1].tolist() == [1, 1, 2]  # padded, and the long text keeps its end


def test_a_long_sound_is_heard_the_same_each_time(retrieval: Retrieval) -> None:
    sound = seeded_waveform(12.0, RATE)
    scores = retrieval.rank(sound, TEXTS)
    assert [(start, stop) for start, stop, _ in scores[0].windows] == [(0.0, 10.0), (2.0, 12.0)]
    np.random.seed(1)
    assert retrieval.rank(sound, TEXTS) == scores


def test_a_folder_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"lacks config\.json, model\.safetensors"):
        load_laion(tmp_path)
    folder = write_laion(tmp_path, fused=False)
    weights = load_file(folder / "model.safetensors")
    name = "audio_projection.linear1.weight"
    for changed in ({}, {name: torch.zeros(3, 3)}):
        left = {key: value for key, value in weights.items() if key != name} | changed
        save_file(left, folder / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(CheckpointError, match=name):
            load_laion(folder)
    (folder / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_laion(folder)
