"""`python -m demos.mini score`: labels find their classes, CSVs are read as people write them, ranks hold."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from demos.mini.__main__ import main
from demos.mini.recordings import (
    RecordingsError,
    bank,
    find_csv,
    known_as,
    listen,
    plain,
    read_csv,
    report,
    write,
)
from demos.mini.world.taxonomy import CLASSES
from tests.mini_weights import write_mini_weights
from tests.seeded import seeded_waveform

RATE = 16_000
ESC_50 = (
    "dog rooster pig cow frog cat hen insects sheep crow rain sea_waves crackling_fire crickets "
    "chirping_birds water_drops wind pouring_water toilet_flush thunderstorm crying_baby sneezing clapping "
    "breathing coughing footsteps laughing brushing_teeth snoring drinking_sipping door_wood_knock "
    "mouse_click keyboard_typing door_wood_creaks can_opening washing_machine vacuum_cleaner clock_alarm "
    "clock_tick glass_breaking helicopter chainsaw siren car_horn engine train church_bells airplane "
    "fireworks hand_saw"
)


class PretendRetrieval:
    """Texts and windows point along axes: a window's value k is the axis of the k-th text asked for."""

    def __init__(self) -> None:
        self.axes: dict[str, int] = {}

    def embed_texts(self, texts: tuple[str, ...]) -> torch.Tensor:
        axis = self.axes.setdefault(texts[0], len(self.axes))
        return torch.eye(8)[axis].repeat(len(texts), 1)

    def latent(self, waveform: np.ndarray) -> torch.Tensor:
        """Windows of one second; the peak of each in tenths names its axis."""
        peaks = np.abs(waveform[: len(waveform) // RATE * RATE].reshape(-1, RATE)).max(axis=1)
        return torch.from_numpy(np.rint(peaks * 10)).long()

    def embed_latent(self, latent: torch.Tensor) -> torch.Tensor:
        return torch.eye(8)[latent]


def write_csv(folder: Path, rows: Sequence[tuple[str, ...]], name: str = "labels.csv") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder / name


def tone(path: Path, *peaks: float) -> None:
    """A second of each level."""
    path.parent.mkdir(parents=True, exist_ok=True)
    wave = np.sin(2 * np.pi * 400 * np.arange(RATE) / RATE)
    soundfile.write(path, np.concatenate([peak * wave for peak in peaks]), RATE)


def test_a_label_is_plain_words() -> None:
    assert plain("Barking_dogs") == plain("dog, barking") == ("barking", "dog")
    assert plain("the sound of glasses") == plain("Glass")
    assert plain("Fire-flies") == plain("fire fly")


def test_every_label_of_esc_50_is_known() -> None:
    known = [known_as(label) for label in ESC_50.split()]
    assert all(known)
    assert len(set(known)) == 50


def test_a_class_is_known_by_its_own_words() -> None:
    for event_class in CLASSES:
        for wording in (event_class.name, event_class.name.upper(), *event_class.phrases):
            assert known_as(wording) == event_class.name


def test_what_two_classes_share_stands_for_neither() -> None:
    assert known_as("door") == known_as("water") == known_as("someone") == known_as("") == ""
    assert known_as("Speech") == "speech"


def test_labels_of_one_class_are_one_choice() -> None:
    dog, other = bank(["dog_bark", "Barking dogs", "air_conditioner"])
    assert (dog.name, dog.labels) == ("dog barking", {"dog_bark", "Barking dogs"})
    assert "a dog is barking" in dog.captions
    assert (other.name, other.known) == ("air_conditioner", "")
    assert "the sound of air conditioner" in other.captions
    assert len(bank(["dog"], "world")) == len(CLASSES)


@pytest.mark.parametrize(("labels", "kind"), [(["dog", "Dogs"], "labels"), (["air conditioner"], "world")])
def test_a_bank_needs_something_to_choose(labels: list[str], kind: str) -> None:
    with pytest.raises(RecordingsError):
        bank(labels, kind)


def test_the_csv_is_found_or_asked_for(tmp_path: Path) -> None:
    with pytest.raises(RecordingsError, match="no CSV"):
        find_csv(tmp_path)
    below = write_csv(tmp_path / "meta", [("filename", "category")], "esc50.csv")
    assert find_csv(tmp_path) == below
    one = write_csv(tmp_path, [("file", "label")], "one.csv")
    assert find_csv(tmp_path) == one
    write_csv(tmp_path, [("file", "label")], "two.csv")
    with pytest.raises(RecordingsError, match="several"):
        find_csv(tmp_path)
    usual = write_csv(tmp_path, [("file", "label")])
    assert find_csv(tmp_path) == usual


def test_files_are_found_below_and_the_missing_named(tmp_path: Path) -> None:
    for name in ("a.wav", "audio/b.wav", "x/c.wav", "y/c.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    rows = [("\ufeffFilename", "fold", "Category"), ("a.wav", "1", "dog"), ("b.wav", "1", "rain")]
    rows += [("c.wav", "1", "x"), ("d.wav", "1", "x"), ("x/c.wav", "1", "x")]
    found = read_csv(tmp_path, write_csv(tmp_path, rows))
    assert [one.path and one.path.name for one in found] == ["a.wav", "b.wav", None, None, "c.wav"]
    assert "Several" in found[2].problem
    assert "no such file" in found[3].problem


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([("name", "label"), ("a", "b")], "it has name, label"),
        ([("file", "label")], "lists no recordings"),
        ([("file", "label"), ("a.wav", "dog"), ("b.wav", "")], "recording 2 has no label"),
        ([("file", "label"), ("b.wav",)], "recording 1 has no label"),
    ],
)
def test_a_csv_that_says_too_little_is_refused(
    tmp_path: Path, rows: list[tuple[str, ...]], says: str
) -> None:
    with pytest.raises(RecordingsError, match=says):
        read_csv(tmp_path, write_csv(tmp_path, rows))


def test_ranks_are_those_of_the_best_window(tmp_path: Path) -> None:
    """A level of 0, 0.1 or 0.2 is heard as the dog, the rain or the siren."""
    tone(tmp_path / "long.wav", 0.7, 0.7, 0.1)
    tone(tmp_path / "audio" / "rain.wav", 0.2)
    tone(tmp_path / "siren.wav", 0.2)
    (tmp_path / "broken.wav").touch()
    tone(tmp_path / "quiet.wav", 0.0001)
    rows = [("file", "label"), ("quiet.wav", "dog"), ("rain.wav", "rain"), ("siren.wav", "siren")]
    rows += [("broken.wav", "dog")]
    recordings = read_csv(tmp_path, write_csv(tmp_path, rows))
    choices = bank(["dog", "rain", "siren"])
    retrieval: Any = PretendRetrieval()
    heard = list(listen(retrieval, recordings, choices))
    assert [one.rank for one in heard] == [1, 3, 1, None]
    assert heard[1].best[0] == ("siren", 1.0)
    assert "empty" in heard[3].problem
    said = report(heard, choices)
    assert "3 of 4 recordings count" in said
    assert "top-1  0.667" in said
    assert "broken.wav: This file is empty" in said
    write(tmp_path / "out.csv", heard, choices)
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["rank"] for line in lines] == ["1", "3", "1", ""]
    assert (lines[1]["guess_1"], lines[1]["cosine_1"]) == ("siren", "1.0000")
    assert lines[3]["problem"] == heard[3].problem
    long = read_csv(tmp_path, write_csv(tmp_path, [("file", "label"), ("long.wav", "rain")]))
    assert next(listen(retrieval, long, choices)).rank == 1  # its last second


def test_the_command_measures_real_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights, folder = tmp_path / "weights", tmp_path / "sounds"
    weights.mkdir()
    write_mini_weights(weights)
    rows = [("file", "label"), ("a.wav", "dog"), ("b.flac", "air_conditioner")]
    write_csv(folder, rows)
    soundfile.write(folder / "a.wav", seeded_waveform(2.0, RATE), RATE)
    soundfile.write(folder / "b.flac", seeded_waveform(3.0, 44_100), 44_100)
    asked = ["score", str(folder), "--weights", str(weights)]
    out = tmp_path / "out.csv"
    assert main([*asked, "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "CLAP chose among 2 labels of the CSV; 2 of 2" in said
    assert "scored by their own words: air_conditioner (1)" in said
    assert out.read_text(encoding="utf-8").count("\n") == 3
    assert main([*asked, "--bank", "world"]) == 0
    said = capsys.readouterr().out
    assert f"among {len(CLASSES)} classes of the world; 1 of 2" in said
    assert "not counted: air_conditioner (1)" in said


def test_nothing_heavy_is_loaded_for_a_wrong_folder(tmp_path: Path) -> None:
    script = (
        "import sys; from demos.mini.__main__ import main; status = main(sys.argv[1:]); "
        "print(sorted({'torch', 'numpy', 'transformers'} & set(sys.modules))); sys.exit(status)"
    )
    command = [sys.executable, "-c", script, "score", str(tmp_path / "gone")]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)
    assert ran.returncode == 1
    assert ran.stdout.strip() == "[]"
    assert ran.stderr.startswith("There is no folder")
    assert ran.stderr.count("\n") == 1
