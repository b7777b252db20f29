"""Written questions about a scene, with the answers that its truth gives: lower case, closed vocabulary."""

from __future__ import annotations

import numpy as np

from demos.mini.world.event_class import EventClass
from demos.mini.world.scene import Event, Scene
from demos.mini.world.taxonomy import CATEGORIES, CLASSES, class_named

Pair = tuple[str, str]

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")
TIMES = ("", "once", "twice", "three times", "four times", "five times", "six times")

_CATEGORY_NOUNS = {
    "animal": "an animal",
    "weather": "weather",
    "water": "some water",
    "vehicle": "a vehicle",
    "alarm": "an alarm",
    "household": "a sound of the house",
    "impact": "a bang or a crash",
    "tool": "a tool",
    "human": "a person doing something",
    "instrument": "a musical instrument",
}
_LOUDER_BY = 8.0
"""Decibels between two events from which the question for the louder one is put."""


def questions(scene: Scene, rng: np.random.Generator) -> list[Pair]:
    """(question, answer) pairs of a scene, in random order.

    Every question of existence about a sound that is there comes with one about a sound that is not, half of
    the time of the same category; so yes and no are as many.
    """
    found = [*_existence(scene, rng), *_content(scene), *_speech(scene, rng)]
    for event in scene.events:
        if len(scene.events) == 1 or event.count is not None:
            found += _attributes(event)
    if len(scene.events) >= 2:
        found += _order(scene, rng)
        found += _louder(scene, rng)
    return [found[k] for k in rng.permutation(len(found))]


def _choose(rng: np.random.Generator, options: list[str]) -> str:
    return options[int(rng.integers(len(options)))]


def _is_there(event_class: EventClass, rng: np.random.Generator) -> str:
    return _choose(
        rng,
        [
            f"{'are' if event_class.plural else 'is'} there {event_class.noun_phrase}?",
            f"can you hear {event_class.noun_phrase}?",
            f"do you hear {event_class.noun_phrase}?",
            f"is it true that {event_class.progressive}?",
            f"does the sound contain {event_class.noun_phrase}?",
        ],
    )


def _existence(scene: Scene, rng: np.random.Generator) -> list[Pair]:
    present = {class_named(name).name: class_named(name) for name in scene.names}
    absent = [event_class for event_class in CLASSES if event_class.name not in present]
    found = []
    for event_class in present.values():
        near = [other for other in absent if other.category == event_class.category]
        pool = near if near and rng.random() < 0.5 else absent
        found.append((_is_there(event_class, rng), "yes"))
        found.append((_is_there(pool[int(rng.integers(len(pool)))], rng), "no"))
    if not present:
        found.append((_is_there(absent[int(rng.integers(len(absent)))], rng), "no"))
        return found
    inside = sorted({event_class.category for event_class in present.values()})
    outside = [category for category in CATEGORIES if category not in inside]
    if scene.speech is not None:  # one who speaks is a person doing something, too
        outside = [category for category in outside if category != "human"]
    found.append((f"can you hear {_CATEGORY_NOUNS[_choose(rng, list(inside))]}?", "yes"))
    found.append((f"can you hear {_CATEGORY_NOUNS[_choose(rng, list(outside))]}?", "no"))
    return found


def _content(scene: Scene) -> list[Pair]:
    heard = [class_named(name).noun_phrase for name in scene.names]
    if scene.speech is not None:
        heard.append("a person speaking")
    if scene.tones:
        heard.append("a pure tone" if len(scene.tones) == 1 else "pure tones")
    said = " and ".join(heard) if heard else "nothing"
    asked = ("what can you hear?", "what do you hear?", "which sounds are there?", "name the sounds")
    found = [(question, said) for question in asked]
    if scene.events:
        number = NUMBERS[len(scene.events)]
        found.append(
            (
                "how many sounds are in the background?" if scene.speech else "how many sounds are there?",
                number,
            )
        )
    return found


def _speech(scene: Scene, rng: np.random.Generator) -> list[Pair]:
    if scene.speech is not None:
        found = [("is a person speaking?", "yes")]
        if scene.reply is None:
            found.append(("is the speaker a man or a woman?", f"a {scene.speech.utterance.voice.speaker}"))
        else:
            found.append(("how many people are speaking?", NUMBERS[2]))
        return found
    # Most scenes have no speech: asked each time, this would tilt the answers towards no.
    return [("is a person speaking?", "no")] if rng.random() < 0.2 else []


def _attributes(event: Event) -> list[Pair]:
    event_class = class_named(event.name)
    noun, found = event_class.noun_phrase, []
    if event.count is not None:
        asked = f"how many times does {event_class.definite} {event_class.base_verb}?"
        found.append((asked, TIMES[event.count]))
    if event.loudness is not None:
        found.append((f"is the sound of {noun} loud or quiet?", event.loudness))
    if event.pitch is not None:
        found.append((f"is the sound of {noun} high or low?", event.pitch))
    if event.nearness is not None:
        found.append(
            (f"is the sound of {noun} near or far away?", "near" if event.nearness == "near" else "far away")
        )
    return found


def _order(scene: Scene, rng: np.random.Generator) -> list[Pair]:
    classes = [class_named(name) for name in scene.names]
    if scene.kind != "sequence":
        first, second = (classes[k] for k in rng.permutation(2))
        together = f"do you hear {first.noun_phrase} and {second.noun_phrase} at the same time?"
        return [(together, "yes")] if scene.kind == "overlap" else []
    first_of_two, second_of_two = np.sort(rng.choice(len(classes), 2, replace=False))
    a, b = classes[first_of_two], classes[second_of_two]
    either = [a.noun_phrase, b.noun_phrase]
    options = " or ".join(either[k] for k in rng.permutation(2))
    before, after = (a, b) if rng.random() < 0.5 else (b, a)
    asked = f"{'do' if before.plural else 'does'} {before.definite} {before.base_verb} before"
    return [
        ("what comes first?", classes[0].noun_phrase),
        ("what comes last?", classes[-1].noun_phrase),
        (f"which comes first, {options}?", a.noun_phrase),
        (f"{asked} {after.definite_present}?", "yes" if before is a else "no"),
        (f"do you hear {options.replace(' or ', ' and ')} at the same time?", "no"),
    ]


def _louder(scene: Scene, rng: np.random.Generator) -> list[Pair]:
    first, second = (scene.events[k] for k in rng.permutation(len(scene.events))[:2])
    if abs(first.level - second.level) < _LOUDER_BY:
        return []
    louder = first if first.level > second.level else second
    options = f"{class_named(first.name).noun_phrase} or {class_named(second.name).noun_phrase}"
    return [(f"which is louder, {options}?", class_named(louder.name).noun_phrase)]
