"""A store of every earlier schema opens, and holds what it held."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import duckdb
import pytest

from store.database import FILE_NAME, migrations
from store.errors import StoreError
from store.rows import RowFilter
from store.store import Store
from store.verify import verify
from tests.store.contributions import contribute, vote

FIXTURES = Path(__file__).parents[1] / "fixtures" / "store"
EARLIER = sorted(FIXTURES.glob("schema_*.zip"))


def unpacked(fixture: Path, folder: Path) -> Path:
    zipfile.ZipFile(fixture).extractall(folder)
    return folder


def test_there_is_a_fixture_of_every_earlier_schema() -> None:
    assert [path.stem for path in EARLIER] == [f"schema_{version:04}" for version, _ in migrations()[:-1]]


@pytest.mark.parametrize("fixture", EARLIER, ids=lambda path: path.stem)
def test_an_earlier_store_opens_whole(fixture: Path, tmp_path: Path) -> None:
    folder = unpacked(fixture, tmp_path / "store")
    with Store(folder, create=False) as store:
        assert list(verify(store)) == []
        counts = store.counts()
        assert (counts["clips"], counts["flags"], counts["rows"]) == (2, 8, 14)
        views = store.rows(limit=100)
        assert len(views) == 14
        assert {view.rights.attribution for view in views} == {"", "Zoë Müller"}
        for view in views:
            rate, heard = store.row_audio(view.row.id)
            assert (rate, len(heard)) == (16_000, 8_000)


def test_rows_of_the_first_schema_get_questions_roles_and_states(tmp_path: Path) -> None:
    with Store(unpacked(EARLIER[0], tmp_path / "store"), create=False) as store:
        existence = store.rows(RowFilter(kind="object_existence"))
        assert {(json.loads(v.row.question)["sound"], v.row.label, v.row.role) for v in existence} == {
            ("a bell ringing", "no", "flagged"),
            ("a dog barking", "yes", "extra"),
        }
        order = store.rows(RowFilter(kind="temporal_order"))
        assert {(v.row.question, v.row.label) for v in order} == {
            ('{"first":"a bell ringing","second":"a dog barking"}', "no"),
            ('{"first":"a dog barking","second":"a bell ringing"}', "yes"),
        }
        assert {v.state for v in order} == {"unpaired"}
        (words, _) = store.rows(RowFilter(kind="speech_content"))
        assert words.row.question == '{"one":"turn off the light","other":"turn on the light"}'
        assert words.state == "complete"


def test_what_people_said_under_the_second_schema_is_kept_and_can_be_voted_on(tmp_path: Path) -> None:
    folder = unpacked(EARLIER[1], tmp_path / "store")
    with Store(folder, create=False) as store:
        (edited,) = [view for view in store.rows(limit=100) if view.edits]
        assert edited.row.instruction == "Is a bell ringing? Answer yes or no."
        with pytest.raises(StoreError, match="withdrawn"):
            contribute(store, 7, "dora")
        assert (store.counts()["votes"], store.standings()) == (0, [])
        one = vote(store, 1, "anna", "left")
        assert store.vote(one.id) == one
        assert list(verify(store)) == []


def test_opening_again_migrates_nothing_twice(tmp_path: Path) -> None:
    folder = unpacked(EARLIER[0], tmp_path / "store")
    for _ in range(2):
        with Store(folder, create=False) as store:
            assert store.counts()["rows"] == 14
    with duckdb.connect(str(folder / FILE_NAME)) as connection:
        applied = connection.execute("SELECT version FROM schema_version ORDER BY version").fetchall()
    assert [version for (version,) in applied] == [version for version, _ in migrations()]
