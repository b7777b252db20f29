"""The layers of one encoder over the whole time that was heard, and the heatmaps made of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import numpy.typing as npt

from store.records import Heatmap

if TYPE_CHECKING:  # measuring needs torch, which the page is served before
    from demos.layers.attention import LayerEntropy
    from demos.layers.measures import Grid, Measures

Measure = Literal["rms", "change_from_below", "effective_rank", "attention_entropy"]
MEASURES: tuple[Measure, ...] = get_args(Measure)

SIGNIFICANT_DIGITS = 5  # of a value in a heatmap


@dataclass(frozen=True)
class Profile:
    """The measures of all layers over the time that was heard: float32 [layers, columns], no padding.

    `products` and `own_moments` are those of `Measures`, with all windows in the first dimension; column k is
    taken from window `windows[k]` and there from moment `places[k]` of `moments`.
    """

    seconds_per_column: float
    rms_layers: tuple[str, ...]
    rms: Grid
    change_layers: tuple[str, ...]
    change: Grid
    products: tuple[Grid, ...]
    own_moments: tuple[int, ...]
    windows: npt.NDArray[np.int64]
    places: npt.NDArray[np.int64]
    moments: int

    @property
    def nbytes(self) -> int:
        """Memory of the values."""
        return self.rms.nbytes + self.change.nbytes + sum(one.nbytes for one in self.products)

    def heatmap(self, encoder: str, measure: Measure) -> Heatmap:
        """One measure of the states (not of attention) as a record; `encoder` is the name shown."""
        if measure == "effective_rank":
            names, grid = self.rms_layers, self._ranks()
        elif measure == "rms":
            names, grid = self.rms_layers, self.rms
        else:
            names, grid = self.change_layers, self.change
        return _record(encoder, measure, names, self.seconds_per_column, grid)

    def _ranks(self) -> Grid:
        from demos.layers.measures import effective_ranks

        rows = []
        for products, own in zip(self.products, self.own_moments, strict=True):
            stretches = self.places * own // self.moments // products.shape[-1]
            rows.append(effective_ranks(products)[self.windows, stretches])
        return np.stack(rows)


@dataclass(frozen=True)
class AttentionProfile:
    """The attention entropy of all layers over the time that was heard: float32 [layers, columns], nats."""

    seconds_per_column: float
    layers: tuple[str, ...]
    entropy: Grid

    @property
    def nbytes(self) -> int:
        """Memory of the values."""
        return self.entropy.nbytes

    def heatmap(self, encoder: str) -> Heatmap:
        """As a record; `encoder` is the name shown."""
        return _record(encoder, "attention_entropy", self.layers, self.seconds_per_column, self.entropy)


def attention_profile(
    batches: Sequence[Sequence[LayerEntropy]], starts: Sequence[float], window: float, seconds: float
) -> AttentionProfile:
    """The profile of a sound of `seconds`, heard in windows of `window` seconds that start at `starts`.

    Each of `batches` has the same layers; a layer with fewer moments than the finest repeats its own.
    """
    moments = max(layer.values.shape[1] for layer in batches[0])
    stacked = np.concatenate(
        [
            np.stack(
                [
                    layer.values.cpu().numpy().repeat(moments // layer.values.shape[1], axis=1)
                    for layer in batch
                ],
                axis=1,
            )
            for batch in batches
        ]
    )  # [windows, layers, moments]
    step, chosen, places = _columns(starts, window, moments, seconds)
    return AttentionProfile(step, tuple(layer.name for layer in batches[0]), stacked[chosen, :, places].T)


def one_window(measures: Measures, seconds_per_column: float, seconds: float) -> Profile:
    """The profile of a single window of sound, of which the first `seconds` were sound and not padding."""
    moments = measures.rms.shape[2]
    columns = min(moments, math.ceil(seconds / seconds_per_column - 1e-6))
    return Profile(
        seconds_per_column,
        measures.rms_layers,
        measures.rms[0, :, :columns],
        measures.change_layers,
        measures.change[0, :, :columns],
        measures.products,
        measures.own_moments,
        np.zeros(columns, np.int64),
        np.arange(columns),
        moments,
    )


def many_windows(
    batches: Sequence[Measures], starts: Sequence[float], window: float, seconds: float
) -> Profile:
    """The profile of a sound of `seconds`, heard in windows of `window` seconds that start at `starts`.

    Each column is taken from the window in whose middle it lies best, where the encoder knows most of what is
    before and after. A sound shorter than a window fills the columns that it has.
    """
    rms = np.concatenate([batch.rms for batch in batches])  # [windows, layers, moments]
    change = np.concatenate([batch.change for batch in batches])
    moments = rms.shape[2]
    step, chosen, places = _columns(starts, window, moments, seconds)
    return Profile(
        step,
        batches[0].rms_layers,
        rms[chosen, :, places].T,
        batches[0].change_layers,
        change[chosen, :, places].T,
        tuple(np.concatenate(layer) for layer in zip(*(batch.products for batch in batches), strict=True)),
        batches[0].own_moments,
        chosen,
        places,
        moments,
    )


def _columns(
    starts: Sequence[float], window: float, moments: int, seconds: float
) -> tuple[float, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Seconds of a column, and for each the window and the moment in it that it is taken from."""
    step = window / moments
    centres = (np.arange(math.ceil(seconds / step - 1e-6)) + 0.5) * step
    begins = np.asarray(starts)
    chosen = np.abs(centres[:, None] - (begins + window / 2)).argmin(axis=1)
    places = np.clip(((centres - begins[chosen]) / step).astype(int), 0, moments - 1)
    return step, chosen, places


def _record(
    encoder: str, measure: Measure, layers: tuple[str, ...], seconds_per_column: float, grid: Grid
) -> Heatmap:
    values = tuple(tuple(float(f"{cell:.{SIGNIFICANT_DIGITS}g}") for cell in row) for row in grid.tolist())
    return Heatmap(encoder, measure, layers, seconds_per_column, values)
