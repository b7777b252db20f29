"""Test weights and test sounds that anyone can make again from a name, a shape and a number.

The goldens under `tests/fixtures` are outputs of the published implementations holding exactly these
weights. Whoever fills a layout with `seeded_state_dict`, loads it through our reader and feeds
`seeded_waveform` must get the same outputs.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

Layout = dict[str, list[int]]


def seeded_tensor(name: str, shape: Sequence[int]) -> np.ndarray:
    """One tensor drawn from a generator that is seeded with the CRC-32 of its name.

    Counters are int64 zeros. Everything else is float32: variances above one, means and biases
    around zero, vectors and scalars around one, matrices and kernels divided by the root of their fan-in.
    """
    shape = tuple(shape)
    generator = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))
    draw = np.asarray(generator.standard_normal(shape, dtype=np.float32))
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, dtype=np.int64)
    values: np.ndarray
    if name.endswith("running_var"):
        values = 1.0 + 0.1 * np.abs(draw)
    elif name.endswith(("running_mean", "bias")):
        values = 0.05 * draw
    elif len(shape) < 2:
        values = 1.0 + 0.05 * draw
    else:
        values = draw / np.sqrt(int(np.prod(shape[1:])))
    return np.asarray(values, dtype=np.float32)


def seeded_state_dict(layout: Mapping[str, Sequence[int]]) -> dict[str, np.ndarray]:
    """`{tensor name: array}` for every entry of a layout `{tensor name: shape}`."""
    return {name: seeded_tensor(name, shape) for name, shape in layout.items()}


def read_layout(path: str | Path) -> Layout:
    """The layout `{tensor name: shape}` kept in a JSON file."""
    layout: Layout = json.loads(Path(path).read_text(encoding="utf-8"))
    return layout


def seeded_waveform(seconds: float, sample_rate: int, seed: int = 0) -> np.ndarray:
    """A test sound, float32 `[seconds * sample_rate]` within [-1, 1].

    A rising sweep over the whole length, a four-partial tone of 220 Hz and one of 330 Hz for 15 % of it
    each, and faint noise, which alone depends on `seed`.
    """
    samples = round(seconds * sample_rate)
    time = np.arange(samples, dtype=np.float64) / sample_rate
    noise = 0.01 * np.random.Generator(np.random.PCG64(seed)).standard_normal(samples)
    sound = 0.35 * np.sin(2 * np.pi * (120.0 * time + 0.5 * 650.0 * time**2))
    tones = np.zeros(samples)
    for onset, pitch in ((0.2, 220.0), (0.6, 330.0)):
        sounding = (onset * seconds <= time) & (time < (onset + 0.15) * seconds)
        for partial in range(1, 5):
            tones += sounding * (0.25 / partial) * np.sin(2 * np.pi * pitch * partial * time)
    sound = sound + tones + noise
    return (sound / max(1.0, np.abs(sound).max())).astype(np.float32)
