"""What a scene is, as data: events, tones and speech with their times, and where they are heard.

A scene is its own truth. Every event carries its parameters and its seed, so that a scene read back from
JSON sounds the same to the sample.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from demos.mini.world.codec import AS_IT_IS, Codec
from demos.mini.world.grammar import Sentence
from demos.mini.world.ranges import Parameters, Ranges
from demos.mini.world.room import Microphone, Noise, Room
from demos.mini.world.speech import Utterance, Voice

SceneKind = Literal[
    "single", "sequence", "overlap", "speech_over", "speech", "conversation", "silence", "tones", "question"
]


@dataclass(frozen=True)
class Event:
    """One sound of the world.

    Times are seconds from the scene's start; `level` is in dB about the common reference; `loudness`, `pitch`
    and `nearness` are words a listener would use, None where neither fits. `count` is the number of barks,
    strokes, steps, None where the sound is not counted; a counted event ends with the pause after its last
    unit. `distance` runs from 0 (at the microphone) to 1.
    """

    name: str
    onset: float
    offset: float
    level: float
    loudness: Literal["loud", "quiet"] | None
    pitch: Literal["high", "low"] | None
    nearness: Literal["near", "far"] | None
    count: int | None
    distance: float
    seed: int
    parameters: Parameters


@dataclass(frozen=True)
class Tone:
    """A pure tone: times in seconds, frequency in Hz, level in dB about the reference."""

    onset: float
    offset: float
    frequency: float
    level: float


@dataclass(frozen=True)
class Speech:
    """An utterance at its place in a scene: times in seconds, level in dB about the reference."""

    utterance: Utterance
    onset: float
    offset: float
    level: float


@dataclass(frozen=True)
class Scene:
    """A few seconds of the world, complete: `events` in the order of their onsets.

    `answer` is what a spoken question about the background should be answered: a class name, "yes" or "no".
    In a conversation `reply` is what a second person says after `speech`. `codec` is what became of the
    recording afterwards.
    """

    kind: SceneKind
    split: Ranges
    seed: int
    seconds: float
    events: tuple[Event, ...]
    tones: tuple[Tone, ...]
    speech: Speech | None
    noise: Noise
    room: Room
    microphone: Microphone
    level: float
    answer: str | None = None
    reply: Speech | None = None
    codec: Codec = AS_IT_IS

    @property
    def spoken(self) -> tuple[Speech, ...]:
        """Everything that is said, in order."""
        return tuple(speech for speech in (self.speech, self.reply) if speech is not None)

    @property
    def names(self) -> tuple[str, ...]:
        """Class names of the events in the order of their onsets."""
        return tuple(event.name for event in self.events)

    def to_dict(self) -> dict[str, Any]:
        """The scene as JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Scene:
        """The scene that `to_dict` wrote."""
        fields = dict(data)
        fields["events"] = tuple(Event(**event) for event in data["events"])
        fields["tones"] = tuple(Tone(**tone) for tone in data["tones"])
        fields["noise"] = Noise(**data["noise"])
        fields["room"] = Room(**data["room"])
        fields["microphone"] = Microphone(**data["microphone"])
        fields["codec"] = Codec(**data.get("codec", {}))
        for who in ("speech", "reply"):
            if data.get(who) is not None:
                said = dict(data[who]["utterance"])
                said |= {"sentence": Sentence(**said["sentence"]), "voice": Voice(**said["voice"])}
                fields[who] = Speech(**{**data[who], "utterance": Utterance(**said)})
        return cls(**fields)
