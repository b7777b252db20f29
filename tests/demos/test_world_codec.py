"""What becomes of a recording on its way: each change is finite, repeatable, and grows with its strength."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from demos.mini.world.codec import AS_IT_IS, CODEC_KINDS, Codec, CodecKind
from demos.mini.world.dsp import SAMPLE_RATE

CHANGES = [kind for kind in CODEC_KINDS if kind != "none"]


def recording(seed: int = 0) -> NDArray[np.float32]:
    """A second and a bit of a loud and a quiet stretch of tones and noise: an odd number of samples."""
    rng = np.random.default_rng(seed)
    time = np.arange(20_011) / SAMPLE_RATE
    tones = sum(np.sin(2 * np.pi * frequency * time) for frequency in (130.0, 700.0, 2_500.0, 6_900.0))
    loud = np.where(time < 0.6, 0.1, 0.01)
    return ((tones + 0.3 * rng.standard_normal(len(time))) * loud).astype(np.float32)


def share_above(samples: NDArray[np.float32], frequency: float) -> float:
    """The share of a recording's power above a frequency."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    return float(power[int(frequency * len(samples) / SAMPLE_RATE) :].sum() / power.sum())


@pytest.mark.parametrize("kind", CODEC_KINDS)
def test_a_recording_stays_finite_as_long_as_it_was_and_at_its_level(kind: CodecKind) -> None:
    samples = recording()
    for strength in (0.0, 0.5, 1.0):
        changed = Codec(kind, strength).passed(samples)
        assert changed.dtype == np.float32
        assert changed.shape == samples.shape
        assert np.isfinite(changed).all()
        assert 0.3 < np.std(changed) / np.std(samples) < 3.5
        np.testing.assert_array_equal(Codec(kind, strength).passed(samples), changed)
    np.testing.assert_array_equal(samples, recording(), "what was given is left as it was")


@pytest.mark.parametrize("kind", CODEC_KINDS)
@pytest.mark.parametrize("length", [1, 100, 3_000])
def test_silence_and_short_sounds_pass(kind: CodecKind, length: int) -> None:
    for samples in (np.zeros(length, np.float32), recording()[:length]):
        changed = Codec(kind, 1.0).passed(samples)
        assert changed.shape == samples.shape
        assert np.isfinite(changed).all()


@pytest.mark.parametrize("kind", CHANGES)
def test_a_stronger_change_moves_the_recording_further(kind: CodecKind) -> None:
    samples = recording()

    def apart(strength: float) -> float:
        changed = Codec(kind, strength).passed(samples).astype(np.float64)
        scale = changed @ samples / (changed @ changed)  # a change of level alone is none
        return float(np.sqrt(np.mean((changed * scale - samples) ** 2)) / np.std(samples))

    assert 0 < apart(0.0) < apart(0.5) < apart(1.0)


def test_each_change_is_what_its_name_says() -> None:
    samples = recording()
    telephone = Codec("telephone", 1.0).passed(samples)
    assert share_above(telephone, 4_500) < 0.05 * share_above(samples, 4_500)
    assert share_above(Codec("lossy", 1.0).passed(samples), 4_200) < 0.05 * share_above(samples, 4_200)
    assert share_above(Codec("low rate", 0.0).passed(samples), 6_800) < 0.5 * share_above(samples, 6_800)
    clipped = np.abs(Codec("clipped", 0.5).passed(samples))
    assert np.count_nonzero(clipped == clipped.max()) > 100
    assert len(np.unique(Codec("coarse", 1.0).passed(samples))) <= 2 * 2**4 + 1
    levelled = Codec("levelled", 1.0).passed(samples)
    at = int(0.6 * SAMPLE_RATE)
    louder_by = [np.std(sound[:at]) / np.std(sound[at + 3_000 :]) for sound in (samples, levelled)]
    assert louder_by[1] < 0.4 * louder_by[0]


def test_nearly_half_of_all_recordings_are_left_as_they_are() -> None:
    rng = np.random.default_rng(0)
    drawn = [Codec.draw(rng, "train") for _ in range(600)]
    kinds = Counter(codec.kind for codec in drawn)
    assert set(kinds) == set(CODEC_KINDS)
    assert 0.4 < kinds["none"] / 600 < 0.55
    assert {codec for codec in drawn if codec.kind == "none"} == {AS_IT_IS}
    assert all(0 <= codec.strength <= 1 for codec in drawn)
    assert AS_IT_IS.passed(samples := recording()) is samples
