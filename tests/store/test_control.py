"""A store that a program holds is backed up by asking that program, whatever else it is asked."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from store.__main__ import main
from store.backup import restore
from store.control import LONGEST_REQUEST, SOCKET, answering, ask_for_backup
from store.database import FILE_NAME
from store.errors import StoreError, StoreInUseError
from store.store import Store
from store.verify import verify
from tests.store.savers import save_short

ROOT = Path(__file__).parents[2]

HOLD = """
import sys, threading
from itertools import count
from store.control import answering
from store.store import Store
from tests.store.savers import save_short

def save():
    for seed in count(100):
        if stop.is_set():
            return
        save_short(store, seed)

with Store(sys.argv[1]) as store, answering(store):
    for seed in range(3):
        save_short(store, seed)
    stop, saver = threading.Event(), threading.Thread(target=save)
    saver.start()
    print("open", flush=True)
    sys.stdin.read()
    stop.set()
    saver.join()
"""


@contextlib.contextmanager
def held(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process, which has the store open, has saved three flags, and goes on to save more."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "open\n"
            yield process
            if process.poll() is None:
                _, complaints = process.communicate(timeout=60)
                assert (process.returncode, complaints) == (0, "")
        finally:
            process.kill()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An open store with three flags that answers; nothing of it may end in a stack trace."""
    with Store(tmp_path / "store") as opened:
        for seed in range(3):
            save_short(opened, seed)
        with answering(opened):
            yield opened


def said_to(folder: Path, request: bytes) -> list[Any]:
    """All answers to a request in raw bytes, after which nothing more is said."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(folder / SOCKET))
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as answers:
            return [json.loads(answer) for answer in answers]


def assert_whole(folder: Path, flags: int = 3) -> None:
    with Store(folder, create=False) as copy:
        assert list(verify(copy)) == []
        assert copy.counts()["flags"] >= flags


def _begin(begun: threading.Event, done: int, whole: int) -> None:
    begun.set()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_command_line_backs_up_a_store_while_another_program_saves_in_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "store"
    monkeypatch.chdir(tmp_path)
    with held(folder):
        assert main(["--store", "store", "backup", "copy"]) == 0
        assert capsys.readouterr() == (f"Backed up store, which is in use, to {tmp_path / 'copy'}.\n", "")
        assert_whole(tmp_path / "copy")
        assert main(["--store", "store", "backup", "copy"]) == 2
        sentence = f"There is something at {tmp_path / 'copy'} already: back up into a new folder.\n"
        assert capsys.readouterr() == ("", sentence)
        assert main(["--store", "store", "counts"]) == 2
        assert "in use by another program (process" in capsys.readouterr().err
    assert_whole(folder)
    assert SOCKET not in names(folder) | names(tmp_path / "copy")


def test_a_program_that_holds_a_store_and_has_no_socket_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--store", str(tmp_path / "store"), "backup", str(tmp_path / "copy")]
    with held(tmp_path / "store") as process:
        (tmp_path / "store" / SOCKET).unlink()
        assert main(asked) == 2
        sentence = (
            "is in use by another program, which does not answer: close that one, then back up again.\n"
        )
        assert capsys.readouterr() == ("", f"The store {tmp_path / 'store'} {sentence}")
        process.kill()
        process.wait()
    assert names(tmp_path) == {"store"}
    assert main(asked) == 0
    assert capsys.readouterr().out == f"Backed up {tmp_path / 'store'} to {tmp_path / 'copy'}.\n"


def test_a_program_that_hangs_is_said_and_makes_no_backup_once_it_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.control.ANSWER_SECONDS", 0.2)
    with held(tmp_path / "store") as process:
        process.send_signal(signal.SIGSTOP)
        try:
            assert main(["--store", str(tmp_path / "store"), "backup", str(tmp_path / "copy")]) == 2
        finally:
            process.send_signal(signal.SIGCONT)
        assert "does not answer" in capsys.readouterr().err
    assert names(tmp_path) == {"store"}


def test_the_socket_that_a_killed_program_left_answers_nobody_and_is_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    with held(folder) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert SOCKET in names(folder)
    with pytest.raises(StoreInUseError, match="does not answer"):
        ask_for_backup(folder, tmp_path / "copy")
    assert main(["--store", str(folder), "verify"]) in (0, 1)  # 1: what the kill left of a save
    assert main(["--store", str(folder), "backup", str(tmp_path / "unheld")]) == 0
    restore(folder, tmp_path / "restored")
    assert SOCKET not in names(tmp_path / "unheld") | names(tmp_path / "restored")
    with Store(folder) as store, answering(store):
        assert_whole(ask_for_backup(folder, tmp_path / "copy"))
    assert SOCKET not in names(folder)


def test_steps_are_told_and_only_the_user_may_connect(store: Store, tmp_path: Path) -> None:
    mode = (store.folder / SOCKET).stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600
    told: list[tuple[int, int]] = []
    copy = ask_for_backup(store.folder, tmp_path / "copy", lambda done, whole: told.append((done, whole)))
    assert copy == tmp_path / "copy"
    assert told == [(0, 1), (0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    assert_whole(copy)


@pytest.mark.parametrize(
    ("request_line", "sentence"),
    [
        (b"back up, please\n", "A request is one line of JSON."),
        (b"\xff\xfe\x00\n", "A request is one line of JSON."),
        (b'{"do": "backup", "fol', "A request is one line of JSON."),
        (b"[" * 60_000 + b"\n", "A request is one line of JSON."),
        (b"[1, 2]\n", "This request is not known: what can be done is “backup”."),
        (b'{"do": "erase"}\n', "This request is not known: what can be done is “backup”."),
        (b'{"do": "backup"}\n', "A backup needs a “folder”: an absolute path."),
        (b'{"do": "backup", "folder": 7}\n', "A backup needs a “folder”: an absolute path."),
        (b'{"do": "backup", "folder": "copy"}\n', "A backup needs a “folder”: an absolute path."),
        (b'{"do": "backup", "folder": "/a\\u0000b"}\n', "A backup needs a “folder”: an absolute path."),
        (b'{"do": "backup", "folder": "/\\ud800"}\n', "A backup needs a “folder”: an absolute path."),
    ],
    ids=range(11),
)
def test_what_is_no_request_is_answered_with_a_sentence_and_the_next_one_is_heard(
    store: Store, tmp_path: Path, capfd: pytest.CaptureFixture[str], request_line: bytes, sentence: str
) -> None:
    assert said_to(store.folder, request_line) == [{"problem": sentence}]
    with contextlib.suppress(ConnectionError):  # what is too long is not read to the end
        assert said_to(store.folder, b" " * 2 * LONGEST_REQUEST + request_line)[0].keys() == {"problem"}
    assert said_to(store.folder, b"") == []
    good = json.dumps({"do": "backup", "folder": str(tmp_path / "copy")}).encode()
    assert said_to(store.folder, good + b"\n")[-1] == {"written": str(tmp_path / "copy")}
    assert capfd.readouterr().err == ""


def test_a_folder_that_cannot_be_made_is_said(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for impossible in (tmp_path / "file" / "copy", tmp_path / ("long" * 100), Path("/proc/nothing/copy")):
        with pytest.raises(StoreError, match=r"nothing was backed up|is as it was before"):
            ask_for_backup(store.folder, impossible)
    assert names(tmp_path) == {"store", "file"}


def test_a_folder_may_have_any_name(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / 'a "копия"\n🎧'
    assert ask_for_backup(store.folder, folder) == folder
    assert_whole(folder)


def test_several_ask_at_once_and_each_gets_a_backup_or_a_sentence(store: Store, tmp_path: Path) -> None:
    start = threading.Barrier(4)

    def ask(name: str) -> str:
        start.wait()
        try:
            assert_whole(ask_for_backup(store.folder, tmp_path / name))
        except StoreError as error:
            return str(error)
        return "written"

    with ThreadPoolExecutor(4) as people:
        one, other, *same = people.map(ask, ["one", "other", "same", "same"])
    assert (one, other) == ("written", "written")
    refused = next(answer for answer in same if answer != "written")
    assert "written" in same
    assert "something at" in refused or "attempt that goes on" in refused
    assert names(tmp_path) == {"store", "one", "other", "same"}


def test_a_backup_under_way_when_the_store_is_closed_is_whole_or_not_there_and_that_is_said(
    tmp_path: Path,
) -> None:
    outcomes = []
    for attempt in range(3):
        copy = tmp_path / f"copy {attempt}"
        begun = threading.Event()
        with ThreadPoolExecutor(1) as people:
            with Store(tmp_path / "store") as store:
                for seed in range(40):
                    save_short(store, seed)
                with answering(store):
                    asked = people.submit(ask_for_backup, store.folder, copy, partial(_begin, begun))
                    begun.wait()
                with pytest.raises(StoreInUseError, match="does not answer"):
                    ask_for_backup(store.folder, tmp_path / "late")
            problem = asked.exception()
        if problem is None:
            assert_whole(copy, 40)
        else:
            assert str(problem) == "The program that uses the store is closing, so nothing was backed up."
            assert not copy.exists()
        outcomes.append(problem)
    assert not [name for name in names(tmp_path) if name.endswith("unfinished")]
    assert any(outcomes), "closing does not wait for the whole of a backup"


def test_who_leaves_leaves_nothing_half(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    request = json.dumps({"do": "backup", "folder": str(tmp_path / "copy")}).encode() + b"\n"
    with Store(tmp_path / "store") as store:
        for seed in range(40):
            save_short(store, seed)
        with answering(store), socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(store.folder / SOCKET))
            connection.sendall(request)
            assert connection.recv(1) == b"{"
    assert names(tmp_path) in ({"store"}, {"store", "copy"})
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="no short path of a folder in use here")
def test_a_folder_whose_path_is_too_long_for_a_socket_answers_as_well(tmp_path: Path) -> None:
    folder = tmp_path / ("a name of some length " * 6) / "store"
    with Store(folder) as store, answering(store):
        save_short(store, seed=0)
        assert stat.S_IMODE((folder / SOCKET).stat().st_mode) == 0o600
        assert_whole(ask_for_backup(folder, tmp_path / "copy"), 1)
    assert SOCKET not in names(folder)


def test_where_no_socket_can_be_made_that_is_logged_and_the_store_serves(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Store(tmp_path / "store") as store:
        (store.folder / SOCKET).write_text("somebody's own file")
        with caplog.at_level(logging.WARNING), answering(store):
            save_short(store, seed=0)
        (record,) = caplog.records
        sentence = (
            f"There is no socket in {store.folder}, so the store cannot be backed up while it is in use"
        )
        assert record.getMessage().startswith(sentence)
        assert list(verify(store)) == []
    assert (tmp_path / "store" / SOCKET).read_text() == "somebody's own file"


def test_a_store_with_a_socket_is_written_anew_and_opened_as_ever(tmp_path: Path) -> None:
    with Store(tmp_path / "store") as store, answering(store):
        save_short(store, seed=0)
        store._database.rewrite_later()
        store.close()
        assert names(store.folder) == {FILE_NAME, "audio", SOCKET}
    assert_whole(tmp_path / "store", 1)
