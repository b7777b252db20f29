"""The banks that ship with the page, and what a visitor chose among them and their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SUITE = "suite"  # the captions that the suite's CLAP was taught
WORLD = "world"  # names in the manner of AudioSet
OWN = "own"  # pasted, and not saved; a saved one is SAVED and its name, and lives in the visitor's browser
SAVED = "saved:"
LONGEST_NAME = 60  # characters of a saved bank's name


@dataclass(frozen=True)
class Bank:
    """A bank that ships: its labels as they are shown, each with the text that CLAP is asked for it.

    A label that stands for a sound that the suite knows is asked in the caption that CLAP was taught for it,
    because bare names mean little to a small CLAP.
    """

    id: str
    title: str
    group: str  # under which it is offered
    labels: tuple[tuple[str, str], ...]  # (shown, asked)

    @property
    def asked(self) -> tuple[str, ...]:
        """What CLAP ranks."""
        return tuple(asked for _, asked in self.labels)

    @property
    def hint(self) -> str:
        """What to know of it, in a sentence or two."""
        shown, asked = self.labels[0]
        if shown == asked:
            return f"{len(self.labels)} captions of what the suite was taught, such as “{asked}”."
        return f"{len(self.labels)} labels, each put to CLAP as it was taught: “{shown}” as “{asked}”."


def shipped_banks(captions: Sequence[str]) -> tuple[Bank, ...]:
    """The suite's own captions, then the world's labels, all of them and by category."""
    from demos.banks.world_labels import CATEGORY_NAMES, DISPLAY_NAMES
    from demos.mini.world.language import labels_caption
    from demos.mini.world.taxonomy import NAMES, in_category

    def named(names: Sequence[str]) -> tuple[tuple[str, str], ...]:
        return tuple((DISPLAY_NAMES[name], labels_caption(name)[0]) for name in names)

    categories = (
        Bank(
            f"{WORLD} {category}",
            title,
            "Labels by category",
            named([one.name for one in in_category(category)]),
        )
        for category, title in CATEGORY_NAMES.items()
    )
    return (
        Bank(SUITE, "Captions of the suite", "Whole banks", tuple((text, text) for text in captions)),
        Bank(WORLD, "Labels in AudioSet’s manner", "Whole banks", named(NAMES)),
        *categories,
    )


def asked_of(value: Any, banks: Sequence[Bank]) -> tuple[str, ...]:
    """The texts that CLAP is to rank for what a browser says was chosen; none for the suite's own captions.

    `value` is {bank, labels}: the id of a bank, and the text with a label on each line where it is the
    visitor's own. What is no such thing chooses nothing.
    """
    if not isinstance(value, dict):
        return ()
    for bank in banks:
        if bank.id == value.get("bank"):
            return () if bank.id == SUITE else bank.asked
    lines = str(value.get("labels") or "").splitlines()
    return tuple(line.strip() for line in lines if line.strip())


def shown_names(asked: Sequence[str], banks: Sequence[Bank]) -> dict[str, str]:
    """How the texts of a ranking are shown, asked → shown, where they are those of one bank; else nothing."""
    for bank in banks:
        if bank.asked == tuple(asked):
            return {text: shown for shown, text in bank.labels}
    return {}
