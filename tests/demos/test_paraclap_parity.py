"""ParaCLAP gives what the published code gives, through the reader of its published file."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from demos.checkpoint_reader import CheckpointError
from demos.clap.checkpoint import load_paraclap
from demos.clap.paraclap import Paraclap
from demos.clap.retrieval import Retrieval
from tests.demos.parity import FIXTURES, Comparison, golden, seeded_tensors
from tests.demos.tiny_systems import PARACLAP, word_tokenizer
from tests.seeded import read_layout, seeded_waveform

RATE = 16000
TOLERANCE = 1e-4
SCORES_TOLERANCE = 5e-4  # of products that are not normalised, up to 24
OLD = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}


def saved(path: Path, state: dict[str, Tensor]) -> Path:
    """The published file is a bare table of tensors."""
    torch.save(state, path)
    return path


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return seeded_tensors(read_layout(FIXTURES / "paraclap" / "layout_tiny.json"))


@pytest.fixture(scope="module")
def paraclap(state: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Paraclap:
    return load_paraclap(saved(tmp_path_factory.mktemp("paraclap") / "best.pth.tar", state), PARACLAP)


@torch.inference_mode()
def test_speech_queries_and_similarity_equal_the_published(paraclap: Paraclap) -> None:
    compare = Comparison(golden("paraclap/golden_tiny"), TOLERANCE)
    stored = compare.stored
    sounds = np.stack([seeded_waveform(3.0, RATE, seed) for seed in (1, 2)])
    assert np.array_equal(sounds[:, stored["wave_samples_at"]], stored["wave_values"])
    encoder = paraclap.audio_branch.base
    waveform = torch.from_numpy(sounds)
    convolved = encoder.feature_extractor(waveform).transpose(1, 2)
    projected, _ = encoder.feature_projection(convolved)
    positions = encoder.encoder.pos_conv_embed(projected)
    heard = encoder(waveform, output_hidden_states=True)
    compare.close("conv_features_row0", convolved[0])
    compare.close("conv_features_row1_frames0_8", convolved[1, :8])
    compare.close("feature_projection_frames0_8", projected[:, :8])
    compare.close("pos_conv_frames0_8", positions[:, :8])
    compare.close("pos_conv_frames_last8", positions[:, -8:])
    compare.close("encoder_layer0_frames0_8", heard.hidden_states[1][:, :8])
    compare.close("encoder_last_hidden", heard.last_hidden_state)
    latent = paraclap.latent(waveform)
    audio = paraclap.embed_latent(latent)
    compare.close("audio_pooled", latent)
    compare.close("audio_projection_linear1", paraclap.audio_projection.linear1(latent))
    compare.close("audio_embed", audio)

    ids, mask = (torch.from_numpy(stored[f"text_{part}"]) for part in ("input_ids", "attention_mask"))
    states = paraclap.text_branch.base(input_ids=ids, attention_mask=mask).last_hidden_state
    text = paraclap.embed_ids(ids, mask)
    told = mask[..., None].numpy()  # padded places carry numbers that nothing reads
    compare.close("text_last_hidden", states * told, stored=stored["text_last_hidden"] * told)
    compare.close("text_pooled", states[:, 0])
    compare.close("text_projection_linear1", paraclap.text_projection.linear1(states[:, 0]))
    compare.close("text_embed", text)

    scale = paraclap.logit_scale.exp()
    similarity = paraclap.similarity(audio, text)
    products = scale * audio @ text.T
    compare.close("logit_scale_param", paraclap.logit_scale[None])
    compare.close("logit_scale_exp", scale[None])
    compare.close("similarity", similarity)
    compare.close("similarity_softmax", similarity.softmax(dim=1))
    compare.close("logits_unnormalised", products, SCORES_TOLERANCE)
    assert similarity.argmax(dim=1).tolist() == stored["similarity_argmax"].tolist()


@torch.inference_mode()
def test_a_short_sound_is_heard_as_long_as_it_is(paraclap: Paraclap, tmp_path: Path) -> None:
    compare = Comparison(golden("paraclap/golden_tiny"), TOLERANCE)
    retrieval = Retrieval(paraclap, word_tokenizer(tmp_path))
    latent = retrieval.latent(seeded_waveform(1.7, RATE, seed=3))
    compare.close("short_audio_pooled", latent)
    audio = paraclap.embed_latent(latent)
    compare.close("short_audio_embed", audio)
    texts = torch.from_numpy(compare.stored["text_embed"])
    compare.close("short_similarity", paraclap.similarity(audio, texts))
    retrieval.latent(seeded_waveform(0.01, RATE))  # shorter than the convolutions are


def test_a_file_of_an_older_torch_reads_the_same(
    paraclap: Paraclap, state: dict[str, Tensor], tmp_path: Path
) -> None:
    def old_name(name: str) -> str:
        for new, old in OLD.items():
            name = name.replace(new, old)
        return name

    older = {f"module.{old_name(name)}": tensor for name, tensor in state.items()}
    older["module.text_branch.base.embeddings.position_ids"] = torch.arange(64)[None]
    assert any(name.endswith("weight_g") for name in older)
    again = load_paraclap(saved(tmp_path / "old.pth", older), PARACLAP)
    assert all(torch.equal(again.state_dict()[name], value) for name, value in paraclap.state_dict().items())
    del older["module.audio_branch.base.encoder.pos_conv_embed.conv.weight_g"]
    with pytest.raises(CheckpointError, match=r"missing: .*original0"):
        load_paraclap(saved(tmp_path / "half.pth", older), PARACLAP)


def test_queries_are_ranked(paraclap: Paraclap, tmp_path: Path) -> None:
    """In windows of 30 s; a query longer than BERT reads is shortened before its end."""
    retrieval = Retrieval(paraclap, word_tokenizer(tmp_path))
    queries = ["a happy voice", "a sad voice", "voice " * 600]
    scores = retrieval.rank(seeded_waveform(2.0, RATE), queries)
    assert {score.text for score in scores} == set(queries)
    assert [(start, stop) for start, stop, _ in scores[0].windows] == [(0.0, 2.0)]
    assert [(w.start, w.stop) for w in retrieval.windows(40 * RATE)] == [
        (0, 30 * RATE),
        (10 * RATE, 40 * RATE),
    ]
