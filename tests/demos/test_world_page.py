"""`make world-page`: every class has its sounds and words, scenes show their truth, all in one folder."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from demos.mini.world import page, speech
from demos.mini.world.speech import FLITE_VOICES
from demos.mini.world.taxonomy import CLASSES, class_named


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    assert page.main([str(folder), "--per-class", "1", "--only", "dog barking"]) == 0
    return folder / "index.html"


def test_a_class_has_examples_of_both_splits(index: Path) -> None:
    text = index.read_text(encoding="utf-8")
    files = re.findall(r'data-file="([^"]+)"', text)
    assert files == ["sounds/dog-barking-training-1.flac", "sounds/dog-barking-held-out-1.flac"]
    for file in files:
        samples, rate = soundfile.read(index.parent / file)
        assert rate == 16_000
        assert len(samples) / rate >= 2.0
        assert np.abs(samples).max() > 0.001
    assert text.count("<article") == 1
    for word in ("a dog is barking", "domestic dog", "the bark of a dog", "Beasts of house and farm"):
        assert word in text


def test_nothing_comes_from_outside(index: Path) -> None:
    text = re.sub(r'src="data:image/png;base64,[^"]+"', "", index.read_text(encoding="utf-8"))
    assert not re.search(r"https?:|//[a-z]|@import|url\(|src=|<link(?! rel=\"icon\" href=\"data:,\")", text)
    assert "<!-- " not in text


def test_the_page_is_the_same_each_time(index: Path, tmp_path: Path) -> None:
    again = page.write(tmp_path, ["dog barking"], 1)
    assert again.read_bytes() == index.read_bytes()
    for path in (index.parent / "sounds").iterdir():
        assert (tmp_path / "sounds" / path.name).read_bytes() == path.read_bytes()


def test_unknown_classes_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        page.main([str(tmp_path), "--only", "unicorn"])
    assert caught.value.code == 2
    assert "unicorn" in capsys.readouterr().err


def test_every_class_says_what_it_is() -> None:
    assert all(page.what_it_is(event_class).endswith(".") for event_class in CLASSES)


def test_a_scene_shows_its_truth(tmp_path: Path) -> None:
    card = page.scene_card(tmp_path, "sequence", "train", 0)
    assert card.count("<mark") >= 2
    assert card.count("<s>") >= 1
    for word in ("then", "Captions", "Questions", "scene-1-sequence.flac"):
        assert word in card
    (sound,) = tmp_path.iterdir()
    assert soundfile.info(sound).duration >= 2.0


def test_a_missing_synthesiser_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech.shutil, "which", lambda name: None)
    speech._spoken.cache_clear()
    for card, name in (
        (page.voice_card(tmp_path, FLITE_VOICES), "flite"),
        (page.scene_card(tmp_path, "speech_over", "train", 1), "espeak-ng"),
    ):
        assert f"Speech needs {name}, which is not installed" in card
        assert "data-file" not in card


def test_a_picture_is_a_png_of_its_values() -> None:
    made = page.png(np.arange(12, dtype=np.uint8).reshape(3, 4))
    assert made.startswith(b"\x89PNG\r\n\x1a\n")
    assert made[16:24] == bytes([0, 0, 0, 4, 0, 0, 0, 3])
    at = made.index(b"IDAT") + 4
    rows = zlib.decompressobj().decompress(made[at:])
    assert rows == bytes([0, 0, 1, 2, 3, 0, 4, 5, 6, 7, 0, 8, 9, 10, 11])


def test_an_event_is_told_in_words() -> None:
    scene = page.single_scene(np.random.default_rng(3), "train", class_named("dog barking"))
    (event,) = scene.events
    said = page.event_truth(event)
    assert said.startswith(f"{event.offset - event.onset:.1f} s")
    assert said.endswith("once" if event.count == 1 else f"{event.count} times")
