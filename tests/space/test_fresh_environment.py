"""The same in a new environment, of requirements.txt alone, as a Space's image is made."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio_client import Client, handle_file

from tests.serving import ROOT, shipped_weights_are_there
from tests.space.place import running
from tests.space.test_space import EXAMPLE, front_matter

pytestmark = [
    pytest.mark.full,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not shipped_weights_are_there(), reason="The mini suite's weights are not here."),
]


@pytest.fixture(scope="module")
def python() -> Iterator[Path]:
    """An interpreter in a new environment: of the version that the front matter names, or this one."""
    folder = Path(tempfile.mkdtemp(prefix="environment-"))
    folder.chmod(0o755)
    try:
        subprocess.run([_named_python(), "-m", "venv", str(folder)], check=True)
        python = folder / "bin" / "python"
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, "-r", str(ROOT / "requirements.txt")], check=True)
        yield python
    finally:
        shutil.rmtree(folder)


def test_a_space_hears_with_what_the_requirements_bring(python: Path, tmp_path: Path) -> None:
    with running(python) as place:
        client = Client(place.address, verbose=False, download_files=str(tmp_path))
        said = client.predict(clip=handle_file(str(EXAMPLE)), api_name="/listen")
        assert said["errors"] == {}
        assert len(said["observations"]) == 5
        assert place.strays() == []


def _named_python() -> str:
    version = ".".join(front_matter()["python_version"].split(".")[:2])
    found = shutil.which(f"python{version}")
    works = found and subprocess.run([found, "-c", ""], capture_output=True).returncode == 0
    return str(found) if works else sys.executable
