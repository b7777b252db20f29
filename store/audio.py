"""Audio as it is kept: content-addressed FLAC that holds a clip's 24-bit samples exactly.

A clip is named by its samples (`clip_id`), so the same sound is kept once, and a file whose samples no longer
give its name is noticed when it is read. A file is complete and on the disk before any row names it.
"""

from __future__ import annotations

import hashlib
import io
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from store.errors import AudioError
from store.records import Clip

FORMAT_VERSION = 1  # of the bytes that are hashed to a clip's id
FULL_SCALE = 2**23  # 24-bit samples: integers in −FULL_SCALE..FULL_SCALE − 1 stand for −1..1
BLOCK_FRAMES = 1 << 16  # converted at once, so that a long clip is never copied whole
UNFINISHED = (
    "unfinished"  # directory of files still being written, on the same disk so that they can be renamed
)
ROW_RATE = 16_000  # samples per second of a row's audio
ROW_SECONDS = 30.0  # a row's audio is never longer

Samples = npt.NDArray[np.float32]


def clip_id(samples: Samples, rate: int) -> str:
    """The private id of a clip: SHA-256 (64 hexadecimal digits) of format, rate, shape and samples.

    `samples` is float32 [frames, channels] in [−1, 1), every value a multiple of 2**-23; `rate` is in samples
    per second. What is hashed is one line of ASCII, `earwitness clip 1 RATE CHANNELS FRAMES` and a newline,
    followed by the samples frame by frame as little-endian 24-bit two's complement integers.
    Raises ValueError when the samples are not exactly 24-bit values.
    """
    frames, channels = _shape(samples)
    digest = hashlib.sha256(f"earwitness clip {FORMAT_VERSION} {rate} {channels} {frames}\n".encode("ascii"))
    for block in _integer_blocks(samples):
        four_bytes = np.ascontiguousarray(block, dtype="<i4").view(np.uint8).reshape(-1, 4)
        digest.update(four_bytes[:, :3].tobytes())
    return digest.hexdigest()


def audio_path(folder: Path, identity: str) -> Path:
    """Where the clip with this id is kept under `folder`: two levels of 256 directories each."""
    return folder / identity[:2] / identity[2:4] / f"{identity}.flac"


def write_clip(folder: Path, clip: Clip, samples: Samples) -> Path:
    """Keep a clip's samples under `folder` and return the file, safely on the disk when this returns.

    The file is written under a temporary name, synchronised, renamed, and its directories are synchronised
    too. A clip that is kept already and still reads back right is left alone. Raises AudioError when the
    clip is empty or the samples are not its own, OSError when the disk refuses.
    """
    if clip_id(samples, clip.rate) != clip.id:
        raise AudioError("These samples are not the clip's, so they were not kept: listen to the clip again.")
    path = audio_path(folder, clip.id)
    if path.exists():
        try:
            read_clip(folder, clip)
        except AudioError:
            pass  # damaged: what is at hand is right, so write it anew
        else:
            return path
    _make_folders(path.parent, folder)
    unfinished = folder / UNFINISHED
    unfinished.mkdir(exist_ok=True)
    temporary = unfinished / uuid.uuid4().hex
    try:
        with temporary.open("xb") as file:
            honest = _HonestFile(file)
            with soundfile.SoundFile(
                honest, "w", _header_rate(clip.rate), clip.channels, "PCM_24", format="FLAC"
            ) as flac:
                for block in _integer_blocks(samples):
                    flac.write(block << 8)  # libsndfile takes 24-bit samples at the top of 32 bits
            honest.raise_error()
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except soundfile.SoundFileError as error:
        raise OSError(f"FLAC could not be written: {error}") from error
    finally:
        temporary.unlink(missing_ok=True)
    synchronise_folder(path.parent)
    return path


def read_clip(folder: Path, clip: Clip) -> Samples:
    """The clip's samples, float32 [frames, channels], verified against its id.

    Raises AudioError when the file is missing, cannot be decoded, or holds other samples.
    """
    path = audio_path(folder, clip.id)
    try:
        with soundfile.SoundFile(path) as flac:
            # a damaged header may promise more samples than any memory holds
            samples = flac.read(clip.frames, dtype="float32", always_2d=True)
            as_long = flac.frames == clip.frames
    except (soundfile.SoundFileError, OSError) as error:
        said = "is missing" if not path.exists() else "cannot be decoded"
        raise AudioError(f"The audio of clip {clip.public_id} {said}; restore it from a backup.") from error
    if not as_long or clip_id(samples, clip.rate) != clip.id:
        raise AudioError(
            f"The audio of clip {clip.public_id} is damaged: its samples no longer give its id. "
            "Restore it from a backup."
        )
    return samples


def clear_unfinished(folder: Path) -> None:
    """Remove what a crash left half-written; only while nobody else writes to `folder`."""
    for path in (folder / UNFINISHED).glob("*"):
        path.unlink()


def kept_ids(folder: Path) -> Iterator[str]:
    """The ids of all clips that have a file under `folder`."""
    return (path.stem for path in folder.glob("??/??/*.flac"))


def synchronise_folder(folder: Path) -> None:
    """Put a directory's entries on the disk; OSError when it refuses."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def row_audio(samples: Samples, rate: int, start: float, stop: float) -> Samples:
    """The audio of a row: the window from `start` to `stop` seconds, channel mean, 16 kHz, float32 [n].

    `samples` is float32 [frames, channels]. Resampled by soxr (very high quality), which may overshoot, so
    the result is held within −1..1. Raises AudioError when the window is empty, too long or outside the clip.
    """
    frames, _ = _shape(samples)
    seconds = frames / rate
    if not 0 <= start < stop <= seconds + 1 / rate:
        raise AudioError(f"The window {start:.3f}–{stop:.3f} s does not lie in a clip of {seconds:.3f} s.")
    if stop - start > ROW_SECONDS + 1 / rate:
        raise AudioError(f"The window is {stop - start:.1f} s long; a row holds at most {ROW_SECONDS:.0f} s.")
    window = samples[round(start * rate) : round(stop * rate)]
    if not len(window):
        raise AudioError(f"The window {start:.6f}–{stop:.6f} s holds no sample at {rate} Hz.")
    mono = window.mean(axis=1, dtype=np.float32)
    resampled = soxr.resample(mono, rate, ROW_RATE, quality="VHQ") if rate != ROW_RATE else mono
    return np.clip(resampled, -1.0, 1.0).astype(np.float32, copy=False)


def row_flac(mono: Samples) -> bytes:
    """A row's audio, float32 [n] in −1..1 at 16 kHz, as the bytes of a 24-bit FLAC file."""
    integers = np.clip(np.rint(mono.astype(np.float64) * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1)
    file = io.BytesIO()
    soundfile.write(file, integers.astype(np.int32) << 8, ROW_RATE, "PCM_24", format="FLAC")
    return file.getvalue()


class _HonestFile:
    """A file for soundfile to write to, whose errors are not lost.

    soundfile calls a file from C, where an exception of the file is printed and then ignored: a full disk
    would leave a short file that looks well written. This one remembers the first error instead.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._error: OSError | None = None

    def write(self, data: bytes) -> int:
        self._try(lambda: self._file.write(data))
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._try(lambda: self._file.seek(offset, whence))

    def tell(self) -> int:
        return self._try(self._file.tell)

    def raise_error(self) -> None:
        """Raise the first error that writing met, if any."""
        if self._error is not None:
            raise self._error

    def _try(self, act: Callable[[], int]) -> int:
        """What `act` returns; 0 from the first error on."""
        if self._error is None:
            try:
                return act()
            except OSError as error:
                self._error = error
        return 0


def _shape(samples: Samples) -> tuple[int, int]:
    """Frames and channels of `samples`; raises ValueError unless it is float32 [frames, channels]."""
    if samples.ndim != 2 or samples.dtype != np.float32:
        raise ValueError(f"Samples must be float32 [frames, channels], not {samples.dtype} {samples.shape}.")
    return samples.shape[0], samples.shape[1]


def _integer_blocks(samples: Samples) -> Iterator[npt.NDArray[np.int32]]:
    """The samples as 24-bit integers, a block at a time; ValueError when one is not such a value."""
    for begin in range(0, len(samples), BLOCK_FRAMES):
        scaled = samples[begin : begin + BLOCK_FRAMES] * np.float32(FULL_SCALE)
        rounded = np.rint(scaled)
        if not np.array_equal(scaled, rounded):  # also true when a value is not a number
            raise ValueError("Samples must be exact multiples of 2**-23.")
        if rounded.min() < -FULL_SCALE or rounded.max() >= FULL_SCALE:
            raise ValueError("Samples must lie in −1 ≤ sample < 1.")
        yield rounded.astype(np.int32)


def _header_rate(rate: int) -> int:
    """The rate written in the FLAC header; the clip's record holds the true one.

    libsndfile writes FLAC's streamable subset, which above 65 535 Hz can name only multiples of 10 Hz.
    """
    return rate if rate <= 65_535 else rate // 10 * 10


def _make_folders(folder: Path, root: Path) -> None:
    """Create `folder` below `root`, each new directory's entry safely on the disk."""
    if folder.is_dir():
        return
    if folder != root:
        _make_folders(folder.parent, root)
    folder.mkdir(exist_ok=True, parents=folder == root)
    synchronise_folder(folder.parent)
