"""Fetching onto a disk that is too small, or that fills up meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from demos.published.download import FetchError
from demos.published.fetch import fetch
from demos.published.model import HubFiles, PublishedModel, WebFile
from demos.published.places import Places
from tests.hub import TestHub, served_hub
from tests.store.confined import files_at_most, in_its_own_process, mount_small_disk

CONTENT = bytes(range(250)) * 2_000  # 500 kB


def _models(hub: TestHub) -> list[PublishedModel]:
    hub.put("people/ears", {"model.safetensors": CONTENT})
    hub.web["/ears.pth"] = CONTENT
    sources = (HubFiles("people/ears", ("model.safetensors",)), WebFile(f"{hub.address}/ears.pth"))
    return [PublishedModel("ears", "clap", "Ears", (one,), (), "MIT", "MIT", "nothing") for one in sources]


def _onto_a_small_disk(folder: Path) -> None:
    mount_small_disk(folder, 200_704)  # bytes
    with served_hub() as hub:
        where = Places(folder / "own", folder / "hub", hub.address)
        for model in _models(hub):
            with pytest.raises(
                FetchError, match=r"Ears needs 500 kB, (2\d\d|19\d) kB are free in .*EARWITNESS_CACHE"
            ):
                fetch(model, where)
        assert not [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size > 1_000]
        assert not any(hub.gets(name) for name in ("model.safetensors", "ears.pth"))


def test_what_does_not_fit_is_said_before_a_byte_comes(tmp_path: Path) -> None:
    in_its_own_process(_onto_a_small_disk, tmp_path)


def _until_it_is_full(folder: Path) -> None:
    with served_hub() as hub:
        where = Places(folder / "own", folder / "hub", hub.address)
        for model in _models(hub):
            with (
                files_at_most(200_000),
                pytest.raises(
                    FetchError, match=r"The disk is full: .* does not fit into .* What came is kept"
                ),
            ):
                fetch(model, where)
            hub.asked.clear()
            assert fetch(model, where)[0].read_bytes() == CONTENT
            assert [one.range for name in ("model.safetensors", "ears.pth") for one in hub.gets(name)] == [
                "bytes=200000-"
            ]


def test_a_disk_that_fills_up_keeps_what_came(tmp_path: Path) -> None:
    in_its_own_process(_until_it_is_full, tmp_path)
