"""A small server of published files for tests: the Hub's endpoints, and plain files as Zenodo has them.

It is a real HTTP server on a free port, with faults to switch on: a connection that is cut, wrong bytes,
answers that are no file, slowness.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

LFS_FROM = 1_000  # bytes; larger files are kept apart and redirected to, as the Hub does
CHUNK = 4_096  # bytes that are sent at a time


@dataclass
class Faults:
    """What goes wrong with one file. `cut_after` bytes of an answer the connection ends, `cuts` times."""

    cut_after: int | None = None
    cuts: int = 0
    spoilt: bool = False  # other bytes, as many
    status: int = 0  # instead of the file
    seconds_per_chunk: float = 0.0


@dataclass
class Repository:
    """Files of one commit; with `gated` only those who bring this token get them."""

    files: Mapping[str, bytes]
    commit: str
    gated: str = ""


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    range: str
    authorization: str


@dataclass
class TestHub:
    """What is served, what goes wrong, and what was asked."""

    address: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    web: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, Faults] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    __test__ = False

    def put(self, repo: str, files: Mapping[str, bytes], gated: str = "") -> str:
        """Serve files as a repository's newest commit, whose name is returned."""
        names = "".join(f"{name} {hashlib.sha256(content).hexdigest()}" for name, content in files.items())
        commit = hashlib.sha1(f"{repo} {names}".encode(), usedforsecurity=False).hexdigest()
        self.repositories[repo] = Repository(files, commit, gated)
        return commit

    def fault(self, name: str) -> Faults:
        """The faults of all files of this name, to be switched on."""
        return self.faults.setdefault(name, Faults())

    def gets(self, name: str) -> list[Asked]:
        """The requests for the content of a file; those that were redirected do not count."""
        gets = [one for one in self.asked if one.method == "GET" and one.path.endswith(f"/{name}")]
        content = [one for one in gets if one.path.startswith("/content/")]
        return content or gets


@contextmanager
def served_hub() -> Iterator[TestHub]:
    """A hub on a free port of this machine; it is stopped afterwards."""
    hub = TestHub()

    class Handler(_Handler):
        served = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def etag_of(content: bytes) -> str:
    """What the Hub names a content by: SHA-256 of large files, git's name of small ones."""
    if len(content) >= LFS_FROM:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    served: TestHub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing: pytest shows what a test asked, if it fails."""

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        headers = self.headers
        self.served.asked.append(
            Asked(self.command, path, headers.get("Range", ""), headers.get("Authorization", ""))
        )
        if path.startswith("/api/models/"):
            self._describe(path.removeprefix("/api/models/"))
        elif path in self.served.web:
            self._send(path.rsplit("/", 1)[-1], self.served.web[path], {})
        elif "/resolve/" in path:
            self._resolve(path)
        elif path.startswith("/content/"):
            repo, _, name = path.removeprefix("/content/").partition("/@/")
            self._send(name, self.served.repositories[repo].files[name], {})
        else:
            self._refuse(404, "")

    def _describe(self, path: str) -> None:
        repo, _, revision = path.partition("/revision/")
        repository = self.served.repositories.get(repo)
        if repository is None:
            self._refuse(404, "RepoNotFound")
        elif revision not in ("main", repository.commit):
            self._refuse(404, "RevisionNotFound")
        else:
            siblings = [{"rfilename": name} for name in repository.files]
            about = {"id": repo, "modelId": repo, "sha": repository.commit, "siblings": siblings}
            self._send("", json.dumps(about).encode(), {"Content-Type": "application/json"})

    def _resolve(self, path: str) -> None:
        repo, _, rest = path.lstrip("/").partition("/resolve/")
        revision, _, name = rest.partition("/")
        repository = self.served.repositories.get(repo)
        if repository is None:
            self._refuse(404, "RepoNotFound")
        elif repository.gated and self.headers.get("Authorization") != f"Bearer {repository.gated}":
            self._refuse(403 if self.headers.get("Authorization") else 401, "GatedRepo")
        elif revision not in ("main", repository.commit):
            self._refuse(404, "RevisionNotFound")
        elif name not in repository.files:
            self._refuse(404, "EntryNotFound")
        else:
            content = repository.files[name]
            linked = {"X-Repo-Commit": repository.commit}
            if len(content) < LFS_FROM:
                self._send(name, content, linked)
                return
            self.send_response(302)
            for key, value in linked.items():
                self.send_header(key, value)
            self.send_header("X-Linked-Etag", f'"{etag_of(content)}"')
            self.send_header("X-Linked-Size", str(len(content)))
            # another host by name, as the Hub keeps large files elsewhere: a token must not go there
            elsewhere = self.served.address.replace("127.0.0.1", "localhost")
            self.send_header("Location", f"{elsewhere}/content/{repo}/@/{name}")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def _send(self, name: str, content: bytes, headers: Mapping[str, str]) -> None:
        """The content, or the part of it that was asked for; with its faults."""
        faults = self.served.faults.get(name, Faults())
        if faults.status:
            self._refuse(faults.status, "")
            return
        tag = f'"{etag_of(content)}"'
        if faults.spoilt:
            content = bytes(byte ^ 0xFF for byte in content)
        start = 0
        asked = self.headers.get("Range", "")
        if asked and self.headers.get("If-Range", tag) == tag:
            start = int(asked.removeprefix("bytes=").split("-")[0])
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if self.command == "GET":
            self._send_body(content[start:], faults)

    def _send_body(self, content: bytes, faults: Faults) -> None:
        cut = faults.cut_after if faults.cut_after is not None and faults.cuts > 0 else None
        if cut is not None:
            faults.cuts -= 1
        try:
            for begin in range(0, len(content), CHUNK):
                if cut is not None and begin + CHUNK > cut:
                    self.wfile.write(content[begin:cut])
                    self.wfile.flush()
                    self.close_connection = True
                    return
                self.wfile.write(content[begin : begin + CHUNK])
                if faults.seconds_per_chunk:
                    time.sleep(faults.seconds_per_chunk)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # whoever asked went away

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()
