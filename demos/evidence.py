"""Evidence beside every word: which sounds a text speaks of, and how well CLAP finds each in the clip.

The sounds are found with the lexicon of the mini suite's world, and where that knows none in a part of the
text, the part itself is asked for; parts are taken apart by `demos.claims`. No library of natural language is
used: those that are kept well need models that have to be downloaded. A score says little by itself, so a
suite may bring a calibration: how likely a sound with such a score is there. CLAP and Pengi may share their
ear, HTSAT; then what one mishears the other may mishear too, and evidence of one for the other counts for
less.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from demos.catalog import CatalogError, default_bank
from demos.claims import split
from demos.mini.world.language import labels_caption, mentions_in
from demos.systems import Work

_FRAME = re.compile(
    r"(?:(?:this|that|it|there) (?:is|are|was)|(?:you|i|we) can hear|i hear|a recording of|the sounds? of|"
    r"sounds? of|first|finally|last|of|followed by|and|then)\s+"
)
_ANSWERS = ("yes", "no", "nothing", "silence", "none", "loud", "quiet", "high", "low", "near", "man", "woman")
_COUNTS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "once", "twice")
_NO_SOUND = frozenset((*_ANSWERS, *_COUNTS))


@dataclass(frozen=True)
class Claim:
    """A sound that a text speaks of: from character `start` to `stop`; `texts` are put to CLAP together.

    `known` says whether the lexicon knows it: a calibration is of such sounds alone.
    """

    start: int
    stop: int
    texts: tuple[str, ...]
    known: bool = True


@dataclass(frozen=True)
class Calibration:
    """How likely a sound is there, by its cosine and by its standing among all labels of the suite.

    The logistic of cosine · `cosine` + standing · `standing` + `bias`; below `threshold` it is doubtful.
    """

    cosine: float
    standing: float
    bias: float
    threshold: float

    @classmethod
    def read(cls, path: Path) -> Calibration:
        """From a JSON file. Raises CatalogError where it is damaged."""
        try:
            return cls(**{name: float(value) for name, value in json.loads(path.read_text("utf-8")).items()})
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise CatalogError(f"The calibration {path.name} cannot be read. Restore it.") from error

    def write(self, path: Path) -> None:
        """As JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", "utf-8")

    def chance(self, cosine: float, standing: float) -> float:
        """How likely the sound is there, 0..1."""
        return 1 / (1 + math.exp(-(self.cosine * cosine + self.standing * standing + self.bias)))


@dataclass(frozen=True)
class Evidence:
    """What CLAP makes of a claim in the window that fits it best.

    `cosine` −1..1; `standing` is that cosine in deviations from the mean over all labels of the suite in the
    same window; `start` and `stop` are the window, seconds of the clip. `chance` is None, and nothing
    doubtful, where the suite has no calibration or the lexicon does not know the sound.
    """

    claim: Claim
    cosine: float
    standing: float
    start: float
    stop: float
    chance: float | None
    doubtful: bool


def claims(text: str) -> list[Claim]:
    """The sounds that a caption or answer speaks of; none in “yes”, numbers and the like."""
    lower = text.lower()
    if len(lower) != len(text):  # some letters have no lower case of the same length
        lower = text
    return [claim for part in split(text) or ((0, len(text)),) for claim in _claims_of(lower, *part)]


def _claims_of(text: str, start: int, stop: int) -> Iterator[Claim]:
    while start < stop and not text[start].isalnum():
        start += 1
    while stop > start and not text[stop - 1].isalnum():
        stop -= 1
    while frame := _FRAME.match(text, start, stop):
        start = frame.end()
    found = mentions_in(text[start:stop])
    for at, end, name in found:
        whole = (start, stop) if len(found) == 1 else (start + at, start + end)
        yield Claim(*whole, tuple(labels_caption(name)))
    words = text[start:stop].split()
    if not found and any(word.strip(".,;:!?") not in _NO_SOUND for word in words):
        yield Claim(start, stop, (text[start:stop],), known=False)


def evidence(work: Work, text: str, calibration: Calibration | None) -> list[Evidence]:
    """How well CLAP finds what a text speaks of; `work` is a question to CLAP, whose window is heard."""
    found = claims(text)
    if not found:
        return []
    view = work.view()
    retrieval = work.networks.retrieval(work.model)
    embedded = retrieval.embed_latent(work.latent(view))  # [windows, d]
    work.check()
    rate = retrieval.sample_rate
    windows = retrieval.windows(len(work.samples(view)))
    bank = (embedded @ retrieval.embed_texts(default_bank()).T).double().cpu().numpy()
    made = []
    for claim in found:
        cosines = (embedded @ retrieval.embed_texts(claim.texts).T).mean(1).double().cpu().numpy()
        best = int(cosines.argmax())
        cosine, standing = float(cosines[best]), _standing(float(cosines[best]), bank[best])
        chance = None if calibration is None or not claim.known else calibration.chance(cosine, standing)
        doubtful = calibration is not None and chance is not None and chance < calibration.threshold
        start, stop = windows[best].start / rate, windows[best].stop / rate
        made.append(
            Evidence(
                claim,
                cosine,
                standing,
                view.start + start,
                min(view.start + stop, view.stop),
                chance,
                doubtful,
            )
        )
    return made


def _standing(cosine: float, others: np.ndarray) -> float:
    return (cosine - float(others.mean())) / max(float(others.std()), 1e-6)


def fitted(features: Sequence[tuple[float, float]], there: Sequence[bool]) -> Calibration:
    """The calibration that makes so many (cosine, standing) with their truths most likely.

    Logistic regression with a slight pull to zero, by Newton's method; the threshold is the one at which
    “doubtful” has the best F1 for what is not there. Raises ValueError where all are there, or none.
    """
    truth = np.asarray(there, np.float64)
    if truth.min() == truth.max():
        raise ValueError("A calibration needs sounds that are there and sounds that are not.")
    values = np.column_stack([np.asarray(features, np.float64), np.ones(len(truth))])
    weights = np.zeros(3)
    for _ in range(50):
        chance = 1 / (1 + np.exp(-values @ weights))
        gradient = values.T @ (truth - chance) - 1e-3 * weights
        curvature = (values * (chance * (1 - chance))[:, None]).T @ values + 1e-3 * np.eye(3)
        weights += np.linalg.solve(curvature, gradient)
    chance = 1 / (1 + np.exp(-values @ weights))

    def f1(threshold: float) -> float:
        doubtful = chance < threshold
        return 2 * float((doubtful & (truth == 0)).sum()) / float(doubtful.sum() + (truth == 0).sum())

    threshold = max(np.linspace(0.02, 0.98, 97).tolist(), key=f1)
    return Calibration(*(round(float(one), 4) for one in (*weights, threshold)))
