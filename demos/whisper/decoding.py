"""Greedy decoding of one encoded window, token by token, by openai-whisper's rules."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from whisper.decoding import DecodingOptions, DecodingTask
from whisper.model import Whisper
from whisper.tokenizer import get_tokenizer

from demos.whisper.cached_decoder import CachedDecoder


class GreedyDecoding:
    """One decoding of a window, whose encoder output is `hidden` [1500, width], without timestamp tokens.

    `no_speech_probability` is known with the first token; `mean_log_probability` is final when the tokens
    are; `complete` is set when the model ended the text by itself. A `language` of None is found out.
    """

    def __init__(self, model: Whisper, hidden: Tensor, language: str | None) -> None:
        if not model.is_multilingual:
            language = "en"
        elif language is None:
            _, spoken = model.detect_language(hidden)
            language = max(spoken, key=spoken.__getitem__)
        # openai-whisper leaves timestamps and other special tokens possible, though none was asked for.
        eot = get_tokenizer(model.is_multilingual, num_languages=model.num_languages).eot
        suppressed = [-1, *range(eot + 1, model.dims.n_vocab)]
        task = DecodingTask(
            model,
            DecodingOptions(
                language=language, without_timestamps=True, suppress_tokens=suppressed, fp16=False
            ),
        )
        self.language = language
        self.tokenizer = task.tokenizer
        self.prompt = self.tokenizer.encoding.decode(list(task.initial_tokens))
        self.no_speech_probability = math.nan
        self.complete = False
        self._task = task
        self._model = model
        self._hidden = hidden
        self._log_probability = 0.0
        self._count = 0

    @property
    def mean_log_probability(self) -> float:
        """Over all tokens and the end, by the network's own distribution.

        openai-whisper takes the distribution that its rules leave, where a network that wants to say
        nothing, but must not begin with the end, can look sure of an invented word.
        """
        return self._log_probability / (self._count + 1)

    def tokens(self, cancelled: Callable[[], bool]) -> Iterator[tuple[int, float]]:
        """Yield each text token's id and the probability that the network gave it."""
        decoder = CachedDecoder(self._model, self._hidden)
        sequence = torch.tensor([self._task.initial_tokens], device=self._hidden.device)
        new = sequence
        while self._count < self._task.sample_len and sequence.shape[1] <= self._model.dims.n_text_ctx:
            if cancelled():
                return
            scores = decoder.scores(new)
            if not self._count:
                start = scores[self._task.sot_index].softmax(dim=-1)
                self.no_speech_probability = float(start[self.tokenizer.no_speech])
            token, probability = self._choose(scores[-1:], sequence)
            if token == self.tokenizer.eot:
                self.complete = True
                return
            self._count += 1
            yield token, probability
            new = torch.tensor([[token]], device=sequence.device)
            sequence = torch.cat([sequence, new], dim=1)

    def _choose(self, scores: Tensor, sequence: Tensor) -> tuple[int, float]:
        log_probabilities = scores[0].log_softmax(dim=-1)
        for rule in self._task.logit_filters:
            rule.apply(scores, sequence)
        token = int(scores[0].argmax())
        log_probability = float(log_probabilities[token])
        self._log_probability += log_probability
        return token, math.exp(log_probability)
