"""From a file or an array to samples that a clip can be made of: checked, finite, 24-bit, in [−1, 1).

Files are read by libsndfile; what it does not know (M4A, WebM, AAC, …) by FFmpeg through PyAV, from an open
file and with a list of containers, so that a playlist or a script can make it read nothing else. Both stop as
soon as a limit is passed, so that a small file that unpacks to hours is refused early.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import soundfile

Samples = npt.NDArray[np.float32]

MAX_BYTES = 120 * 2**20
MIN_SECONDS = 0.1
MAX_SECONDS = 600.0
MIN_RATE = 8_000  # samples per second
MAX_RATE = 192_000
MAX_CHANNELS = 8
MAX_VALUES = 2**27  # over all channels, 512 MiB in memory; an uncompressed file within MAX_BYTES holds fewer
FULL_SCALE = 2**23  # 24-bit integers −FULL_SCALE..FULL_SCALE − 1 stand for −1..1
BLOCK_FRAMES = 1 << 16

KNOWN_FORMATS = "WAV, FLAC, OGG, MP3, M4A or WebM"

_CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,aac,ogg,mp3,flac,wav,w64,aiff,au,caf,"
    "asf,amr,ac3,eac3,ape,wv,tta,avi,flv"
)
_SIGNATURES = (
    b"RIFF",
    b"RF64",
    b"fLaC",
    b"OggS",
    b"ID3",
    b"FORM",
    b"caff",
    b"\x1a\x45\xdf\xa3",
    b".snd",
    b"wvpk",
)
_STREAMED = 0x7FFF0000  # writers that cannot know the length put this, or something larger, in the header
_CUT_SHORT = (
    re.compile(r"^\s*(?:data|SSND|Data Size|riff)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE),
    re.compile(r"frame count (?P<actual>\d+) does not match value from 'ds64' chunk of (?P<declared>\d+)"),
)


class SoundError(ValueError):
    """A sound that cannot be heard. The text is one sentence for people: what is wrong and what to do."""


class Quantiser:
    """Collects blocks of samples as the 24-bit values of a clip, and refuses what breaks a limit.

    `expected_frames` is a hint about how many frames are to come. Raises SoundError for a rate, a number of
    channels or an expected length outside the limits.
    """

    def __init__(self, rate: float, channels: int, expected_frames: int = 0) -> None:
        if channels < 1:
            raise SoundError("This sound has no channels. Choose another file.")
        if channels > MAX_CHANNELS:
            raise SoundError(
                f"This sound has {channels} channels; at most {MAX_CHANNELS} can be heard. "
                "Mix it down to stereo or mono."
            )
        if rate != int(rate) or not MIN_RATE <= rate <= MAX_RATE:
            raise SoundError(
                f"This sound has {rate:,} samples per second; whole numbers from {MIN_RATE:,} to "
                f"{MAX_RATE:,} can be heard. Save it at 16,000, 44,100 or 48,000."
            )
        self.rate = int(rate)
        self._frames = 0
        self._most = min(int(MAX_SECONDS * self.rate), MAX_VALUES // channels)
        if expected_frames > self._most:
            raise self._too_long(expected_frames)
        self._kept = np.empty((max(expected_frames, BLOCK_FRAMES), channels), dtype=np.float32)

    def add(self, block: npt.NDArray[np.floating[Any]]) -> None:
        """Take float samples [frames, channels], full scale 1; louder ones are clipped to [−1, 1).

        Raises SoundError for NaN, infinity, or when the sound grows too long.
        """
        end = self._frames + len(block)
        if end > self._most:
            raise self._too_long(None)
        if not np.isfinite(block).all():
            frame = int(np.argmin(np.isfinite(block).all(axis=1)))
            raise SoundError(
                f"This sound holds a value that is not a number (NaN or infinity) at "
                f"{(self._frames + frame) / self.rate:.3f} s. Export it again from where it was made."
            )
        if end > len(self._kept):
            grown = min(max(end, 2 * len(self._kept)), self._most)
            self._kept.resize((grown, self._kept.shape[1]), refcheck=False)
        integers = np.rint(np.clip(block, -1.0, 1.0) * block.dtype.type(FULL_SCALE))
        self._kept[self._frames : end] = np.minimum(integers, FULL_SCALE - 1) / FULL_SCALE
        self._frames = end

    def finish(self) -> tuple[int, Samples]:
        """The rate and the samples, float32 [frames, channels], read-only.

        Raises SoundError when they are too few.
        """
        seconds = self._frames / self.rate
        if seconds < MIN_SECONDS:
            raise SoundError(
                f"This sound is {seconds:.3f} s long; at least {MIN_SECONDS} s is needed. "
                "Choose a longer one."
            )
        self._kept.resize((self._frames, self._kept.shape[1]), refcheck=False)
        self._kept.setflags(write=False)
        return self.rate, self._kept

    @property
    def frames(self) -> int:
        """Frames taken so far."""
        return self._frames

    def _too_long(self, frames: int | None) -> SoundError:
        advice = "Cut out the part that you want heard."
        minutes = f"{MAX_SECONDS / 60:.0f} minutes"
        if self._most < int(MAX_SECONDS * self.rate):
            return SoundError(f"This sound holds more than {MAX_VALUES:,} samples in all channels. {advice}")
        if frames is None:
            return SoundError(f"This sound is longer than {minutes}, the most that can be heard. {advice}")
        length = f"{frames / self.rate / 60:,.1f} minutes long"
        return SoundError(f"This sound is {length}; at most {minutes} can be heard. {advice}")


def decode_file(path: Path) -> tuple[int, Samples]:
    """Rate and samples [frames, channels] of a sound file; every refusal is a SoundError."""
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise SoundError(f"“{path.name}” is a folder. Choose a sound file.")
        if size > MAX_BYTES:
            raise SoundError(
                f"This file has {size / 2**20:,.0f} MB; at most {MAX_BYTES // 2**20} MB can be heard. "
                "Cut it, or save it as FLAC or MP3."
            )
        with path.open("rb", buffering=0) as file:  # libsndfile shares its position
            head = file.read(512)
            if not head:
                raise SoundError("This file is empty. Record again or choose another file.")
            file.seek(0)
            return _decode(file, head)
    except FileNotFoundError as error:
        raise SoundError(f"There is no file “{path}”. Check the name.") from error
    except OSError as error:
        raise SoundError(f"“{path.name}” cannot be read: {error.strerror}. Choose another file.") from error


def decode_array(rate: float, samples: npt.NDArray[Any]) -> tuple[int, Samples]:
    """Rate and samples [frames, channels] of an array [frames] or [frames, channels].

    Signed integers are full scale at the end of their range, unsigned bytes are centred at 128, floats are
    full scale at 1. Raises SoundError.
    """
    values = samples[:, None] if samples.ndim == 1 else samples
    if values.ndim != 2:
        raise SoundError(
            f"Samples must be [frames] or [frames, channels], not {samples.shape}. Reshape them."
        )
    if values.dtype.kind not in "if" and values.dtype != np.uint8:
        raise SoundError(f"Samples must be integers or floats, not {samples.dtype}. Convert them to float32.")
    quantiser = Quantiser(rate, values.shape[1], len(values))
    for begin in range(0, len(values), BLOCK_FRAMES):
        block = values[begin : begin + BLOCK_FRAMES]
        if block.dtype == np.uint8:
            block = (block.astype(np.float64) - 128.0) / 128.0
        elif block.dtype.kind == "i":
            block = block.astype(np.float64) / -float(np.iinfo(block.dtype).min)
        elif block.dtype.itemsize < 4:
            block = block.astype(np.float32)
        quantiser.add(block)
    return quantiser.finish()


def _decode(file: BinaryIO, head: bytes) -> tuple[int, Samples]:
    """Try libsndfile, then FFmpeg; say what the file seems to be when neither knows it."""
    try:
        sound = soundfile.SoundFile(file.fileno(), closefd=False)
    except soundfile.LibsndfileError:
        file.seek(0)
        return _decode_by_ffmpeg(file, head)
    with sound:
        quantiser = Quantiser(sound.samplerate, sound.channels, max(0, sound.frames))
        _refuse_cut_headers(sound.extra_info)
        exact = "float64" if sound.subtype in ("PCM_32", "DOUBLE", "ALAC_32") else "float32"
        try:
            while len(block := sound.read(BLOCK_FRAMES, dtype=exact, always_2d=True)):
                quantiser.add(block)
        except soundfile.LibsndfileError as error:
            raise _damaged(quantiser) from error
        _refuse_cut_headers(sound.extra_info)  # the last page of Ogg is only seen at the end
        _refuse_early_end(quantiser, sound.frames)
        return quantiser.finish()


def _decode_by_ffmpeg(file: BinaryIO, head: bytes) -> tuple[int, Samples]:
    import av

    try:
        container = av.open(
            file,
            metadata_errors="ignore",
            options={"format_whitelist": _CONTAINERS, "protocol_whitelist": ""},
        )
    except (av.FFmpegError, ValueError) as error:
        raise _not_a_sound(head) from error
    with container:
        if not container.streams.audio:
            raise SoundError("This file holds no sound. Choose a file with an audio track.")
        stream = container.streams.audio[0]
        seconds = _declared_seconds(container, stream) or 0.0
        quantiser: Quantiser | None = None
        try:
            for block, rate in _ffmpeg_blocks(container, stream):
                if quantiser is None:  # only a decoded frame tells the true rate of AAC with band replication
                    quantiser = Quantiser(rate, block.shape[1], math.floor(seconds * rate))
                quantiser.add(block)
        except av.FFmpegError as error:
            raise _damaged(quantiser) from error
        if quantiser is None:
            raise _damaged(None)
        _refuse_early_end(quantiser, math.floor(seconds * quantiser.rate))
        return quantiser.finish()


def _ffmpeg_blocks(container: Any, stream: Any) -> Iterator[tuple[npt.NDArray[np.floating[Any]], int]]:
    """Decoded blocks [frames, channels], floats of full scale 1, and their rate, which stays the same."""
    import av

    to_floats: Any = None
    for frame in container.decode(stream):
        if to_floats is None:
            more_than_24_bits = frame.format.name.startswith(("s32", "s64", "dbl"))
            to_floats = av.AudioResampler(format="dblp" if more_than_24_bits else "fltp")
        try:
            converted = to_floats.resample(frame)
        except ValueError as error:
            raise SoundError(
                "This file changes its rate or its channels on the way. Convert it to WAV or FLAC."
            ) from error
        for part in converted:
            yield part.to_ndarray().T, part.sample_rate


def _declared_seconds(container: Any, stream: Any) -> float | None:
    """What the container says about the length of its audio; None where it says nothing dependable."""
    if stream.duration and "mov" in container.format.name:
        return float(stream.duration * stream.time_base)
    if container.duration and "matroska" in container.format.name and len(container.streams) == 1:
        return float(container.duration) / 1e6
    return None


def _refuse_cut_headers(log: str) -> None:
    """Raise SoundError when libsndfile's log says that the header promises more than the file holds."""
    for pattern in _CUT_SHORT:
        for match in pattern.finditer(log):
            named = match.groupdict()
            declared = int(named.get("declared") or match[1])
            actual = int(named.get("actual") or match[2])
            if actual < declared < _STREAMED:
                raise _cut_off(f"only {actual / declared:.0%} of what its header promises is there")
    if "Junk after the last page" in log:  # half an Ogg page; streams that merely lack the closing mark pass
        raise _cut_off("its last page is not whole")


def _refuse_early_end(quantiser: Quantiser, declared_frames: int) -> None:
    """Raise SoundError when clearly fewer frames came than were declared; encoders round to whole blocks."""
    missing = declared_frames - quantiser.frames
    if missing > max(0.02 * declared_frames, 0.2 * quantiser.rate):
        heard, promised = quantiser.frames / quantiser.rate, declared_frames / quantiser.rate
        raise _cut_off(f"{heard:.1f} s of {promised:.1f} s are there")


def _cut_off(what: str) -> SoundError:
    return SoundError(f"This file is cut off: {what}. Save or upload it again.")


def _damaged(quantiser: Quantiser | None) -> SoundError:
    where = f" after {quantiser.frames / quantiser.rate:.1f} s" if quantiser and quantiser.frames else ""
    return SoundError(f"This file is damaged or cut off{where}. Save or upload it again.")


def _not_a_sound(head: bytes) -> SoundError:
    """The sentence for a file that no decoder takes, by how it begins."""
    if (
        head.startswith(_SIGNATURES)
        or head[4:8] == b"ftyp"
        or head[:2] in (b"\xff\xfb", b"\xff\xf1", b"\xff\xf9")
    ):
        return _damaged(None)
    text = head.decode("utf-8", errors="ignore")
    if len(text) > 0.9 * len(head) and all(letter.isprintable() or letter.isspace() for letter in text):
        return SoundError(
            f"This file holds text, not sound, whatever its name says. Choose a {KNOWN_FORMATS} file."
        )
    return SoundError(f"This file is not a sound that can be read here. Choose a {KNOWN_FORMATS} file.")
