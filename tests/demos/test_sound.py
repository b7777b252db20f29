"""A clip is the same samples for everyone: its id, its views, its picture and what is said about it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile

from demos.cache import OnceCache
from demos.picture import envelope, log_mel_picture
from demos.resampling import resample_published
from demos.sound import Sound, from_array, notices, read
from demos.views import Views, view_of
from store.audio import clip_id, row_audio
from tests.seeded import seeded_waveform

RATE = 16_000
FIXTURES = Path(__file__).parents[1] / "fixtures"


def tone(hertz: float, seconds: float = 2.0, rate: int = RATE, level: float = 0.5) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def stereo() -> Sound:
    return from_array(RATE, np.stack([tone(440), tone(880)], axis=1))


def test_samples_are_24_bit_values_that_give_the_id() -> None:
    sound = from_array(44_100, seeded_waveform(1.0, 44_100, seed=3), name="sweep")
    integers = sound.samples * 2**23
    assert np.array_equal(integers, np.rint(integers))
    assert sound.clip.id == clip_id(sound.samples, 44_100)
    assert (sound.clip.frames, sound.clip.channels, sound.clip.name) == (44_100, 1, "sweep")
    assert not sound.samples.flags.writeable


def test_too_loud_samples_are_clipped_into_the_range() -> None:
    sound = from_array(RATE, np.repeat([1.0, -1.0, 3.0, -3.0], RATE))
    assert sound.samples.max() == np.float32(1 - 2**-23)
    assert sound.samples.min() == -1.0


def test_the_same_sound_has_one_id_and_many_public_ids(tmp_path: Path) -> None:
    path = tmp_path / "same.flac"
    first = stereo()
    soundfile.write(path, first.samples, RATE, subtype="PCM_24")
    second = read(path)
    assert first.clip.id == second.clip.id
    assert first.clip.public_id != second.clip.public_id
    assert from_array(RATE + 1, first.samples).clip.id != first.clip.id


def test_silence_is_said() -> None:
    assert "silent" in notices(from_array(RATE, np.zeros(RATE)))[0]
    assert "silent" in notices(from_array(RATE, np.full(RATE, 0.25)))[0]
    assert "nearly silent" in notices(from_array(RATE, tone(440, level=5e-4)))[0]
    assert notices(stereo()) == []


def test_clipping_is_said_with_its_share() -> None:
    clean, driven = tone(440, level=0.99999), tone(440, level=1.4)
    assert notices(from_array(RATE, clean)) == []
    (sentence,) = notices(from_array(RATE, driven))
    share = float(np.mean(np.abs(driven) >= 1.0))
    said = float(sentence.split("clipped: ")[1].split("%")[0]) / 100
    assert said == pytest.approx(share, abs=0.01)


def test_a_view_is_the_channel_mean_of_its_window() -> None:
    sound = stereo()
    view = view_of(sound, RATE, "soxr", 0.5, 1.0)
    assert np.allclose(Views().samples(sound, view), sound.samples[8_000:16_000].mean(axis=1), atol=1e-7)


@pytest.mark.parametrize("resampling", ["soxr", "published"])
@pytest.mark.parametrize("rate", [8_000, 22_050, 44_056, 48_000, 192_000])
def test_resampling_keeps_length_and_pitch(rate: int, resampling: str) -> None:
    sound = from_array(rate, tone(1_000, 1.0, rate))
    samples = Views().samples(sound, view_of(sound, 44_100, resampling))  # type: ignore[arg-type]
    assert len(samples) == 44_100
    middle = samples[4_410:-4_410]
    assert np.abs(np.fft.rfft(middle)).argmax() * 44_100 / len(middle) == pytest.approx(1_000, abs=2)
    assert np.abs(middle).max() == pytest.approx(0.5, abs=0.01)


def test_the_published_resampling_agrees_with_torchaudio() -> None:
    golden = np.load(FIXTURES / "resample" / "to_44100.npz")
    for name in golden.files:
        rate = int(name.removeprefix("from_"))
        ours = resample_published(seeded_waveform(0.25, rate, seed=2), rate, 44_100)
        assert ours.shape == golden[name].shape
        assert np.abs(ours - golden[name]).max() <= 2e-5


def test_a_16_khz_view_is_the_audio_of_the_row_made_of_it() -> None:
    sound = from_array(44_100, np.stack([seeded_waveform(2.0, 44_100, seed) for seed in (1, 2)], axis=1))
    heard = Views().samples(sound, view_of(sound, 16_000, "soxr", 0.3, 1.7))
    assert np.array_equal(heard, row_audio(sound.samples, 44_100, 0.3, 1.7))


def test_views_are_made_once_and_forgotten_with_their_clip() -> None:
    sound, other, views = stereo(), from_array(RATE, tone(300)), Views()
    view, others = view_of(sound, 8_000, "soxr"), view_of(other, 8_000, "soxr")
    first, kept = views.samples(sound, view), views.samples(other, others)
    assert views.samples(sound, view) is first
    views.forget(sound.clip.id)
    assert views.samples(sound, view) is not first
    assert views.samples(other, others) is kept
    with pytest.raises(ValueError, match="another clip"):
        views.samples(sound, others)


def test_windows_outside_the_clip_are_refused_or_held_within() -> None:
    sound = stereo()
    assert view_of(sound, RATE, "soxr", -1.0, 99.0).stop == sound.clip.seconds
    with pytest.raises(ValueError, match="does not lie"):
        Views().samples(sound, view_of(sound, RATE, "soxr", 2.0))


def test_many_threads_get_one_value() -> None:
    cache: OnceCache[bytes] = OnceCache(1_000, len)
    made: list[int] = []
    together = threading.Barrier(8)

    def make() -> bytes:
        made.append(1)
        threading.Event().wait(0.05)
        return bytes(10)

    def ask(_: int) -> bytes:
        together.wait()
        return cache.get("clip", "key", make)

    with ThreadPoolExecutor(8) as pool:
        values = list(pool.map(ask, range(8)))
    assert len(made) == 1
    assert all(value is values[0] for value in values)


def test_one_failure_does_not_fail_those_who_waited() -> None:
    cache: OnceCache[bytes] = OnceCache(1_000, len)
    started, release = threading.Event(), threading.Event()

    def cancelled() -> bytes:
        started.set()
        release.wait()
        raise RuntimeError("cancelled")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cache.get, "clip", "key", cancelled)
        started.wait()
        second = pool.submit(cache.get, "clip", "key", lambda: b"made")
        release.set()
        with pytest.raises(RuntimeError, match="cancelled"):
            first.result()
        assert second.result() == b"made"


def test_a_cache_is_bounded_and_what_is_forgotten_meanwhile_is_not_kept() -> None:
    cache: OnceCache[bytes] = OnceCache(25, len)
    for number in range(5):
        cache.get("clip", number, lambda: bytes(10))
    assert cache.size == 20
    assert cache.get("clip", "large", lambda: bytes(99)) == bytes(99)
    assert cache.size == 99

    def forgotten_while_made() -> bytes:
        cache.forget("other")
        return b"late"

    assert cache.get("other", "key", forgotten_while_made) == b"late"
    assert cache.get("other", "key", lambda: b"anew") == b"anew"


def test_the_picture_shows_where_and_when_it_sounds() -> None:
    samples = np.concatenate([tone(300, 1.0), np.zeros(RATE, np.float32), tone(4_000, 1.0)])
    picture, seconds, *_ = log_mel_picture(from_array(RATE, samples))
    assert (picture.dtype, picture.shape, seconds) == (np.uint8, (80, 300), 3.0)
    low, high = picture[:, 50].argmax(), picture[:, 250].argmax()
    assert low < 25 < 45 < high
    assert picture[:, 150].max() == 0
    assert picture.max() == 255


def test_the_picture_of_a_long_clip_misses_no_click() -> None:
    samples = np.zeros(8_000 * 120, np.float32)
    samples[8_000 * 77 + 123] = 0.9
    picture, *_ = log_mel_picture(from_array(8_000, samples), columns=400)
    assert picture.shape == (80, 400)
    assert picture.max(axis=0).argmax() == pytest.approx(400 * 77 / 120, abs=2)


def test_silence_stays_dark() -> None:
    rng = np.random.default_rng(1)
    hiss = from_array(RATE, 1e-6 * rng.standard_normal(RATE).astype(np.float32))
    assert log_mel_picture(hiss).values.max() < 64


def test_the_envelope_holds_the_extremes() -> None:
    samples = np.zeros(RATE, np.float32)
    samples[100], samples[-1] = 0.75, -0.5
    shape = envelope(from_array(RATE, samples), columns=10)
    assert shape.shape == (10, 2)
    assert shape[0, 1] == 0.75
    assert shape[9, 0] == -0.5
