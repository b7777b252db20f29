"""The clips of the evaluation: each is drawn from the held-out split by its kind and number alone.

So a clip that was misheard can be made again without the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from demos.mini.world import grammar, scenes, speech
from demos.mini.world.scene import Scene, SceneKind
from demos.mini.world.speech import Spoken, Synthesiser
from demos.mini.world.taxonomy import CLASSES

SENTENCE_KINDS: tuple[grammar.SentenceKind, ...] = ("statement", "question", "command", "check")
"""In turn, so that half of the sentences ask something."""
_MIXED: tuple[SceneKind, ...] = ("single", "sequence", "overlap", "sequence")


@dataclass(frozen=True, eq=False)
class HeldOut:
    """A scene to be heard, with the samples of what is said in it where somebody speaks."""

    kind: str
    number: int
    scene: Scene
    said: NDArray[np.float32] | None = None

    def samples(self) -> NDArray[np.float32]:
        """The clip: float32, mono, 16 kHz."""
        return scenes.render(self.scene, self.said)

    def without_background(self) -> HeldOut:
        """The same clip with its events taken away."""
        return replace(self, scene=scenes.without_background(self.scene))

    def without_speech(self) -> HeldOut:
        """The same clip with its speech taken away."""
        return replace(self, scene=scenes.without_speech(self.scene))


def draw(kind: str, number: int) -> HeldOut:
    """The clip of that number of a kind in `KINDS`; always the same."""
    return KINDS[kind](number)


def _single(number: int) -> HeldOut:
    """One event; all classes in turn."""
    rng, wanted = np.random.default_rng([9201, number]), CLASSES[number % len(CLASSES)].name
    while True:  # a scene takes a tenth of a millisecond, and one in so many classes is the wanted one
        scene = scenes.make_scene(rng, "heldout", "single")
        if scene.names == (wanted,):
            return HeldOut("single", number, scene)


def _several(number: int) -> HeldOut:
    """Two to four events: seven of ten one after the other, the others two at the same time."""
    rng = np.random.default_rng([9202, number])
    kind: SceneKind = "sequence" if number % 10 < 7 else "overlap"
    return HeldOut("several", number, _of_two_or_more(rng, kind))


def _mixed(number: int) -> HeldOut:
    """One to four events: one, some in a row, two at the same time, some in a row, in turn."""
    rng, kind = np.random.default_rng([9203, number]), _MIXED[number % len(_MIXED)]
    scene = scenes.make_scene(rng, "heldout", kind) if kind == "single" else _of_two_or_more(rng, kind)
    return HeldOut("mixed", number, scene)


def _sequence(number: int) -> HeldOut:
    """Two to four events in a row."""
    return HeldOut("sequence", number, _of_two_or_more(np.random.default_rng([9204, number]), "sequence"))


def _of_two_or_more(rng: np.random.Generator, kind: SceneKind) -> Scene:
    while True:  # events that do not fit into one window are left out, and one may remain
        scene = scenes.make_scene(rng, "heldout", kind)
        if len(scene.events) >= 2:
            return scene


def _speech(number: int) -> HeldOut:
    """A sentence in a held-out voice by itself."""
    return _uttered("speech", number, _sentence(9205, number))


def _speech_over(number: int) -> HeldOut:
    """The same utterance as the speech of that number, over other sounds."""
    return _uttered("speech_over", number, _sentence(9205, number))


def _flite(number: int) -> HeldOut:
    """A sentence in a voice of the synthesiser that training never heard."""
    return replace(_uttered("speech", number, _sentence(9206, number, "flite")), kind="flite")


def _sentence(seed: int, number: int, synthesiser: Synthesiser = "espeak-ng") -> Spoken:
    rng = np.random.default_rng([seed, number])
    sentence = grammar.sample_sentence(rng, SENTENCE_KINDS[number % len(SENTENCE_KINDS)])
    return speech.speak(speech.sample_utterance(rng, sentence, "heldout", synthesiser))


def _uttered(kind: SceneKind, number: int, spoken: Spoken) -> HeldOut:
    rng = np.random.default_rng([9207, number])
    return HeldOut(kind, number, scenes.make_scene(rng, "heldout", kind, spoken), spoken.samples)


def _question(number: int) -> HeldOut:
    """A spoken question for the one sound in the background; all classes in turn are the answer."""
    return _asked("question", 9208, number, "any")


def _choice(number: int) -> HeldOut:
    """A spoken question for the sound of one category, where another sounds as well."""
    return _asked("choice", 9209, number, CLASSES[number % len(CLASSES)].category)


def _asked(kind: str, seed: int, number: int, asks: str) -> HeldOut:
    rng = np.random.default_rng([seed, number])
    sentence = grammar.sample_sentence(rng, "question", asks)
    spoken = speech.speak(speech.sample_utterance(rng, sentence, "heldout"))
    answer = CLASSES[number % len(CLASSES)].name
    scene = scenes.background_question_scene(rng, "heldout", spoken, answer)
    return HeldOut(kind, number, scene, spoken.samples)


KINDS: Mapping[str, Callable[[int], HeldOut]] = {
    "single": _single,
    "several": _several,
    "mixed": _mixed,
    "sequence": _sequence,
    "speech": _speech,
    "speech_over": _speech_over,
    "flite": _flite,
    "question": _question,
    "choice": _choice,
}
