"""Small pieces that SVG figures are put together from, readable on light and on dark pages.

Paper, ink and lines change together with the reader's scheme. Series differ in their dashes too, not in
colour alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

Places = Sequence[tuple[float, float]]

_LIGHT = {
    ".paper": "fill: #ffffff",
    ".ink": "fill: #1f2328",
    ".faint": "fill: #59636e",
    ".grid": "stroke: #d1d9e0",
    ".zero": "stroke: #59636e",
    ".s0": "stroke: #1d4ed8; fill: #1d4ed8",
    ".s1": "stroke: #b45309; fill: #b45309",
    ".s2": "stroke: #15803d; fill: #15803d",
    ".s3": "stroke: #7e22ce; fill: #7e22ce",
    ".s4": "stroke: #be123c; fill: #be123c",
    ".s5": "stroke: #59636e; fill: #59636e",
}
_DARK = {
    ".paper": "fill: #0d1117",
    ".ink": "fill: #e6edf3",
    ".faint": "fill: #9198a1",
    ".grid": "stroke: #30363d",
    ".zero": "stroke: #9198a1",
    ".s0": "stroke: #60a5fa; fill: #60a5fa",
    ".s1": "stroke: #f59e0b; fill: #f59e0b",
    ".s2": "stroke: #4ade80; fill: #4ade80",
    ".s3": "stroke: #c084fc; fill: #c084fc",
    ".s4": "stroke: #fb7185; fill: #fb7185",
    ".s5": "stroke: #9198a1; fill: #9198a1",
}
SERIES = 6  # kinds of lines
_DASHES = ("", "7 3", "2 3", "9 3 2 3", "4 2", "1 3")
_REST = """
text { font: 12px system-ui, sans-serif; stroke: none } .title { font-size: 13px; font-weight: 600 }
.small { font-size: 11px } .tiny { font-size: 8px } .cell { stroke: none }
polyline.line { fill: none; stroke-width: 1.8 }
"""


def document(width: float, height: float, title: str, words: str, parts: Iterable[str]) -> str:
    """A whole figure; `words` say what it shows to those who do not see it."""
    light = " ".join(f"{name} {{ {style} }}" for name, style in _LIGHT.items())
    dark = " ".join(f"{name} {{ {style} }}" for name, style in _DARK.items())
    return (
        "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
                f'width="{width:g}" height="{height:g}" role="img" aria-labelledby="title words">',
                f'<title id="title">{escape(title)}</title>',
                f'<desc id="words">{escape(words)}</desc>',
                f"<style>\n{light}\n@media (prefers-color-scheme: dark) {{ {dark} }}{_REST}</style>",
                f'<rect class="paper" width="{width:g}" height="{height:g}" rx="8"/>',
                *parts,
                "</svg>",
            ]
        )
        + "\n"
    )


def text(
    x: float, y: float, said: str, look: str = "ink", anchor: str = "start", turned: bool = False
) -> str:
    """A line of text; `turned` writes it upwards."""
    turn = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turned else ""
    return f'<text class="{look}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{turn}>{escape(said)}</text>'


def straight(start: tuple[float, float], stop: tuple[float, float], look: str = "grid") -> str:
    """A straight line."""
    (x1, y1), (x2, y2) = start, stop
    return f'<line class="{look}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def curve(points: Places, series: int) -> str:
    """A line through points."""
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dash = _DASHES[series % SERIES]
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<polyline class="line s{series % SERIES}" points="{places}"{dashed}/>'


def box(
    place: tuple[float, float], size: tuple[float, float], series: int, opacity: float = 1.0, said: str = ""
) -> str:
    """A filled rectangle; `said` is shown where the reader points at it."""
    (x, y), (width, height) = place, size
    shown = f"<title>{escape(said)}</title>" if said else ""
    return (
        f'<rect class="s{series % SERIES} cell" x="{x:.1f}" y="{y:.1f}" width="{max(0.0, width):.1f}" '
        f'height="{height:.1f}" fill-opacity="{opacity:.2f}">{shown}</rect>'
    )


def dot(x: float, y: float, series: int) -> str:
    """A disc."""
    return f'<circle class="s{series % SERIES}" cx="{x:.1f}" cy="{y:.1f}" r="3.6"/>'


def moved(x: float, y: float, parts: Iterable[str]) -> list[str]:
    """Parts in another place."""
    return [f'<g transform="translate({x:g} {y:g})">', *parts, "</g>"]


def logarithmic_ticks(low: float, high: float) -> list[float]:
    """One, two and five times the powers of ten between two positive numbers; powers alone for wide spans."""
    steps = (1, 2, 5) if high / low < 200 else (1,)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [step * 10.0**power for power in powers for step in steps if low <= step * 10.0**power <= high]


def even_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers between two numbers, at most so many and one more."""
    span = max(high - low, 1e-9)
    unit = 10.0 ** math.floor(math.log10(span / most))
    step = next(unit * factor for factor in (1, 2, 5, 10) if span / (unit * factor) <= most)
    return [round(place * step, 9) for place in range(math.ceil(low / step), math.floor(high / step) + 1)]
