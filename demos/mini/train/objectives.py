"""What several stages learn from: which class it is that sounds, and how much of a step is made harder."""

from __future__ import annotations

import numpy as np
from torch import Tensor
from torch.nn import functional as F


def which_class(logits: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy of which class sounds rather than any other, where one does.

    `logits` and `truth` (0 or 1) [..., classes]; classes that sound together share the probability. Of 74
    answers one or two are yes: calling all of them rare is a long way to stay for binary cross-entropy, and
    this pulls from the first step on.
    """
    sounding = truth.sum(-1) > 0
    share = truth[sounding] / truth[sounding].sum(-1, keepdim=True)
    return F.cross_entropy(logits[sounding], share)


def share_changed(step: int, ramp: int, most: float = 1.0) -> float:
    """The share of sounds that a step changes: none until half of `ramp` steps, `most` after one and a half.

    Changed ones teach nothing at first, then as much as any.
    """
    return float(np.clip(step / ramp - 0.5, 0.0, most))
