"""What clapcap says of a sound; nobody asks it anything."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from demos.pengi.captioner import Caption, Captioner, Search
from demos.pengi.clapcap import Clapcap

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

BEAMS, MAX_LENGTH = 5, 67  # as published


class ClapcapCaptioning(Captioner):
    """A clapcap with GPT-2's tokenizer. Sound is mono float32 at `network.config.htsat.sample_rate`.

    As published, a text is written with one capital letter, its first. Deviations from the published wrapper:
    sound of any length is heard by windows instead of at one random place, and the text comes without the
    space that ended it.
    """

    name = "clapcap"

    def __init__(
        self,
        network: Clapcap,
        decoder_tokenizer: "PreTrainedTokenizerFast",
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__(network.clap.htsat, network.gpt, decoder_tokenizer, network.config.end_text, device)
        self.network = network

    def written(self, text: str) -> str:
        """How the model's words are written: with a capital letter at the start, and no other."""
        return text.capitalize()

    @torch.inference_mode()
    def prefixes(self, latents: Tensor) -> Tensor:
        """What GPT-2 is given for each window: `latents` `[windows, D]` to `[windows, P, width]`."""
        return self.network.prefix(latents.to(self.device))

    def stream(
        self,
        waveform: np.ndarray | None,
        prompt: str = "",
        *,
        latent: Tensor | None = None,
        beam_size: int = BEAMS,
        max_length: int = MAX_LENGTH,
        temperature: float = 1.0,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[Caption]:
        """Caption one window of sound: the best text after each token, last the final one (`done`).

        As `Captioning.stream`; raises ValueError also where there is a prompt, since clapcap reads none.
        """
        _refuse(prompt)
        search = Search(beam_size, max_length, temperature, cancelled)
        yield from self.one_caption(self.one_window(waveform, latent), self.prefixes, search)

    def stream_windows(
        self,
        latents: Tensor,
        prompt: str = "",
        *,
        beam_size: int = BEAMS,
        max_length: int = MAX_LENGTH,
        temperature: float = 1.0,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[tuple[Caption, ...]]:
        """Caption several windows at once, as `Captioning.stream_windows`; without a prompt, as `stream`."""
        _refuse(prompt)
        search = Search(beam_size, max_length, temperature, cancelled)
        yield from self.captions(latents, self.prefixes, search)


def _refuse(prompt: str) -> None:
    if prompt:
        raise ValueError("clapcap only captions; it takes no instruction. Leave the instruction empty.")
