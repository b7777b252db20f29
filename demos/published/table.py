"""`python -m demos.published.table`: writes the table of models in docs/PUBLISHED_MODELS.md again."""

from __future__ import annotations

import re
from pathlib import Path

from demos.published.command import size_said
from demos.published.model import HandFile, HubFiles, Precision, PublishedModel, gigabytes
from demos.published.models import PUBLISHED

PAGE = Path(__file__).parents[2] / "docs" / "PUBLISHED_MODELS.md"
PLACE = re.compile(r"(<!-- models: begin -->\n)(.*?)(<!-- models: end -->)", re.DOTALL)


def filled(page: str) -> str:
    """The page with its table as the data say it."""
    head = (
        "| id | slot | from | download | weights in memory, 32 / 16 / 8 bits | code | weights | trained on |"
    )
    lines = [head, "|---|---|---|---|---|---|---|---|", *map(_row, PUBLISHED), "", *_not_known()]
    return PLACE.sub(lambda place: place[1] + "\n".join(lines) + "\n" + place[3], page)


def _row(model: PublishedModel) -> str:
    weights = f"{model.weights_licence}. {model.terms}" if model.terms else model.weights_licence
    cells = [
        f"`{model.id}`",
        model.system,
        ", ".join(dict.fromkeys(_origin(model))),
        size_said(model),
        _memory(model),
        model.code_licence,
        weights,
        model.trained_on,
    ]
    return f"| {' | '.join(cells)} |"


def _origin(model: PublishedModel) -> list[str]:
    return [
        source.repo
        if isinstance(source, HubFiles)
        else f"{source.name} (by hand)"
        if isinstance(source, HandFile)
        else source.url.split("/")[2]
        for source in model.sources
    ]


def _memory(model: PublishedModel) -> str:
    if not model.parts:
        return "not known"
    types: tuple[Precision, ...] = ("float32", "float16", "int8") if model.quantisable else ("float32",)
    sizes = [gigabytes(sum(part.bytes(one) for part in model.parts)) for one in types]
    return " / ".join([*sizes, "–", "–"][:3])


def _not_known() -> list[str]:
    """What was never seen, each with the models that it holds for."""
    models: dict[str, list[str]] = {}
    for model in PUBLISHED:
        for sentence in model.not_known:
            models.setdefault(sentence, []).append(f"`{model.id}`")
    named = {
        sentence: "all" if len(ids) == len(PUBLISHED) else ", ".join(ids) for sentence, ids in models.items()
    }
    return [
        "| not known or never seen | of |",
        "|---|---|",
        *(f"| {key} | {ids} |" for key, ids in named.items()),
    ]


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
