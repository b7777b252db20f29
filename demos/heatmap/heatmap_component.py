"""The layer × time heatmap: values of one encoder on a canvas, row 0 at the bottom, nearest to the sound.

Drawn by `heatmap.js`, which shows on hover, or by the arrow keys, the numbers of the record as they are, and
saves the picture as PNG and the numbers as CSV in the browser.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from demos.page_component import PageComponent
from store.records import Observation


class HeatmapView(PageComponent):
    """Layer × time values of one encoder; the value comes from `heatmap_value`."""

    def __init__(self, value: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(Path(__file__).parent, "heatmap", value or {}, {}, **kwargs)


def heatmap_value(observation: Observation) -> dict[str, Any]:
    """What `HeatmapView` shows of an observation of the `layers` system; {} if it has no heatmap.

    `seconds` is the length that was heard: columns beyond it are padding of the encoder's window and are not
    drawn.
    """
    heatmap = observation.heatmap
    if heatmap is None:
        return {}
    return {
        "encoder": heatmap.encoder,
        "measure": heatmap.measure,
        "layers": list(heatmap.layers),
        "seconds_per_column": heatmap.seconds_per_column,
        "values": [list(row) for row in heatmap.values],
        "start": observation.view.start,
        "seconds": observation.view.stop - observation.view.start,
    }
