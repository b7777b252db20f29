"""Published models of fixed sizes, with seeded weights in the files as they are fetched, answer in the app.

The readers know these sizes, so that nothing smaller can stand for them. What is tested is the way from the
files to an answer: that the numbers are right is proven against golden ones elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import nn

from demos.catalog import Suite, suite
from demos.clap.msclap_2022 import Msclap2022, Msclap2022Config
from demos.clap.network import Clap, ClapConfig
from demos.clap.paraclap import Paraclap, ParaclapConfig
from demos.engine import Engine
from demos.networks.beats import Beats, BeatsConfig
from demos.pengi.clapcap import Clapcap, ClapcapConfig
from demos.pengi.network import Pengi, PengiConfig
from demos.published.model import HubFiles, PublishedModel, WebFile
from demos.published.models import PUBLISHED
from demos.published.places import Places
from demos.published.shelf import Shelf
from store.records import Observation, System
from tests.asking import ask, sweep
from tests.mini_weights import write_mini_weights

pytestmark = [pytest.mark.full, pytest.mark.timeout(900)]

BY_ID = {model.id: model for model in PUBLISHED}
WORDS = ("[PAD]", "<unk>", "a", "dog", "barks", "rain", " ", "generate", "audio", "caption", "<|endoftext|>")


def put(model: PublishedModel, where: Places, network: nn.Module) -> None:
    """The files of a model in their places, its weights those of a network."""
    for number, source in enumerate(model.sources):
        if isinstance(source, HubFiles):
            snapshot = where.repository(source) / "snapshots" / "c0ffee"
            snapshot.mkdir(parents=True, exist_ok=True)
            (where.repository(source) / "refs").mkdir(exist_ok=True)
            (where.repository(source) / "refs" / source.revision).write_text("c0ffee")
            for name in source.files:
                file = snapshot / name
                if number == 0:
                    torch.save({"model": network.state_dict()}, file)
                elif name == "tokenizer.json":
                    write_tokenizer(file)
                else:
                    file.write_text("")
        else:
            file = where.web_file(source) if isinstance(source, WebFile) else where.hand_file(source)
            file.parent.mkdir(parents=True, exist_ok=True)
            stated = {"cfg": asdict(network.config)} if isinstance(network, Beats) else {}
            torch.save({**stated, "model": network.state_dict()}, file)


def write_tokenizer(file: Path) -> None:
    tokenizer = Tokenizer(models.WordLevel({word: place for place, word in enumerate(WORDS)}, "<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(file))


@pytest.fixture(scope="module")
def mini(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    folder = tmp_path_factory.mktemp("weights")
    write_mini_weights(folder)
    return suite("mini", folder)


@pytest.mark.parametrize(
    ("id_", "build"),
    [
        ("msclap-2023", lambda: Clap(ClapConfig())),
        ("msclap-2022", lambda: Msclap2022(Msclap2022Config())),
        ("paraclap", lambda: Paraclap(ParaclapConfig())),
        ("pengi-base", lambda: Pengi(PengiConfig())),
        ("pengi-base-no-text-enc", lambda: Pengi(PengiConfig(text_encoder=None))),
        ("clapcap", lambda: Clapcap(ClapcapConfig())),
    ],
)
def test_a_model_of_published_size_answers(
    id_: str, build: Callable[[], nn.Module], mini: Suite, tmp_path: Path
) -> None:
    said = answered(id_, build, mini, tmp_path, BY_ID[id_].system)
    if said.system == "clap":
        assert {score.text for score in said.scores} == {"a dog barks", "rain"}
        assert all(-1 <= score.cosine <= 1 for score in said.scores)
    else:
        assert said.tokens
    assert said.view.rate in (16_000, 44_100)


@pytest.mark.parametrize(
    ("id_", "build", "layers"),
    [
        ("htsat", lambda: Clap(ClapConfig()), 16),
        ("beats", lambda: Beats(BeatsConfig()), 13),
    ],
)
def test_an_encoder_of_published_size_shows_its_layers(
    id_: str, build: Callable[[], nn.Module], layers: int, mini: Suite, tmp_path: Path
) -> None:
    said = answered(id_, build, mini, tmp_path, "layers", encoder=BY_ID[id_].title, measure="rms")
    assert said.heatmap is not None
    assert len(said.heatmap.values) == layers


def answered(
    id_: str, build: Callable[[], nn.Module], mini: Suite, folder: Path, system: System, **how: object
) -> Observation:
    torch.manual_seed(0)
    where = Places(folder / "own", folder / "hub", "https://nowhere.invalid", offline=True)
    put(BY_ID[id_], where, build())
    engine = Engine(replace(mini, shelf=Shelf(where).models))
    said = ask(engine, sweep(), system, model=id_, bank=("a dog barks", "rain"), **how)
    assert said.model_id == id_
    return said
