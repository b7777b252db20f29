"""Every part of a sound is heard, in windows that are the same each time."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from demos.networks.htsat import Htsat
from demos.windows import BATCH, Window, cut, hear, windows
from tests.demos.tiny_systems import SMALL_HTSAT
from tests.seeded import seeded_waveform


@pytest.mark.parametrize("samples", [1, 999, 1000, 1001, 1499, 1500, 1501, 2000, 12345])
def test_windows_cover_a_sound_and_end_with_it(samples: int) -> None:
    found = windows(samples, 1000)
    assert found[0].start == 0
    assert found[-1].stop == samples
    assert all(window.stop - window.start == min(samples, 1000) for window in found)
    assert all(0 < later.start - earlier.start <= 500 for earlier, later in pairwise(found))


def test_the_last_window_is_not_heard_twice() -> None:
    assert windows(2000, 1000) == (Window(0, 1000), Window(500, 1500), Window(1000, 2000))


def test_a_short_sound_is_repeated_end_to_end() -> None:
    assert cut(np.arange(3, dtype=np.float32), 8).tolist() == [[0, 1, 2, 0, 1, 2, 0, 1]]


def test_an_empty_sound_is_refused() -> None:
    with pytest.raises(ValueError, match="no samples"):
        cut(np.zeros(0, np.float32), 8)


def test_windows_heard_together_are_heard_as_alone() -> None:
    torch.manual_seed(0)
    htsat = Htsat(SMALL_HTSAT).eval()
    waveform = seeded_waveform(11.3, SMALL_HTSAT.sample_rate)
    found = windows(len(waveform), SMALL_HTSAT.clip_samples)
    assert len(found) > BATCH
    together = hear(htsat, waveform, "cpu", collect=True)
    assert len(together.latent) == len(found)
    for number in (0, BATCH - 1, BATCH, len(found) - 1):
        alone = hear(htsat, waveform[found[number].start : found[number].stop], "cpu", collect=True)
        assert torch.allclose(together.latent[number], alone.latent[0], atol=1e-5)
        assert torch.allclose(together.framewise_logits[number], alone.framewise_logits[0], atol=1e-5)
        for many, one in zip(together.hidden, alone.hidden, strict=True):
            assert many.name == one.name
            assert torch.allclose(many.values[number], one.values[0], atol=1e-4)
