"""Another model in a slot: it answers for itself, through the same ears, and is recorded by its name."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from demos.catalog import suite
from demos.contradictions import contradictions
from demos.engine import Engine, EngineError, Partial, Request
from demos.salmonn.checkpoint import adapter_tensors
from store.records import Observation, View
from tests.asking import ask, passes, sweep

OWN, BEFORE = "mini-salmonn", "mini-salmonn-before-activation"


def test_the_model_that_is_named_answers_and_is_recorded(warm: Engine) -> None:
    sound = sweep()
    for model_id in (OWN, BEFORE):
        said, model = ask(warm, sound, "salmonn", model=model_id), warm.suite.model("salmonn", model_id)
        assert (said.model_id, said.model_revision) == (model.id, model.revision)
    unnamed, own, before = (ask(warm, sound, "salmonn", model=name) for name in ("", OWN, BEFORE))
    assert unnamed.model_id == OWN
    assert unnamed.tokens == own.tokens
    assert before.tokens != own.tokens
    bare = (ask(warm, sound, "salmonn", model=name, lora_scaling=0.0) for name in (OWN, BEFORE))
    assert len({said.tokens for said in bare}) == 1, "without LoRA they are the same model"


def test_two_models_of_a_slot_share_one_pass_of_each_encoder(folder: Path) -> None:
    engine = Engine(suite("mini", folder))
    requests = [Request("salmonn", model=name, max_tokens=4) for name in (OWN, BEFORE)]
    with passes(engine) as counted:
        ends = [item for _, item in engine.listen(sweep(), requests) if not isinstance(item, Partial)]
    assert [type(end) for end in ends] == [Observation] * 2
    assert counted["whisper encoder"] == counted["BEATs"] == 1
    own, before = (engine.networks.answering(engine.suite.model("salmonn", name)) for name in (OWN, BEFORE))
    assert own.network.speech_encoder is before.network.speech_encoder
    assert own.network.beats is before.network.beats


def test_before_activation_differs_from_the_model_by_the_tensors_of_its_file(folder: Path) -> None:
    networks, models = Engine(suite("mini", folder)).networks, suite("mini", folder)
    own, before = (
        adapter_tensors(networks.answering(models.model("salmonn", name)).network) for name in (OWN, BEFORE)
    )
    changed = load_file(folder / "salmonn_before_activation.safetensors")
    for name, tensor in own.items():
        expected = changed[name].float() if name in changed else tensor
        assert torch.equal(before[name], expected), name


def test_what_its_file_adds_is_refused(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    save_file({"another.tensor": torch.zeros(1)}, tmp_path / "salmonn_before_activation.safetensors")
    engine = Engine(suite("mini", tmp_path))
    with pytest.raises(EngineError, match=r"not known: another\.tensor"):
        ask(engine, sweep(), "salmonn", model=BEFORE)
    assert ask(engine, sweep(), "salmonn").model_id == OWN


def test_a_model_that_is_not_in_the_suite_is_refused_with_those_there_are(warm: Engine) -> None:
    with pytest.raises(EngineError, match=f"no model “salmonn-13b” .*; there are {OWN}, {BEFORE}"):
        ask(warm, sweep(), "salmonn", model="salmonn-13b")
    with pytest.raises(EngineError, match="no model “mini-salmonn” for the slot clap; there are mini-clap"):
        ask(warm, sweep(), "clap", model=OWN)


def test_what_an_answer_rests_on_is_asked_of_the_model_that_gave_it(warm: Engine) -> None:
    sound = sweep()
    said = ask(warm, sound, "salmonn", model=BEFORE)
    found = warm.grounds(sound, said)
    assert found.probabilities == pytest.approx([token.probability for token in said.tokens], abs=1e-4)
    with pytest.raises(EngineError, match="another model"):
        warm.grounds(sound, replace(said, model_id=OWN))


def test_two_models_that_contradict_each_other_are_named() -> None:
    view = View("c", 16_000, "soxr", 0.0, 1.0)
    yes, no = (
        Observation(
            name, "salmonn", view, name, "r", "is there a dog barking?", "", {}, "float32", "cpu", 0, said
        )
        for name, said in ((OWN, "yes"), (BEFORE, "no"))
    )
    (sentence,) = contradictions(yes, [no])
    assert sentence == (
        f"SALMONN ({OWN}) says “yes” to “is there a dog barking?”, but SALMONN ({BEFORE}) says “no” to "
        "“is there a dog barking?”."
    )
    (sentence,) = contradictions(yes, [replace(no, model_id=OWN)])
    assert "(" not in sentence
