"""PE-AV's audio and text towers by transformers (Meta, 2025).

For sound a codec's encoder and a transformer, for text ModernBERT.

Read from a folder as the Hugging Face Hub lays it out: config.json, safetensors, tokenizer.json, and
preprocessor_config.json where there is one.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor
from transformers import PeAudioFeatureExtractor, PeAudioModel

from demos.clap.hub_folder import read_folder
from demos.clap.towers import Towers
from demos.tokenizer import padded

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PARTS = ("config.json", "tokenizer.json")
WINDOW = (
    10.0  # seconds; the encoder hears any length, and this is ours, so that long sounds are heard in time
)
LONGEST_TEXT = 512  # tokens


class PeAudio(Towers):
    """transformers' PeAudioModel and its feature extractor."""

    def __init__(self, model: PeAudioModel, extractor: PeAudioFeatureExtractor) -> None:
        super().__init__()
        self.model = model
        self.sample_rate = int(extractor.sampling_rate)
        hops = round(WINDOW * self.sample_rate / extractor.hop_length)
        self.clip_samples = int(extractor.hop_length) * hops  # whole hops, so that nothing has to be padded

    @property
    def logit_scale(self) -> Tensor:  # type: ignore[override]
        """The scale of the similarity of sounds to texts, a logarithm."""
        scale: Tensor = self.model.text_audio_logit_scale.log()
        return scale

    def latent(self, waveform: Tensor) -> Tensor:
        """The audio encoder's pooled state of `[B, clip_samples]`: `[B, D]`."""
        heard: Tensor = self.model.audio_encoder(input_values=waveform[:, None]).pooler_output
        return heard

    def embed_latent(self, latent: Tensor) -> Tensor:
        """A latent `[B, D]` to embeddings `[B, d]`, not normalised."""
        embedding: Tensor = self.model.audio_head(latent)
        return embedding

    def text_ids(self, tokenizer: "PreTrainedTokenizerFast", texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Texts as ModernBERT's ids and mask, each `[n, longest]`."""
        text = self.model.config.text_config
        length = min(LONGEST_TEXT, text.max_position_embeddings)
        rows = tokenizer(list(texts), truncation=True, max_length=length).input_ids
        return padded(rows, text.pad_token_id, max(map(len, rows)))

    def embed_ids(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Ids and mask, each `[n, longest]`, to embeddings `[n, d]`, not normalised: of the first token."""
        states = self.model.text_model(input_ids=ids, attention_mask=mask).last_hidden_state
        embedding: Tensor = self.model.text_audio_head(states[:, 0])
        return embedding


def load_pe_audio(folder: str | Path) -> PeAudio:
    """The PE-AV of a folder, ready to use (evaluation mode, float32, on the CPU). Nothing is downloaded.

    Raises CheckpointError if a file is missing or cannot be read, or if weights are missing or do not fit.
    """
    # the files hold the towers for pictures besides
    return PeAudio(
        *read_folder(folder, "PE-AV", PeAudioModel, PeAudioFeatureExtractor, PARTS, holds_more=True)
    )
