"""Asking SALMONN: from a sound and an instruction to an answer that grows token by token."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from demos.salmonn.config import SalmonnConfig
from demos.salmonn.decoders import decoders_for
from demos.salmonn.generation import (
    Cancelled,
    GenerationSettings,
    beam_search,
    log_probabilities,
    token_by_token,
)
from demos.salmonn.network import Salmonn
from demos.token_text import TokenTexts
from store.records import Token

SAMPLE_RATE = 16_000
SHORTEST_SAMPLES = SAMPLE_RATE  # one second
LONGEST_SAMPLES = 30 * SAMPLE_RATE

Turns = Sequence[tuple[str, str]]  # earlier questions with their answers
Ended = Literal["", "end", "length", "cancelled"]


class Tokenizer(Protocol):
    """The part of a transformers tokenizer that SALMONN uses."""

    pad_token_id: int | None

    def __len__(self) -> int: ...

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]: ...

    def decode(
        self, token_ids: Sequence[int], *, skip_special_tokens: bool, clean_up_tokenization_spaces: bool
    ) -> str: ...


@dataclass(frozen=True)
class Answer:
    """What SALMONN said, or has said so far: `ended` is empty while there is more to come.

    `ids` are without the end token; `tokens` say the same as texts with probabilities, whose texts together
    are `text`. `prompt` is the whole text that the model was given, with `<SpeechHere>` for the sound.
    """

    text: str
    ids: tuple[int, ...]
    tokens: tuple[Token, ...]
    prompt: str
    settings: Mapping[str, Any]
    ended: Ended = ""


def heard_window(waveform: np.ndarray, start: float = 0.0) -> np.ndarray:
    """What SALMONN hears of a sound [samples] at 16 kHz: up to 30 s from `start` seconds on, at least 1 s.

    A shorter sound is followed by zeros. Raises ValueError where nothing is left behind `start`.
    """
    first = round(start * SAMPLE_RATE)
    window = waveform[first : first + LONGEST_SAMPLES]
    if first < 0 or not len(window):
        raise ValueError(
            f"The sound is {len(waveform) / SAMPLE_RATE:.2f} s long; nothing can be heard from {start} s on."
        )
    return np.pad(window, (0, max(0, SHORTEST_SAMPLES - len(window))))


def prompt_ids(
    config: SalmonnConfig, tokenizer: Tokenizer, instruction: str, turns: Turns = ()
) -> tuple[list[int], list[int]]:
    """Ids of the text before and after the audio tokens, encoded apart and without special tokens.

    Behind each answer of earlier `turns` stands the end token.
    """
    before, pieces = config.conversation_pieces(instruction, turns)
    after: list[int] = []
    for piece in pieces:
        if after:
            after.append(int(config.llama["eos_token_id"]))
        after += tokenizer.encode(piece, add_special_tokens=False)
    return tokenizer.encode(before, add_special_tokens=False), after


class Answering:
    """Answers instructions about sounds with one SALMONN model; several threads may ask at the same time."""

    def __init__(self, network: Salmonn, tokenizer: Tokenizer, device: torch.device | str = "cpu") -> None:
        self.network = network.eval()
        self.tokenizer = tokenizer
        self.device = torch.device(device)
        self.ends = int(network.config.llama["eos_token_id"])
        vocabulary = network.llama_model.config.vocab_size
        barred = {*range(len(tokenizer), vocabulary), tokenizer.pad_token_id} - {self.ends, None}
        self.barred = sorted(token for token in barred if token is not None and token < vocabulary)
        self.decoders = decoders_for(network, self.barred, self.device)

    @torch.no_grad()
    def encode(self, waveform: np.ndarray) -> tuple[Tensor, Tensor]:
        """What both encoders make of a sound [samples] at 16 kHz, after `heard_window`.

        Returns Whisper's hidden states [1, 1500, width] and BEATs' tokens [1, tokens, width].
        """
        from whisper.audio import log_mel_spectrogram, pad_or_trim

        encoder = self.network.speech_encoder
        weight = encoder.conv1.weight
        samples = torch.from_numpy(np.asarray(waveform, dtype=np.float64))
        padded = pad_or_trim(samples.float()).to(self.device)
        mel = log_mel_spectrogram(padded, n_mels=weight.shape[1])[None].to(weight.dtype)
        tokens, _ = self.network.beats.encode(samples[None].to(self.device))
        return encoder(mel).float(), tokens

    @torch.no_grad()
    def audio_tokens(self, whisper_hidden: Tensor, beats_tokens: Tensor) -> Tensor:
        """[batch, 1500, width] and [batch, tokens, width] → [batch, 88, embedding width]."""
        norms = self.network.ln_speech.weight.dtype
        return self.network.audio_tokens(
            self.network.fuse(
                whisper_hidden.to(device=self.device, dtype=norms),
                beats_tokens.to(device=self.device, dtype=norms),
            )
        )

    def stream(
        self,
        audio_tokens: Tensor,
        instruction: str,
        lora_scaling: float | None = None,
        beams: int = 1,
        max_new_tokens: int = 200,
        temperature: float = 0.0,
        top_p: float = 0.9,
        seed: int = 0,
        cancelled: Cancelled = lambda: False,
        turns: Turns = (),
    ) -> Iterator[Answer]:
        """Yield the answer as it grows; the last one has `ended` set.

        `audio_tokens` is [88, width] or [1, 88, width]. Without a `lora_scaling` the trained one is used. One
        beam is greedy (or, above temperature 0, sampled from `seed`) and yields at every token; several beams
        yield the final answer alone. `cancelled` is asked before every token. Earlier `turns`, (question,
        answer), stand before the instruction, behind the sound.
        Raises ValueError when the prompt leaves no room for an answer, or settings exclude each other.
        """
        if lora_scaling is None:
            lora_scaling = self.network.config.trained_scaling
        prompt = self._prompt(audio_tokens, instruction, turns)
        room = int(self.network.llama_model.config.max_position_embeddings) - len(prompt)
        if room < 1:
            raise ValueError(
                "The conversation is too long for this model; please begin a new one."
                if turns
                else "The instruction is too long for this model; please shorten it."
            )
        settings = GenerationSettings(
            lora_scaling, beams, min(max_new_tokens, room), temperature, top_p, seed
        )
        growing = _Growing(self, instruction, settings, turns)
        if beams > 1:
            ids = self._beam_search(prompt, settings, cancelled)
            surprisals = log_probabilities(self.network, prompt, ids, lora_scaling)
            for token, probability in zip(ids, surprisals.exp().tolist(), strict=True):
                growing.add(token, probability)
        else:
            for step in self._token_by_token(prompt, settings, cancelled):
                growing.add(*step)
                if not growing.complete:
                    yield growing.answer("")
        yield growing.answer(growing.ended)

    def _token_by_token(
        self, prompt: Tensor, settings: GenerationSettings, cancelled: Cancelled
    ) -> Iterator[tuple[int, float]]:
        # what is drawn is drawn on the processor, which needs the scores of every token
        if self.decoders is None or settings.temperature > 0:
            return token_by_token(self.network, prompt, settings, self.ends, self.barred, cancelled)
        return self.decoders.token_by_token(prompt, settings, self.ends, cancelled)

    def _beam_search(self, prompt: Tensor, settings: GenerationSettings, cancelled: Cancelled) -> list[int]:
        if self.decoders is None:
            return beam_search(self.network, prompt, settings, self.ends, self.barred, cancelled)
        return self.decoders.beam_search(prompt, settings, self.ends, cancelled)

    def answer(self, audio_tokens: Tensor, instruction: str, **settings: Any) -> Answer:
        """The final answer of `stream`, which takes the same settings."""
        *_, last = self.stream(audio_tokens, instruction, **settings)
        return last

    def teacher_forced(
        self,
        audio_tokens: Tensor,
        instruction: str,
        answer: str | Sequence[int],
        lora_scaling: float | None = None,
    ) -> Tensor:
        """Log-probability of each token of a given answer, and of its end as the last: float32 [ids + 1]."""
        ids = (
            self.tokenizer.encode(answer, add_special_tokens=False)
            if isinstance(answer, str)
            else list(answer)
        )
        prompt = self._prompt(audio_tokens, instruction)
        return log_probabilities(self.network, prompt, [*ids, self.ends], lora_scaling)

    @torch.no_grad()
    def _prompt(self, audio_tokens: Tensor, instruction: str, turns: Turns = ()) -> Tensor:
        before, after = prompt_ids(self.network.config, self.tokenizer, instruction, turns)
        sound = audio_tokens[0] if audio_tokens.dim() == 3 else audio_tokens
        return self.network.prompt(sound.to(self.device), before, after)


class _Growing:
    """An answer under way."""

    def __init__(
        self, answering: Answering, instruction: str, settings: GenerationSettings, turns: Turns
    ) -> None:
        self.ends = answering.ends
        self.complete = False
        self.room = settings.max_new_tokens
        self.settings = asdict(settings)
        self.prompt = answering.network.config.rendered(instruction, turns)
        self.probabilities: list[float] = []
        self.texts = TokenTexts(
            lambda ids: answering.tokenizer.decode(
                ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
        )

    @property
    def ended(self) -> Ended:
        if self.complete:
            return "end"
        return "length" if len(self.probabilities) == self.room else "cancelled"

    def add(self, token: int, probability: float) -> None:
        if token == self.ends:
            self.complete = True
            return
        self.texts.add(token)
        self.probabilities.append(probability)

    def answer(self, ended: Ended) -> Answer:
        tokens = map(Token, self.texts.texts, self.probabilities, self.texts.ids)
        return Answer(
            self.texts.text, tuple(self.texts.ids), tuple(tokens), self.prompt, self.settings, ended
        )
