"""Speech by espeak-ng: voices, utterances, and their samples at 16 kHz.

espeak-ng (GPL-3, a separate program) is called as a command; nothing of it is shipped.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.io import wavfile
from scipy.signal import resample_poly

from demos.mini.world.dsp import REFERENCE_RMS, SAMPLE_RATE
from demos.mini.world.grammar import Sentence
from demos.mini.world.ranges import Ranges, Span

Speaker = Literal["man", "woman"]

SPEED = Span(124.6, 195.4)
"""Words a minute: training hears 130 to 190."""
PITCH = Span(24, 76)
"""espeak-ng's pitch, 0 to 99."""


class SpeechUnavailableError(RuntimeError):
    """espeak-ng is missing or failed; the message says what to do."""


@dataclass(frozen=True)
class Voice:
    """An espeak-ng voice (`language+variant`), who it sounds like, and the one split that may hear it."""

    name: str
    speaker: Speaker
    split: Ranges


# British English is "en" here: with "en-gb" espeak-ng silently ignores a variant.
VOICES: tuple[Voice, ...] = (
    Voice("en-us", "man", "train"),
    Voice("en-us+m1", "man", "train"),
    Voice("en-us+m3", "man", "train"),
    Voice("en-us+m7", "man", "train"),
    Voice("en-us+f1", "woman", "train"),
    Voice("en-us+f2", "woman", "train"),
    Voice("en-us+f4", "woman", "train"),
    Voice("en-us+Annie", "woman", "train"),
    Voice("en-us+Alex", "man", "train"),
    Voice("en-us+linda", "woman", "train"),
    Voice("en-gb", "man", "train"),
    Voice("en+m2", "man", "train"),
    Voice("en+f3", "woman", "train"),
    Voice("en+Andy", "man", "train"),
    Voice("en+steph", "woman", "train"),
    Voice("en-gb-x-rp+m4", "man", "train"),
    Voice("en-gb-x-rp+aunty", "woman", "train"),
    Voice("en-gb-scotland+adam", "man", "train"),
    Voice("en-gb-scotland+f1", "woman", "train"),
    Voice("en-us+m6", "man", "heldout"),
    Voice("en-us+Andrea", "woman", "heldout"),
    Voice("en+f5", "woman", "heldout"),
    Voice("en-gb-x-rp+david", "man", "heldout"),
    Voice("en-us+belinda", "woman", "heldout"),
)


@dataclass(frozen=True)
class Utterance:
    """A sentence in a voice, at a speed in words a minute and an espeak-ng pitch of 0 to 99."""

    sentence: Sentence
    voice: Voice
    speed: int
    pitch: int


@dataclass(frozen=True, eq=False)
class Spoken:
    """An utterance with its samples: float32, mono, 16 kHz, at the reference level."""

    utterance: Utterance
    samples: NDArray[np.float32]


def voices(split: Ranges) -> tuple[Voice, ...]:
    """The voices that a split may hear."""
    return tuple(voice for voice in VOICES if voice.split == split)


def sample_utterance(rng: np.random.Generator, sentence: Sentence, split: Ranges) -> Utterance:
    """The sentence in a random voice of the split, at a speed and a pitch of its ranges."""
    allowed = voices(split)
    voice = allowed[int(rng.integers(len(allowed)))]
    return Utterance(sentence, voice, round(SPEED.draw(rng, split)), round(PITCH.draw(rng, split)))


def synthesise(utterance: Utterance, cache: Path | None = None) -> NDArray[np.float32]:
    """Samples of one utterance, float32 in [−1, 1] at 16 kHz, silence trimmed, at the reference level.

    With `cache`, a folder, the samples are kept there and read back. Raises `SpeechUnavailableError`.
    """
    if cache is None:
        return _spoken(utterance)
    key = f"{utterance.sentence.text}|{utterance.voice.name}|{utterance.speed}|{utterance.pitch}"
    path = cache / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.npy"
    if path.exists():
        return np.load(path).astype(np.float32) / np.float32(32767)
    samples = np.round(np.clip(_spoken(utterance), -1, 1) * 32767).astype(np.int16)
    cache.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(f".{np.random.SeedSequence().entropy}.tmp")
    with beside.open("wb") as file:
        np.save(file, samples)
    beside.replace(path)
    return samples.astype(np.float32) / np.float32(32767)


def speak(utterance: Utterance, cache: Path | None = None) -> Spoken:
    """An utterance with its samples."""
    return Spoken(utterance, synthesise(utterance, cache))


def render_many(utterances: Iterable[Utterance], workers: int = 2, cache: Path | None = None) -> list[Spoken]:
    """Speak many utterances, in order, with so many espeak-ng processes at a time."""
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(lambda utterance: speak(utterance, cache), utterances))


def sample_many(rng: np.random.Generator, sentences: Sequence[Sentence], split: Ranges) -> list[Utterance]:
    """An utterance for each sentence, in random voices of the split."""
    return [sample_utterance(rng, sentence, split) for sentence in sentences]


@lru_cache(maxsize=16)  # a scene is drawn and then rendered: the same words twice in a row
def _spoken(utterance: Utterance) -> NDArray[np.float32]:
    program = shutil.which("espeak-ng")
    if program is None:
        raise SpeechUnavailableError(
            "Speech needs espeak-ng, which is not installed: run `apt-get install espeak-ng`."
        )
    command = [program, "-v", utterance.voice.name, "-s", str(utterance.speed), "-p", str(utterance.pitch)]
    done = subprocess.run(
        [*command, "--stdout", utterance.sentence.text], capture_output=True, check=False, timeout=60
    )
    if done.returncode != 0 or len(done.stdout) < 100:
        said = done.stderr.decode(errors="replace").strip() or "no reason given"
        raise SpeechUnavailableError(
            f"espeak-ng could not speak with the voice {utterance.voice.name}: {said}"
        )
    # A wave written to a pipe carries a length of its own invention; the real one replaces it.
    wave = bytearray(done.stdout)
    wave[40:44] = (len(wave) - 44).to_bytes(4, "little")
    wave[4:8] = (len(wave) - 8).to_bytes(4, "little")
    rate, whole = wavfile.read(io.BytesIO(bytes(wave)))
    if rate != SAMPLE_RATE:
        divisor = int(np.gcd(rate, SAMPLE_RATE))
        whole = resample_poly(whole.astype(np.float32), SAMPLE_RATE // divisor, rate // divisor)
    loud = np.flatnonzero(np.abs(whole) > 0.01 * np.abs(whole).max())
    trimmed = whole[max(0, loud[0] - 160) : loud[-1] + 320].astype(np.float64)
    active = trimmed[np.abs(trimmed) > 0.02 * np.abs(trimmed).max()]
    # Active speech lies 3 dB under the loudest 40 ms that events are scaled by.
    scaled = trimmed * (0.7 * REFERENCE_RMS / (np.sqrt(np.mean(active**2)) + 1e-9))
    samples = np.clip(scaled, -1, 1).astype(np.float32)
    samples.flags.writeable = False
    return samples
