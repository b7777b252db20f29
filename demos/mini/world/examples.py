"""The sounds that come with the app: `python -m demos.mini.world.examples OUT` writes them with their truth.

Each is a 16 kHz FLAC file; `examples.json` lists file, display name, the true captions, what is said, the
answer to a spoken question, and the whole scene, from which the sound can be made again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile

from demos.mini.world.codec import AS_IT_IS
from demos.mini.world.dsp import SAMPLE_RATE
from demos.mini.world.grammar import Sentence
from demos.mini.world.language import captions
from demos.mini.world.ranges import Ranges
from demos.mini.world.scene import Event, Scene, SceneKind, Speech, Tone
from demos.mini.world.scenes import compose, make_event, moved, render
from demos.mini.world.speech import VOICES, Utterance, synthesise
from demos.mini.world.taxonomy import class_named

_SPLIT: Ranges = "train"


@dataclass(frozen=True)
class Example:
    """One shipped sound: its file's stem, the name people see, and the scene that a generator makes."""

    stem: str
    title: str
    make: Callable[[np.random.Generator], Scene]


def _event(rng: np.random.Generator, name: str, onset: float, seconds: float, level: float = -2.0) -> Event:
    """An event nearby at a plain level, so that an example is what its name says."""
    event = moved(make_event(rng, _SPLIT, class_named(name), seconds), onset)
    return replace(event, level=level, loudness=None, distance=0.2, nearness="near")


def _speech(sentence: Sentence, voice: str, onset: float) -> Speech:
    spoken_by = next(known for known in VOICES if known.name == voice)
    utterance = Utterance(sentence, spoken_by, speed=155, pitch=50)
    return Speech(utterance, onset, onset + len(synthesise(utterance)) / SAMPLE_RATE, 0.0)


def _made(
    kind: SceneKind, seconds: float, *parts: tuple[str, float, float]
) -> Callable[[np.random.Generator], Scene]:
    """A maker of a scene of (class name, onset, seconds) parts."""

    def make(rng: np.random.Generator) -> Scene:
        events = [_event(rng, name, onset, lasting) for name, onset, lasting in parts]
        return compose(rng, _SPLIT, kind, seconds, events=events)

    return make


def _question(rng: np.random.Generator) -> Scene:
    speech = _speech(Sentence("which animal can you hear", "question", "animal"), "en-us", 0.6)
    events = [_event(rng, "dog barking", 1.0, 4.0, -4.0)]
    return compose(rng, _SPLIT, "question", 6.0, events=events, speech=speech, answer="dog barking")


def _statement(text: str, voice: str, behind: str) -> Callable[[np.random.Generator], Scene]:
    """A maker of a sentence over one sound that lasts as long as the scene."""

    def make(rng: np.random.Generator) -> Scene:
        speech = _speech(Sentence(text, "statement"), voice, 1.2)
        return compose(
            rng, _SPLIT, "speech_over", 5.5, events=[_event(rng, behind, 0.0, 5.5, -9.0)], speech=speech
        )

    return make


def _conversation(rng: np.random.Generator) -> Scene:
    first = _speech(Sentence("it was rainy in london yesterday", "statement"), "en-gb-x-rp+m4", 0.4)
    second = _speech(
        Sentence("the train was fifteen minutes late", "statement"), "en-us+f1", first.offset + 0.4
    )
    return compose(rng, _SPLIT, "conversation", second.offset + 0.4, speech=first, reply=second)


def _scale(rng: np.random.Generator) -> Scene:
    steps = (0, 2, 4, 5, 7, 9, 11, 12)
    tones = [
        Tone(0.3 + 0.6 * k, 0.85 + 0.6 * k, 440.0 * 2 ** (step / 12), -4.0) for k, step in enumerate(steps)
    ]
    return compose(rng, _SPLIT, "tones", 5.5, tones=tones)


def _silence(rng: np.random.Generator) -> Scene:
    scene = compose(rng, _SPLIT, "silence", 5.0)
    return replace(scene, noise=replace(scene.noise, kind="white", level=-90.0))


EXAMPLES = (
    Example("question-over-barking", "A question over barking", _question),
    Example(
        "rain-then-bell",
        "Rain, then a bell",
        _made("sequence", 7.0, ("rain falling", 0.2, 3.6), ("bell ringing", 4.2, 2.6)),
    ),
    Example("siren", "A siren", _made("single", 6.0, ("siren wailing", 0.4, 5.2))),
    Example(
        "train-and-birds",
        "A train and a bird at once",
        _made("overlap", 6.5, ("train passing", 0.2, 6.0), ("bird chirping", 1.5, 4.0)),
    ),
    Example(
        "knock-door-steps",
        "Knocking, a door, footsteps",
        _made("sequence", 7.5, ("knocking", 0.3, 1.4), ("door slamming", 2.6, 1.2), ("footsteps", 4.4, 2.6)),
    ),
    Example(
        "statement-in-rain",
        "A sentence in the rain",
        _statement("the red bus leaves at seven", "en-us+f2", "rain falling"),
    ),
    Example(
        "cat-then-glass",
        "A cat, then breaking glass",
        _made("sequence", 5.5, ("cat meowing", 0.4, 2.4), ("glass breaking", 3.4, 1.4)),
    ),
    Example("scale-of-tones", "A scale of pure tones", _scale),
    Example("silence", "Silence", _silence),
    Example(
        "statement-over-guitar",
        "A sentence over a guitar",
        _statement("my brother is a singer", "en-gb-scotland+f1", "guitar playing"),
    ),
    Example("conversation", "Two people talking", _conversation),
    Example(
        "tap-then-toilet",
        "Running water, then a toilet",
        _made("sequence", 7.0, ("water running", 0.2, 2.6), ("toilet flushing", 3.2, 3.6)),
    ),
    Example(
        "hammer-then-saw",
        "A hammer, then a saw",
        _made("sequence", 7.0, ("hammer hitting", 0.3, 2.6), ("saw sawing", 3.5, 3.2)),
    ),
)


def write(folder: Path) -> list[Path]:
    """Write every example and `examples.json` into a folder, and return the sound files."""
    folder.mkdir(parents=True, exist_ok=True)
    listed, files = [], []
    for seed, example in enumerate(EXAMPLES):
        # What is shown is heard as it was recorded: no telephone, no lossy coding.
        scene = replace(example.make(np.random.default_rng([2026, seed])), codec=AS_IT_IS)
        path = folder / f"{example.stem}.flac"
        soundfile.write(path, render(scene), SAMPLE_RATE, subtype="PCM_16")
        files.append(path)
        listed.append(
            {
                "file": path.name,
                "name": example.title,
                "seconds": scene.seconds,
                "events": [
                    {"name": event.name, "onset": event.onset, "offset": event.offset}
                    for event in scene.events
                ],
                "speech": " ".join(speech.utterance.sentence.text for speech in scene.spoken) or None,
                "answer": scene.answer,
                "captions": sorted(captions(scene, np.random.default_rng(0))),
                "scene": scene.to_dict(),
            }
        )
    (folder / "examples.json").write_text(json.dumps(listed, indent=1) + "\n")
    return files


def main() -> None:
    """Command line: write the examples and say where."""
    parser = argparse.ArgumentParser(
        description="Write the example sounds of the mini suite with their truth."
    )
    parser.add_argument("folder", type=Path, metavar="OUT")
    for path in write(parser.parse_args().folder):
        print(f"{path} ({path.stat().st_size // 1000} kB)")


if __name__ == "__main__":
    main()
