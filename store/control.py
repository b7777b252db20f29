"""Asking the program that holds a store: only it can read the database while it is open.

It listens on a socket in the store's folder that its user alone may connect to. One request is one line of
JSON, `{"do": "backup", "folder": …}` with an absolute path; the answers are lines of JSON as well:
`{"done": 2, "whole": 9}` as often as there is progress, the first at once, then either `{"written": …}` with
the path or `{"problem": …}` with a sentence.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import socket
import socketserver
import stat
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, cast

from store.backup import Progress, backup
from store.errors import StoreError, StoreInUseError
from store.store import Store

log = logging.getLogger("earwitness.store")

SOCKET = "control.sock"  # in the store's folder
REQUEST_SECONDS = 5  # until who connected must have said what they want
ANSWER_SECONDS = 30  # until the first answer must be there, and until each must have been taken
LONGEST_REQUEST = 64 << 10  # bytes
_LONGEST_ADDRESS = 100  # bytes of a socket's path; systems take from 104 to 108 with the byte that ends it


@contextlib.contextmanager
def answering(store: Store) -> Iterator[None]:
    """Answer requests to an open store meanwhile, in threads of their own.

    A socket that a crash left is replaced: who has the store open is the only one to answer for it. Where
    none can be made, that is logged and nobody is answered. At the end, a backup under way is given up at
    its next step, and who asked is told; when this is over, nothing reads the store for them any more.
    """
    folder = store.folder.absolute()
    server = _listen(store, folder)
    if server is None:
        yield
        return
    thread = threading.Thread(target=server.serve_forever, daemon=True, name="store-control")
    thread.start()
    try:
        yield
    finally:
        server.ending.set()
        server.shutdown()
        with contextlib.suppress(OSError):
            (folder / SOCKET).unlink()
        server.server_close()  # waits for those who are being answered
        thread.join()


def ask_for_backup(store_folder: Path, folder: Path, progress: Progress | None = None) -> Path:
    """Have the program that holds the store in `store_folder` back it up into `folder`, and return that.

    `folder` is absolute: that program may work in another directory. Raises StoreError with what that program
    says when it cannot, or when nobody answers, or not to the end.
    """
    request = {"do": "backup", "folder": str(folder)}
    with contextlib.closing(_answers(store_folder, request)) as answers:
        for answer in answers:
            match answer:
                case {"done": int(done), "whole": int(whole)} if progress is not None:
                    progress(done, whole)
                case {"written": str(written)}:
                    return Path(written)
                case {"problem": str(problem)}:
                    raise StoreError(problem)
    raise StoreError(
        f"The program that uses the store {store_folder} ended before the backup was whole: back up again."
    )


def _answers(store_folder: Path, request: dict[str, str]) -> Generator[Any, None, None]:
    """What is answered to the request, to the end or a break; StoreInUseError when nothing is at all."""
    heard = False
    try:
        with _address(store_folder.absolute()) as address, socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER_SECONDS)
            connection.connect(address)
            connection.sendall(_line(request))
            with connection.makefile("rb") as lines:
                for line in lines:
                    answer = json.loads(line)
                    heard = True
                    connection.settimeout(None)  # a step may take long
                    yield answer
    except (OSError, ValueError):  # ValueError: a line that was cut off
        pass
    if not heard:
        raise StoreInUseError(
            f"The store {store_folder} is in use by another program, which does not answer: "
            "close that one, then back up again."
        )


class _Server(socketserver.ThreadingUnixStreamServer):
    """Listens on a store's socket; every request is answered in a thread of its own."""

    daemon_threads = False  # so that closing waits for them

    def __init__(self, address: str, store: Store) -> None:
        self.store = store
        self.ending = threading.Event()
        super().__init__(address, _Request)

    def server_bind(self) -> None:
        super().server_bind()
        os.chmod(cast(str, self.server_address), 0o600)  # nobody can connect before it listens


class _Request(socketserver.StreamRequestHandler):
    """One request, with the answers to it."""

    server: _Server
    timeout = REQUEST_SECONDS

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # who asked is gone, or says nothing
            line = self.rfile.readline(LONGEST_REQUEST)
            self.connection.settimeout(ANSWER_SECONDS)
            if line:
                self._say(**self._answer(line))

    def _answer(self, line: bytes) -> dict[str, str]:
        """The last answer to the request in `line`."""
        try:
            folder = _folder_asked_for(line)
            self._tell(0, 1)  # it is heard; how many steps there are is known later
            written = backup(self.server.store, folder, self._tell)
        except StoreError as error:
            log.info("The store was not backed up, as it was asked from outside: %s", error)
            return {"problem": str(error)}
        except Exception:  # whatever it is, this goes on, and who asked is answered
            log.exception("The store was not backed up")
            return {"problem": "Nothing was backed up: the log of the program that uses the store says why."}
        log.info("The store was backed up to %s, as it was asked from outside", written)
        return {"written": str(written)}

    def _tell(self, done: int, whole: int) -> None:
        """Tell a step of the backup; StoreError, which gives it up, when that is not to go on."""
        if self.server.ending.is_set() and done < whole:
            raise StoreError("The program that uses the store is closing, so nothing was backed up.")
        try:
            self._say(done=done, whole=whole)
        except OSError as error:
            if done < whole:
                raise StoreError("Who asked for the backup is gone.") from error

    def _say(self, **answer: str | int) -> None:
        self.wfile.write(_line(answer))


def _folder_asked_for(line: bytes) -> Path:
    """Where the request in `line` wants a backup; StoreError when it is none."""
    try:
        request = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise StoreError("A request is one line of JSON.") from error
    match request:
        case {"do": "backup", "folder": str(folder)} if _is_absolute_path(folder):
            return Path(folder)
        case {"do": "backup"}:
            raise StoreError("A backup needs a “folder”: an absolute path.")
    raise StoreError("This request is not known: what can be done is “backup”.")


def _is_absolute_path(text: str) -> bool:
    """Whether the operating system would take this for one."""
    with contextlib.suppress(UnicodeEncodeError):
        return os.path.isabs(text) and b"\0" not in os.fsencode(text)
    return False


def _listen(store: Store, folder: Path) -> _Server | None:
    """A server on the socket in the folder, None with a line in the log when there can be none."""
    try:
        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISSOCK((folder / SOCKET).lstat().st_mode):
                (folder / SOCKET).unlink()
        with _address(folder) as address:
            return _Server(address, store)
    except OSError as error:
        log.warning(
            "There is no socket in %s, so the store cannot be backed up while it is in use: %s", folder, error
        )
        return None


@contextlib.contextmanager
def _address(folder: Path) -> Iterator[str]:
    """A path of the socket in the folder that is short enough to bind and to connect to; OSError.

    Where the path itself is too long, it is one through a handle of the folder, and lasts as long as this.
    """
    path = str(folder / SOCKET)
    if len(os.fsencode(path)) <= _LONGEST_ADDRESS:
        yield path
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        short = f"/proc/self/fd/{handle}"
        if not os.path.isdir(short):
            raise OSError(errno.ENAMETOOLONG, "the path is too long for a socket", path)
        yield f"{short}/{SOCKET}"
    finally:
        os.close(handle)


def _line(content: dict[str, Any]) -> bytes:
    return json.dumps(content).encode() + b"\n"
