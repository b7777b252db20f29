"""Scenes drawn at random with their truth, and scenes turned into samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from demos.mini.world.codec import Codec
from demos.mini.world.dsp import (
    REFERENCE_RMS,
    SAMPLE_RATE,
    Signal,
    fade,
    lowpass,
    samples_of,
    units_in,
)
from demos.mini.world.event_class import EventClass
from demos.mini.world.grammar import sample_sentence
from demos.mini.world.ranges import Ranges, Span
from demos.mini.world.room import Microphone, Noise, Room, heard
from demos.mini.world.scene import Event, Scene, SceneKind, Speech, Tone
from demos.mini.world.speech import Spoken, sample_utterance, speak, synthesise
from demos.mini.world.taxonomy import CLASSES, class_named, in_category

SHORTEST, LONGEST = 2.0, 10.0
"""Scenes last between so many seconds."""
_WINDOW = 7.0
"""Scenes of events alone are at most as long as the window in which CLAP and Pengi hear."""
_MOST_EVENTS = 4

_LOUDNESS: dict[Literal["loud", "quiet"] | None, Span] = {
    "loud": Span(-1, 5),
    None: Span(-10, -3),
    "quiet": Span(-22, -15),
}
_DISTANCE = Span(0, 1)
_OVERALL = Span(-14, 12)
_SPEECH_LEVEL = Span(-6, 3)
_TONE = Span(150, 4000, log=True)
_BACKGROUND_RATIO = Span(-11.2, 4.2)
"""Level of a background under a spoken question, dB from the speech: −10 to +3 in training."""
_MOST_COUNTED = 6
_NAMED_DISTANCE = 0.25
_ABOVE_FLOOR = 8.0
"""Decibels by which the loudest 40 ms of every event stand above the noise floor, at least."""


def make_scene(
    rng: np.random.Generator, split: Ranges, kind: SceneKind, spoken: Spoken | None = None
) -> Scene:
    """A random scene of a kind.

    Kinds with speech use `spoken`; when it is None they have espeak-ng speak a random sentence (slower). The
    reply of a conversation is always drawn here. For "question" see `background_question_scene`, which has
    more to choose.
    """
    if kind == "question":
        if spoken is None:
            asked = sample_sentence(rng, "question" if rng.random() < 0.8 else "check")
            spoken = speak(sample_utterance(rng, asked, split))
        return background_question_scene(rng, split, spoken)
    seconds = float(np.clip(rng.normal(6.0, 1.2), SHORTEST, LONGEST))
    if kind == "single":
        events, seconds = _in_turn(rng, split, _classes(rng, 1), min(seconds, _WINDOW))
        return compose(rng, split, kind, seconds, events=events)
    if kind == "sequence":
        count = int(rng.choice([2, 3, _MOST_EVENTS], p=[0.5, 0.33, 0.17]))
        events, seconds = _in_turn(rng, split, _classes(rng, count), float(rng.uniform(4.0, _WINDOW)))
        return compose(rng, split, kind, seconds, events=events)
    if kind == "overlap":
        seconds = float(rng.uniform(4.0, _WINDOW))
        return compose(rng, split, kind, seconds, events=_overlapping(rng, split, seconds))
    if kind == "speech" or kind == "speech_over" or kind == "conversation":
        if spoken is None:
            spoken = speak(sample_utterance(rng, sample_sentence(rng), split))
        if kind == "conversation":
            reply = spoken
            while reply.utterance.voice == spoken.utterance.voice:
                reply = speak(sample_utterance(rng, sample_sentence(rng), split))
            return conversation(rng, split, spoken, reply)
        return _with_speech(rng, split, kind, seconds, spoken)
    if kind == "tones":
        return compose(rng, split, kind, seconds, tones=_tones(rng, split, seconds))
    if kind == "silence":
        quiet = compose(rng, split, kind, seconds)
        return replace(quiet, noise=replace(quiet.noise, level=float(rng.uniform(-95, -58))))
    raise ValueError(f"There is no scene of the kind {kind!r}.")


def background_question_scene(
    rng: np.random.Generator, split: Ranges, spoken: Spoken, answer_class: str | None = None
) -> Scene:
    """A spoken question over the sounds it asks about, 4 to 8 s; its `answer` needs both.

    Asked for "any", one event sounds and is the answer. Asked for a category, two events of different
    categories sound and the one of that category is the answer. A check ("do you hear an animal") is
    answered "yes" or "no", evenly. `answer_class` fixes the answer (a class name; for a check "yes" or
    "no"); it is random when None.
    Raises ValueError when the utterance is no question or the answer is not one to it.
    """
    sentence = spoken.utterance.sentence
    asks = sentence.asks
    if asks is None:
        raise ValueError(f"{sentence.text!r} asks nothing about the background.")
    classes, answer = _asked_for(rng, sentence.kind == "check", asks, answer_class)
    length = len(spoken.samples) / SAMPLE_RATE
    onset = float(rng.uniform(0.1, 0.8))
    seconds = float(np.clip(onset + length + rng.uniform(1.2, 3.0), 4.0, 8.0))
    speech = Speech(spoken.utterance, onset, onset + length, _SPEECH_LEVEL.draw(rng, split))
    ratio = _BACKGROUND_RATIO.draw(rng, split)
    events = []
    for event_class in classes:
        event = make_event(rng, split, event_class, seconds * rng.uniform(0.75, 1.0))
        lasting = event.offset - event.onset
        # It goes on for at least 0.7 s after the question where its nature allows, so it is heard by itself.
        latest = max(0.0, seconds - lasting - 0.05)
        earliest = min(latest, max(0.0, speech.offset + 0.7 - lasting))
        event = moved(event, float(rng.uniform(earliest, latest)))
        level = speech.level + ratio + (rng.uniform(-3, 3) if len(classes) > 1 else 0.0)
        events.append(replace(event, level=level, loudness=None))
    return compose(rng, split, "question", seconds, events=events, speech=speech, answer=answer)


def conversation(rng: np.random.Generator, split: Ranges, first: Spoken, second: Spoken) -> Scene:
    """Two people who speak in turn with nothing in the background."""
    length, reply_length = len(first.samples) / SAMPLE_RATE, len(second.samples) / SAMPLE_RATE
    onset, pause = float(rng.uniform(0.1, 0.5)), float(rng.uniform(0.15, 0.8))
    level = _SPEECH_LEVEL.draw(rng, split)
    speech = Speech(first.utterance, onset, onset + length, level)
    start = speech.offset + pause
    reply = Speech(second.utterance, start, start + reply_length, level + float(rng.uniform(-4, 4)))
    seconds = min(LONGEST, reply.offset + float(rng.uniform(0.1, 0.5)))
    return compose(rng, split, "conversation", seconds, speech=speech, reply=reply)


def make_event(rng: np.random.Generator, split: Ranges, event_class: EventClass, seconds: float) -> Event:
    """An event at time zero that lasts about so long, within its nature, and in whole units if counted."""
    parameters = event_class.draw(rng, split)
    shortest, longest = event_class.seconds
    lasting = float(np.clip(seconds, shortest, longest))
    count = None
    if event_class.countable:
        rate = parameters["rate"]
        count = min(units_in(lasting, rate), _MOST_COUNTED)
        lasting = count / rate
    loudness: Literal["loud", "quiet"] | None = rng.choice(
        np.array(["loud", None, "quiet"]), p=[0.3, 0.4, 0.3]
    )
    distance = _DISTANCE.draw(rng, split)
    return Event(
        name=event_class.name,
        onset=0.0,
        offset=lasting,
        level=_LOUDNESS[loudness].draw(rng, split),
        loudness=loudness,
        pitch=event_class.pitch_word(parameters),
        nearness="near" if distance < _NAMED_DISTANCE else "far" if distance > 1 - _NAMED_DISTANCE else None,
        count=count,
        distance=distance,
        seed=int(rng.integers(2**31)),
        parameters=parameters,
    )


def moved(event: Event, onset: float) -> Event:
    """The event at another onset, as long as it was."""
    return replace(event, onset=onset, offset=onset + event.offset - event.onset)


def compose(
    rng: np.random.Generator,
    split: Ranges,
    kind: SceneKind,
    seconds: float,
    events: Sequence[Event] = (),
    tones: Sequence[Tone] = (),
    speech: Speech | None = None,
    answer: str | None = None,
    reply: Speech | None = None,
) -> Scene:
    """A scene of given sounds in a random room, by a random microphone, over a floor that hides none."""
    level, noise = _OVERALL.draw(rng, split), Noise.draw(rng, split)
    faintest = min(
        [event.level + 20 * np.log10(_direct_share(event)) for event in events]
        + [tone.level for tone in tones]
        + ([speech.level] if speech else []),
        default=np.inf,
    )
    # What is in the truth can be heard: the floor stays under the faintest sound.
    floor = float(faintest) + level + 20 * np.log10(REFERENCE_RMS) - _ABOVE_FLOOR
    return Scene(
        kind=kind,
        split=split,
        seed=int(rng.integers(2**31)),
        seconds=seconds,
        events=tuple(sorted(events, key=lambda event: event.onset)),
        tones=tuple(tones),
        speech=speech,
        noise=replace(noise, level=float(min(noise.level, floor))),
        room=Room.draw(rng, split),
        microphone=Microphone.draw(rng, split),
        level=level,
        answer=answer,
        reply=reply,
        codec=Codec.draw(rng, split),
    )


def without_background(scene: Scene) -> Scene:
    """The same scene with its events and tones removed: noise, room and speech are kept."""
    return replace(scene, events=(), tones=())


def without_speech(scene: Scene) -> Scene:
    """The same scene with its speech removed."""
    return replace(scene, speech=None, reply=None)


def render(scene: Scene, speech_samples: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """Samples of a scene: float32, mono, 16 kHz, within [−1, 1]; the same for the same scene, always.

    `speech_samples` are those of `scene.speech.utterance`, where the caller has them; else the synthesiser
    runs, as it does for a reply.
    """
    n = samples_of(scene.seconds)
    direct, distant = np.zeros(n), np.zeros(n)
    for event in scene.events:
        sound = event_samples(event)
        start = samples_of(event.onset) if event.onset > 0 else 0
        sound = sound[: n - start]
        direct[start : start + len(sound)] += sound * _direct_share(event)
        distant[start : start + len(sound)] += sound * (0.3 + 1.2 * event.distance)
    for tone in scene.tones:
        start, length = int(tone.onset * SAMPLE_RATE), samples_of(tone.offset - tone.onset)
        wave = (
            np.sin(2 * np.pi * tone.frequency / SAMPLE_RATE * np.arange(length)) * np.sqrt(2) * REFERENCE_RMS
        )
        direct[start : start + length] += (fade(wave, 0.01, 0.01) * _gain(tone.level))[: n - start]
    for speech in scene.spoken:
        known = speech_samples if speech is scene.speech else None
        said = synthesise(speech.utterance) if known is None else known
        start = int(speech.onset * SAMPLE_RATE)
        said = said[: n - start] * _gain(speech.level)
        direct[start : start + len(said)] += said
        distant[start : start + len(said)] += 0.5 * said
    gain = _gain(scene.level)
    mixed = heard(direct * gain, distant * gain, scene.room, scene.microphone, scene.noise)
    mixed = scene.codec.passed(mixed)
    peak = float(np.abs(mixed).max())
    return (mixed * min(1.0, 0.98 / (peak + 1e-12))).astype(np.float32)


def event_samples(event: Event) -> Signal:
    """An event by itself at its level and distance, before room and microphone."""
    event_class = class_named(event.name)
    rng = np.random.default_rng(event.seed)
    sound = event_class.sound(event.parameters, rng, event.offset - event.onset) * _gain(event.level)
    if event.distance > 0.5:
        # Air and obstacles take the top of far sounds away.
        return lowpass(sound, 9000 - 11000 * (event.distance - 0.5))
    return sound


def _direct_share(event: Event) -> float:
    return 1 - 0.6 * event.distance


def _gain(decibels: float) -> float:
    return float(10 ** (decibels / 20))


def _classes(rng: np.random.Generator, count: int) -> list[EventClass]:
    """So many classes that fit into one window one after the other, each at least as long as it must be."""
    while True:
        chosen = [CLASSES[k] for k in rng.choice(len(CLASSES), count, replace=False)]
        if sum(event_class.seconds[0] + 0.2 for event_class in chosen) + 0.2 <= _WINDOW:
            return chosen


def _in_turn(
    rng: np.random.Generator, split: Ranges, classes: Sequence[EventClass], seconds: float
) -> tuple[list[Event], float]:
    """One event of each class, one after the other with gaps, and the seconds that this takes."""
    chosen, attempts = list(classes), 0
    share = (seconds - 0.4) / len(chosen)
    while True:
        events = [
            make_event(rng, split, event_class, share * rng.uniform(0.5, 1.0)) for event_class in chosen
        ]
        total = sum(event.offset for event in events)
        if total <= _WINDOW - 0.15 * (len(chosen) + 1):
            break
        share *= 0.8  # some last longer than they were asked to: they come in whole units
        attempts += 1
        if attempts % 30 == 0:  # a few never fit together, a cow and a snore at their slowest among them
            del chosen[int(np.argmax([event.offset for event in events]))]
    spare = min(max(seconds - total, 0.15 * (len(chosen) + 1)), _WINDOW - total)
    gaps = spare * rng.dirichlet(np.full(len(chosen) + 1, 2.0))
    at, placed = 0.0, []
    for gap, event in zip(gaps, events, strict=False):
        placed.append(moved(event, at + float(gap)))
        at = placed[-1].offset
    return placed, max(SHORTEST, total + spare)


def _overlapping(rng: np.random.Generator, split: Ranges, seconds: float) -> list[Event]:
    """Two events of which the shorter sounds within the longer."""
    lasting = [event_class for event_class in CLASSES if event_class.seconds[1] >= 4.0]
    long_class = lasting[int(rng.integers(len(lasting)))]
    others = [event_class for event_class in CLASSES if event_class is not long_class]
    long = make_event(rng, split, long_class, seconds * rng.uniform(0.75, 0.97))
    short = make_event(rng, split, others[int(rng.integers(len(others)))], seconds * rng.uniform(0.3, 0.8))
    if short.offset > long.offset:
        long, short = short, long
    long = moved(long, float(rng.uniform(0, max(0.0, seconds - long.offset))))
    short = moved(short, float(rng.uniform(long.onset, long.offset - short.offset)))
    # The fainter one stays within 8 dB of the other, so that both can be heard.
    faintest = max(long.level, short.level) - 8.0
    kept = []
    for event in (long, short):
        level = max(event.level, faintest)
        kept.append(replace(event, level=level, loudness=_loudness_word(level)))
    return kept


def _loudness_word(level: float) -> Literal["loud", "quiet"] | None:
    if level >= _LOUDNESS["loud"].low:
        return "loud"
    return "quiet" if level <= _LOUDNESS["quiet"].high else None


def _with_speech(
    rng: np.random.Generator, split: Ranges, kind: SceneKind, seconds: float, spoken: Spoken
) -> Scene:
    length = len(spoken.samples) / SAMPLE_RATE
    seconds = min(LONGEST, max(seconds, length + 1.0))
    onset = float(rng.uniform(0.1, seconds - length - 0.1))
    speech = Speech(spoken.utterance, onset, onset + length, _SPEECH_LEVEL.draw(rng, split))
    events = []
    if kind == "speech_over":
        for event_class in _classes(rng, 1 if rng.random() < 0.75 else 2):
            event = make_event(rng, split, event_class, seconds * rng.uniform(0.5, 0.95))
            event = moved(event, float(rng.uniform(0, max(0.0, seconds - event.offset - 0.05))))
            level = max(event.level, speech.level - 14.0)
            events.append(replace(event, level=level, loudness=_loudness_word(level)))
    return compose(rng, split, kind, seconds, events=events, speech=speech)


def _tones(rng: np.random.Generator, split: Ranges, seconds: float) -> list[Tone]:
    """One to five pure tones in a row: a single one, a scale up or down, or a random tune."""
    count = int(rng.integers(1, 6))
    lasting = min(float(rng.uniform(0.3, 1.2)), (seconds - 0.4) / count - 0.05)
    start, first = float(rng.uniform(0.1, seconds - count * (lasting + 0.05) - 0.1)), _TONE.draw(rng, split)
    step = float(rng.choice([-1, 1])) * float(rng.uniform(2, 5))
    steps = step * np.arange(count) if rng.random() < 0.6 else rng.integers(-12, 13, count)
    frequencies = np.clip(first * 2.0 ** (steps / 12), 80, 7000)
    level = float(rng.uniform(-12, 3))
    return [
        Tone(start + k * (lasting + 0.05), start + k * (lasting + 0.05) + lasting, float(frequency), level)
        for k, frequency in enumerate(frequencies)
    ]


def _asked_for(
    rng: np.random.Generator, check: bool, asks: str, answer: str | None
) -> tuple[list[EventClass], str]:
    """The classes that sound under a question, and its answer."""
    if asks == "any":
        chosen = class_named(answer) if answer else CLASSES[int(rng.integers(len(CLASSES)))]
        return [chosen], chosen.name
    inside, outside = in_category(asks), [c for c in CLASSES if c.category != asks]
    distractors = [outside[k] for k in rng.choice(len(outside), 2, replace=False)]
    if check:
        answer = answer or ("yes" if rng.random() < 0.5 else "no")
        if answer not in ("yes", "no"):
            raise ValueError(f"A check is answered 'yes' or 'no', not {answer!r}.")
        first = inside[int(rng.integers(len(inside)))] if answer == "yes" else distractors[0]
        return [first, distractors[1]][: 1 if rng.random() < 0.5 else 2], answer
    chosen = class_named(answer) if answer else inside[int(rng.integers(len(inside)))]
    if chosen.category != asks:
        raise ValueError(f"A question for the {asks} cannot be answered with {chosen.name!r}.")
    return [chosen, distractors[0]], chosen.name
