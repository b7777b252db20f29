"""Speech by espeak-ng, and by flite for evaluation alone: voices, utterances, their samples at 16 kHz.

espeak-ng (GPL-3) and flite (BSD-like) are separate programs, called as commands; nothing of them is shipped.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from demos.mini.world.dsp import REFERENCE_RMS, SAMPLE_RATE
from demos.mini.world.grammar import Sentence
from demos.mini.world.ranges import Ranges, Span

Speaker = Literal["man", "woman"]
Synthesiser = Literal["espeak-ng", "flite"]

SPEED = Span(102, 228)
"""Words a minute: training hears 111 to 219."""
PITCH = Span(12, 88)
"""espeak-ng's pitch, 0 to 99: training hears 18 to 82."""


class SpeechUnavailableError(RuntimeError):
    """A speech synthesiser is missing or failed; the message says what to do."""


@dataclass(frozen=True)
class Voice:
    """A voice of a synthesiser, who it sounds like, and the one split that may hear it.

    espeak-ng's are named `language+variant`.
    """

    name: str
    speaker: Speaker
    split: Ranges
    synthesiser: Synthesiser = "espeak-ng"


# British English is "en" here: with "en-gb" espeak-ng silently ignores a variant. A variant that is held out
# is trained under no language. Man or woman is told by the fundamental: below 160 Hz, or above 170 Hz.
_TRAINED_MEN = (
    "en-us en-us+m1 en-us+m3 en-us+m7 en-us+Alex en-us+Denis en-us+Mike en-us+ed en-gb en+m2 en+Andy "
    "en+gustave en+Nguyen en-gb-x-rp+m4 en-gb-x-rp+Hugo en-gb-scotland+adam en-gb-scotland+m8 en-029 "
    "en-029+m5 en-gb-x-gbclan en-gb-x-gbclan+Gene2 en-gb-x-gbcwmd+m3 en-gb-x-gbcwmd+iven en-us-nyc "
    "en-us-nyc+m7 en-us-nyc+marcelo en-us-nyc+Lee"
)
_TRAINED_WOMEN = (
    "en-us+f1 en-us+f2 en-us+f4 en-us+Annie en-us+linda en-us+grandma en+f3 en+steph en+Alicia "
    "en-gb-x-rp+aunty en-gb-x-rp+f2 en-gb-x-rp+anika en-gb-scotland+f1 en-gb-scotland+f3 en-029+f3 "
    "en-029+f4 en-gb-x-gbclan+f1 en-gb-x-gbclan+shelby en-gb-x-gbcwmd+f2 en-us-nyc+f4 en-us-nyc+steph"
)
VOICES: tuple[Voice, ...] = (
    *(Voice(name, "man", "train") for name in _TRAINED_MEN.split()),
    *(Voice(name, "woman", "train") for name in _TRAINED_WOMEN.split()),
    Voice("en-us+m6", "man", "heldout"),
    Voice("en-us+Andrea", "woman", "heldout"),
    Voice("en+f5", "woman", "heldout"),
    Voice("en-gb-x-rp+david", "man", "heldout"),
    Voice("en-us+belinda", "woman", "heldout"),
)
"""espeak-ng's voices of both splits."""
FLITE_VOICES: tuple[Voice, ...] = (
    Voice("kal16", "man", "heldout", "flite"),
    Voice("awb", "man", "heldout", "flite"),
    Voice("rms", "man", "heldout", "flite"),
    Voice("slt", "woman", "heldout", "flite"),
)
"""Another synthesiser's voices, for evaluation alone."""
# Words a minute of each, unstretched, measured against espeak-ng on one sentence.
_FLITE_SPEED = {"kal16": 190, "awb": 177, "rms": 143, "slt": 167}


@dataclass(frozen=True)
class Utterance:
    """A sentence in a voice, at a speed in words a minute and a pitch of 0 to 99; the voice's own is 50."""

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
    """espeak-ng's voices that a split may hear."""
    return tuple(voice for voice in VOICES if voice.split == split)


def flite_voices() -> tuple[Voice, ...]:
    """The voices of the other synthesiser, which training never hears."""
    return FLITE_VOICES


def sample_utterance(
    rng: np.random.Generator, sentence: Sentence, split: Ranges, synthesiser: Synthesiser = "espeak-ng"
) -> Utterance:
    """The sentence in a random voice of the split and the synthesiser, at a speed and a pitch of its ranges.

    Raises `ValueError` when flite is asked for in training.
    """
    if synthesiser == "flite" and split == "train":
        raise ValueError("flite's voices are held out: ask for the split 'heldout'.")
    allowed = voices(split) if synthesiser == "espeak-ng" else flite_voices()
    voice = allowed[int(rng.integers(len(allowed)))]
    return Utterance(sentence, voice, round(SPEED.draw(rng, split)), round(PITCH.draw(rng, split)))


def synthesise(utterance: Utterance, cache: Path | None = None) -> NDArray[np.float32]:
    """Samples of one utterance, float32 in [−1, 1] at 16 kHz, silence trimmed, at the reference level.

    With `cache`, a folder, the samples are kept there and read back. Raises `SpeechUnavailableError`.
    """
    if cache is None:
        return _spoken(utterance)
    voice = utterance.voice.name
    if utterance.voice.synthesiser != "espeak-ng":
        voice = f"{utterance.voice.synthesiser} {voice}"
    key = f"{utterance.sentence.text}|{voice}|{utterance.speed}|{utterance.pitch}"
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
    """Speak many utterances, in order, with so many processes at a time."""
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(lambda utterance: speak(utterance, cache), utterances))


def sample_many(rng: np.random.Generator, sentences: Sequence[Sentence], split: Ranges) -> list[Utterance]:
    """An utterance for each sentence, in random voices of the split."""
    return [sample_utterance(rng, sentence, split) for sentence in sentences]


@lru_cache(maxsize=16)  # a scene is drawn and then rendered: the same words twice in a row
def _spoken(utterance: Utterance) -> NDArray[np.float32]:
    rate, whole = _by_flite(utterance) if utterance.voice.synthesiser == "flite" else _by_espeak(utterance)
    if rate != SAMPLE_RATE:
        from scipy.signal import resample_poly  # see _read_wave

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


def _read_wave(wave: io.BytesIO | str | Path) -> tuple[int, NDArray[np.int16]]:
    from scipy.io import wavfile  # slow to import, and a server names sounds without making any

    rate, samples = wavfile.read(wave)
    return rate, samples


def _by_espeak(utterance: Utterance) -> tuple[int, NDArray[np.int16]]:
    """Rate and samples as espeak-ng gives them."""
    done = _run(
        utterance,
        [
            *("-v", utterance.voice.name, "-s", str(utterance.speed), "-p", str(utterance.pitch)),
            *("--stdout", utterance.sentence.text),
        ],
    )
    if len(done) < 100:
        raise _failed(utterance, "it gave no sound")
    # A wave written to a pipe carries a length of its own invention; the real one replaces it.
    wave = bytearray(done)
    wave[40:44] = (len(wave) - 44).to_bytes(4, "little")
    wave[4:8] = (len(wave) - 8).to_bytes(4, "little")
    return _read_wave(io.BytesIO(bytes(wave)))


def _by_flite(utterance: Utterance) -> tuple[int, NDArray[np.int16]]:
    """Rate and samples as flite gives them.

    Speed stretches the voice's own; pitch shifts it by as much as espeak-ng's numbers do, about 0.4 octaves
    for 30 of them. The voice rms has one pitch only and ignores the shift.
    """
    voice = utterance.voice.name
    stretch = _FLITE_SPEED[voice] / utterance.speed
    shift = 2 ** ((utterance.pitch - 50) / 80)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        settings = ("--setf", f"duration_stretch={stretch:.3f}", "--setf", f"f0_shift={shift:.3f}")
        _run(utterance, ["-voice", voice, *settings, "-t", utterance.sentence.text, "-o", str(path)])
        if not path.exists() or path.stat().st_size < 100:
            raise _failed(utterance, "it gave no sound")
        return _read_wave(path)


def _run(utterance: Utterance, arguments: Sequence[str]) -> bytes:
    """What the utterance's synthesiser writes to its standard output."""
    name = utterance.voice.synthesiser
    program = shutil.which(name)
    if program is None:
        raise SpeechUnavailableError(
            f"Speech needs {name}, which is not installed: run `apt-get install {name}`."
        )
    done = subprocess.run([program, *arguments], capture_output=True, check=False, timeout=60)
    if done.returncode != 0:
        raise _failed(utterance, done.stderr.decode(errors="replace").strip() or "no reason given")
    return done.stdout


def _failed(utterance: Utterance, reason: str) -> SpeechUnavailableError:
    voice = utterance.voice
    return SpeechUnavailableError(
        f"{voice.synthesiser} could not speak with the voice {voice.name}: {reason}"
    )
