"""How often each model did what it was told, as far as its flagged answers tell.

The instruction-following rate of Kuan & Lee (arXiv 2410.16130) over answers that were flagged: an answer that
somebody flagged as not following its instruction counts against it, one flagged for anything else does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

_FOLLOWING = """
SELECT model_id, count(*), count(missed.observation_id)
FROM observation
LEFT JOIN (SELECT DISTINCT observation_id FROM flag WHERE kind = 'not_following') AS missed
    ON missed.observation_id = observation.id
WHERE instruction <> '' AND observation.id IN (SELECT observation_id FROM flag)
GROUP BY model_id ORDER BY model_id"""


@dataclass(frozen=True)
class Following:
    """What the flagged answers of one model say of how it follows instructions."""

    model: str
    answers: int  # flagged answers to an instruction
    missed: int  # of these, flagged as not following it

    @property
    def rate(self) -> float:
        """Share of the answers that followed, 0..1."""
        return 1 - self.missed / self.answers


def following(cursor: duckdb.DuckDBPyConnection) -> list[Following]:
    """Each model that was given instructions, by name."""
    return [Following(*line) for line in cursor.execute(_FOLLOWING).fetchall()]
