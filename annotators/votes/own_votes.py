"""A person's own votes, and taking them back."""

from __future__ import annotations

from dataclasses import dataclass

from annotators.votes.ballot import VoteError
from store.errors import StoreError
from store.records import Observation, Vote, Withdrawal, new_id
from store.store import Store


@dataclass(frozen=True)
class OwnVote:
    """A vote with the two answers that it is about."""

    vote: Vote
    left: Observation
    right: Observation


def own_votes(store: Store, contributor: str) -> list[OwnVote]:
    """What this person voted and is kept, the newest first. Raises StoreError."""
    votes = []
    for vote in store.votes_by(contributor):
        left = store.observation(vote.left_observation_id)
        right = store.observation(vote.right_observation_id)
        if left is not None and right is not None:  # withdrawn just now
            votes.append(OwnVote(vote, left, right))
    return votes


def withdraw_vote(store: Store, vote_id: str, contributor: str) -> None:
    """Take back all that this person gave to the sound of a vote: votes, flags and what became of them.

    Erased for good, wherever it is merged. Only who voted may: raises VoteError for anyone else, and
    StoreError when the vote is gone or could not be erased.
    """
    vote = store.vote(vote_id)
    said = None if vote is None else store.observation(vote.left_observation_id)
    if vote is None or said is None:
        raise StoreError("This vote is not in the store any more: open the Tasks tab anew.")
    if vote.contributor != contributor:
        raise VoteError("Only who gave a vote can take it back.")
    store.withdraw(Withdrawal(new_id(), said.view.clip_id, "contribution", contributor))
