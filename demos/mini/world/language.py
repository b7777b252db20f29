"""Words for scenes: captions from the truth, labels, and the events that a text mentions.

Everything is lower case and from a small closed vocabulary; `events_in` reads the same phrases back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from demos.mini.world.event_class import EventClass
from demos.mini.world.questions import NUMBERS, TIMES, questions
from demos.mini.world.scene import Event, Scene
from demos.mini.world.taxonomy import CLASSES, class_named

__all__ = ["OTHER_LABELS", "captions", "events_in", "events_in_time", "labels_caption", "questions"]

OTHER_LABELS = ("speech", "silence", "pure tones")
"""What a scene can hold beside event classes, as labels."""

_OTHER_CAPTIONS = {
    "speech": (
        "a person is speaking",
        "a person speaks",
        "this is the sound of a person speaking",
        "the sound of a person speaking",
        "speech",
    ),
    "silence": (
        "silence",
        "there is nothing to hear",
        "a quiet room",
        "no sound",
        "this is the sound of silence",
    ),
    "pure tones": (
        "pure tones",
        "this is the sound of pure tones",
        "a row of pure tones",
        "pure tones are playing",
    ),
}
_ONE_TONE = ("a pure tone", "this is the sound of a pure tone", "a pure tone is playing")
_MENTION = re.compile(
    "|".join(f"(?P<c{k}>\\b(?:{event_class.mention})\\b)" for k, event_class in enumerate(CLASSES))
)


def events_in(text: str) -> list[str]:
    """Class names in the order in which a text mentions them."""
    return [CLASSES[int(str(match.lastgroup)[1:])].name for match in _MENTION.finditer(text.lower())]


def events_in_time(text: str) -> list[str]:
    """Class names in the order in which a text says that they sounded: "b after a" is a, b."""
    return [name for clause in reversed(text.lower().split(" after ")) for name in events_in(clause)]


def captions(scene: Scene, rng: np.random.Generator) -> list[str]:
    """Several true captions of a scene, in random order, the plain ones among them always."""
    if scene.speech is not None:
        found = _speech_captions(scene)
    elif scene.tones:
        found = _tone_captions(scene)
    elif not scene.events:
        found = list(_OTHER_CAPTIONS["silence"])
    elif len(scene.events) == 1:
        found = _single_captions(scene.events[0])
    elif scene.kind == "overlap":
        found = _overlap_captions(scene.events)
    else:
        found = _sequence_captions(scene.events)
    return [found[k] for k in rng.permutation(len(found))]


def labels_caption(label: str) -> list[str]:
    """Caption forms of a label (a class name or one of `OTHER_LABELS`) for zero-shot retrieval."""
    if label in _OTHER_CAPTIONS:
        return list(_OTHER_CAPTIONS[label])
    return _forms(class_named(label))


def _forms(event_class: EventClass) -> list[str]:
    noun = event_class.noun_phrase
    return [
        noun,
        event_class.present,
        event_class.progressive,
        f"this is the sound of {noun}",
        f"the sound of {noun}",
        f"you can hear {noun}",
    ]


def _single_captions(event: Event) -> list[str]:
    event_class = class_named(event.name)
    found = _forms(event_class)
    if event.count is not None:
        found.append(f"{event_class.present} {TIMES[event.count]}")
    if event.loudness is not None:
        manner = "loudly" if event.loudness == "loud" else "quietly"
        found += [
            f"{event_class.progressive} {manner}",
            f"the {event.loudness} sound of {event_class.noun_phrase}",
        ]
    if event.pitch is not None:
        found.append(f"the {event.pitch} sound of {event_class.noun_phrase}")
    if event.nearness is not None:
        found.append(f"{event_class.progressive} {'nearby' if event.nearness == 'near' else 'far away'}")
    return found


def _sequence_captions(events: Sequence[Event]) -> list[str]:
    classes = [class_named(event.name) for event in events]
    present, progressive = [c.present for c in classes], [c.progressive for c in classes]
    nouns = [c.noun_phrase for c in classes]
    if len(events) == 2:
        (a, b), (noun_a, noun_b) = present, nouns
        return [
            f"{a}, then {b}",
            f"{a} and then {b}",
            f"first {a}, then {b}",
            f"{noun_a}, then {noun_b}",
            f"{noun_a} followed by {noun_b}",
            f"{a} before {b}",
            f"{b} after {a}",
            f"{progressive[0]}, then {progressive[1]}",
        ]
    return [
        ", then ".join(present),
        "first " + ", then ".join(present),
        ", then ".join(nouns),
        ", followed by ".join(nouns),
        ", ".join(present[:-1]) + f" and then {present[-1]}",
        "first " + ", then ".join(progressive[:-1]) + f" and last {progressive[-1]}",
    ]


def _overlap_captions(events: Sequence[Event]) -> list[str]:
    a, b = (class_named(event.name) for event in events)
    return [
        f"{a.present} while {b.present}",
        f"{b.present} while {a.present}",
        f"{a.progressive} while {b.progressive}",
        f"{b.progressive} while {a.progressive}",
        f"{a.noun_phrase} and {b.noun_phrase} at the same time",
        f"{b.noun_phrase} and {a.noun_phrase} at the same time",
        f"this is the sound of {a.noun_phrase} and {b.noun_phrase}",
    ]


def _speech_captions(scene: Scene) -> list[str]:
    if not scene.events:
        return list(_OTHER_CAPTIONS["speech"])
    classes = [class_named(event.name) for event in scene.events]
    present = " and ".join(c.present for c in classes)
    progressive = " and ".join(c.progressive for c in classes)
    nouns = " and ".join(c.noun_phrase for c in classes)
    return [
        f"a person is speaking while {present}",
        f"a person is speaking while {progressive}",
        f"a person speaks while {present}",
        f"{present} while a person is speaking",
        f"speech and {nouns}",
        f"this is the sound of a person speaking and {nouns}",
        f"a person speaking with {nouns} in the background",
    ]


def _tone_captions(scene: Scene) -> list[str]:
    frequencies = [tone.frequency for tone in scene.tones]
    count = len(frequencies)
    found = (
        list(_ONE_TONE) if count == 1 else [*_OTHER_CAPTIONS["pure tones"], f"{NUMBERS[count]} pure tones"]
    )
    if count > 1 and all(np.diff(frequencies) > 0):
        found.append("pure tones going up")
    if count > 1 and all(np.diff(frequencies) < 0):
        found.append("pure tones going down")
    return found
