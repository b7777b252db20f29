"""What the evidence beside Pengi's words is worth: does it doubt what Pengi made up, and that alone?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from demos.mini.evaluation.details import Outcome, Sizes
from demos.mini.evaluation.figures import ratio
from demos.mini.evaluation.held_out import HeldOut
from demos.mini.evaluation.listening import Ears, Listeners
from demos.mini.train.evidence import judged

BINS = 5

Judged = list[tuple[float, bool, bool]]  # chance, whether it is doubted, whether it is there


def judge(ears: Ears, clip: HeldOut) -> Judged:
    """Of each sound that Pengi names in a clip: how likely CLAP finds it, whether doubted, whether there."""
    assert clip.said is None  # scenes of events alone
    return [(one.chance or 0.0, one.doubtful, true) for one, true in judged(ears.engine, clip.scene)]


def evidence(listeners: Listeners, sizes: Sizes) -> Outcome:
    """Recall and precision of the doubt, and how far the chances are from what is there."""
    heard = listeners.map(judge, "mixed", range(sizes.mixed))
    named = sum(len(one) for one in heard)
    invented = sum(not there for one in heard for _, _, there in one)
    caught = [(sum(d and not t for _, d, t in one), sum(not t for _, _, t in one)) for one in heard]
    doubted = [(sum(d and not t for _, d, t in one), sum(d for _, d, _ in one)) for one in heard]
    return Outcome(
        figures=[
            ratio(
                f"Evidence: of the sounds that Pengi made up ({invented} of {named} named), those doubted",
                caught,
            ),
            ratio(f"… of those doubted, made up (of all named: {invented / max(named, 1):.3f})", doubted),
            ratio(
                f"… chances against what is there: mean difference over {BINS} bins",
                [_binned(one) for one in heard],
                "",
                _difference,
            ),
        ]
    )


def _binned(one: Judged) -> tuple[float, ...]:
    """For each bin of chances their sum, then for each how many are there, then how many there are in all."""
    chances, there = [0.0] * BINS, [0.0] * BINS
    for chance, _, true in one:
        place = min(BINS - 1, int(chance * BINS))
        chances[place] += chance
        there[place] += true
    return (*chances, *there, float(len(one)))


def _difference(sums: NDArray[np.float64]) -> float:
    """The expected calibration error (Naeini et al., AAAI 2015) of summed bins."""
    chances, there, count = sums[:BINS], sums[BINS : 2 * BINS], sums[-1]
    return float(np.abs(chances - there).sum() / count) if count else 0.0
