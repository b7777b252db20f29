"""A flame graph as an SVG figure: each box is a call, as wide as its share of all samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape

from tests.benchmarks.sampling import Stack

WIDTH, ROW, TOP = 1200, 17, 52  # pixels; the graph begins below title and legend
NARROWEST = 1.5  # pixels; a smaller box is left out
LETTER = 6.7  # pixels
KINDS = (  # (name, beginnings of a module's name, fill in the light, fill in the dark)
    ("ours", ("demos", "store"), "#bfdbfe", "#1e3a8a"),
    ("torch", ("torch",), "#fed7aa", "#7c2d12"),
    ("transformers, tokenizers", ("transformers", "tokenizers"), "#bbf7d0", "#14532d"),
    ("openai-whisper", ("whisper",), "#e9d5ff", "#581c87"),
    ("other", ("",), "#e5e7eb", "#374151"),
)


@dataclass(frozen=True)
class Box:
    """A call: `depth` callers stand below it; `start` and `share` are parts of all samples, 0 to 1."""

    call: str
    depth: int
    start: float
    share: float


def boxes(counted: Mapping[Stack, int]) -> Iterator[Box]:
    """The boxes of a flame graph, callers first; calls of the same caller side by side, by name."""
    total = sum(counted.values())

    def above(stacks: Mapping[Stack, int], depth: int, start: float) -> Iterator[Box]:
        apart: dict[str, Counter[Stack]] = {}
        for stack, count in stacks.items():
            if stack:
                apart.setdefault(stack[0], Counter())[stack[1:]] += count
        for call, rest in sorted(apart.items()):
            share = rest.total() / total
            yield Box(call, depth, start, share)
            yield from above(rest, depth + 1, start)
            start += share

    return above(counted, 0, 0.0)


def flame_graph(counted: Mapping[Stack, int], title: str) -> str:
    """The figure; what a box cannot show is said when the pointer rests on it."""
    shown = [box for box in boxes(counted) if box.share * WIDTH >= NARROWEST]
    rows = 1 + max((box.depth for box in shown), default=0)
    height = TOP + rows * ROW + 8
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
            'aria-labelledby="flame-title flame-words">',
            f'<title id="flame-title">{escape(title)}</title>',
            f'<desc id="flame-words">{escape(_words(shown))}</desc>',
            _style(),
            f'<rect class="paper" width="{WIDTH}" height="{height}" rx="8"/>',
            f'<text class="ink title" x="8" y="20">{escape(title)}</text>',
            *_legend(),
            *(_drawn(box, height) for box in shown),
            "</svg>\n",
        ]
    )


def _words(shown: list[Box]) -> str:
    systems = ", ".join(f"{box.call} {box.share:.0%}" for box in shown if box.depth == 0)
    return f"Share of the samples by system: {systems}. Callers stand below, what they call above them."


def _style() -> str:
    fills = [".paper { fill: #ffffff } .ink { fill: #1f2328 }"]
    dark = [".paper { fill: #0d1117 } .ink { fill: #e6edf3 }"]
    for number, (_, _, day, night) in enumerate(KINDS):
        fills.append(f".k{number} {{ fill: {day} }}")
        dark.append(f".k{number} {{ fill: {night} }}")
    return (
        f"<style>\n{' '.join(fills)}\ntext {{ font: 11px ui-monospace, monospace }} "
        ".title { font: 600 13px system-ui, sans-serif }\n"
        f"@media (prefers-color-scheme: dark) {{ {' '.join(dark)} }}\n</style>"
    )


def _legend() -> Iterator[str]:
    x = 8.0
    for number, (name, *_) in enumerate(KINDS):
        yield f'<rect class="k{number}" x="{x:g}" y="30" width="12" height="12" rx="2"/>'
        yield f'<text class="ink" x="{x + 17:g}" y="40">{escape(name)}</text>'
        x += 36 + len(name) * LETTER


def _drawn(box: Box, height: int) -> str:
    x, width = box.start * WIDTH, box.share * WIDTH
    y = height - 8 - (box.depth + 1) * ROW
    module, _, name = box.call.partition(": ")
    kind = next(
        number
        for number, (_, beginnings, *_) in enumerate(KINDS)
        if any(not one or (box.depth and module.split(".")[0] == one) for one in beginnings)
    )
    label = name or module
    letters = int((width - 6) / LETTER)
    text = label if len(label) <= letters else f"{label[: letters - 1]}…" if letters > 3 else ""
    written = f'<text class="ink" x="{x + 3:.1f}" y="{y + 12}">{escape(text)}</text>' if text else ""
    return (
        f"<g><title>{escape(box.call)}, {box.share:.1%}</title>"
        f'<rect class="k{kind}" x="{x:.1f}" y="{y}" width="{max(width - 0.5, 0.5):.1f}" height="{ROW - 1}"/>'
        f"{written}</g>"
    )
