"""The layer × time heatmap: values of one encoder on a canvas, row 0 at the bottom, nearest to the sound.

Drawn by `heatmap.js`, which shows on hover, or by the arrow keys, the numbers of the record as they are, and
saves the picture as PNG and the numbers as CSV in the browser.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from demos.page_component import page_component
from store.records import Observation


def heatmap_view(**kwargs: Any) -> gr.HTML:
    """Layer × time values of one encoder; the value comes from `heatmap_value`."""
    return page_component(Path(__file__).parent, "heatmap", {}, {}, **kwargs)


def heatmap_value(observation: Observation) -> dict[str, Any]:
    """What the heatmap shows of an observation of the `layers` system; {} if it has no heatmap.

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
