"""What both encoders of mini-SALMONN make of clips, made once and kept on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm
from whisper.audio import log_mel_spectrogram, pad_or_trim
from whisper.model import Whisper

from demos.mini.train.fast import compiled, device_of, mixed
from demos.mini.train.sounds import SAMPLE_RATE, Scenes, played
from demos.mini.train.whisper import DIMENSIONS, attend_plainly, sliced_positions
from demos.networks.beats import Beats

ENCODED = 16  # clips at once
SPEEDS = (0.85, 1.18)  # of the clips that are encoded


@dataclass(frozen=True)
class Encodings:
    """What both encoders make of many clips: [clips, frames, width], BEATs filled up with zeros, float16."""

    speech: NDArray[np.float16]
    audio: NDArray[np.float16]
    lengths: NDArray[np.int64]  # BEATs tokens of each clip


def encode(
    folder: Path, name: str, sounds: Scenes, count: int, whisper: Whisper, beats: Beats, seconds: float
) -> Encodings:
    """Encode the first `count` clips, at some speed, once and keep the result as `folder/<name>-*.npy`."""
    frames = round(seconds * 50)
    paths = [folder / f"{name}-{part}.npy" for part in ("speech", "audio", "lengths")]
    if not all(path.exists() for path in paths):
        speech = np.zeros((count, frames, DIMENSIONS.n_audio_state), np.float16)
        audio = np.zeros((count, frames, beats.config.encoder_embed_dim), np.float16)
        lengths = np.zeros(count, np.int64)
        device = device_of(whisper)
        attend_plainly(whisper)
        listen = compiled(whisper.encoder.forward)
        for length, rows in tqdm(_alike(sounds, count, seconds), desc=f"encode {name}", mininterval=5):
            clips = [at_some_speed(sounds, row)[:length] for row in rows]
            samples = torch.from_numpy(np.stack(clips))
            mel = log_mel_spectrogram(pad_or_trim(samples, round(seconds * SAMPLE_RATE))).to(device)
            fbank = beats.fbank(samples, dtype=torch.float32).to(device)
            with torch.no_grad(), mixed(device), sliced_positions(whisper.encoder, seconds):
                # Compiled for whole batches; the last of a length is not worth a compilation of its own.
                hidden = listen(mel) if len(rows) == ENCODED else whisper.encoder(mel)
                speech[rows] = hidden.float().cpu().numpy()
                tokens = beats.encode(fbank)[0][:, :frames].float().cpu().numpy()
            audio[rows, : tokens.shape[1]] = tokens
            lengths[rows] = tokens.shape[1]
        np.save(paths[0], speech)
        np.save(paths[1], audio)
        np.save(paths[2], lengths)
    return Encodings(*(np.load(path, mmap_mode="r") for path in paths))


def _alike(sounds: Scenes, count: int, seconds: float) -> list[tuple[int, list[int]]]:
    """The first `count` clips in batches equally long: samples, in half seconds, and the clips' numbers."""
    step = SAMPLE_RATE // 2
    longest = int(seconds * SAMPLE_RATE)
    by_length: dict[int, list[int]] = {}
    for row in range(count):
        heard = len(np.arange(0, sounds.truths[row]["samples"] - 1, speed_of(row)))
        by_length.setdefault(min(longest, heard // step * step or heard), []).append(row)
    return [
        (length, same[at : at + ENCODED])
        for length, same in by_length.items()
        for at in range(0, len(same), ENCODED)
    ]


def at_some_speed(sounds: Scenes, index: int) -> NDArray[np.float32]:
    """A clip played slower or faster, always the same way: voices and sounds beyond the training ranges."""
    return played(sounds.samples(index), speed_of(index))


def speed_of(index: int) -> float:
    """How fast the clip at `index` is played."""
    return float(np.random.default_rng([44, index]).uniform(*SPEEDS))
