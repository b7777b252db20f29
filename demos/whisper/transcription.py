"""Transcribing with Whisper: text that grows token by token, then words with their times.

A sound is heard in windows of 30 s, one after the other, each on its own. Decoding is greedy and without
timestamp tokens; the times of words come from the decoder's cross-attention (`word_times`). A window
whose no-speech probability is high while its text is improbable is silent, by openai-whisper's thresholds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from whisper.audio import N_SAMPLES, SAMPLE_RATE, TOKENS_PER_SECOND
from whisper.model import Whisper

from demos.token_text import TokenTexts
from demos.whisper import encoding
from demos.whisper.decoding import GreedyDecoding
from demos.whisper.word_times import word_times
from store.records import Token, Word

NO_SPEECH_THRESHOLD = 0.6
LOG_PROBABILITY_THRESHOLD = -1.0
SHORTEST_TAIL = SAMPLE_RATE // 10  # samples; a shorter rest behind the last full window is not decoded
SMALLEST_VOCABULARY = 51_864  # of the English-only models

Ended = Literal["", "end", "length", "cancelled"]


@dataclass(frozen=True)
class HeardWindow:
    """One window of the sound, in seconds, and how sure the model was that nobody speaks in it."""

    start: float
    stop: float
    no_speech_probability: float
    mean_log_probability: float  # of the tokens that were decoded

    @property
    def silent(self) -> bool:
        """Whether the window is taken for silence and its text left out of the transcript."""
        return (
            self.no_speech_probability > NO_SPEECH_THRESHOLD
            and self.mean_log_probability < LOG_PROBABILITY_THRESHOLD
        )


@dataclass(frozen=True)
class Transcript:
    """What Whisper heard, or has heard so far: `ended` is empty while there is more to come.

    The texts of `tokens` together are `text`. `words` have their times in seconds from the start of the
    sound; words and window of a part come when it is complete. `prompt` is what the decoder starts from.
    `ended` is “length” where a window's text was cut off because the decoder holds no more.
    """

    text: str = ""
    tokens: tuple[Token, ...] = ()
    words: tuple[Word, ...] = ()
    windows: tuple[HeardWindow, ...] = ()
    language: str = ""
    prompt: str = ""
    settings: Mapping[str, Any] | None = None
    ended: Ended = ""


class Transcription:
    """Transcribes sounds with one Whisper model; several threads may ask at the same time.

    Raises ValueError for a model without Whisper's vocabulary.
    """

    def __init__(self, model: Whisper, device: torch.device | str | None = None) -> None:
        if model.dims.n_vocab < SMALLEST_VOCABULARY:
            raise ValueError(
                f"This Whisper model has {model.dims.n_vocab} tokens; to transcribe it needs "
                f"openai-whisper's vocabulary of at least {SMALLEST_VOCABULARY}."
            )
        self.model = model.eval()
        self.device = model.device if device is None else torch.device(device)

    def stream(
        self,
        waveform: np.ndarray,
        language: str | None = "en",
        cancelled: Callable[[], bool] = lambda: False,
        encoder_hidden: Tensor | None = None,
    ) -> Iterator[Transcript]:
        """Yield the transcript of a sound [samples] at 16 kHz as it grows; the last one has `ended` set.

        `language` is a code such as “en”; None lets a multilingual model find out. `encoder_hidden`
        [windows, 1500, width] is the encoder's output for the first windows, where it is known already.
        `cancelled` is asked before every token. Raises ValueError for an empty sound or an unknown language.
        """
        if not len(waveform):
            raise ValueError("There is no sound to transcribe: it has no samples.")
        known = () if encoder_hidden is None else encoder_hidden.reshape(-1, *encoder_hidden.shape[-2:])
        heard = Transcript(settings=self._settings(language))
        ended: Ended = "end"
        for number, start in enumerate(window_starts(len(waveform))):
            if cancelled():
                ended = "cancelled"
                break
            window = waveform[start : start + N_SAMPLES]
            hidden = known[number] if number < len(known) else self._encode(window)
            for part in self._hear(heard, window, start, hidden.to(self.device), language, cancelled):
                if not part.ended:
                    yield part
            heard = part
            if heard.ended != "end":
                ended = heard.ended
            if ended == "cancelled":
                break
        yield replace(heard, ended=ended)

    def transcribe(self, waveform: np.ndarray, **settings: Any) -> Transcript:
        """The final transcript of `stream`, which takes the same settings."""
        *_, last = self.stream(waveform, **settings)
        return last

    def _encode(self, window: np.ndarray) -> Tensor:
        return encoding.encoder_hidden(self.model, window).hidden[0]

    def _hear(
        self,
        before: Transcript,
        window: np.ndarray,
        start: int,
        hidden: Tensor,
        language: str | None,
        cancelled: Callable[[], bool],
    ) -> Iterator[Transcript]:
        """What was heard before, and this window's text after it; with its words when it is complete."""
        decoding = GreedyDecoding(self.model, hidden, language)
        before = replace(before, language=decoding.language, prompt=decoding.prompt, ended="")
        texts = TokenTexts(decoding.tokenizer.decode)
        probabilities: list[float] = []

        def with_text() -> Transcript:
            pieces = list(texts.texts)
            if before.text and texts.text:
                first = next(number for number, piece in enumerate(pieces) if piece)
                pieces[first] = f" {pieces[first]}"
            tokens = map(Token, pieces, probabilities)
            return replace(before, text=before.text + "".join(pieces), tokens=(*before.tokens, *tokens))

        for token, probability in decoding.tokens(cancelled):
            texts.add(token)
            probabilities.append(probability)
            # A text that may yet be thrown away as silence is not shown.
            if decoding.no_speech_probability <= NO_SPEECH_THRESHOLD:
                yield with_text()

        seconds = start / SAMPLE_RATE
        described = HeardWindow(
            seconds,
            seconds + len(window) / SAMPLE_RATE,
            decoding.no_speech_probability,
            decoding.mean_log_probability,
        )
        stopped = not decoding.complete and cancelled()
        ended: Ended = "cancelled" if stopped else "end" if decoding.complete else "length"
        heard = before if described.silent else with_text()
        words = () if described.silent or stopped else self._words(decoding, texts.ids, hidden, described)
        yield replace(heard, words=(*before.words, *words), windows=(*before.windows, described), ended=ended)

    def _words(
        self, decoding: GreedyDecoding, ids: Sequence[int], hidden: Tensor, window: HeardWindow
    ) -> tuple[Word, ...]:
        """Words of a window with their times in the whole sound."""
        length = window.stop - window.start
        frames = max(1, round(length * TOKENS_PER_SECOND))
        return tuple(
            Word(
                word.word.strip(),
                window.start + min(word.start, length),
                window.start + min(word.end, length),
                word.probability,
            )
            for word in word_times(self.model, decoding.tokenizer, ids, hidden, frames)
        )

    def _settings(self, language: str | None) -> dict[str, Any]:
        return {
            "language": language,
            "temperature": 0.0,
            "without_timestamps": True,
            "no_speech_threshold": NO_SPEECH_THRESHOLD,
            "log_probability_threshold": LOG_PROBABILITY_THRESHOLD,
        }


def window_starts(samples: int) -> range:
    """First samples of the windows of 30 s in which a sound of `samples` samples at 16 kHz is heard."""
    return range(0, max(1, samples - SHORTEST_TAIL + 1), N_SAMPLES)
