"""A page to listen to the world: `python -m demos.mini.world.page [FOLDER]` writes index.html and its sounds.

Every class with examples of both splits, a few scenes with their truth, and the voices. The page needs
nothing but the folder it lies in.
"""

from __future__ import annotations

import argparse
import base64
import inspect
import re
import struct
import sys
import zlib
from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from tqdm import tqdm

from demos.mini.world.dsp import SAMPLE_RATE
from demos.mini.world.event_class import EventClass
from demos.mini.world.grammar import Sentence
from demos.mini.world.language import captions, hard_negatives, questions
from demos.mini.world.ranges import Ranges
from demos.mini.world.scene import Event, Scene, SceneKind
from demos.mini.world.scenes import compose, make_event, make_scene, moved, render
from demos.mini.world.speech import FLITE_VOICES, VOICES, SpeechUnavailableError, Utterance, Voice, synthesise
from demos.mini.world.taxonomy import CATEGORIES, CLASSES, NAMES, in_category
from demos.picture import log_mel_picture
from demos.sound import from_array

FOLDER = Path("build") / "world-page"
PER_CLASS = 4
"""Examples in training ranges; half as many are held out."""
SCENES: tuple[tuple[SceneKind, Ranges], ...] = (
    ("sequence", "train"),
    ("sequence", "heldout"),
    ("overlap", "train"),
    ("overlap", "heldout"),
    ("speech_over", "train"),
    ("conversation", "train"),
    ("question", "heldout"),
    ("tones", "train"),
    ("silence", "train"),
)
SPOKEN = Sentence("which animal can you hear", "question", "animal")
"""What every voice says."""

_SEED = 2026
_SPLIT_NAMES: dict[Ranges, str] = {"train": "training", "heldout": "held-out"}
_KIND_NAMES: dict[SceneKind, str] = {
    "single": "One sound",
    "sequence": "Sounds in a row",
    "overlap": "Two sounds at once",
    "speech_over": "Speech over other sounds",
    "speech": "Speech",
    "conversation": "A conversation",
    "silence": "Silence",
    "tones": "Pure tones",
    "question": "A spoken question about the background",
}
_COLOURS = ((11, 13, 26), (40, 40, 110), (120, 55, 140), (214, 86, 98), (250, 160, 80), (255, 244, 190))
"""Of the pictures, from silent to loudest."""
_BANDS, _COLUMNS = 40, 150
_MOST_TEXTS = 4


def write(folder: Path, names: Sequence[str] = (), per_class: int = PER_CLASS) -> Path:
    """Write the page of all classes, scenes and voices, or of the classes named alone; return its index.html.

    Sounds go into the folder `sounds` beside it. Where a synthesiser of speech is missing, a note stands.
    """
    sounds = folder / "sounds"
    sounds.mkdir(parents=True, exist_ok=True)
    chosen = [one for one in CLASSES if not names or one.name in names]
    shown: dict[str, str] = {}
    for event_class in tqdm(chosen, desc="classes", disable=None):
        shown[event_class.name] = class_card(sounds, event_class, per_class)
    parts = []
    for category in CATEGORIES:
        cards = [shown[one.name] for one in in_category(category) if one.name in shown]
        if cards:
            classes = "1 class" if len(cards) == 1 else f"{len(cards)} classes"
            parts.append(_section(category, classes, cards))
    if not names:
        scenes = [scene_card(sounds, *wanted, number) for number, wanted in enumerate(SCENES)]
        parts.append(_section("scenes", "and what is true of them", scenes))
        for synthesiser, known in (("espeak-ng", VOICES), ("flite", FLITE_VOICES)):
            title = f"voices of {synthesiser}"
            parts.append(_section(title, f"“{SPOKEN.text}”", [voice_card(sounds, known)]))
    headings = re.findall(r'<section id="([^"]+)"><h2>([^<]+)', "".join(parts))
    held_out = _examples_of("heldout", per_class)
    intro = (
        f"{len(chosen)} kinds of sound, each made by calculation and never twice the same. Of each there are "
        f"{per_class} examples from the ranges that the models were trained on and {held_out} from the ends "
        "of the ranges, which are kept for evaluation: in a room, through a microphone and a codec, over "
        "noise, just as the models hear them."
    )
    page = Path(__file__).with_suffix(".html").read_text(encoding="utf-8")
    page = page.replace("<!-- intro -->", escape(intro))
    page = page.replace("<!-- parts -->", "".join(f'<a href="#{one}">{two}</a>' for one, two in headings))
    index = folder / "index.html"
    index.write_text(page.replace("<!-- content -->", "\n".join(parts)), encoding="utf-8")
    return index


def class_card(sounds: Path, event_class: EventClass, per_class: int) -> str:
    """A class: what it is, by which labels it is known, its parameters and examples of both splits."""
    clips = []
    number = NAMES.index(event_class.name)
    for half, split in enumerate(_SPLIT_NAMES):
        for example in range(_examples_of(split, per_class)):
            rng = np.random.default_rng([_SEED, number, half, example])
            scene = single_scene(rng, split, event_class)
            name = f"{_slug(event_class.name)}-{_SPLIT_NAMES[split]}-{example + 1}"
            clips.append(
                clip(sounds, name, render(scene), event_class.name, event_truth(scene.events[0]), split)
            )
    labels = (*event_class.also, *event_class.phrases)
    shortest, longest = event_class.seconds
    facts = [f"{shortest:g} to {longest:g} s"]
    facts += ["counted"] * event_class.countable + ["goes on evenly"] * event_class.continuous
    facts += [f"high or low by its {event_class.pitch}"] if event_class.pitch else []
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td>{span.low:g} to {span.high:g}</td>"
        f"<td>{'even in octaves' if span.log else ''}</td></tr>"
        for name, span in event_class.parameters.items()
    )
    words = escape(" ".join([event_class.name, event_class.category, *labels]).lower(), quote=True)
    return (
        f'<article id="{_slug(event_class.name)}" data-words="{words}"><div>'
        f"<h3>{escape(event_class.name)}</h3>"
        f"<p>{escape(what_it_is(event_class))}</p>"
        f'<p class="facts">“{escape(event_class.progressive)}” · {escape(" · ".join(facts))}</p>'
        f'<ul class="labels" aria-label="Labels">{"".join(f"<li>{escape(one)}</li>" for one in labels)}</ul>'
        f"<details><summary>{len(event_class.parameters)} parameters</summary><table>{rows}</table></details>"
        f'</div><div class="clips">{"".join(clips)}</div></article>'
    )


def single_scene(rng: np.random.Generator, split: Ranges, event_class: EventClass) -> Scene:
    """One event of a class by itself, with its room, microphone, noise and codec."""
    event = make_event(rng, split, event_class, float(rng.uniform(2.0, 5.0)))
    return compose(rng, split, "single", max(2.0, event.offset + 0.5), events=[moved(event, 0.25)])


def what_it_is(event_class: EventClass) -> str:
    """A sentence about how the sound is made: of its own synthesiser, else of the family it belongs to."""
    described = inspect.getdoc(event_class.render)
    if not described:
        described = inspect.getdoc(sys.modules[event_class.render.__module__]) or ""
    return " ".join(described.split("\n\n")[0].split())


def event_truth(event: Event) -> str:
    """What is true of an event, in words: "2.4 s · loud · near · 3 times"."""
    said = [
        f"{event.offset - event.onset:.1f} s",
        event.loudness,
        event.nearness,
        event.pitch and f"{event.pitch} pitch",
    ]
    if event.count is not None:
        said.append("once" if event.count == 1 else f"{event.count} times")
    return " · ".join(word for word in said if word)


def scene_card(sounds: Path, kind: SceneKind, split: Ranges, number: int) -> str:
    """A scene with its truth: times, true and false captions, questions and answers.

    Where it needs a synthesiser of speech that is missing, a note.
    """
    title = _KIND_NAMES[kind]
    rng = np.random.default_rng([_SEED, len(CLASSES), number])
    try:
        scene = make_scene(rng, split, kind)
        samples = render(scene)
    except SpeechUnavailableError as error:
        return f'<article><div><h3>{title}</h3></div><p class="note">{escape(str(error))}</p></article>'
    sounding = [
        (event.name, event.onset, event.offset, event_truth(event).partition(" · ")[2])
        for event in scene.events
    ]
    sounding += [
        (f"“{one.utterance.sentence.text}”", one.onset, one.offset, f"a {one.utterance.voice.speaker}")
        for one in scene.spoken
    ]
    sounding += [(f"{tone.frequency:.0f} Hz", tone.onset, tone.offset, "") for tone in scene.tones]
    bars = "".join(_bar(scene.seconds, *one) for one in sounding)
    true, false = captions(scene, rng)[:_MOST_TEXTS], hard_negatives(scene, rng)[:2]
    asked = questions(scene, rng)[: _MOST_TEXTS + 1]
    answer = f"The spoken question is answered “{scene.answer}”. " if scene.answer else ""
    told = [
        (
            "Captions; the struck ones are false" if false else "Captions",
            [*(escape(text) for text in true), *(f"<s>{escape(text)}</s>" for text in false)],
        ),
        ("Questions", [f"{escape(question)} <b>{escape(said)}</b>" for question, said in asked]),
    ]
    listed = "".join(
        f"<dt>{name}</dt><dd>{''.join(f'<div>{line}</div>' for line in lines)}</dd>"
        for name, lines in told
        if lines
    )
    heard = clip(sounds, f"scene-{number + 1}-{kind}", samples, title, f"{scene.seconds:.1f} s", split)
    return (
        f'<article class="scene"><div><h3>{title}</h3><p class="facts">{escape(answer)}</p><dl>{listed}</dl>'
        f'</div><div>{heard}<div class="times" aria-label="What sounds when">{bars}</div></div></article>'
    )


def _bar(whole: float, name: str, start: float, stop: float, truth: str) -> str:
    """A line under a picture that shows when something sounds; its words stand where there is room."""
    left, width = 100 * start / whole, 100 * (min(stop, whole) - start) / whole
    times = f"{start:.1f} to {stop:.1f} s"
    words = escape(" · ".join(word for word in (name, times, truth) if word))
    inside = (
        f'<q style="left:{left:.2f}%">{words}</q>'
        if left < 50
        else f'<q class="left" style="left:{min(100.0, left + width):.2f}%">{words}</q>'
    )
    return f'<span><mark style="left:{left:.2f}%;width:{width:.2f}%"></mark>{inside}</span>'


def voice_card(sounds: Path, known: Sequence[Voice]) -> str:
    """The voices of a synthesiser, each saying the same; a note where the synthesiser is missing."""
    clips, note = [], ""
    for voice in tqdm(known, desc=f"voices of {known[0].synthesiser}", disable=None):
        try:
            samples = synthesise(Utterance(SPOKEN, voice, speed=160, pitch=50))
        except SpeechUnavailableError as error:  # the others will not speak either
            note = f'<p class="note">{escape(str(error))}</p>'
            break
        name = f"voice-{voice.synthesiser}-{_slug(voice.name)}"
        truth = f"{voice.name} · {voice.speaker}"
        clips.append(clip(sounds, name, samples, voice.name, truth, voice.split))
    return note + (f'<div class="voices clips">{"".join(clips)}</div>' if clips else "")


def clip(sounds: Path, name: str, samples: NDArray[np.float32], title: str, truth: str, split: Ranges) -> str:
    """Write a sound and return the button that plays it, with its picture and what is true of it."""
    soundfile.write(sounds / f"{name}.flac", samples, SAMPLE_RATE, subtype="PCM_16")
    values = log_mel_picture(from_array(SAMPLE_RATE, samples), _BANDS, _COLUMNS).values
    picture = base64.b64encode(png(values[::-1])).decode()
    said = escape(f"Play {title}: {_SPLIT_NAMES[split]}, {truth}", quote=True)
    mark = "<em>held-out</em> " if split == "heldout" else ""
    return (
        f'<button type="button" class="clip" data-file="{sounds.name}/{name}.flac" aria-label="{said}" '
        f'aria-pressed="false"><span class="picture"><img alt="" src="data:image/png;base64,{picture}">'
        f'<i></i><b></b></span><span class="truth">{mark}{escape(truth)}</span></button>'
    )


def png(values: NDArray[np.uint8]) -> bytes:
    """A PNG file of values [rows, columns], 0 to 255, in the colours of the pictures."""
    height, width = values.shape
    rows = np.pad(values, ((0, 0), (1, 0))).tobytes()  # each row begins with its filter: none
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)  # 8 bits, a palette
    parts = ((b"IHDR", header), (b"PLTE", _palette()), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


@cache
def _palette() -> bytes:
    at = np.linspace(0, len(_COLOURS) - 1, 256)
    steps = np.arange(len(_COLOURS))
    channels = [np.interp(at, steps, [colour[k] for colour in _COLOURS]) for k in range(3)]
    return np.stack(channels, axis=1).round().astype(np.uint8).tobytes()


def _section(title: str, note: str, cards: Iterable[str]) -> str:
    heading = f"<h2>{escape(title)} <small>{escape(note)}</small></h2>"
    return f'<section id="{_slug(title)}-part">{heading}\n' + "\n".join(cards) + "</section>"


def _examples_of(split: Ranges, per_class: int) -> int:
    return per_class if split == "train" else max(1, per_class // 2)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: write the page and say where."""
    parser = argparse.ArgumentParser(
        prog="python -m demos.mini.world.page",
        description="Write a page to listen to the mini suite's world.",
    )
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER, help=f"where (default: {FOLDER})")
    parser.add_argument(
        "--per-class",
        type=int,
        default=PER_CLASS,
        choices=range(1, 21),
        metavar="N",
        help=f"examples in training ranges, 1 to 20 (default: {PER_CLASS}); half as many are held out",
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="CLASS",
        help="only this class, without scenes and voices; give several",
    )
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.only if name not in NAMES]:
        parser.error(f"the world has no sound called {', '.join(unknown)}; it has {', '.join(NAMES)}")
    index = write(options.folder, options.only, options.per_class)
    megabytes = sum(path.stat().st_size for path in index.parent.rglob("*") if path.is_file()) / 1e6
    print(f"{index} ({megabytes:.1f} MB with its sounds): open it in a browser.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
