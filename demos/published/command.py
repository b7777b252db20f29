"""`python -m demos fetch`: brings published models here, or says which there are."""

from __future__ import annotations

import difflib
import sys

from demos.published.download import FetchError
from demos.published.fetch import Progress, fetch
from demos.published.model import HandFile, HubFiles, PublishedModel, gigabytes
from demos.published.models import PUBLISHED
from demos.published.places import Places, files_here, places


def published(id_: str) -> PublishedModel:
    """The published model of that id. Raises FetchError with similar ones when there is none."""
    for model in PUBLISHED:
        if model.id == id_:
            return model
    ids = [model.id for model in PUBLISHED]
    near = difflib.get_close_matches(id_, ids, n=3, cutoff=0.4)
    said = f"did you mean {' or '.join(near)}?" if near else "“make fetch” lists those there are."
    raise FetchError(f"There is no published model {id_}; {said}")


def fetch_command(id_: str) -> None:
    """Fetch a model with a line of progress, and say where its files are; without an id list all models."""
    where = places()
    if not id_:
        print(listed(where))
        return
    model = published(id_)
    print(f"{model.title}: {model.weights_licence}. {model.terms}".rstrip(), file=sys.stderr)
    try:
        for path in _with_a_line(model, where):
            print(path)
    except KeyboardInterrupt:
        raise FetchError("Stopped. What came is kept: the same command goes on from there.") from None


def listed(where: Places) -> str:
    """A line for each model: id, slot, size, whether it is here, licence of the weights."""
    rows = [
        (model.id, model.system, size_said(model), _state(model, where), model.weights_licence)
        for model in PUBLISHED
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]])
        for row in rows
    )


def size_said(model: PublishedModel) -> str:
    """Roughly what is downloaded, or that nobody told us."""
    return "size not known" if model.about_bytes is None else f"about {gigabytes(model.about_bytes)}"


def _state(model: PublishedModel, where: Places) -> str:
    if files_here(model, where):
        return "here"
    if all(isinstance(source, HandFile) for source in model.sources):
        return "by hand"
    if any(isinstance(source, HandFile) for source in model.sources):
        return "partly by hand"
    hub = any(isinstance(source, HubFiles) for source in model.sources)
    return "on the Hub" if hub else "on the web"


def _with_a_line(model: PublishedModel, where: Places) -> tuple[str, ...]:
    from tqdm import tqdm

    with tqdm(unit="B", unit_scale=True, unit_divisor=1000, disable=None, leave=False) as line:

        def report(progress: Progress) -> None:
            line.total = progress.total
            line.set_description(f"{progress.file}: {progress.stage}", refresh=False)
            if line.n == 0 and progress.done:
                line.initial = progress.done  # what was here before is not speed
            line.update(progress.done - line.n)

        return tuple(str(path) for path in fetch(model, where, report))
