"""The self-supervised trio and the speaker model: published classes, seeded masks, runs that go on, files."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import (
    AutoFeatureExtractor,
    Data2VecAudioConfig,
    Data2VecAudioModel,
    HubertConfig,
    HubertModel,
    PreTrainedModel,
    Wav2Vec2Config,
    Wav2Vec2ForPreTraining,
    WavLMConfig,
    WavLMForXVector,
)

from demos.mini.evaluation import layer_study as evaluation
from demos.mini.evaluation.details import Sizes
from demos.mini.evaluation.listening import Listeners
from demos.mini.train import data2vec, hubert, loop, sounds, speaker, wav2vec2
from demos.mini.train import self_supervised as shared

FRAMES = 40
TINY = {
    **shared.SHAPE,
    "hidden_size": 32,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "conv_dim": (16,) * 7,
    "num_conv_pos_embedding_groups": 4,
}
W2V = Wav2Vec2Config(
    **TINY,
    num_conv_pos_embeddings=16,
    num_codevectors_per_group=8,
    codevector_dim=32,
    proj_codevector_dim=32,
)
HUBERT = HubertConfig(**TINY, num_conv_pos_embeddings=16)
DATA2VEC = Data2VecAudioConfig(**TINY, num_conv_pos_embeddings=2, conv_pos_kernel_size=7)
WAVLM = WavLMConfig(
    **TINY | {"num_hidden_layers": 1, "mask_time_prob": 0.0},
    num_conv_pos_embeddings=16,
    tdnn_dim=(32, 32, 48),
    tdnn_kernel=(3, 1, 1),
    tdnn_dilation=(1, 1, 1),
    xvector_output_dim=32,
)


@pytest.fixture(autouse=True)
def uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (wav2vec2, hubert, data2vec, speaker):
        monkeypatch.setattr(module, "compiled", lambda function: function)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> shared.World:
    """Buzzes of two voices, sweeps for scenes, noises for backgrounds: enough to be told apart."""
    folder = tmp_path_factory.mktemp("sounds")
    rng = np.random.default_rng(5)
    seconds = np.arange(14_000) / 16_000

    def utterances(part: int) -> list[sounds.Rendered]:
        made: list[sounds.Rendered] = []
        for number in range(12):
            low, name = ((110, "deep"), (230, "high"))[number % 2]
            pitch = low * (1 + 0.1 * np.sin(2 * np.pi * rng.uniform(2, 5) * seconds))
            buzz = np.sign(np.sin(2 * np.pi * np.cumsum(pitch) / 16_000)) * 0.2
            made.append((buzz.astype(np.float32), {"text": "buzz", "voice": name}))
        return made

    def scenes(part: int) -> list[sounds.Rendered]:
        rates = rng.uniform(200, 3000, 6)
        return [(np.sin(rate * seconds * (1 + seconds)).astype(np.float32) * 0.3, {}) for rate in rates]

    def backgrounds(part: int) -> list[sounds.Rendered]:
        return [(rng.standard_normal(9_000).astype(np.float32) * 0.1, {"name": "noise"}) for _ in range(3)]

    for name, make in (("utterances", utterances), ("scenes", scenes), ("backgrounds", backgrounds)):
        (folder / name).mkdir()
        sounds._build_part(folder / name, 0, make)
    return shared.World(
        sounds.Sounds(folder / "utterances"),
        sounds.Sounds(folder / "scenes"),
        sounds.Backgrounds(folder / "backgrounds"),
    )


def train(
    name: str, world: shared.World, folder: Path, steps: int, size: int = 2, device: str = "cpu"
) -> None:
    """One of the stages, tiny."""
    if name == "wav2vec2":
        wav2vec2.run(folder, world, steps, size, FRAMES, W2V, device)
    elif name == "hubert":
        hubert.run(folder, world, steps, steps, size, FRAMES, HUBERT, windows=16, device=device)
    elif name == "data2vec":
        data2vec.run(folder, world, steps, size, FRAMES, DATA2VEC, device)
    else:
        voices = speaker.Voices(world.utterances, world.backgrounds)
        speaker.run(folder, voices, steps, size, FRAMES, WAVLM, device)


CLASSES: dict[str, type[PreTrainedModel]] = {
    "wav2vec2": Wav2Vec2ForPreTraining,
    "hubert": HubertModel,
    "data2vec": Data2VecAudioModel,
    "speaker": WavLMForXVector,
}


def test_windows_are_normalised_seeded_and_as_long_as_their_steps(world: shared.World) -> None:
    batch = world.batch(np.random.default_rng(3), 8, FRAMES)
    assert batch.shape == (8, shared.samples_of(FRAMES))
    assert batch.dtype == torch.float32
    torch.testing.assert_close(batch.mean(1), torch.zeros(8), atol=1e-4, rtol=0)
    torch.testing.assert_close(batch.std(1), torch.ones(8), atol=1e-3, rtol=0)
    assert torch.equal(batch, world.batch(np.random.default_rng(3), 8, FRAMES))
    assert HubertModel(HUBERT)(batch[:1]).last_hidden_state.shape == (1, FRAMES, 32)


def test_masks_are_spans_and_a_function_of_the_seed() -> None:
    mask = shared.spans(np.random.default_rng(1), 6, 160)
    assert mask.shape == (6, 160)
    assert torch.equal(mask, shared.spans(np.random.default_rng(1), 6, 160))
    assert not torch.equal(mask, shared.spans(np.random.default_rng(2), 6, 160))
    assert 0.35 < mask.float().mean() < 0.65
    for row in mask.tolist():
        assert all(len(list(run)) >= 10 for value, run in itertools.groupby(row) if value)


@pytest.mark.parametrize(("of", "config"), [(HubertModel, HUBERT), (Data2VecAudioModel, DATA2VEC)])
def test_the_parts_give_what_the_published_forward_gives(
    of: type[PreTrainedModel], config: HubertConfig, world: shared.World
) -> None:
    model = of(config).eval()
    sound = world.batch(np.random.default_rng(4), 2, FRAMES)
    mask = shared.spans(np.random.default_rng(4), 2, FRAMES)
    with torch.no_grad():
        theirs = model(sound, output_hidden_states=True).hidden_states
        for ours, published in zip(shared.states(model, sound), theirs, strict=True):
            torch.testing.assert_close(ours, published, atol=1e-5, rtol=1e-5)
        hidden, _ = shared.projected(model, shared.features(model, sound))
        entering = shared.entered(model, shared.masked(model, hidden, mask))
        outputs, _ = shared.through(model.encoder.layers, entering)
        masked = model(sound, mask_time_indices=mask).last_hidden_state
    torch.testing.assert_close(outputs[-1], masked, atol=1e-5, rtol=1e-5)


def test_x_vectors_are_those_of_the_published_forward(world: shared.World) -> None:
    model = WavLMForXVector(WAVLM).eval()
    sound = world.batch(np.random.default_rng(4), 2, FRAMES)
    with torch.no_grad():
        published = model(sound).embeddings
        torch.testing.assert_close(speaker.embedded(model, sound), published, atol=1e-5, rtol=1e-5)


def test_the_speaker_model_begins_with_embeddings_that_differ(world: shared.World) -> None:
    """As drawn, they are one constant with a cosine near 1 for any two sounds, and nothing is learned."""
    sound = speaker.Voices(world.utterances, world.backgrounds).batch(np.random.default_rng(4), 12, FRAMES)[0]
    alike = []
    for begins_even in (False, True):
        torch.manual_seed(3)
        model = WavLMForXVector(WAVLM).eval()
        if begins_even:
            speaker.begin_even(model, sound)
        with torch.no_grad():
            vectors = speaker.embedded(model, sound)
        unit = torch.nn.functional.normalize(vectors, dim=1)
        alike.append(float((unit @ unit.T)[~torch.eye(12, dtype=torch.bool)].mean()))
    assert alike[0] > 0.9
    assert alike[1] < 0.2
    torch.testing.assert_close(vectors.mean(0), torch.zeros(32), atol=1e-3, rtol=0)
    torch.testing.assert_close(vectors.std(0), torch.ones(32), atol=1e-2, rtol=0)


def test_the_contrast_is_lowest_for_the_own_target_and_leaves_equal_codes_out() -> None:
    target = torch.eye(4)[None]
    codes = torch.tensor([[[0, 0], [0, 1], [1, 0], [1, 1]]])
    mask = torch.tensor([[True, True, True, False]])
    right = wav2vec2.contrast(target, target, codes, mask, 0.1)
    wrong = wav2vec2.contrast(target.roll(1, 1), target, codes, mask, 0.1)
    assert right < 0.01 < 5 < wrong
    alike = wav2vec2.contrast(target.roll(1, 1), target, torch.zeros_like(codes), mask, 0.1)
    assert alike == pytest.approx(0, abs=1e-6)


def test_cepstra_have_a_value_for_every_step_and_clusters_find_groups(tmp_path: Path) -> None:
    values = hubert.mfcc(torch.randn(2, shared.samples_of(FRAMES)))
    assert values.shape == (2, FRAMES, 39)
    groups = torch.randn(3, 5)[:, None] * 10 + torch.randn(3, 30, 5) * 0.1
    clusters = hubert.Clusters.of(groups.flatten(0, 1), 3, seed=1)
    named = clusters(groups)
    assert named.shape == (3, 30)
    assert [len(set(row)) for row in named.tolist()] == [1, 1, 1]
    assert len(set(named[:, 0].tolist())) == 3
    kept = [hubert.Clusters.kept(tmp_path / "kept.safetensors", lambda: clusters) for _ in range(2)]
    assert torch.equal(kept[0](groups), kept[1](groups))


def test_the_teacher_follows_slowly_and_shares_what_is_below_the_layers() -> None:
    pair = data2vec.Pair(DATA2VEC)
    before = pair.teacher[0].attention.q_proj.weight.clone()
    with torch.no_grad():
        pair.learner.encoder.layers[0].attention.q_proj.weight.add_(1.0)
    pair.follow(0.9)
    torch.testing.assert_close(pair.teacher[0].attention.q_proj.weight, before + 0.1)
    assert not any(parameter.requires_grad for parameter in pair.teacher.parameters())
    assert data2vec.kept(0, 100) == data2vec.SLOW
    assert data2vec.kept(80, 100) == pytest.approx(data2vec.SLOWEST)


def test_what_a_place_has_in_all_windows_is_no_target_and_what_sounds_there_is() -> None:
    torch.manual_seed(2)
    place, sound = torch.randn(1, 30, 8), torch.randn(6, 30, 8)
    alike = data2vec.without_place(place.expand(6, -1, -1))
    torch.testing.assert_close(alike, torch.zeros(6, 30, 8), atol=1e-3, rtol=0)
    found, alone = data2vec.without_place(5 * place + sound), data2vec.without_place(sound)
    assert torch.corrcoef(torch.stack([found.flatten(), alone.flatten()]))[0, 1] > 0.9


@pytest.mark.parametrize("name", CLASSES)
def test_a_cut_run_goes_on_and_its_files_are_read_by_the_published_class(
    name: str, world: shared.World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(name, world, tmp_path / "whole", steps=2)
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    saving, saved = loop._save, []

    class CutError(Exception):
        pass

    def cut(*arguments: object) -> None:
        saving(*arguments)  # type: ignore[arg-type]
        saved.append(arguments)
        raise CutError

    with monkeypatch.context() as patch:
        patch.setattr(loop, "_save", cut)
        with pytest.raises(CutError):
            train(name, world, tmp_path / "cut", steps=2)
    assert [arguments[-1] for arguments in saved] == [1]
    train(name, world, tmp_path / "cut", steps=2)

    read = [CLASSES[name].from_pretrained(tmp_path / run / name, dtype="auto") for run in ("whole", "cut")]
    assert read[0].dtype == torch.float16
    for whole, gone_on in zip(read[0].parameters(), read[1].parameters(), strict=True):
        torch.testing.assert_close(whole, gone_on, rtol=0, atol=0)
    extractor = AutoFeatureExtractor.from_pretrained(tmp_path / "whole" / name)
    assert (extractor.sampling_rate, extractor.do_normalize) == (16_000, True)
    heard = extractor(np.random.default_rng(1).normal(3, 2, 4000).astype(np.float32), sampling_rate=16_000)
    np.testing.assert_allclose(
        heard["input_values"][0],
        shared.normalised(np.random.default_rng(1).normal(3, 2, 4000).astype(np.float32)),
        atol=1e-4,
    )


@pytest.mark.gpu
@pytest.mark.skipif(
    not torch.cuda.is_available(), reason="There is no CUDA device here: run this where there is one."
)
@pytest.mark.parametrize("name", CLASSES)
def test_a_run_that_was_begun_on_a_processor_goes_on_on_a_gpu_and_back(
    name: str, world: shared.World, tmp_path: Path
) -> None:
    for steps, device in ((1, "cpu"), (2, "cuda"), (3, "cpu")):
        train(name, world, tmp_path, steps, device=device)
        model = CLASSES[name].from_pretrained(tmp_path / name)
        assert all(parameter.isfinite().all() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("name", "loss"),
    [("hubert", "named"), ("data2vec", "missed"), ("speaker", "speaker"), ("wav2vec2", "contrast")],
)
def test_the_loss_falls(
    name: str, loss: str, world: shared.World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, list[float]] = {}

    def watched(plan: loop.Plan, module: torch.nn.Module, losses: object, folder: Path) -> None:
        def watch(rng: np.random.Generator, step: int) -> dict[str, torch.Tensor]:
            found = losses(rng, step)  # type: ignore[operator]
            seen.setdefault(plan.name, []).append(found[loss].item())
            return found

        loop.train(plan, module, watch, folder)

    for module in (wav2vec2, hubert, data2vec, speaker):
        monkeypatch.setattr(module, "train", watched)
    monkeypatch.setattr(speaker, "margin", lambda step, steps: 0.0)
    train(name, world, tmp_path, steps=30, size=8)
    for losses in seen.values():
        assert len(losses) == 30
        assert np.mean(losses[-5:]) < np.mean(losses[:5])


def test_a_vector_left_out_is_answered_as_by_a_probe_fitted_without_it() -> None:
    rng = np.random.default_rng(5)
    vectors, answers = (
        rng.normal(size=(30, 50)),
        np.eye(3)[rng.integers(3, size=30)],
    )  # more values than vectors
    left_out, _ = evaluation.probe(vectors, answers, vectors, True)
    scaled = (vectors - vectors.mean(0)) / (vectors.std(0) + 1e-6)

    def fitted_without(one: int, ridge: float) -> np.ndarray:
        others = np.arange(30) != one
        centre, middle = scaled[others].mean(0), answers[others].mean(0)
        known = scaled[others] - centre
        weights = np.linalg.solve(known.T @ known + ridge * np.eye(50), known.T @ (answers[others] - middle))
        return (scaled[one] - centre) @ weights + answers.mean(0)

    differences = [
        max(np.abs(fitted_without(one, ridge) - left_out[one]).max() for one in range(30))
        for ridge in np.logspace(-2, 4, 7)
    ]
    assert min(differences) < 1e-9


def test_probes_find_what_is_there_and_nothing_where_nothing_is() -> None:
    rng = np.random.default_rng(2)
    answers = np.eye(3)[rng.integers(3, size=240)]
    telling = answers @ rng.normal(size=(3, 20)) * 3 + rng.normal(size=(240, 20))
    empty = rng.normal(size=(240, 20))
    middle = answers[:120].mean(0)
    for vectors, low, high in ((telling, 0.9, 1.0), (empty, 0.15, 0.5)):
        left_out, said = evaluation.probe(vectors[:120], answers[:120], vectors[120:], True)
        for values, truth in ((left_out, answers[:120]), (said, answers[120:])):
            assert low <= evaluation.rightness(values, truth, True, middle).mean() <= high
    # What is said of a vector that was fitted on is not what is said with it left out.
    alone = evaluation.probe(telling[:120], answers[:120], telling[:1], True)[1]
    assert not np.allclose(alone, evaluation.probe(telling[:120], answers[:120], telling[:1], True)[0][:1])


def test_the_layers_of_those_that_are_there_are_probed(world: shared.World, tmp_path: Path) -> None:
    sizes = Sizes(fitted_per_class=1, judged_per_class=1, utterances_per_voice=4, utterances=60)

    def figures() -> tuple[list[str], dict[str, dict[str, list[float]]]]:
        listeners = Listeners(tmp_path)  # not begun: the app's five systems are not asked
        outcome = evaluation.layers(listeners, sizes)
        assert all(0 <= one.low <= one.value <= one.high for one in outcome.figures)
        return [one.name for one in outcome.figures], outcome.report.get("layers", {})

    assert figures() == ([], {})
    train("speaker", world, tmp_path, steps=2)
    names, by_layer = figures()
    assert [name.split(",")[0] for name in names] == [
        "Speaker model",
        "… by mean and deviation of cepstra instead",
    ]
    assert by_layer == {}
    train("wav2vec2", world, tmp_path, steps=2)
    names, by_layer = figures()
    assert [name.split(",")[0] for name in names[:2]] == ["Cepstra alone", "Untrained network"]
    assert names[2].startswith("wav2vec 2.0, the same from layer ")
    assert len(names) == 3 * 3 + 2
    assert len(by_layer) == 3
    for of in by_layer.values():
        assert len(of["wav2vec 2.0"]) == len(of["Untrained network"]) == TINY["num_hidden_layers"] + 1
        assert len(of["Cepstra alone"]) == 1
    assert any(of["wav2vec 2.0"] != of["Untrained network"] for of in by_layer.values())


def test_balanced_accuracy_is_a_half_for_one_who_always_says_the_same() -> None:
    answers = (np.random.default_rng(3).random((200, 4)) < 0.2).astype(np.float64)
    for said in (np.zeros_like(answers), np.ones_like(answers)):
        assert evaluation.rightness(said, answers, False, np.full(4, 0.5)).mean() == pytest.approx(0.5)
    assert evaluation.rightness(answers, answers, False, np.full(4, 0.5)).mean() == pytest.approx(1.0)


def test_equal_error_rates() -> None:
    assert evaluation.equal_error_rate(np.array([0.9, 0.8]), np.array([0.1, 0.2, 0.3])) == 0
    assert evaluation.equal_error_rate(np.array([0.1, 0.2]), np.array([0.8, 0.9])) == 1
    rng = np.random.default_rng(4)
    apart = evaluation.equal_error_rate(rng.normal(2, 1, 20_000), rng.normal(0, 1, 20_000))
    assert apart == pytest.approx(0.1587, abs=0.01)  # of two normal distributions two deviations apart
    numbers = np.repeat(np.arange(3), 10)
    value, low, high, pairs = evaluation.verification(
        np.eye(3)[numbers] + rng.normal(0, 0.05, (30, 3)), numbers
    )
    assert (value, low, high, pairs) == (0, 0, 0, 435)
