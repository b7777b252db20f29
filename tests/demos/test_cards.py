"""The model cards: numbers of the weights in place, a card for every weight file, snippets that run."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import save_file
from transformers import PreTrainedModel

from demos.mini import card_numbers, cards
from demos.mini.train import data2vec, hubert, self_supervised, speaker, wav2vec2
from tests.serving import ROOT

UNTRAINED: dict[str, type[PreTrainedModel]] = {
    "wav2vec2": wav2vec2.Wav2Vec2ForPreTraining,
    "hubert": hubert.HubertModel,
    "data2vec": data2vec.Data2VecAudioModel,
    "speaker": speaker.WavLMForXVector,
}
CONFIGS = {
    module.__name__.rsplit(".", 1)[1]: module.CONFIG for module in (wav2vec2, hubert, data2vec, speaker)
}


def text_of(card: cards.Card) -> str:
    return (cards.CARDS / f"{card.name}.md").read_text(encoding="utf-8")


def snippet(card: cards.Card) -> str:
    (code,) = re.findall(r"```python\n(.*?)```", text_of(card), re.DOTALL)
    return code


@pytest.mark.parametrize("page", list(cards.pages()), ids=lambda page: page.stem)
def test_the_committed_cards_are_what_the_command_writes(page: Path) -> None:
    kept = page.read_text(encoding="utf-8")

    assert cards.filled(kept, cards.pages()[page]) == kept, "run `make cards`"


def test_every_weight_file_belongs_to_one_card() -> None:
    owners = [path for card in cards.MODELS for path in card.files]
    weights = [path for path in cards.WEIGHTS.rglob("*") if path.suffix in (".safetensors", ".pt")]

    assert len(owners) == len(set(owners))
    assert not set(weights) - set(owners)


@pytest.mark.parametrize("card", cards.MODELS, ids=lambda card: card.name)
def test_a_card_has_front_matter_and_all_parts(card: cards.Card) -> None:
    _, front, body = text_of(card).split("---\n", 2)
    matter = yaml.safe_load(front)

    assert matter["license"] == "apache-2.0"
    assert {"language", "tags", "pipeline_tag"} <= matter.keys()
    assert [found[1] for found in cards.PLACE.findall(body)] == ["size", "data", "training", "evaluation"]
    assert f"]({card.name}.md)" in (cards.CARDS / "README.md").read_text(encoding="utf-8")
    for part in ("Intended use", "Not intended", "Limits", "Licences", "How to load it", "Citation"):
        assert f"\n## {part}\n" in body


@pytest.mark.parametrize("name", ["clap", "pengi", "whisper", "beats", "salmonn", "llama"])
def test_the_snippet_of_a_card_runs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (card,) = (card for card in cards.MODELS if card.name == name)
    monkeypatch.chdir(ROOT)

    exec(compile(snippet(card), f"{name}.md", "exec"), {})


@pytest.mark.parametrize("name", list(UNTRAINED))
def test_the_card_of_a_folder_of_weights(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (card,) = (card for card in cards.MODELS if card.name == name)
    weights = tmp_path / "demos/mini/weights"
    torch.manual_seed(0)
    self_supervised.save(UNTRAINED[name](CONFIGS[name]), weights / name)
    (tmp_path / "demos/mini/examples").symlink_to(ROOT / "demos/mini/examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cards, "WEIGHTS", weights)
    monkeypatch.setattr(card_numbers, "WEIGHTS", weights)

    exec(compile(snippet(card), f"{name}.md", "exec"), {})
    told = cards.size(card)

    assert f"`{name}/model.safetensors`" in told
    assert f"| `hidden_size` | {CONFIGS[name].hidden_size} | 768 |" in told


def test_a_model_that_is_not_there_is_not_trained_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cards, "MINI", tmp_path / "demos/mini")
    monkeypatch.setattr(cards, "WEIGHTS", tmp_path / "demos/mini/weights")

    (card,) = (card for card in cards.MODELS if card.name == "hubert")

    assert (
        cards.size(card) == "**Not trained yet:** `demos/mini/weights/hubert/model.safetensors` is not there."
    )
    assert "Not trained yet" in cards.training(card)
    assert "not trained yet" in cards.index()


def test_numbers_come_from_headers(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(3, 4).half(), "b": torch.zeros(5).long()}, tmp_path / "x.safetensors")
    torch.save({"model_state_dict": {"a": torch.zeros(2, 3)}}, tmp_path / "x.pt")

    assert card_numbers.contents(tmp_path / "x.safetensors").parameters == 17
    assert card_numbers.contents(tmp_path / "x.safetensors").types == "float16, int64"
    assert card_numbers.contents(tmp_path / "x.pt").parameters == 6


def test_figures_go_with_the_model_that_they_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        {"name": name, "value": 0.5, "low": 0.4, "high": 0.6, "items": 9, "aim": ""}
        for name in ("CLAP, a", "… b", "Pengi, c", "… d", "CLAP, e")
    ]
    (tmp_path / "evaluation.json").write_text(json.dumps(rows), encoding="utf-8")
    monkeypatch.setattr(card_numbers, "WEIGHTS", tmp_path)

    assert [row.name for row in card_numbers.measured(["CLAP"])] == ["CLAP, a", "… b", "CLAP, e"]
    assert [row.name for row in card_numbers.measured(["Pengi"])] == ["Pengi, c", "… d"]
    assert "Nothing has been measured" in card_numbers.evaluation_table(["BEATs"])


def test_half_rendered_sounds_are_not_counted(tmp_path: Path) -> None:
    assert set(card_numbers.planned_parts()) == set(card_numbers.SETS)
    assert card_numbers.measure_rendered(tmp_path) is None


def test_a_place_of_an_unknown_name_is_an_error() -> None:
    with pytest.raises(ValueError, match="no numbers called 'weather'"):
        cards.filled("<!-- numbers: weather -->\n<!-- numbers: end -->", cards.MODELS[0])
