"""What the stages learn from: scenes and utterances of the world, rendered once and kept on disk.

Sounds lie end to end as 16-bit integers in one file with an index beside it; truths are JSON lines.
Rendering is shared out over processes in numbered parts, so a cut run renders only what is missing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from demos.mini.world import grammar, language, scenes, speech
from demos.mini.world.ranges import Ranges, unusual
from demos.mini.world.scene import Scene, SceneKind
from demos.mini.world.taxonomy import CLASSES

SAMPLE_RATE = 16_000  # samples per second, of everything in the world
PART = 400  # sounds in one part
OTHER_SPEECH = 0.22  # of the spoken clips that are no questions

Rendered = tuple[NDArray[np.float32], dict[str, Any]]

KINDS: dict[SceneKind, float] = {
    "single": 0.34,
    "sequence": 0.34,
    "overlap": 0.14,
    "speech_over": 0.08,
    "speech": 0.03,
    "conversation": 0.02,
    "silence": 0.03,
    "tones": 0.02,
}


class Sounds:
    """Sounds of different lengths in memory-mapped files, each with a truth (a JSON object).

    Of all that is rendered in `folder`, or of its first `parts` parts alone.
    """

    def __init__(self, folder: Path, parts: int | None = None) -> None:
        self.truths: list[dict[str, Any]] = []
        self._parts: list[NDArray[np.int16]] = []
        self._where: list[tuple[int, int, int]] = []
        for number, path in enumerate(sorted(folder.glob("*.npy"))[:parts]):
            self._parts.append(np.load(path, mmap_mode="r"))
            position = 0
            for line in path.with_suffix(".jsonl").read_text().splitlines():
                truth = json.loads(line)
                self._where.append((number, position, position + truth["samples"]))
                position += truth["samples"]
                self.truths.append(truth)
        if not self.truths:
            raise FileNotFoundError(f"No rendered sounds in {folder}: run `make train` from its first stage.")

    def __len__(self) -> int:
        return len(self.truths)

    def samples(self, index: int) -> NDArray[np.float32]:
        """The sound at `index`, float32 [samples] in [−1, 1]."""
        part, start, stop = self._where[index]
        return self._parts[part][start:stop].astype(np.float32) / np.float32(32768)


class Scenes(Sounds):
    """Rendered scenes with their truth and captions."""

    def __init__(self, folder: Path, parts: int | None = None) -> None:
        super().__init__(folder, parts)
        self.scenes = [Scene.from_dict(truth["scene"]) for truth in self.truths]

    def captions(self, index: int) -> list[str]:
        """The paraphrases that were written for the scene at `index`."""
        return self.truths[index]["captions"]

    def negatives(self, index: int) -> list[str]:
        """Captions of the scene at `index` that are false by one thing alone; there may be none."""
        return self.truths[index]["negatives"]

    def questions(self, index: int) -> list[tuple[str, str]]:
        """Written questions about the scene at `index`, each with its answer."""
        return [(question, answer) for question, answer in self.truths[index]["questions"]]


class Utterances(Sounds):
    """Rendered sentences of the closed grammar."""

    def vocabulary(self) -> list[str]:
        """Every distinct sentence rendered, sorted."""
        return sorted({truth["text"] for truth in self.truths})

    def draw(self, rng: np.random.Generator) -> tuple[NDArray[np.float32], str]:
        """A random utterance and its text."""
        index = int(rng.integers(len(self)))
        return self.samples(index), self.truths[index]["text"]


class Backgrounds(Sounds):
    """Stretches of single events, to lay speech over."""

    def draw(self, rng: np.random.Generator, length: int) -> NDArray[np.float32]:
        """`length` samples of a random event, begun anywhere and repeated where it is short."""
        sound = self.samples(int(rng.integers(len(self))))
        return np.resize(np.roll(sound, int(rng.integers(len(sound)))), length)


def make_utterances(split: Ranges, seed: int, part: int) -> Iterator[Rendered]:
    """One part of utterances: every kind of sentence, those of many wordings more often."""
    rng = np.random.default_rng([seed, part])
    kinds = rng.choice(grammar.KINDS, size=PART, p=(0.50, 0.25, 0.17, 0.08))
    sentences = [grammar.sample_sentence(rng, kind) for kind in kinds]
    for spoken in speech.render_many(speech.sample_many(rng, sentences, split), workers=1):
        yield spoken.samples, {"text": spoken.utterance.sentence.text, "voice": spoken.utterance.voice.name}


def make_backgrounds(split: Ranges, seed: int, part: int) -> Iterator[Rendered]:
    """One part of backgrounds: 4 s of each class in turn."""
    rng = np.random.default_rng([seed, part])
    for number in range(PART):
        event_class = CLASSES[number % len(CLASSES)]
        yield event_class.synthesise(rng, 4.0, split), {"name": event_class.name}


def make_scenes(split: Ranges, seed: int, part: int) -> Iterator[Rendered]:
    """One part of scenes of every kind, with captions and written questions."""
    rng = np.random.default_rng([seed, part])
    kinds = list(KINDS)
    for number in rng.choice(len(KINDS), size=PART, p=list(KINDS.values())):
        kind = kinds[int(number)]
        yield _rendered(scenes.make_scene(rng, split, kind), rng)


def make_questions(split: Ranges, seed: int, part: int) -> Iterator[Rendered]:
    """One part of spoken questions over what they ask about, and other speech, mostly over sounds.

    Every class is the answer equally often.
    """
    rng = np.random.default_rng([seed, part])
    for number in range(PART):
        if rng.random() < OTHER_SPEECH:
            spoken = speech.speak(speech.sample_utterance(rng, grammar.sample_sentence(rng), split))
            kind: SceneKind = "speech_over" if rng.random() < 0.7 else "speech"
            yield _rendered(scenes.make_scene(rng, split, kind, spoken), rng)
            continue
        if rng.random() < 0.12:
            sentence, answer = grammar.sample_sentence(rng, "check"), None
        else:
            event_class = CLASSES[number % len(CLASSES)]
            asks = "any" if rng.random() < 0.5 else event_class.category
            sentence, answer = grammar.sample_sentence(rng, "question", asks), event_class.name
        spoken = speech.speak(speech.sample_utterance(rng, sentence, split))
        yield _rendered(scenes.background_question_scene(rng, split, spoken, answer), rng)


def _rendered(scene: Scene, rng: np.random.Generator) -> Rendered:
    truth = {
        "scene": scene.to_dict(),
        "captions": language.captions(scene, rng),
        "questions": language.questions(scene, rng),
        "negatives": language.hard_negatives(scene, rng),
    }
    return scenes.render(scene), truth


def played(sound: NDArray[np.float32], speed: float) -> NDArray[np.float32]:
    """The sound at another speed, with its pitch (Ko et al., Interspeech 2015), by linear interpolation."""
    places = np.arange(0, len(sound) - 1, speed)
    return np.interp(places, np.arange(len(sound)), sound).astype(np.float32)


def build(
    folder: Path, parts: int, make: Callable[[int], Iterable[Rendered]], share_unusual: float = 0.0
) -> None:
    """Render the missing ones of `parts` parts with two processes; `make(part)` yields sounds and truths.

    `share_unusual` of what they draw is unusual in everything at once (`ranges.unusual`).
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = [part for part in range(parts) if not (folder / f"{part:04}.npy").exists()]
    if not missing:
        return
    with ProcessPoolExecutor(2) as pool:
        jobs = [pool.submit(_build_part, folder, part, make, share_unusual) for part in missing]
        for job in tqdm(jobs, desc=f"render {folder.name}", mininterval=5):
            job.result()


def _build_part(
    folder: Path, part: int, make: Callable[[int], Iterable[Rendered]], share_unusual: float = 0.0
) -> None:
    sounds, lines = [], []
    with unusual(share_unusual):
        for samples, truth in make(part):
            quantised = np.clip(np.round(samples * 32767), -32768, 32767).astype(np.int16)
            sounds.append(quantised)
            lines.append(json.dumps({**truth, "samples": len(quantised)}))
    (folder / f"{part:04}.jsonl").write_text("\n".join(lines) + "\n")
    beside = folder / f"{part:04}.tmp"
    with beside.open("wb") as file:
        np.save(file, np.concatenate(sounds))
    beside.replace(folder / f"{part:04}.npy")
