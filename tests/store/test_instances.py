"""Rows fill instances that keep Dynamic-SUPERB's gates, and each instance says which it meets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotators.flags.flagging import save_flag
from store.errors import StoreError
from store.instances import MOST_ROWS, MOST_SECONDS, Instance, _fill, _Line, instance_name
from store.records import Annotation, Row, RowEdit, new_id, row_file
from store.rows import RowFilter
from store.shortcut import Asked, shortcut_accuracy
from store.store import Store
from tests.people import answer, flag, rights, sound


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as opened:
        yield opened


def existence(store: Store, seed: int, claim: str = "a passing car", correction: str = "") -> Row:
    """A flag on a sound of its own; returns the row about what was claimed."""
    clip, samples = sound(seconds=1.0, seed=seed)
    observation = answer(clip)
    one = flag(observation, claim=claim, correction=correction)
    return save_flag(store, clip, samples, observation, one, rights(clip)).rows[0]


def partner_of(store: Store, row: Row, other: Row, label: str = "yes") -> tuple[Annotation, Row]:
    """The clip of `other` answers the question of `row` otherwise."""
    clip = store.clip(other.clip_id)
    assert clip is not None
    who = "PRIVATE-CONTRIBUTOR"
    annotation = Annotation(new_id(), clip.id, row.question, label, 0.0, 1.0, who)
    identity = new_id()
    return annotation, replace(
        row,
        id=identity,
        clip_id=clip.id,
        file=row_file(clip, identity),
        label=label,
        role="partner",
        partner_of=row.id,
        rights_by=who,
    )


def only(instances: list[Instance]) -> Instance:
    (one,) = instances
    return one


def test_a_partner_balances_a_row_and_both_can_be_released(store: Store) -> None:
    row, other = existence(store, 0), existence(store, 1, "rain falling")
    assert {view.state for view in store.rows()} == {"unpaired"}
    annotation, partner = partner_of(store, row, other)
    store.save_partner(annotation, partner)
    store.save_partner(annotation, partner)  # the same again changes nothing
    states = {view.row.id: view.state for view in store.rows()}
    assert states == {row.id: "paired", partner.id: "paired", other.id: "unpaired"}
    assert [view.row.id for view in store.rows(RowFilter(state="unpaired"))] == [other.id]
    paired = only(store.instances(RowFilter(state="paired")))
    assert paired.row_ids == (row.id, partner.id)
    assert (paired.labels, paired.unpaired, paired.shortcut) == ({"no": 1, "yes": 1}, 0, 0.5)
    rate, heard = store.row_audio(partner.id)
    assert (rate, len(heard)) == (16_000, 16_000)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"label": "no"}, "another answer than “no”"),
        ({"question": '{"sound":"thunder"}'}, "asks the same question"),
        ({"partner_of": "f" * 32}, "not in the store any more"),
        ({"rights_by": "nobody"}, "same licence"),
    ],
)
def test_what_is_no_partner_is_refused(store: Store, change: dict[str, str], sentence: str) -> None:
    row, other = existence(store, 0), existence(store, 1, "rain falling")
    annotation, partner = partner_of(store, row, other)
    annotation = replace(annotation, answer=change.get("label", "yes"))
    with pytest.raises(StoreError, match=sentence):
        store.save_partner(annotation, replace(partner, **change))  # type: ignore[arg-type]
    assert store.counts()["rows"] == 2


def test_a_row_does_not_balance_itself(store: Store) -> None:
    row = existence(store, 0)
    with pytest.raises(StoreError, match="another sound"):
        store.save_partner(*partner_of(store, row, row))


def test_a_row_that_is_taken_out_unbalances_its_partner_and_comes_back(store: Store) -> None:
    row, other = existence(store, 0), existence(store, 1, "rain falling")
    annotation, partner = partner_of(store, row, other)
    store.save_partner(annotation, partner)
    out = RowEdit(new_id(), partner.id, partner.instruction, partner.label, "someone", retired=True)
    store.save_edit(out)
    assert {view.row.id: view.state for view in store.rows()} == {row.id: "unpaired", other.id: "unpaired"}
    taken = store.row(partner.id)
    assert taken is not None
    assert taken.state == "taken_out"
    store.save_edit(replace(out, id=new_id(), retired=False, made_at="9999"))
    assert {view.state for view in store.rows(RowFilter(ids=(row.id, partner.id)))} == {"paired"}


def test_an_edit_shows_and_what_was_before_stays(store: Store) -> None:
    row = existence(store, 0)
    store.save_edit(RowEdit(new_id(), row.id, "Is there a car? Answer yes or no.", "no", "someone"))
    view = store.row(row.id)
    assert view is not None
    assert (view.row.instruction, view.edits) == ("Is there a car? Answer yes or no.", 1)
    assert [version.instruction for version in store.row_history(row.id)] == [
        row.instruction,
        "Is there a car? Answer yes or no.",
    ]
    assert only(store.instances()).instructions == 1


def test_gates_tell_what_is_met(store: Store) -> None:
    for seed in range(3):
        existence(store, seed, f"sound number {seed}", correction="rain")
    one = only(store.instances())
    met = {gate.name: gate.met for gate in one.gates}
    assert met == {
        "rows": False,
        "distinct instructions": False,
        "minutes of audio": True,
        "rows without a partner": False,
        "% right without the sound": False,
    }
    assert not one.ready
    assert one.gates[0].words == "6 of at least 32 rows"
    assert [gate.name for gate in one.gates if not gate.is_rule] == ["rows"]
    unpaired = next(gate for gate in one.gates if "partner" in gate.name)
    assert replace(unpaired, have=1).words == "1 row without a partner, at most 0"


def test_the_rate_of_following_instructions_counts_answers_once(store: Store) -> None:
    clip, samples = sound(seconds=1.0)
    said = [answer(clip), answer(clip), answer(clip, model_id="another")]
    for number, (observation, kind) in enumerate(
        [(said[0], "not_following"), (said[0], "not_following"), (said[1], "other"), (said[2], "other")]
    ):
        claim = "the answer is too long" if kind == "other" else ""
        one = flag(observation, kind=kind, claim=claim, correction="", note=str(number))
        assert save_flag(store, clip, samples, observation, one, rights(clip)).rows == ()
    assert [(one.model, one.answers, one.missed, one.rate) for one in store.following()] == [
        ("another", 1, 0, 1.0),
        ("mini-salmonn", 2, 1, 0.5),
    ]


def line(number: int, original: int, seconds: float) -> _Line:
    return _Line(
        "SoundExistenceVerification",
        "CC0-1.0",
        f"{original:08}",
        f"{number:08}",
        "?",
        "no",
        "{}",
        seconds,
        "paired",
    )


@given(st.lists(st.tuples(st.integers(1, 3), st.floats(0.1, 30.0)), min_size=1, max_size=500))
def test_instances_hold_every_row_once_and_never_too_much(groups: list[tuple[int, float]]) -> None:
    lines = [
        line(1000 * original + k, original, seconds)
        for original, (size, seconds) in enumerate(groups)
        for k in range(size)
    ]
    filled = list(_fill(lines))
    assert [one for portion in filled for one in portion] == lines
    originals = [{one.original for one in portion} for portion in filled]
    assert sum(map(len, originals)) == len(groups), "rows that balance each other stay together"
    for portion in filled:
        assert len(portion) <= MOST_ROWS
        assert sum(one.seconds for one in portion) <= MOST_SECONDS


def test_instances_are_numbered_from_the_second_on() -> None:
    names = [instance_name("SoundOrderVerification", "CC-BY-4.0", number) for number in (1, 2)]
    assert names == [
        "SoundOrderVerification_Earwitness-FlaggedCCBY",
        "SoundOrderVerification_Earwitness-FlaggedCCBY-2",
    ]


def asked(label: str, question: str = "q", instruction: str = "Is it so? Answer yes or no.") -> Asked:
    return Asked(instruction, label, question)


def test_the_text_alone_answers_a_one_sided_set_and_not_a_balanced_one() -> None:
    assert shortcut_accuracy([]) == 0.0
    assert shortcut_accuracy([asked("no", str(k)) for k in range(8)]) == 1.0
    balanced = [asked(label, str(k)) for k in range(8) for label in ("yes", "no")]
    assert shortcut_accuracy(balanced) == 0.5


def test_a_question_with_a_usual_answer_is_a_shortcut() -> None:
    rows = [asked("yes", "dog")] * 3 + [asked("no", "dog")] + [asked("no", "car")] * 3 + [asked("yes", "car")]
    assert shortcut_accuracy(rows) == 0.75


@pytest.mark.parametrize(("first", "second"), [("short", "a longer one"), ("a longer one", "short")])
def test_a_place_or_a_length_that_is_always_right_is_a_shortcut(first: str, second: str) -> None:
    def rows(label: str, options: tuple[str, ...], number: int) -> list[Asked]:
        said = f"Which was said? It is “{options[0]} {number}” or “{options[1]} {number}”."
        return [Asked(said, f"{label} {number}", str(number))]

    always_first = [row for k in range(4) for row in rows(first, (first, second), k)]
    assert shortcut_accuracy(always_first) == 1.0
    shuffled = [row for k in range(4) for row in rows(first, (first, second)[:: 1 if k % 2 else -1], k)]
    assert shortcut_accuracy(shuffled) == 1.0, "always the same length"
    fair = [
        row
        for k, (label, turned) in enumerate([(first, 1), (first, -1), (second, 1), (second, -1)])
        for row in rows(label, (first, second)[::turned], k)
    ]
    assert shortcut_accuracy(fair) == 0.5
