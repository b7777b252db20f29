"""BEATs against the published implementation, and what a training relies on."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from demos.checkpoint_reader import CheckpointError
from demos.networks.beats import Beats, BeatsConfig, offset_buckets
from demos.salmonn.checkpoint import read_beats
from tests.seeded import read_layout, seeded_state_dict, seeded_waveform

FIXTURES = Path(__file__).parent.parent / "fixtures" / "salmonn"


def furthest(ours: torch.Tensor, published: np.ndarray) -> float:
    """Largest absolute difference."""
    assert ours.shape == published.shape
    return float(np.abs(ours.detach().numpy() - published).max())


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(FIXTURES / "golden_tiny.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BEATs file as published: a pickle of `cfg` and `model`, with the aliases of the bias table."""
    config = json.loads((FIXTURES / "config_tiny.json").read_text())["beats"]
    weights = seeded_state_dict(read_layout(FIXTURES / "layout_tiny_beats.json"))
    table = "encoder.layers.{}.self_attn.relative_attention_bias.weight"
    weights[table.format(1)] = weights[table.format(0)]
    path = tmp_path_factory.mktemp("beats") / "beats.pt"
    torch.save({"cfg": config, "model": {name: torch.from_numpy(w) for name, w in weights.items()}}, path)
    return path


@pytest.fixture(scope="module")
def beats(published: Path) -> Beats:
    return read_beats(published)


@pytest.fixture(scope="module")
def waveform() -> torch.Tensor:
    return torch.from_numpy(seeded_waveform(5.0, 16_000, seed=2))[None]


def test_fbank_matches_kaldi(waveform: torch.Tensor, golden: dict[str, np.ndarray]) -> None:
    assert furthest(Beats.fbank(waveform)[0], golden["beats_fbank"]) < 1e-4
    single = Beats.fbank(waveform, torch.float32)
    assert furthest(single[0], golden["beats_fbank_from_float32"]) < 1e-3


def test_every_stage_matches(beats: Beats, waveform: torch.Tensor, golden: dict[str, np.ndarray]) -> None:
    with torch.no_grad():
        tokens, mask, states = beats.hidden_states(waveform)
        probabilities = beats.classify(tokens)
    assert mask is None
    assert len(states) == beats.config.encoder_layers + 1
    assert furthest(states[0][0], golden["beats_encoder_input"]) < 1e-4
    assert furthest(states[1][0], golden["beats_layer0"]) < 1e-4
    assert furthest(tokens[0], golden["beats_output"]) < 1e-4
    assert furthest(probabilities[0], golden["beats_class_probabilities"]) < 1e-4


def test_padded_batch_matches(beats: Beats, waveform: torch.Tensor, golden: dict[str, np.ndarray]) -> None:
    shorter = torch.from_numpy(
        seeded_waveform(
            float(golden["padded_batch_second_seconds"]), 16_000, seed=int(golden["padded_batch_second_seed"])
        )
    )
    batch = torch.zeros(2, waveform.shape[1])
    batch[0], batch[1, : len(shorter)] = waveform[0], shorter
    padding = torch.zeros(batch.shape, dtype=torch.bool)
    padding[1, len(shorter) :] = True
    with torch.no_grad():
        tokens, mask = beats.encode(batch, padding)
    assert mask is not None
    assert np.array_equal(mask.numpy(), golden["padded_batch_token_mask"])
    assert furthest(tokens, golden["padded_batch_beats_output"]) < 1e-4


def test_all_distances_fall_into_the_published_buckets(golden: dict[str, np.ndarray]) -> None:
    buckets = offset_buckets(torch.from_numpy(golden["beats_bucket_offsets"]), 320, 800)
    assert np.array_equal(buckets.numpy(), golden["beats_bucket_of_offset"])


def test_full_size_matches(tmp_path: Path, waveform: torch.Tensor) -> None:
    layout = read_layout(FIXTURES / "layout_full_beats.json")
    weights = seeded_state_dict(layout)
    first = "encoder.layers.0.self_attn.relative_attention_bias.weight"
    aliases = {name: weights[first] for name in layout if name.endswith("relative_attention_bias.weight")}
    config = json.loads((FIXTURES / "config_full.json").read_text())["beats_cfg"]
    path = tmp_path / "beats.pt"
    tensors = {name: torch.from_numpy(weight) for name, weight in {**weights, **aliases}.items()}
    torch.save({"cfg": config, "model": tensors}, path)
    network = read_beats(path, BeatsConfig())
    with torch.no_grad(), np.load(FIXTURES / "golden_full_shape.npz") as golden:
        tokens, _ = network.encode(waveform)
        assert furthest(tokens[0], golden["beats_output"]) < 1e-4
        assert furthest(network.classify(tokens)[0], golden["beats_class_probabilities"]) < 1e-4


def test_tokens_are_time_major(beats: Beats) -> None:
    """A sound in the second half changes, before the layers mix times, nothing in the first patches."""
    silence = torch.zeros(1, 998, 128)
    sound = silence.clone()
    sound[:, 500:] = 1.0
    with torch.no_grad():
        changed = (beats.patch_embedding(sound[:, None]) - beats.patch_embedding(silence[:, None])).abs()
        tokens, _ = beats.encode(sound)
    by_time = beats.mean_over_frequency(changed.flatten(2).transpose(1, 2))
    assert by_time.shape[1] == tokens.shape[1] // 8 == 62
    assert by_time[0, :31].abs().max() == 0
    assert by_time[0, 32:].abs().max() > 0


@pytest.mark.parametrize(("seconds", "tokens"), [(1, 48), (5, 248), (10, 496)])
def test_token_count(beats: Beats, seconds: int, tokens: int) -> None:
    with torch.no_grad():
        assert beats.encode(torch.zeros(1, seconds * 16_000))[0].shape[1] == tokens


def test_a_small_network_learns() -> None:
    torch.manual_seed(0)
    config = BeatsConfig(
        embed_dim=16,
        encoder_embed_dim=32,
        encoder_layers=2,
        encoder_ffn_embed_dim=64,
        encoder_attention_heads=4,
        conv_pos=32,
        conv_pos_groups=8,
        predictor_class=2,
    )
    network = Beats(config)
    fbank = Beats.fbank(torch.randn(4, 8_000) * torch.tensor([0.5, 0.4, 0.002, 0.001])[:, None])
    wanted = torch.tensor([[1.0, 0.0]] * 2 + [[0.0, 1.0]] * 2)
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    losses = []
    for _ in range(25):
        tokens, _ = network.encode(fbank)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(network.class_logits(tokens), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.1 * losses[0]
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in network.parameters())


def test_configuration_survives_a_round_trip(beats: Beats) -> None:
    assert BeatsConfig.from_dict(beats.config.to_dict()) == beats.config
    assert beats.config.training["encoder_layerdrop"] == 0.05


def test_other_variants_are_refused(published: Path, tmp_path: Path) -> None:
    content = torch.load(published, weights_only=True)
    content["cfg"]["layer_norm_first"] = True
    torch.save(content, tmp_path / "prenorm.pt")
    with pytest.raises(CheckpointError, match="layer_norm_first"):
        read_beats(tmp_path / "prenorm.pt")


def test_a_file_of_another_size_or_without_a_tensor_is_refused(published: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="another BEATs"):
        read_beats(published, BeatsConfig())
    content = torch.load(published, weights_only=True)
    del content["model"]["encoder.layers.1.self_attn.grep_a"]
    torch.save(content, tmp_path / "holed.pt")
    with pytest.raises(CheckpointError, match=r"layers\.1\.self_attn\.grep_a"):
        read_beats(tmp_path / "holed.pt")


def test_too_short_a_sound_is_refused_in_one_sentence(beats: Beats) -> None:
    with pytest.raises(ValueError, match="at least 400 samples"):
        beats.encode(torch.zeros(1, 399))
    with pytest.raises(ValueError, match="at least 16 frames"):
        beats.encode(torch.zeros(1, 2_799))
