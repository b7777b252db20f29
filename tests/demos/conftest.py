"""An engine over real files with untrained weights of the mini suite; and a training in small."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from demos.catalog import suite
from demos.engine import Engine
from demos.mini.evaluation import held_out
from demos.mini.evaluation.held_out import HeldOut
from demos.mini.train import ablation_measures, beats, clap, llama, salmonn, sounds, texts, whisper
from demos.mini.train import tokenizer as tokenizer_stage
from demos.mini.world import language
from demos.mini.world.scene import SceneKind
from tests.demos.world_scenes import BUZZ, random_scene, samples_of
from tests.mini_weights import write_mini_weights

SCENE_KINDS: tuple[SceneKind, ...] = ("single", "sequence", "speech_over", "overlap")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    write_mini_weights(folder)
    return folder


@pytest.fixture(scope="module")
def warm(folder: Path) -> Engine:
    """One engine for the tests that do not care what was heard before."""
    return Engine(suite("mini", folder))


def drawn(kind: str, number: int) -> HeldOut:
    """The evaluation's clip, spoken by a stand-in where somebody speaks."""
    if kind in ("single", "sequence"):
        return held_out.draw(kind, number)
    kinds: dict[str, SceneKind] = {"flite": "speech", "speech": "speech", "speech_over": "speech_over"}
    return HeldOut(kind, number, random_scene(kinds.get(kind, "question"), number, "heldout"), BUZZ)


def some_scenes(folder: Path, kinds: tuple[SceneKind, ...]) -> sounds.Scenes:
    rng = np.random.default_rng(7)

    def make(part: int) -> Iterator[sounds.Rendered]:
        for seed, kind in enumerate(kinds):
            scene = random_scene(kind, seed)
            truth = {
                "scene": scene.to_dict(),
                "captions": language.captions(scene, rng),
                "questions": language.questions(scene, rng),
                "negatives": language.hard_negatives(scene, rng),
            }
            yield samples_of(scene), truth

    folder.mkdir()
    sounds._build_part(folder, 0, make)
    return sounds.Scenes(folder)


def some_sounds(folder: Path, truths: list[dict[str, Any]]) -> sounds.Utterances:
    folder.mkdir()
    sounds._build_part(folder, 0, lambda part: [(BUZZ[:16_000], truth) for truth in truths])
    return sounds.Utterances(folder)


@pytest.fixture(scope="module")
def small_training() -> Iterator[None]:
    """Small batches of few clips for every stage, nothing compiled, no speech synthesiser."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("CXX", "no-such-compiler")
        patched.setattr(clap, "BATCH", 4)
        patched.setattr(salmonn, "BATCH", 2)
        patched.setattr(llama, "BATCH", 2)
        for name in ("QUESTION_CLIPS", "SCENE_CLIPS", "FULL_CLIPS"):
            patched.setattr(salmonn, name, 2)
        patched.setattr(ablation_measures, "draw", drawn)
        batch, heard = beats.Lesson.batch, whisper.Lesson.batch
        patched.setattr(
            beats.Lesson,
            "batch",
            lambda self, rng, size, frames, changed=1.0: batch(self, rng, 2, frames, changed),
        )
        patched.setattr(whisper.Lesson, "batch", lambda self, rng, size, secs: heard(self, rng, 2, secs))
        yield


@pytest.fixture(scope="module")
def training_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make train` leaves: sounds, a tokenizer, and what SALMONN stands on."""
    folder = tmp_path_factory.mktemp("train")
    scenes = some_scenes(folder / "scenes", SCENE_KINDS)
    some_scenes(folder / "questions", ("question",) * 2)
    utterances = some_sounds(folder / "utterances", [{"text": "open the window", "voice": "en"}] * 2)
    some_sounds(folder / "backgrounds", [{"name": "rain"}] * 2)
    tokenizer_stage.run(folder, texts.corpus(scenes, utterances))
    return folder


@pytest.fixture(scope="module")
def training_encoders(training_data: Path) -> None:
    """Untrained Whisper, BEATs and LLaMA for SALMONN to stand on."""
    torch.manual_seed(1)
    trainee = whisper.Trainee(["open", "the", "window"])
    torch.save(
        {"dims": vars(whisper.DIMENSIONS), "model_state_dict": trainee.published()},
        training_data / "whisper.pt",
    )
    save_file(beats.half(beats.Beats(beats.CONFIG)), training_data / "beats.safetensors")
    (training_data / "beats.json").write_text(json.dumps(beats.CONFIG.to_dict()))
    llama.run(training_data, salmonn.configuration(training_data), steps=0, more_steps=0)
