"""The curves over the LoRA scaling as one SVG: a panel for each measure, both models, 95 % intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

PANEL_WIDTH, PANEL_HEIGHT = 320, 262
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 34, 46  # of a plot inside its panel
LAST = 4.0  # scaling at the right edge
PANELS = (
    ("story", "Asked for a story: it is one", "share of answers"),
    ("grounded story", "… and it names what sounds", "share of answers"),
    ("caption", "Captions", "event F1"),
    ("transcript", "Transcripts (lower is better)", "word error rate"),
    ("question", "Spoken questions answered", "share of answers"),
)
MODELS = (
    (False, "before", "after instruction tuning"),
    (True, "after", "after activation tuning"),
)

# Paper, ink and lines change together with the reader's scheme, so the figure is legible on any page.
STYLE = """
.paper { fill: #ffffff } .ink { fill: #1f2328 } .faint { fill: #59636e } .grid { stroke: #d1d9e0 }
.before { stroke: #b45309; fill: #b45309 } .after { stroke: #1d4ed8; fill: #1d4ed8 }
text { font: 13px system-ui, sans-serif } .title { font-weight: 600 } .tick { font-size: 12px }
.line { fill: none; stroke-width: 2.2 } .line.before { stroke-dasharray: 7 4 }
.band { stroke: none; fill-opacity: 0.16 } .written { stroke: #59636e; stroke-dasharray: 2 4 }
@media (prefers-color-scheme: dark) {
.paper { fill: #0d1117 } .ink { fill: #e6edf3 } .faint { fill: #9198a1 } .grid { stroke: #30363d }
.before { stroke: #f59e0b; fill: #f59e0b } .after { stroke: #60a5fa; fill: #60a5fa }
.line { fill: none } .band { stroke: none } .written { stroke: #9198a1 }
}
"""


@dataclass(frozen=True)
class Point:
    """A measure of one model at one scaling, with its 95 % bootstrap interval over so many items."""

    measure: str
    activated: bool
    scaling: float
    value: float
    low: float
    high: float
    items: int


def drawn(points: Sequence[Point], written: float | None) -> str:
    """The figure; `written` is the scaling at which the stories of the activation were written."""
    width, height = 3 * PANEL_WIDTH, 2 * PANEL_HEIGHT + 4
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-labelledby="scaling-title scaling-text">',
        '<title id="scaling-title">Mini-SALMONN over its LoRA scaling</title>',
        f'<desc id="scaling-text">{escape(_in_words(points))}</desc>',
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{width}" height="{height}" rx="8"/>',
    ]
    for place, (measure, title, axis) in enumerate(PANELS):
        own = [point for point in points if point.measure == measure]
        x, y = place % 3 * PANEL_WIDTH, place // 3 * PANEL_HEIGHT
        parts += [
            f'<g transform="translate({x} {y})">',
            *_panel(own, title, axis, _highest(own), written),
            "</g>",
        ]
    parts += [f'<g transform="translate({2 * PANEL_WIDTH} {PANEL_HEIGHT})">', *_legend(written), "</g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _highest(points: Sequence[Point]) -> float:
    """The value at the top of a panel: 1, or up to 2 where an error rate is above it."""
    return 1.0 if max((point.high for point in points), default=0.0) <= 1.0 else 2.0


def _panel(
    points: Sequence[Point], title: str, axis: str, highest: float, written: float | None
) -> list[str]:
    right, bottom = PANEL_WIDTH - RIGHT, PANEL_HEIGHT - BOTTOM
    parts = [f'<text class="ink title" x="{LEFT}" y="21">{escape(title)}</text>']
    for step in range(5):
        value = highest * step / 4
        y = _y(value, highest)
        parts += [
            f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>',
            f'<text class="faint tick" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>',
        ]
    for scaling in range(int(LAST) + 1):
        x = _x(scaling)
        parts += [
            f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom}" y2="{bottom + 4}"/>',
            f'<text class="faint tick" x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{scaling}</text>',
        ]
    middle = (TOP + bottom) / 2
    parts += [
        f'<text class="faint" x="{(LEFT + right) / 2:.1f}" y="{bottom + 37}" text-anchor="middle">'
        "LoRA scaling</text>",
        f'<text class="faint" transform="rotate(-90 12 {middle:.1f})" x="12" y="{middle:.1f}" '
        f'text-anchor="middle">{escape(axis)}</text>',
    ]
    if written is not None:
        x = _x(written)
        parts.append(f'<line class="written" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}"/>')
    for activated, name, _ in MODELS:
        own = sorted((p for p in points if p.activated == activated), key=lambda point: point.scaling)
        parts += _curve(own, name, highest)
    return parts


def _curve(points: Sequence[Point], name: str, highest: float) -> list[str]:
    if not points:
        return []
    upper = [f"{_x(point.scaling):.1f},{_y(point.high, highest):.1f}" for point in points]
    lower = [f"{_x(point.scaling):.1f},{_y(point.low, highest):.1f}" for point in reversed(points)]
    middle = [(_x(point.scaling), _y(point.value, highest)) for point in points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in middle)
    return [
        f'<polygon class="band {name}" points="{" ".join([*upper, *lower])}"/>',
        f'<polyline class="line {name}" points="{line}"/>',
        *(_mark(x, y, name) for x, y in middle),
    ]


def _mark(x: float, y: float, name: str) -> str:
    """A square before, a disc after: the curves differ without their colours too."""
    if name == "before":
        return f'<rect class="{name}" x="{x - 3.2:.1f}" y="{y - 3.2:.1f}" width="6.4" height="6.4"/>'
    return f'<circle class="{name}" cx="{x:.1f}" cy="{y:.1f}" r="3.4"/>'


def _legend(written: float | None) -> list[str]:
    parts, y = [], 62
    for _, name, text in MODELS:
        parts += [
            f'<line class="line {name}" x1="{LEFT - 20}" x2="{LEFT + 24}" y1="{y}" y2="{y}"/>',
            _mark(LEFT + 2, y, name),
            f'<text class="ink" x="{LEFT + 36}" y="{y + 4}">{text}</text>',
        ]
        y += 30
    parts += [
        f'<rect class="band before" x="{LEFT - 20}" y="{y - 8}" width="22" height="16"/>',
        f'<rect class="band after" x="{LEFT + 2}" y="{y - 8}" width="22" height="16"/>',
        f'<text class="ink" x="{LEFT + 36}" y="{y + 4}">95 % bootstrap intervals</text>',
    ]
    y += 30
    if written is not None:
        parts += [
            f'<line class="written" x1="{LEFT + 2}" x2="{LEFT + 2}" y1="{y - 9}" y2="{y + 9}"/>',
            f'<text class="ink" x="{LEFT + 36}" y="{y + 4}">its stories were written here</text>',
        ]
        y += 30
    parts.append(f'<text class="faint" x="{LEFT - 20}" y="{y + 4}">0: no LoRA · 4: as trained</text>')
    return parts


def _x(scaling: float) -> float:
    return LEFT + scaling / LAST * (PANEL_WIDTH - LEFT - RIGHT)


def _y(value: float, highest: float) -> float:
    return PANEL_HEIGHT - BOTTOM - min(value, highest) / highest * (PANEL_HEIGHT - TOP - BOTTOM)


def _in_words(points: Sequence[Point]) -> str:
    """What the figure shows at the trained scaling, for those who do not see it."""
    said = []
    for measure, _, axis in PANELS:
        values = [
            f"{point.value:.2f} {text}"
            for activated, _, text in MODELS
            for point in points
            if (point.measure, point.activated, point.scaling) == (measure, activated, LAST)
        ]
        said.append(f"{measure}, {axis}: {', '.join(values)}")
    return f"Curves over LoRA scalings from 0 to {LAST:g}. At {LAST:g}: {'; '.join(said)}."
