"""The banks that ship, and what is asked for the one that a visitor chose."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from demos.banks.banks import OWN, SAVED, SUITE, WORLD, asked_of, shipped_banks, shown_names
from demos.banks.world_labels import CATEGORY_NAMES, DISPLAY_NAMES
from demos.catalog import default_bank
from demos.mini.world.event_class import Category
from demos.mini.world.language import labels_caption
from demos.mini.world.taxonomy import NAMES
from demos.request import LARGEST_BANK, LONGEST_LABEL

BANKS = shipped_banks(default_bank())


def test_every_sound_and_category_of_the_world_has_a_name_of_its_own() -> None:
    assert tuple(DISPLAY_NAMES) == NAMES
    assert len(set(DISPLAY_NAMES.values())) == len(NAMES)
    assert tuple(CATEGORY_NAMES) == get_args(Category)


def test_a_label_is_asked_in_the_words_that_clap_was_taught() -> None:
    (world,) = [bank for bank in BANKS if bank.id == WORLD]
    assert dict(world.labels)["Dog, bark"] == "a dog barking"
    assert world.asked == tuple(labels_caption(name)[0] for name in NAMES)
    assert asked_of({"bank": WORLD, "labels": "not these"}, BANKS) == world.asked
    assert shown_names(world.asked, BANKS)["a dog barking"] == "Dog, bark"


def test_categories_part_the_world_among_them() -> None:
    parts = [bank for bank in BANKS if bank.id.startswith(f"{WORLD} ")]
    (world,) = [bank for bank in BANKS if bank.id == WORLD]
    assert len(parts) == 10
    assert sorted(text for bank in parts for text in bank.asked) == sorted(world.asked)


def test_what_ships_can_be_asked() -> None:
    for bank in BANKS:
        assert 1 < len(set(bank.asked)) == len(bank.labels) <= LARGEST_BANK
        assert all(0 < len(text) <= LONGEST_LABEL for text in bank.asked)
    assert asked_of({"bank": SUITE, "labels": ""}, BANKS) == ()  # the engine's default


@pytest.mark.parametrize("bank", [OWN, f"{SAVED}rooms", "no such bank"])
def test_own_labels_stand_one_on_each_line(bank: str) -> None:
    assert asked_of({"bank": bank, "labels": " a kitchen \n\na hall\r\n"}, BANKS) == ("a kitchen", "a hall")
    assert shown_names(("a kitchen", "a hall"), BANKS) == {}


@pytest.mark.parametrize("value", [None, "", [], {}, {"bank": OWN}, {"bank": {}, "labels": None}])
def test_what_is_no_choice_asks_for_the_default(value: Any) -> None:
    assert asked_of(value, BANKS) == ()
