"""What sounds and what is said in each window of the Q-Former, as numbers: a score to read from.

A window is 17 encoder frames of 20 ms; a prompt holds 88 of them (30 s). Each has one place for every class
of events, every word of the grammar, and what a listener would say of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from demos.mini.world import grammar
from demos.mini.world.scene import Scene, Speech
from demos.mini.world.taxonomy import NAMES

SECONDS = 17 * 0.02  # of one window
WINDOWS = 88  # audio tokens of 30 s, which every prompt holds
WORDS = tuple(grammar.vocabulary())
MANNERS = ("loud", "quiet", "high", "low", "near", "far", "unit", "man", "woman", "tone", "tone's height")
TIMES = ("time", "time's sine", "time's cosine")
FEATURES = (*NAMES, *WORDS, *MANNERS, *TIMES)
_WORDS, _MANNERS = len(NAMES), len(NAMES) + len(WORDS)
_EVENT_PLACE = {name: place for place, name in enumerate(NAMES)}
_WORD_PLACE = {word: _WORDS + number for number, word in enumerate(WORDS)}
_MANNER_PLACE = {manner: _MANNERS + number for number, manner in enumerate(MANNERS)}
EVENT_FEATURES = slice(0, _WORDS)
WORD_FEATURES = slice(_WORDS, _MANNERS)
TIME_FEATURES = slice(_MANNERS + len(MANNERS), None)
PERIOD = 20.0  # seconds: time stands as its share of it, and as the sine and cosine of an angle
LEAST = 0.3  # of a window that an event must fill to stand in it


def score(scene: Scene, speed: float = 1.0, windows: int = WINDOWS) -> NDArray[np.float32]:
    """The score of a scene that is played `speed` times as fast: [windows, features].

    Events stand in the windows that they fill for a third, or else in the one where they fill most. A word
    stands in the window of its middle; its time is a guess from the letters before it. "unit" counts the
    barks, strokes and steps that begin in a window. Where anything stands in a window, its time does
    too: what came before what is told from that.
    """
    found = np.zeros((windows, len(FEATURES)), np.float32)
    edges = np.arange(windows + 1) * SECONDS * speed

    def filled(onset: float, offset: float) -> NDArray[np.bool_]:
        share = (np.minimum(edges[1:], offset) - np.maximum(edges[:-1], onset)) / (SECONDS * speed)
        return (share >= LEAST) | ((share == share.max()) & (share > 0))

    def window_of(time: float) -> int:
        return min(windows - 1, int(time / (SECONDS * speed)))

    for event in scene.events:
        inside = filled(event.onset, event.offset)
        found[inside, _EVENT_PLACE[event.name]] = 1
        for manner in (event.loudness, event.pitch, event.nearness):
            if manner is not None:
                found[inside, _MANNER_PLACE[manner]] = 1
        for unit in range(event.count or 0):
            found[window_of(event.onset + unit / event.parameters["rate"]), _MANNER_PLACE["unit"]] += 1
    for tone in scene.tones:
        inside = filled(tone.onset, tone.offset)
        found[inside, _MANNER_PLACE["tone"]] = 1
        found[inside, _MANNER_PLACE["tone's height"]] = np.log2(tone.frequency / 1000) / 2
    for speech in scene.spoken:
        found[filled(speech.onset, speech.offset), _MANNER_PLACE[speech.utterance.voice.speaker]] = 1
        for word, middle in word_times(speech):
            if middle < edges[-1]:
                found[window_of(middle), _WORD_PLACE[word]] = 1
    share = (np.arange(windows) + 0.5) * SECONDS / PERIOD
    angle = 2 * np.pi * share
    busy = found.any(1)
    found[busy, TIME_FEATURES] = np.stack([share, np.sin(angle), np.cos(angle)], 1)[busy]
    return found


def word_times(speech: Speech) -> list[tuple[str, float]]:
    """Each word and the second of its middle, if time is shared out by letters."""
    words = speech.utterance.sentence.text.split()
    letters = np.array([len(word) + 1.5 for word in words])
    middles = (np.cumsum(letters) - letters / 2) / letters.sum()
    return [
        (word, speech.onset + float(middle) * (speech.offset - speech.onset))
        for word, middle in zip(words, middles, strict=True)
    ]
