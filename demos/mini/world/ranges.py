"""Parameter ranges as data, split so that evaluation hears values training never drew.

Every random parameter of an event, a room or a microphone is declared as a `Span`. Training draws
from the inner part of the span; the held-out split draws from its two outer ends alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

import numpy as np

Ranges = Literal["train", "heldout"]
Parameters = dict[str, float]

HELD_OUT_SHARE = 0.15
"""Share of every span that only the held-out split draws from, half of it at each end."""

_NEAR = 0.1
"""How far from a held-out end a value may lie to be unusual, of the span."""


_share_unusual: ContextVar[float] = ContextVar("share_unusual", default=0.0)


@contextmanager
def unusual(share: float) -> Iterator[None]:
    """Within it, this share of the sounds, rooms and microphones of training is unusual in all at once.

    All values that the held-out split draws for one sound lie at the ends of their spans. Drawn one by one,
    training hardly ever comes near such a corner.
    """
    before = _share_unusual.set(share)
    try:
        yield
    finally:
        _share_unusual.reset(before)


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

    def near_an_end(self, rng: np.random.Generator) -> float:
        """A value that training may draw, from the tenth of the span next to either held-out end."""
        position = HELD_OUT_SHARE / 2 + _NEAR * float(rng.random())
        return self.value(position if rng.random() < 0.5 else 1 - position)

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
    """One value for each named span, in the order of the mapping.

    Within `unusual`, some of what training draws takes every value near an end of its span.
    """
    if ranges == "train" and _share_unusual.get() and rng.random() < _share_unusual.get():
        return {name: span.near_an_end(rng) for name, span in spans.items()}
    return {name: span.draw(rng, ranges) for name, span in spans.items()}
