"""A published model that was fetched fills its slot: it is offered, read, answers by name, and makes room."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from demos.catalog import CatalogError, Model, suite
from demos.clap.pe_audio import load_pe_audio
from demos.clap.retrieval import Retrieval
from demos.engine import Engine, EngineError, Request
from demos.loading import Networks
from demos.placement import Placement
from demos.published.admission import KEPT_FREE, Admission, measured
from demos.published.fetch import fetch
from demos.published.memory import Device
from demos.published.model import PublishedModel
from demos.published.models import PUBLISHED
from demos.published.places import Places
from demos.published.shelf import HEARD, Shelf, layout_of
from demos.published.suites import auto_suite
from demos.tokenizer import load_tokenizer
from store.records import Observation
from tests.asking import ask, sweep
from tests.hub import TestHub, served_hub
from tests.mini_weights import write_mini_weights
from tests.tiny_published import tiny_models, write_pe_audio

GB = 1_000_000_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    write_mini_weights(folder)
    return folder


@pytest.fixture(scope="module")
def hub() -> Iterator[TestHub]:
    with served_hub() as hub:
        yield hub


@pytest.fixture(scope="module")
def models(hub: TestHub, tmp_path_factory: pytest.TempPathFactory) -> tuple[PublishedModel, ...]:
    return tiny_models(hub, tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def fetched(
    hub: TestHub, models: tuple[PublishedModel, ...], tmp_path_factory: pytest.TempPathFactory
) -> Shelf:
    home = tmp_path_factory.mktemp("cache")
    where = Places(home / "own", home / "hub", hub.address)
    for model in models:
        fetch(model, where)
    return Shelf(where, models)


@pytest.fixture(scope="module")
def engine(folder: Path, fetched: Shelf) -> Engine:
    return Engine(replace(suite("mini", folder), shelf=fetched.models))


def shelved(shelf: Shelf, id_: str) -> Model:
    return next(model for model in shelf.models() if model.id == id_)


def test_every_published_model_is_heard_by_a_layout_that_names_all_its_sources() -> None:
    for model in PUBLISHED:
        assert len(HEARD[layout_of(model)].parts) == len(model.sources), model.id


def test_a_model_is_offered_as_soon_as_it_came(
    hub: TestHub, models: tuple[PublishedModel, ...], folder: Path, tmp_path: Path
) -> None:
    where = Places(tmp_path / "own", tmp_path / "hub", hub.address)
    shelf = Shelf(where, models)
    made = replace(suite("mini", folder), shelf=shelf.models)
    assert [model.id for model in made.choices("whisper")] == ["mini-whisper"]
    fetch(models[2], where)
    shelf.look()
    assert [model.id for model in made.choices("whisper")] == ["mini-whisper", "whisper-tiny"]
    assert shelf.models()[0] is made.choices("whisper")[1]


def test_published_models_answer_by_their_names(engine: Engine, fetched: Shelf) -> None:
    sound = sweep()
    for system, id_ in (("whisper", "whisper-tiny"), ("clap", "clap-htsat-unfused"), ("clap", "pe-audio")):
        said, model = ask(engine, sound, system, model=id_), shelved(fetched, id_)  # type: ignore[arg-type]
        assert (said.model_id, said.model_revision, said.dtype) == (id_, model.revision, "float32")
        assert said.view.rate == model.rate
    assert ask(engine, sound, "whisper").model_id == "mini-whisper"
    drawn = ask(engine, sound, "layers", encoder="wav2vec 2.0 base")
    assert drawn.model_id == "wav2vec2"
    assert drawn.heatmap is not None
    assert len(drawn.heatmap.values) == 3  # what enters, and two layers
    entropy = ask(engine, sound, "layers", encoder="wav2vec 2.0 base", measure="attention_entropy")
    assert entropy.heatmap is not None


def test_a_whisper_finds_out_which_language_is_spoken(engine: Engine) -> None:
    said = ask(engine, sweep(), "whisper", model="whisper-tiny")
    assert len(said.settings["language"]) >= 2


def test_a_long_sound_is_heard_window_by_window(engine: Engine) -> None:
    said = ask(engine, sweep(23.0), "clap", model="clap-htsat-unfused", bank=("a dog barks", "rain"))
    assert len(said.scores[0].windows) >= 3
    assert said.scores[0].windows[-1][1] == pytest.approx(23.0, abs=0.01)


def test_the_revision_of_a_fetched_file_is_the_hash_that_it_was_fetched_by(fetched: Shelf) -> None:
    whisper = shelved(fetched, "whisper-tiny")
    assert whisper.hashes["whisper"] == whisper.files["whisper"].name or len(whisper.hashes["whisper"]) == 64
    without = replace(whisper, hashes={})
    assert without.revision == whisper.revision


def test_pe_audio_embeds_as_transformers_does(tmp_path: Path) -> None:
    model = write_pe_audio(tmp_path)
    retrieval = Retrieval(load_pe_audio(tmp_path), load_tokenizer(tmp_path))
    sound = np.random.default_rng(7).normal(0, 0.1, retrieval.network.clip_samples).astype(np.float32)
    texts = ["a dog barks", "rain"]
    ids, mask = retrieval.network.text_ids(retrieval.tokenizer, texts)
    with torch.no_grad():
        expected = model(input_ids=ids, attention_mask=mask, input_values=torch.from_numpy(sound)[None, None])
    heard = retrieval.embed_windows(sound[None])
    unit = torch.nn.functional.normalize
    torch.testing.assert_close(heard, unit(expected.audio_embeds, dim=-1))
    torch.testing.assert_close(retrieval.embed_texts(texts), unit(expected.text_audio_embeds, dim=-1))


def test_a_damaged_model_is_said_and_the_others_answer(
    hub: TestHub, models: tuple[PublishedModel, ...], folder: Path, tmp_path: Path
) -> None:
    where = Places(tmp_path / "own", tmp_path / "hub", hub.address)
    (file,) = fetch(models[2], where)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    engine = Engine(replace(suite("mini", folder), shelf=Shelf(where, models).models))
    with pytest.raises(EngineError, match=r"tiny\.pt"):
        ask(engine, sweep(), "whisper", model="whisper-tiny")
    assert ask(engine, sweep(), "whisper").model_id == "mini-whisper"


def with_room(folder: Path, shelf: Shelf, free: int) -> Networks:
    """Networks on a device that has so many bytes for published models."""
    placement = Placement("cpu")
    left = [free + KEPT_FREE]
    admission = Admission(placement.device, lambda: left[0])
    return Networks(replace(suite("mini", folder), shelf=shelf.models), placement, admission)


def test_a_model_for_which_there_is_no_room_is_refused_with_numbers(folder: Path, fetched: Shelf) -> None:
    networks = with_room(folder, fetched, 1_000_000)
    with pytest.raises(CatalogError, match=r"Whisper tiny needs 151 MB in float32; this machine has 1\.0 MB"):
        networks.load(shelved(fetched, "whisper-tiny"))
    assert networks.retrieval()


def test_room_is_made_and_what_left_comes_back_when_it_is_asked(folder: Path, fetched: Shelf) -> None:
    laion, pe_audio = (shelved(fetched, id_) for id_ in ("clap-htsat-unfused", "pe-audio"))
    sizes = {model.id: measured(model).memory("float32") for model in (laion, pe_audio)}
    placement = Placement("cpu")
    held: list[str] = []
    room = max(sizes.values()) + min(sizes.values()) // 2  # for either, not for both

    def free() -> int:
        return room + KEPT_FREE - sum(sizes[id_] for id_ in held)

    networks = Networks(
        replace(suite("mini", folder), shelf=fetched.models), placement, Admission(placement.device, free)
    )
    networks.load(laion)
    held[:] = ["clap-htsat-unfused"]
    networks.load(pe_audio)
    held[:] = ["pe-audio"]
    assert networks.holds(pe_audio)
    assert not networks.holds(laion)
    networks.load(laion)
    assert networks.holds(laion)
    assert not networks.holds(pe_audio)


@pytest.mark.parametrize("encoder_first", [True, False])
def test_one_encoder_serves_transcript_and_layers_whoever_comes_first(
    folder: Path, fetched: Shelf, models: tuple[PublishedModel, ...], encoder_first: bool
) -> None:
    layers = next(model for model in PUBLISHED if model.id == "whisper-large-v2-encoder")
    both = (models[2], replace(layers, sources=models[2].sources))
    shelf = Shelf(fetched.where, both)
    networks = Networks(replace(suite("mini", folder), shelf=shelf.models), Placement("cpu"))
    whisper, encoder = shelf.models()
    for model in (encoder, whisper) if encoder_first else (whisper, encoder):
        networks.load(model)
    assert networks.whisper_encoder(encoder) is networks.transcription(whisper).model.encoder
    assert networks.whisper_encoder(encoder).conv1.weight.shape[0] == 24


def test_auto_takes_what_is_here_and_fits_and_says_why(folder: Path, fetched: Shelf) -> None:
    mini = replace(suite("mini", folder), shelf=fetched.models)
    made = auto_suite(mini, fetched.models(), Device("this machine", 8 * GB, ("float32",)))
    assert made.name == "auto"
    assert {system: model.id for system, model in made.models.items()} == {
        "clap": "clap-htsat-unfused",
        "pengi": "mini-pengi",
        "salmonn": "mini-salmonn",
        "whisper": "whisper-tiny",
    }
    assert "fits in float32" in made.reasons["whisper"]
    assert made.reasons["pengi"] == "mini: no published model for pengi has been fetched."
    assert made.encoders[0].id == "wav2vec2"
    assert made.evidence is None, "the calibration is mini-CLAP's"
    assert "mini-whisper" in [model.id for model in made.choices("whisper")]
    engine = Engine(made)
    said = [item for _, item in engine.listen(sweep(), [Request("whisper"), Request("clap")])]
    assert {one.model_id for one in said if isinstance(one, Observation)} == {
        "whisper-tiny",
        "clap-htsat-unfused",
    }
    none = auto_suite(mini, fetched.models(), Device("this machine", 1_000, ("float32",)))
    assert none.models["whisper"].id == "mini-whisper"
    assert "Whisper tiny needs" in none.reasons["whisper"]
