"""CLAP gives what msclap 2023 gives, through the reader of published files."""

from pathlib import Path

import numpy as np
import pytest
import torch

from demos.clap.checkpoint import load
from demos.clap.network import Clap, ClapConfig
from tests.demos.parity import (
    FULL_TOLERANCE,
    LOG_MEL_TOLERANCE,
    TOLERANCE,
    Comparison,
    compare_htsat,
    full_layout,
    golden,
    published_file,
    seeded_tensors,
    sounds,
    tiny_file,
)
from tests.demos.tiny_systems import CLAP as TINY


@pytest.fixture(scope="module")
def clap(tmp_path_factory: pytest.TempPathFactory) -> Clap:
    return load(tiny_file(tmp_path_factory.mktemp("clap") / "tiny.pth", "msclap/layout_tiny_2023"), TINY)


@pytest.fixture(scope="module")
def stored() -> dict[str, np.ndarray]:
    return golden("msclap/golden_tiny_2023")


@torch.inference_mode()
def test_sound_text_and_similarity_equal_the_published(clap: Clap, stored: dict[str, np.ndarray]) -> None:
    compare = Comparison(stored)
    assert clap.audio_encoder.htsat.spectrogram_extractor.stft.uses_fft
    latent = compare_htsat(clap.audio_encoder.htsat, stored, LOG_MEL_TOLERANCE)
    audio = clap.audio_encoder.embed(latent)
    text = clap.caption_encoder(
        torch.from_numpy(stored["text_input_ids"]), torch.from_numpy(stored["text_attention_mask"])
    )
    compare.close("audio_embed", audio)
    compare.close("text_embed", text)
    compare.close("logit_scale_param", clap.logit_scale[None])
    compare.close("logit_scale_exp", clap.logit_scale.exp()[None])
    compare.close("similarity", clap.similarity(audio, text))


def test_stored_kernels_that_are_no_fourier_transform_win(
    clap: Clap, stored: dict[str, np.ndarray], tmp_path: Path
) -> None:
    """A file's own kernels are what is heard with: convolved exactly, and if they differ, heard
    differently.
    """
    name = "audio_encoder.base.htsat.spectrogram_extractor.stft.conv_real.weight"
    state = clap.state_dict()
    slightly_off = state | {name: state[name] * (1 + 1e-4)}
    slightly_off = load(published_file(tmp_path / "off.pth", slightly_off), TINY)
    stft = slightly_off.audio_encoder.htsat.spectrogram_extractor.stft
    assert not stft.uses_fft
    with torch.inference_mode():
        louder = slightly_off.audio_encoder.htsat.log_mel(torch.from_numpy(sounds()[:1]))
    assert abs(louder.mean() - stored["logmel_row0"].mean()) > 1e-4

    stft.load_state_dict(clap.audio_encoder.htsat.spectrogram_extractor.stft.state_dict())
    assert stft.uses_fft
    stft.uses_fft = False
    compare_htsat(slightly_off.audio_encoder.htsat, stored, log_mel_tolerance=TOLERANCE)


@torch.inference_mode()
def test_published_size_equals_the_published(tmp_path: Path) -> None:
    """The whole published layout, old buffers and constants included, loads and gives the published
    numbers.
    """
    stored = golden("msclap/golden_full_2023")
    seeded, others = full_layout("msclap/layout_full_2023")
    state = seeded_tensors(seeded)
    network = Clap(ClapConfig())
    constants = {name: tensor for name, tensor in network.state_dict().items() if name in others}
    old = {name: torch.zeros(shape) for name, shape in others.items() if name not in constants}
    assert len(constants) + len(old) == len(others)
    assert len(old) == 24
    clap = load(published_file(tmp_path / "full.pth", state | constants | old), ClapConfig())
    assert not clap.training
    del network, state

    compare = Comparison(stored, FULL_TOLERANCE)
    output = clap.audio_encoder.hear(torch.from_numpy(sounds()))
    audio = clap.audio_encoder.embed(output.latent)
    text = clap.caption_encoder(
        torch.from_numpy(stored["text_input_ids"]), torch.from_numpy(stored["text_attention_mask"])
    )
    compare.close("latent", output.latent)
    compare.close("clipwise_output", output.clipwise)
    compare.close("audio_embed", audio)
    compare.close("text_embed", text)
    compare.close("similarity", clap.similarity(audio, text))
