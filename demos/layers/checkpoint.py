"""Reads self-supervised encoders of raw sound from the folders in which their publishers give them.

Wav2vec 2.0, HuBERT, data2vec-audio and WavLM hear samples through convolutions (one step every 20 ms) and a
transformer, all in transformers' own classes. A head (quantiser, clusters, speakers) that a file holds
besides is left out.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from demos.checkpoint_reader import CheckpointError
from demos.quiet_loading import quietly

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from transformers import PreTrainedModel

MODEL_TYPES = ("wav2vec2", "hubert", "data2vec-audio", "wavlm")
_TINY = 1e-7  # added to the variance, as the published feature extractor does


@dataclass(frozen=True)
class SpeechEncoder:
    """An encoder and the rules of its input."""

    network: PreTrainedModel
    normalises: bool  # whether each sound is brought to zero mean and unit variance

    @property
    def stride(self) -> int:
        """Samples from one step to the next."""
        return math.prod(self.network.config.conv_stride)

    def values(self, samples: npt.NDArray[np.float32]) -> Tensor:
        """What the network takes of a sound [samples]: float32 [1, samples] on its device."""
        sound = torch.from_numpy(samples.copy())[None].to(self.network.device)
        if self.normalises:
            sound = (sound - sound.mean()) / torch.sqrt(sound.var(correction=0) + _TINY)
        return sound

    @torch.no_grad()
    def states(self, samples: npt.NDArray[np.float32]) -> tuple[Tensor, ...]:
        """What enters the first layer, and the output of each: [1, steps, width]."""
        heard = self.network(self.values(samples), output_hidden_states=True)
        states: tuple[Tensor, ...] = heard.hidden_states
        return states


def read_speech_encoder(folder: Path, rate: int) -> SpeechEncoder:
    """The encoder in a folder with config.json, model.safetensors and preprocessor_config.json.

    Raises CheckpointError for another kind of model, an encoder of another rate, and weights that are missing
    or do not fit.
    """
    from transformers import AutoModel

    rules, config = _read(folder / "preprocessor_config.json"), _read(folder / "config.json")
    if config.get("model_type") not in MODEL_TYPES:
        raise CheckpointError(
            f"{folder.name} holds a model of the type “{config.get('model_type')}”; "
            f"an encoder is one of {', '.join(MODEL_TYPES)}."
        )
    if rules.get("sampling_rate") != rate:
        raise CheckpointError(f"{folder.name} hears {rules.get('sampling_rate')} Hz; it is given {rate} Hz.")
    try:
        with quietly():  # a head that the file holds besides is left out on purpose
            network, found = AutoModel.from_pretrained(
                folder, local_files_only=True, dtype=torch.float32, output_loading_info=True
            )
    except (OSError, RuntimeError, ValueError) as error:
        raise CheckpointError(f"The weights in {folder.name} cannot be read. Restore the folder.") from error
    if missing := sorted(found["missing_keys"]):
        raise CheckpointError(f"The weights in {folder.name} lack {', '.join(missing[:6])}.")
    return SpeechEncoder(network.eval(), bool(rules.get("do_normalize", True)))


def _read(path: Path) -> dict[str, object]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path.parent.name}/{path.name} cannot be read. Restore it.") from error
    return values if isinstance(values, dict) else {}
