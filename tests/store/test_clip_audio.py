"""Audio survives being kept: every rate, channel count and length, sample for sample; damage is noticed."""

from __future__ import annotations

import hashlib
import io
import struct
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from store.audio import (
    FULL_SCALE,
    UNFINISHED,
    AudioError,
    audio_path,
    clip_id,
    read_clip,
    row_audio,
    row_flac,
    write_clip,
)
from store.records import Clip
from tests.people import sound

SHAPES = st.tuples(st.integers(8_000, 192_000), st.integers(1, 8), st.integers(1, 5_000))


def samples_of(seed: int, frames: int, channels: int) -> np.ndarray:
    """Full-scale 24-bit noise with both extremes in it."""
    integers = np.random.default_rng(seed).integers(-FULL_SCALE, FULL_SCALE, (frames, channels))
    integers[0, 0] = -FULL_SCALE
    integers[-1, -1] = FULL_SCALE - 1
    return (integers / FULL_SCALE).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(shape=SHAPES, seed=st.integers(0, 2**32))
def test_any_clip_is_read_back_exactly_as_it_was_kept(shape: tuple[int, int, int], seed: int) -> None:
    rate, channels, frames = shape
    samples = samples_of(seed, frames, channels)
    clip = Clip(clip_id(samples, rate), "public", rate, channels, frames)
    with TemporaryDirectory() as folder:
        write_clip(Path(folder), clip, samples)
        again = read_clip(Path(folder), clip)
    assert again.dtype == np.float32
    np.testing.assert_array_equal(again, samples)


@settings(max_examples=60, deadline=None)
@given(shape=SHAPES, seed=st.integers(0, 2**32), data=st.data())
def test_the_id_names_the_rate_the_shape_and_every_sample(
    shape: tuple[int, int, int], seed: int, data: st.DataObject
) -> None:
    rate, channels, frames = shape
    samples = samples_of(seed, frames, channels)
    identity = clip_id(samples, rate)
    assert clip_id(samples.copy(), rate) == identity
    assert clip_id(samples, rate + 1) != identity
    assert clip_id(samples.reshape(-1, 1), rate) == identity or channels > 1
    assert clip_id(samples[:-1], rate) != identity
    changed = samples.copy()
    frame = data.draw(st.integers(0, frames - 1))
    changed[frame, 0] += np.float32(2**-23) if changed[frame, 0] < 0.5 else np.float32(-(2**-23))
    assert clip_id(changed, rate) != identity


def test_the_id_is_the_hash_that_its_description_says() -> None:
    integers = np.array([[1, -1], [FULL_SCALE - 1, -FULL_SCALE], [256, 65_536]])
    samples = (integers / FULL_SCALE).astype(np.float32)
    packed = b"".join(struct.pack("<i", value)[:3] for value in integers.ravel().tolist())
    expected = hashlib.sha256(b"earwitness clip 1 44100 2 3\n" + packed).hexdigest()
    assert clip_id(samples, 44_100) == expected


@pytest.mark.parametrize("value", [1.0, 2**-24, float("nan"), float("inf"), -1.5])
def test_samples_that_are_not_24_bit_values_have_no_id(value: float) -> None:
    with pytest.raises(ValueError, match="Samples must"):
        clip_id(np.full((4, 1), value, dtype=np.float32), 16_000)


def test_keeping_a_clip_twice_leaves_one_file_and_nothing_unfinished(tmp_path: Path) -> None:
    clip, samples = sound()
    path = write_clip(tmp_path, clip, samples)
    before = path.stat().st_mtime_ns
    assert write_clip(tmp_path, clip, samples) == path
    assert path.stat().st_mtime_ns == before
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [path]
    assert list((tmp_path / UNFINISHED).iterdir()) == []


def test_samples_of_another_clip_are_not_kept_under_its_id(tmp_path: Path) -> None:
    clip, samples = sound()
    with pytest.raises(AudioError, match="not the clip's"):
        write_clip(tmp_path, clip, -samples)
    assert not audio_path(tmp_path, clip.id).exists()


def test_a_damaged_file_is_noticed_and_written_anew_when_the_sound_comes_again(tmp_path: Path) -> None:
    clip, samples = sound()
    path = write_clip(tmp_path, clip, samples)

    soundfile.write(path, samples * 0.5, clip.rate, "PCM_24")
    with pytest.raises(AudioError, match=f"clip {clip.public_id} is damaged"):
        read_clip(tmp_path, clip)

    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(AudioError, match=clip.public_id):
        read_clip(tmp_path, clip)

    path.write_bytes(b"no audio at all")
    with pytest.raises(AudioError, match="cannot be decoded"):
        read_clip(tmp_path, clip)

    write_clip(tmp_path, clip, samples)
    np.testing.assert_array_equal(read_clip(tmp_path, clip), samples)

    path.unlink()
    with pytest.raises(AudioError, match="is missing"):
        read_clip(tmp_path, clip)


def test_a_row_is_the_channel_mean_of_its_window_at_16_khz() -> None:
    rate = 48_000
    time = np.arange(3 * rate) / rate
    tone = 0.5 * np.sin(2 * np.pi * 1_000 * time)
    left_alone = np.stack([tone, np.zeros_like(tone)], axis=1).astype(np.float32)

    heard = row_audio(left_alone, rate, 1.0, 2.5)

    assert heard.dtype == np.float32
    assert heard.shape == (24_000,)
    expected = 0.25 * np.sin(2 * np.pi * 1_000 * (1.0 + np.arange(24_000) / 16_000))
    np.testing.assert_allclose(heard[500:-500], expected[500:-500], atol=2e-4)


@pytest.mark.parametrize(
    ("start", "stop", "words"),
    [
        (0.0, 31.0, "at most 30 s"),
        (-1.0, 2.0, "does not lie"),
        (3.0, 3.0, "does not lie"),
        (30.0, 41.0, "lie"),
    ],
)
def test_a_window_that_no_row_can_hold_is_refused(start: float, stop: float, words: str) -> None:
    samples = np.zeros((40 * 8_000, 1), dtype=np.float32)
    with pytest.raises(AudioError, match=words):
        row_audio(samples, 8_000, start, stop)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4_000), st.integers(0, 2**32))
def test_row_files_hold_the_row_exactly(frames: int, seed: int) -> None:
    mono = samples_of(seed, frames, 1)[:, 0]
    again, rate = soundfile.read(io.BytesIO(row_flac(mono)), dtype="float32")
    assert rate == 16_000
    np.testing.assert_array_equal(again, mono)


def test_a_row_that_touches_full_scale_is_not_turned_over() -> None:
    again, _ = soundfile.read(io.BytesIO(row_flac(np.array([1.0, -1.0], dtype=np.float32))), dtype="float32")
    np.testing.assert_allclose(again, [1.0, -1.0], atol=2**-22)
