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
        "WavLM (speakers)",
    ]
    assert made.model("layers") is made.encoders[0]
    assert made.encoder("BEATs").id == "mini-beats"


def test_unknown_names_are_refused_with_those_there_are() -> None:
    with pytest.raises(CatalogError, match="mini"):
        suite("maxi")
    with pytest.raises(CatalogError, match="HTSAT"):
        suite("mini").encoder("ears")


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
    bank = default_bank(suite("mini"))
    assert len(bank) == len(set(bank)) >= len(NAMES)
    assert "silence" in bank
