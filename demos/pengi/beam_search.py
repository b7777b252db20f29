"""The published beam search of Pengi and clapcap over a GPT-2, for several windows at once.

Same tokens as the published loop, which searches for one window after the other and reads everything again
for each token. Its ways, which no library's beam search shares: candidates are ranked by their mean
log-probability over all beams of a window and the whole vocabulary, a finished beam keeps competing at its
final mean, and a window's search ends only when all its beams are finished.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import GPT2LMHeadModel

from demos.pengi.beam_cache import BeamCache

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


Beams = tuple[Hypothesis, ...]  # of one window, best first


@torch.inference_mode()
def beam_search(
    decoder: GPT2LMHeadModel,
    prefixes: Tensor,
    stop_id: int,
    beam_size: int,
    max_length: int,
    temperature: float = 1.0,
) -> Iterator[tuple[Beams, ...]]:
    """Continue the prefix of each window, `[windows, P, width]`: after each token the beams of every window.

    The windows do not see each other; one whose beams are all finished is not computed any more and keeps its
    beams. One beam is a greedy search. `temperature` divides the logits; 0 or less counts as 1. Raises
    ValueError if the decoder has no room for a prefix and `max_length` tokens, or if there is no window, no
    beam or no token to find.
    """
    (windows, length), vocabulary = prefixes.shape[:2], decoder.config.vocab_size
    room = decoder.config.n_positions
    if not windows or not 1 <= beam_size <= vocabulary or max_length < 1:
        raise ValueError("A beam search needs a window, at least one beam and one token to generate.")
    if length + max_length - 1 > room:
        raise ValueError(
            f"The decoder has room for {room} positions; sound and prompt take {length}, "
            f"so at most {room - length + 1} tokens can be generated, not {max_length}."
        )
    temperature = max(temperature, 0.0) or 1.0
    cache = BeamCache(decoder.config.n_layer, length + max_length - 1)
    found: list[Beams] = [()] * windows
    search = _Search.begun(windows, prefixes.device)
    inputs = prefixes
    for _ in range(max_length):
        state = decoder.transformer(inputs_embeds=inputs, past_key_values=cache, use_cache=True)
        logits = decoder.lm_head(state.last_hidden_state[:, -1]).float()
        search, rows = search.grown(logits, stop_id, beam_size, temperature)
        for window, beams in search.beams():
            found[window] = beams
        yield tuple(found)

        going = ~search.finished.all(dim=1)
        if not going.any():
            return
        search, rows = search.only(going), rows[going].flatten()
        if search.ids.shape[-1] == 1 or not going.all():
            cache.spread(rows)
        elif beam_size > 1:
            cache.follow(rows, fixed=length)
        inputs = decoder.transformer.wte(search.ids[..., -1].flatten())[:, None]


@dataclass
class _Search:
    """The windows that are still searched for, by their numbers [windows], and their beams, row by row."""

    windows: Tensor
    ids: Tensor  # [windows, beams, tokens]
    probabilities: Tensor  # [windows, beams, tokens]
    scores: Tensor  # [windows, beams], sums of log-probabilities
    lengths: Tensor  # [windows, beams]
    finished: Tensor  # [windows, beams]

    @classmethod
    def begun(cls, windows: int, device: torch.device) -> "_Search":
        """One empty beam for each window."""
        empty = torch.zeros((windows, 1, 0), device=device)
        zeros = torch.zeros((windows, 1), device=device)
        return cls(torch.arange(windows, device=device), empty.long(), empty, zeros, zeros, zeros.bool())

    def grown(
        self, logits: Tensor, stop_id: int, beam_size: int, temperature: float
    ) -> tuple["_Search", Tensor]:
        """With one more token, given the logits `[windows * beams, vocabulary]`.

        Also which row of the logits each new beam goes on from, `[windows, beam_size]`.
        """
        windows, beams = self.scores.shape
        vocabulary = logits.shape[-1]
        logits = logits.view(windows, beams, vocabulary)
        likely = logits.log_softmax(dim=-1)
        # what is written for finished beams below is no probability of theirs: their ids end before
        steered = likely if temperature == 1 else (logits / temperature).log_softmax(dim=-1)
        steered[self.finished] = -torch.inf
        steered[self.finished, FILLER_ID] = 0.0
        lengths = self.lengths + ~self.finished
        means, places = (
            ((self.scores[..., None] + steered) / lengths[..., None]).flatten(1).topk(beam_size, dim=1)
        )
        source, chosen = places // vocabulary, places % vocabulary

        lengths = lengths.gather(1, source)
        tokens = source[..., None].expand(-1, -1, self.ids.shape[-1])
        likely = likely.flatten(1).gather(1, places)
        grown = _Search(
            self.windows,
            torch.cat((self.ids.gather(1, tokens), chosen[..., None]), dim=-1),
            torch.cat((self.probabilities.gather(1, tokens), likely[..., None].exp()), dim=-1),
            means * lengths,
            lengths,
            self.finished.gather(1, source) | (chosen == stop_id),
        )
        return grown, source + beams * torch.arange(windows, device=source.device)[:, None]

    def only(self, chosen: Tensor) -> "_Search":
        """The windows for which `chosen` `[windows]` is true."""
        parts = (self.windows, self.ids, self.probabilities, self.scores, self.lengths, self.finished)
        return _Search(*(part[chosen] for part in parts))

    def beams(self) -> Iterator[tuple[int, Beams]]:
        """Each window's number and its beams, best first."""
        rows = (self.ids, self.probabilities, self.scores / self.lengths, self.lengths.int(), self.finished)
        for window, *table in zip(self.windows.tolist(), *(row.tolist() for row in rows), strict=True):
            beams = [
                Hypothesis(tuple(ids[:length]), tuple(probabilities[:length]), score, finished)
                for ids, probabilities, score, length, finished in zip(*table, strict=True)
            ]
            yield window, tuple(sorted(beams, key=lambda beam: -beam.score))
