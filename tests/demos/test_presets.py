"""The instructions that are offered: whole, and honest about which of them the mini models learned."""

from __future__ import annotations

from functools import lru_cache
from itertools import chain

import numpy as np
import pytest

from demos.catalog import Model, suite
from demos.mini.train import texts
from demos.mini.world import scenes, speech, stories
from demos.mini.world.grammar import sample_sentence
from demos.mini.world.language import questions
from demos.panels.instruction_component import with_what_was_trained
from demos.presets import Preset
from store.records import Observation, View

PENGI, SALMONN = suite("mini").model("pengi"), suite("mini").model("salmonn")
BOTH = [pytest.param(model, preset, id=preset.text) for model in (PENGI, SALMONN) for preset in model.presets]


@lru_cache
def taught_questions() -> set[str]:
    """The written questions of many training scenes."""
    rng = np.random.default_rng(3)
    found: set[str] = set()
    for number in range(400):
        kind = ("single", "sequence", "overlap", "speech")[number % 4]
        sentence = sample_sentence(rng)
        spoken = speech.Spoken(speech.sample_utterance(rng, sentence, "train"), np.zeros(16_000, np.float32))
        scene = scenes.make_scene(rng, "train", kind, spoken if kind == "speech" else None)  # type: ignore[arg-type]
        found |= {question for question, _ in questions(scene, rng)}
    return found


TAUGHT = {
    *texts.TRANSCRIBE,
    *texts.DESCRIBE,
    *texts.ANSWER_SPEAKER,
    *texts.DESCRIBE_BOTH,
    *stories.INSTRUCTIONS,
    *texts.CAPTION_PROMPTS,
    texts.EVENTS_PROMPT,
}


@pytest.mark.parametrize(("model", "preset"), BOTH)
def test_a_preset_says_whether_the_mini_model_learned_it(model: Model, preset: Preset) -> None:
    asked = taught_questions()
    taught = TAUGHT | (asked if model is SALMONN else {texts.QUESTION_PROMPT + one for one in asked})
    assert preset.trained == (preset.text in taught)
    assert model.untrained(preset.text) is not preset.trained


@pytest.mark.parametrize("model", [PENGI, SALMONN], ids=["Pengi", "SALMONN"])
def test_presets_have_titles_of_their_own_and_stand_together_by_task(model: Model) -> None:
    presets = model.presets
    assert (
        len({(one.task, one.title) for one in presets}) == len({one.text for one in presets}) == len(presets)
    )
    assert presets[0].trained
    tasks = [one.task for one in presets]
    assert tasks == list(chain.from_iterable([task] * tasks.count(task) for task in dict.fromkeys(tasks)))


def test_a_system_without_instructions_offers_none() -> None:
    assert not suite("mini").model("clap").presets


def test_the_answer_to_an_instruction_that_was_not_trained_says_so() -> None:
    def shown(instruction: str) -> list[str]:
        view = View("c", 16_000, "soxr", 0.0, 1.0)
        said = Observation("o", "salmonn", view, "m", "r", instruction, "", {}, "float32", "cpu", 0, "a dog")
        return list(with_what_was_trained({"notes": ["before"]}, SALMONN, said)["notes"])

    assert shown("Please describe the audio.") == ["before"]
    assert shown("is there a fish?") == ["before"]  # a question of one's own: nobody knows
    before, told = shown("Listen to the speech and translate it into German.")
    assert before == "before"
    assert "Mini-SALMONN was not trained" in told
