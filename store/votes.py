"""Votes on which of two answers is more faithful to the sound: keeping them, and how the settings stand.

Functions of a connection; `add_vote` is called inside a transaction of the writer.
"""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, dataclass, replace
from typing import IO, Any

import duckdb

from store.errors import StoreError
from store.keeping import only
from store.records import Vote

_INSERT = """
INSERT INTO vote (id, left_observation_id, right_observation_id, choice, blind, contributor, made_at)
VALUES ($id, $left_observation_id, $right_observation_id, $choice, $blind, $contributor, $made_at)"""
_SELECT = "SELECT vote FROM vote WHERE id = ?"
_BY = "SELECT vote FROM vote WHERE contributor = ? ORDER BY made_at DESC, id"
_VOTED_BEFORE = """
SELECT count(*) > 0 FROM vote WHERE contributor = $contributor
    AND (left_observation_id, right_observation_id) IN (($left, $right), ($right, $left))"""
_STANDINGS = """
SELECT model_id, lora_scaling, beams, over_silence, wins, losses, both_faithful, neither_faithful, blind
FROM vote_standing
ORDER BY wins - losses DESC, wins DESC, model_id, lora_scaling DESC, beams, over_silence"""
_EACH = """
SELECT vote.id, vote.made_at, vote.choice, vote.blind, clip.public_id, one.record, other.record
FROM vote
JOIN observation AS one ON one.id = vote.left_observation_id
JOIN observation AS other ON other.id = vote.right_observation_id
JOIN clip ON clip.id = one.clip_id
ORDER BY vote.made_at, vote.id"""
_SIDE = ("model", "lora_scaling", "beams", "over_silence", "instruction", "text")
COLUMNS = (
    *("vote", "made_at", "choice", "blind", "clip"),
    *(f"{side}_{name}" for side in ("left", "right") for name in _SIDE),
)


@dataclass(frozen=True)
class Standing:
    """How answers of one model in one setting came off against others."""

    model: str
    lora_scaling: float | None  # None: the model has none
    beams: int
    over_silence: bool
    wins: int  # votes that found it more faithful
    losses: int  # votes that found the other more faithful
    both_faithful: int
    neither_faithful: int
    blind: int  # of all these votes, those given without knowing the settings

    @property
    def votes(self) -> int:
        """How often it was voted on."""
        return self.wins + self.losses + self.both_faithful + self.neither_faithful


def vote_of_id(connection: duckdb.DuckDBPyConnection, vote_id: str) -> Vote | None:
    """The kept vote with this id."""
    found = only(connection.execute(_SELECT, [vote_id]).fetchone())
    return None if found is None else Vote(**found)


def votes_by(connection: duckdb.DuckDBPyConnection, contributor: str) -> list[Vote]:
    """All kept votes of one person, the newest first."""
    return [Vote(**vote) for (vote,) in connection.execute(_BY, [contributor]).fetchall()]


def is_vote_kept(connection: duckdb.DuckDBPyConnection, vote: Vote) -> bool:
    """Whether this very vote is kept.

    Raises StoreError when its id is kept with another choice, or when its contributor has voted on the same
    two answers before.
    """
    kept = vote_of_id(connection, vote.id)
    if kept is not None and replace(kept, made_at=vote.made_at) == vote:
        return True
    pair = {"left": vote.left_observation_id, "right": vote.right_observation_id}
    before = connection.execute(_VOTED_BEFORE, pair | {"contributor": vote.contributor}).fetchone()
    if kept is not None or only(before):
        raise StoreError("You voted on these two answers before, and a vote stays as it was given.")
    return False


def add_vote(connection: duckdb.DuckDBPyConnection, vote: Vote) -> None:
    """Write a new vote, whose answers are kept."""
    connection.execute(_INSERT, asdict(vote))


def standings(cursor: duckdb.DuckDBPyConnection) -> list[Standing]:
    """How each setting that was voted on stands, the one that won most over its losses first."""
    return [Standing(*line) for line in cursor.execute(_STANDINGS).fetchall()]


def write_votes(cursor: duckdb.DuckDBPyConnection, out: IO[str]) -> None:
    """Every vote as a line of CSV under a heading, the oldest first; nothing private is in it."""
    table = csv.writer(out, lineterminator="\n")
    table.writerow(COLUMNS)
    for *vote, left, right in cursor.execute(_EACH).fetchall():
        table.writerow([*vote, *_side(json.loads(left)), *_side(json.loads(right))])


def _side(record: dict[str, Any]) -> list[Any]:
    """What the table says of one answer, by `_SIDE`."""
    settings = record["settings"]
    said = (record["model_id"], settings.get("lora_scaling"), settings.get("beams", 1))
    return [*said, bool(settings.get("over_silence")), record["instruction"], record["text"]]
