"""`make cards`: fills in the numbers of the model cards in docs/cards.

A card is written by hand but for its marked places, `<!-- numbers: WHICH -->` to `<!-- numbers: end -->`:
size, data, training, evaluation, and in the index the table of all models. They come from the weights' own
files, the training code and the kept evaluation, so that after a training one command brings all up to date.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from demos.mini import card_numbers as numbers
from demos.mini.card_numbers import CARDS, MINI, RENDERED, WEIGHTS

PLACE = re.compile(r"(<!-- numbers: (\w+) -->\n)(.*?)(<!-- numbers: end -->)", re.DOTALL)
TOKENIZER, HTSAT = "tokenizer.json", "htsat.safetensors"


@dataclass(frozen=True)
class Card:
    """A model with a card: its own files (patterns below the weights), those it shares, how it learned.

    `sets` are the rendered sets it hears and how, `stages` its stages with their training modules, `phases`
    what happens in the steps of an argument of a stage, `rows` how the names of its figures begin.
    """

    name: str
    title: str
    task: str
    own: tuple[str, ...]
    stages: Mapping[str, str]
    phases: Mapping[str, str]
    rows: tuple[str, ...]
    shared: Mapping[str, str] = field(default_factory=dict)
    sets: Callable[[], Mapping[str, str]] = dict

    @property
    def files(self) -> list[Path]:
        """Its own files that are there, in the order of their patterns."""
        return [path for pattern in self.own for path in sorted(WEIGHTS.glob(pattern))]

    @property
    def trained(self) -> bool:
        """Whether its weights are there."""
        return any(path.suffix in (".safetensors", ".pt") for path in self.files)


def _first(module: str, name: str, what: str) -> str:
    return f"the first {numbers.constant(module, name):,}, {what}"


def _self_supervised(name: str, title: str, phases: Mapping[str, str]) -> Card:
    sets = {
        "first utterances": "speech, a third of it under other voices or sounds",
        "first scenes": "windows from anywhere in them",
        "backgrounds": "single sounds, and under speech",
    }
    return Card(
        name,
        title,
        "layers of speech and sounds",
        (f"{name}/model.safetensors", f"{name}/*.json"),
        {name: name},
        phases,
        ("Cepstra alone", "Untrained network", title),
        sets=lambda: sets,
    )


MODELS: tuple[Card, ...] = (
    Card(
        "clap",
        "CLAP",
        "which texts fit a sound",
        (HTSAT, "clap.safetensors", "clap.json", TOKENIZER),
        {"clap": "clap", "clap-heads": "clap"},
        {
            "clap": "HTSAT, text tower and projections",
            "clap-heads": "text tower and projections on kept hearings of the frozen HTSAT",
        },
        ("CLAP",),
        sets=lambda: {"scenes": "all, with true and false captions"},
    ),
    Card(
        "pengi",
        "Pengi",
        "captions, lists of events, answers to written questions",
        ("pengi.safetensors", "pengi.json"),
        {"pengi": "pengi"},
        {
            "pengi steps": "captions, lists of events, written questions",
            "pengi more_steps": "the same, mostly captions",
        },
        ("Pengi",),
        {HTSAT: "CLAP", TOKENIZER: "CLAP"},
        lambda: {"scenes": "all, as HTSAT heard them, with captions and written questions"},
    ),
    Card(
        "whisper",
        "Whisper",
        "transcripts",
        ("whisper.pt",),
        {"whisper": "whisper"},
        {
            "whisper steps": "short windows of speech",
            "whisper wide_steps": "other sounds over the speech; every eighth batch in the whole window",
        },
        ("Whisper",),
        sets=lambda: {"utterances": "all", "backgrounds": "laid over half of the windows"},
    ),
    Card(
        "beats",
        "BEATs",
        "what sounds when; ears of SALMONN",
        ("beats.safetensors", "beats.json"),
        {"beats": "beats", "beats-wider": "beats"},
        {
            "beats-wider steps": "grown, short windows of the later scenes",
            "beats-wider long_steps": "whole clips of them",
            "beats steps": "short windows",
            "beats more_steps": "the same, from a higher rate again",
            "beats long_steps": "whole clips",
        },
        ("BEATs",),
        sets=lambda: {
            "scenes": _first("beats", "SCENES", "half of them with speech laid over"),
            "scenes-more": "the first 20,000 in the last phases; half are unusual in all at once",
            "questions": "all, half of them unusual in all at once",
            "utterances": "laid over scenes",
        },
    ),
    Card(
        "salmonn",
        "SALMONN",
        "answers about speech and background together",
        ("salmonn*.safetensors", "salmonn.json", "activation.json"),
        {"salmonn": "salmonn", "salmonn-wider": "salmonn"},
        {
            "salmonn-wider score_steps": "scores of what sounds and is said in each window, without a text",
            "salmonn-wider steps": "all instructions but stories, 2 of 5 batches questions of yes and no",
            "salmonn-wider full_steps": "the same, half of the batches with the whole window encoded",
            "salmonn first_steps": "transcripts and captions",
            "salmonn steps": "all instructions but stories",
            "salmonn more_steps": "the same, every second batch questions of yes and no",
            "salmonn full_steps": "the same, half of the batches with the whole published window encoded",
        },
        ("SALMONN",),
        {
            "whisper.pt": "Whisper",
            "beats.safetensors": "BEATs",
            "beats.json": "BEATs",
            "llama.safetensors": "LLaMA",
            TOKENIZER: "CLAP",
        },
        lambda: {
            "questions": _first("salmonn", "QUESTION_CLIPS", "each at some other speed"),
            "scenes": _first("salmonn", "SCENE_CLIPS", "each at some other speed"),
            "scenes-more": "in the last phases, with more of the questions, each at some other speed",
        },
    ),
    Card(
        "llama",
        "LLaMA",
        "the language model of SALMONN",
        ("llama.safetensors",),
        {"llama": "llama", "llama-wider": "llama", "llama-asked": "llama"},
        {
            "llama-wider steps": "the same, scores telling the time as well",
            "llama-asked steps": "many questions of yes and no about each scene, most of events in a row",
            "llama steps": "transcripts, captions, answers and stories from scores of scenes",
            "llama more_steps": "the same, every second batch questions of yes and no",
        },
        ("LLaMA",),
        {"salmonn.json": "SALMONN", TOKENIZER: "CLAP"},
    ),
    _self_supervised("wav2vec2", "wav2vec 2.0", {"wav2vec2 steps": "contrast in masked steps"}),
    _self_supervised(
        "hubert",
        "HuBERT",
        {
            "hubert steps": "first iteration, clusters of cepstra",
            "hubert second_steps": "second iteration, clusters of a middle layer",
        },
    ),
    _self_supervised("data2vec", "data2vec-audio", {"data2vec steps": "what the teacher hears"}),
    Card(
        "speaker",
        "Speaker model",
        "whether two voices are one",
        ("speaker/model.safetensors", "speaker/*.json"),
        {"speaker": "speaker"},
        {"speaker steps": "additive-margin softmax over the speakers"},
        ("Speaker model",),
        sets=lambda: {
            "first utterances": "all, each voice being a speaker",
            "backgrounds": "under two thirds of the windows",
        },
    ),
)
"""Every model that has a card, in the order of the index."""


def size(card: Card) -> str:
    """Files, parameters and bytes, then what differs from the published configuration."""
    if not card.trained:
        return f"**Not trained yet:** `{_below_root(WEIGHTS / card.own[0])}` is not there."
    shared = {WEIGHTS / name: whose for name, whose in card.shared.items()}
    tables = [numbers.size_table(card.files, shared), numbers.settings_table(numbers.settings(card.name))]
    return "\n\n".join(tables)


def data(card: Card) -> str:
    """What the world holds and what of it was rendered for this model."""
    parts = [numbers.world_sentence()]
    if used := card.sets():
        parts.append(numbers.rendered_table(used))
    if card.name == "llama":
        batch = numbers.constant("llama", "BATCH")
        scores = batch * sum(
            sum(numbers.steps(stage, "llama").values()) for stage in ("llama", "llama-wider")
        )
        asked = numbers.steps("llama-asked", "llama")["steps"]
        scores += asked // 4 * batch + (asked - asked // 4) * numbers.constant("llama", "ASKED_SCENES")
        parts.append(f"No sound: {scores:,} scores of scenes, each drawn for its step and never rendered.")
    return "\n\n".join(parts)


def training(card: Card) -> str:
    """The planned steps of each phase, and a warning where the weights in place are of another plan."""
    lines = ["| stage | phase | steps |", "|---|---|---:|"]
    for stage, module in card.stages.items():
        for argument, count in numbers.steps(stage, module).items():
            phase = card.phases.get(f"{stage} {argument}") or card.phases[stage]
            lines.append(f"| {stage} | {phase} | {count:,} |")
    if not card.trained:
        lines += ["", "**Not trained yet:** this is the plan."]
    elif (taught := numbers.classes_of_weights()) != (classes := _classes()):
        lines += [
            "",
            f"**The weights in place are older than this plan and this world:** the suite was taught "
            f"{taught} classes of events, and the world now has {classes}.",
        ]
    return "\n".join(lines)


def evaluation(card: Card) -> str:
    """The kept figures of the model."""
    return numbers.evaluation_table(card.rows)


def index(_: Card | None = None) -> str:
    """The table of all models, for the index."""
    lines = ["| card | what it says of a sound | parameters | bytes |", "|---|---|---:|---:|"]
    total = [0, 0]
    for card in MODELS:
        link = f"[{card.title}]({card.name}.md)"
        if not card.trained:
            lines.append(f"| {link} | {card.task} | not trained yet | |")
            continue
        own = [numbers.contents(path) for path in card.files if path.suffix in (".safetensors", ".pt")]
        held = sum(one.parameters for one in own), sum(path.stat().st_size for path in card.files)
        total = [before + more for before, more in zip(total, held, strict=True)]
        lines.append(f"| {link} | {card.task} | {held[0]:,} | {held[1]:,} |")
    lines.append(f"| **all** | | **{total[0]:,}** | **{total[1]:,}** |")
    return "\n".join(lines)


BLOCKS: Mapping[str, Callable[[Card], str]] = {
    "size": size,
    "data": data,
    "training": training,
    "evaluation": evaluation,
    "index": index,
}


def filled(text: str, card: Card) -> str:
    """The text of a card with its marked places filled. Raises ValueError for a place of an unknown name."""

    def fill(found: re.Match[str]) -> str:
        if found[2] not in BLOCKS:
            raise ValueError(f"A card has no numbers called {found[2]!r}; there are {', '.join(BLOCKS)}.")
        return f"{found[1]}{BLOCKS[found[2]](card)}\n{found[4]}"

    return PLACE.sub(fill, text)


def pages() -> dict[Path, Card]:
    """Every page of the cards with the card that fills it; the index goes with any."""
    return {CARDS / "README.md": MODELS[0], **{CARDS / f"{card.name}.md": card for card in MODELS}}


def main(arguments: list[str] | None = None) -> int:
    """Fill in all cards; with a whole folder of rendered sounds, count those again first."""
    parser = argparse.ArgumentParser(prog="python -m demos.mini.cards", description=__doc__)
    parser.add_argument(
        "--rendered", type=Path, default=Path("build/train"), help="the rendered sounds, counted where whole"
    )
    options = parser.parse_args(arguments)
    if counted := numbers.measure_rendered(options.rendered):
        RENDERED.write_text(f"{json.dumps(counted, indent=1)}\n", encoding="utf-8")
    for page, card in pages().items():
        page.write_text(filled(page.read_text(encoding="utf-8"), card), encoding="utf-8")
    print(f"Filled {len(pages())} pages in {_below_root(CARDS)}.")
    return 0


def _classes() -> int:
    from demos.mini.world.taxonomy import NAMES

    return len(NAMES)


def _below_root(path: Path) -> str:
    return path.relative_to(MINI.parents[1]).as_posix()


if __name__ == "__main__":
    sys.exit(main())
