"""SALMONN-7B at its published size on a CPU: how much memory it takes to load and to answer.

Needs Linux, 18 GiB of free memory and 18 GB of disk; takes some six minutes. `pytest -m full -s` on this file
prints what was measured, and `TMPDIR` says where the files lie meanwhile.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.full_size_salmonn import Measured

GIB = 1 << 30
MEMORY_NEEDED = 18 * GIB
DISK_NEEDED = 18_000_000_000
ROOT = Path(__file__).parent.parent.parent

pytestmark = [pytest.mark.full, pytest.mark.timeout(7200)]


def free_memory() -> int:
    """Bytes that a process can still have without anything being pushed out."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    (available,) = [line for line in lines if line.startswith("MemAvailable:")]
    return 1024 * int(available.split()[1])


def alone(step: str, folder: Path) -> str:
    """What a step of the measurement says, done in a process of its own."""
    command = [sys.executable, "-m", "tests.full_size_salmonn", step, str(folder)]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    if not sys.platform.startswith("linux"):
        pytest.skip("peaks of memory are read from Linux")
    folder = tmp_path_factory.mktemp("salmonn-7b")
    if free_memory() < MEMORY_NEEDED or shutil.disk_usage(folder).free < DISK_NEEDED:
        pytest.skip("needs 18 GiB of free memory and 18 GB of disk")
    try:
        # The writer holds a whole file of 10 GB; a process of its own gives all of it back.
        alone("write", folder)
        said = alone("run", folder)
        print(said)
        yield Measured(**json.loads(said))
    finally:
        shutil.rmtree(folder)


def test_it_loads_in_little_more_than_its_own_size(measured: Measured) -> None:
    assert measured.network_bytes > 16_500_000_000
    assert measured.loading_peak_bytes <= 1.15 * measured.network_bytes


def test_it_answers_in_20_gibibytes(measured: Measured) -> None:
    assert measured.tokens > 0
    assert measured.peak_bytes <= 20 * GIB
