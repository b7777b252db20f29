"""What an answer of SALMONN rests on: when each of its tokens listened, and what silence would have given it.

Nothing of this is kept with an observation: it is computed from what an observation carries, for the very
words that were said. Two teacher-forced passes, one with the sound and one with silence of the same length.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from demos.request import EngineError
from demos.systems import LONGEST_VIEW, Work, audio_tokens, silent_tokens
from demos.token_text import TokenTexts
from store.records import Observation

if TYPE_CHECKING:
    from demos.salmonn.answering import Answering

Values = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Grounds:
    """Of each token of an answer, what it rests on.

    `tokens` are texts that together are the answer. `windows` are (start, stop) in seconds of the clip, those
    alone that hold sound. `attention` [layers, tokens, windows] is the mean over the heads. `mass` [layers,
    tokens] is the attention to all audio tokens, those of the padding to 30 s too, 0..1. `probabilities` and
    `over_silence` [tokens] are what the model gives each token with the sound and with silence instead.
    """

    tokens: tuple[str, ...]
    windows: tuple[tuple[float, float], ...]
    attention: Values
    mass: Values
    probabilities: Values
    over_silence: Values


def grounds(work: Work, said: Observation) -> Grounds:
    """What `said`, an answer to the question of `work`, rests on.

    Raises EngineError for an empty answer, and Cancelled.
    """
    from demos.salmonn.answering import prompt_ids
    from demos.salmonn.attention import attended

    answering = work.networks.answering(work.model)
    view = work.view(LONGEST_VIEW)
    silence = silent_tokens(work, view)[0]
    sound = silence if work.question.over_silence else audio_tokens(work, view)[0]
    network = answering.network
    question = work.question
    before, after = prompt_ids(network.config, answering.tokenizer, question.instruction, question.turns)
    ids, texts = _ids(answering, said)
    if not ids:
        raise EngineError("SALMONN said nothing, so there is nothing that its answer could rest on.")
    with_sound, without = (
        attended(network, tokens, before, after, ids, work.question.lora_scaling)
        for tokens in (sound, silence)
    )
    times = _times(network.config.window_frames, network.config.window_stride, view.stop - view.start)
    return Grounds(
        tuple(texts),
        tuple((view.start + start, min(view.start + stop, view.stop)) for start, stop in times),
        with_sound.windows[..., : len(times)].numpy(),
        with_sound.windows.sum(-1).numpy(),
        with_sound.log_probabilities.exp().numpy(),
        without.log_probabilities.exp().numpy(),
    )


def _times(frames: int, stride: int, seconds: float) -> list[tuple[float, float]]:
    """When the windows begin and end that hold some of so many seconds."""
    from demos.whisper.encoding import (
        SECONDS_PER_FRAME,
    )  # of the encoder whose frames SALMONN's windows count

    step, length = stride * SECONDS_PER_FRAME, frames * SECONDS_PER_FRAME
    count = max(1, int(np.ceil((seconds - 1e-6) / step)))
    return [(number * step, number * step + length) for number in range(count)]


def _ids(answering: Answering, said: Observation) -> tuple[list[int], list[str]]:
    """The ids of an answer and the text of each.

    An older observation has no ids, and its text is cut anew: with the blank in front that is not shown, or
    without one, whichever gives the texts of its tokens.
    """
    shown = [token.text for token in said.tokens]
    kept = [token.id for token in said.tokens if token.id is not None]
    if shown and len(kept) == len(shown):
        return kept, shown
    ways = [_cut(answering, text) for text in (said.text, f" {said.text}")]
    return next((way for way in ways if way[1] == shown), ways[0])


def _cut(answering: Answering, text: str) -> tuple[list[int], list[str]]:
    tokenizer = answering.tokenizer
    texts = TokenTexts(
        lambda ids: tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    )
    for token in tokenizer.encode(text, add_special_tokens=False):
        texts.add(token)
    return texts.ids, texts.texts
