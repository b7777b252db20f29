"""Captioning: what Pengi says of a sound when it is given a prompt."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from demos.networks.htsat import HtsatOutput
from demos.pengi.beam_search import Hypothesis, beam_search
from demos.pengi.network import Pengi
from demos.tokenizer import GPT2_PAD_ID, gpt2_ids, padded
from demos.windows import Window, hear, windows
from store.records import Token

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


@dataclass(frozen=True)
class Caption:
    """What Pengi has said so far, or in the end.

    `tokens` make up `text`, but for blanks at its ends; a stop token is in neither. `score` is the mean
    log-probability per token, `others` are the other beams as (text, score), best first. `stopped` says
    that Pengi ended the text itself; otherwise it was cut at `max_length` or `cancelled`.
    """

    text: str
    tokens: tuple[Token, ...]
    ids: tuple[int, ...]
    score: float
    others: tuple[tuple[str, float], ...] = ()
    done: bool = False
    stopped: bool = False
    cancelled: bool = False


class Captioning:
    """A Pengi with its tokenizers. Sound is mono float32 at `network.config.htsat.sample_rate`.

    `decoder_tokenizer` is GPT-2's; `prompt_tokenizer` is CLIP's for a network with a text encoder, else it
    is not needed. Deviations from the published wrapper: sound of any length is heard by windows instead of
    at one random place, the extra text is read as a whole instead of one letter of it, a prompt that is too
    long for `base_no_text_enc` is shortened before its end, and the text comes without its stop token.
    """

    def __init__(
        self,
        network: Pengi,
        decoder_tokenizer: "PreTrainedTokenizerFast",
        prompt_tokenizer: "PreTrainedTokenizerFast | None" = None,
        device: torch.device | str = "cpu",
    ) -> None:
        if network.config.text_encoder is not None and prompt_tokenizer is None:
            raise ValueError("A Pengi with a text encoder needs the tokenizer of that encoder too.")
        self.network = network
        self.decoder_tokenizer = decoder_tokenizer
        self.prompt_tokenizer = prompt_tokenizer
        self.device = torch.device(device)
        # the published stop rule: the first id of the tokenised end, a lone space in GPT-2's vocabulary
        self.stop_id: int = decoder_tokenizer(network.config.end_text).input_ids[0]

    def windows(self, samples: int) -> tuple[Window, ...]:
        """The windows in which a sound of so many samples is heard."""
        return windows(samples, self.network.config.htsat.clip_samples)

    def hear(self, waveform: np.ndarray, collect: bool = False) -> HtsatOutput:
        """What HTSAT hears in each window of `[samples]`; rows of its `latent` can be handed to `stream`."""
        return hear(self.network.audio_encoder.htsat, waveform, self.device, collect)

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
    def prefix(
        self, latent: Tensor, prompt: str, extra_text: str = "", normalize_text: bool = False
    ) -> Tensor:
        """What GPT-2 is given for one window: `latent` `[D]` or `[1, D]` and a prompt to `[P, width]`.

        The start of the answer can be given as `extra_text`. `normalize_text` follows the published training
        instead of the published wrapper, see `Pengi.text_prefix`.
        """
        ids, mask = (part.to(self.device) for part in self.prompt_ids([prompt]))
        extra = None
        if extra_text:
            extra = torch.tensor([self.decoder_tokenizer(extra_text).input_ids], device=self.device)
        latent = latent.to(self.device).reshape(1, -1)
        return self.network.prefix(latent, ids, mask, normalize_text, extra)[0]

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
        if latent is None:
            if waveform is None:
                raise ValueError("Pengi needs a sound to caption.")
            if len(self.windows(len(waveform))) > 1:
                seconds = self.network.config.htsat.clip_seconds
                raise ValueError(f"Pengi hears {seconds:g} s at a time; cut a longer sound into its windows.")
            latent = self.hear(waveform).latent
        steps = beam_search(
            self.network.caption_decoder.gpt,
            self.prefix(latent, prompt, extra_text, normalize_text),
            self.stop_id,
            beam_size,
            max_length,
            temperature,
        )
        beams: tuple[Hypothesis, ...] = ()
        asked_to_stop = False
        while not (asked_to_stop := cancelled()) and (next_beams := next(steps, None)) is not None:
            beams = next_beams
            yield self._caption(beams)
        yield self._caption(beams, done=True, cancelled=asked_to_stop)

    def _caption(self, beams: Sequence[Hypothesis], done: bool = False, cancelled: bool = False) -> Caption:
        if not beams:
            return Caption("", (), (), 0.0, done=done, cancelled=cancelled)
        best = beams[0]
        return Caption(
            self._text(best),
            self._tokens(best),
            best.ids,
            best.score,
            tuple((self._text(beam), beam.score) for beam in beams[1:]),
            done,
            best.finished,
            cancelled,
        )

    def _text(self, beam: Hypothesis) -> str:
        return self._decode(_without_stop(beam)).strip()

    def _decode(self, ids: Sequence[int]) -> str:
        return str(self.decoder_tokenizer.decode(ids, clean_up_tokenization_spaces=False))

    def _tokens(self, beam: Hypothesis) -> tuple[Token, ...]:
        ids = _without_stop(beam)
        tokens, shown = [], ""
        for count, probability in zip(range(1, len(ids) + 1), beam.probabilities, strict=False):
            text = self._decode(ids[:count])
            # a letter of several bytes may be spread over several tokens; its last one shows it
            whole = text if count == len(ids) else text.rstrip("\ufffd")
            tokens.append(Token(whole.removeprefix(shown), probability))
            shown = whole
        return tuple(tokens)


def _without_stop(beam: Hypothesis) -> tuple[int, ...]:
    return beam.ids[:-1] if beam.finished else beam.ids
