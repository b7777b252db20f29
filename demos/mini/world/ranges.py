"""Parameter ranges as data, split so that evaluation hears values training never drew.

Every random parameter of an event, a room or a microphone is declared as a `Span`. Training draws
from the inner part of the span; the held-out split draws from its two outer ends alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

Ranges = Literal["train", "heldout"]
Parameters = dict[str, float]

HELD_OUT_SHARE = 0.15
"""Share of every span that only the held-out split draws from, half of it at each end."""


@dataclass(frozen=True)
class Span:
    """An interval of one parameter, `low` < `high`; `log` spans are drawn evenly in octaves."""

    low: float
    high: float
    log: bool = False

    def draw(self, rng: np.random.Generator, ranges: Ranges) -> float:
        """One value: from the inner 85 % for "train", from the outer ends for "heldout".

        Training draws more often near its own ends (the arcsine distribution): a sound whose parameters are
        all unusual at once, as every held-out sound is, would otherwise hardly ever be met.
        """
        edge = HELD_OUT_SHARE / 2
        share = float(rng.random())
        if ranges == "train":
            position = edge + (1 - HELD_OUT_SHARE) * (0.5 - 0.5 * math.cos(math.pi * share))
        elif ranges == "heldout":
            position = HELD_OUT_SHARE * share
            if position >= edge:
                position += 1 - HELD_OUT_SHARE
        else:
            raise ValueError(f"Ranges are 'train' or 'heldout', not {ranges!r}.")
        return self.value(position)

    def value(self, position: float) -> float:
        """The value at a position in [0, 1] of the span."""
        if self.log:
            return self.low * (self.high / self.low) ** position
        return self.low + (self.high - self.low) * position

    def position(self, value: float) -> float:
        """Where in the span a value lies: 0 at `low`, 1 at `high`."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def in_training(self, value: float) -> bool:
        """Whether training could have drawn this value."""
        edge = HELD_OUT_SHARE / 2
        return edge <= self.position(value) <= 1 - edge


def draw_all(spans: Mapping[str, Span], rng: np.random.Generator, ranges: Ranges) -> Parameters:
    """One value for each named span, in the order of the mapping."""
    return {name: span.draw(rng, ranges) for name, span in spans.items()}
