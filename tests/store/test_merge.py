"""Merging is a union: the order makes no difference, nothing is lost, and what anyone withdrew is gone."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.audio import audio_path, kept_ids
from store.database import FILE_NAME
from store.errors import AudioError, StoreError
from store.merge import merge
from store.records import Row
from store.store import Store
from store.verify import verify
from tests.store.contributions import (
    balance,
    clip_id,
    content,
    contribute,
    edit,
    files_with,
    kept_clip,
    kept_rows,
    take_back,
    vote,
)

ROOT = Path(__file__).parents[2]
EARLIER = Path(__file__).parents[1] / "fixtures" / "store" / "schema_0001.zip"
NAMES = (
    "empty",
    "earlier schema",
    "anna",
    "bert",
    "carl balances",
    "carl took back",
    "anna took back",
    "anna erased",
    "bert took back",
    "dora after anna",
    "votes",
    "votes withdrawn",
)

few = settings(max_examples=5, deadline=None)
stores = st.sampled_from(NAMES)


@dataclass
class Pool:
    """Small stores that have much in common, and what was merged of them so far."""

    folder: Path
    merged: dict[tuple[Path, Path], Path] = field(default_factory=dict)
    contents: dict[Path, dict[str, list[Any]]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Path:
        return self.folder / name

    def merge(self, first: Path, second: Path) -> Path:
        """The store that these two make; a store is merged with a copy of itself."""
        if (first, second) not in self.merged:
            other = second
            if first == second:
                other = self.folder / f"copy {len(self.merged)}"
                shutil.copytree(second, other)
            self.merged[first, second] = merge(first, other, self.folder / f"merged {len(self.merged)}")
        return self.merged[first, second]

    def content(self, store: Path) -> dict[str, list[Any]]:
        """All that a store keeps; looked up in a copy, since opening it may bring it up to date."""
        if store not in self.contents:
            copy = self.folder / f"looked at {len(self.contents)}"
            shutil.copytree(store, copy)
            self.contents[store] = content(copy)
        return self.contents[store]


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Pool:
    made = Pool(tmp_path_factory.mktemp("stores"))

    def make(name: str, act: Callable[[Store], object], of: str | None = None) -> None:
        if of is not None:
            shutil.copytree(made[of], made[name])
        with Store(made[name]) as store:
            act(store)

    def anna(store: Store) -> None:
        rows.append(contribute(store, 1, "anna"))
        contribute(store, 2, "anna", claim="rain falling")

    def bert(store: Store) -> None:
        contribute(store, 1, "bert", observation=answered.observation)
        contribute(store, 1, "bert")

    def carl(store: Store) -> None:
        contribute(store, 2, "carl", claim="rain falling")
        edit(store, balance(store, rows[0], 2, "carl"), "bert")
        edit(store, rows[0], "bert")
        edit(store, rows[0], "carl")

    rows: list[Row] = []

    def dora(store: Store) -> None:
        vote(store, 1, "dora", "left")
        vote(store, 3, "dora", "both")
        for one in (1, 2):  # of hers and of Anna's answers
            vote(store, one, "emil", "right")

    make("empty", lambda store: None)
    zipfile.ZipFile(EARLIER).extractall(made["earlier schema"])
    make("anna", anna)
    with Store(made["anna"]) as store:
        found = store.row(rows[0].id)
        assert found is not None
        answered = found
    make("bert", bert)
    make("carl balances", carl, of="anna")
    make("carl took back", lambda store: take_back(store, 2, "carl", "contribution"), of="carl balances")
    make("anna took back", lambda store: take_back(store, 1, "anna", "contribution"), of="anna")
    make("anna erased", lambda store: take_back(store, 1, "anna", "clip"), of="anna")
    make("bert took back", lambda store: take_back(store, 1, "bert", "contribution"), of="bert")
    make("dora after anna", lambda store: contribute(store, 1, "dora"), of="anna took back")
    make("votes", dora)
    make("votes withdrawn", lambda store: take_back(store, 1, "dora", "contribution"), of="votes")
    return made


@few
@given(one=stores)
def test_a_store_merged_with_itself_is_what_it_was(pool: Pool, one: str) -> None:
    assert pool.content(pool.merge(pool[one], pool[one])) == pool.content(pool[one])


@few
@given(one=stores, other=stores, third=stores)
def test_the_order_in_which_stores_are_merged_makes_no_difference(
    pool: Pool, one: str, other: str, third: str
) -> None:
    forwards = pool.merge(pool[one], pool[other])
    backwards = pool.merge(pool[other], pool[one])
    assert pool.content(forwards) == pool.content(backwards)
    left = pool.merge(backwards, pool[third])
    right = pool.merge(pool[one], pool.merge(pool[other], pool[third]))
    assert pool.content(left) == pool.content(right)


def test_a_public_id_survives_that_all_who_brought_it_took_back_theirs(pool: Pool, tmp_path: Path) -> None:
    """The smaller public id is in a store that the first merge leaves nothing else of."""
    with Store(tmp_path / "late") as store:
        contribute(store, 1, "dora")
        late = kept_clip(store, clip_id(1)).public_id
    for number in range(100):  # public ids are random: until one is smaller
        with Store(tmp_path / f"early {number}") as store:
            row = contribute(store, 1, "anna")
            early = kept_clip(store, clip_id(1)).public_id
        if early < late:
            break
    shutil.copytree(tmp_path / f"early {number}", tmp_path / "back")
    with Store(tmp_path / "back") as store:
        take_back(store, 1, "anna", "contribution")
    withdrawn_first = merge(tmp_path / "back", tmp_path / f"early {number}", tmp_path / "one")
    left = merge(withdrawn_first, tmp_path / "late", tmp_path / "left")
    both = merge(tmp_path / f"early {number}", tmp_path / "late", tmp_path / "other")
    right = merge(tmp_path / "back", both, tmp_path / "right")
    assert content(left) == content(right)
    with Store(left) as store:
        assert kept_clip(store, clip_id(1)).public_id == early
        assert row.id not in kept_rows(store)


def test_all_that_two_stores_keep_is_in_the_merged_one(pool: Pool) -> None:
    with Store(pool.merge(pool["carl balances"], pool["bert"])) as store:
        assert store.counts() == {
            "clips": 2,
            "observations": 4,
            "flags": 5,
            "rows": 11,
            "votes": 0,
            "contributors": 3,
        }
        clip = kept_clip(store, clip_id(1))
        public_ids = set()
        for name in ("anna", "bert"):
            with Store(pool[name]) as kept:
                public_ids.add(kept_clip(kept, clip_id(1)).public_id)
        assert len(public_ids) == 2
        assert clip.public_id == min(public_ids)
        files = [view.row.file for view in store.rows(limit=100) if view.clip == clip]
        assert {file.split("-")[0] for file in files} == public_ids
        rate, heard = store.row_audio(store.rows()[0].row.id)
        assert (rate, len(heard)) == (16_000, 1_600)


def test_votes_are_united_but_for_those_that_were_taken_back_on_either_side(pool: Pool) -> None:
    with Store(pool.merge(pool["votes"], pool["anna"])) as store:
        assert (store.counts()["votes"], store.counts()["flags"]) == (4, 2)
        assert [(one.lora_scaling, one.wins, one.losses) for one in store.standings()] == [
            (2.0, 2, 1),
            (4.0, 1, 2),
        ]
        assert list(verify(store)) == []
    for pair in (("votes", "votes withdrawn"), ("votes withdrawn", "votes")):
        with Store(pool.merge(*(pool[name] for name in pair))) as store:
            assert store.counts()["votes"] == 3
            assert store.rights_of(clip_id(1), "dora") is None
    with Store(pool.merge(pool["anna erased"], pool["votes"])) as store:
        assert store.counts()["votes"] == 2
        assert not files_with(store.folder, "dora-left-1", "emil-right-1")["emil-right-1"]


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("other", ["anna", "bert", "carl balances", "dora after anna"])
def test_what_the_owner_erased_in_one_store_is_gone_from_every_merge(
    pool: Pool, first: bool, other: str
) -> None:
    pair = (pool["anna erased"], pool[other])
    merged = pool.merge(*(pair if first else reversed(pair)))
    private = ("anna-note-1", "anna-answer-1", "anna-name-1", "bert-note-1", "bert-answer-1", "dora-note-1")
    assert any(files_with(pool[other], *private).values())
    assert not any(files_with(merged, *private).values())
    with Store(merged) as store:
        assert list(kept_ids(store.audio_folder)) == [clip_id(2)]
        with pytest.raises(StoreError, match="withdrawn"):
            contribute(store, 1, "bert")


def test_what_was_taken_back_before_it_was_given_elsewhere_is_gone_too(tmp_path: Path) -> None:
    with Store(tmp_path / "earlier") as store:
        contribute(store, 1, "anna")
        withdrawal = take_back(store, 1, "anna", "contribution")
    with Store(tmp_path / "later") as store:
        contribute(store, 1, "anna")
        later = store.rows()[0]
        contribute(store, 1, "bert")
    assert later.flag.made_at > withdrawal.made_at
    with Store(merge(tmp_path / "later", tmp_path / "earlier", tmp_path / "merged")) as store:
        assert {view.flag.contributor for view in store.rows()} == {"bert"}
        assert list(verify(store)) == []


def test_the_stores_that_are_merged_are_not_changed(pool: Pool, tmp_path: Path) -> None:
    """One of them of the first schema, the other with a log that a crash left."""
    earlier, crashed = tmp_path / "earlier", tmp_path / "crashed"
    zipfile.ZipFile(EARLIER).extractall(earlier)
    die = (
        "import os, sys; from store.store import Store; from tests.store.contributions import contribute; "
        "contribute(Store(sys.argv[1]), 1, 'anna'); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", die, str(crashed)], cwd=ROOT, check=True)
    assert (crashed / f"{FILE_NAME}.wal").stat().st_size > 0
    before = [digests(earlier), digests(crashed)]
    with Store(merge(earlier, crashed, tmp_path / "merged")) as store:
        assert (store.counts()["clips"], store.counts()["flags"]) == (3, 9)
        assert list(verify(store)) == []
    assert [digests(earlier), digests(crashed)] == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["crashed", "earlier", "merged"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("UPDATE flag SET correction = 'a horn' WHERE contributor = 'anna'", r"flag \w{32}, flag \w{32}"),
        (
            "UPDATE observation SET text = 'something else' WHERE id = (SELECT min(id) FROM observation)",
            r"observation \w{32}",
        ),
        ("UPDATE benchmark_row SET label = 'perhaps' WHERE label = 'no'", "row"),
        ("UPDATE clip SET frames = frames + 1", "clip"),
        ("UPDATE rights SET licence = 'CC-BY-4.0'", "rights"),
    ],
)
def test_stores_that_contradict_each_other_are_refused_by_name(
    pool: Pool, tmp_path: Path, change: str, named: str
) -> None:
    other = tmp_path / "other"
    shutil.copytree(pool["anna"], other)
    with duckdb.connect(str(other / FILE_NAME)) as connection:
        connection.execute(change)
    with pytest.raises(StoreError, match=rf"different things of {named}.*nothing was merged"):
        merge(pool["anna"], other, tmp_path / "merged")
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_what_is_withdrawn_contradicts_nothing(pool: Pool, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(pool["anna"], other)
    with duckdb.connect(str(other / FILE_NAME)) as connection:
        connection.execute("UPDATE flag SET correction = 'a horn' WHERE note = 'anna-note-1'")
    with pytest.raises(StoreError, match="different things"):
        merge(pool["anna"], other, tmp_path / "refused")
    merged = merge(pool["anna erased"], other, tmp_path / "merged")
    assert content(merged) == pool.content(pool["anna erased"])


def test_damaged_audio_is_taken_from_the_other_store_or_refused(pool: Pool, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        shutil.copytree(pool["anna"], folder)
    audio_path(one / "audio", clip_id(1)).write_bytes(b"no sound")
    audio_path(other / "audio", clip_id(2)).unlink()
    assert content(merge(one, other, tmp_path / "whole")) == pool.content(pool["anna"])
    audio_path(other / "audio", clip_id(1)).write_bytes(b"no sound either")
    with pytest.raises(AudioError, match=r"Nothing was merged.*cannot be decoded"):
        merge(one, other, tmp_path / "refused")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "other", "whole"]


def test_folders_that_cannot_be_merged_are_refused_in_a_sentence(pool: Pool, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(StoreError, match=r"no store in .*empty"):
        merge(pool["anna"], tmp_path / "empty", tmp_path / "merged")
    with pytest.raises(StoreError, match="same store"):
        merge(pool["anna"], pool["anna"] / ".." / "anna", tmp_path / "merged")
    with pytest.raises(StoreError, match="cannot be in"):
        merge(pool["anna"], pool["bert"], pool["bert"] / "merged")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "letter.txt").write_text("dear reader")
    with pytest.raises(StoreError, match=r"something at .*taken already"):
        merge(pool["anna"], pool["bert"], tmp_path / "taken")
    assert (tmp_path / "taken" / "letter.txt").read_text() == "dear reader"
    assert content(merge(pool["anna"], pool["empty"], tmp_path / "empty")) == pool.content(pool["anna"])


def test_a_store_in_use_is_refused_in_a_sentence(pool: Pool, tmp_path: Path) -> None:
    shutil.copytree(pool["anna"], tmp_path / "used")
    with Store(tmp_path / "used"), pytest.raises(StoreError, match=r"used is in use by another program"):
        merge(pool["bert"], tmp_path / "used", tmp_path / "merged")
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from store.store import Store; s = Store(sys.argv[1]); print('open', flush=True); "
            "sys.stdin.read(); s.close()",
            str(tmp_path / "used"),
        ],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "open\n"
    with pytest.raises(StoreError, match=rf"in use by another program \(process {holder.pid}\)"):
        merge(tmp_path / "used", pool["bert"], tmp_path / "merged")
    holder.communicate("")
    assert [path.name for path in tmp_path.iterdir()] == ["used"]


def test_a_store_of_a_newer_version_is_refused_by_name(pool: Pool, tmp_path: Path) -> None:
    shutil.copytree(pool["anna"], tmp_path / "newer")
    with duckdb.connect(str(tmp_path / "newer" / FILE_NAME)) as connection:
        connection.execute("INSERT INTO schema_version VALUES (9999, 'later', 'later')")
    with pytest.raises(StoreError, match=r"newer cannot be merged.*newer Earwitness"):
        merge(pool["anna"], tmp_path / "newer", tmp_path / "merged")


def test_progress_is_told_clip_by_clip(pool: Pool, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    merge(pool["anna"], pool["bert"], tmp_path / "merged", lambda done, whole: told.append((done, whole)))
    assert told == [(0, 2), (1, 2), (2, 2)]


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
