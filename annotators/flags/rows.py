"""From a flag to its rows: the questions that other models can be put to.

Pure and deterministic: the same flag gives the same rows, ids and wording included, so that what a person
sees before saving is what is saved. Choices are drawn from SHA-256 over the flag's id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from annotators.flags.checks import check_flag, tidy, window
from annotators.flags.kinds import KINDS, Kind
from store.records import Clip, Flag, Observation, Row, question_key, row_file

YES, NO = "yes", "no"


def rows_of(flag: Flag, observation: Observation, clip: Clip) -> tuple[Row, ...]:
    """The rows that a flag becomes; raises FlagError with a sentence when the flag cannot become any.

    The first row asks about what the model claimed. Further rows ask about the correction on the same clip:
    they are extra, and no row has its balance before another clip answers the same question otherwise.
    """
    check_flag(flag, observation, clip)
    start, stop = window(flag, observation, clip)
    rows = []
    for index, (names, instruction, label) in enumerate(_questions(flag)):
        row_id = _row_id(flag, index)
        rows.append(
            Row(
                id=row_id,
                flag_id=flag.id,
                clip_id=clip.id,
                task=KINDS[flag.kind].task.name,
                file=row_file(clip, row_id),
                instruction=instruction,
                label=label,
                start=start,
                stop=stop,
                question=question_key(names),
                rights_by=flag.contributor,
                role="extra" if index else "flagged",
                needs_partner=KINDS[flag.kind].task.needs_partner,
                made_at=flag.made_at,
            )
        )
    return tuple(rows)


def _questions(flag: Flag) -> list[tuple[dict[str, str], str, str]]:
    """What each row of a flag that was checked is about, its instruction and its label."""
    kind = KINDS[flag.kind]
    claim, correction, attribute = tidy(flag.claim), tidy(flag.correction), tidy(flag.attribute)
    if flag.kind == "object_existence":
        asked = [({"sound": claim}, NO)]
        if correction:
            asked.append(({"sound": correction}, YES))
    elif flag.kind == "temporal_order":
        asked = [
            ({"first": claim, "second": correction}, NO),
            ({"first": correction, "second": claim}, YES),
        ]
    elif flag.kind == "object_attribute":
        asked = [({"holder": claim, "attribute": attribute}, NO)]
        if correction:
            asked.append(({"holder": correction, "attribute": attribute}, YES))
    else:
        claim, correction = _alike(claim, correction)
        options = [claim, correction]
        if _draw(flag, "swap", 2):
            options.reverse()
        asked = [({"one": options[0], "other": options[1]}, correction)]
    return [
        (names, _instruction(kind, flag, index, names), label) for index, (names, label) in enumerate(asked)
    ]


def _instruction(kind: Kind, flag: Flag, index: int, names: dict[str, str]) -> str:
    """A question and an answer format, drawn for this row, with the phrases put in."""
    question = _choose(kind.questions, flag, f"question {index}")
    answer_format = _choose(kind.formats, flag, f"format {index}")
    return f"{question.format(**names)} {answer_format.format(**names)}"


def _alike(one: str, other: str) -> tuple[str, str]:
    """Both phrases with a capital when either has one: case must not tell the typed one from the model's."""
    if one[:1].isupper() != other[:1].isupper():
        return one[:1].upper() + one[1:], other[:1].upper() + other[1:]
    return one, other


def _choose(choices: Sequence[str], flag: Flag, purpose: str) -> str:
    return choices[_draw(flag, purpose, len(choices))]


def _draw(flag: Flag, purpose: str, choices: int) -> int:
    """A number in 0..choices − 1 that depends on the flag's id and the purpose alone."""
    digest = hashlib.sha256(f"{purpose} of {flag.id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % choices


def _row_id(flag: Flag, index: int) -> str:
    """32 hexadecimal digits; ids of one flag's rows sort in the order of the rows."""
    return hashlib.sha256(f"rows of {flag.id}".encode()).hexdigest()[:30] + f"{index:02x}"
