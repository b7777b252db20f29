"""The command that trains: what a stage imports, where it may run, and what is put in place."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from demos.mini.train import __main__ as command
from demos.mini.train import curves, sounds
from demos.mini.train.muon import Muon, orthogonalised

HEAVY = ("torch", "transformers", "tokenizers", "whisper")


@pytest.mark.parametrize(
    ("module", "needed"),
    [
        ("demos.mini.train.__main__", set()),
        ("demos.mini.train.sounds", set()),
        ("demos.mini.train.loop", {"torch"}),
        ("demos.mini.train.beats", {"torch"}),
    ],
)
def test_a_stage_needs_no_more_packages_than_its_network(module: str, needed: set[str]) -> None:
    code = f"import sys, {module}; print(*[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= needed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing"], "There is no stage 'nothing'"),
        (["--device", "tpu", "hubert"], "no way to train on 'tpu'"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_begins(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main([*arguments, "--folder", str(tmp_path / "train")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "train").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="There is a GPU here.")
def test_without_a_gpu_the_option_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--device", "cuda", "hubert", "--folder", str(tmp_path / "train")]) == 2
    assert "torch finds no GPU here" in capsys.readouterr().err


def test_the_first_parts_alone_can_be_heard(tmp_path: Path) -> None:
    for part in range(3):
        one = np.full(10, part / 10, np.float32)
        sounds._build_part(tmp_path, part, lambda _, one=one: [(one, {"text": "a"})] * 2)  # type: ignore[misc]
    assert len(sounds.Sounds(tmp_path)) == 6
    first = sounds.Sounds(tmp_path, 2)
    assert len(first) == 4
    assert first.samples(3) == pytest.approx(0.1, abs=1e-3)


def test_stages_trained_later_join_those_that_are_kept(tmp_path: Path) -> None:
    folder, weights = tmp_path / "train", tmp_path / "weights"
    for place in (folder, weights):
        place.mkdir()
    kept = {"steps": [50], "losses": {"contrast": [3.0]}}
    earlier = {"machine": {"processor": "another"}, "commit": "abc", "stages": {"clap": kept}}
    (weights / curves.FILE).write_text(json.dumps(earlier))
    (folder / "hubert.jsonl").write_text('{"step": 50, "named": 2.5}\n')
    for _ in range(2):
        curves.keep(folder, weights)
        found = json.loads((weights / curves.FILE).read_text())
        assert (found["machine"], found["commit"]) == ({"processor": "another"}, "abc")
        assert found["stages"]["clap"] == kept
        assert found["stages"]["hubert"]["losses"] == {"named": [2.5]}
        assert found["stages"]["hubert"]["machine"]["torch"] == torch.__version__
    # When all are trained anew, the machine is again that of the whole file.
    (folder / "clap.jsonl").write_text('{"step": 50, "contrast": 2.0}\n')
    curves.keep(folder, weights)
    found = json.loads((weights / curves.FILE).read_text())
    assert found["machine"]["torch"] == torch.__version__
    assert "machine" not in found["stages"]["hubert"]


def test_only_what_was_trained_is_put_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, weights = tmp_path / "train", tmp_path / "weights"
    for place in (folder / "hubert", weights):
        place.mkdir(parents=True)
    monkeypatch.setattr(command, "WEIGHTS", weights)
    for name in command.KEPT[1:]:
        (weights / name).write_text("kept")
    (folder / "clap.json").write_text("trained")
    (folder / "hubert/config.json").write_text("trained")
    with pytest.raises(FileNotFoundError, match=command.KEPT[0]):
        command.install(folder)
    assert (weights / "clap.json").read_text() == "kept"
    (folder / command.KEPT[0]).write_text("trained")
    command.install(folder)
    assert (weights / "clap.json").read_text() == "trained"
    assert (weights / "hubert/config.json").read_text() == "trained"
    assert (weights / "salmonn.json").read_text() == "kept"


def test_a_step_of_muon_is_that_of_torch_but_for_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("demos.mini.train.muon.BFLOAT16", False)
    reached = []
    for kind in (torch.optim.Muon, Muon):
        torch.manual_seed(1)
        weight = torch.nn.Parameter(torch.randn(24, 10))
        optimiser = kind([weight], lr=0.01, weight_decay=0.02, adjust_lr_fn="match_rms_adamw")
        for _ in range(4):
            weight.grad = torch.randn_like(weight)
            optimiser.step()
        reached.append(weight.detach())
    torch.manual_seed(1)
    moved = (reached[0] - torch.randn(24, 10)).abs().mean()
    assert (reached[0] - reached[1]).abs().mean() < 0.02 * moved
    assert torch.linalg.svdvals(orthogonalised(torch.randn(10, 24))).sub(1).abs().max() < 0.5
