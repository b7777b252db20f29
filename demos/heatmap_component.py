"""The layer × time heatmap: values of one encoder on a canvas, row 0 at the bottom, nearest to the sound.

Drawn by `heatmap.js`, which shows on hover (or by the arrow keys) the numbers of the record as they are, and saves
the picture as PNG and the numbers as CSV in the browser.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from store.records import Observation

_HERE = Path(__file__).parent

_TEMPLATE = """
<div class="heat" hidden>
  <div class="picture">
    <div class="layer-names" aria-hidden="true"></div>
    <div class="field"><canvas role="img" tabindex="0"></canvas><div class="cursor" hidden></div>
      <div class="tip" role="status" hidden></div></div>
  </div>
  <div class="axis" aria-hidden="true"><span class="from"></span><span class="to"></span></div>
  <div class="below"><span class="most"></span>
    <span class="saves">⤓ <button type="button" class="png">PNG</button> · <button type="button" class="csv">CSV</button></span>
  </div>
</div>
"""

_CSS = """
.heat[hidden], .tip[hidden], .cursor[hidden] { display: none; }
.picture { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 6px; }
.layer-names { position: relative; width: 46px; font-size: 10.5px; color: var(--ew-muted); }
.layer-names span { position: absolute; right: 0; transform: translateY(50%); white-space: nowrap; max-width: 46px; overflow: hidden; text-overflow: ellipsis; }
.field { position: relative; }
canvas { width: 100%; height: 150px; display: block; border-radius: 4px; cursor: crosshair; }
canvas:focus-visible { outline: 2px solid var(--ew-accent); outline-offset: 2px; }
.cursor { position: absolute; box-shadow: 0 0 0 1.5px var(--ew-red); border-radius: 1px; pointer-events: none; }
.tip { position: absolute; z-index: 4; background: var(--ew-ink); color: var(--ew-card); font-size: 11.5px; line-height: 18px; padding: 1px 7px; border-radius: 5px; white-space: nowrap; pointer-events: none; font-variant-numeric: tabular-nums; }
.axis { display: flex; justify-content: space-between; margin-left: 52px; font-size: 10.5px; color: var(--ew-muted); font-variant-numeric: tabular-nums; }
.below { margin-top: 8px; padding-top: 8px; border-top: 1px dashed var(--ew-line); display: flex; gap: 8px; font-size: 12.5px; color: var(--ew-muted); flex-wrap: wrap; }
.saves { margin-left: auto; white-space: nowrap; }
.saves button { border: 0; padding: 0; background: none; color: var(--ew-accent); font: inherit; cursor: pointer; text-decoration: underline; text-underline-offset: 2px; }
"""


class HeatmapView(gr.HTML):
    """Layer × time values of one encoder; the value comes from `heatmap_value`."""

    def __init__(self, value: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(
            value or {},
            html_template=_TEMPLATE,
            css_template=_CSS,
            js_on_load=(_HERE / "heatmap.js").read_text(encoding="utf-8"),
            apply_default_css=False,
            **kwargs,
        )


def heatmap_value(observation: Observation) -> dict[str, Any]:
    """What `HeatmapView` shows of an observation of the `layers` system; {} if it has no heatmap.

    `seconds` is the length that was heard: columns beyond it are padding of the encoder's window and are not drawn.
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
