"""HTSAT at other sizes than the published: it fits itself together, learns, and tells when it heard what."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from demos.networks.htsat import Htsat, HtsatConfig
from demos.networks.log_mel import mel_bank
from demos.networks.sizes import ConfigError
from tests.demos.tiny_systems import HTSAT, SMALL_HTSAT
from tests.seeded import seeded_waveform

RATE = SMALL_HTSAT.sample_rate


@pytest.fixture
def htsat() -> Htsat:
    torch.manual_seed(0)
    return Htsat(SMALL_HTSAT).eval()


def sound(rows: int = 2) -> torch.Tensor:
    return torch.stack([torch.from_numpy(seeded_waveform(2.0, RATE, seed)) for seed in range(rows)])


def click_at(seconds: float) -> torch.Tensor:
    """Two seconds of near silence with a short burst of noise."""
    noise = np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32)
    time = np.arange(2 * RATE) / RATE
    return torch.from_numpy(noise * np.where(np.abs(time - seconds) < 0.02, 0.5, 1e-4))[None].float()


def test_sizes_follow_from_the_configuration(htsat: Htsat) -> None:
    assert [SMALL_HTSAT.grid(stage) for stage in range(3)] == [(32, 32), (16, 16), (8, 8)]
    with torch.inference_mode():
        log_mel = htsat.log_mel(sound())
        output = htsat.from_log_mel(log_mel, collect=True)
    assert log_mel.shape == (2, 1, 201, 64)
    assert output.latent.shape == (2, 32)
    assert output.tokens.shape == (2, 64, 32)
    assert output.clipwise.shape == output.clipwise_logits.shape == (2, 5)
    assert output.framewise_logits.shape == (2, 32, 5)
    places = {place.name: (place.grid, place.values.shape[-1]) for place in output.hidden}
    assert places == {
        "patch_embed": ((32, 32), 8),
        "layers.0.blocks.0": ((32, 32), 8),
        "layers.0.blocks.1": ((32, 32), 8),
        "layers.0": ((16, 16), 16),
        "layers.1.blocks.0": ((16, 16), 16),
        "layers.1.blocks.1": ((16, 16), 16),
        "layers.1": ((8, 8), 32),
        "layers.2.blocks.0": ((8, 8), 32),
        "layers.2.blocks.1": ((8, 8), 32),
        "layers.2": ((8, 8), 32),
        "norm": ((8, 8), 32),
    }
    shifts = [block.shift for stage in htsat.layers for block in stage.blocks]
    assert shifts == [0, 4, 0, 4, 0, 0]


def test_collecting_changes_nothing(htsat: Htsat) -> None:
    with torch.inference_mode():
        plain, collected = htsat(sound()), htsat(sound(), collect=True)
    assert plain.hidden == ()
    assert torch.equal(plain.latent, collected.latent)


def test_hidden_states_tell_the_time(htsat: Htsat) -> None:
    """A click at a second shows where the share of the window says, whatever chunk it falls into."""
    for seconds in (0.2, 0.7, 1.1, 1.9):
        with torch.inference_mode():
            clicked, quiet = (
                htsat(waveform, collect=True) for waveform in (click_at(seconds), click_at(9.0))
            )
        for place, without in zip(clicked.hidden, quiet.hidden, strict=True):
            if place.name in ("patch_embed", "layers.0.blocks.0"):
                change = (
                    htsat.hidden_over_time(place.values - without.values, place.grid).abs().sum(dim=(0, 2))
                )
                heard = (change.argmax() + 0.5) / len(change) * SMALL_HTSAT.clip_seconds
                reach = 8 / 128 if place.name == "patch_embed" else 0.5  # attention reaches through a chunk
                assert len(change) == 128
                assert abs(heard - seconds) < reach


def test_framewise_logits_run_in_time_order(htsat: Htsat) -> None:
    """With a head that only averages frequencies, they are the tokens in the order of `hidden_over_time`."""
    with torch.inference_mode():
        htsat.tscam_conv.weight.zero_()
        htsat.tscam_conv.bias.zero_()
        rows = htsat.tscam_conv.kernel_size[0]
        for channel in range(5):
            htsat.tscam_conv.weight[channel, channel, :, 1] = 1 / rows
        output = htsat(sound())
        expected = htsat.hidden_over_time(output.tokens, SMALL_HTSAT.final_grid)[..., :5]
    assert torch.allclose(output.framewise_logits, expected, atol=1e-6)
    assert torch.allclose(output.clipwise_logits, output.framewise_logits.mean(1))
    assert torch.allclose(output.clipwise, output.clipwise_logits.sigmoid())


def test_training_reaches_every_weight_and_moves_the_statistics() -> None:
    torch.manual_seed(0)
    htsat = Htsat(replace(SMALL_HTSAT, drop_path=0.0)).train()
    before = htsat.bn0.running_mean.clone()
    output = htsat(sound())
    (output.clipwise_logits.square().sum() + output.latent.square().sum()).backward()
    unmoved = [name for name, parameter in htsat.named_parameters() if parameter.grad is None]
    assert unmoved == ["head.weight", "head.bias"]  # published, but never called
    assert not torch.equal(htsat.bn0.running_mean, before)
    assert not {name for name, _ in htsat.named_parameters()} & {"logmel_extractor.melW"}


def test_drop_path_acts_in_training_only() -> None:
    torch.manual_seed(0)
    htsat = Htsat(replace(SMALL_HTSAT, drop_path=0.9))
    with torch.no_grad():
        htsat.train()
        assert not torch.equal(htsat(sound()).latent, htsat(sound()).latent)
        htsat.eval()
        assert torch.equal(htsat(sound()).latent, htsat(sound()).latent)


def test_the_front_end_stays_exact_under_autocast(htsat: Htsat) -> None:
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        lowered = htsat.log_mel(sound())
    with torch.inference_mode():
        assert torch.equal(lowered, htsat.log_mel(sound()))


def test_too_long_a_sound_is_refused(htsat: Htsat) -> None:
    with pytest.raises(ValueError, match=r"cut the sound into windows of 2 s"):
        htsat(torch.zeros(1, 20 * RATE))


def test_configuration_survives_json() -> None:
    for config in (HtsatConfig(), HTSAT, SMALL_HTSAT):
        assert HtsatConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    with pytest.raises(ConfigError, match="Unknown entries in a HtsatConfig: fmax"):
        HtsatConfig.from_dict({"fmax": 8000})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"depths": (2, 2)}, "one entry per stage"),
        ({"mel_bins": 60}, "multiple of mel_bins"),
        ({"patch_size": 7}, "must be even"),
        ({"patch_stride": 6, "patch_size": 6}, "divisible by patch_stride"),
        ({"window": 5}, "window must divide"),
        ({"num_heads": (3, 2, 2)}, "heads of a stage"),
        ({"clip_seconds": 20}, "more frames than the image"),
    ],
)
def test_sizes_that_do_not_fit_are_named(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        replace(SMALL_HTSAT, **change)  # type: ignore[arg-type]


def test_a_mel_band_without_a_bin_is_refused() -> None:
    with pytest.raises(ValueError, match="Use fewer bands or a longer window"):
        mel_bank(256, 128, 16000, 50, 7800)
