"""The CLAP of 2022 gives what msclap gives, through the reader of published files."""

from pathlib import Path

import pytest
import torch

from demos.clap.checkpoint import load_msclap_2022
from demos.clap.msclap_2022 import Msclap2022, Msclap2022Config
from tests.demos.parity import (
    FULL_TOLERANCE,
    LOG_MEL_TOLERANCE,
    Comparison,
    full_layout,
    golden,
    published_file,
    seeded_tensors,
    sounds,
    tiny_file,
)
from tests.demos.tiny_systems import MSCLAP_2022


def compare_both_towers(network: Msclap2022, compare: Comparison) -> None:
    """Latent, classes, both embeddings and their similarity, for the goldens' sounds and texts."""
    output = network.audio_encoder.base(torch.from_numpy(sounds(5)))
    audio = network.embed_latent(output.latent)
    ids, mask = (torch.from_numpy(compare.stored[f"text_{part}"]) for part in ("input_ids", "attention_mask"))
    text = network.embed_ids(ids, mask)
    compare.close("latent", output.latent)
    compare.close("clipwise_output", output.clipwise)
    compare.close("audio_embed", audio)
    compare.close("text_embed", text)
    compare.close("logit_scale_param", network.logit_scale[None])
    compare.close("logit_scale_exp", network.logit_scale.exp()[None])
    compare.close("similarity", network.similarity(audio, text))


def compare_front_end(network: Msclap2022, compare: Comparison) -> None:
    """Every stored stage from the samples to the normalised spectrogram."""
    stored, rows = compare.stored, sounds(5)
    for place, value in zip(stored["wave_row2_samples_at"], stored["wave_row2_values"], strict=True):
        assert rows[2, place] == value
    cnn14 = network.audio_encoder.base
    log_mel = cnn14.log_mel(torch.from_numpy(rows))
    normalised = cnn14.normalise(log_mel)[0, 0, :16]
    power = cnn14.spectrogram_extractor(torch.from_numpy(rows[:1]))[0, 0, :4]
    expected = stored["spectrogram_power_row0_frames0_4"]
    compare.close("spectrogram_power_row0_frames0_4", power, 1e-5 * expected.max())
    compare.close("logmel_bn0_row0_frames0_16", normalised, LOG_MEL_TOLERANCE)
    if "logmel_row0" in stored:
        compare.close("const_melW", cnn14.logmel_extractor.melW, 1e-8)
        compare.close("logmel_row0", log_mel[0, 0], LOG_MEL_TOLERANCE)
        compare.close("logmel_row2_frames0_16", log_mel[2, 0, :16], LOG_MEL_TOLERANCE)


@torch.inference_mode()
def test_sound_text_and_similarity_equal_the_published(tmp_path: Path) -> None:
    network = load_msclap_2022(tiny_file(tmp_path / "tiny.pth", "msclap/layout_tiny_2022"), MSCLAP_2022)
    compare = Comparison(golden("msclap/golden_tiny_2022"))
    compare_front_end(network, compare)
    compare_both_towers(network, compare)


@pytest.mark.full
@torch.inference_mode()
def test_published_size_equals_the_published(tmp_path: Path) -> None:
    """The whole published layout, old buffers and constants included, gives the published numbers."""
    seeded, others = full_layout("msclap/layout_full_2022")
    state = seeded_tensors(seeded)
    old = {name: torch.zeros(shape) for name, shape in others.items() if name.endswith(".position_ids")}
    assert len(old) == 1
    network = load_msclap_2022(published_file(tmp_path / "full.pth", state | old), Msclap2022Config())
    assert not network.training
    del state
    compare = Comparison(golden("msclap/golden_full_2022"), FULL_TOLERANCE)
    compare_front_end(network, compare)
    compare_both_towers(network, compare)
