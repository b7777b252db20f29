"""A sound as everything here hears it: a clip and its samples, from a file or an array.

`read` and `from_array` are the only ways in. What comes out of them has been checked, clipped to [−1, 1) and
rounded to 24 bits, so the clip's id, the stored FLAC and what the models hear are the same samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from demos.decode import Samples, SoundError, decode_array, decode_file
from store.audio import clip_id
from store.records import Clip, new_id

__all__ = ["Samples", "Sound", "SoundError", "from_array", "mono", "notices", "read"]

SILENCE_PEAK = 1e-3  # −60 dB of full scale: what stays below is called silent
CLIPPED_LEVEL = 32_767 / 32_768  # full scale of 16-bit sound
CLIPPED_RUN = 3  # samples in a row at full scale; a tone that just touches it has fewer
BLOCK_FRAMES = 1 << 20


@dataclass(frozen=True, eq=False)
class Sound:
    """A clip with its samples: float32 [frames, channels] in [−1, 1), multiples of 2**-23, read-only."""

    clip: Clip
    samples: Samples


def read(path: str | Path, name: str = "") -> Sound:
    """The sound in a file (WAV, FLAC, OGG, MP3, M4A, WebM, …), under `name` or the file's own name.

    At most 120 MB, 0.1 s to 10 minutes, 8 to 192 kHz, 8 channels. Raises SoundError, whose text says what is
    wrong and what to do.
    """
    path = Path(path)
    rate, samples = decode_file(path)
    return _sound(rate, samples, name or path.name)


def from_array(rate: float, samples: npt.NDArray[Any], name: str = "") -> Sound:
    """The sound in an array, [frames] or [frames, channels], of floats (full scale 1), integers or bytes.

    The limits are those of `read`. Raises SoundError.
    """
    return _sound(*decode_array(rate, samples), name)


def mono(sound: Sound, start: float = 0.0, stop: float | None = None) -> Samples:
    """The channel mean, float32 [n], of the clip or of its part between two times in seconds.

    Raises ValueError when that part is empty or lies outside the clip.
    """
    clip = sound.clip
    stop = clip.seconds if stop is None else stop
    first, last = round(start * clip.rate), round(stop * clip.rate)
    if not 0 <= first < last <= clip.frames:
        raise ValueError(f"{start:.3f}–{stop:.3f} s does not lie in a clip of {clip.seconds:.3f} s.")
    window = sound.samples[first:last]
    return window[:, 0] if clip.channels == 1 else window.mean(axis=1, dtype=np.float32)


def notices(sound: Sound) -> list[str]:
    """What a listener should know before believing any model: sentences about silence and clipping."""
    found: list[str] = []
    peak = float(np.max(np.ptp(sound.samples, axis=0))) / 2
    if peak == 0:
        found.append("This clip is silent: all its samples are the same.")
    elif peak < SILENCE_PEAK:
        found.append(
            f"This clip is nearly silent: its peak lies {-20 * np.log10(peak):.0f} dB below full scale."
        )
    share = _clipped_share(sound.samples)
    if share > 0:
        found.append(f"This clip is clipped: {_percent(share)} of its samples are cut off at full scale.")
    return found


def _sound(rate: int, samples: Samples, name: str) -> Sound:
    frames, channels = samples.shape
    clip = Clip(clip_id(samples, rate), new_id(), rate, channels, frames, name)
    return Sound(clip, samples)


def _clipped_share(samples: Samples) -> float:
    """Share of all samples, 0..1, that stand in runs of CLIPPED_RUN or more at full scale in one channel."""
    clipped = 0
    for begin in range(0, len(samples), BLOCK_FRAMES):
        full = np.abs(samples[begin : begin + BLOCK_FRAMES]) >= CLIPPED_LEVEL
        if np.count_nonzero(full) < CLIPPED_RUN:
            continue
        edges = np.diff(np.pad(full.T.astype(np.int8), ((0, 0), (1, 1))), axis=1)  # [channels, frames + 1]
        runs = np.nonzero(edges == -1)[1] - np.nonzero(edges == 1)[1]
        clipped += int(runs[runs >= CLIPPED_RUN].sum())
    return clipped / samples.size


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 else "less than 0.1%"
