"""Words for scenes: captions from the truth, labels, and the events that a text mentions.

Everything is lower case and from a small closed vocabulary; `events_in` reads the same phrases back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from demos.mini.world.event_class import EventClass
from demos.mini.world.questions import NUMBERS, TIMES, questions
from demos.mini.world.scene import Event, Scene
from demos.mini.world.taxonomy import CLASSES, class_named

__all__ = [
    "OTHER_LABELS",
    "captions",
    "events_in",
    "events_in_time",
    "hard_negatives",
    "labels_caption",
    "mentions_in",
    "order_pair",
    "questions",
    "swapped_order",
]

OTHER_LABELS = ("speech", "silence", "pure tones")
"""What a scene can hold beside event classes, as labels."""

_OTHER_CAPTIONS = {
    "speech": (
        "a person is speaking",
        "a person speaks",
        "someone is talking",
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


def mentions_in(text: str) -> list[tuple[int, int, str]]:
    """(start, stop, class name) of each mention in a text of lower case, in their order."""
    found = _MENTION.finditer(text)
    return [(*match.span(), CLASSES[int(str(match.lastgroup)[1:])].name) for match in found]


def events_in(text: str) -> list[str]:
    """Class names in the order in which a text mentions them."""
    return [name for _, _, name in mentions_in(text.lower())]


def events_in_time(text: str) -> list[str]:
    """Class names in the order in which a text says that they sounded: "b after a" is a, b."""
    said = text.lower()
    # "after a comes b" tells them in the order of time already.
    clauses = [said] if said.startswith("after ") else list(reversed(said.split(" after ")))
    return [name for clause in clauses for name in events_in(clause)]


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
        f"i can hear {noun}",
        f"a recording of {noun}",
        *event_class.phrases,
    ]


def _single_captions(event: Event) -> list[str]:
    event_class = class_named(event.name)
    noun = event_class.noun_phrase
    found = _forms(event_class)
    if event.count is not None:
        found += [f"{event_class.present} {TIMES[event.count]}", f"{noun} {TIMES[event.count]}"]
    if event.loudness is not None:
        manner = "loudly" if event.loudness == "loud" else "quietly"
        found += [
            f"{event_class.progressive} {manner}",
            f"{noun} {manner}",
            f"the {event.loudness} sound of {noun}",
        ]
    if event.pitch is not None:
        found += [f"the {event.pitch} sound of {noun}", f"{noun} at a {event.pitch} pitch"]
    if event.nearness is not None:
        where = "nearby" if event.nearness == "near" else "far away"
        found += [f"{event_class.progressive} {where}", f"{noun} {where}"]
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
            f"after {noun_a} comes {noun_b}",
            f"{noun_a} comes first and {noun_b} comes second",
            f"the sound of {noun_a}, then of {noun_b}",
        ]
    return [
        ", then ".join(present),
        "first " + ", then ".join(present),
        ", then ".join(nouns),
        ", followed by ".join(nouns),
        ", ".join(present[:-1]) + f" and then {present[-1]}",
        ", ".join(nouns[:-1]) + f" and finally {nouns[-1]}",
        "first " + ", then ".join(progressive[:-1]) + f" and last {progressive[-1]}",
    ]


def _overlap_captions(events: Sequence[Event]) -> list[str]:
    a, b = (class_named(event.name) for event in events)
    found = [f"this is the sound of {a.noun_phrase} and {b.noun_phrase}"]
    for one, other in ((a, b), (b, a)):
        found += [
            f"{one.present} while {other.present}",
            f"{one.progressive} while {other.progressive}",
            f"{one.noun_phrase} and {other.noun_phrase} at the same time",
            f"{one.noun_phrase} with {other.noun_phrase} in the background",
        ]
    return found


def hard_negatives(scene: Scene, rng: np.random.Generator) -> list[str]:
    """Captions that are false by one thing alone: the order, one attribute, or one event for a like one.

    Empty where a scene has no event; in random order.
    """
    if not scene.events or scene.speech is not None:
        return []
    found = []
    if scene.kind == "sequence":
        found += swapped_order(scene, rng)
        count = len(scene.events)
        changed = list(scene.events)
        place = int(rng.integers(count))
        changed[place] = replace(changed[place], name=_alike(scene, rng))
        wrong = _sequence_captions(changed)
        found.append(wrong[int(rng.integers(len(wrong)))])
    elif len(scene.events) == 1:
        found += _wrong_attributes(scene.events[0])
        found.append(class_named(_alike(scene, rng)).noun_phrase)
    else:
        changed = list(scene.events)
        place = int(rng.integers(2))
        changed[place] = replace(changed[place], name=_alike(scene, rng))
        wrong = _overlap_captions(changed)
        found.append(wrong[int(rng.integers(len(wrong)))])
    return [found[k] for k in rng.permutation(len(found))]


def swapped_order(scene: Scene, rng: np.random.Generator, captions_each: int = 1) -> list[str]:
    """Captions of a sequence with two events in each other's place: the same words, the wrong order."""
    first, second = np.sort(rng.choice(len(scene.events), 2, replace=False))
    events = list(scene.events)
    events[first], events[second] = events[second], events[first]
    wrong = _sequence_captions(events)
    return [wrong[k] for k in rng.choice(len(wrong), captions_each, replace=False)]


def order_pair(scene: Scene, rng: np.random.Generator) -> tuple[str, str]:
    """A true caption of a sequence and the same wording with two events in each other's place."""
    first, second = np.sort(rng.choice(len(scene.events), 2, replace=False))
    events = list(scene.events)
    events[first], events[second] = events[second], events[first]
    true, false = _sequence_captions(scene.events), _sequence_captions(events)
    form = int(rng.integers(len(true)))
    return true[form], false[form]


def _alike(scene: Scene, rng: np.random.Generator) -> str:
    """A class that does not sound in a scene, of the category of one that does half of the time."""
    own = class_named(scene.names[int(rng.integers(len(scene.names)))])
    others = [c.name for c in CLASSES if c.name not in scene.names]
    near = [c.name for c in CLASSES if c.category == own.category and c.name not in scene.names]
    pool = near if near and rng.random() < 0.5 else others
    return pool[int(rng.integers(len(pool)))]


def _wrong_attributes(event: Event) -> list[str]:
    event_class = class_named(event.name)
    noun, found = event_class.noun_phrase, []
    if event.count is not None:
        wrong = event.count + (1 if event.count < len(TIMES) - 1 else -1)
        found += [f"{event_class.present} {TIMES[wrong]}"]
        if event.count > 1:
            found += [f"{noun} {TIMES[event.count - 1]}"]
    if event.loudness is not None:
        manner, other = ("quietly", "quiet") if event.loudness == "loud" else ("loudly", "loud")
        found += [f"{event_class.progressive} {manner}", f"the {other} sound of {noun}"]
    if event.pitch is not None:
        found.append(f"the {'low' if event.pitch == 'high' else 'high'} sound of {noun}")
    if event.nearness is not None:
        found.append(f"{event_class.progressive} {'far away' if event.nearness == 'near' else 'nearby'}")
    return found


def _speech_captions(scene: Scene) -> list[str]:
    if scene.reply is not None:
        return _conversation_captions(scene)
    assert scene.speech is not None  # the caller asked for speech
    speaker = scene.speech.utterance.voice.speaker
    if not scene.events:
        return [*_OTHER_CAPTIONS["speech"], f"a {speaker} is speaking", f"a {speaker} speaks"]
    classes = [class_named(event.name) for event in scene.events]
    present = " and ".join(c.present for c in classes)
    progressive = " and ".join(c.progressive for c in classes)
    nouns = " and ".join(c.noun_phrase for c in classes)
    return [
        f"a person is speaking while {present}",
        f"a person is speaking while {progressive}",
        f"a {speaker} is speaking while {progressive}",
        f"a person speaks while {present}",
        f"{present} while a person is speaking",
        f"speech and {nouns}",
        f"this is the sound of a person speaking and {nouns}",
        f"a person speaking with {nouns} in the background",
    ]


def _conversation_captions(scene: Scene) -> list[str]:
    first, second = (f"a {speech.utterance.voice.speaker}" for speech in scene.spoken)
    both = f"{first} and another {second[2:]}" if first == second else f"{first} and {second}"
    answer = f"another {second[2:]}" if first == second else second
    return [
        "two people are speaking",
        "two people speak in turn",
        "a person speaks and another person answers",
        f"{both} are speaking",
        f"{first} speaks, then {answer} speaks",
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
