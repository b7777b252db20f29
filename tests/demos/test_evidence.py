"""Evidence: which sounds a text speaks of, what CLAP makes of them, and what a calibration is worth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from demos.catalog import CatalogError
from demos.engine import Engine, EngineError
from demos.evidence import Calibration, claims, fitted
from demos.mini.world.language import labels_caption
from demos.mini.world.taxonomy import NAMES
from tests.asking import passes, sweep


def spoken_of(text: str) -> list[str]:
    return [text[claim.start : claim.stop] for claim in claims(text)]


@pytest.mark.parametrize(
    ("text", "sounds"),
    [
        ("a dog barking, then a bell ringing", ["a dog barking", "a bell ringing"]),
        ("This is the sound of a siren wailing.", ["a siren wailing"]),
        ("You can hear a door slamming while a man is speaking", ["a door slamming", "a man is speaking"]),
        ("yes", []),
        ("no.", []),
        ("three times", ["three times"]),
        ("", []),
        ("a wombat sings", ["a wombat sings"]),
    ],
)
def test_the_sounds_of_a_text(text: str, sounds: list[str]) -> None:
    assert spoken_of(text) == sounds


@pytest.mark.parametrize("name", NAMES)
def test_each_class_is_asked_for_by_its_own_labels(name: str) -> None:
    (claim,) = claims(labels_caption(name)[0])
    assert claim.texts == tuple(labels_caption(name))


def test_what_is_likelier_has_more_chance_and_the_threshold_parts_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    there = rng.random(2000) < 0.7
    cosine = np.where(there, 0.6, 0.4) + 0.1 * rng.standard_normal(2000)
    standing = np.where(there, 3.0, 1.0) + rng.standard_normal(2000)
    found = fitted(list(zip(cosine.tolist(), standing.tolist(), strict=True)), there.tolist())
    chances = np.array([found.chance(*one) for one in zip(cosine, standing, strict=True)])
    for low, high in ((0.0, 0.3), (0.3, 0.7), (0.7, 1.0)):  # calibrated: as often there as it says
        some = (chances >= low) & (chances < high)
        assert there[some].mean() == pytest.approx(chances[some].mean(), abs=0.06)
    doubtful = chances < found.threshold
    assert (~there[doubtful]).mean() > 0.7
    assert (~there[~doubtful]).mean() < 0.15
    file = tmp_path / "evidence.json"
    found.write(file)
    assert Calibration.read(file) == found
    file.write_text("[1]")
    with pytest.raises(CatalogError, match="Restore"):
        Calibration.read(file)
    with pytest.raises(ValueError, match="not"):
        fitted([(0.1, 0.2)], [True])


def test_the_engine_scores_a_text_without_hearing_the_clip_twice(warm: Engine) -> None:
    sound = sweep(10.0)
    with passes(warm) as counted:
        found = warm.evidence(sound, "a dog barking, then rain falling")
        warm.evidence(sound, "a bell ringing", 0.0, 10.0)
    assert counted["HTSAT"] == 1
    assert len(found) == 2
    for one in found:
        assert -1 <= one.cosine <= 1
        assert 0 <= one.start < one.stop <= 10
        assert one.chance is None  # untrained weights bring no calibration
        assert not one.doubtful
    (inside,) = warm.evidence(sound, "rain falling", 2.0, 5.0)
    assert (inside.start, inside.stop) == (2.0, 5.0)
    assert warm.evidence(sound, "yes") == []
    with pytest.raises(EngineError, match="window"):
        warm.evidence(sound, "rain", 4.0, 4.0)


def test_a_calibration_beside_the_weights_is_used(folder: Path) -> None:
    from demos.catalog import suite

    file = folder / "evidence.json"
    Calibration(0.0, 0.0, -5.0, 0.5).write(file)
    try:
        engine = Engine(suite("mini", folder))
        found, unknown = engine.evidence(sweep(), "rain falling, then nobody asks a question")
    finally:
        file.unlink()
    assert found.chance == pytest.approx(0.0067, abs=1e-4)
    assert found.doubtful
    assert (unknown.chance, unknown.doubtful) == (
        None,
        False,
    )  # calibrated for the sounds of the lexicon alone
