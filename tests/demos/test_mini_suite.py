"""The committed mini suite: its size, its figures, and that it hears the shipped examples."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from demos.catalog import MINI_WEIGHTS, suite
from demos.engine import Engine, Request
from demos.mini.evaluation.figures import README, kept, with_table
from demos.mini.world.language import events_in
from demos.sound import read
from store.records import Observation

EXAMPLES = Path(__file__).parents[2] / "demos" / "mini" / "examples"


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(suite("mini"))


def hear(engine: Engine, name: str, request: Request) -> Observation:
    *_, last = engine.observe(read(EXAMPLES / name), request)
    assert isinstance(last, Observation)
    return last


def test_the_suite_is_small() -> None:
    sizes = [path.stat().st_size for path in MINI_WEIGHTS.rglob("*") if path.is_file()]
    assert sum(sizes) <= 40e6
    assert max(sizes) <= 15 * 2**20
    trio = [MINI_WEIGHTS / name for name in ("wav2vec2", "hubert", "data2vec", "speaker")]
    assert sum(path.stat().st_size for folder in trio for path in folder.iterdir()) <= 20e6


@pytest.mark.parametrize("title", ["wav2vec 2.0", "HuBERT", "data2vec-audio"])
def test_the_layers_of_a_self_supervised_encoder_can_be_seen(engine: Engine, title: str) -> None:
    asked = Request("layers", encoder=title, measure="effective_rank")
    heat = hear(engine, "rain-then-bell.flac", asked).heatmap
    assert heat is not None
    assert heat.layers == ("input", *(f"layer {number}" for number in range(1, 7)))
    # One that gave the same for every sound would have a rank of one.
    assert np.isfinite(heat.values).all()
    assert np.max(heat.values) > 2


def test_the_readme_shows_the_figures_that_were_measured() -> None:
    text = README.read_text(encoding="utf-8")
    assert with_table(text, kept()) == text


def test_every_example_is_listed_with_its_truth() -> None:
    listed = json.loads((EXAMPLES / "examples.json").read_text(encoding="utf-8"))
    assert {path.name for path in EXAMPLES.glob("*.flac")} == {entry["file"] for entry in listed}
    assert len(listed) >= 6


def test_clap_finds_a_siren(engine: Engine) -> None:
    best = hear(engine, "siren.flac", Request("clap")).scores[0]
    assert events_in(best.text) == ["siren wailing"]


def test_a_question_over_barking_is_understood_and_answered(engine: Engine) -> None:
    transcript = hear(engine, "question-over-barking.flac", Request("whisper"))
    assert transcript.text.strip() == "which animal can you hear"
    assert [word.text for word in transcript.words] == ["which", "animal", "can", "you", "hear"]
    assert events_in(hear(engine, "question-over-barking.flac", Request("salmonn")).text) == ["dog barking"]


def test_pengi_names_both_sounds_of_a_scene(engine: Engine) -> None:
    said = hear(engine, "rain-then-bell.flac", Request("pengi")).text
    assert set(events_in(said)) == {"rain falling", "bell ringing"}


def test_silence_is_not_transcribed(engine: Engine) -> None:
    assert hear(engine, "silence.flac", Request("whisper")).text.strip() == ""


def test_an_observation_can_be_made_again(engine: Engine) -> None:
    request = Request("salmonn")
    first = hear(engine, "question-over-barking.flac", request)
    again = hear(Engine(suite("mini")), "question-over-barking.flac", request)
    assert (again.text, again.tokens) == (first.text, first.tokens)
    assert first.model_revision == again.model_revision
