"""What people take back is gone: for everyone or as far as it is theirs, from every file, and for good."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from store.audio import kept_ids
from store.database import FILE_NAME
from store.errors import StoreError
from store.records import RowEdit, Withdrawal, new_id
from store.rows import RowFilter
from store.store import Store
from store.verify import verify
from store.withdrawal import _REACHED
from tests.store.contributions import (
    balance,
    clip_id,
    content,
    contribute,
    edit,
    kept_clip,
    kept_rows,
    take_back,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as opened:
        yield opened


def test_the_owner_erases_a_clip_with_all_that_anyone_made_of_it(store: Store) -> None:
    untouched = contribute(store, 2, "anna")
    mine = contribute(store, 1, "anna")
    theirs = contribute(store, 1, "bert", owner="third-party")
    edit(store, mine, "carl")
    edit(store, theirs, "anna")
    stands = store.row(untouched.id)

    take_back(store, 1, "anna", "clip")

    assert store.clip(clip_id(1)) is None
    assert store.rights_of(clip_id(1), "bert") is None
    assert store.flag(theirs.flag_id) is None
    assert store.row_history(mine.id) == []
    assert list(kept_ids(store.audio_folder)) == [clip_id(2)]
    assert store.counts() == {
        "clips": 1,
        "observations": 1,
        "flags": 1,
        "rows": 2,
        "votes": 0,
        "contributors": 1,
    }
    assert store.row(untouched.id) == stands
    assert list(verify(store)) == []


def test_partner_rows_go_with_the_row_that_they_balance(store: Store) -> None:
    row = contribute(store, 1, "anna")
    other = contribute(store, 2, "bert", claim="rain falling")
    partner = balance(store, row, 2, "bert")
    edit(store, partner, "carl")

    take_back(store, 1, "anna", "clip")

    assert partner.id not in kept_rows(store)
    assert store.row(other.id) is not None
    assert content_of(store, "annotation") == []  # it quotes the question of the row
    assert list(verify(store)) == []


def test_rows_of_other_flags_go_with_their_sound_and_leave_the_others_unpaired(store: Store) -> None:
    row = contribute(store, 1, "anna")
    contribute(store, 2, "bert", claim="rain falling")
    partner = balance(store, row, 2, "bert")
    assert [view.state for view in store.rows(RowFilter(ids=(row.id,)))] == ["paired"]

    take_back(store, 2, "bert", "clip")

    assert partner.id not in kept_rows(store)
    assert [view.state for view in store.rows(RowFilter(ids=(row.id,)))] == ["unpaired"]
    assert list(verify(store)) == []


def test_a_contributor_takes_back_their_own_and_the_rest_stays_word_for_word(store: Store) -> None:
    theirs = contribute(store, 1, "bert", owner="third-party")
    shared = store.row(theirs.id)
    assert shared is not None
    on_the_same_answer = contribute(store, 1, "anna", observation=shared.observation)
    mine = contribute(store, 1, "anna")
    edit(store, mine, "carl")
    edit(store, theirs, "carl", "Carl's words?")
    edit(store, theirs, "anna", "Anna's words?")

    take_back(store, 1, "anna", "contribution")

    stays = store.row(theirs.id)
    assert stays is not None
    assert (stays.flag, stays.rights, stays.edits) == (shared.flag, shared.rights, 1)
    assert stays.row.instruction == "Carl's words?"
    assert store.observation(shared.observation.id) == shared.observation
    assert {on_the_same_answer.id, mine.id}.isdisjoint(kept_rows(store))
    assert store.rights_of(clip_id(1), "anna") is None
    assert store.counts() == {
        "clips": 1,
        "observations": 1,
        "flags": 1,
        "rows": 2,
        "votes": 0,
        "contributors": 1,
    }
    assert kept_clip(store, clip_id(1)).name == ""  # whose file name it was is not known
    assert list(kept_ids(store.audio_folder)) == [clip_id(1)]
    assert list(verify(store)) == []


def test_the_sound_goes_with_the_last_who_stated_rights_to_it(store: Store) -> None:
    contribute(store, 1, "anna")
    contribute(store, 1, "bert")
    take_back(store, 1, "anna", "contribution")
    assert list(kept_ids(store.audio_folder)) == [clip_id(1)]
    take_back(store, 1, "bert", "contribution")
    assert list(kept_ids(store.audio_folder)) == []
    assert set(store.counts().values()) == {0}
    assert list(verify(store)) == []


def test_a_partner_row_goes_with_who_said_what_is_heard_or_gave_the_rights(store: Store) -> None:
    row = contribute(store, 1, "anna")
    for who in ("bert", "carl"):
        contribute(store, 2, who, claim="rain falling")
    said_by_dora = balance(store, row, 2, "dora", rights_by="bert")
    said_by_carl = balance(store, row, 2, "carl", rights_by="bert")
    given_by_carl = balance(store, row, 2, "bert", rights_by="carl")
    stays = balance(store, row, 2, "bert")
    before = kept_rows(store)

    take_back(store, 2, "dora", "contribution")
    assert before - kept_rows(store) == {said_by_dora.id}
    own = {view.row.id for view in store.rows() if view.flag.contributor == "carl"}
    take_back(store, 2, "carl", "contribution")
    assert before - kept_rows(store) == {said_by_dora.id, said_by_carl.id, given_by_carl.id} | own
    assert stays.id in kept_rows(store)
    assert list(verify(store)) == []


@pytest.mark.parametrize(
    ("seed", "who", "scope", "sentence"),
    [
        (1, "bert", "clip", "Only who stated that this sound is their own"),
        (1, "nobody", "clip", "Only who stated that this sound is their own"),
        (1, "nobody", "contribution", "nothing to withdraw"),
        (2, "anna", "contribution", "nothing to withdraw"),
        (9, "anna", "clip", "not in the store"),
    ],
)
def test_who_may_not_withdraw_is_refused_and_nothing_changes(
    tmp_path: Path, seed: int, who: str, scope: str, sentence: str
) -> None:
    with Store(tmp_path) as store:
        contribute(store, 1, "anna")
        contribute(store, 1, "bert", owner="third-party")
        contribute(store, 2, "bert")
    before = content(tmp_path)
    with Store(tmp_path) as store, pytest.raises(StoreError, match=sentence):
        take_back(store, seed, who, scope)  # type: ignore[arg-type]
    assert content(tmp_path) == before


def test_who_said_last_that_the_sound_is_anothers_may_not_erase_it_for_everyone(store: Store) -> None:
    contribute(store, 1, "anna")
    contribute(store, 1, "anna", owner="third-party")
    with pytest.raises(StoreError, match="their own"):
        take_back(store, 1, "anna", "clip")


def test_the_owner_may_erase_for_everyone_after_taking_back_their_own(store: Store) -> None:
    contribute(store, 1, "anna")
    contribute(store, 1, "bert", owner="third-party")
    take_back(store, 1, "anna", "contribution")
    take_back(store, 1, "anna", "clip")
    assert set(store.counts().values()) == {0}
    assert list(kept_ids(store.audio_folder)) == []


def test_withdrawing_again_changes_nothing(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        contribute(store, 1, "anna")
        contribute(store, 2, "anna")
        contribute(store, 2, "bert")
        withdrawals = [take_back(store, 1, "anna", "clip"), take_back(store, 2, "anna", "contribution")]
    once = content(tmp_path)
    with Store(tmp_path) as store:
        for withdrawal in withdrawals:
            store.withdraw(withdrawal)
            store.withdraw(replace(withdrawal, id=new_id()))
        store.withdraw(Withdrawal(new_id(), clip_id(1), "contribution", "anna"))
    assert content(tmp_path) == once


def test_nothing_of_a_withdrawn_sound_is_kept_again(store: Store) -> None:
    contribute(store, 1, "anna")
    take_back(store, 1, "anna", "clip")
    for who in ("anna", "bert"):
        with pytest.raises(StoreError, match="withdrawn by the person whose it is"):
            contribute(store, 1, who)
    assert set(store.counts().values()) == {0}
    assert list(kept_ids(store.audio_folder)) == []


def test_who_took_back_their_own_gives_nothing_to_that_sound_again(store: Store) -> None:
    row = contribute(store, 1, "anna")
    other = contribute(store, 2, "bert", claim="rain falling")
    contribute(store, 2, "anna")
    partner = balance(store, row, 2, "bert")
    take_back(store, 2, "anna", "contribution")

    with pytest.raises(StoreError, match="You withdrew what you gave"):
        contribute(store, 2, "anna")
    for touched in (other, partner):
        with pytest.raises(StoreError, match="You withdrew what you gave"):
            edit(store, touched, "anna")
    with pytest.raises(StoreError, match="You withdrew what you gave"):
        balance(store, row, 2, "anna", rights_by="bert")

    edit(store, other, "bert")
    contribute(store, 2, "bert")
    contribute(store, 1, "anna")
    assert list(verify(store)) == []


def test_a_sound_that_someone_else_gives_again_has_its_public_id_and_no_file_name(store: Store) -> None:
    contribute(store, 1, "anna")
    before = kept_clip(store, clip_id(1))
    take_back(store, 1, "anna", "contribution")
    row = contribute(store, 1, "bert")
    after = kept_clip(store, clip_id(1))
    assert (after.public_id, after.name) == (before.public_id, "")
    assert row.file.startswith(f"{before.public_id}-")
    assert list(verify(store)) == []


def test_verify_names_what_a_withdrawal_should_have_erased(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        row = contribute(store, 1, "anna")
        contribute(store, 2, "bert", claim="rain falling")
        balance(store, row, 2, "bert")
        edit(store, row, "carl")
    with duckdb.connect(str(tmp_path / FILE_NAME)) as connection:
        connection.execute(
            "INSERT INTO withdrawal VALUES ('w', ?, 'other', 'clip', 'mine', 'anna', 'then')", [clip_id(1)]
        )
    with Store(tmp_path) as store:
        found = list(verify(store))
    erased = ("edit", "row", "flag", "statement of rights")
    for thing in erased:
        assert any(f"The {thing}" in one and "although it was withdrawn" in one for one in found), thing
    assert sum("The row" in sentence for sentence in found) == 3
    assert any("withdrawal w names its clip by another public id" in sentence for sentence in found)


def test_every_table_is_known_to_withdrawals(tmp_path: Path) -> None:
    Store(tmp_path).close()
    with duckdb.connect(str(tmp_path / FILE_NAME)) as connection:
        tables = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    assert tables == set(_REACHED) | {"withdrawal", "schema_version"}


def test_an_edit_may_still_be_saved_again_after_its_row_was_withdrawn_from(store: Store) -> None:
    row = contribute(store, 1, "anna")
    contribute(store, 1, "bert")
    said = edit(store, row, "anna")
    take_back(store, 1, "bert", "contribution")
    store.save_edit(said)
    with pytest.raises(StoreError, match="You withdrew"):
        store.save_edit(RowEdit(new_id(), row.id, "Bert's words?", "no", "bert"))
    assert len(store.row_history(row.id)) == 2


def content_of(store: Store, table: str) -> list[tuple[object, ...]]:
    """All lines of a table of an open store."""
    with store.reading() as cursor:
        return cursor.execute(f"FROM {table}").fetchall()
