"""What the layers of the self-supervised trio know of the held-out world, and whether the speaker model errs.

A linear probe on each layer, averaged over time: the class of a single event, the voice of an utterance, the
words in it. Probes are fitted by ridge regression in closed form. The layer reported is the one that does
best in leave-one-out on the sounds that the probe was fitted on, never on those that it is judged by. Beside
the layers stands what the cepstra alone give, and what a network of the same shape gives that was never
trained: only what goes beyond both was learned. The speaker model is judged by its equal error rate over
pairs of utterances of voices that it never heard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm
from transformers import (
    Data2VecAudioModel,
    HubertModel,
    PreTrainedModel,
    Wav2Vec2ForPreTraining,
    WavLMForXVector,
)

from demos.catalog import MINI_WEIGHTS
from demos.mini.evaluation.details import Outcome, Sizes
from demos.mini.evaluation.figures import RESAMPLES, Figure, figure
from demos.mini.evaluation.listening import THREADS, Listeners
from demos.mini.train.hubert import mfcc
from demos.mini.train.self_supervised import normalised, states
from demos.mini.world import grammar, scenes, speech
from demos.mini.world.ranges import Ranges
from demos.mini.world.taxonomy import NAMES

TRIO: dict[str, tuple[str, type[PreTrainedModel]]] = {
    "wav2vec2": ("wav2vec 2.0", Wav2Vec2ForPreTraining),
    "hubert": ("HuBERT", HubertModel),
    "data2vec": ("data2vec-audio", Data2VecAudioModel),
}
"""Folder below the weights, name in the table, class."""

UNTRAINED = "Untrained network"
WORDS = 30  # told by their presence
LONGEST = 8.0  # seconds of a sound that are heard

Describe = Callable[[Tensor], list[Tensor]]  # normalised samples [1, samples] to layers of [1, steps, values]
Vectors = NDArray[np.float64]


@dataclass(frozen=True)
class Problem:
    """A question for probes: sounds with answers [sounds, answers] of 0 and 1, to fit on and to judge by."""

    name: str
    chance: float
    fitted: Sequence[NDArray[np.float32]]
    fitted_answers: Vectors
    judged: Sequence[NDArray[np.float32]]
    judged_answers: Vectors
    one_of_many: bool  # exactly one answer is right; otherwise each is there or not


@dataclass(frozen=True)
class LayerScore:
    """How well a probe of one layer does: a mean over the judged sounds, and leave-one-out on the fitted."""

    layer: int
    left_out: float
    scores: Vectors


def layers(listeners: Listeners, sizes: Sizes) -> Outcome:
    """The figures of those of the four models that are there: the app does without them."""
    weights = listeners.weights or MINI_WEIGHTS
    threads = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    try:
        figures, by_layer = trio(weights, sizes)
        if _there(weights, "speaker"):
            figures += speaker(weights, sizes.utterances_per_voice)
    finally:
        torch.set_num_threads(threads)
    return Outcome(figures, report={"layers": by_layer} if by_layer else {})


def _there(weights: Path, folder: str) -> bool:
    return (weights / folder / "model.safetensors").exists()


def event_classes(per_fitted: int, per_judged: int) -> Problem:
    """Which class a single event is of: so many of each class in training ranges and in held-out ones."""
    fitted, fitted_names = _single_events(9101, "train", per_fitted)
    judged, judged_names = _single_events(9102, "heldout", per_judged)
    return Problem(
        f"class of a single event, of {len(NAMES)}",
        1 / len(NAMES),
        fitted,
        _one_hot([NAMES.index(name) for name in fitted_names], len(NAMES)),
        judged,
        _one_hot([NAMES.index(name) for name in judged_names], len(NAMES)),
        one_of_many=True,
    )


def _single_events(seed: int, split: Ranges, per_class: int) -> tuple[list[NDArray[np.float32]], list[str]]:
    rng = np.random.default_rng(seed)
    missing = dict.fromkeys(NAMES, per_class)
    sounds, names = [], []
    while any(missing.values()):
        scene = scenes.make_scene(rng, split, "single")
        name = scene.names[0]
        if missing[name]:
            missing[name] -= 1
            sounds.append(scenes.render(scene))
            names.append(name)
    return sounds, names


def held_out_voices(per_voice: int) -> tuple[list[NDArray[np.float32]], list[int]]:
    """So many utterances in each voice that training never heard, and the number of each one's voice."""
    rng = np.random.default_rng(9103)
    chosen = speech.voices("heldout")
    sounds, voices = [], []
    for number, voice in enumerate(chosen):
        for _ in range(per_voice):
            drawn = speech.sample_utterance(rng, grammar.sample_sentence(rng), "heldout")
            sounds.append(
                speech.speak(speech.Utterance(drawn.sentence, voice, drawn.speed, drawn.pitch)).samples
            )
            voices.append(number)
    return sounds, voices


def voices(per_voice: int) -> Problem:
    """Which held-out voice speaks: fitted on every second of its utterances, judged by the others."""
    sounds, numbers = held_out_voices(per_voice)
    answers = _one_hot(numbers, max(numbers) + 1)
    return Problem(
        f"voice of an utterance, of {answers.shape[1]} held-out ones",
        1 / answers.shape[1],
        sounds[::2],
        answers[::2],
        sounds[1::2],
        answers[1::2],
        one_of_many=True,
    )


def words(utterances: int, count: int = WORDS) -> Problem:
    """Which words an utterance has: fitted on training voices, judged by held-out ones."""
    rng = np.random.default_rng(9104)
    fitted = [_utterance(rng, "train") for _ in range(utterances)]
    judged = [_utterance(rng, "heldout") for _ in range(utterances // 2)]
    # The commonest that are not in every second sentence: both answers are common enough to be learned.
    shares = {
        word: np.mean([word in text.split() for _, text in fitted])
        for word in sorted({word for _, text in fitted for word in text.split()})
    }
    asked = sorted((word for word in shares if shares[word] <= 0.5), key=lambda word: -shares[word])[:count]

    def answers(spoken: Sequence[tuple[NDArray[np.float32], str]]) -> Vectors:
        return np.array([[word in text.split() for word in asked] for _, text in spoken], np.float64)

    return Problem(
        f"whether each of {len(asked)} words is in an utterance (balanced accuracy)",
        0.5,
        [sound for sound, _ in fitted],
        answers(fitted),
        [sound for sound, _ in judged],
        answers(judged),
        one_of_many=False,
    )


def _utterance(rng: np.random.Generator, split: Ranges) -> tuple[NDArray[np.float32], str]:
    spoken = speech.speak(speech.sample_utterance(rng, grammar.sample_sentence(rng), split))
    return spoken.samples, spoken.utterance.sentence.text


def _one_hot(numbers: Sequence[int], count: int) -> Vectors:
    return np.eye(count)[np.asarray(numbers)]


@torch.no_grad()
def pooled(describe: Describe, sounds: Sequence[NDArray[np.float32]]) -> list[Vectors]:
    """For each layer the mean over time of what it makes of each sound: [sounds, values]."""
    rows: list[list[Vectors]] = []
    for sound in sounds:
        heard = torch.from_numpy(normalised(sound[: int(LONGEST * 16_000)]))[None]
        rows.append([layer[0].mean(0).double().numpy() for layer in describe(heard)])
    return [np.stack(layer) for layer in zip(*rows, strict=True)]


def cepstra(sound: Tensor) -> list[Tensor]:
    """The floor of all probes: cepstra, and their squares, which tell how they vary."""
    values = mfcc(sound)
    return [torch.cat([values, values.square()], 2)]


def probe(fitted: Vectors, answers: Vectors, judged: Vectors, one_of_many: bool) -> tuple[Vectors, Vectors]:
    """Ridge regression: what it says of each fitted vector when that one is left out, and of those judged.

    Vectors are scaled by the fitted ones; the ridge is the one of seven that is right most often in
    leave-one-out, because the squared error of many rare answers would favour saying nothing.
    """
    mean, deviation = fitted.mean(0), fitted.std(0) + 1e-6
    known, asked = (fitted - mean) / deviation, (judged - mean) / deviation
    middle = answers.mean(0)
    left, singular, right = np.linalg.svd(known, full_matrices=False)
    best: tuple[float, Vectors, Vectors] | None = None
    for ridge in np.logspace(-2, 4, 7):
        shrink = singular**2 / (singular**2 + ridge)
        said = left @ (shrink[:, None] * (left.T @ (answers - middle)))
        # A sound left out takes its share of the mean along. The mean answer is put back: without a sound of
        # its own class it would speak against that class.
        kept = np.maximum(1 - np.square(left) @ shrink - 1 / len(fitted), 1e-9)[:, None]
        left_out = answers - (answers - middle - said) / kept + (answers - middle) / (len(fitted) - 1)
        right_share = float(rightness(left_out, answers, one_of_many, middle).mean())
        if best is None or right_share >= best[0]:
            weights = right.T @ (
                (shrink / np.maximum(singular, 1e-9))[:, None] * (left.T @ (answers - middle))
            )
            best = (right_share, left_out, asked @ weights + middle)
    assert best is not None
    return best[1], best[2]


def rightness(said: Vectors, answers: Vectors, one_of_many: bool, threshold: Vectors) -> Vectors:
    """A score for each sound whose mean is the accuracy or, of several answers, the balanced accuracy."""
    if one_of_many:
        return (said.argmax(1) == answers.argmax(1)).astype(np.float64)
    right = (said > threshold) == (answers > 0.5)
    share = answers.mean(0)
    usable = (share > 0) & (share < 1)  # balanced accuracy needs both
    weight = np.where(answers > 0.5, 1 / np.maximum(share, 1e-9), 1 / np.maximum(1 - share, 1e-9)) / 2
    return (right * weight)[:, usable].mean(1)


def layer_scores(problem: Problem, describe: Describe) -> list[LayerScore]:
    """How well each layer answers a problem, from what enters the transformer upwards."""
    known = pooled(describe, problem.fitted)
    asked = pooled(describe, problem.judged)
    scores = []
    for layer, (fitted, judged) in enumerate(zip(known, asked, strict=True)):
        left_out, said = probe(fitted, problem.fitted_answers, judged, problem.one_of_many)
        middle = problem.fitted_answers.mean(0)
        kept = rightness(left_out, problem.fitted_answers, problem.one_of_many, middle)
        judged_scores = rightness(said, problem.judged_answers, problem.one_of_many, middle)
        scores.append(LayerScore(layer, float(kept.mean()), judged_scores))
    return scores


def best_layer(scores: Sequence[LayerScore]) -> LayerScore:
    """The layer that does best on what it was fitted on, each sound left out in turn."""
    return max(scores, key=lambda score: score.left_out)


def trio(weights: Path, sizes: Sizes) -> tuple[list[Figure], dict[str, dict[str, list[float]]]]:
    """For each problem what cepstra, an untrained network and those of the trio that are there give.

    Each network by its best layer; the untrained one has the shape of the first that is there. Then, by
    problem and network, the values of all layers, from what enters the transformer upwards.
    """
    here = {folder: of for folder, of in TRIO.items() if _there(weights, folder)}
    figures: list[Figure] = []
    by_layer: dict[str, dict[str, list[float]]] = {}
    if not here:
        return figures, by_layer
    first = next(iter(here))
    hearing: dict[str, Describe] = {
        "Cepstra alone": cepstra,
        UNTRAINED: partial(states, _untrained(here[first][1], weights / first).base_model),
    }
    hearing |= {
        name: partial(states, _loaded(of, weights / folder).base_model) for folder, (name, of) in here.items()
    }
    makers: tuple[Callable[[], Problem], ...] = (
        partial(event_classes, sizes.fitted_per_class, sizes.judged_per_class),
        partial(voices, sizes.utterances_per_voice),
        partial(words, sizes.utterances),
    )
    for make in makers:
        problem = make()
        values = by_layer[problem.name] = {}
        for name, describe in tqdm(hearing.items(), desc=problem.name):
            found = layer_scores(problem, describe)
            best = best_layer(found)
            title = (
                f"{name}, {problem.name}; chance {problem.chance:.3f}"
                if describe is cepstra
                else f"{name}, the same from layer {best.layer}"
            )
            figures.append(figure(title, list(best.scores)))
            values[name] = [round(float(score.scores.mean()), 3) for score in found]
    return figures, by_layer


def _loaded(of: type[PreTrainedModel], folder: Path) -> PreTrainedModel:
    return of.from_pretrained(folder, dtype=torch.float32).eval()


def _untrained(of: type[PreTrainedModel], folder: Path) -> PreTrainedModel:
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(9105)
        return of(of.config_class.from_pretrained(folder)).eval()


def equal_error_rate(same: Vectors, different: Vectors) -> float:
    """The share of errors at the threshold where as many true pairs are missed as false ones accepted."""
    values = np.concatenate([same, different])
    order = np.argsort(values, kind="stable")
    true = np.concatenate([np.ones(len(same)), np.zeros(len(different))])[order]
    missed = np.cumsum(true) / len(same)
    accepted = 1 - np.cumsum(1 - true) / len(different)
    at = int(np.argmin(np.abs(missed - accepted)))
    return float((missed[at] + accepted[at]) / 2)


def verification(vectors: Vectors, numbers: NDArray[np.int64]) -> tuple[float, float, float, int]:
    """Equal error rate over all pairs of vectors, its 95 % interval, and how many pairs.

    The interval is of a bootstrap of utterances within each voice: pairs share utterances and are not drawn
    alone. It says nothing of other voices than these.
    """
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = unit @ unit.T
    rows, columns = np.triu_indices(len(unit), 1)

    def rate(chosen: NDArray[np.int64]) -> float:
        one, other = chosen[rows], chosen[columns]
        pairs = one != other  # an utterance drawn twice is no pair
        together = numbers[one[pairs]] == numbers[other[pairs]]
        values = cosines[one[pairs], other[pairs]]
        return equal_error_rate(values[together], values[~together])

    rng = np.random.default_rng(7)
    members = [np.flatnonzero(numbers == number) for number in np.unique(numbers)]
    resamples = RESAMPLES // 10  # each is of some twenty thousand pairs
    rates = [rate(np.concatenate([rng.choice(own, len(own)) for own in members])) for _ in range(resamples)]
    low, high = np.percentile(rates, [2.5, 97.5])
    return rate(np.arange(len(unit))), float(low), float(high), len(rows)


@torch.no_grad()
def speaker(weights: Path, per_voice: int) -> Iterator[Figure]:
    """The equal error rate of the speaker model over pairs of utterances in held-out voices."""
    model = _loaded(WavLMForXVector, weights / "speaker")
    sounds, numbers = held_out_voices(per_voice)
    heard = [torch.from_numpy(normalised(sound))[None] for sound in sounds]
    vectors = np.concatenate([model(one).embeddings.double().numpy() for one in tqdm(heard, desc="speakers")])
    value, low, high, pairs = verification(vectors, np.array(numbers))
    count = max(numbers) + 1
    yield Figure(
        f"Speaker model, equal error rate over pairs of {count} held-out voices", value, low, high, pairs, ""
    )
    known = [
        np.concatenate([layer[0].mean(0), layer[0].std(0)])
        for one in heard
        for layer in [mfcc(one).double().numpy()]
    ]
    scaled = np.stack(known)
    scaled = (scaled - scaled.mean(0)) / (scaled.std(0) + 1e-6)
    value, low, high, pairs = verification(scaled, np.array(numbers))
    yield Figure("… by mean and deviation of cepstra instead", value, low, high, pairs, "")
