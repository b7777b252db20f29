"""What the parity tests share: published-style files of seeded weights, the goldens' sounds, a tolerant
compare.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from demos.networks.htsat import Htsat
from demos.windows import cut
from tests.seeded import Layout, read_layout, seeded_state_dict, seeded_waveform

FIXTURES = Path(__file__).parent.parent / "fixtures"

LOG_MEL_TOLERANCE = 1e-3  # dB; an FFT instead of convolutions moves single cells by up to 3.6e-4
TOLERANCE = 2e-5
FULL_TOLERANCE = 1e-4


def golden(name: str) -> dict[str, np.ndarray]:
    """The stored outputs of a published implementation, such as `msclap/golden_tiny_2023`."""
    with np.load(FIXTURES / f"{name}.npz") as file:
        return dict(file)


def seeded_tensors(layout: Layout) -> dict[str, Tensor]:
    """A layout filled with seeded weights, as tensors."""
    return {name: torch.from_numpy(values) for name, values in seeded_state_dict(layout).items()}


def published_file(path: Path, state: dict[str, Tensor]) -> Path:
    """Tensors saved as the published files are."""
    torch.save({"model": state}, path)
    return path


def tiny_file(path: Path, layout: str) -> Path:
    """The seeded weights of a tiny layout, such as `msclap/layout_tiny_2023`, as a published file."""
    return published_file(path, seeded_tensors(read_layout(FIXTURES / f"{layout}.json")))


def full_layout(name: str) -> tuple[Layout, Layout]:
    """A published layout as what is to be seeded and what is not: constants, old buffers and the tied
    weight.
    """
    kinds = (
        ".conv_real.weight", ".conv_imag.weight", ".melW", ".relative_position_index", ".attn_mask",
        ".attn.bias", ".attn.masked_bias", ".position_ids", ".lm_head.weight",
    )  # fmt: skip
    layout = read_layout(FIXTURES / f"{name}.json")
    others = {tensor: shape for tensor, shape in layout.items() if tensor.endswith(kinds)}
    return {tensor: shape for tensor, shape in layout.items() if tensor not in others}, others


def sounds(window: int = 7) -> np.ndarray:
    """The three sounds of the goldens `[3, window * 44100]`; the third is 3 s long, repeated as the systems
    repeat it. `window` is in seconds.
    """
    lengths = ((window, 1), (window, 2), (3, 3))
    rows = [seeded_waveform(float(seconds), 44100, seed) for seconds, seed in lengths]
    return np.concatenate([cut(row, window * 44100) for row in rows])


class Comparison:
    """Compares with a golden within a tolerance and prints the largest difference of each quantity."""

    def __init__(self, stored: dict[str, np.ndarray], tolerance: float = TOLERANCE) -> None:
        self.stored = stored
        self.tolerance = tolerance

    def close(self, name: str, values: Any, tolerance: float | None = None, stored: Any = None) -> None:
        """Fail if `values` differ from the golden `name` by more than the tolerance anywhere."""
        expected = self.stored[name] if stored is None else stored
        actual = np.asarray(values)
        assert actual.shape == expected.shape, f"{name}: {actual.shape} instead of {expected.shape}"
        difference = float(np.abs(actual - expected).max())
        print(f"{name}: {difference:.1e}")
        assert difference <= (self.tolerance if tolerance is None else tolerance), (
            f"{name}: off by {difference}"
        )


@torch.inference_mode()
def compare_htsat(htsat: Htsat, stored: dict[str, np.ndarray], log_mel_tolerance: float) -> Tensor:
    """Compare every stored stage of HTSAT, from the samples to `clipwise`; gives `latent` `[3, D]`."""
    compare = Comparison(stored)
    rows = sounds()
    for place, value in zip(stored["wave_row2_samples_at"], stored["wave_row2_values"], strict=True):
        assert rows[2, place] == value
    waveform = torch.from_numpy(rows)
    log_mel = htsat.log_mel(waveform)
    normalised = htsat.normalise(log_mel)
    image = htsat.image(normalised)
    output = htsat.from_log_mel(log_mel, collect=True)
    hidden = {place.name: place.values[0, :8] for place in output.hidden}

    power = htsat.spectrogram_extractor(waveform[:1])[0, 0, :4]
    expected = stored["spectrogram_power_row0_frames0_4"]
    compare.close("spectrogram_power_row0_frames0_4", power, 1e-5 * expected.max())
    compare.close("const_melW", htsat.logmel_extractor.melW, 1e-8)
    compare.close("logmel_row0", log_mel[0, 0], log_mel_tolerance)
    compare.close("logmel_row2_frames0_16", log_mel[2, 0, :16], log_mel_tolerance)
    compare.close("logmel_bn0_row0_frames0_16", normalised[0, 0, :16], log_mel_tolerance)
    if "image_row0" in stored:
        compare.close("image_row0", image[0, 0], log_mel_tolerance)
    compare.close("image_row0_corner", image[0, 0, :8, :8], log_mel_tolerance)
    compare.close("patch_embed_row0_tokens0_8", hidden["patch_embed"])
    for stage in range(4):
        compare.close(f"stage{stage}_row0_tokens0_8", hidden[f"layers.{stage}"])
    compare.close("final_norm_row0", output.tokens[0])
    compare.close("latent", output.latent)
    compare.close("clipwise_output", output.clipwise)
    return output.latent
