"""What an event class is: a synthesiser, its parameter ranges, and the words for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from demos.mini.world.dsp import Signal, fade, normalised, samples_of, units_in
from demos.mini.world.ranges import Parameters, Ranges, Span, draw_all

Category = Literal[
    "animal", "weather", "water", "vehicle", "alarm", "household", "impact", "tool", "human", "instrument"
]
Renderer = Callable[[Parameters, np.random.Generator, int], Signal]


@dataclass(frozen=True)
class EventClass:
    """One kind of sound.

    `render(parameters, rng, n)` returns `n` samples at any level. `seconds` is the natural length, shortest
    and longest. A countable class has a parameter "rate" and holds whole units (barks, strokes) at that
    rate. `pitch` names the parameter that a listener would call high or low, if there is one. `mention` is
    the pattern that occurs exactly once in each phrase for this class and in no phrase for another. `phrases`
    are further noun phrases ("a barking dog", "the bark of a dog"); `also` are labels by which other
    collections know the sound ("dog", "dog bark"), which need not hold the `mention`.
    """

    name: str
    category: Category
    subject: str
    verb: str
    gerund: str
    mention: str
    seconds: tuple[float, float]
    parameters: Mapping[str, Span]
    render: Renderer
    continuous: bool = False
    countable: bool = False
    plural: bool = False
    pitch: str | None = None
    phrases: tuple[str, ...] = ()
    also: tuple[str, ...] = ()

    @property
    def noun_phrase(self) -> str:
        """As in "a dog barking"."""
        return f"{self.subject} {self.gerund}"

    @property
    def present(self) -> str:
        """As in "a dog barks"."""
        return f"{self.subject} {self.verb}"

    @property
    def progressive(self) -> str:
        """As in "a dog is barking"."""
        return f"{self.subject} {'are' if self.plural else 'is'} {self.gerund}"

    @property
    def base_verb(self) -> str:
        """The verb after "does": "bark"; of several words the first is changed ("brush teeth")."""
        if self.plural:
            return self.verb
        head, space, rest = self.verb.partition(" ")
        head = head[:-3] + "y" if head.endswith("ies") else re.sub(r"(?<=sh|ch|ss|zz)es$|s$", "", head)
        return head + space + rest

    @property
    def definite(self) -> str:
        """The subject already spoken of: "the dog"."""
        return re.sub(r"^an? ", "the ", self.subject)

    @property
    def definite_present(self) -> str:
        """As in "the dog barks"."""
        return f"{self.definite} {self.verb}"

    def draw(self, rng: np.random.Generator, ranges: Ranges) -> Parameters:
        """Parameters of one event, from the training or the held-out part of every span."""
        return draw_all(self.parameters, rng, ranges)

    def count(self, parameters: Parameters, seconds: float) -> int | None:
        """How many units a sound of this length holds; None for a class that is not counted."""
        return units_in(seconds, parameters["rate"]) if self.countable else None

    def pitch_word(self, parameters: Parameters) -> Literal["high", "low"] | None:
        """The word for the upper or lower third of the pitch range, None between or without pitch."""
        if self.pitch is None:
            return None
        position = self.parameters[self.pitch].position(parameters[self.pitch])
        return "high" if position > 2 / 3 else "low" if position < 1 / 3 else None

    def sound(self, parameters: Parameters, rng: np.random.Generator, seconds: float) -> NDArray[np.float32]:
        """Samples of one event at the reference level, with short fades so that no edge clicks."""
        signal = self.render(parameters, rng, samples_of(seconds))
        return normalised(fade(signal, 0.03 if self.continuous else 0.001, 0.05))

    def synthesise(self, rng: np.random.Generator, seconds: float, ranges: Ranges) -> NDArray[np.float32]:
        """Draw parameters and make one event of `seconds`: float32, mono, 16 kHz."""
        return self.sound(self.draw(rng, ranges), rng, seconds)
