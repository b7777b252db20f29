"""One token at a time over a cache of a fixed length, so that a CUDA graph can hold the whole step.

A step of a language model is hundreds of small operations, and a graphics card does them faster than they can
be asked for one by one. A captured step is asked for once: it reads and writes the same memory every time, so
all that changes between two steps lies in tensors, the strength of the LoRA adapters too. Weights are never
written to: two people may ask one network at the same time with different strengths.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import DynamicCache, StaticCache

from demos.networks.lora import scaled
from demos.salmonn.network import Salmonn


class Decoding(ABC):
    """A language model going on from a prompt in `rows` rows, with room for `length` positions.

    One instance serves one answer at a time. Ids in `barred` are never chosen.
    """

    def __init__(self, network: Salmonn, rows: int, length: int, barred: Sequence[int]) -> None:
        config = network.llama_model.config
        weight = network.llama_model.get_input_embeddings().weight
        self._network = network
        self.device = weight.device
        self._cache = StaticCache(config, max_cache_len=length)
        width = config.head_dim or config.hidden_size // config.num_attention_heads
        heads = config.num_key_value_heads
        self._cache.early_initialization(rows, heads, width, weight.dtype, weight.device)
        self._places = torch.arange(length, device=self.device)
        self._scaling = torch.zeros((), device=self.device)
        self.rows, self.length = rows, length
        self.token = torch.zeros((rows, 1), dtype=torch.long, device=self.device)
        self.count = torch.zeros(1, dtype=torch.long, device=self.device)  # of tokens chosen so far
        self.bars = torch.zeros(config.vocab_size, device=self.device)  # added to scores
        self.bars[torch.tensor(list(barred), dtype=torch.long, device=self.device)] = -torch.inf
        self._graph: torch.cuda.CUDAGraph | None = None

    @torch.no_grad()
    def capture(self) -> None:
        """Hold the step as a CUDA graph from now on; before a first `begin`, which undoes what it does.

        Without it the same operations are asked for one by one, on any device. Other threads may use the card
        meanwhile.
        """
        with torch.cuda.device(self.device):
            here, aside = torch.cuda.current_stream(), torch.cuda.Stream()
            aside.wait_stream(here)
            with torch.cuda.stream(aside):
                for _ in range(3):  # what is only made in a first step must be there before
                    self._advance()
            here.wait_stream(aside)
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph, stream=aside, capture_error_mode="thread_local"):
                self._advance()

    @torch.no_grad()
    def begin(self, prompt: Tensor, lora_scaling: float) -> None:
        """Read a prompt [positions, width] and choose what comes first; what was said before is forgotten."""
        read = DynamicCache(config=self._network.llama_model.config)
        scores = self._network.logits(prompt[None], read, lora_scaling, last_only=True)[:, -1]
        self._cache.reset()
        for number, layer in enumerate(read.layers):
            held = (states.expand(self.rows, -1, -1, -1) for states in (layer.keys, layer.values))
            self._cache.update(*held, number)
        self._scaling.fill_(lora_scaling)
        self.count.zero_()
        self.choose(scores.expand(self.rows, -1))

    @torch.no_grad()
    def step(self) -> None:
        """Read what was chosen last and choose what comes next; nothing is waited for."""
        if self._graph is None:
            self._advance()
        else:
            self._graph.replay()

    @abstractmethod
    def choose(self, scores: Tensor) -> None:
        """From scores [rows, vocabulary], float32, to the next `token` and one more in `count`.

        Everything else that it changes must be tensors of this instance, written in place.
        """

    def follow(self, rows: Tensor) -> None:
        """Let row i of the cache go on from row `rows[i]`."""
        for layer in self._cache.layers:
            for states in (layer.keys, layer.values):
                states.copy_(states.index_select(0, rows))

    def _advance(self) -> None:
        position = self._cache.layers[0].cumulative_length.clone()  # each layer counts on when it is read
        with scaled(self._scaling):
            output = self._network.llama_model(
                input_ids=self.token,
                position_ids=position.view(1, 1),
                attention_mask=(self._places <= position)[None, None, None],
                past_key_values=self._cache,
                use_cache=True,
            )
        self.choose(output.logits[:, -1].float())


class Greedy(Decoding):
    """The most probable token each time."""

    def __init__(self, network: Salmonn, length: int, barred: Sequence[int]) -> None:
        super().__init__(network, 1, length, barred)
        self._ids = torch.zeros(length, dtype=torch.long, device=self.device)
        self._probabilities = torch.zeros(length, device=self.device)

    def choose(self, scores: Tensor) -> None:
        token = (scores + self.bars).argmax(dim=-1)
        self._ids.index_copy_(0, self.count, token)
        probability = scores.softmax(dim=-1).gather(1, token[:, None])[:, 0]
        self._probabilities.index_copy_(0, self.count, probability)
        self.token.copy_(token[:, None])
        self.count.add_(1)

    def said(self, start: int, stop: int) -> list[tuple[int, float]]:
        """Ids and their probabilities, from the token number `start` to the one before `stop`."""
        ids, probabilities = self._ids[start:stop].tolist(), self._probabilities[start:stop].tolist()
        return list(zip(ids, probabilities, strict=True))
