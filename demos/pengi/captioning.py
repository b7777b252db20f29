"""Captioning: what Pengi says of a sound when it is given a prompt."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from demos.pengi.captioner import Caption, Captioner, Search
from demos.pengi.network import Pengi
from demos.tokenizer import GPT2_PAD_ID, gpt2_ids, padded

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

__all__ = ["Caption", "Captioning"]


class Captioning(Captioner):
    """A Pengi with its tokenizers. Sound is mono float32 at `network.config.htsat.sample_rate`.

    `decoder_tokenizer` is GPT-2's; `prompt_tokenizer` is CLIP's for a network with a text encoder, else it
    is not needed. Deviations from the published wrapper: sound of any length is heard by windows instead of
    at one random place, the extra text is read as a whole instead of one letter of it, a prompt that is too
    long for `base_no_text_enc` is shortened before its end, and the text comes without its stop token.
    """

    name = "Pengi"

    def __init__(
        self,
        network: Pengi,
        decoder_tokenizer: "PreTrainedTokenizerFast",
        prompt_tokenizer: "PreTrainedTokenizerFast | None" = None,
        device: torch.device | str = "cpu",
    ) -> None:
        if network.config.text_encoder is not None and prompt_tokenizer is None:
            raise ValueError("A Pengi with a text encoder needs the tokenizer of that encoder too.")
        super().__init__(
            network.audio_encoder.htsat,
            network.caption_decoder.gpt,
            decoder_tokenizer,
            network.config.end_text,
            device,
        )
        self.network = network
        self.prompt_tokenizer = prompt_tokenizer

    def prompt_ids(self, prompts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Prompts as ids and mask, each `[n, prompt_length]` int64."""
        config = self.network.config
        if config.text_encoder is None:
            rows, masks = gpt2_ids(self.decoder_tokenizer, prompts, config.end_text, config.prompt_length)
            missing = (0, config.prompt_length - rows.shape[1])
            return (
                torch.nn.functional.pad(rows, missing, value=GPT2_PAD_ID),
                torch.nn.functional.pad(masks, missing),
            )
        assert self.prompt_tokenizer is not None
        rows = self.prompt_tokenizer(
            list(prompts), truncation=True, max_length=config.prompt_length
        ).input_ids
        return padded(rows, config.text_encoder.pad_token_id, config.prompt_length)

    @torch.inference_mode()
    def prefixes(
        self, latents: Tensor, prompt: str, extra_text: str = "", normalize_text: bool = False
    ) -> Tensor:
        """What GPT-2 is given: `latents` `[windows, D]` and one prompt to `[windows, P, width]`.

        The start of the answer can be given as `extra_text`. `normalize_text` follows the published training
        instead of the published wrapper, see `Pengi.text_prefix`.
        """
        ids, mask = (part.to(self.device) for part in self.prompt_ids([prompt]))
        extra = None
        if extra_text:
            extra = torch.tensor([self.decoder_tokenizer(extra_text).input_ids], device=self.device)
        return self.network.prefix(latents.to(self.device), ids, mask, normalize_text, extra)

    def prefix(
        self, latent: Tensor, prompt: str, extra_text: str = "", normalize_text: bool = False
    ) -> Tensor:
        """The same for one window: `latent` `[D]` or `[1, D]` to `[P, width]`."""
        return self.prefixes(latent.reshape(1, -1), prompt, extra_text, normalize_text)[0]

    def stream(
        self,
        waveform: np.ndarray | None,
        prompt: str,
        *,
        latent: Tensor | None = None,
        extra_text: str = "",
        beam_size: int = 3,
        max_length: int = 30,
        temperature: float = 1.0,
        normalize_text: bool = False,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[Caption]:
        """Say something about one window of sound: the best text after each token, last the final one
        (`done`).

        The sound is `[samples]`, at most one window long, or the `latent` `[D]` that HTSAT heard in it.
        With more than one beam the text so far may change its mind. `cancelled` is asked before each token.
        Raises ValueError if there is neither sound nor latent, if the sound is longer than a window, or as
        `beam_search`.
        """
        prefixes = partial(self.prefixes, prompt=prompt, extra_text=extra_text, normalize_text=normalize_text)
        search = Search(beam_size, max_length, temperature, cancelled)
        yield from self.one_caption(self.one_window(waveform, latent), prefixes, search)

    def stream_windows(
        self,
        latents: Tensor,
        prompt: str,
        *,
        beam_size: int = 3,
        max_length: int = 30,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[tuple[Caption, ...]]:
        """Say something about each of several windows, in the words of `stream`, but at the same time.

        `latents` `[windows, D]` is what HTSAT heard in them. After each token come the captions of all
        windows begun so far, in order; one that is `done` stays. Raises ValueError as `beam_search`.
        """
        search = Search(beam_size, max_length, cancelled=cancelled)
        yield from self.captions(latents, partial(self.prefixes, prompt=prompt), search)
