"""What fits into a device's memory: planned before anything is loaded, by the numbers of the parts.

A part that several models need, such as one Whisper large-v2 for transcript, SALMONN and layers, counts once.
Only weights and, for language models, the key/value cache are counted; activations are not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from demos.published.model import Part, Precision, PublishedModel, gigabytes
from store.records import SYSTEMS, System

PRECISION_NAMES: Mapping[Precision, str] = {
    "float32": "float32",
    "bfloat16": "bfloat16",
    "float16": "float16",
    "int8": "8-bit",
    "int4": "4-bit",
}
# The largest model chooses first: what it leaves is enough for the others, seldom the other way round.
SLOT_ORDER: tuple[System, ...] = ("salmonn", *(system for system in SYSTEMS if system != "salmonn"))


@dataclass(frozen=True)
class Device:
    """Where networks are to live: its name for people, bytes, and number types, the most exact first.

    `quantises` says whether 8 or 4 bits could be had on it, and are worth naming where nothing else fits.
    """

    name: str
    bytes: int
    precisions: tuple[Precision, ...]
    quantises: bool = True


@dataclass(frozen=True)
class Placed:
    """A model with the number type that its weights have."""

    model: PublishedModel
    precision: Precision


@dataclass(frozen=True)
class Plan:
    """What lives on a device, what has to leave it, and why others cannot: model id -> sentence.

    `shared` are the ids of the models that use a part, for parts that more than one uses.
    """

    placed: tuple[Placed, ...]
    evicted: tuple[Placed, ...]
    refused: Mapping[str, str]
    shared: Mapping[str, tuple[str, ...]]
    bytes: int


def occupied(placed: Iterable[Placed]) -> int:
    """Bytes of models together: shared parts once, and the work of each."""
    parts: dict[tuple[str, str], int] = {}
    work = 0
    for one in placed:
        work += one.model.working_bytes
        for part in one.model.parts:
            parts[_stored(part, one.precision)] = part.bytes(one.precision)
    return sum(parts.values()) + work


def plan(wanted: Sequence[PublishedModel], device: Device, resident: Sequence[Placed] = ()) -> Plan:
    """Give each wanted model, in this order, the most exact number type with which it fits.

    `resident` is what the device holds already, least recently used first: what is wanted and there stays as
    it is, of the rest as much leaves as must, before a model gets a coarser type.
    """
    ids = {model.id for model in wanted}
    others = [one for one in resident if one.model.id not in ids]
    there = {one.model.id: one for one in resident if one.model.id in ids}
    placed: list[Placed] = []
    refused: dict[str, str] = {}
    evicted: list[Placed] = []
    for number, model in enumerate(wanted):
        waiting = [there[later.id] for later in wanted[number + 1 :] if later.id in there]
        fitting = _fitting(model, device, [*placed, *waiting], others, there.get(model.id))
        if fitting is None:
            refused[model.id] = refusal(model, device, [*placed, *waiting], wanted)
            continue
        one, leave = fitting
        placed.append(one)
        evicted += others[:leave]
        del others[:leave]
    living = (*placed, *others)
    return Plan(tuple(placed), tuple(evicted), refused, _shared(living), occupied(living))


def refusal(
    model: PublishedModel, device: Device, placed: Sequence[Placed] = (), known: Sequence[PublishedModel] = ()
) -> str:
    """Why a model cannot come to a device, with numbers and what would fit."""
    if not model.parts:
        return f"{model.title} cannot be planned: how large it is in memory is not known to us."
    taken = occupied(placed)
    last = _types(model, device)[-1]
    needed = occupied([*placed, Placed(model, last)]) - taken
    beside = f", {gigabytes(taken)} of them taken by {_titles(placed)}" if placed else ""
    said = (
        f"{model.title} needs {gigabytes(needed)} in {PRECISION_NAMES[last]}; {device.name} has "
        f"{gigabytes(device.bytes)}{beside}"
    )
    ways = []
    for precision in ("int8", "int4"):
        smaller = occupied([*placed, Placed(model, precision)]) - taken
        possible = device.quantises and model.quantisable and precision not in device.precisions
        if possible and taken + smaller <= device.bytes:
            ways.append(f"{PRECISION_NAMES[precision]} needs {gigabytes(smaller)}")
            break
    for other in known:
        if other.system == model.system and other.id != model.id and other.parts:
            smaller = occupied([*placed, Placed(other, last)]) - taken
            if taken + smaller <= device.bytes:
                ways.append(f"take {other.title} ({gigabytes(smaller)})")
                break
    return f"{said}: {', or '.join(ways)}." if ways else f"{said}. Use the mini model, or another device."


@dataclass(frozen=True)
class Choice:
    """What fills a slot, and why; no model means the mini one."""

    placed: Placed | None
    reason: str


def best_suite(here: Sequence[PublishedModel], device: Device) -> dict[System, Choice]:
    """For each slot the first of the models that are here which fits together with the others.

    `here` are the models whose files are on this machine, in each slot the preferred one first.
    """
    chosen: dict[System, Choice] = {}
    for system in SLOT_ORDER:
        candidates = [model for model in here if model.system == system]
        chosen[system] = _choice(
            system, candidates, device, [one.placed for one in chosen.values() if one.placed]
        )
    return {system: chosen[system] for system in SYSTEMS}


def _choice(
    system: System, candidates: Sequence[PublishedModel], device: Device, placed: Sequence[Placed]
) -> Choice:
    if not candidates:
        return Choice(None, f"mini: no published model for {system} has been fetched.")
    refusals = []
    for model in candidates:
        fitting = _fitting(model, device, placed, [], None)
        if fitting is None:
            refusals.append(refusal(model, device, placed))
            continue
        one, _ = fitting
        size = gigabytes(occupied([*placed, one]) - occupied(placed))
        reason = f"{model.title}: it is here, and fits in {PRECISION_NAMES[one.precision]} with {size} more."
        return Choice(one, " ".join([reason, *refusals]))
    return Choice(None, " ".join(["mini:", *refusals]))


def _fitting(
    model: PublishedModel,
    device: Device,
    staying: Sequence[Placed],
    others: Sequence[Placed],
    already: Placed | None,
) -> tuple[Placed, int] | None:
    """The model in the first number type that fits, and how many of `others` must leave for it."""
    if not model.parts:
        return None
    precisions = [already.precision] if already else []
    precisions += [one for one in _types(model, device) if one not in precisions]
    for precision in precisions:
        for leave in range(len(others) + 1):
            if occupied([*staying, *others[leave:], Placed(model, precision)]) <= device.bytes:
                return Placed(model, precision), leave
    return None


def _types(model: PublishedModel, device: Device) -> Sequence[Precision]:
    """The number types of a device in which a model is read, the most exact first.

    A language model comes in 16 bits, as it was published, or coarser; the others in float32 alone. A device
    that has no such type takes it in the one it has.
    """
    if model.quantisable:
        return [one for one in device.precisions if one != "float32"] or device.precisions
    return [one for one in device.precisions if one == "float32"] or device.precisions[:1]


def _stored(part: Part, precision: Precision) -> tuple[str, str]:
    """What tells two copies of a part apart: a part without a language model is float32 whatever is asked."""
    return part.key, precision if part.quantisable else "float32"


def _shared(placed: Sequence[Placed]) -> dict[str, tuple[str, ...]]:
    users: dict[tuple[str, str], list[str]] = {}
    for one in placed:
        for part in one.model.parts:
            users.setdefault(_stored(part, one.precision), []).append(one.model.id)
    return {key: tuple(ids) for (key, _), ids in users.items() if len(ids) > 1}


def _titles(placed: Sequence[Placed]) -> str:
    return " and ".join(one.model.title for one in placed)
