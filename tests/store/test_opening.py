"""Opening a store: who holds it, who wrote it, and what is in the folder instead, said in a sentence each."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from store.database import FILE_NAME, migrations
from store.errors import StoreError
from store.store import Store

ROOT = Path(__file__).parents[2]


def test_a_store_held_by_another_process_is_refused_in_a_sentence(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from store.store import Store; s = Store(sys.argv[1]); print('open', flush=True); "
            "sys.stdin.read(); s.close()",
            str(tmp_path),
        ],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "open\n"
    with pytest.raises(StoreError, match=rf"in use by another program \(process {holder.pid}\)"):
        Store(tmp_path)
    holder.communicate("")
    with Store(tmp_path) as free:
        assert free.counts()["flags"] == 0


def test_a_store_from_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    Store(tmp_path).close()
    newest = migrations()[-1][0]
    with duckdb.connect(str(tmp_path / FILE_NAME)) as connection:
        connection.execute("INSERT INTO schema_version VALUES (?, 'later', 'later')", [newest + 1])
    before = (tmp_path / FILE_NAME).read_bytes()
    with pytest.raises(StoreError, match=f"newer Earwitness.*schema {newest + 1}"):
        Store(tmp_path)
    assert (tmp_path / FILE_NAME).read_bytes() == before


def test_migrations_are_numbered_without_gaps_and_recorded_once(tmp_path: Path) -> None:
    Store(tmp_path).close()
    Store(tmp_path).close()
    known = [version for version, _ in migrations()]
    assert known == list(range(1, len(known) + 1))
    with duckdb.connect(str(tmp_path / FILE_NAME)) as connection:
        recorded = connection.execute("SELECT version FROM schema_version ORDER BY version").fetchall()
    assert [version for (version,) in recorded] == known


def test_a_file_that_is_no_database_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("this is no database\n" * 1000)
    with pytest.raises(StoreError, match="restore it from a backup"):
        Store(tmp_path)


def test_a_folder_that_is_a_file_or_missing_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file"):
        Store(tmp_path / "file")
    with pytest.raises(StoreError, match="There is no store"):
        Store(tmp_path / "nowhere", create=False)
    assert not (tmp_path / "nowhere").exists()


def test_a_folder_that_may_not_be_written_is_refused_in_a_sentence(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="cannot be written"):
        Store(tmp_path)
    tmp_path.chmod(0o700)
