"""From starting `app.py` to its served page, against a page of the same Gradio with nothing on it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.comparison import Comparison

ROOT = Path(__file__).parents[2]
LOOK_SECONDS = 0.02  # how often it is looked whether the page is there
PATIENCE_SECONDS = 300.0
EMPTY_PAGE = """
import sys
import gradio
with gradio.Blocks(analytics_enabled=False) as page:
    pass
page.launch(server_name="127.0.0.1", server_port=int(sys.argv[1]), quiet=True)
"""


def compare_serving(weights: Path, runs: int) -> Comparison:
    """Start both by turns, each in a fresh process; the first turn only fills the disk's cache."""
    served, empty = [], []
    with tempfile.TemporaryDirectory() as folder:
        for run in range(runs + 1):
            app = ["app.py", "--weights", str(weights), "--data", f"{folder}/{run}", "--port"]
            served.append(_seconds_to_page(app))
            empty.append(_seconds_to_page(["-c", EMPTY_PAGE]))
    return Comparison("app.py to the served page", "an empty Gradio page", served[1:], empty[1:])


def _seconds_to_page(arguments: Sequence[str]) -> float:
    """From starting Python with these arguments and a free port to the first answer 200 of its page.

    Raises RuntimeError, with what the process wrote, when it ends or takes too long before that.
    """
    port = _free_port()
    with tempfile.TemporaryFile() as written:
        begun = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *arguments, str(port)],
            cwd=ROOT,
            env={**os.environ, "GRADIO_ANALYTICS_ENABLED": "False"},
            stdout=written,
            stderr=subprocess.STDOUT,
        )
        try:
            while not _answers(port):
                late = time.perf_counter() - begun > PATIENCE_SECONDS
                if late or process.poll() is not None:
                    written.seek(0)
                    raise RuntimeError(f"No page was served:\n{written.read().decode(errors='replace')}")
                time.sleep(LOOK_SECONDS)
            return time.perf_counter() - begun
        finally:
            process.kill()
            process.wait()


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=PATIENCE_SECONDS) as response:
            return int(response.status) == 200
    except (urllib.error.URLError, ConnectionError):
        return False


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
