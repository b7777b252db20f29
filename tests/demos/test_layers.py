"""Heatmaps: which number stands for which layer and which moment of the sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from demos.engine import Engine, EngineError, Request
from demos.layers.measures import LayerStates, effective_ranks, measure
from demos.layers.profile import many_windows, one_window
from demos.sound import Sound, from_array
from store.records import Heatmap, Observation
from tests.mini_weights import HTSAT, write_mini_weights

RATE = 16_000


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return Engine(write_mini_weights(tmp_path_factory.mktemp("weights")))


def burst(seconds: float, start: float, stop: float) -> Sound:
    """Silence with noise between two times."""
    samples = np.zeros(round(seconds * RATE), np.float32)
    inside = slice(round(start * RATE), round(stop * RATE))
    samples[inside] = 0.5 * np.random.default_rng(1).standard_normal(len(samples[inside]))
    return from_array(RATE, samples)


def heatmap(engine: Engine, sound: Sound, encoder: str, what: str = "rms", start: float = 0.0) -> Heatmap:
    *_, seen = engine.observe(sound, Request("layers", encoder=encoder, measure=what, start=start))
    assert isinstance(seen, Observation)
    assert seen.heatmap is not None
    return seen.heatmap


def test_rms_is_the_root_mean_square_of_a_layer_at_a_moment() -> None:
    states = torch.tensor([[[3.0, 4.0], [0.0, 0.0]]])
    measured = measure([LayerStates("only", states)])
    assert measured.rms_layers == ("only",)
    assert np.allclose(measured.rms, [[[np.sqrt(12.5), 0.0]]])
    assert measured.change.shape == (1, 0, 2)


def test_change_from_below_is_a_turn_and_not_a_growth() -> None:
    below = torch.tensor([[[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]])
    above = torch.tensor([[[5.0, 0.0], [0.0, 2.0], [-1.0, 0.0]]])
    measured = measure([LayerStates("below", below), LayerStates("above", above)])
    assert measured.change_layers == ("above",)
    assert np.allclose(measured.change, [[[0.0, 1.0, 2.0]]], atol=1e-6)


def test_a_layer_of_another_shape_has_a_size_but_no_turn() -> None:
    fine, coarse = torch.ones(1, 4, 2), 2 * torch.ones(1, 2, 8)
    measured = measure(
        [LayerStates("fine", fine), LayerStates("merged", coarse), LayerStates("next", 3 * coarse)]
    )
    assert measured.rms.shape == (1, 3, 4)
    assert np.allclose(measured.rms[0, 1], 2.0)
    assert measured.change_layers == ("next",)


def test_the_effective_rank_is_how_many_directions_a_stretch_spreads_over() -> None:
    alike = torch.ones(1, 4, 3)
    apart = torch.eye(4)[None]
    two = torch.eye(4)[[0, 0, 1, 1]][None] * torch.tensor([1.0, 1.0, 1.0, 1.0])[None, :, None]
    states = torch.cat([torch.nn.functional.pad(alike, (0, 1)), apart, two, torch.zeros(1, 2, 4)], 1)
    measured = measure([LayerStates("only", states)])
    assert np.allclose(effective_ranks(measured.products[0]), [[1, 4, 2, 1]], atol=1e-3)
    known = torch.diag(torch.tensor([3.0, 1.0, 0.0, 0.0]))[None]  # shares of 3/4 and 1/4
    expected = np.exp(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25)))
    assert np.allclose(
        effective_ranks(measure([LayerStates("only", known)]).products[0]), expected, atol=1e-4
    )


def test_ranks_stand_over_their_own_time(engine: Engine) -> None:
    fine = torch.cat([torch.ones(1, 8, 4), torch.eye(4)[None]], 1)  # 12 moments: alike, alike, apart
    profile = one_window(measure([LayerStates("fine", fine)]), seconds_per_column=0.5, seconds=5.5)
    values = np.asarray(profile.heatmap("encoder", "effective_rank").values)
    assert np.allclose(values, [[1] * 8 + [4] * 3], atol=1e-3)
    windows = torch.stack([torch.ones(4, 4), torch.eye(4)])
    profile = many_windows([measure([LayerStates("only", windows)])], [0.0, 4.0], window=4.0, seconds=8.0)
    values = np.asarray(profile.heatmap("encoder", "effective_rank").values)
    assert np.allclose(values, [[1] * 4 + [4] * 4], atol=1e-3)
    for encoder in ("whisper encoder", "BEATs", "HTSAT"):
        shown = heatmap(engine, burst(9.5, 1.0, 2.0), encoder, "effective_rank")
        assert shown.layers == heatmap(engine, burst(9.5, 1.0, 2.0), encoder).layers
        values = np.asarray(shown.values)
        assert 0.999 < values.min() < values.max() < 26


def test_padding_is_cut_off() -> None:
    states = torch.arange(1.0, 11.0).reshape(1, 10, 1)
    profile = one_window(measure([LayerStates("only", states)]), seconds_per_column=0.5, seconds=2.2)
    assert np.allclose(profile.rms, [[1, 2, 3, 4, 5]])


def test_overlapping_windows_become_one_time_line() -> None:
    # Two windows of 4 s with 4 moments each, at 0 and 2 s: each column comes from the window around it.
    windows = torch.tensor([[10.0, 11.0, 12.0, 13.0], [22.0, 23.0, 24.0, 25.0]])[:, :, None]
    profile = many_windows([measure([LayerStates("only", windows)])], [0.0, 2.0], window=4.0, seconds=6.0)
    assert profile.seconds_per_column == 1.0
    assert np.allclose(profile.rms, [[10, 11, 12, 23, 24, 25]])


@pytest.mark.parametrize(("encoder", "step"), [("whisper encoder", 0.02), ("BEATs", 0.16), ("HTSAT", 7 / 32)])
@pytest.mark.parametrize("seconds", [0.4, 3.0, 9.5])
def test_a_heatmap_covers_what_was_heard_and_no_more(
    engine: Engine, encoder: str, step: float, seconds: float
) -> None:
    shown = heatmap(engine, burst(seconds, 0.1, 0.3), encoder)
    assert shown.seconds_per_column == pytest.approx(step)
    columns = len(shown.values[0])
    assert columns * step < seconds + step
    assert columns * step > seconds - 0.2  # BEATs drops what is less than a patch
    assert all(len(row) == columns for row in shown.values)
    assert len(shown.values) == len(shown.layers)


@pytest.mark.parametrize(
    ("encoder", "what"),
    # BEATs and HTSAT normalise their input, so that its RMS is the same everywhere.
    [("whisper encoder", "rms"), ("BEATs", "change_from_below"), ("HTSAT", "change_from_below")],
)
def test_a_sound_shows_up_where_it_is(engine: Engine, encoder: str, what: str) -> None:
    """Against the same silence without the sound, the first row moves most where the sound is."""
    silent = heatmap(engine, from_array(RATE, np.zeros(round(9.5 * RATE), np.float32)), encoder, what)
    heard = heatmap(engine, burst(9.5, 6.0, 6.5), encoder, what)
    moved = np.abs(np.asarray(heard.values[0]) - np.asarray(silent.values[0]))
    centre = (moved.argmax() + 0.5) * heard.seconds_per_column
    assert centre == pytest.approx(6.25, abs=0.6)


def test_rows_are_named_from_the_sound_upwards(engine: Engine) -> None:
    sound = burst(2.0, 0.5, 1.0)
    assert heatmap(engine, sound, "whisper encoder").layers == ("input", "layer 1", "layer 2")
    assert heatmap(engine, sound, "BEATs", "change_from_below").layers == ("layer 1", "layer 2")
    blocks = ["stage 1 block 1", "stage 1 block 2", "merged 1→2", "stage 2 block 1", "stage 2 block 2"]
    assert HTSAT.depths == (2, 2)
    assert heatmap(engine, sound, "HTSAT").layers == ("patches", *blocks)
    blocks.remove("merged 1→2")
    assert heatmap(engine, sound, "HTSAT", "change_from_below").layers == tuple(blocks)


@pytest.mark.parametrize("encoder", ["whisper encoder", "BEATs", "HTSAT"])
def test_changes_lie_between_none_and_reversal(engine: Engine, encoder: str) -> None:
    shown = heatmap(engine, burst(3.0, 1.0, 2.0), encoder, "change_from_below")
    values = np.asarray(shown.values)
    assert values.min() >= -1e-5
    assert values.max() <= 2
    assert values.std() > 0


def test_a_long_clip_shows_thirty_seconds_from_the_start_asked_for(engine: Engine) -> None:
    sound = burst(40.0, 12.0, 13.0)
    *_, seen = engine.observe(sound, Request("layers", encoder="whisper encoder", start=5.0))
    assert isinstance(seen, Observation)
    assert (seen.view.start, seen.view.stop) == (5.0, 35.0)
    assert seen.heatmap is not None
    assert len(seen.heatmap.values[0]) == 1500


def test_an_unknown_encoder_or_measure_is_refused(engine: Engine) -> None:
    sound = burst(1.0, 0.2, 0.4)
    with pytest.raises(EngineError, match="“HTSAT”"):
        list(engine.observe(sound, Request("layers", encoder="wav2vec")))
    with pytest.raises(EngineError, match="change_from_below"):
        list(engine.observe(sound, Request("layers", measure="loudness")))


def test_encoders_alone_need_no_other_weights(tmp_path: Path) -> None:
    suite = write_mini_weights(tmp_path)
    for name in ("clap.safetensors", "pengi.safetensors", "llama.safetensors", "salmonn.safetensors"):
        (tmp_path / name).unlink()
    assert heatmap(Engine(suite), burst(1.0, 0.2, 0.4), "HTSAT").values
