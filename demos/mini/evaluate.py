"""`make evaluate`: what the committed mini suite hears of a world it was not trained on.

Held-out seeds, parameter ranges and voices; every number goes through the same engine, weights and
instructions as the page. Prints the table, puts it into the README and keeps the figures beside the weights.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from demos.catalog import suite
from demos.engine import Engine, Request
from demos.mini.world import grammar, scenes, speech
from demos.mini.world.language import captions, events_in, labels_caption
from demos.mini.world.scene import Scene, SceneKind
from demos.mini.world.speech import Spoken
from demos.mini.world.taxonomy import CLASSES, NAMES
from demos.sound import from_array
from store.records import Observation

RESULTS = Path(__file__).parent / "weights" / "evaluation.json"
README = Path(__file__).parents[2] / "README.md"
MARKS = ("<!-- evaluation: begin -->\n", "<!-- evaluation: end -->\n")
SAMPLE_RATE = 16_000
SINGLES_PER_CLASS = 10
SCENES = 200
UTTERANCES = 200
QUESTIONS_PER_CLASS = 6
CHOICES_PER_CLASS = 3  # questions for one of two sounds
ANSWER_SPEAKER = "Please answer the speaker's question in detail based on the background sound."
RESAMPLES = 2000  # of the bootstrap


@dataclass(frozen=True)
class Figure:
    """One line of the table: a value with its 95 % bootstrap interval, over so many items."""

    name: str
    value: float
    low: float
    high: float
    items: int
    floor: str  # what was asked for; empty where nothing was


def hear(engine: Engine, samples: NDArray[np.float32], request: Request) -> Observation:
    """What one system says of samples at 16 kHz."""
    sound = from_array(SAMPLE_RATE, samples)
    *_, last = engine.observe(sound, request)
    engine.forget(sound.clip.id)
    assert isinstance(last, Observation)
    return last


def figure(name: str, scores: Sequence[float], floor: str = "") -> Figure:
    """The mean of per-item scores with its percentile bootstrap interval (Efron & Tibshirani 1993)."""
    values = np.asarray(scores, np.float64)
    drawn = np.random.default_rng(7).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.percentile(values[drawn].mean(1), [2.5, 97.5])
    return Figure(name, float(values.mean()), float(low), float(high), len(values), floor)


def ratio(
    name: str, pairs: Sequence[tuple[float, float]], floor: str, of: Callable[[NDArray], float] | None = None
) -> Figure:
    """A ratio of sums over items (word errors per word, F1 of counts) with its bootstrap interval."""
    counts = np.asarray(pairs, np.float64)
    measure = of or (lambda sums: float(sums[0] / sums[1]))
    drawn = np.random.default_rng(7).integers(0, len(counts), (RESAMPLES, len(counts)))
    values = [measure(counts[rows].sum(0)) for rows in drawn]
    low, high = np.percentile(values, [2.5, 97.5])
    return Figure(name, measure(counts.sum(0)), float(low), float(high), len(counts), floor)


def single_events(engine: Engine) -> Iterator[Figure]:
    """CLAP names the class of a single event among all classes."""
    rng = np.random.default_rng(9001)
    bank = tuple(labels_caption(name)[0] for name in NAMES)
    missing = dict.fromkeys(NAMES, SINGLES_PER_CLASS)
    right = []
    with tqdm(total=sum(missing.values()), desc="single events") as bar:
        while any(missing.values()):
            scene = scenes.make_scene(rng, "heldout", "single")
            name = scene.names[0]
            if not missing[name]:
                continue
            missing[name] -= 1
            heard = hear(engine, scenes.render(scene), Request("clap", bank=bank))
            right.append(float(heard.scores[0].text == bank[NAMES.index(name)]))
            bar.update()
    yield figure(f"CLAP, zero-shot top-1 over {len(NAMES)} classes", right, "≥ 0.60")


def held_out_scenes() -> list[Scene]:
    """The scenes of retrieval and captioning: one event, several in a row, two at a time."""
    rng = np.random.default_rng(9002)
    kinds = rng.choice(["single", "sequence", "overlap"], SCENES, p=[0.4, 0.4, 0.2])
    return [scenes.make_scene(rng, "heldout", kind) for kind in kinds]


def retrieval_and_captions(engine: Engine) -> Iterator[Figure]:
    """CLAP finds the clip of a caption among 200; Pengi's caption names the events that sounded."""
    chosen = held_out_scenes()
    rng = np.random.default_rng(9003)
    texts = [captions(scene, rng)[0] for scene in chosen]
    bank = tuple(dict.fromkeys(texts))
    cosines = np.zeros((len(chosen), len(bank)))
    counts = []
    for row, scene in enumerate(tqdm(chosen, desc="scenes")):
        samples = scenes.render(scene)
        ranked = hear(engine, samples, Request("clap", bank=bank)).scores
        cosine = {score.text: score.cosine for score in ranked}
        cosines[row] = [cosine[text] for text in bank]
        said = set(events_in(hear(engine, samples, Request("pengi")).text))
        true = set(scene.names)
        counts.append((2.0 * len(said & true), float(len(said) + len(true))))
    found = []
    for row, text in enumerate(texts):
        column = cosines[:, bank.index(text)]
        found.append(float((column > column[row]).sum() < 10))
    yield figure(f"CLAP, caption → clip recall@10 over {SCENES} scenes", found, "≥ 0.50")
    yield ratio(f"Pengi, event F1 of captions over {SCENES} scenes", counts, "≥ 0.50")


def transcripts(engine: Engine) -> Iterator[Figure]:
    """Whisper's word error rate on the closed grammar, alone and over a background."""
    import jiwer

    rng = np.random.default_rng(9004)
    errors: dict[str, list[tuple[float, float]]] = {"speech": [], "speech_over": []}
    for number in tqdm(range(UTTERANCES), desc="utterances"):
        spoken = speak(rng, grammar.sample_sentence(rng))
        kind: SceneKind = "speech" if number % 2 else "speech_over"
        scene = scenes.make_scene(rng, "heldout", kind, spoken)
        said = hear(engine, scenes.render(scene, spoken.samples), Request("whisper")).text
        counted = jiwer.process_words(spoken.utterance.sentence.text, said.strip().lower())
        wrong = counted.substitutions + counted.deletions + counted.insertions
        errors[kind].append((float(wrong), float(wrong + counted.hits - counted.insertions)))
    whole = errors["speech"] + errors["speech_over"]
    yield ratio("Whisper, word error rate on the closed grammar, held-out voices", whole, "≤ 0.35")
    yield ratio("… the half of it that is speech alone", errors["speech"], "")
    yield ratio("… the half with other sounds, some of them louder, over it", errors["speech_over"], "")


def speak(rng: np.random.Generator, sentence: grammar.Sentence) -> Spoken:
    """A sentence in a held-out voice."""
    return speech.speak(speech.sample_utterance(rng, sentence, "heldout"))


def spoken_questions(engine: Engine) -> Iterator[Figure]:
    """SALMONN answers a spoken question about the background; also with the background taken away."""
    rng = np.random.default_rng(9005)
    for asked, times, title, floor in (
        ("any", QUESTIONS_PER_CLASS, "SALMONN, spoken question about the background", "≥ 0.50"),
        ("category", CHOICES_PER_CLASS, "SALMONN, spoken question for one of two sounds", ""),
    ):
        right: list[float] = []
        deaf: list[float] = []
        answers = []
        wanted = [event_class for event_class in CLASSES for _ in range(times)]
        for event_class in tqdm(wanted, desc=f"questions ({asked})"):
            asks = "any" if asked == "any" else event_class.category
            spoken = speak(rng, grammar.sample_sentence(rng, "question", asks))
            scene = scenes.background_question_scene(rng, "heldout", spoken, event_class.name)
            answers.append(event_class.name)
            for kept, outcomes in ((scene, right), (scenes.without_background(scene), deaf)):
                samples = scenes.render(kept, spoken.samples)
                said = hear(engine, samples, Request("salmonn", instruction=ANSWER_SPEAKER)).text
                outcomes.append(float(events_in(said) == [event_class.name]))
        majority = max(answers.count(name) for name in set(answers)) / len(answers)
        yield figure(f"{title}, {len(set(answers))} balanced answers", right, floor)
        ceiling = f"≤ {1.5 * majority:.3f}" if floor else ""
        yield figure("… with the background removed", deaf, ceiling)


def table(figures: Sequence[Figure]) -> str:
    """The figures as the README shows them."""
    lines = [
        "| measured on the held-out world | value | 95 % interval | items | asked |",
        "|---|---|---|---|---|",
    ]
    for one in figures:
        interval = f"{one.low:.3f} – {one.high:.3f}"
        lines.append(f"| {one.name} | **{one.value:.3f}** | {interval} | {one.items} | {one.floor} |")
    return "\n".join(lines)


def kept() -> list[Figure]:
    """The figures of the committed weights, as last measured."""
    return [Figure(**one) for one in json.loads(RESULTS.read_text(encoding="utf-8"))]


def with_table(readme: str, figures: Sequence[Figure]) -> str:
    """The README with the table between its marks replaced. Raises ValueError where a mark is missing."""
    before, rest = readme.split(MARKS[0])
    _, after = rest.split(MARKS[1])
    return f"{before}{MARKS[0]}{table(figures)}\n{MARKS[1]}{after}"


def main() -> int:
    """Measure everything, print the table, keep the figures."""
    parser = argparse.ArgumentParser(prog="python -m demos.mini.evaluate", description=__doc__.split("\n")[0])
    parser.add_argument("--weights", type=Path, help="another folder of mini weights")
    parser.add_argument("--only", choices=[part.__name__ for part in PARTS], help="one part, nothing is kept")
    options = parser.parse_args()
    engine = Engine(suite("mini", options.weights))
    parts = [part for part in PARTS if options.only in (None, part.__name__)]
    try:
        figures = [one for part in parts for one in part(engine)]
    except speech.SpeechUnavailableError as error:
        print(error, file=sys.stderr)
        return 1
    print(table(figures))
    if options.weights is None and options.only is None:
        RESULTS.write_text(json.dumps([asdict(one) for one in figures], indent=1, ensure_ascii=False) + "\n")
        README.write_text(with_table(README.read_text(encoding="utf-8"), figures), encoding="utf-8")
    return 0


PARTS = (single_events, retrieval_and_captions, transcripts, spoken_questions)

if __name__ == "__main__":
    sys.exit(main())
