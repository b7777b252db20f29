"""An engine over real files with untrained weights of the mini suite."""

from __future__ import annotations

from pathlib import Path

import pytest

from demos.catalog import suite
from demos.engine import Engine
from tests.mini_weights import write_mini_weights


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    write_mini_weights(folder)
    return folder


@pytest.fixture(scope="module")
def warm(folder: Path) -> Engine:
    """One engine for the tests that do not care what was heard before."""
    return Engine(suite("mini", folder))
