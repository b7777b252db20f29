"""`python -m demos listen`: answers for people and for programs, one sentence for what cannot be heard."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from demos.__main__ import main
from store.records import SYSTEMS, observation_from_dict
from tests.mini_weights import write_mini_weights
from tests.seeded import seeded_waveform

RATE = 16_000


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("weights")
    write_mini_weights(folder)
    return str(folder)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("clips") / "sweep.wav"
    soundfile.write(path, seeded_waveform(2.0, RATE), RATE)
    return str(path)


def run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    status = main(["listen", *arguments])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def test_json_holds_an_observation_of_every_system(
    clip: str, weights: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = run(clip, "--suite", "mini", "--weights", weights, "--json", capsys=capsys)
    said = json.loads(out)
    assert status == 0
    assert said["clip"]["name"] == "sweep.wav"
    assert said["clip"]["seconds"] == 2.0
    assert said["errors"] == {}
    observations = [observation_from_dict(one) for one in said["observations"]]
    assert [one.system for one in observations] == list(SYSTEMS)


def test_options_reach_the_systems(clip: str, weights: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(
        *(clip, "--weights", weights, "--json", "--systems", "salmonn,clap,layers"),
        *("--salmonn", "what is that?", "--label", "a dog", "--label", "a cat", "--lora-scaling", "2"),
        *(
            "--model",
            "mini-salmonn-before-activation",
            "--encoder",
            "BEATs",
            "--measure",
            "rms",
            "--start",
            "0.5",
            "--stop",
            "1.5",
        ),
        capsys=capsys,
    )
    salmonn, clap, layers = json.loads(out)["observations"]
    assert status == 0
    assert (salmonn["model_id"], clap["model_id"]) == ("mini-salmonn-before-activation", "mini-clap")
    assert (salmonn["instruction"], salmonn["settings"]["lora_scaling"]) == ("what is that?", 2.0)
    assert clap["settings"]["bank"] == ["a dog", "a cat"]
    assert (layers["heatmap"]["encoder"], layers["heatmap"]["measure"]) == ("BEATs", "rms")
    assert {(one["view"]["start"], one["view"]["stop"]) for one in (salmonn, clap, layers)} == {(0.5, 1.5)}


def test_people_get_text(clip: str, weights: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(clip, "--weights", weights, "--systems", "clap,whisper,layers", capsys=capsys)
    assert status == 0
    assert "sweep.wav: 2.00 s, 16,000 Hz, mono" in out
    for word in ("CLAP (mini-clap", "Whisper (mini-whisper", "layer 2", "heard 0.0–2.0 s"):
        assert word in out
    assert "{" not in out
    assert not err


def test_silence_is_noted(tmp_path: Path, weights: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "silence.wav"
    soundfile.write(path, [0.0] * RATE, RATE)
    _, out, _ = run(str(path), "--weights", weights, "--systems", "layers", capsys=capsys)
    assert "Note: This clip is silent" in out


def test_bad_files_give_one_sentence_and_a_failing_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.mp3").write_text("not a sound at all\n" * 20)
    nan = tmp_path / "nan.wav"
    soundfile.write(nan, [float("nan")] * RATE, RATE, subtype="FLOAT")
    for name, says in (
        ("empty.wav", "empty"),
        ("text.mp3", "text, not sound"),
        ("nan.wav", "not a number"),
        ("gone.wav", "no file"),
    ):
        status, out, err = run(str(tmp_path / name), capsys=capsys)
        assert status == 1
        assert out == ""
        assert says in err
        assert err.count("\n") == 1


def test_a_system_that_fails_is_said_and_the_others_answer(
    clip: str, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in Path(weights).iterdir():
        if file.name != "pengi.safetensors":
            (tmp_path / file.name).symlink_to(file)
    folder = str(tmp_path)
    status, out, err = run(clip, "--weights", folder, "--systems", "pengi,clap", "--json", capsys=capsys)
    said = json.loads(out)
    assert status == 1
    assert "pengi.safetensors" in said["errors"]["pengi"]
    assert "pengi.safetensors" in err
    assert [one["system"] for one in said["observations"]] == ["clap"]


def test_models_are_described(weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--weights", weights, "--json"]) == 0
    described = {one["id"]: one for one in json.loads(capsys.readouterr().out)}
    assert {"mini-clap", "mini-salmonn", "mini-htsat"} <= set(described)
    assert described["mini-whisper"]["parameters"] > 10**6
    assert main(["models", "--weights", str(tmp_path)]) == 1
    assert "is not in" in capsys.readouterr().err


def test_unknown_systems_are_refused(clip: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["listen", clip, "--systems", "clap,ears"])
    assert caught.value.code == 2
    assert "ears" in capsys.readouterr().err


def test_it_runs_as_a_module(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "demos", "listen", str(tmp_path / "gone.wav")]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)
    assert ran.returncode == 1
    assert "no file" in ran.stderr
    assert "Traceback" not in ran.stderr
