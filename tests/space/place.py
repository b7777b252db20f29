"""A Space without the Hub: read-only code, user 1000, folders of its own, a Space's variables."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.serving import ROOT, free_port, wait_for

USER = 1000  # as whom a Space runs an app
SHARED = (Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"))  # where anybody may write
VARIABLES = {
    "SYSTEM": "spaces",
    "SPACE_ID": "somebody/earwitness",
    "SPACE_HOST": "somebody-earwitness.hf.space",
    "SPACE_AUTHOR_NAME": "somebody",
    "SPACE_REPO_NAME": "earwitness",
    "SPACE_TITLE": "Earwitness",
    "CPU_CORES": "2",
    "MEMORY": "16Gi",
    "GRADIO_SERVER_NAME": "0.0.0.0",
    "GRADIO_NUM_PORTS": "1",
    "GRADIO_ALLOW_FLAGGING": "never",
    "PYTHONUNBUFFERED": "1",
    "LANG": "C.UTF-8",
    "HF_HUB_OFFLINE": "1",  # there is no Hub here
}
_ONLY_READ = "-all,+dac_read_search"  # a right to read all files; to write is as for any other user


@dataclass(frozen=True)
class Place:
    """A Space that runs. `code` may be read only; `home`, `data` and `temporary` are the user's own."""

    folder: Path
    address: str

    @property
    def code(self) -> Path:
        return self.folder / "app"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> str:
        """What the app has said so far."""
        return (self.folder / "log").read_text(encoding="utf-8")

    def strays(self) -> list[Path]:
        """What the user owns in places where anybody may write, outside of this Space."""
        return [
            path
            for shared in SHARED
            if shared.is_dir()
            for path in shared.iterdir()
            if path != self.folder and path.lstat().st_uid == USER and not path.is_socket()
        ]


@contextmanager
def running(
    python: Path = Path(sys.executable), variables: Mapping[str, str] | None = None, port: int | None = None
) -> Iterator[Place]:
    """A Space that runs this tree by an interpreter with what requirements.txt asks for."""
    folder = Path(tempfile.mkdtemp(prefix="space-"))
    try:
        _furnish(folder)
        port = port or free_port()
        own = {
            "PATH": str(python.parent),  # no program of the system is needed
            "HOME": str(folder / "home"),
            "TMPDIR": str(folder / "temporary"),
            "HF_HOME": str(folder / "home" / ".cache" / "huggingface"),
            "EARWITNESS_DATA": str(folder / "data"),
            "GRADIO_SERVER_PORT": str(port),
        }
        command = [*as_user(python), str(python), "app.py"]
        environment = {**VARIABLES, **own, **(variables or {})}
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(
                command, cwd=folder / "app", env=environment, stdout=log, stderr=log, start_new_session=True
            )
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(address, process, folder / "log")
            yield Place(folder, address)
        finally:
            os.killpg(process.pid, signal.SIGTERM)  # with all that it started, as when a container ends
            process.wait(30)
    finally:
        for code in (folder / "app").rglob("*/"):
            code.chmod(0o755)
        shutil.rmtree(folder)


def as_user(python: Path) -> Sequence[str]:
    """What makes a command run as user 1000; nothing where this process may not change its user anyway.

    Skips the test where root cannot give an interpreter to another user: one in root's home can be read by
    others only with a right that not every container has.
    """
    if os.geteuid() != 0:
        return ()
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("There is no setpriv here (util-linux), so nothing can be run as another user.")
    as_another = [setpriv, f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
    reading = ["--inh-caps", _ONLY_READ, "--ambient-caps", _ONLY_READ, "--bounding-set", _ONLY_READ]
    library = _library_of([str(python)])
    for command in (as_another, [*as_another, *reading]):
        if _library_of([*command, str(python)]) == library:  # its own, not another Python's
            return command
    pytest.skip(f"{python} cannot be read by another user than root here.")


def _library_of(command: Sequence[str]) -> str:
    """Where an interpreter finds its standard library; a text of its own for each that does not start."""
    probe = [*command, "-c", "import encodings; print(encodings.__file__, end='')"]
    tried = subprocess.run(probe, cwd="/", capture_output=True, text=True)
    return tried.stdout if tried.returncode == 0 else f"{command}: {tried.stderr}"


def tracked() -> list[Path]:
    """The files of the tree that are in the repository, and new ones that git does not ignore."""
    command = [
        "git",
        "-c",
        "safe.directory=*",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = (Path(name) for name in said.split("\0") if name)
    return [path for path in paths if (ROOT / path).is_file()]


def _furnish(folder: Path) -> None:
    """The tree without any right to write, and three folders that belong to the user."""
    folder.chmod(0o755)
    code = folder / "app"
    for path in tracked():
        (code / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, code / path)
        (code / path).chmod(0o444)
    for inner in (code, *(path for path in code.rglob("*") if path.is_dir())):
        inner.chmod(0o555)
    for name in ("home", "data", "temporary"):
        (folder / name).mkdir()
        if os.geteuid() == 0:
            os.chown(folder / name, USER, USER)
