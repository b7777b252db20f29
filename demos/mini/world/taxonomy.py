"""The registry of event classes and their ten categories."""

from __future__ import annotations

from typing import get_args

from demos.mini.world import (
    alarms,
    animals,
    birds,
    bodies,
    household,
    impacts,
    instruments,
    kitchen,
    people,
    small_animals,
    tools,
    vehicles,
    water,
    weather,
)
from demos.mini.world.event_class import Category, EventClass

CLASSES: tuple[EventClass, ...] = (
    *animals.CLASSES,
    *birds.CLASSES,
    *small_animals.CLASSES,
    *weather.CLASSES,
    *water.CLASSES,
    *vehicles.CLASSES,
    *alarms.CLASSES,
    *household.CLASSES,
    *kitchen.CLASSES,
    *impacts.CLASSES,
    *tools.CLASSES,
    *people.CLASSES,
    *bodies.CLASSES,
    *instruments.CLASSES,
)
BY_NAME: dict[str, EventClass] = {event_class.name: event_class for event_class in CLASSES}
NAMES: tuple[str, ...] = tuple(BY_NAME)
CATEGORIES: tuple[Category, ...] = get_args(Category)


def class_named(name: str) -> EventClass:
    """The class of that name, or a ValueError that lists the names there are."""
    if name not in BY_NAME:
        raise ValueError(f"The world has no sound called {name!r}. It has: {', '.join(NAMES)}.")
    return BY_NAME[name]


def in_category(category: str) -> tuple[EventClass, ...]:
    """The classes of one category, or a ValueError that lists the categories."""
    if category not in CATEGORIES:
        raise ValueError(f"The world has no category {category!r}. It has: {', '.join(CATEGORIES)}.")
    return tuple(event_class for event_class in CLASSES if event_class.category == category)
