"""From what is typed to a flag: what a browser or a program may send, and what is made of it."""

from __future__ import annotations

from annotators.flags.drafts import Draft
from annotators.flags.rows import rows_of
from annotators.flags.rows_table import becoming
from tests.people import ANSWER, CLAIM, answer, sound

CLIP, _ = sound()
SPAN = (ANSWER.index(CLAIM), ANSWER.index(CLAIM) + len(CLAIM))


def test_what_is_previewed_is_what_is_saved() -> None:
    said = answer(CLIP)
    draft = Draft(said.id)
    first, second = (
        draft.flag(said, "someone", span=SPAN, kind="object_existence", claim=CLAIM, correction="a dog")
        for _ in range(2)
    )
    assert rows_of(first, said, CLIP) == rows_of(second, said, CLIP)


def test_what_another_kind_asked_for_is_left_out() -> None:
    said = answer(CLIP)
    flag = Draft(said.id).flag(
        said, "someone", span=SPAN, kind="object_existence", claim=CLAIM, attribute="typed for another kind"
    )
    assert flag.attribute == ""


def test_values_of_wrong_types_become_nothing() -> None:
    said = answer(CLIP)
    flag = Draft(said.id).flag(
        said,
        "someone",
        span=("0", None),
        kind="object_existence",
        claim={"not": "text"},
        times=("soon", []),
    )
    assert (flag.span_start, flag.span_stop, flag.claim) == (0, 0, "")
    assert (flag.time_start, flag.time_stop) == (None, None)


def test_words_become_no_markup_in_the_preview() -> None:
    said = answer(CLIP)
    nasty = "<img src=x onerror=alert(1)>"
    flag = Draft(said.id).flag(said, "someone", span=SPAN, kind="object_existence", claim=nasty)
    shown = becoming(flag, rows_of(flag, said, CLIP))
    assert "<img" not in shown
    assert "&lt;img" in shown


def test_what_did_not_follow_is_the_whole_answer_unless_a_part_is_marked() -> None:
    said = answer(CLIP)
    whole = Draft(said.id).flag(said, "someone", span=(0, 0), kind="not_following", claim="typed before")
    assert (whole.span_text, whole.claim) == (ANSWER, "")
    assert rows_of(whole, said, CLIP) == ()
    part = Draft(said.id).flag(said, "someone", span=SPAN, kind="not_following", claim="")
    assert part.span_text == CLAIM
