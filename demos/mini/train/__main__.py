"""`make train`: the mini suite from nothing, stage by stage; a run that was cut goes on where it stopped.

python -m demos.mini.train                    every stage, then the weights are put in place
python -m demos.mini.train whisper salmonn    these stages alone
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from demos.mini.train import (
    activation,
    beats,
    clap,
    curves,
    data2vec,
    evidence,
    hubert,
    llama,
    pengi,
    salmonn,
    self_supervised,
    sounds,
    speaker,
    texts,
    tokenizer,
    wav2vec2,
    whisper,
)
from demos.mini.world.speech import SpeechUnavailableError

WEIGHTS = Path(__file__).parent.parent / "weights"
KEPT = (
    "tokenizer.json",
    "htsat.safetensors",
    "clap.safetensors",
    "clap.json",
    "pengi.safetensors",
    "pengi.json",
    "evidence.json",
    "whisper.pt",
    "beats.safetensors",
    "beats.json",
    "salmonn.safetensors",
    "llama.safetensors",
    "salmonn.json",
    "salmonn_before_activation.safetensors",
    "activation.json",
)
LAYER_STUDY = tuple(
    f"{name}/{file}"
    for name in ("wav2vec2", "hubert", "data2vec", "speaker")
    for file in ("config.json", "model.safetensors", "preprocessor_config.json")
)
"""Files that the app does without."""


def render(folder: Path) -> None:
    """Utterances, backgrounds, scenes and spoken questions of the training split."""
    sounds.build(folder / "utterances", 80, partial(sounds.make_utterances, "train", 101))
    sounds.build(folder / "backgrounds", 10, partial(sounds.make_backgrounds, "train", 102))
    sounds.build(folder / "scenes", 100, partial(sounds.make_scenes, "train", 103))
    sounds.build(folder / "questions", 40, partial(sounds.make_questions, "train", 104))


def scenes(folder: Path) -> sounds.Scenes:
    """The rendered scenes."""
    return sounds.Scenes(folder / "scenes")


def utterances(folder: Path) -> sounds.Utterances:
    """The rendered utterances."""
    return sounds.Utterances(folder / "utterances")


def world(folder: Path) -> self_supervised.World:
    """Everything rendered, for those that learn without being told what sounds."""
    return self_supervised.World(
        utterances(folder), scenes(folder), sounds.Backgrounds(folder / "backgrounds")
    )


def voices(folder: Path) -> speaker.Voices:
    """The rendered utterances with their voices, and what sounds behind them."""
    return speaker.Voices(utterances(folder), sounds.Backgrounds(folder / "backgrounds"))


def install(folder: Path) -> None:
    """Put the trained files where the app reads them; of those for the layer study, what there is."""
    for name in (*KEPT, *(name for name in LAYER_STUDY if (folder / name).exists())):
        (WEIGHTS / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / name, WEIGHTS / name)
    curves.keep(folder, WEIGHTS)


STAGES: dict[str, Callable[[Path], None]] = {
    "sounds": render,
    "tokenizer": lambda folder: tokenizer.run(folder, texts.corpus(scenes(folder), utterances(folder))),
    "clap": lambda folder: clap.run(folder, scenes(folder), steps=6000),
    "clap-heads": lambda folder: clap.run_heads(folder, scenes(folder), steps=600),
    "pengi": lambda folder: pengi.run(folder, scenes(folder), steps=1500, more_steps=1500),
    "evidence": evidence.run,
    "whisper": lambda folder: whisper.run(folder, utterances(folder), steps=2000, wide_steps=3600),
    "beats": lambda folder: beats.run(
        folder,
        scenes(folder),
        sounds.Scenes(folder / "questions"),
        utterances(folder),
        steps=4000,
        more_steps=2500,
        long_steps=200,
    ),
    "llama": lambda folder: llama.run(folder, salmonn.configuration(folder), steps=2000, more_steps=1600),
    "salmonn": lambda folder: salmonn.run(
        folder,
        sounds.Scenes(folder / "questions"),
        scenes(folder),
        first_steps=1000,
        steps=3600,
        more_steps=2000,
        full_steps=160,
    ),
    "activation": lambda folder: activation.run(folder, sounds.Scenes(folder / "questions"), scenes(folder)),
    "wav2vec2": lambda folder: wav2vec2.run(folder, world(folder)),
    "hubert": lambda folder: hubert.run(folder, world(folder)),
    "data2vec": lambda folder: data2vec.run(folder, world(folder)),
    "speaker": lambda folder: speaker.run(folder, voices(folder)),
    "install": install,
}


def main() -> int:
    """Run the stages named on the command line, all of them when none is."""
    parser = argparse.ArgumentParser(prog="python -m demos.mini.train", description=__doc__.split("\n")[0])
    parser.add_argument("stages", nargs="*", metavar="stage", help=f"of: {', '.join(STAGES)} (default: all)")
    parser.add_argument(
        "--folder", type=Path, default=Path("build/train"), help="where sounds and checkpoints lie"
    )
    parser.add_argument("--threads", type=int, default=0, help="torch threads (default: as many as cores)")
    options = parser.parse_args()
    if unknown := [name for name in options.stages if name not in STAGES]:
        print(f"There is no stage {unknown[0]!r}; the stages are {', '.join(STAGES)}.", file=sys.stderr)
        return 2
    if options.threads:
        torch.set_num_threads(options.threads)
    options.folder.mkdir(parents=True, exist_ok=True)
    try:
        for name in options.stages or STAGES:
            STAGES[name](options.folder)
    except (FileNotFoundError, SpeechUnavailableError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
