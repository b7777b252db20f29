"""Flagging as a person meets it: what is wrong is said in a sentence, what is right is kept whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from annotators.flags.checks import FlagError
from annotators.flags.flagging import needs_rights, save_flag
from annotators.flags.rows import rows_of
from annotators.tasks import tasks
from store.records import Flag, new_id
from store.rows import RowFilter
from store.store import Store
from store.verify import verify
from tests.people import ANSWER, ANSWER_OF_KINDS, FLAGS, KINDS_OF_FLAGS, answer, flag, rights, sound

CLIP, SAMPLES = sound(seconds=2.0)
OBSERVATION = answer(CLIP)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as opened:
        yield opened


def test_the_rows_shown_before_saving_are_those_that_are_saved(store: Store) -> None:
    one = flag(OBSERVATION)
    shown = rows_of(one, OBSERVATION, CLIP)
    saved = save_flag(store, CLIP, SAMPLES, OBSERVATION, one, rights(CLIP))
    assert saved.rows == shown
    assert [row.task for row in saved.rows] == ["SoundExistenceVerification"] * 2
    assert store.rows_of_flag(one.id) == shown
    assert save_flag(store, CLIP, SAMPLES, OBSERVATION, one) == saved


def test_rights_are_asked_once_per_person_and_clip(store: Store) -> None:
    assert needs_rights(store, CLIP, "PRIVATE-CONTRIBUTOR")
    with pytest.raises(FlagError, match="whose sound"):
        save_flag(store, CLIP, SAMPLES, OBSERVATION, flag(OBSERVATION))
    save_flag(store, CLIP, SAMPLES, OBSERVATION, flag(OBSERVATION), rights(CLIP))
    assert not needs_rights(store, CLIP, "PRIVATE-CONTRIBUTOR")
    save_flag(store, CLIP, SAMPLES, OBSERVATION, flag(OBSERVATION))
    assert needs_rights(store, CLIP, "someone else")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"owner": "nobody"}, "whose sound"),
        ({"licence": "all rights reserved"}, "Choose a licence"),
        ({"licence": "third-party"}, "licence that you give"),
        ({"licence": "CC-BY-4.0"}, "needs a name"),
        ({"licence": "CC-BY-4.0", "attribution": "   "}, "needs a name"),
        ({"owner": "third-party", "licence": "third-party"}, "source and licence"),
        ({"owner": "third-party", "licence": "CC0-1.0"}, "source and licence"),
        ({"attribution": "x" * 501}, "501 characters long: shorten it to 500"),
        ({"speaker_agrees": False}, "must agree"),
        ({"contributor": "another"}, "another sound"),
        ({"clip_id": "another"}, "another sound"),
    ],
)
def test_rights_that_do_not_hold_are_refused_in_a_sentence(
    store: Store, values: dict[str, Any], words: str
) -> None:
    stated = rights(CLIP, **values)
    with pytest.raises(FlagError, match=words):
        save_flag(store, CLIP, SAMPLES, OBSERVATION, flag(OBSERVATION), stated)
    assert set(store.counts().values()) == {0}


SPEECH = {"kind": "speech_content"}
ORDER = {"kind": "temporal_order"}
VOICE = {"kind": "speaker", "attribute": "voice"}
ABSTAIN = {"kind": "should_abstain", "attribute": "where it was"}
EMOTIONS = "choose one of neutral, joy, sadness, anger, fear, disgust, surprise"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"claim": " . "}, "“not there” is empty.*such as “a passing car”"),
        ({"claim": "A Dog, barking!"}, "“not there” and “really there” are the same"),
        (ORDER | {"correction": ""}, "“really comes first” is empty"),
        (SPEECH | {"correction": ""}, "“really said” is empty"),
        (SPEECH | {"claim": "turn on", "correction": "Turn on."}, "are the same"),
        (SPEECH | {"attribute": "turn it off"}, "“a dog barking” is not in “all that is said”"),
        (SPEECH | {"attribute": "a dog barking " * 120}, "characters long: shorten it to 1500"),
        ({"kind": "object_attribute"}, "“said to be” is empty"),
        (VOICE | {"attribute": "accent"}, "“wrong about” cannot be “accent”: choose one of voice, number of"),
        (VOICE | {"attribute": ""}, "“wrong about” is still open: choose one of voice, number of speakers"),
        (VOICE | {"correction": ""}, "“really” is still open: choose one of a man, a woman, a child, sev"),
        (VOICE | {"correction": "A man"}, "“really” cannot be “A man”: choose one of a man"),
        (
            VOICE | {"claim": "A child.", "correction": "a child"},
            "“said by the model” and “really” are the same",
        ),
        (VOICE | {"claim": " "}, "“said by the model” is empty"),
        ({"kind": "emotion", "correction": "jealousy"}, EMOTIONS),
        ({"kind": "emotion", "attribute": "emotion", "correction": "joy"}, "has no attribute"),
        ({"kind": "music", "attribute": "genre", "correction": "calm"}, "choose one of blues, classical"),
        (ABSTAIN | {"attribute": "."}, "“asked” is empty"),
        (ABSTAIN | {"claim": "Something else!"}, "“something else” is offered anyway: write another answer"),
        (ABSTAIN | {"correction": "cannot be told from the audio"}, "“as likely”, or leave it empty"),
        (
            {"kind": "self_contradiction"},
            "“really” cannot be “a dog barking”: choose one of it is there, it is",
        ),
        ({"kind": "not_following"}, "“did not follow” has no claim"),
        (
            {"kind": "not_following", "claim": "", "correction": "", "span_text": ""},
            "not those of the answer",
        ),
        ({"kind": "other", "claim": "", "correction": ""}, "“what is wrong” is empty"),
        ({"kind": "other"}, "“other” has no correction"),
        ({"attribute": "laughing"}, "has no attribute"),
        ({"claim": "x" * 201}, "201 characters long: shorten it to 200"),
        ({"note": "x" * 2001}, "2001 characters long: shorten it to 2000"),
        ({"claim": "a\0bell"}, "cannot be shown"),
        ({"claim": "a \ud800 bell"}, "cannot be shown"),
        ({"kind": "boredom"}, "“boredom” is no kind of flag"),
        ({"confidence": "maybe"}, "how sure you are"),
        ({"span_start": 5, "span_stop": 5}, "Mark the words"),
        ({"span_start": -1}, "lie outside the answer"),
        ({"span_stop": len(ANSWER) + 1}, "lie outside the answer of"),
        ({"span_text": "a passing cat"}, "not those of the answer"),
        ({"time_start": 1.0}, "give both, or none"),
        ({"time_start": 1.5, "time_stop": 1.0}, "must end after it starts"),
        ({"time_start": 0.0, "time_stop": float("nan")}, "must end after it starts"),
        ({"time_start": -0.5, "time_stop": 1.0}, "lies outside the sound of 2.00 s"),
        ({"time_start": 1.0, "time_stop": 2.5}, "lies outside the sound of 2.00 s"),
        ({"observation_id": "another"}, "belongs to another sound"),
    ],
)
def test_a_flag_that_does_not_hold_is_refused_in_a_sentence(
    store: Store, values: dict[str, Any], words: str
) -> None:
    one: Flag = replace(flag(OBSERVATION), **values)
    with pytest.raises(FlagError, match=words) as refused:
        save_flag(store, CLIP, SAMPLES, OBSERVATION, one, rights(CLIP))
    assert str(refused.value).endswith(".")
    assert set(store.counts().values()) == {0}


def test_a_panel_without_words_cannot_be_flagged() -> None:
    silent = answer(CLIP, text="")
    one = replace(flag(OBSERVATION), observation_id=silent.id)
    with pytest.raises(FlagError, match="no words that could be flagged"):
        rows_of(one, silent, CLIP)


def test_nothing_can_be_left_undone_where_nothing_was_asked_for() -> None:
    transcript = answer(CLIP, system="whisper", instruction="")
    one = flag(transcript, kind="not_following", claim="", correction="")
    with pytest.raises(FlagError, match="no instruction that it could fail to follow"):
        rows_of(one, transcript, CLIP)


@pytest.mark.parametrize(("kind", "values"), FLAGS)
def test_every_kind_goes_from_the_use_case_to_stored_rows(
    store: Store, kind: str, values: dict[str, Any]
) -> None:
    observation = answer(CLIP, text=ANSWER_OF_KINDS)
    one = flag(observation, kind=kind, **values)
    saved = save_flag(store, CLIP, SAMPLES, observation, one, rights(CLIP))
    assert saved.rows == rows_of(one, observation, CLIP)
    assert store.flag(one.id) == one
    listed = {view.row.id: view for view in store.rows()}
    assert {view.row for view in listed.values()} == set(saved.rows)
    assert {view.state for view in listed.values()} <= {"unpaired", "complete"}
    assert all(view.flag == one and view.observation == observation for view in listed.values())
    assert list(verify(store)) == []
    assert save_flag(store, CLIP, SAMPLES, observation, one) == saved


def test_no_answer_at_all_is_flagged_as_not_followed(store: Store) -> None:
    silent = answer(CLIP, text="")
    one = replace(
        flag(OBSERVATION, kind="not_following", claim="", correction=""),
        observation_id=silent.id, span_start=0, span_stop=0, span_text="",
    )  # fmt: skip
    assert save_flag(store, CLIP, SAMPLES, silent, one, rights(CLIP)).rows == ()
    assert store.flag(one.id) == one


def fill(store: Store) -> None:
    """Two clips, each flagged in every way, the second one on another model's answer."""
    for number, model in enumerate(("mini-salmonn", "mini-pengi")):
        clip, samples = sound(seconds=1.0, seed=number)
        observation = answer(clip, text=ANSWER_OF_KINDS, model_id=model)
        for kind, values in KINDS_OF_FLAGS.items():
            one = flag(observation, kind=kind, id=new_id(), **values)
            save_flag(store, clip, samples, observation, one, rights(clip))


def test_rows_are_listed_in_pages_newest_first_without_gap_or_repeat(store: Store) -> None:
    fill(store)
    first = tasks.page(store, number=1, per_page=5)
    assert (first.number, first.pages, first.total, len(first.rows)) == (1, 6, 26, 5)
    pages = [tasks.page(store, number=number, per_page=5) for number in range(1, 7)]
    rows = [view.row for page in pages for view in page.rows]
    assert len({row.id for row in rows}) == 26
    assert [row.made_at for row in rows] == sorted((row.made_at for row in rows), reverse=True)
    assert tasks.page(store, number=99, per_page=5) == pages[5]
    assert tasks.page(store, RowFilter(model="none")).pages == 1


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (RowFilter(), 26),
        (RowFilter(kind="speech_content"), 4),
        (RowFilter(kind="music"), 2),
        (RowFilter(kind="other"), 0),
        (RowFilter(model="mini-pengi"), 13),
        (RowFilter(task="MusicGenreRecognition"), 2),
        (RowFilter(task="SoundOrderVerification"), 4),
        (RowFilter(task="SoundOrderVerification", model="mini-pengi"), 2),
        (RowFilter(text="OFF THE light"), 4),
        (RowFilter(text="100%"), 0),
        (RowFilter(text=""), 26),
        (RowFilter(licence="CC-BY-4.0"), 0),
        (RowFilter(ids=()), 0),
    ],
)
def test_filters_choose_the_rows_that_they_name(store: Store, chosen: RowFilter, expected: int) -> None:
    fill(store)
    listed = tasks.page(store, chosen)
    assert (listed.total, len(listed.rows)) == (expected, expected)
    assert sum(one.rows for one in tasks.instances(store, chosen)) == expected


def test_models_to_filter_by_are_those_that_were_flagged(store: Store) -> None:
    fill(store)
    assert tasks.models(store) == ["mini-pengi", "mini-salmonn"]


def test_each_instance_tells_how_far_it_is(store: Store) -> None:
    fill(store)
    found = {one.task: one for one in tasks.instances(store)}
    words = found["SpokenWordsChoice"]
    assert words.name == "SpokenWordsChoice_Earwitness-FlaggedCC0"
    assert words.labels == {"Turn off the light": 2}
    assert not words.ready
    assert "2 of at least 32 rows" in [gate.words for gate in words.gates]
    existence = found["SoundExistenceVerification"]
    assert "6 rows without a partner, at most 0" in [gate.words for gate in existence.gates]


def test_a_listed_row_can_be_played_and_exported(store: Store, tmp_path: Path) -> None:
    fill(store)
    view = tasks.page(store).rows[0]
    rate, heard = tasks.row_audio(store, view.row.id)
    assert (rate, heard.shape) == (16_000, (16_000,))
    assert tasks.export_tasks(store, tmp_path / "out").is_file()
    assert list(verify(store)) == []
