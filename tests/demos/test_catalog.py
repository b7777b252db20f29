"""The catalogue: what a model is made of, said truly."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from demos.catalog import CatalogError, default_bank, suite
from demos.mini.world.taxonomy import NAMES
from store.records import SYSTEMS
from tests.mini_weights import write_mini_weights


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    write_mini_weights(folder)
    return folder


def test_every_slot_has_a_model() -> None:
    made = suite("mini")
    for system in SYSTEMS:
        model = made.model(system)
        assert model.system == system
        assert model.title
        assert (model.code_licence, model.weights_licence) == ("Apache-2.0", "Apache-2.0")
        assert "synthetic" in model.note
    assert [encoder.title for encoder in made.encoders] == [
        "whisper encoder",
        "BEATs",
        "HTSAT",
        "wav2vec 2.0",
        "HuBERT",
        "data2vec-audio",
        "WavLM (speakers)",
    ]
    assert made.model("layers") is made.encoders[0]
    assert made.encoder("BEATs").id == "mini-beats"


def test_unknown_names_are_refused_with_those_there_are() -> None:
    with pytest.raises(CatalogError, match="mini"):
        suite("maxi")
    with pytest.raises(CatalogError, match="HTSAT"):
        suite("mini").encoder("ears")
    with pytest.raises(
        CatalogError, match=r"salmonn-13b.* salmonn; there are mini-salmonn, mini-salmonn-before"
    ):
        suite("mini").model("salmonn", "salmonn-13b")
    with pytest.raises(CatalogError, match=r"ears.*; there are mini-clap, "):
        suite("mini").by_slot(["ears"])


def test_a_slot_is_filled_with_its_own_model_or_with_another_one_that_is_here(folder: Path) -> None:
    made = suite("mini", folder)
    own, before = made.choices("salmonn")
    assert (own, own.id) == (made.model("salmonn"), "mini-salmonn")
    assert made.model("salmonn", "mini-salmonn-before-activation") is before
    assert own.revision != before.revision
    assert [model.id for model in made.choices("clap")] == ["mini-clap"]
    assert made.model("layers", "mini-beats") is made.encoder("BEATs")
    assert made.by_slot(["mini-salmonn-before-activation", "mini-clap"]) == {
        "salmonn": "mini-salmonn-before-activation",
        "clap": "mini-clap",
    }
    with pytest.raises(
        CatalogError, match="mini-salmonn and mini-salmonn-before-activation are for the same slot"
    ):
        made.by_slot(["mini-salmonn", "mini-salmonn-before-activation"])


def test_a_model_whose_files_are_not_here_is_not_offered(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        if file.name != "salmonn_before_activation.safetensors":
            (tmp_path / file.name).symlink_to(file)
    made = suite("mini", tmp_path)
    assert [model.id for model in made.choices("salmonn")] == ["mini-salmonn"]
    assert not any(model.missing for model in made.all_models)


def test_a_revision_names_the_files_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    copied = tmp_path / "copied"
    shutil.copytree(folder, copied)
    here, there = suite("mini", folder), suite("mini", copied)
    revisions = {model.id: model.revision for model in here.models.values()}
    assert len(set(revisions.values())) == len(revisions)
    assert {model.id: model.revision for model in there.models.values()} == revisions
    changed = bytearray((copied / "clap.safetensors").read_bytes())
    changed[-1] ^= 1
    (copied / "clap.safetensors").write_bytes(changed)
    again = suite("mini", copied)
    assert again.model("clap").revision != revisions["mini-clap"]
    assert again.model("pengi").revision == revisions["mini-pengi"]


def test_sizes_are_counted_from_the_files(folder: Path) -> None:
    from tests.mini_weights import BEATS, WHISPER

    made = suite("mini", folder)
    whisper = made.model("whisper")
    assert whisper.bytes == (folder / "whisper.pt").stat().st_size
    embedding = WHISPER.n_vocab * WHISPER.n_text_state
    assert embedding < whisper.parameters < 1.2 * embedding
    assert made.encoder("BEATs").parameters > BEATS.encoder_embed_dim**2 * 4 * BEATS.encoder_layers


def test_missing_files_are_said(tmp_path: Path) -> None:
    model = suite("mini", tmp_path).model("clap")
    assert {path.name for path in model.missing} >= {"clap.safetensors", "htsat.safetensors"}
    for attribute in ("revision", "bytes", "parameters"):
        with pytest.raises(CatalogError, match=r"clap\.safetensors"):
            getattr(model, attribute)


def test_the_default_bank_has_a_caption_for_every_sound_of_the_world() -> None:
    bank = default_bank()
    assert len(bank) == len(set(bank)) >= len(NAMES)
    assert "silence" in bank
