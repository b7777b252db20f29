"""What mini-CLAP learns from: log-mels of scenes, what sounds in them when, and their captions as tokens."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tqdm import tqdm

from demos.mini.train.sounds import SAMPLE_RATE, Scenes
from demos.mini.world.taxonomy import NAMES
from demos.networks.htsat import Htsat

PLACES = 4  # of events in a row
END = " <|endoftext|>"


def whole_window(samples: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """The first `length` samples; a shorter sound is repeated end to end, as published."""
    return np.resize(samples, length) if len(samples) < length else samples[:length]


def event_steps(scene: dict, seconds: float, window: float, steps: int) -> NDArray[np.float32]:
    """Which class sounds in which step of the window [steps, classes], repeated where it is short."""
    truth = np.zeros((steps, len(NAMES)), np.float32)
    for event in scene["events"]:
        column = NAMES.index(event["name"])
        for repetition in range(int(np.ceil(window / seconds))):
            onset = (event["onset"] + repetition * seconds) / window * steps
            offset = (event["offset"] + repetition * seconds) / window * steps
            truth[int(max(0, np.floor(onset))) : int(min(steps, np.ceil(offset))), column] = 1
    return truth


def event_places(scene: dict) -> NDArray[np.int64]:
    """The classes of the events in a row [places], −1 behind the last; none where there is no order."""
    found = np.full(PLACES, -1)
    onsets = [event["onset"] for event in scene["events"]]
    if len(set(onsets)) == len(onsets):
        names = [scene["events"][place]["name"] for place in np.argsort(onsets)]
        found[: len(names)] = [NAMES.index(name) for name in names[:PLACES]]
    return found


class Examples:
    """Log-mels [N, frames, bands], timed classes and tokenised captions, true and false, of every scene.

    `single` [N] is the class of a scene of one event, −1 elsewhere; `order` [N, places] the classes of its
    events in the order of their beginnings, −1 where there are no more; `content` [N] is equal where
    scenes hold the same events in the same order.
    """

    def __init__(
        self, folder: Path, scenes: Scenes, htsat: Htsat, tokenizer: Tokenizer, more: bool = False
    ) -> None:
        """The log-mels are kept in `folder`, those of `more` scenes apart from those of the first ones."""
        config = htsat.config
        steps = config.chunks * config.final_grid[1]
        path = folder / ("log_mel-more.npy" if more else "log_mel.npy")
        shape = (len(scenes), config.frames, config.mel_bins)
        if not path.exists():
            beside = path.with_suffix(".tmp.npy")
            store = np.lib.format.open_memmap(beside, mode="w+", dtype=np.float16, shape=shape)
            for start in tqdm(range(0, len(scenes), 64), desc="log-mel", mininterval=5):
                rows = range(start, min(start + 64, len(scenes)))
                sounds = [whole_window(scenes.samples(i), config.clip_samples) for i in rows]
                with torch.no_grad():
                    log_mel = htsat.log_mel(torch.from_numpy(np.stack(sounds)))
                store[rows.start : rows.stop] = log_mel[:, 0].numpy()
            store.flush()
            beside.replace(path)
        self.log_mel = np.load(path, mmap_mode="r")
        self.steps = np.stack(
            [
                event_steps(truth["scene"], truth["samples"] / SAMPLE_RATE, config.clip_seconds, steps)
                for truth in scenes.truths
            ]
        )

        def encoded(texts: list[str]) -> list[list[int]]:
            return [encoding.ids for encoding in tokenizer.encode_batch([text + END for text in texts])]

        self.captions = [encoded(scenes.captions(i)) for i in range(len(scenes))]
        self.negatives = [encoded(scenes.negatives(i)) for i in range(len(scenes))]
        named = [scene.names[0] if scene.kind == "single" else None for scene in scenes.scenes]
        self.single = np.array([-1 if name is None else NAMES.index(name) for name in named])
        self.order = np.stack([event_places(truth["scene"]) for truth in scenes.truths])
        contents: dict[str, int] = {}
        keys = [_content(truth) for truth in scenes.truths]
        self.content = np.array([contents.setdefault(key, len(contents)) for key in keys])


def _content(truth: dict) -> str:
    """Scenes with the same content have captions that fit each other's sound."""
    scene = truth["scene"]
    names = [event["name"] for event in scene["events"]]
    return json.dumps([scene["kind"], names, scene["speech"] is not None])
