"""Flags become questions: the right ones, with the right labels, always the same for the same flag."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from annotators.flags import wordings
from annotators.flags.checks import FlagError
from annotators.flags.kinds import GROUPS, KINDS
from annotators.flags.phrases import same_words, tidy
from annotators.flags.rows import rows_of
from annotators.flags.wordings import Wording
from store.benchmark import CANNOT_BE_TOLD, TASKS
from store.records import FLAG_KINDS, KINDS_WITHOUT_ROWS, Flag, Row, View, new_id
from tests.people import ANSWER_OF_KINDS, FLAGS, KINDS_OF_FLAGS, answer, flag, sound

CLIP, _ = sound(seconds=4.0)
OBSERVATION = answer(CLIP, text=ANSWER_OF_KINDS)
KINDS_WITH_ROWS = [kind for kind in KINDS if kind not in KINDS_WITHOUT_ROWS]
WORDINGS = {name: value for name, value in vars(wordings).items() if isinstance(value, Wording)}
NAMES = {  # what the questions of each wording are about
    "EXISTENCE": {"sound"},
    "ORDER": {"first", "second"},
    "ATTRIBUTE": {"holder", "attribute"},
    "WORDS": set(),
    "TRANSCRIPTION": set(),
    "CHOICE": {"asked"},
    "ABSTENTION": {"asked"},
}


def flag_of(kind: str, **values: Any) -> Flag:
    """A flag of this kind on the shared answer."""
    return flag(OBSERVATION, **({"kind": kind} | KINDS_OF_FLAGS[kind] | values))


def rows(kind: str, **values: Any) -> tuple[Row, ...]:
    return rows_of(flag_of(kind, **values), OBSERVATION, CLIP)


def options(row: Row) -> list[str]:
    """What an instruction quotes."""
    return re.findall("“(.*?)”", row.instruction)


def ids(number: int = 40) -> list[str]:
    return [f"{one:032x}" for one in range(number)]


def test_every_kind_of_the_records_has_a_place_in_the_table() -> None:
    assert set(KINDS) == set(FLAG_KINDS)
    assert {task.name for kind in KINDS.values() for task in kind.tasks} == set(TASKS)
    assert {kind.group for kind in KINDS.values()} == set(GROUPS)
    assert {kind.id for kind in KINDS.values() if not kind.tasks} == KINDS_WITHOUT_ROWS
    assert len({kind.title for kind in KINDS.values()}) == len(KINDS)


def test_each_kind_becomes_rows_of_the_tasks_that_its_line_names() -> None:
    made: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for kind, values in FLAGS:
        for row in rows(kind, **values):
            made[kind].add(row.task)
            assert row.needs_partner == TASKS[row.task].needs_partner
    assert made == {kind.id: {task.name for task in kind.tasks} for kind in KINDS.values()}


def test_only_existence_order_and_attribute_need_a_partner() -> None:
    assert {task.name for task in TASKS.values() if task.needs_partner} == {
        "SoundExistenceVerification",
        "SoundOrderVerification",
        "SoundAttributeVerification",
    }


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_every_task_is_described_and_tells_its_answers(task: Any) -> None:
    assert re.fullmatch("([A-Z][a-z]+)+", task.name)
    assert all((task.title, task.description, task.objective, task.keywords, task.answers))
    assert task.metrics == (("wer",) if task.options == 0 else ("accuracy",))
    if task.closed_set:
        assert task.options == len(set(map(str.lower, task.closed_set)))
        assert task.answers == ", ".join(task.closed_set)


@pytest.mark.parametrize("name", WORDINGS)
def test_there_are_enough_wordings_and_each_names_its_phrases(name: str) -> None:
    questions, formats = WORDINGS[name].questions, WORDINGS[name].formats
    assert len(set(questions)) == len(questions) >= 20
    assert len(set(formats)) == len(formats) >= 6
    for question in questions:
        assert set(re.findall(r"{(\w+)}", question)) == NAMES[name]
    for answer_format in formats:
        places = set(re.findall(r"{(\w+)}", answer_format))
        if name in ("WORDS", "CHOICE", "ABSTENTION"):
            assert len(places) == 1
            assert places <= {"either", "all", "each"}
        elif name == "TRANSCRIPTION":
            assert not places
        else:
            assert {"yes", "no"} <= set(re.findall(r"\w+", answer_format))


def test_a_sound_that_is_not_there_is_asked_for_and_so_is_the_one_that_is() -> None:
    absent, present = rows("object_existence")
    assert absent.task == "SoundExistenceVerification"
    assert ("a bell ringing" in absent.instruction, absent.label) == (True, "no")
    assert ("a dog barking" in present.instruction, present.label) == (True, "yes")
    assert (absent.role, present.role) == ("flagged", "extra")
    assert absent.needs_partner
    assert absent.question == '{"sound":"a bell ringing"}'

    (alone,) = rows("object_existence", correction="")
    assert alone.label == "no"


def test_the_order_is_asked_both_ways_round() -> None:
    for identity in ids():
        wrong, right = rows("temporal_order", id=identity)
        for row, first, label in ((wrong, "a bell ringing", "no"), (right, "a dog barking", "yes")):
            second = "a dog barking" if first == "a bell ringing" else "a bell ringing"
            possible = {one.format(first=first, second=second) for one in wordings.ORDER.questions}
            assert any(row.instruction.startswith(question) for question in possible)
            assert row.label == label
            assert json.loads(row.question) == {"first": first, "second": second}


def test_an_attribute_is_asked_of_the_wrong_one_and_of_the_right_one() -> None:
    wrong, right = rows("object_attribute")
    assert "a woman" in wrong.instruction
    assert "laughing" in wrong.instruction
    assert wrong.label == "no"
    assert "a child" in right.instruction
    assert right.label == "yes"
    assert len(rows("object_attribute", correction="")) == 1


def test_what_was_said_is_chosen_from_two_wordings_in_either_order() -> None:
    first_options, questions = set(), set()
    for identity in ids():
        row = rows("speech_content", id=identity)[0]
        assert sorted(options(row)) == ["Turn off the light", "Turn on the light"]  # capitals tell nothing
        assert row.label == "Turn off the light"
        first_options.add(options(row)[0])
        questions.add(row.question)
    assert len(first_options) == 2
    assert questions == {'{"one":"turn off the light","other":"turn on the light"}'}


def test_all_that_is_said_becomes_a_transcription() -> None:
    _, transcription = rows("speech_content", attribute="Please\n  turn OFF the light! ")
    assert (transcription.task, transcription.role) == ("SpeechTranscription", "extra")
    assert transcription.label == "Please turn OFF the light!"
    assert not transcription.needs_partner
    assert "light" not in transcription.instruction
    assert [row.task for row in rows("speech_content", attribute="")] == ["SpokenWordsChoice"]
    spoken = "turn off the light and " * 60
    assert len(rows("speech_content", attribute=spoken)) == 2


@pytest.mark.parametrize(
    ("kind", "values"), [(kind, values) for kind, values in FLAGS if kind in ("speaker", "emotion", "music")]
)
def test_a_choice_offers_the_whole_closed_set_in_any_order(kind: str, values: dict[str, Any]) -> None:
    places = Counter[int]()
    questions = set()
    for identity in ids(100):
        (row,) = rows(kind, **values, id=identity)
        assert sorted(options(row)) == sorted(TASKS[row.task].closed_set)
        assert row.label == values["correction"]
        places[options(row).index(row.label)] += 1
        questions.add(row.question)
        if "claim" in values:
            assert values["claim"] not in row.instruction or values["claim"] in options(row)
    assert len(places) == TASKS[row.task].options
    assert len(questions) == 1


def test_what_cannot_be_told_is_offered_beside_what_was_made_up() -> None:
    orders = set()
    for identity in ids():
        (row,) = rows("should_abstain", id=identity)
        assert row.task == "AbstentionChoice"
        assert sorted(options(row)) == ["a neighbour", "a teacher", CANNOT_BE_TOLD]
        assert "who the speaker is to the listener" in row.instruction
        assert row.label == CANNOT_BE_TOLD
        orders.add(tuple(options(row)))
    assert len(orders) == 6
    (alone,) = rows("should_abstain", correction="")
    assert sorted(options(alone)) == ["a neighbour", CANNOT_BE_TOLD, "something else"]


@pytest.mark.parametrize(("chosen", "label"), [("it is there", "yes"), ("it is not there", "no")])
def test_a_contradiction_asks_for_the_sound_as_existence_does(chosen: str, label: str) -> None:
    (row,) = rows("self_contradiction", correction=chosen)
    assert (row.task, row.label, row.role) == ("SoundExistenceVerification", label, "flagged")
    assert "a dog barking" in row.instruction
    assert row.question == rows("object_existence")[1].question
    assert row.needs_partner


@pytest.mark.parametrize("kind", sorted(KINDS_WITHOUT_ROWS))
def test_what_cannot_be_asked_of_another_model_becomes_no_row(kind: str) -> None:
    assert rows(kind) == ()


@pytest.mark.parametrize("kind", KINDS_WITH_ROWS)
def test_the_same_flag_always_gives_the_same_rows(kind: str) -> None:
    one = flag_of(kind)
    made = rows_of(one, OBSERVATION, CLIP)
    assert rows_of(replace(one), OBSERVATION, CLIP) == made
    assert [row.id for row in made] == sorted({row.id for row in made})
    assert all(CLIP.public_id in row.file and CLIP.id not in row.file for row in made)
    assert {(row.start, row.stop) for row in made} == {(0.0, CLIP.seconds)}
    assert [row.role for row in made] == ["flagged", *["extra"] * (len(made) - 1)]
    others = rows_of(replace(one, id=new_id()), OBSERVATION, CLIP)
    assert not {row.id for row in made} & {row.id for row in others}


KNOWN = {
    "object_existence": [
        "Does any part of the audio have the sound of a bell ringing?",
        "The possible answers are yes and no.",
        "Is a dog barking audible in this clip?",
        "Say yes if it is so and no if it is not.",
    ],
    "speech_content": [
        "Which words match the speech that you hear?",
        "The possible answers are “Turn on the light” and “Turn off the light”.",
        "Give a transcript of this recording.",
        "Please respond with plain text, without a remark of your own.",
    ],
    "speaker": [
        "Can you tell who is speaking in the audio?",
        "The possible answers are “a man”, “several people”, “a child” and “a woman”.",
    ],
    "should_abstain": [
        "I would like to know who the speaker is to the listener. What does the recording say?",
        "The possible answers are “a neighbour”, “a teacher” and “cannot be told from the audio”.",
    ],
}


@pytest.mark.parametrize("kind", KNOWN)
def test_the_known_wording_of_a_known_flag_never_changes(kind: str) -> None:
    assert " ".join(row.instruction for row in rows(kind, id="0" * 32)) == " ".join(KNOWN[kind])


@pytest.mark.parametrize("kind", KINDS_WITH_ROWS)
def test_flags_spread_over_the_wordings(kind: str) -> None:
    instructions = [rows(kind, id=new_id())[0].instruction for _ in range(200)]
    assert len(set(instructions)) >= 60


phrases = st.text(min_size=1, max_size=40).filter(
    lambda text: tidy(text) and not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in text)
)


def typed(kind: str, claim: str, attribute: str, correction: str, chosen: int) -> dict[str, str]:
    """What a person typed and chose, for the fields that the kind asks for."""
    values = {"claim": claim, "attribute": attribute, "correction": correction}
    for name in ("attribute", "claim", "correction"):
        field = KINDS[kind].field(name)  # type: ignore[arg-type, index]
        if field is None:
            values[name] = ""
        elif field.is_choice:
            among = KINDS[kind].choices(field.name, values["attribute"])  # type: ignore[index]
            values[name] = among[chosen % len(among)]
    return values


@settings(max_examples=300, deadline=None)
@given(
    kind=st.sampled_from(KINDS_WITH_ROWS),
    claim=phrases,
    attribute=phrases,
    correction=phrases,
    chosen=st.integers(0, 100),
    identity=st.uuids(),
)
def test_whatever_is_typed_the_label_stands_in_the_instruction(
    kind: str, claim: str, attribute: str, correction: str, chosen: int, identity: Any
) -> None:
    values = typed(kind, claim, attribute, correction, chosen)
    if kind == "speech_content":
        values["attribute"] = f"{attribute} {correction}"
    assume(not any(same_words(one, CANNOT_BE_TOLD) for one in values.values()))
    if same_words(values["claim"], values["correction"]):
        with pytest.raises(FlagError, match="are the same"):
            rows(kind, **values)
        return
    made = rows(kind, **values, id=identity.hex)
    for row in made:
        task = TASKS[row.task]
        assert "\n" not in row.instruction
        if task.options == 0:
            assert row.label == " ".join(values["attribute"].split())
        elif task.answers == "yes, no":
            assert {"yes", "no"} <= set(re.findall(r"\w+", row.instruction))
            assert row.label in ("yes", "no")
        else:
            assert f"“{row.label}”" in row.instruction
    if KINDS[kind].tasks[0].closed_set == ():  # type: ignore[index]
        assert tidy(claim).casefold() in made[0].instruction.casefold() or not claim.isascii()


def test_a_long_view_needs_a_range_that_fits_a_row() -> None:
    clip, _ = sound(seconds=50.0, rate=8_000, channels=1)
    observation = answer(clip)
    with pytest.raises(FlagError, match=r"50 s at once.*give the time range"):
        rows_of(flag(observation), observation, clip)
    with pytest.raises(FlagError, match="40 s long"):
        rows_of(flag(observation, time_start=2.0, time_stop=42.0), observation, clip)
    row = rows_of(flag(observation, time_start=20.0, time_stop=45.5), observation, clip)[0]
    assert (row.start, row.stop) == (20.0, 45.5)
    unasked = flag(observation, kind="not_following", claim="", correction="")
    assert rows_of(unasked, observation, clip) == ()


def test_a_row_holds_what_the_model_heard() -> None:
    clip, _ = sound(seconds=50.0, rate=8_000, channels=1)
    observation = answer(clip, view=View(clip.id, 16_000, "published", 10.0, 40.0))
    row = rows_of(flag(observation, time_start=12.0, time_stop=13.0), observation, clip)[0]
    assert (row.start, row.stop) == (10.0, 40.0)


@pytest.mark.parametrize("phrase", ["it", "It barks again", "those dogs", "the first", "yes"])
def test_what_only_the_conversation_explains_is_refused_in_the_flag_of_a_follow_up(phrase: str) -> None:
    clip, _ = sound()
    alone = answer(clip)
    follow_up = answer(clip, settings={"turns": [["What do you hear?", "a dog"]]})
    assert rows_of(flag(alone, claim=phrase), alone, clip)
    with pytest.raises(FlagError, match=f"“{phrase}” points back into the conversation"):
        rows_of(flag(follow_up, claim=phrase), follow_up, clip)


def test_the_flag_of_a_follow_up_that_stands_alone_becomes_the_usual_rows() -> None:
    clip, _ = sound()
    alone = answer(clip)
    follow_up = answer(clip, id=alone.id, settings={"turns": [["What do you hear?", "a dog"]]})
    marked = flag(alone, claim="one dog barking at a car")
    assert rows_of(marked, follow_up, clip) == rows_of(marked, alone, clip)


def test_spoken_words_are_quoted_as_they_were_in_the_flag_of_a_follow_up() -> None:
    clip, _ = sound()
    follow_up = answer(clip, settings={"turns": [["What do you hear?", "a dog"]]})
    said = flag(follow_up, kind="speech_content", claim="it is late", correction="it is eight", attribute="")
    assert rows_of(said, follow_up, clip)
