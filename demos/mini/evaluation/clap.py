"""CLAP: which class sounds, which clip a caption is of, and whether the order of a caption is heard."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demos.engine import Request
from demos.mini.evaluation.details import Failure, Outcome, Sizes, confusions, shares_by_class
from demos.mini.evaluation.figures import figure
from demos.mini.evaluation.held_out import HeldOut
from demos.mini.evaluation.listening import Ears, Listeners
from demos.mini.world.language import captions, labels_caption, order_pair
from demos.mini.world.taxonomy import NAMES

BANK = {labels_caption(name)[0]: name for name in NAMES}
"""One caption for each class, and the class."""


def clap(listeners: Listeners, sizes: Sizes) -> Outcome:
    """All figures of CLAP."""
    single, several = _single_events(listeners, sizes), _retrieval(listeners, sizes)
    return Outcome(single.figures + several.figures, single.failures + several.failures, single.report)


@dataclass(frozen=True)
class _Named:
    clip: HeldOut
    best: tuple[str, ...]  # five classes
    margin: float  # cosine of the best above that of the true one

    @property
    def truth(self) -> str:
        return self.clip.scene.names[0]


def name_event(ears: Ears, clip: HeldOut) -> _Named:
    """The classes whose captions fit a single event best."""
    (heard,) = ears.hear(clip.samples(), Request("clap", bank=tuple(BANK)))
    cosines = {BANK[score.text]: score.cosine for score in heard.scores}
    best = tuple(cosines)[:5]
    return _Named(clip, best, cosines[best[0]] - cosines[clip.scene.names[0]])


def _single_events(listeners: Listeners, sizes: Sizes) -> Outcome:
    heard = listeners.map(name_event, "single", range(sizes.singles))
    right = [one.best[0] == one.truth for one in heard]
    return Outcome(
        figures=[
            figure(f"CLAP, zero-shot top-1 over all {len(NAMES)} classes", right, "≥ 0.90"),
            figure("… top-5", [one.truth in one.best for one in heard]),
        ],
        failures=[
            Failure.of("CLAP, zero-shot", one.clip, one.truth, one.best[0], one.margin)
            for one in heard
            if one.best[0] != one.truth
        ],
        report={
            "clap": {
                "top_1": shares_by_class((one.truth, one.best[0] == one.truth) for one in heard),
                "confusions": confusions((one.truth, one.best[0]) for one in heard),
            }
        },
    )


@dataclass(frozen=True)
class _Embedded:
    clip: HeldOut
    caption: str
    sound: NDArray[np.float32]
    text: NDArray[np.float32]
    order: tuple[tuple[str, float], tuple[str, float]] | None  # of a sequence: true and false, with cosines


def embed_scene(ears: Ears, clip: HeldOut) -> _Embedded:
    """A scene and a caption of it where CLAP puts them, and how it takes the order of a sequence."""
    rng = np.random.default_rng([9220, clip.number])
    caption = captions(clip.scene, rng)[0]
    sound = ears.embed(clip.samples())
    order = None
    if clip.scene.kind == "sequence":
        true, false = order_pair(clip.scene, rng)
        cosines = ears.embed_texts((true, false)) @ sound
        order = (true, float(cosines[0])), (false, float(cosines[1]))
    return _Embedded(clip, caption, sound, ears.embed_texts((caption,))[0], order)


def ranks(sounds: NDArray[np.float32], texts: NDArray[np.float32]) -> NDArray[np.int64]:
    """For each text how many other sounds fit it at least as well as its own, the one in the same row."""
    cosines = texts.astype(np.float64) @ sounds.astype(np.float64).T
    return (cosines >= np.diag(cosines)[:, None]).sum(1) - 1


def _retrieval(listeners: Listeners, sizes: Sizes) -> Outcome:
    heard = listeners.map(embed_scene, "several", range(sizes.retrieval))
    sounds, texts = np.stack([one.sound for one in heard]), np.stack([one.text for one in heard])
    rank = ranks(sounds, texts)
    first = np.argmax(texts @ sounds.T, axis=1)
    failures = [
        Failure.of("CLAP, caption → clip", one.clip, one.caption, heard[best].caption, place)
        for one, place, best in zip(heard, rank, first, strict=True)
        if place
    ]
    told = []
    for one in heard:
        if one.order is None:
            continue
        (true, right), (false, wrong) = one.order
        told.append(right > wrong)
        if not told[-1]:
            failures.append(Failure.of("CLAP, order", one.clip, true, false, wrong - right))
    of_scenes = f"of {len(heard):,} scenes of two to four events"
    return Outcome(
        figures=[
            figure(
                f"CLAP, caption → clip recall@1, only its own clip {of_scenes} being right",
                list(rank < 1),
                "≥ 0.50",
            ),
            figure("… recall@10", list(rank < 10), "≥ 0.90"),
            figure("CLAP, order-swapped captions told apart (chance 0.500)", told, "≥ 0.85"),
        ],
        failures=failures,
    )
