"""Mini-SALMONN's third stage, activation tuning (Tang et al., ICLR 2024, section 3.3).

Instruction tuning leaves short answers to whatever is asked. With its LoRA turned down the same model still
writes stories; a dozen of its own about training clips, one update each at full strength, are to bring that
back. No story of the world's truth is used: a text is kept where it is told at length and names the events
that sound and no others. LoRA alone changes. Everything is chosen on training clips, and `activation.json`
says what was tried.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save, save_file
from torch import Tensor, nn
from tqdm import tqdm
from transformers import DynamicCache

from demos.catalog import file_hash, suite
from demos.loading import Networks
from demos.mini.train.lessons import Pair, said_in
from demos.mini.train.llama import text_loss
from demos.mini.train.sounds import Scenes
from demos.mini.train.texts import ANSWER_SPEAKER, DESCRIBE, TRANSCRIBE
from demos.mini.world import stories
from demos.mini.world.language import events_in
from demos.mini.world.scene import Scene
from demos.mini.world.taxonomy import NAMES, class_named
from demos.placement import Placement
from demos.salmonn.answering import Answering, heard_window, prompt_ids
from demos.salmonn.checkpoint import adapter_tensors

SCALINGS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)  # at which stories are written
HALF = 2.0  # of the trained scaling, where the paper writes them
STORIES = UPDATES = 12
COMPARED = 24  # clips by which scalings are compared
MOST_CLIPS = 96  # that are written about, to find the dozen
TEMPERATURE, DRAWS = 0.7, 2  # of what is written where the likeliest words make no true story
LEARNING_RATES = (3e-4, 1e-3, 2e-3, 4e-3, 8e-3)
TRIED = 32  # clips of stories, and of each task that is to be kept, by which learning rates are compared
PRICE = 2.0  # share of stories that a doubled loss on the tasks that are to be kept would be worth
LONGEST = 160  # tokens of a story
SEED = 45

MODEL, BEFORE, AFTER, RECORD = (
    "salmonn.safetensors",
    "salmonn_before_activation.safetensors",
    "salmonn_after_activation.safetensors",
    "activation.json",
)
"""The model, its LoRA as instructed, its LoRA as activated, and what was done."""


@dataclass(frozen=True)
class Clip:
    """A training clip as the language model hears it: audio tokens [windows, width]."""

    number: int  # in its rendered sounds
    scene: Scene
    tokens: Tensor


@dataclass(frozen=True)
class Story:
    """What the model wrote about a clip."""

    clip: int
    instruction: str
    text: str


@dataclass(frozen=True)
class Writing:
    """How many texts written at a scaling are stories, and how many name what sounds and nothing else."""

    scaling: float
    texts: int
    stories: int
    true_stories: int


@dataclass(frozen=True)
class Trial:
    """The model at full strength after a dozen updates; a learning rate of 0 is the model before them.

    `losses` are those of the tasks that are to be kept, nats per token; `updates` those of the stories.
    """

    learning_rate: float
    stories: float
    true_stories: float
    losses: Mapping[str, float]
    updates: tuple[float, ...] = ()


def true_story(text: str, scene: Scene) -> bool:
    """Whether a text is a story that names all events of a scene and no others."""
    return stories.is_story(text) and set(events_in(text)) == set(scene.names)


def run(folder: Path, questions: Scenes, scenes: Scenes) -> None:
    """Activate `salmonn.safetensors` in place; nothing is done to a model that was activated already.

    Beside it stand the LoRA before and after (float16) and the record. An instructed model that was
    activated before, made anew by the stages ahead, gets its kept LoRA again.
    """
    path, record = folder / MODEL, folder / RECORD
    now = file_hash(path)
    known: dict[str, Any] = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}
    if now == known.get("activated"):
        return
    if now != known.get("instructed"):
        _activate(folder, questions, scenes)
    _replace(path, load_file(path) | load_file(folder / AFTER))


def before_activation(folder: Path) -> dict[str, Tensor]:
    """The tensors of `salmonn.safetensors` as they were before activation tuning."""
    return load_file(folder / MODEL) | load_file(folder / BEFORE)


def _activate(folder: Path, questions: Scenes, scenes: Scenes) -> None:
    """Find the LoRA after activation and write it, the one before it, and the record; the model stays."""
    answering = Networks(suite("mini", folder), Placement("cpu")).answering()
    network = answering.network
    before = _lora(network)
    rng = np.random.default_rng(SEED)
    about = _drawn(answering, rng, scenes, lambda scene: scene.kind in ("single", "sequence", "overlap"))
    compared = [next(about) for _ in range(COMPARED)]
    written = [_compare(answering, compared, scaling) for scaling in SCALINGS]
    found: list[tuple[Clip, Story]] = []
    # The paper's scaling breaks ties, and all are tried before it is said that there is no story.
    order = sorted(written, key=lambda one: (-one.true_stories, -one.stories, abs(one.scaling - HALF)))
    scaling = order[0].scaling
    for one in order:
        if found := _find(answering, compared, about, one.scaling):
            scaling = one.scaling
            break
    trials: list[Trial] = []
    best = None
    if found:
        trials, best = _try(answering, found, [next(about) for _ in range(TRIED)], rng, questions, scenes)
    outcome = (
        "The instructed model wrote no true story at any scaling; its weights were left as they are."
        if best is None
        else "No learning rate was worth its price; the weights were left as they are."
        if best.learning_rate == 0
        else f"{UPDATES} updates on {len(found)} stories that were written at LoRA scaling {scaling:g}."
    )
    _replace(folder / BEFORE, before)
    _replace(folder / AFTER, _lora(network))
    _write_record(
        folder,
        {
            "outcome": outcome,
            "scaling": scaling if found else None,
            "trained_scaling": network.config.trained_scaling,
            "learning_rate": best.learning_rate if best else 0.0,
            "writing": [asdict(one) for one in written],
            "stories": [asdict(story) for _, story in found],
            "trials": [asdict(trial) for trial in trials],
        },
    )


def _write_record(folder: Path, done: Mapping[str, Any]) -> None:
    """The record with the hashes of both models, by which a later run knows what it finds."""
    activated = save(load_file(folder / MODEL) | load_file(folder / AFTER))
    hashes = {"instructed": file_hash(folder / MODEL), "activated": hashlib.sha256(activated).hexdigest()}
    beside = folder / f"{RECORD}.tmp"
    beside.write_text(json.dumps({**done, **hashes}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    beside.replace(folder / RECORD)


def _drawn(
    answering: Answering, rng: np.random.Generator, sounds: Scenes, wanted: Callable[[Scene], bool]
) -> Iterator[Clip]:
    """Clips of rendered sounds in random order, those whose scene is wanted, heard as on the page."""
    for number in rng.permutation(len(sounds)):
        scene = sounds.scenes[number]
        if wanted(scene):
            heard = answering.encode(heard_window(sounds.samples(int(number))))
            yield Clip(int(number), scene, answering.audio_tokens(*heard)[0])


def _instruction(place: int) -> str:
    """What is asked about the clip in that place: the wordings in turn."""
    return stories.INSTRUCTIONS[place % len(stories.INSTRUCTIONS)]


def _compare(answering: Answering, clips: Sequence[Clip], scaling: float | None) -> Writing:
    """What is written about clips at a scaling, without drawing lots; None is the trained one."""
    texts = write(answering, clips, scaling)
    told = [text is not None and stories.is_story(text) for text in texts]
    true = [
        text is not None and true_story(text, clip.scene) for text, clip in zip(texts, clips, strict=True)
    ]
    strength = answering.network.config.trained_scaling if scaling is None else scaling
    return Writing(strength, len(clips), sum(told), sum(true))


def _find(
    answering: Answering, clips: list[Clip], more: Iterator[Clip], scaling: float
) -> list[tuple[Clip, Story]]:
    """Up to a dozen true stories of different clips: the likeliest words first, then drawn ones.

    Where `clips` do not suffice, clips from `more` are added to them, until there are `MOST_CLIPS`.
    """
    found: dict[int, tuple[Clip, Story]] = {}
    for first in range(0, MOST_CLIPS, COMPARED):
        if first >= len(clips):
            clips += [next(more) for _ in range(COMPARED)]
        portion = clips[first : first + COMPARED]
        for seed in range(1 + DRAWS):
            texts = write(answering, portion, scaling, TEMPERATURE if seed else 0.0, seed)
            for place, (clip, text) in enumerate(zip(portion, texts, strict=True)):
                if text is not None and clip.number not in found and true_story(text, clip.scene):
                    found[clip.number] = clip, Story(clip.number, _instruction(place), text)
                if len(found) == STORIES:
                    return list(found.values())
    return list(found.values())


@torch.no_grad()
def write(
    answering: Answering,
    clips: Sequence[Clip],
    scaling: float | None,
    temperature: float = 0.0,
    seed: int = 0,
) -> list[str | None]:
    """What the model writes about each clip, asked for a story; None where it comes to no end.

    Clips that are asked the same are answered together. A temperature of 0 takes the likeliest words.
    """
    texts: list[str | None] = [None] * len(clips)
    network, draw = answering.network, torch.Generator().manual_seed(seed)
    for wording, instruction in enumerate(stories.INSTRUCTIONS):
        places = range(wording, len(clips), len(stories.INSTRUCTIONS))
        if not places:
            continue
        before, after = prompt_ids(network.config, answering.tokenizer, instruction)
        inputs = torch.stack([network.prompt(clips[place].tokens, before, after) for place in places])
        cache = DynamicCache(config=network.llama_model.config)
        ids = torch.zeros(len(inputs), 0, dtype=torch.long)
        while ids.shape[1] < LONGEST and not (ids == answering.ends).any(1).all():
            scores = network.logits(inputs, cache, scaling, last_only=True)[:, -1]
            scores[:, answering.barred] = float("-inf")
            inputs = scores.argmax(-1, keepdim=True)
            if temperature > 0:
                inputs = torch.multinomial(torch.softmax(scores / temperature, -1), 1, generator=draw)
            ids = torch.cat([ids, inputs], 1)
        for place, row in zip(places, ids.tolist(), strict=True):
            if answering.ends in row:
                said = row[: row.index(answering.ends)]
                texts[place] = answering.tokenizer.decode(
                    said, skip_special_tokens=True, clean_up_tokenization_spaces=False
                ).strip()
    return texts


def _try(
    answering: Answering,
    found: Sequence[tuple[Clip, Story]],
    clips: Sequence[Clip],
    rng: np.random.Generator,
    questions: Scenes,
    scenes: Scenes,
) -> tuple[list[Trial], Trial]:
    """Every learning rate from the same start; the network is left as the best one made it."""
    network = answering.network
    kept = _kept_tasks(answering, rng, questions, scenes)
    start = _lora(network)
    states, trials = [], []
    for rate in tqdm((0.0, *LEARNING_RATES), desc="salmonn-activation", mininterval=5):
        _set_lora(network, start)
        updates = update(answering, found, rate) if rate else ()
        states.append(_lora(network))
        _set_lora(network, states[-1])  # in float16, as it will be shipped
        told = _compare(answering, clips, None)
        losses = {task: _loss(answering, heard, pairs) for task, (heard, pairs) in kept.items()}
        trials.append(
            Trial(rate, told.stories / told.texts, told.true_stories / told.texts, losses, tuple(updates))
        )
    best = chosen(trials)
    _set_lora(network, states[trials.index(best)])
    return trials, best


def chosen(trials: Sequence[Trial]) -> Trial:
    """The trial with the most true stories, less what the loss on the kept tasks rose; the first is before.

    A loss that rises by a tenth costs as much as a fifth of all stories (`PRICE`); among equals the lowest
    learning rate wins.
    """
    before = sum(trials[0].losses.values())
    return max(
        trials,
        key=lambda trial: (
            trial.true_stories - PRICE * max(0.0, sum(trial.losses.values()) / before - 1),
            -trial.learning_rate,
        ),
    )


def update(answering: Answering, found: Sequence[tuple[Clip, Story]], rate: float) -> list[float]:
    """A dozen updates of one story each on LoRA alone, at the trained scaling; the losses before each."""
    network = answering.network
    lora = [parameter.requires_grad_() for name, parameter in network.named_parameters() if ".lora_" in name]
    optimiser = torch.optim.AdamW(lora, lr=rate, betas=(0.9, 0.98), weight_decay=0.0)
    losses = []
    for step in range(UPDATES):
        clip, story = found[step % len(found)]
        pair = story.instruction, story.text
        loss = text_loss(network, answering.tokenizer, clip.tokens[None], [pair])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    for parameter in lora:
        parameter.requires_grad_(False)
    return losses


def _kept_tasks(
    answering: Answering, rng: np.random.Generator, questions: Scenes, scenes: Scenes
) -> dict[str, tuple[Tensor, list[Pair]]]:
    """Of each task that must not be lost: audio tokens of training clips, instructions and answers."""
    tasks: dict[str, tuple[Tensor, list[Pair]]] = {}

    def caption(clip: Clip) -> Pair:
        return DESCRIBE[0], scenes.captions(clip.number)[0]

    def transcript(clip: Clip) -> Pair:
        return TRANSCRIBE[0], said_in(clip.scene) or ""

    def answer(clip: Clip) -> Pair:
        named = clip.scene.answer or ""
        return ANSWER_SPEAKER[0], class_named(named).noun_phrase if named in NAMES else named

    wanted: tuple[tuple[str, Scenes, Callable[[Scene], bool], Callable[[Clip], Pair]], ...] = (
        ("caption", scenes, lambda scene: scene.kind in ("single", "sequence", "overlap"), caption),
        ("transcript", questions, lambda scene: scene.speech is not None, transcript),
        ("answer", questions, lambda scene: scene.answer is not None, answer),
    )
    for task, sounds, fits, pair in wanted:
        drawn = _drawn(answering, rng, sounds, fits)
        clips = [clip for _, clip in zip(range(TRIED), drawn, strict=False)]
        tasks[task] = torch.stack([clip.tokens for clip in clips]), [pair(clip) for clip in clips]
    return tasks


@torch.no_grad()
def _loss(answering: Answering, heard: Tensor, pairs: list[Pair]) -> float:
    return text_loss(answering.network, answering.tokenizer, heard, pairs).item()


def _lora(network: nn.Module) -> dict[str, Tensor]:
    """LoRA under its published names, float16 copies."""
    return {
        name: tensor.detach().half().clone().contiguous()
        for name, tensor in adapter_tensors(network).items()
        if ".lora_" in name
    }


@torch.no_grad()
def _set_lora(network: nn.Module, lora: Mapping[str, Tensor]) -> None:
    held = adapter_tensors(network)
    for name, tensor in lora.items():
        held[name].copy_(tensor)


def _replace(path: Path, tensors: dict[str, Tensor]) -> None:
    """Write beside, then rename: a cut never leaves half a file."""
    beside = path.with_suffix(".tmp")
    save_file(tensors, beside)
    beside.replace(path)
