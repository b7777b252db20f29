"""From a flag to its rows: the questions that other models can be put to.

Pure and deterministic: the same flag gives the same rows, ids and wording included, so that what a person
sees before saving is what is saved. Choices are drawn from SHA-256 over the flag's id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from annotators.flags.asked import Asked
from annotators.flags.checks import check_flag, window
from annotators.flags.kinds import KINDS
from store.records import KINDS_WITHOUT_ROWS, Clip, Flag, Observation, Row, row_file


def rows_of(flag: Flag, observation: Observation, clip: Clip) -> tuple[Row, ...]:
    """The rows that a flag becomes; raises FlagError with a sentence when the flag is not complete.

    The first row asks about what the model claimed. Further rows ask other questions of the same clip: they
    are extra, and no row has its balance before another clip answers the same question otherwise. Flags of
    some kinds become no row at all.
    """
    check_flag(flag, observation, clip)
    if flag.kind in KINDS_WITHOUT_ROWS:
        return ()
    start, stop = window(flag, observation, clip)
    rows = []
    for index, asked in enumerate(KINDS[flag.kind].questions(flag)):
        row_id = _row_id(flag, index)
        rows.append(
            Row(
                id=row_id,
                flag_id=flag.id,
                clip_id=clip.id,
                task=asked.task.name,
                file=row_file(clip, row_id),
                instruction=_instruction(asked, flag, index),
                label=asked.label,
                start=start,
                stop=stop,
                question=asked.question,
                rights_by=flag.contributor,
                role="extra" if index else "flagged",
                needs_partner=asked.task.needs_partner,
                made_at=flag.made_at,
            )
        )
    return tuple(rows)


def _instruction(asked: Asked, flag: Flag, index: int) -> str:
    """A question and an answer format, drawn for this row, with the phrases put in."""
    question = _choose(asked.wording.questions, flag, f"question {index}")
    answer_format = _choose(asked.wording.formats, flag, f"format {index}")
    if asked.options:
        answer_format = answer_format.format(**_listed(_shuffled(asked.options, flag, index)))
    return f"{question.format(**asked.names)} {answer_format}"


def _listed(options: Sequence[str]) -> dict[str, str]:
    """The options in quotes, in the ways in which a format can list them."""
    quoted = [f"“{option}”" for option in options]
    before, last = ", ".join(quoted[:-1]), quoted[-1]
    return {"either": f"{before} or {last}", "all": f"{before} and {last}", "each": ", ".join(quoted)}


def _shuffled(options: Sequence[str], flag: Flag, index: int) -> list[str]:
    """The options in an order that depends on the flag's id alone, every order as likely as any other."""
    order = list(options)
    for last in range(len(order) - 1, 0, -1):
        other = _draw(flag, f"place {last} of row {index}", last + 1)
        order[last], order[other] = order[other], order[last]
    return order


def _choose(choices: Sequence[str], flag: Flag, purpose: str) -> str:
    return choices[_draw(flag, purpose, len(choices))]


def _draw(flag: Flag, purpose: str, choices: int) -> int:
    """A number in 0..choices − 1 that depends on the flag's id and the purpose alone."""
    digest = hashlib.sha256(f"{purpose} of {flag.id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % choices


def _row_id(flag: Flag, index: int) -> str:
    """32 hexadecimal digits; ids of one flag's rows sort in the order of the rows."""
    return hashlib.sha256(f"rows of {flag.id}".encode()).hexdigest()[:30] + f"{index:02x}"
