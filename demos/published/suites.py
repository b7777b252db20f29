"""The suites by name: `mini`, and `auto`, which takes for each slot the best model that is here and fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from demos.catalog import SUITES, CatalogError, Model, Suite
from demos.catalog import suite as mini_suite
from demos.published.memory import Device, best_suite
from demos.published.models import PUBLISHED
from demos.published.shelf import Shelf
from store.records import System


def suite(name: str = "mini", folder: Path | None = None, shelf: Shelf | None = None) -> Suite:
    """The suite of that name; published models that are here can be asked in the place of its own.

    `folder` holds the mini suite's files, if not their own place does. For `auto` the memory of the device is
    measured. Raises CatalogError for a name that does not exist.
    """
    if name not in SUITES:
        raise CatalogError(f"There is no suite “{name}”; there are {', '.join(SUITES)}.")
    shelf = shelf or Shelf()
    mini = replace(mini_suite("mini", folder), shelf=shelf.models)
    if name == "mini":
        return mini
    from demos.published.admission import local_device

    return auto_suite(mini, shelf.models(), local_device())


def auto_suite(mini: Suite, here: Sequence[Model], device: Device) -> Suite:
    """For each slot the preferred one of the published models that are here and fit a device together.

    A slot without one keeps the mini model, which can be asked in every slot. `reasons` say why. Evidence is
    calibrated for mini-CLAP alone: another CLAP goes without.
    """
    by_id = {model.id: model for model in here}
    chosen = best_suite([one for one in PUBLISHED if one.id in by_id], device)
    models: dict[System, Model] = dict(mini.models)
    reasons: dict[System, str] = {}
    for system, choice in chosen.items():
        reasons[system] = choice.reason
        if choice.placed is not None and system in models:
            models[system] = by_id[choice.placed.model.id]
    leading = chosen["layers"].placed
    encoders = (*([by_id[leading.model.id]] if leading else []), *mini.encoders)
    evidence = mini.evidence if models["clap"] is mini.models["clap"] else None
    return replace(
        mini,
        name="auto",
        models=models,
        encoders=encoders,
        others=(*mini.models.values(), *mini.others),
        evidence=evidence,
        reasons=reasons,
    )
