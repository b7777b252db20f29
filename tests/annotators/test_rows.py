"""Flags become questions: the right ones, with the right labels, always the same for the same flag."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotators.flags.checks import FlagError, same_words, tidy
from annotators.flags.kinds import KINDS
from annotators.flags.rows import rows_of
from store.benchmark import TASKS
from store.records import FLAG_KINDS, View, new_id
from tests.people import ANSWER_OF_KINDS, KINDS_OF_FLAGS, answer, flag, sound

CLIP, _ = sound(seconds=4.0)
OBSERVATION = answer(CLIP, text=ANSWER_OF_KINDS)


def flag_of(kind: str, **values: Any) -> Any:
    """A flag of this kind on the shared answer."""
    return flag(OBSERVATION, **({"kind": kind} | KINDS_OF_FLAGS[kind] | values))


def test_every_kind_of_the_records_has_a_place_in_the_table() -> None:
    assert set(KINDS) == set(FLAG_KINDS)
    assert {kind.task.name for kind in KINDS.values()} == set(TASKS)
    assert [kind.title for kind in KINDS.values()] == [
        "not there",
        "wrong order",
        "wrong attribute",
        "wrong words",
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_there_are_enough_wordings_and_each_names_its_phrases(kind: Any) -> None:
    questions, formats = KINDS[kind].questions, KINDS[kind].formats
    assert len(set(questions)) == len(questions) >= 20
    assert len(set(formats)) == len(formats) >= 6
    names = {"object_existence": {"sound"}, "temporal_order": {"first", "second"}}
    names |= {"object_attribute": {"holder", "attribute"}, "speech_content": set()}
    for question in questions:
        assert set(re.findall(r"{(\w+)}", question)) == names[kind]
    for answer_format in formats:
        if kind == "speech_content":
            assert set(re.findall(r"{(\w+)}", answer_format)) == {"one", "other"}
        else:
            assert {"yes", "no"} <= set(re.findall(r"\w+", answer_format))


def test_a_sound_that_is_not_there_is_asked_for_and_so_is_the_one_that_is() -> None:
    absent, present = rows_of(flag_of("object_existence"), OBSERVATION, CLIP)
    assert absent.task == "SoundExistenceVerification"
    assert ("a bell ringing" in absent.instruction, absent.label) == (True, "no")
    assert ("a dog barking" in present.instruction, present.label) == (True, "yes")
    assert (absent.role, present.role) == ("flagged", "extra")
    assert absent.needs_partner
    assert absent.question == '{"sound":"a bell ringing"}'

    (alone,) = rows_of(flag_of("object_existence", correction=""), OBSERVATION, CLIP)
    assert alone.label == "no"


def test_the_order_is_asked_both_ways_round() -> None:
    for number in range(40):
        wrong, right = rows_of(flag_of("temporal_order", id=f"{number:032x}"), OBSERVATION, CLIP)
        for row, first, label in ((wrong, "a bell ringing", "no"), (right, "a dog barking", "yes")):
            second = "a dog barking" if first == "a bell ringing" else "a bell ringing"
            kind = KINDS["temporal_order"]
            possible = {question.format(first=first, second=second) for question in kind.questions}
            assert any(row.instruction.startswith(question) for question in possible)
            assert row.label == label


def test_an_attribute_is_asked_of_the_wrong_one_and_of_the_right_one() -> None:
    wrong, right = rows_of(flag_of("object_attribute"), OBSERVATION, CLIP)
    assert "a woman" in wrong.instruction
    assert "laughing" in wrong.instruction
    assert wrong.label == "no"
    assert "a child" in right.instruction
    assert right.label == "yes"
    assert len(rows_of(flag_of("object_attribute", correction=""), OBSERVATION, CLIP)) == 1


def test_what_was_said_is_chosen_from_two_wordings_in_either_order() -> None:
    first_options = set()
    for number in range(40):
        (row,) = rows_of(flag_of("speech_content", id=f"{number:032x}"), OBSERVATION, CLIP)
        options = re.findall("“(.*?)”", row.instruction)
        assert sorted(options) == ["Turn off the light", "Turn on the light"]  # capitals tell nothing
        assert row.label == "Turn off the light"
        first_options.add(options[0])
    assert len(first_options) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_flag_always_gives_the_same_rows(kind: str) -> None:
    one = flag_of(kind)
    rows = rows_of(one, OBSERVATION, CLIP)
    assert rows_of(replace(one), OBSERVATION, CLIP) == rows
    assert [row.id for row in rows] == sorted({row.id for row in rows})
    assert all(CLIP.public_id in row.file and CLIP.id not in row.file for row in rows)
    assert {(row.start, row.stop) for row in rows} == {(0.0, CLIP.seconds)}
    others = rows_of(replace(one, id=new_id()), OBSERVATION, CLIP)
    assert not {row.id for row in rows} & {row.id for row in others}


def test_the_known_wording_of_a_known_flag_never_changes() -> None:
    one = flag_of("object_existence", id="0" * 32)
    absent, present = rows_of(one, OBSERVATION, CLIP)
    assert absent.instruction == (
        "Does any part of the audio have the sound of a bell ringing? The possible answers are yes and no."
    )
    assert (
        present.instruction
        == "Is a dog barking audible in this clip? Say yes if it is so and no if it is not."
    )


@pytest.mark.parametrize("kind", KINDS)
def test_flags_spread_over_the_wordings(kind: str) -> None:
    instructions = [rows_of(flag_of(kind, id=new_id()), OBSERVATION, CLIP)[0].instruction for _ in range(200)]
    assert len(set(instructions)) >= 60


phrases = st.text(min_size=1, max_size=40).filter(
    lambda text: tidy(text) and not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in text)
)


@settings(max_examples=150, deadline=None)
@given(kind=st.sampled_from(sorted(KINDS)), claim=phrases, attribute=phrases, correction=phrases)
def test_whatever_is_typed_the_label_stands_in_the_instruction(
    kind: str, claim: str, attribute: str, correction: str
) -> None:
    values = {"claim": claim, "correction": correction}
    values |= {"attribute": attribute} if kind == "object_attribute" else {}
    one = flag_of(kind, **values)
    if same_words(claim, correction):
        with pytest.raises(FlagError, match="are the same"):
            rows_of(one, OBSERVATION, CLIP)
        return
    rows = rows_of(one, OBSERVATION, CLIP)
    for row in rows:
        assert row.label in row.instruction
        assert "\n" not in row.instruction
    assert tidy(claim).casefold() in rows[0].instruction.casefold() or not claim.isascii()


def test_a_long_view_needs_a_range_that_fits_a_row() -> None:
    clip, _ = sound(seconds=50.0, rate=8_000, channels=1)
    observation = answer(clip)
    with pytest.raises(FlagError, match=r"50 s at once.*give the time range"):
        rows_of(flag(observation), observation, clip)
    with pytest.raises(FlagError, match="40 s long"):
        rows_of(flag(observation, time_start=2.0, time_stop=42.0), observation, clip)
    row = rows_of(flag(observation, time_start=20.0, time_stop=45.5), observation, clip)[0]
    assert (row.start, row.stop) == (20.0, 45.5)


def test_a_row_holds_what_the_model_heard() -> None:
    clip, _ = sound(seconds=50.0, rate=8_000, channels=1)
    observation = answer(clip, view=View(clip.id, 16_000, "published", 10.0, 40.0))
    row = rows_of(flag(observation, time_start=12.0, time_stop=13.0), observation, clip)[0]
    assert (row.start, row.stop) == (10.0, 40.0)
