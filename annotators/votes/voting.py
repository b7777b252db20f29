"""Voting, the use case: two answers are brought together and voted on, and the vote is kept."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence

from annotators.flags.checks import FlagError, check_rights
from annotators.flags.flagging import needs_rights
from annotators.votes.ballot import Ballot, Pair, VoteError
from demos.engine import Engine
from demos.line import Ahead
from demos.request import Request
from demos.session import Session
from demos.sound import Sound
from store.records import Observation, Rights, Vote
from store.store import Store

BALLOT = "ballot"  # the name under which a session holds the pair that is voted on


def ask_blind(
    engine: Engine,
    session: Session,
    sound: Sound,
    requests: tuple[Request, Request],
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Ahead | Pair | None]:
    """Ask both requests anew, and let chance say which answer stands on the left: the pair comes last.

    Before it comes what is ahead in the system's line, None when it is one's turn. Nothing of them
    is in the session before the vote, so that nothing else can show it. Raises VoteError when both ask the
    same, and EngineError.
    """
    if requests[0] == requests[1]:
        raise VoteError("Both settings are the same: change one of them, then ask again.")
    said: list[Observation] = []
    for request in requests:
        for item in engine.observe(sound, request, cancelled):
            if isinstance(item, Observation):
                said.append(item)
            elif not item.text:
                yield item.ahead
    first = secrets.randbelow(2)
    yield Pair(said[first], said[1 - first], hidden=True, seen=_seen(said, session.observations()))


def pair_that_stands(first: Observation | None, second: Observation | None) -> Pair:
    """The answers of two panels, as they stand there with their names. Raises VoteError without them."""
    if first is None or second is None:
        raise VoteError("There are no two answers to vote on yet: press Listen, then Compare.")
    return Pair(first, second, hidden=False)


def open_ballot(session: Session, sound: Sound, pair: Pair) -> Ballot:
    """Hold a pair to be voted on in the session, instead of one before. VoteError when the sound has gone."""
    ballot = Ballot(pair)
    if not session.put_aside(BALLOT, ballot, sound):
        raise VoteError("Another sound was brought meanwhile: ask both about that one.")
    return ballot


def ballot_of(session: Session) -> Ballot:
    """The pair that this session votes on. Raises VoteError when there is none."""
    ballot = session.aside(BALLOT)
    if not isinstance(ballot, Ballot):
        raise VoteError("These answers are not kept any more: ask both again, then vote.")
    return ballot


def close_ballot(session: Session) -> None:
    """Let go of the pair without a vote."""
    session.take_away(BALLOT)


def save_vote(store: Store, sound: Sound, pair: Pair, vote: Vote, rights: Rights | None) -> None:
    """Keep a vote with its sound and both answers; when this returns, it is on this machine's disk.

    What a contributor first gives to a sound needs `rights`. Raises FlagError when something has to be said
    first, and StoreError when the store could not keep it.
    """
    if rights is not None:
        check_rights(rights, sound.clip, vote.contributor)
    elif needs_rights(store, sound.clip, vote.contributor):
        raise FlagError("Say first whose sound this is and under which licence it may be shared.")
    store.save_vote(sound.samples, sound.clip, pair.left, pair.right, vote, rights)


def _seen(said: Sequence[Observation], before: Sequence[Observation]) -> bool:
    """Whether one of the answers was given before, word for word, to the same question."""
    return any(
        (one.system, one.instruction, one.text) == (other.system, other.instruction, other.text)
        for one in said
        for other in before
    )
