"""Activation tuning on a tiny untrained SALMONN: what it changes, what it keeps, and its measurement."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from demos.catalog import file_hash, suite
from demos.loading import Networks
from demos.mini import scaling
from demos.mini.scaling_figure import PANELS, Point, drawn
from demos.mini.train import activation, llama, sounds
from demos.mini.train.activation import AFTER, BEFORE, MODEL, RECORD, Trial
from demos.mini.world import language, scenes, stories
from demos.mini.world.scene import Scene
from demos.placement import Placement
from tests.mini_weights import write_mini_weights


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    write_mini_weights(folder)
    return folder


@pytest.fixture(scope="module", autouse=True)
def few_and_short() -> Iterator[None]:
    """Few clips and short stories."""
    small = {"COMPARED": 3, "MOST_CLIPS": 6, "TRIED": 3, "LONGEST": 6, "UPDATES": 3, "STORIES": 2, "DRAWS": 1}
    with pytest.MonkeyPatch.context() as patched:
        for name, value in {**small, "SCALINGS": (1.0, 2.0), "LEARNING_RATES": (1e-3, 1e-2)}.items():
            patched.setattr(activation, name, value)
        yield


@pytest.fixture
def folder(weights: Path, tmp_path: Path) -> Path:
    """Tiny weights to change."""
    return copied(weights, tmp_path)


@pytest.fixture(scope="module")
def activated(
    weights: Path,
    questions: sounds.Scenes,
    clips: sounds.Scenes,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Tiny weights after activation tuning, not to be changed."""
    folder = copied(weights, tmp_path_factory.mktemp("activated"))
    with pytest.MonkeyPatch.context() as patched:
        anything_is_a_story(patched)
        activation.run(folder, questions, clips)
    return folder


def copied(weights: Path, folder: Path) -> Path:
    for file in weights.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> sounds.Scenes:
    """Spoken questions whose truth alone is real: what they sound like is noise."""
    rng = np.random.default_rng(5)
    drawn_scenes = [replace(llama.draw_scene(rng), seconds=1.0) for _ in range(60)]
    return rendered(
        tmp_path_factory.mktemp("questions"), [scene for scene in drawn_scenes if scene.answer is not None]
    )


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> sounds.Scenes:
    rng = np.random.default_rng(6)
    return rendered(
        tmp_path_factory.mktemp("scenes"), [scenes.make_scene(rng, "train", "sequence") for _ in range(16)]
    )


def rendered(folder: Path, truths: list[Scene]) -> sounds.Scenes:
    rng = np.random.default_rng(7)

    def make(part: int) -> Iterator[sounds.Rendered]:
        for scene in truths:
            yield (
                rng.normal(0, 0.1, 16_000).astype(np.float32),
                {
                    "scene": scene.to_dict(),
                    "captions": language.captions(scene, rng),
                    "questions": language.questions(scene, rng),
                    "negatives": [],
                },
            )

    sounds._build_part(folder, 0, make)
    return sounds.Scenes(folder)


def anything_is_a_story(monkeypatch: pytest.MonkeyPatch) -> None:
    """An untrained model's first words count as a true story, and the highest learning rate is taken."""
    write = activation.write

    def ended(*asked: object, **settings: object) -> list[str | None]:
        return [text or "a dog barks" for text in write(*asked, **settings)]  # type: ignore[arg-type]

    monkeypatch.setattr(activation, "write", ended)
    monkeypatch.setattr(activation, "true_story", lambda text, scene: True)
    monkeypatch.setattr(activation, "chosen", lambda trials: trials[-1])


def test_lora_alone_is_activated_and_the_instructed_model_can_be_had_again(
    weights: Path, activated: Path
) -> None:
    instructed, now = load_file(weights / MODEL), load_file(activated / MODEL)
    assert now.keys() == instructed.keys()
    changed = {name for name in now if not torch.equal(now[name], instructed[name])}
    lora = {name for name in instructed if ".lora_" in name}
    assert changed
    assert changed <= lora
    assert {tensor.dtype for tensor in now.values()} == {torch.float16}
    assert load_file(activated / BEFORE).keys() == lora
    again = activation.before_activation(activated)
    assert again.keys() == instructed.keys()
    assert all(torch.equal(again[name], instructed[name]) for name in instructed)

    record = json.loads((activated / RECORD).read_text())
    assert record["activated"] == file_hash(activated / MODEL)
    assert record["instructed"] == file_hash(weights / MODEL)
    assert [trial["learning_rate"] for trial in record["trials"]] == [0.0, 1e-3, 1e-2]
    assert len(record["trials"][-1]["updates"]) == activation.UPDATES
    assert len({story["clip"] for story in record["stories"]}) == activation.STORIES
    Networks(suite("mini", activated), Placement("cpu")).answering()  # the page reads what was written


def test_a_model_is_activated_once_and_one_made_anew_gets_its_lora_again(
    weights: Path,
    activated: Path,
    tmp_path: Path,
    questions: sounds.Scenes,
    clips: sounds.Scenes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = copied(activated, tmp_path)
    files = {name: (folder / name).read_bytes() for name in (MODEL, BEFORE, AFTER, RECORD)}

    def never(*_: object) -> None:
        raise AssertionError("this model was activated before")

    with monkeypatch.context() as patched:
        patched.setattr(activation, "_activate", never)
        activation.run(folder, questions, clips)
        assert {name: (folder / name).read_bytes() for name in files} == files
        # As the stage before it does when `make train` runs again:
        (folder / MODEL).write_bytes((weights / MODEL).read_bytes())
        activation.run(folder, questions, clips)
        assert {name: (folder / name).read_bytes() for name in files} == files
    for name in (AFTER, BEFORE, RECORD):
        (folder / name).unlink()
    (folder / MODEL).write_bytes((weights / MODEL).read_bytes())
    anything_is_a_story(monkeypatch)
    activation.run(folder, questions, clips)
    assert {name: (folder / name).read_bytes() for name in files} == files, "the same again from nothing"


def test_a_model_that_tells_no_story_is_left_as_it_is(
    folder: Path, questions: sounds.Scenes, clips: sounds.Scenes
) -> None:
    instructed = load_file(folder / MODEL)
    activation.run(folder, questions, clips)
    left = load_file(folder / MODEL)
    assert all(torch.equal(left[name], instructed[name]) for name in instructed)
    record = json.loads((folder / RECORD).read_text())
    assert "no true story" in record["outcome"]
    assert record["scaling"] is None
    assert [one["scaling"] for one in record["writing"]] == [1.0, 2.0]
    again = activation.before_activation(folder)
    assert all(torch.equal(again[name], instructed[name]) for name in instructed)


def test_what_is_written_together_is_what_the_page_says(folder: Path, clips: sounds.Scenes) -> None:
    answering = Networks(suite("mini", folder), Placement("cpu")).answering()
    heard = activation._drawn(answering, np.random.default_rng(1), clips, lambda scene: True)
    several = [next(heard) for _ in range(4)]
    asked = [stories.INSTRUCTIONS[place % 3] for place in range(4)]
    first = answering.answer(several[0].tokens, asked[0], lora_scaling=2.0, max_new_tokens=4)
    answering.ends = first.ids[3]  # so that an untrained model comes to an end
    texts = activation.write(answering, several, 2.0)
    for clip, instruction, text in zip(several, asked, texts, strict=True):
        said = answering.answer(clip.tokens, instruction, lora_scaling=2.0, max_new_tokens=activation.LONGEST)
        assert text == (said.text.strip() if said.ended == "end" else None)
    assert texts[0] is not None


def test_true_stories_name_what_sounds_and_nothing_else() -> None:
    rng = np.random.default_rng(8)
    scene = scenes.make_scene(rng, "train", "sequence")
    other = scenes.make_scene(rng, "train", "single")
    assert other.names[0] not in scene.names
    told = stories.story(scene, rng)
    assert activation.true_story(told, scene)
    assert not activation.true_story(told, other)
    assert not activation.true_story(language.captions(scene, rng)[0], scene), "a caption is no story"
    assert scaling.judged_story(told, scene) == {"story": (1.0, 1.0), "grounded story": (1.0, 1.0)}
    assert scaling.judged_story(told, other) == {"story": (1.0, 1.0), "grounded story": (0.0, 1.0)}


def test_a_learning_rate_is_worth_its_stories_less_what_the_other_tasks_lose() -> None:
    before = Trial(0.0, 0.1, 0.1, {"caption": 1.0, "transcript": 1.0})
    cheap = Trial(1e-3, 0.9, 0.8, {"caption": 1.1, "transcript": 1.0})
    dear = Trial(1e-2, 1.0, 0.9, {"caption": 1.5, "transcript": 1.5})
    idle = Trial(1e-4, 0.1, 0.1, {"caption": 0.9, "transcript": 0.9})
    assert activation.chosen([before, idle, cheap, dear]) is cheap
    assert activation.chosen([before, idle]) is before, "a lower loss alone is no reason"


def test_every_scaling_is_asked_of_both_models_through_the_engine(
    activated: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scaling.instructed(activated, tmp_path)
    assert file_hash(tmp_path / MODEL) == json.loads((activated / RECORD).read_text())["instructed"]
    monkeypatch.setattr(scaling, "SCALINGS", (0.0, 4.0))
    monkeypatch.setattr("demos.request.USUAL_TOKENS", {"salmonn": 4})
    found = [scaling.outcomes(activated, tmp_path, "mixed", number) for number in range(2)]
    points = scaling.points(found)
    assert [(point.measure, point.activated, point.scaling) for point in points] == [
        (measure, activated, strength)
        for measure in ("caption", "grounded story", "story")
        for activated in (False, True)
        for strength in (0.0, 4.0)
    ]
    assert {point.items for point in points} == {2}


def curves() -> list[Point]:
    return [
        Point(measure, activated, strength, 0.5, 0.4, 1.3 if measure == "transcript" else 0.6, 72)
        for measure, *_ in PANELS
        for activated in (False, True)
        for strength in scaling.SCALINGS
    ]


def test_the_figure_is_whole_and_says_what_it_shows() -> None:
    picture = drawn(curves(), 2.0)
    root = ElementTree.fromstring(picture)
    names = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert {"title", "desc", "style", "polygon", "polyline"} <= names
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert texts.count("LoRA scaling") == len(PANELS)
    assert "prefers-color-scheme: dark" in picture
    assert "0.50 after activation tuning" in picture
    assert "nan" not in picture


def test_the_readme_gets_the_table_where_it_has_a_place_for_it() -> None:
    text = scaling.block(curves(), {"outcome": "It was done.", "scaling": 2.0})
    assert text.count("\n| ") == 1 + len(PANELS)
    readme = f"# Title\n{scaling.MARKS[0]}old\n{scaling.MARKS[1]}rest\n"
    assert scaling.with_block(readme, text) == f"# Title\n{scaling.MARKS[0]}{text}{scaling.MARKS[1]}rest\n"
    assert scaling.with_block("# Title\n", text) == "# Title\n"
