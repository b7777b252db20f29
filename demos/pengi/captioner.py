"""What Pengi and clapcap share: windows of sound, and captions that grow with the beams of a GPT-2."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from transformers import GPT2LMHeadModel

from demos.networks.htsat import Htsat, HtsatOutput
from demos.pengi.beam_search import Beams, Hypothesis, beam_search
from demos.windows import BATCH, Window, hear, windows
from store.records import Token

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

Decode = Callable[[tuple[int, ...]], str]


@dataclass(frozen=True)
class Caption:
    """What was said of a window so far, or in the end.

    `tokens` make up `text`, but for blanks at its ends; a stop token is in neither. `score` is the mean
    log-probability per token, `others` are the other beams as (text, score), best first. `stopped` says
    that the model ended the text itself; otherwise it was cut at the longest length or `cancelled`.
    """

    text: str = ""
    tokens: tuple[Token, ...] = ()
    ids: tuple[int, ...] = ()
    score: float = 0.0
    others: tuple[tuple[str, float], ...] = ()
    done: bool = False
    stopped: bool = False
    cancelled: bool = False


@dataclass(frozen=True)
class Search:
    """How a caption is searched for; `cancelled` is asked before each token.

    One beam is a greedy search. `temperature` divides the logits; 0 or less counts as 1.
    """

    beam_size: int
    max_length: int
    temperature: float = 1.0
    cancelled: Callable[[], bool] = lambda: False


class Captioner:
    """A sound encoder and a GPT-2 that goes on from what was heard; models make the prefix between the two.

    Sound is mono float32 at `htsat.config.sample_rate`. `decoder_tokenizer` is GPT-2's; the first token of
    `end_text` ends a text, a lone space in GPT-2's vocabulary.
    """

    name = "The captioner"  # for sentences

    def __init__(
        self,
        htsat: Htsat,
        decoder: GPT2LMHeadModel,
        decoder_tokenizer: "PreTrainedTokenizerFast",
        end_text: str,
        device: torch.device | str = "cpu",
    ) -> None:
        self.htsat = htsat
        self.decoder = decoder
        self.decoder_tokenizer = decoder_tokenizer
        self.device = torch.device(device)
        self.stop_id: int = decoder_tokenizer(end_text).input_ids[0]
        _turn_weights(decoder)

    def windows(self, samples: int) -> tuple[Window, ...]:
        """The windows in which a sound of so many samples is heard."""
        return windows(samples, self.htsat.config.clip_samples)

    def hear(self, waveform: np.ndarray, collect: bool = False) -> HtsatOutput:
        """What HTSAT hears in each window of `[samples]`; rows of its `latent` can be captioned."""
        return hear(self.htsat, waveform, self.device, collect)

    def one_window(self, waveform: np.ndarray | None, latent: Tensor | None) -> Tensor:
        """The `latent` `[1, D]` of one window: as given, or as heard in a sound `[samples]`.

        Raises ValueError if there is neither, or if the sound is longer than a window.
        """
        if latent is not None:
            return latent.reshape(1, -1)
        if waveform is None:
            raise ValueError(f"{self.name} needs a sound to caption.")
        if len(self.windows(len(waveform))) > 1:
            seconds = self.htsat.config.clip_seconds
            raise ValueError(
                f"{self.name} hears {seconds:g} s at a time; cut a longer sound into its windows."
            )
        return self.hear(waveform).latent

    def one_caption(
        self, latent: Tensor, prefixes: Callable[[Tensor], Tensor], search: Search
    ) -> Iterator[Caption]:
        """The caption of one window `[1, D]` after each token; once more as the last, with `done`."""
        for (caption,) in self.captions(latent, prefixes, search):
            if not caption.cancelled:
                yield replace(caption, done=False)
        yield caption

    def captions(
        self, latents: Tensor, prefixes: Callable[[Tensor], Tensor], search: Search
    ) -> Iterator[tuple[Caption, ...]]:
        """The captions of windows `[windows, D]` after each token, up to 8 windows growing at the same time.

        `prefixes` makes `[windows, P, width]` of such windows. Windows not yet begun are left out, and those
        behind a cancelled one never come. Raises ValueError as `beam_search`.
        """
        said: tuple[Caption, ...] = ()
        for batch in latents.split(BATCH):
            growing: tuple[Caption, ...] = ()
            for growing in self._growing(prefixes(batch), search):
                yield said + growing
            said += growing
            if any(caption.cancelled for caption in said):
                return

    def _growing(self, prefixes: Tensor, search: Search) -> Iterator[tuple[Caption, ...]]:
        decode = cache(self._decode)  # a text is shown again with each token that comes to it
        steps = beam_search(
            self.decoder, prefixes, self.stop_id, search.beam_size, search.max_length, search.temperature
        )
        beams: tuple[Beams, ...] = ((),) * len(prefixes)
        captions = (Caption(),) * len(prefixes)
        for length in count(1):
            if search.cancelled():
                yield tuple(one if one.done else replace(one, done=True, cancelled=True) for one in captions)
                return
            before, beams = beams, next(steps)
            captions = tuple(
                caption if new is old else _caption(new, decode, ended=length == search.max_length)
                for caption, new, old in zip(captions, beams, before, strict=True)
            )
            yield captions
            if all(caption.done for caption in captions):
                return

    def _decode(self, ids: tuple[int, ...]) -> str:
        return self.written(str(self.decoder_tokenizer.decode(ids, clean_up_tokenization_spaces=False)))

    def written(self, text: str) -> str:
        """How the model's words are written: as they are."""
        return text


def _caption(beams: Beams, decode: Decode, ended: bool) -> Caption:
    best, *others = beams
    return Caption(
        decode(_without_stop(best)).strip(),
        _tokens(best, decode),
        best.ids,
        best.score,
        tuple((decode(_without_stop(beam)).strip(), beam.score) for beam in others),
        ended or all(beam.finished for beam in beams),
        best.finished,
    )


def _tokens(beam: Hypothesis, decode: Decode) -> tuple[Token, ...]:
    ids = _without_stop(beam)
    tokens, shown = [], ""
    for length, probability in zip(range(1, len(ids) + 1), beam.probabilities, strict=False):
        text = decode(ids[:length])
        # a letter of several bytes may be spread over several tokens; its last one shows it
        whole = text if length == len(ids) else text.rstrip("\ufffd")
        tokens.append(Token(whole.removeprefix(shown), probability))
        shown = whole
    return tuple(tokens)


def _without_stop(beam: Hypothesis) -> tuple[int, ...]:
    return beam.ids[:-1] if beam.finished else beam.ids


def _turn_weights(decoder: GPT2LMHeadModel) -> None:
    """Lay GPT-2's weights, stored [in, out], out in memory as [out, in]; shapes and values stay.

    A processor then multiplies three rows, as many as there usually are beams, twice as fast.
    """
    for block in decoder.transformer.h:
        for layer in (block.attn.c_attn, block.attn.c_proj, block.mlp.c_fc, block.mlp.c_proj):
            layer.weight.data = layer.weight.data.t().contiguous().t()
