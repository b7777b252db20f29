"""A real server of the page for tests, on a free port: `python app.py` as a process of its own, or here."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from demos.catalog import suite
from demos.engine import Engine
from demos.published.bringing import Bringing
from demos.published.shelf import Shelf
from demos.session import Sessions
from store.store import Store
from tests.mini_weights import write_mini_weights

ROOT = Path(__file__).parent.parent
PATIENCE = 240  # seconds that a server may take to start on a busy machine


def shipped_weights_are_there() -> bool:
    """Whether every file of the mini suite lies in its place."""
    mini = suite("mini")
    return not any(model.missing for model in (*mini.models.values(), *mini.encoders))


def untrained_weights(folder: Path) -> Path:
    """Untrained networks in the mini suite's files, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    write_mini_weights(folder)
    return folder


@contextmanager
def served(data: Path, weights: Path | None = None) -> Iterator[str]:
    """The address of a page served from this tree, with its store in `data`; it is stopped afterwards."""
    port = free_port()
    command = [sys.executable, "app.py", "--port", str(port), "--data", str(data / "store")]
    if weights is not None:
        command += ["--weights", str(weights)]
    environment = os.environ | {"GRADIO_TEMP_DIR": str(data / "uploads"), "HF_HUB_OFFLINE": "1"}
    log = data / "server.log"
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(address, process, log)
            yield address
        finally:
            process.terminate()
            process.wait(30)


@contextmanager
def served_here(
    engine: Engine, data: Path, bringing: Bringing | None = None, visitors_load: bool = False
) -> Iterator[str]:
    """The address of a page that this process serves, so that a test can keep its engine busy."""
    import app

    with (
        Store(data / "store") as store,
        ThreadPoolExecutor(1) as pool,
    ):  # a browser's loop runs in this thread
        bringing = bringing or Bringing(Shelf(), engine.load, engine.holds)
        parts = engine, Sessions(engine), store, bringing, visitors_load
        page = pool.submit(app.build, *parts).result(PATIENCE)
        try:
            yield pool.submit(app.serve, page, "127.0.0.1", free_port(), data / "store").result(PATIENCE)
        finally:
            pool.submit(page.close, verbose=False).result(PATIENCE)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a server answers. Raises RuntimeError, with its log, when it ends or takes too long."""
    last = time.monotonic() + PATIENCE
    while time.monotonic() < last:
        if process.poll() is not None:
            raise RuntimeError(f"The server ended:\n{log.read_text()}")
        try:
            urllib.request.urlopen(address, timeout=10).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise RuntimeError(f"The server did not answer within {PATIENCE} s:\n{log.read_text()}")
