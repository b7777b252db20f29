"""What the flag form asks for and offers, kind by kind; the browser tests see it drawn."""

from __future__ import annotations

from typing import Any

import pytest

from annotators.flags.drafts import all_that_is_said
from annotators.flags.fields_form import PLACES, WRITTEN, Typed, fields_of, keeping, kinds_about, place
from annotators.flags.kinds import GROUPS, KINDS
from annotators.flags.kinds_help import kinds_help
from annotators.flags.rows_table import not_yet
from annotators.flags.words_component import marked_words, offered_parts
from store.records import Observation, View
from tests.people import answer, sound

CLIP, _ = sound()
TRANSCRIPT = "Please turn on the light!"
TWO = "I hear a dog barking and a bell ringing."


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_kind_shows_its_own_fields_and_hides_the_others(kind: Any) -> None:
    shown = fields_of(kind)
    assert tuple(shown) == PLACES
    visible = {name: asks for name, asks in shown.items() if asks["visible"]}
    assert [place(field) for field in sorted(kind.fields, key=lambda one: PLACES.index(place(one)))] == list(
        visible
    )
    for field in kind.fields:
        asks = visible[place(field)]
        assert field.label in asks["label"]
        assert (asks["label"] == field.label) == field.required
        assert ("choices" in asks) == field.is_choice == (place(field) not in WRITTEN)
        if field.is_choice:
            assert asks["choices"]


def test_of_aspects_the_first_is_chosen_and_its_answers_are_offered() -> None:
    shown = fields_of(KINDS["music"])
    assert shown["aspect"]["value"] == "genre"
    assert shown["right"]["choices"] == list(KINDS["music"].choices("correction", "genre"))
    assert shown["right"]["value"] is None


def test_every_kind_is_chosen_within_one_group_and_groups_stay_small() -> None:
    chosen = [identity for group in GROUPS for _, identity in kinds_about(group)]
    assert sorted(chosen) == sorted(KINDS)
    assert max(len(kinds_about(group)) for group in GROUPS) <= 4


def typed(**values: Any) -> Typed:
    return Typed(**(dict.fromkeys(Typed._fields, "typed for another kind") | values))


@pytest.mark.parametrize(
    ("values", "phrases"),
    [
        (
            {"kind": "speaker", "aspect": "voice", "claim": "a man", "right": "a child"},
            {"attribute": "voice", "claim": "a man", "correction": "a child"},
        ),
        (
            {"kind": "speech_content", "claim": "on", "correction": "off", "transcript": "turn it off"},
            {"claim": "on", "correction": "off", "attribute": "turn it off"},
        ),
        (
            {"kind": "self_contradiction", "claim": "rain", "right": None},
            {"claim": "rain", "correction": None},
        ),
        ({"kind": "not_following"}, {}),
        ({"kind": "boredom"}, {}),
        ({"kind": None}, {}),
    ],
)
def test_what_was_typed_for_another_kind_is_passed_over(
    values: dict[str, Any], phrases: dict[str, Any]
) -> None:
    assert typed(**values).phrases == phrases


def transcript(**values: Any) -> Observation:
    return answer(CLIP, text=TRANSCRIPT, **({"system": "whisper"} | values))


SPAN = (TRANSCRIPT.index("turn on"), TRANSCRIPT.index("turn on") + len("turn on"))


def test_a_transcript_is_offered_with_the_marked_words_put_right() -> None:
    assert all_that_is_said(transcript(), SPAN, " “turn off”. ") == "Please turn off the light!"
    assert all_that_is_said(transcript(), (0, 6), "now") == "Now turn on the light!"


@pytest.mark.parametrize(
    ("observation", "span", "correction"),
    [
        (transcript(system="salmonn"), SPAN, "turn off"),
        (transcript(view=View(CLIP.id, 16_000, "soxr", 0.0, 30.5)), SPAN, "turn off"),
        (transcript(), SPAN, ""),
        (transcript(), SPAN, None),
        (transcript(), (0, 0), "turn off"),
        (transcript(), (5, 500), "turn off"),
        (transcript(), ("x", None), "turn off"),
    ],
)
def test_no_transcript_is_offered_where_it_would_not_be_all_that_is_said(
    observation: Observation, span: Any, correction: Any
) -> None:
    assert all_that_is_said(observation, span, correction) == ""


def test_two_claims_are_offered_one_by_one_within_the_marked_words() -> None:
    start, stop = TWO.index("a dog"), TWO.index(".")
    offered = offered_parts("object_existence", TWO, (start, stop))
    assert (offered["start"], offered["stop"]) == (start, stop)
    assert [TWO[first:last] for first, last in offered["parts"]] == ["a dog barking", "a bell ringing"]
    for first, last in offered["parts"]:
        assert offered_parts("object_existence", TWO, (first, last)) == {}


@pytest.mark.parametrize(
    ("kind", "span"),
    [
        ("temporal_order", (7, len(TWO))),  # it is about two sounds
        ("speech_content", (7, len(TWO))),  # it is about words, whatever they claim
        ("boredom", (7, len(TWO))),
        (None, (7, len(TWO))),
        ("object_existence", (0, 0)),
        ("object_existence", (7, 500)),
        ("object_existence", ("x", None)),
        ("object_existence", (-5, 20)),
    ],
)
def test_nothing_is_offered_where_two_claims_are_meant_or_nothing_is_marked(kind: Any, span: Any) -> None:
    assert offered_parts(kind, TWO, span) == {}


def test_marked_words_are_those_of_the_text_or_none() -> None:
    assert marked_words(TWO, (7, 12)) == "a dog"
    assert marked_words(TWO, (7, 500)) == marked_words(TWO, (None, 3)) == marked_words(TWO, (3, 3)) == ""


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_help_says_of_every_kind_what_it_asks_and_becomes(kind: Any) -> None:
    told = kinds_help()
    (line,) = [one for one in told.split("<tr>") if f"<b>{kind.title}</b>" in one]
    for field in kind.fields:
        assert field.label in line
    for task in kind.tasks:
        assert task.title in line
    expected = "" if not kind.tasks else "needed" if kind.needs_partner else "not needed"
    assert f"<td>{expected}</td>" in line
    for aspect in kind.aspects:
        assert ", ".join(aspect.answers) in told


def test_what_is_missing_and_what_the_kind_is_for_stand_where_the_rows_will() -> None:
    shown = not_yet("<b>Mark</b> the words.", "not_following")
    assert "&lt;b&gt;Mark" in shown
    assert "instruction-following rate" in shown
    assert "Becomes a flag" in shown
    assert "Becomes a task" in not_yet("Choose a kind.", None)


def test_an_answer_that_can_stand_is_not_taken_back_when_the_fields_are_drawn_again() -> None:
    asks = fields_of(KINDS["speaker"], "number of speakers")
    assert asks["right"]["choices"] == ["one", "two", "three", "more than three"]
    for standing in ("two", None):  # the second may be chosen while the server still answers
        assert "value" not in keeping(asks["right"], standing)
    assert keeping(asks["right"], "a child")["value"] is None
    assert "value" not in keeping(asks["aspect"], "number of speakers")
    assert (
        keeping(fields_of(KINDS["music"], "number of speakers")["aspect"], "number of speakers")
        == (fields_of(KINDS["music"])["aspect"])
    )
    assert keeping(asks["claim"], None) == asks["claim"]
