"""One address to one file: written beside its place, resumed after a cut, checked, then renamed.

What fails is said in one sentence for people, by FetchError; what came before a cut is kept.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from demos.published.model import gigabytes

if TYPE_CHECKING:
    import httpx

Stage = Literal["downloading", "waiting", "checking"]

CHUNK = 1 << 20  # bytes of a file that are hashed at a time
TRIES = 5  # after a cut, without a single new byte in between
PAUSE = 1.0  # seconds before the next one
PATIENCE = 10.0  # seconds without a byte that count as a cut
LOOK_AGAIN = 0.1  # seconds, while another download of the same file runs
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class FetchError(ValueError):
    """Files that could not be brought here; one sentence for people that says what to do."""


class FetchCancelled(FetchError):
    """Somebody cancelled; what came is kept."""


def _nothing(_stage: Stage, _bytes: int) -> None:
    pass


def _never() -> bool:
    return False


@dataclass(frozen=True)
class Watch:
    """Who watches a download: `report` hears the stage and how many bytes are new; `cancelled` is asked."""

    report: Callable[[Stage, int], None] = _nothing
    cancelled: Callable[[], bool] = _never

    def check(self) -> None:
        """Raise FetchCancelled when somebody cancelled."""
        if self.cancelled():
            raise FetchCancelled("Cancelled. What came is kept: fetch again to go on from there.")


@dataclass(frozen=True, eq=False)
class Download:
    """What to bring: from where, to where, and how to know that it came whole.

    `digest` is a SHA-256, or the 40 digits by which git names a file, or empty where nobody says. `page` is
    where a person finds the terms of a file that is not for everyone.
    """

    url: str
    target: Path
    part: Path
    lock: Path
    digest: str = ""
    size: int | None = None  # bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    page: str = ""

    @property
    def name(self) -> str:
        """How people know the file."""
        return urlsplit(self.url).path.rsplit("/", 1)[-1]

    @property
    def begun(self) -> int:
        """How many of its bytes are here already."""
        for path in (self.target, self.part):
            if path.is_file():
                return path.stat().st_size
        return 0


def bring(download: Download, watch: Watch | None = None, pause: float = PAUSE) -> None:
    """Bring one file to its target, unless it is there; two who ask at once get one download.

    Raises FetchError when it cannot be brought, FetchCancelled when somebody cancelled.
    """
    watch = watch or Watch()
    with _disk_errors(download):
        download.target.parent.mkdir(parents=True, exist_ok=True)
        download.lock.parent.mkdir(parents=True, exist_ok=True)
        with _alone(download.lock, watch):
            if download.target.is_file():
                return
            _receive(download, watch, pause)
            watch.report("checking", 0)
            _require_whole(download, watch)
            os.replace(download.part, download.target)
            _tag(download).unlink(missing_ok=True)


def has_digest(path: Path, digest: str, watch: Watch | None = None) -> bool:
    """Whether a file has a SHA-256 (64 digits) or, with 40 digits, the name that git would give it."""
    if len(digest) == 64:
        made = hashlib.sha256()
    else:
        made = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            made.update(chunk)
            if watch:
                watch.check()
    return made.hexdigest() == digest.lower()


def require_room(folder: Path, needed: int, what: str) -> None:
    """Raise FetchError with both numbers when the disk of a folder has less than `needed` bytes free."""
    there = folder
    while not there.exists():
        there = there.parent
    free = shutil.disk_usage(there).free
    if needed > free:
        raise FetchError(
            f"{what} needs {gigabytes(needed)}, {gigabytes(free)} are free in {folder}. "
            "Make room there, or name another folder (EARWITNESS_CACHE, or HF_HOME for files of the Hub)."
        )


def refusal(name: str, host: str, status: int, page: str = "") -> str:
    """The sentence for an answer that is no file, by its HTTP status."""
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        if page:
            return f"{name} is not for everyone: accept the licence at {page} and set HF_TOKEN to your token."
        return f"{host} does not give {name} to everyone (HTTP {status}): see there who may have it."
    if status == HTTPStatus.NOT_FOUND:
        return f"{name} is not at {host} any more (HTTP 404): look for a newer version of Earwitness."
    return f"{host} answered {name} with HTTP {status}: fetch again later."


def unreachable(host: str) -> str:
    """The sentence for a server that cannot be reached."""
    return f"{host} cannot be reached: look at the network connection (and at HTTPS_PROXY), then fetch again."


def _receive(download: Download, watch: Watch, pause: float) -> None:
    """Write the rest of a file to its part, through as many connections as it takes."""
    import httpx

    host = urlsplit(download.url).netloc
    tries = TRIES
    timeout = httpx.Timeout(PATIENCE)
    with httpx.Client(follow_redirects=True, timeout=timeout) as client:
        while True:
            before = _size(download.part)
            try:
                if _receive_once(client, download, watch):
                    return
            except httpx.TransportError as error:
                came = _size(download.part)
                if came == 0 and isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
                    raise FetchError(unreachable(host)) from error
                tries = TRIES if came > before else tries - 1
                if tries == 0:
                    whole = f" of {gigabytes(download.size)}" if download.size else ""
                    raise FetchError(
                        f"The connection to {host} was cut when {gigabytes(came)}{whole} of {download.name} "
                        "were here. They are kept: fetch again to go on from there."
                    ) from error
            watch.check()
            time.sleep(pause)


def _receive_once(client: httpx.Client, download: Download, watch: Watch) -> bool:
    """Ask once for what is lacking. Whether all is here now; False when it must be asked for again."""
    start = _size(download.part)
    if download.size is not None and start > download.size:
        download.part.unlink()
        watch.report("downloading", -start)
        start = 0
    if download.size is not None and start == download.size and start:
        return True
    headers = {"Accept-Encoding": "identity", **download.headers}
    tag = _tag(download)
    if start:
        headers["Range"] = f"bytes={start}-"
        if tag.is_file():
            headers["If-Range"] = tag.read_text(encoding="utf-8")
    with client.stream("GET", download.url, headers=headers) as response:
        if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            if response.headers.get("Content-Range", "") == f"bytes */{start}":
                return True
            download.part.unlink()
            watch.report("downloading", -start)
            return False
        if response.status_code not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
            host = urlsplit(download.url).netloc
            raise FetchError(refusal(download.name, host, response.status_code, download.page))
        if start and response.status_code == HTTPStatus.OK:  # the server begins anew
            watch.report("downloading", -start)
            start = 0
        length = int(response.headers.get("Content-Length", 0))
        require_room(download.target.parent, length, download.name)
        etag = response.headers.get("ETag", "")
        if etag and not etag.startswith("W/"):
            tag.write_text(etag, encoding="utf-8")
        with download.part.open("ab" if start else "wb") as file:
            for chunk in response.iter_raw():
                file.write(chunk)
                watch.report("downloading", len(chunk))
                watch.check()
            file.flush()
            os.fsync(file.fileno())
    return True


def _require_whole(download: Download, watch: Watch) -> None:
    """Remove what came, and say so, unless it is what was published."""
    came = _size(download.part)
    if download.size is not None and came != download.size:
        wrong = f"it has {came:,} bytes and not {download.size:,}"
    elif download.digest and not has_digest(download.part, download.digest, watch):
        wrong = "its checksum is another one"
    else:
        return
    download.part.unlink(missing_ok=True)
    raise FetchError(
        f"{download.name} did not come as it was published: {wrong}. The file is removed; fetch it again, "
        "and if that does not help, its server has another file now."
    )


@contextmanager
def _alone(lock: Path, watch: Watch) -> Iterator[None]:
    """Hold a file's lock; whoever waits for it can cancel."""
    from filelock import FileLock, Timeout

    held = FileLock(lock)
    while True:
        try:
            held.acquire(timeout=0)
            break
        except Timeout:
            watch.report("waiting", 0)
            watch.check()
            time.sleep(LOOK_AGAIN)
    try:
        yield
    finally:
        held.release()


@contextmanager
def _disk_errors(download: Download) -> Iterator[None]:
    """Say what the disk refuses."""
    try:
        yield
    except OSError as error:
        folder = download.target.parent
        if error.errno in FULL:
            free = shutil.disk_usage(folder).free
            raise FetchError(
                f"The disk is full: {download.name} does not fit into {folder}, where {gigabytes(free)} are "
                "free. What came is kept: make room and fetch again to go on from there."
            ) from error
        raise FetchError(
            f"{download.name} cannot be written to {folder} ({error.strerror}): name a folder of yours "
            "(EARWITNESS_CACHE, or HF_HOME for files of the Hub)."
        ) from error


def _tag(download: Download) -> Path:
    """Where the server's name for the version of a file is kept, until the whole file is here."""
    return download.part.with_name(f"{download.part.name}.tag")


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
