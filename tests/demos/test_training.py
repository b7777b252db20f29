"""The training loop: seeded and resumable; and the sounds and labels that the stages learn from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from demos.mini.train import beats, clap_examples, encodings, fast, sounds
from demos.mini.train.loop import Plan, _optimisers, learning_rate, train
from demos.mini.world import scenes
from demos.mini.world.taxonomy import NAMES
from demos.networks.beats import Beats, BeatsLayer


def regression() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 1))


def fit(module: nn.Module, plan: Plan, folder: Path, until: int | None = None) -> None:
    class CutError(Exception):
        pass

    def losses(rng: np.random.Generator, step: int) -> dict[str, Tensor]:
        if step == until:
            raise CutError
        x = torch.from_numpy(rng.standard_normal((16, 4), dtype=np.float32))
        return {"error": (module(x)[:, 0] - x.sum(1)).square().mean()}

    if until is None:
        train(plan, module, losses, folder)
    else:
        with pytest.raises(CutError):
            train(plan, module, losses, folder)


@pytest.mark.parametrize("muon", [False, True])
def test_a_run_that_was_cut_ends_with_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, muon: bool
) -> None:
    plan = Plan("fit", steps=60, learning_rate=0.01, warm_up=5, muon=muon, seed=9)
    whole, cut, resumed = regression(), regression(), regression()
    fit(whole, plan, tmp_path / "whole")
    monkeypatch.setattr("demos.mini.train.loop.SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    fit(cut, plan, tmp_path / "cut", until=37)
    fit(resumed, plan, tmp_path / "cut")
    for ours, theirs in zip(resumed.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
    assert not torch.equal(next(cut.parameters()), next(whole.parameters()))


def test_muon_takes_orthogonal_steps_in_hidden_matrices_alone() -> None:
    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words = nn.Embedding(5, 4)
            self.hidden = nn.Linear(4, 4)
            self.tied = nn.Linear(4, 5, bias=False)
            self.tied.weight = self.words.weight

    network = Network()
    adamw, muon = _optimisers(Plan("muon", steps=9, learning_rate=0.1, weight_decay=0, muon=True), network)
    taken = [weight for group in muon.param_groups for weight in group["params"]]
    assert [weight is network.hidden.weight for weight in taken] == [True]
    assert sum(len(group["params"]) for group in adamw.param_groups) == 2
    before = network.hidden.weight.detach().clone()
    network.hidden.weight.grad = torch.diag(torch.tensor([100.0, 10.0, 1.0, 0.5]))
    muon.step()
    step = (before - network.hidden.weight.detach()) / (0.1 * 0.2 * 4**0.5)
    # Great and small directions of the gradient count alike; the iteration leaves them between 0.5 and 1.5.
    assert ((step.diag() > 0.5) & (step.diag() < 1.5)).all()


def test_the_learning_rate_warms_up_and_decays() -> None:
    plan = Plan("rate", steps=1000, learning_rate=1.0, warm_up=100)
    rates = [learning_rate(plan, step) for step in range(1000)]
    assert rates[0] == pytest.approx(0.01)
    assert max(rates) == pytest.approx(1.0, abs=0.05)
    assert rates[-1] == pytest.approx(plan.final_fraction, abs=0.01)


def test_rendered_parts_are_kept_and_read_back(tmp_path: Path) -> None:
    made = []

    def make(part: int) -> list[sounds.Rendered]:
        made.append(part)
        tone = np.sin(np.arange(500 + part) / 5).astype(np.float32) * 0.5
        return [(tone, {"text": f"part {part}"}), (tone[:100], {"text": "short"})]

    for part in range(2):
        sounds._build_part(tmp_path, part, make)
    read = sounds.Utterances(tmp_path)
    assert [len(read.samples(i)) for i in range(4)] == [500, 100, 501, 100]
    np.testing.assert_allclose(read.samples(2)[:100], read.samples(3), atol=0)
    assert read.samples(0).max() == pytest.approx(0.5, abs=0.01)
    assert read.vocabulary() == ["part 0", "part 1", "short"]
    sounds.build(tmp_path, 2, make)
    assert made == [0, 1], "a part that is there is not made again"


def test_timed_classes_follow_the_scene_and_its_repetitions() -> None:
    scene = scenes.make_scene(np.random.default_rng(4), "train", "single")
    event = scene.events[0]
    steps = clap_examples.event_steps(scene.to_dict(), scene.seconds, 7.0, 70)
    column = steps[:, NAMES.index(event.name)]
    assert column[int(event.onset * 10) + 1] == 1
    assert steps.sum() == column.sum()
    half = {"events": [{"name": event.name, "onset": 0.0, "offset": 1.0}]}
    repeated = clap_examples.event_steps(half, 3.5, 7.0, 14)[:, NAMES.index(event.name)]
    np.testing.assert_array_equal(np.flatnonzero(repeated), [0, 1, 7, 8])


def test_a_sound_played_faster_is_shorter_and_higher() -> None:
    seconds = np.arange(16_000) / 16_000
    tone = np.sin(2 * np.pi * 400 * seconds).astype(np.float32)
    fast = sounds.played(tone, 1.25)
    assert len(fast) == pytest.approx(16_000 / 1.25, abs=2)
    spectrum = np.abs(np.fft.rfft(fast))
    assert np.argmax(spectrum) * 16_000 / len(fast) == pytest.approx(500, abs=3)


def test_the_classes_of_a_window_follow_the_frames_that_it_is_made_of() -> None:
    scene = scenes.make_scene(np.random.default_rng(4), "train", "single")
    (event,) = scene.events
    frames = round(scene.seconds * 100)
    column = NAMES.index(event.name)

    def sounding(order: np.ndarray) -> np.ndarray:
        truth = beats.classes_by_step(scene, order)
        assert truth.sum() == truth[:, column].sum(), "no other class sounds"
        return truth[:, column]

    as_it_is = sounding(np.arange(frames))
    steps = np.arange(len(as_it_is)) * beats.PATCH / 100  # seconds at which each begins
    inside = (steps >= event.onset) & (steps + beats.PATCH / 100 <= event.offset)
    outside = (steps + beats.PATCH / 100 <= event.onset) | (steps >= event.offset)
    assert as_it_is[inside].all()
    assert not as_it_is[outside].any()
    assert inside.any()
    np.testing.assert_array_equal(sounding(np.roll(np.arange(frames), -32))[:-4], as_it_is[2:-2])
    assert sounding(np.arange(0, frames, 2)).sum() == pytest.approx(as_it_is.sum() / 2, abs=1.5)


def test_a_window_begins_again_where_its_sound_ends() -> None:
    rng = np.random.default_rng(3)
    for length in (120, 450, 900):
        order = beats.frame_order(rng, length, 448)
        assert order.shape == (448,)
        assert order.min() >= 0
        assert order.max() < length
        steps = np.diff(order) % length
        assert set(steps) <= {0, 1, 2}, "played at most twice as fast, without gaps"


def test_recoloured_windows_keep_their_shape_and_stay_finite() -> None:
    rng = np.random.default_rng(5)
    window = torch.randn(448, 128) * 4
    again = beats.recoloured(rng, window)
    assert again.shape == window.shape
    assert again.isfinite().all()
    assert not torch.equal(again, window)


def test_without_a_compiler_the_function_itself_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert fast.compiled(len) is len
    with fast.mixed():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).float().sum() == 8


def test_clips_are_encoded_in_equal_lengths_and_none_is_lost(tmp_path: Path) -> None:
    lengths = (8_000, 70_000, 71_000, 129_000, 200_000, 3_000)

    def make(part: int) -> list[sounds.Rendered]:
        scene = scenes.make_scene(np.random.default_rng(part), "train", "silence").to_dict()
        return [(np.zeros(length, np.float32), {"scene": scene}) for length in lengths]

    sounds._build_part(tmp_path, 0, make)
    rendered = sounds.Scenes(tmp_path)
    batches = encodings._alike(rendered, len(lengths), seconds=8.0)
    assert sorted(row for _, rows in batches for row in rows) == list(range(6))
    for length, rows in batches:
        assert length <= 128_000
        for row in rows:
            heard = len(encodings.at_some_speed(rendered, row))
            assert length <= heard < length + 8_000 or (heard > length == 128_000)
    assert max(length for length, _ in batches) == 128_000


def test_a_grown_network_hears_the_very_same() -> None:
    torch.manual_seed(0)
    small = Beats(beats.FIRST).eval()
    large = beats.grown(small, beats.CONFIG).eval()
    fbank = torch.randn(2, 160, 128)
    with torch.no_grad():
        torch.testing.assert_close(large.encode(fbank)[0], small.encode(fbank)[0])
    layer = large.encoder.layers[0]
    assert isinstance(layer, BeatsLayer)
    units = layer.fc1.weight[beats.FIRST.encoder_ffn_embed_dim :]
    assert units.std() > 0.01, "new units find something, so that they can come to weigh"
