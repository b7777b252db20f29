"""The published beam search of Pengi and clapcap over a GPT-2, with a cache for what was read already.

Same tokens as the published loop, which reads everything again for each token. Its ways, which no library's
beam search shares: candidates are ranked by their mean log-probability over all beams and the whole
vocabulary, a finished beam keeps competing at its final mean, and the search ends only when all beams are
finished.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import DynamicCache, GPT2LMHeadModel

FILLER_ID = 0  # what a finished beam emits, at log-probability 0


@dataclass(frozen=True)
class Hypothesis:
    """One beam: its token ids, the probability the model gave each (before temperature), its mean
    log-probability.

    A beam that met the stop id ends with it.
    """

    ids: tuple[int, ...]
    probabilities: tuple[float, ...]
    score: float
    finished: bool


@torch.inference_mode()
def beam_search(
    decoder: GPT2LMHeadModel,
    prefix: Tensor,
    stop_id: int,
    beam_size: int,
    max_length: int,
    temperature: float = 1.0,
) -> Iterator[tuple[Hypothesis, ...]]:
    """Continue a prefix `[P, width]`: after each token all beams, best first. One beam is a greedy search.

    `temperature` divides the logits; 0 or less counts as 1. Raises ValueError if the decoder has no room for
    the prefix and `max_length` tokens, or if there is no beam or no token to find.
    """
    room, vocabulary = decoder.config.n_positions, decoder.config.vocab_size
    if not 1 <= beam_size <= vocabulary or max_length < 1:
        raise ValueError("A beam search needs at least one beam and one token to generate.")
    if len(prefix) + max_length - 1 > room:
        raise ValueError(
            f"The decoder has room for {room} positions; sound and prompt take {len(prefix)}, "
            f"so at most {room - len(prefix) + 1} tokens can be generated, not {max_length}."
        )
    device = prefix.device
    cache = DynamicCache(config=decoder.config)
    inputs = prefix[None]
    ids = torch.zeros((1, 0), dtype=torch.long, device=device)
    probabilities = torch.zeros((1, 0), device=device)
    scores = torch.zeros(1, device=device)
    lengths = torch.zeros(1, device=device)
    finished = torch.zeros(1, dtype=torch.bool, device=device)

    for _ in range(max_length):
        state = decoder.transformer(inputs_embeds=inputs, past_key_values=cache, use_cache=True)
        logits = decoder.lm_head(state.last_hidden_state[:, -1]).float()  # [beams, vocabulary]
        likely = logits.log_softmax(dim=-1)
        steered = (logits / temperature).log_softmax(dim=-1) if temperature > 0 else likely.clone()

        steered[finished] = -torch.inf
        steered[finished, FILLER_ID] = 0.0
        lengths = lengths + ~finished
        means, places = ((scores[:, None] + steered) / lengths[:, None]).flatten().topk(beam_size)
        source, chosen = places // vocabulary, places % vocabulary

        ids = torch.cat((ids[source], chosen[:, None]), dim=1)
        probabilities = torch.cat((probabilities[source], likely[source, chosen, None].exp()), dim=1)
        lengths = lengths[source]
        scores = means * lengths
        finished = finished[source] | (chosen == stop_id)
        yield _ranked(ids, probabilities, scores / lengths, lengths, finished)
        if finished.all():
            return
        cache.reorder_cache(source)
        inputs = decoder.transformer.wte(chosen)[:, None]


def _ranked(
    ids: Tensor, probabilities: Tensor, scores: Tensor, lengths: Tensor, finished: Tensor
) -> tuple[Hypothesis, ...]:
    table = zip(
        ids.tolist(),
        probabilities.tolist(),
        scores.tolist(),
        lengths.int().tolist(),
        finished.tolist(),
        strict=True,
    )
    beams = [Hypothesis(tuple(i[:n]), tuple(p[:n]), score, done) for i, p, score, n, done in table]
    return tuple(sorted(beams, key=lambda beam: -beam.score))
