"""How SALMONN's language model goes on from an embedded prompt: token by token, or by beam search.

The published settings are beam search with 4 beams, no sampling and up to 200 new tokens. The published
`min_length` of 1 counted the leading beginning-of-sequence token and so never had an effect: a model may
answer nothing, here as there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, GenerationConfig, StoppingCriteria, StoppingCriteriaList

from demos.networks.lora import scaled
from demos.salmonn.network import Salmonn

Cancelled = Callable[[], bool]


@dataclass(frozen=True)
class GenerationSettings:
    """What decides an answer beside network, sound and prompt; with a temperature of 0 nothing is drawn.

    `lora_scaling` 0 is the bare language model, the trained value (4 as published) the model as trained.
    """

    lora_scaling: float = 4.0
    beams: int = 1
    max_new_tokens: int = 200
    temperature: float = 0.0
    top_p: float = 0.9  # has an effect only above temperature 0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.beams < 1 or self.max_new_tokens < 1:
            raise ValueError("An answer needs at least one beam and room for one token.")
        if self.temperature < 0 or not 0 < self.top_p <= 1:
            raise ValueError("The temperature must be 0 or more, and top-p above 0 and at most 1.")
        if self.beams > 1 and self.temperature > 0:
            raise ValueError("Beam search does not sample: choose one beam, or a temperature of 0.")


def token_by_token(
    network: Salmonn,
    prompt: Tensor,
    settings: GenerationSettings,
    ends: int,
    barred: Sequence[int],
    cancelled: Cancelled,
) -> Iterator[tuple[int, float]]:
    """Yield each new token's id and the probability that the network gave it, the end token included.

    `prompt` is [positions, width]; ids in `barred` are never chosen; `cancelled` is asked before every token.
    """
    cache = DynamicCache(config=network.llama_model.config)
    draw = torch.Generator().manual_seed(settings.seed)
    inputs = prompt[None]
    for _ in range(settings.max_new_tokens):
        if cancelled():
            return
        token, probability = _next_token(network, inputs, cache, settings, barred, draw)
        yield token, probability
        if token == ends:
            return
        inputs = torch.tensor([[token]], device=prompt.device)


@torch.no_grad()
def _next_token(
    network: Salmonn,
    inputs: Tensor,
    cache: DynamicCache,
    settings: GenerationSettings,
    barred: Sequence[int],
    draw: torch.Generator,
) -> tuple[int, float]:
    scores = network.logits(inputs, cache, settings.lora_scaling, last_only=True)[0, -1]
    probabilities = torch.softmax(scores, dim=-1)
    scores[list(barred)] = float("-inf")
    token = int(scores.argmax()) if settings.temperature == 0 else _sample(scores.cpu(), settings, draw)
    return token, float(probabilities[token])


def _sample(scores: Tensor, settings: GenerationSettings, draw: torch.Generator) -> int:
    """One of the most probable ids that together reach `top_p`; drawn on the CPU, so the same anywhere."""
    likely, ids = torch.softmax(scores / settings.temperature, dim=-1).sort(descending=True)
    kept = likely * (likely.cumsum(dim=-1) - likely < settings.top_p)
    return int(ids[torch.multinomial(kept, 1, generator=draw)])


class _StopOn(StoppingCriteria):
    def __init__(self, cancelled: Cancelled) -> None:
        self.cancelled = cancelled

    def __call__(self, input_ids: Tensor, scores: Tensor, **_: Any) -> Tensor:
        return torch.full((len(input_ids),), self.cancelled(), device=input_ids.device)


@torch.no_grad()
def beam_search(
    network: Salmonn,
    prompt: Tensor,
    settings: GenerationSettings,
    ends: int,
    barred: Sequence[int],
    cancelled: Cancelled,
) -> list[int]:
    """Ids of the best of `settings.beams` beams, with the end token if it was reached."""
    generation = GenerationConfig(
        num_beams=settings.beams,
        max_new_tokens=settings.max_new_tokens,
        do_sample=False,
        length_penalty=1.0,
        repetition_penalty=1.0,
        eos_token_id=ends,
        pad_token_id=ends,
        suppress_tokens=list(barred) or None,
    )
    with scaled(settings.lora_scaling):
        ids = network.llama_model.generate(
            inputs_embeds=prompt[None],
            attention_mask=torch.ones(1, len(prompt), dtype=torch.long, device=prompt.device),
            generation_config=generation,
            stopping_criteria=StoppingCriteriaList([_StopOn(cancelled)]),
        )[0].tolist()
    return ids[: ids.index(ends) + 1] if ends in ids else ids


@torch.no_grad()
def log_probabilities(
    network: Salmonn, prompt: Tensor, ids: Sequence[int], lora_scaling: float | None
) -> Tensor:
    """Log-probability (natural) of each id after the prompt and the ids before it: float32 [ids]."""
    if not ids:
        return torch.empty(0)
    sequence = torch.cat([prompt, network.embed(ids[:-1])])
    scores = network.logits(sequence[None], lora_scaling=lora_scaling)[0, -len(ids) :]
    wanted = torch.tensor(list(ids), device=scores.device)
    return torch.log_softmax(scores, dim=-1).gather(1, wanted[:, None])[:, 0].cpu()
