"""Decodings over fixed lengths, made when they are first needed and kept for the next answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from demos.networks.lora import LoraLinear
from demos.placement import on_zero_gpu
from demos.salmonn.beams import Beams
from demos.salmonn.generation import Cancelled, GenerationSettings
from demos.salmonn.network import Salmonn
from demos.salmonn.static_decoding import Decoding, Greedy

SHORTEST = 256  # positions; longer ones are powers of two
MOST_IDLE = 2  # decodings kept while nobody asks; each holds the keys and values of its length
LOOK_EVERY = 4  # tokens on a card: whoever looks at one waits until it is there


def decoders_for(network: Salmonn, barred: Sequence[int], device: torch.device) -> Decoders | None:
    """Decoders where they are the faster way, else None.

    On a processor they are not for mini-SALMONN: a step over a fixed length also attends to positions that
    nobody has written yet. Quantised layers look at numbers on the card in between, which no graph can hold.
    """
    layers = network.llama_model.modules()
    quantised = any(isinstance(layer, LoraLinear) and layer.base is not None for layer in layers)
    return Decoders(network, barred, device) if device.type == "cuda" and not quantised else None


class Decoders:
    """Answers of one network, greedy or by beam search, in the tokens of `demos.salmonn.generation`.

    Several threads may ask at the same time. On a CUDA device each step is a captured graph, but not on a
    ZeroGPU Space, where every call has another process and nothing captured would be asked for twice.
    """

    def __init__(self, network: Salmonn, barred: Sequence[int], device: torch.device) -> None:
        self._network = network
        self._barred = barred
        self._captured = device.type == "cuda" and not on_zero_gpu()
        self.look_every = LOOK_EVERY if device.type == "cuda" else 1
        self.idle: list[Decoding] = []
        self._lock = threading.Lock()

    def token_by_token(
        self, prompt: Tensor, settings: GenerationSettings, ends: int, cancelled: Cancelled
    ) -> Iterator[tuple[int, float]]:
        """As `generation.token_by_token` with a temperature of 0.

        On a card `cancelled` is asked, and tokens come, after the first and then after every fourth.
        """
        if cancelled():
            return
        with self._lent(1, len(prompt) + settings.max_new_tokens) as decoding:
            assert isinstance(decoding, Greedy)
            decoding.begin(prompt, settings.lora_scaling)
            seen, said = 0, 1
            while True:
                for token, probability in decoding.said(seen, said):
                    yield token, probability
                    if token == ends:
                        return
                seen = said
                if said == settings.max_new_tokens or cancelled():
                    return
                said = min(said + self.look_every, settings.max_new_tokens)
                for _ in range(said - seen):
                    decoding.step()

    def beam_search(
        self, prompt: Tensor, settings: GenerationSettings, ends: int, cancelled: Cancelled
    ) -> list[int]:
        """As `generation.beam_search`; on a card `cancelled` is asked at the first and every fourth token."""
        room = settings.max_new_tokens
        with self._lent(settings.beams, len(prompt) + room) as beams:
            assert isinstance(beams, Beams)
            beams.search(ends, room)
            said = 0
            while True:
                stopped = cancelled()
                if stopped:
                    beams.stop()
                if not said:
                    beams.begin(prompt, settings.lora_scaling)
                    said = 1
                else:
                    steps = 1 if stopped else min(self.look_every, room - said)
                    for _ in range(steps):
                        beams.step()
                    said += steps
                if stopped or said == room or beams.done():
                    return beams.best()

    @contextmanager
    def _lent(self, rows: int, positions: int) -> Iterator[Decoding]:
        """A decoding that nobody else uses in this block, an idle one if there is one of that size."""
        length = self._length(positions)
        with self._lock:
            fitting = (one for one in self.idle if (one.rows, one.length) == (rows, length))
            decoding = next(fitting, None)
            if decoding is not None:
                self.idle.remove(decoding)
        if decoding is None:
            decoding = self._made(rows, length)
        try:
            yield decoding
        finally:
            with self._lock:
                self.idle = [*self.idle, decoding][-MOST_IDLE:]

    def _made(self, rows: int, length: int) -> Decoding:
        decoding: Decoding
        if rows == 1:
            decoding = Greedy(self._network, length, self._barred)
        else:
            decoding = Beams(self._network, rows, length, self._barred)
        if self._captured:
            decoding.capture()
        return decoding

    def _length(self, positions: int) -> int:
        longest = int(self._network.llama_model.config.max_position_embeddings)
        return min(max(SHORTEST, 1 << (positions - 1).bit_length()), longest)
