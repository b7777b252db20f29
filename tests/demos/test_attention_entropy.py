"""Attention entropy of every encoder against a direct computation, and encoders in transformers' folders."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional
from transformers import (
    Data2VecAudioConfig,
    Data2VecAudioModel,
    HubertConfig,
    HubertModel,
    PreTrainedModel,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForPreTraining,
    WavLMConfig,
    WavLMForXVector,
)
from whisper.model import MultiHeadAttention

from demos.catalog import suite
from demos.engine import Engine, EngineError
from demos.layers.attention import entropy, htsat_entropies, mean_entropy, speech_entropies
from demos.layers.checkpoint import read_speech_encoder
from demos.networks.swin import WindowAttention
from store.records import Heatmap
from tests.asking import ask, passes, sweep
from tests.mini_weights import write_mini_weights

SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "conv_dim": (16,) * 7,
    "num_conv_pos_embedding_groups": 4,
    "num_conv_pos_embeddings": 8,
}
TITLES = {"wav2vec2": "wav2vec 2.0", "hubert": "HuBERT", "data2vec": "data2vec-audio", "wavlm": "WavLM"}


def networks() -> dict[str, PreTrainedModel]:
    """Tiny networks with seeded weights, one of each kind, with the heads that their publishers leave on."""
    torch.manual_seed(5)
    return {
        "wav2vec2": Wav2Vec2ForPreTraining(
            Wav2Vec2Config(**SIZES, codevector_dim=16, proj_codevector_dim=16, num_codevectors_per_group=8)
        ),
        "hubert": HubertModel(HubertConfig(**SIZES)),
        "data2vec": Data2VecAudioModel(Data2VecAudioConfig(**{**SIZES, "num_conv_pos_embeddings": 2})),
        "wavlm": WavLMForXVector(WavLMConfig(**SIZES, tdnn_dim=(16,) * 5, xvector_output_dim=16)),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    write_mini_weights(folder)
    for name, network in networks().items():
        network.half().save_pretrained(folder / name)
        Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=False).save_pretrained(
            folder / name
        )
    return folder


@pytest.fixture(scope="module")
def engine(folder: Path) -> Engine:
    return Engine(suite("mini", folder))


def shown(engine: Engine, encoder: str, measure: str = "attention_entropy", seconds: float = 1.0) -> Heatmap:
    said = ask(engine, sweep(seconds), "layers", encoder=encoder, measure=measure)
    assert said.heatmap is not None
    return said.heatmap


def test_the_entropy_is_the_logarithm_of_how_many_places_share_the_attention() -> None:
    assert entropy(torch.tensor([0.0, 1.0, 0.0])).item() == 0
    assert entropy(torch.full((7,), 1 / 7)).item() == pytest.approx(math.log(7))
    equal = torch.zeros(1, 2, 5, 8)  # two heads, five places that are all alike
    assert mean_entropy(equal, equal, 1.0).numpy() == pytest.approx(math.log(5))


def test_heads_are_averaged_after_their_entropy_is_taken() -> None:
    sharp, flat = torch.eye(4)[None] * 1000, torch.zeros(1, 4, 4)
    keys = torch.eye(4).expand(1, 2, 4, 4)
    found = mean_entropy(torch.stack([sharp, flat], 1), keys, 1.0)
    assert found.numpy() == pytest.approx(math.log(4) / 2, abs=1e-5)


def test_whisper_s_is_that_of_its_own_attention(engine: Engine) -> None:
    heat = shown(engine, "whisper encoder")
    model = engine.networks.whisper(engine.suite.encoder("whisper encoder"))
    given: list[torch.Tensor] = []
    hooks = [
        block.attn.register_forward_hook(lambda *about: given.append(about[2][1]))
        for block in model.encoder.blocks
    ]
    fused, MultiHeadAttention.use_sdpa = MultiHeadAttention.use_sdpa, False  # the scores are then given out
    try:
        with torch.no_grad():
            from demos.whisper.encoding import encoder_hidden

            encoder_hidden(model, sweep(1.0).samples[:, 0].copy(), collect=True)
    finally:
        MultiHeadAttention.use_sdpa = fused
        for hook in hooks:
            hook.remove()
    for row, scores in zip(heat.values, given, strict=True):
        weights = scores[0].softmax(-1).double()
        direct = -(weights * weights.clamp_min(1e-300).log()).sum(-1).mean(0)
        np.testing.assert_allclose(row, direct[: len(row)].numpy(), rtol=1e-3)
    assert heat.layers == ("layer 1", "layer 2")
    assert (heat.measure, heat.seconds_per_column) == ("attention_entropy", pytest.approx(0.02))


def test_beats_counts_its_gated_position_bias_and_averages_the_patches_of_a_moment(engine: Engine) -> None:
    heat = shown(engine, "BEATs")
    beats = engine.networks.beats(engine.suite.encoder("BEATs"))
    with torch.no_grad():
        _, _, states = beats.hidden_states(
            torch.from_numpy(sweep(1.0).samples[:, 0].astype(np.float64))[None]
        )
        attention = beats.encoder.layers[1].self_attn
        queries, keys, bias = attention.scored(states[1], beats.encoder.layers[0].self_attn.position_bias(48))
        weights = (queries @ keys.transpose(2, 3) / 8**0.5 + bias).softmax(-1)
        assert torch.allclose(  # these are the weights by which the layer itself attends
            attention.out_proj(
                (weights @ attention.v_proj(states[1]).unflatten(2, (4, -1)).transpose(1, 2))
                .transpose(1, 2)
                .flatten(2)
            ),
            attention(states[1], beats.encoder.layers[0].self_attn.position_bias(48), None),
            atol=1e-5,
        )
    direct = -(weights * weights.log()).sum(-1).mean(1)[0].unflatten(0, (-1, 8)).mean(1)
    np.testing.assert_allclose(heat.values[1], direct.numpy(), rtol=1e-3)


def test_htsat_s_is_within_its_windows(engine: Engine) -> None:
    htsat = engine.networks.htsat(engine.suite.encoder("HTSAT"))
    seen: list[torch.Tensor] = []

    def direct(module: torch.nn.Module, given: tuple[torch.Tensor, torch.Tensor | None], _: object) -> None:
        assert isinstance(module, WindowAttention)
        windows, mask = given
        queries, keys, _, scores = module.scored(windows, mask)
        weights = functional.softmax(
            queries @ keys.transpose(2, 3) / queries.shape[-1] ** 0.5 + scores, dim=-1
        )
        seen.append(-torch.xlogy(weights, weights).sum(-1).mean())

    hooks = [block.attn.register_forward_hook(direct) for stage in htsat.layers for block in stage.blocks]
    with torch.no_grad():
        output = htsat(torch.from_numpy(sweep(7.0).samples[:, 0].copy())[None], collect=True)
    for hook in hooks:
        hook.remove()
    found = htsat_entropies(htsat, output)
    assert [layer.name for layer in found] == list(shown(engine, "HTSAT").layers)
    for layer, mean in zip(found, seen, strict=True):
        assert layer.values.mean().item() == pytest.approx(mean.item(), rel=1e-4)
        assert 0 < layer.values.min() <= layer.values.max() <= math.log(64) + 1e-5


@pytest.mark.parametrize("name", ["wav2vec2", "hubert", "data2vec"])
def test_the_self_supervised_ones_are_those_of_transformers_own_weights(folder: Path, name: str) -> None:
    encoder = read_speech_encoder(folder / name, 16_000)
    samples = sweep(1.0).samples[:, 0]
    found = speech_entropies(encoder, samples)
    encoder.network.set_attn_implementation("eager")  # gives its weights out
    with torch.no_grad():
        weights = encoder.network(encoder.values(samples), output_attentions=True).attentions
    for layer, given in zip(found, weights, strict=True):
        direct = -torch.xlogy(given, given).sum(-1).mean(1)
        np.testing.assert_allclose(layer.values.numpy(), direct.numpy(), rtol=1e-3)


def test_wavlm_s_weights_are_its_own_with_the_gated_bias(folder: Path) -> None:
    """Its class gives out the mean of the heads' weights alone, whose entropy is no less than the heads'."""
    encoder = read_speech_encoder(folder / "wavlm", 16_000)
    attention = encoder.network.encoder.layers[0].attention
    attention.num_heads, attention.head_dim = 1, attention.embed_dim  # one head: the mean is its own
    samples = sweep(0.5).samples[:, 0]
    torch.manual_seed(6)
    wide = attention.gru_rel_pos_linear = torch.nn.Linear(attention.embed_dim, 8)
    torch.nn.init.normal_(wide.weight)
    attention.gru_rel_pos_const = torch.nn.Parameter(torch.ones(1, 1, 1, 1))
    attention.rel_attn_embed = torch.nn.Embedding(320, 1)
    given: list[torch.Tensor] = []
    encoder.network.encoder.layers[0].attention.register_forward_hook(
        lambda *about: given.append(about[2][1])
    )
    encoder.network.encoder.layers = encoder.network.encoder.layers[:1]
    (found,) = speech_entropies(encoder, samples)
    direct = -torch.xlogy(given[0], given[0]).sum(-1).mean(1)
    np.testing.assert_allclose(found.values.numpy(), direct.detach().numpy(), rtol=1e-3)


def test_encoders_whose_folders_are_there_can_be_chosen(folder: Path, engine: Engine) -> None:
    titles = [encoder.title for encoder in engine.suite.encoders]
    assert titles == ["whisper encoder", "BEATs", "HTSAT", *TITLES.values()]
    for title in TITLES.values():
        for measure in ("rms", "change_from_below", "effective_rank", "attention_entropy"):
            heat = shown(engine, title, measure)
            values = np.asarray(heat.values)
            assert values.shape == (len(heat.layers), 49)
            assert np.isfinite(values).all()
            assert heat.seconds_per_column == pytest.approx(0.02)
        assert shown(engine, title, "rms").layers == ("input", "layer 1", "layer 2")


@pytest.mark.parametrize("name", TITLES)
def test_a_head_that_is_left_out_is_no_news(
    folder: Path, name: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    read_speech_encoder(folder / name, 16_000)
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


def test_a_folder_without_all_of_its_files_is_not_offered(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "hubert").mkdir()
    (tmp_path / "hubert" / "config.json").write_bytes((folder / "hubert" / "config.json").read_bytes())
    assert "HuBERT" not in [encoder.title for encoder in suite("mini", tmp_path).encoders]


@pytest.mark.parametrize(
    ("file", "changed", "sentence"),
    [
        ("config.json", {"model_type": "bert"}, "an encoder is one of wav2vec2"),
        ("preprocessor_config.json", {"sampling_rate": 8000}, "hears 8000 Hz; it is given 16000"),
        ("config.json", {"num_hidden_layers": 3}, "lack encoder.layers.2"),
        ("config.json", {"hidden_size": 16}, "cannot be read"),
    ],
)
def test_a_folder_that_does_not_fit_is_refused_in_a_sentence(
    tmp_path: Path, folder: Path, file: str, changed: dict[str, object], sentence: str
) -> None:
    made = suite("mini", tmp_path)
    (tmp_path / "hubert").mkdir()
    for source in (folder / "hubert").iterdir():
        (tmp_path / "hubert" / source.name).write_bytes(source.read_bytes())
    path = tmp_path / "hubert" / file
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))
    made = suite("mini", tmp_path)
    with pytest.raises(EngineError, match=sentence):
        ask(Engine(made), sweep(1.0), "layers", encoder="HuBERT")


def test_attention_is_measured_only_when_asked_for_and_once(engine: Engine) -> None:
    sound = sweep(2.0, seed=9)
    with passes(engine) as counted:
        ask(engine, sound, "layers", encoder="BEATs", measure="rms")
        assert counted["BEATs"] == 1
        for _ in range(2):
            ask(engine, sound, "layers", encoder="BEATs", measure="attention_entropy")
        assert counted["BEATs"] == 2
        engine.forget(sound.clip.id)
        ask(engine, sound, "layers", encoder="BEATs", measure="attention_entropy")
        assert counted["BEATs"] == 3
