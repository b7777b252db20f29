"""Short trainings without one choice, on a handful of sounds: every stage, cut and gone on, and measured."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from demos.mini.train import ablations, beats, clap
from demos.mini.train.ablation_measures import Sizes, average_precision, change
from demos.mini.train.ablations import RUNS, STAGES, AblationError, Run

pytestmark = pytest.mark.usefixtures("small_training")

FEW = Sizes(singles=2, orders=2, sentences=1, covered=2, questions=1)


def test_every_choice_of_every_stage_has_its_run() -> None:
    assert len(RUNS) == 4 + sum(len(fields(stage.choices)) for stage in STAGES.values())
    assert sum(bool(run.choice) for run in RUNS.values()) >= 8
    for stage in STAGES.values():
        assert set(stage.without) == {field.name for field in fields(stage.choices)}
    assert RUNS["clap-widening"].choices == clap.Choices(widening=False)
    assert [run.name for run in ablations.wanted(["beats-recolouring"])] == ["beats", "beats-recolouring"]
    assert len(ablations.wanted([])) == len(RUNS)


def test_the_whole_set_takes_the_time_that_it_is_said_to_take() -> None:
    minutes = [STAGES[run.stage].share * ablations.MINUTES for run in RUNS.values()]
    overhead = 2.5  # minutes of reading, compiling and measuring
    assert (sum(minutes) + overhead * len(minutes)) / 2 <= 90
    said = ablations.__doc__ or ""
    assert all(f"{stage.steps(ablations.MINUTES):,}" in said for stage in STAGES.values())


@pytest.mark.parametrize("name", ["clap-events-head", "clap-false-captions", "whisper-frame-guess"])
def test_a_run_without_a_choice_differs_and_both_are_kept(
    name: str, training_data: Path, tmp_path: Path
) -> None:
    runs, results = ablations.wanted([name]), tmp_path / "ablations.json"
    assert ablations.perform_all(runs, training_data, 0.0, FEW, 0, results) == []
    kept = {run["name"]: run for run in json.loads(results.read_text())["runs"]}
    stage = runs[0].stage
    assert {stage, name} <= kept.keys()
    assert kept[stage]["changes"] == []
    assert kept[name]["steps"] == kept[stage]["steps"] == 2
    assert kept[name]["without"]
    assert kept[name]["machine"]["processor"]
    for figure, changed in zip(kept[name]["figures"], kept[name]["changes"], strict=True):
        assert figure["low"] <= figure["value"] <= figure["high"]
        assert changed["low"] <= changed["value"] <= changed["high"]
    file = "whisper-short.ckpt" if stage == "whisper" else "clap.ckpt"
    states = [
        torch.load(training_data / ablations.FOLDER / run.name / file, weights_only=True)["module"]
        for run in runs
    ]
    assert any(not torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_a_run_that_is_done_is_not_done_again(
    training_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RUNS["beats"]
    ablations.perform(run, training_data, 2, FEW)
    made = load_file(training_data / ablations.FOLDER / "beats" / "beats.safetensors")
    monkeypatch.setattr(beats, "run", lambda *_: pytest.fail("trained again"))
    assert ablations.perform(run, training_data, 2, FEW) == "beats"
    assert made.keys()
    with pytest.raises(AblationError, match="begun with 2 steps"):
        ablations.perform(run, training_data, 3, FEW)
    shared = training_data / ablations.FOLDER / ablations.SHARED
    assert {path.name for path in shared.iterdir()} >= set(STAGES["beats"].made)
    assert not (training_data / "fbank-scenes.npy").exists(), "nothing of the training itself is touched"


@pytest.mark.usefixtures("training_encoders")
def test_salmonn_is_trained_and_asked(training_data: Path, tmp_path: Path) -> None:
    runs = ablations.wanted(["salmonn-asides", "salmonn-tokens-to-score"])
    results = tmp_path / "ablations.json"
    assert ablations.perform_all(runs, training_data, 0.0, FEW, 0, results) == []
    kept = {run["name"]: run for run in json.loads(results.read_text())["runs"]}
    assert kept["salmonn-asides"]["figures"][0]["items"] == FEW.questions


def test_what_is_missing_is_said_in_a_sentence(tmp_path: Path) -> None:
    failed = ablations.perform_all([Run("clap")], tmp_path, 1.0, FEW, 0, tmp_path / "ablations.json")
    assert len(failed) == 1
    assert "tokenizer.json" in failed[0]
    assert ablations.main(["no-such-run"]) == 2


def test_changes_are_paired() -> None:
    rng = np.random.default_rng(3)
    first = [(float(rng.random() < 0.5), 1.0) for _ in range(100)]
    assert change(first, first) == (0.0, 0.0, 0.0)
    worse = [(0.0, 1.0) if place % 4 == 0 else pair for place, pair in enumerate(first)]
    value, low, high = change(first, worse)
    assert low <= value <= high <= 0
    with pytest.raises(ValueError, match="other items"):
        change(first, first[:10])


def test_average_precision_is_that_of_the_order_of_classes() -> None:
    truth = np.array([[1, 0, 0, 1], [0, 0, 0, 0]], np.float32)
    assert average_precision(np.array([[3, 1, 0, 2], [9, 9, 9, 9]], np.float32), truth) == 1
    assert average_precision(np.array([[3, 2, 1, 0], [0, 0, 0, 0]], np.float32), truth) == pytest.approx(0.75)
    assert average_precision(np.zeros((1, 4), np.float32), np.zeros((1, 4), np.float32)) == 0
