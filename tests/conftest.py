"""Several workers (`pytest -n 2`): the tests of one file stay together, and all that need a browser do.

A worker then starts what a file's tests share once, and only one worker has a browser and a server for it.
The browser's tests come first, since they take longest. Each worker computes on its share of the cores.
"""

from __future__ import annotations

import os

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

if "PYTEST_XDIST_WORKER_COUNT" in os.environ:  # before anything imports torch or numpy
    share = len(os.sched_getaffinity(0)) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, share)))


class ByFile(LoadScopeScheduling):
    """Hands out whole files, and the folder of the browser's tests as one."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "browser" if file.startswith("tests/browser/") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """Take the order of the files as it is, for the longest come first."""
    config.option.loadscopereorder = False
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bring the tests of the browser to the front."""
    items.sort(key=lambda item: item.path.parent.name != "browser")
