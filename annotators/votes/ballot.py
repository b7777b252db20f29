"""Two answers to vote on, and the one vote on them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from annotators.votes.setting import setting_of
from demos.conversation import turns_of
from store.records import VOTE_CHOICES, Observation, Vote, VoteChoice, new_id


class VoteError(ValueError):
    """There is nothing to vote on, or not so; the text says in a sentence why and what to do."""


@dataclass(frozen=True)
class Pair:
    """Two answers to one question about one sound, as they stand beside each other; VoteError otherwise."""

    left: Observation
    right: Observation
    hidden: bool  # whether names and settings are hidden until the vote
    seen: bool = False  # whether one of the answers had been shown with its setting before
    id: str = field(default_factory=new_id)  # which the vote gets

    def __post_init__(self) -> None:
        if _question(self.left) != _question(self.right):
            raise VoteError("The two answers are to different questions: press Compare again, then vote.")
        if setting_of(self.left) == setting_of(self.right):
            raise VoteError("Both settings are the same: change one of them, then ask again.")

    @property
    def sides(self) -> tuple[Observation, Observation]:
        """The left answer and the right one."""
        return self.left, self.right

    @property
    def blind(self) -> bool:
        """Whether a person cannot know which setting gave which answer."""
        return self.hidden and not self.seen

    @property
    def same_words(self) -> bool:
        """Whether both say the same, so that neither can be more faithful."""
        return self.left.text.split() == self.right.text.split()


def _question(said: Observation) -> tuple[Any, ...]:
    """What was asked: in which words, after which turns of a conversation, of which part of the sound."""
    return said.instruction, turns_of(said), said.view


class Ballot:
    """A pair and the vote on it, which is given once. Many threads may call."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self._vote: Vote | None = None
        self._casting = threading.Lock()

    def cast(self, choice: Any, contributor: str, keep: Callable[[Vote], None]) -> Vote:
        """The vote, after `keep` has kept it; what that raises leaves the pair open.

        Raises VoteError for a choice that is none, and for a second vote.
        """
        with self._casting:
            if self._vote is not None:
                raise VoteError(
                    "You voted on these two answers, and a vote stays as it was given: ask both again to "
                    "vote anew."
                )
            if choice not in VOTE_CHOICES:
                raise VoteError(f"There is no vote “{choice}”: choose one of {', '.join(VOTE_CHOICES)}.")
            if self.pair.same_words and choice in ("left", "right"):
                raise VoteError("Both answers are the same words: say that both are faithful, or neither.")
            vote = Vote(
                self.pair.id,
                self.pair.left.id,
                self.pair.right.id,
                cast("VoteChoice", choice),
                self.pair.blind,
                contributor,
            )
            keep(vote)
            self._vote = vote
            return vote
