"""LAION's CLAPs by transformers: HTSAT for sound, RoBERTa for text (Wu et al., ICASSP 2023).

Read from a folder as the Hugging Face Hub lays it out: config.json, model.safetensors,
preprocessor_config.json and tokenizer.json.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from transformers import ClapFeatureExtractor, ClapModel

from demos.clap.hub_folder import read_folder
from demos.clap.towers import Towers
from demos.tokenizer import padded

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PARTS = ("config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json")


class LaionClap(Towers):
    """transformers' ClapModel and its feature extractor.

    Windows are full, so that the extractor's random crop never happens. A model with feature fusion is told
    of each window that it is a whole sound, which the extractor would say of all but one drawn at random.
    """

    def __init__(self, model: ClapModel, extractor: ClapFeatureExtractor) -> None:
        super().__init__()
        self.model = model
        self.extractor = extractor
        self.sample_rate = int(extractor.sampling_rate)
        self.clip_samples = int(extractor.nb_max_samples)

    @property
    def logit_scale(self) -> Tensor:  # type: ignore[override]
        """The scale of the similarity of sounds to texts, a logarithm."""
        scale: Tensor = self.model.logit_scale_a
        return scale

    def fill(self, sound: np.ndarray, length: int) -> np.ndarray:
        """As the extractor pads: by default repeated as often as it fits whole, then silence."""
        if self.extractor.padding == "repeat":
            return np.resize(sound, length)
        times = length // len(sound) if self.extractor.padding == "repeatpad" else 1
        return np.pad(np.tile(sound, times), (0, length - times * len(sound)))

    def latent(self, waveform: Tensor) -> Tensor:
        """HTSAT's pooled state of `[B, clip_samples]`: `[B, D]`."""
        heard = self.extractor(
            list(waveform.cpu().numpy()), sampling_rate=self.sample_rate, return_tensors="pt"
        ).input_features.to(device=waveform.device, dtype=waveform.dtype)
        whole = torch.zeros((len(heard), 1), dtype=torch.bool, device=waveform.device)
        latent: Tensor = self.model.audio_model(input_features=heard, is_longer=whole).pooler_output
        return latent

    def embed_latent(self, latent: Tensor) -> Tensor:
        """A latent `[B, D]` to embeddings `[B, d]`, not normalised."""
        embedding: Tensor = self.model.audio_projection(latent)
        return embedding

    def text_ids(self, tokenizer: "PreTrainedTokenizerFast", texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Texts as RoBERTa's ids and mask, each `[n, longest]`."""
        text = self.model.config.text_config
        # RoBERTa counts positions from behind the pad id
        length = text.max_position_embeddings - text.pad_token_id - 1
        rows = tokenizer(list(texts), truncation=True, max_length=length).input_ids
        return padded(rows, text.pad_token_id, max(map(len, rows)))

    def embed_ids(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Ids and mask, each `[n, longest]`, to embeddings `[n, d]`, not normalised."""
        pooled = self.model.text_model(input_ids=ids, attention_mask=mask).pooler_output
        embedding: Tensor = self.model.text_projection(pooled)
        return embedding


def load_laion(folder: str | Path) -> LaionClap:
    """The CLAP of a folder, ready to use (evaluation mode, float32, on the CPU). Nothing is downloaded.

    Raises CheckpointError if a file is missing or cannot be read, or if weights are missing or do not fit.
    """
    return LaionClap(*read_folder(folder, "CLAP", ClapModel, ClapFeatureExtractor, PARTS))
