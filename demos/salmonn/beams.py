"""Beam search as transformers does it, one step of which never waits for the device.

The arithmetic is that of `GenerationMixin._beam_search` (transformers 5) for one prompt, one end token, a
length penalty of 1 and no early stopping, so the same tokens come out. Running beams and finished ones are
kept apart: twice as many candidates as beams are looked at, those that end compete with the finished ones by
their mean log-probability, and the search ends when no running beam can come out better than the worst of
them. What is done beyond the end changes nothing, so one may look only now and then whether it was reached.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from demos.salmonn.network import Salmonn
from demos.salmonn.static_decoding import Decoding

NEVER = -1.0e9  # log-probability of what must not be chosen


class Beams(Decoding):
    """As many beams as rows; `length` is as in `Decoding`, more tokens than that are never asked for."""

    def __init__(self, network: Salmonn, beams: int, length: int, barred: Sequence[int]) -> None:
        super().__init__(network, beams, length, barred)
        device = self.device
        self._best = torch.arange(2 * beams, device=device) < beams  # of the candidates, in order
        self._ids = torch.zeros((beams, length), dtype=torch.long, device=device)
        self._scores = torch.zeros(beams, device=device)  # sums of log-probabilities
        self._finished_ids = torch.zeros((beams, length), dtype=torch.long, device=device)
        self._finished_lengths = torch.zeros(beams, dtype=torch.long, device=device)
        self._finished_scores = torch.zeros(beams, device=device)  # means
        self._finished = torch.zeros(beams, dtype=torch.bool, device=device)
        self._improvable = torch.ones(1, dtype=torch.bool, device=device)
        self._ends = torch.zeros(1, dtype=torch.long, device=device)
        self._room = torch.zeros(1, dtype=torch.long, device=device)
        self._stopped = torch.zeros(1, dtype=torch.bool, device=device)

    def search(self, ends: int, room: int) -> None:
        """Forget all beams: the next prompt is searched for at most `room` tokens, or up to the id `ends`."""
        self._scores.fill_(NEVER)
        self._scores[0] = 0.0  # all rows read the same prompt: only one of them may go on
        self._finished_scores.fill_(NEVER)
        self._finished.zero_()
        self._improvable.fill_(True)
        self._ends.fill_(ends)
        self._room.fill_(room)
        self._stopped.zero_()

    def stop(self) -> None:
        """Let the next step be the last one: all beams end where they then are."""
        self._stopped.fill_(True)

    def choose(self, scores: Tensor) -> None:
        beams, vocabulary = scores.shape
        likely = scores.log_softmax(dim=-1) + self.bars + self._scores[:, None]
        candidates, places = likely.flatten().topk(2 * beams)
        source, token = places // vocabulary, places % vocabulary
        ids = self._ids[source].index_copy(1, self.count, token[:, None])
        length = self.count + 1
        ended = (token == self._ends) | (length >= self._room) | self._stopped

        running, kept = (candidates + ended.float() * NEVER).topk(beams)
        self._finish(ids, candidates / length, ended & self._best, length)
        self._ids.copy_(ids[kept])
        self._scores.copy_(running)
        worst = self._finished_scores.min().expand(beams).masked_fill(~self._finished, NEVER)
        self._improvable.logical_and_((running[:1] / length > worst).any())
        self.token.copy_(token[kept][:, None])
        self.count.copy_(length)
        self.follow(source[kept])

    def _finish(self, ids: Tensor, means: Tensor, ended: Tensor, length: Tensor) -> None:
        """Let the candidates that ended take the places of finished beams that are worse."""
        means = means + (~self._improvable).float() * NEVER + (~ended).float() * NEVER
        scores, kept = torch.cat((self._finished_scores, means)).topk(len(self._finished))
        self._finished_scores.copy_(scores)
        for held, new in (
            (self._finished_ids, ids),
            (self._finished_lengths, length.expand(len(ended))),
            (self._finished, ended),
        ):
            held.copy_(torch.cat((held, new))[kept])

    def done(self) -> bool:
        """Whether no beam can become better than the finished ones; waits for the device."""
        return not bool(self._improvable)

    def best(self) -> list[int]:
        """Ids of the best finished beam, its end token included."""
        length = int(self._finished_lengths[0])
        ids: list[int] = self._finished_ids[0, :length].tolist()
        return ids
