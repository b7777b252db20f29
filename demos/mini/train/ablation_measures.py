"""What a short training is measured by: small held-out sets, one pair of numbers for each item.

The clips are the evaluation's. A pair is a score's numerator and denominator, so that the same items can be
compared between two trainings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from whisper.audio import log_mel_spectrogram
from whisper.decoding import DecodingOptions, decode

from demos.engine import Request
from demos.mini.evaluation.captions import f1_counts
from demos.mini.evaluation.clap import embed_scene, name_event
from demos.mini.evaluation.figures import RESAMPLES
from demos.mini.evaluation.held_out import HeldOut, draw
from demos.mini.evaluation.listening import Ears
from demos.mini.evaluation.salmonn import ANSWER_SPEAKER
from demos.mini.evaluation.transcripts import word_errors
from demos.mini.train.beats import PATCH, classes_by_step, trained
from demos.mini.train.sounds import SAMPLE_RATE
from demos.mini.train.whisper import SHORT_SECONDS, sliced_positions
from demos.mini.world.language import events_in
from demos.mini.world.taxonomy import NAMES
from demos.whisper.checkpoint import read_whisper

Pairs = list[tuple[float, float]]
"""Numerator and denominator of a score for each item."""

LEAD = 0.25  # seconds before a sentence that a window begins


@dataclass(frozen=True)
class Sizes:
    """How many clips each measure hears."""

    singles: int = 222  # three of each class
    orders: int = 150
    sentences: int = 100  # of held-out voices, and as many of flite
    covered: int = 148
    questions: int = 148  # two of each class


def clap(weights: Path, sizes: Sizes) -> dict[str, Pairs]:
    """Whether single events are named, and order-swapped captions told apart, by the page's engine."""
    ears = Ears(weights)
    named = [name_event(ears, draw("single", number)) for number in range(sizes.singles)]
    told = [embed_scene(ears, draw("sequence", number)).order for number in range(sizes.orders)]
    return {
        "label, top-1": [_right(one.best[0] == one.truth) for one in named],
        "label, top-5": [_right(one.truth in one.best) for one in named],
        "order-swapped captions told apart": [_right(o[0][1] > o[1][1]) for o in told if o is not None],
    }


def whisper(weights: Path, sizes: Sizes) -> dict[str, Pairs]:
    """Word errors in windows as long as those of the short phase, which alone is trained here."""
    network = read_whisper(weights / "whisper.pt")
    options = DecodingOptions(language="en", without_timestamps=True, fp16=False)
    found: dict[str, Pairs] = {}
    for kind, title in (("speech", "held-out voices"), ("flite", "flite")):
        windows, truths = zip(*_sentences(kind, sizes.sentences), strict=True)
        said: list[str] = []
        for start in range(0, len(windows), 16):
            mel = log_mel_spectrogram(torch.from_numpy(np.stack(windows[start : start + 16])))
            with torch.no_grad(), sliced_positions(network.encoder, SHORT_SECONDS):
                results = decode(network, mel, options)
            assert isinstance(results, list)
            said += [one.text for one in results]
        found[f"word error rate, {title}"] = [
            word_errors(truth, text) for truth, text in zip(truths, said, strict=True)
        ]
    return found


def _sentences(kind: str, wanted: int) -> Iterator[tuple[NDArray[np.float32], str]]:
    """Windows of the first clips whose sentence fits into one, and what is said there."""
    length = round(SHORT_SECONDS * SAMPLE_RATE)
    for number in count():
        if wanted == 0:
            return
        clip = draw(kind, number)
        speech = clip.scene.speech
        assert speech is not None
        if speech.offset - speech.onset > SHORT_SECONDS - LEAD:
            continue
        first = round(max(0.0, speech.onset - LEAD) * SAMPLE_RATE)
        sound = clip.samples()[first : first + length]
        yield np.pad(sound, (0, length - len(sound))), speech.utterance.sentence.text
        wanted -= 1


def beats(weights: Path, sizes: Sizes) -> dict[str, Pairs]:
    """How well sounds are tagged beneath speech: where they are, and whether they are there at all."""
    network = trained(weights)
    predictor = network.predictor
    assert predictor is not None
    timed: Pairs = []
    whole: Pairs = []
    for number in range(sizes.covered):
        clip = draw("speech_over", number)
        fbank = network.fbank(torch.from_numpy(clip.samples())[None], dtype=torch.float32)
        with torch.no_grad():
            logits = predictor(network.mean_over_frequency(network.encode(fbank)[0]))[0].numpy()
        truth = classes_by_step(clip.scene, np.arange(len(logits) * PATCH))
        timed.append((average_precision(logits, truth), 1.0))
        heard = {NAMES[column] for column in np.flatnonzero(logits.max(0) > 0)}
        whole.append(f1_counts(set(clip.scene.names), heard))
    return {"average precision of tags by step, under speech": timed, "event F1, under speech": whole}


def average_precision(logits: NDArray[np.float32], truth: NDArray[np.float32]) -> float:
    """The mean over steps in which something sounds of the average precision of the classes' order there.

    `logits` and `truth` are [steps, classes]; 0 where nothing ever sounds.
    """
    found = []
    for scores, there in zip(logits, truth > 0, strict=True):
        if there.any():
            hits = there[np.argsort(-scores, kind="stable")]
            precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
            found.append(float(precision[hits].mean()))
    return float(np.mean(found)) if found else 0.0


def salmonn(weights: Path, sizes: Sizes) -> dict[str, Pairs]:
    """Whether spoken questions about the background are answered, by the page's engine."""
    ears = Ears(weights)
    asked = Request("salmonn", instruction=ANSWER_SPEAKER)
    right = []
    for number in range(sizes.questions):
        clip: HeldOut = draw("question", number)
        (answer,) = ears.hear(clip.samples(), asked)
        right.append(_right(events_in(answer.text) == [clip.scene.answer]))
    return {"spoken questions answered": right}


def change(reference: Pairs, without: Pairs) -> tuple[float, float, float]:
    """By how much a score is other where a choice is left out, with its paired 95 % bootstrap interval.

    Both were measured on the same items, which are drawn together.
    """
    first, second = np.asarray(reference, np.float64), np.asarray(without, np.float64)
    if first.shape != second.shape:
        raise ValueError("The two trainings were measured on other items.")
    rows = np.random.default_rng(7).integers(0, len(first), (RESAMPLES, len(first)))
    apart = _ratios(second[rows].sum(1)) - _ratios(first[rows].sum(1))
    low, high = np.percentile(apart, [2.5, 97.5])
    value = _ratios(second.sum(0)) - _ratios(first.sum(0))
    return float(value), float(low), float(high)


def _ratios(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    return sums[..., 0] / np.maximum(sums[..., 1], 1e-12)


def _right(whether: bool) -> tuple[float, float]:
    return float(whether), 1.0
