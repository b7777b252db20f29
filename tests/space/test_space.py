"""The repository as it is, pushed to a Space: what its front matter promises, and that it runs there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest
import yaml
from gradio_client import Client, handle_file

from tests.serving import ROOT, shipped_weights_are_there
from tests.space.place import USER, VARIABLES, Place, running, tracked

EXAMPLE = ROOT / "demos" / "mini" / "examples" / "question-over-barking.flac"
FORWARDED = {"x-forwarded-host": "somebody-earwitness.hf.space", "x-forwarded-proto": "https"}

needs_weights = pytest.mark.skipif(
    not shipped_weights_are_there(), reason="The mini suite's weights are not here."
)


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with running() as place:
        yield place


@pytest.fixture(scope="module")
def m4a(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of a tone, in a format that other programs need ffmpeg for."""
    file = tmp_path_factory.mktemp("clips") / "tone.m4a"
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    with av.open(str(file), "w") as container:
        stream = container.add_stream("aac", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone.astype(np.float32)[None], format="fltp", layout="mono")
        frame.sample_rate = 16_000
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return file


def front_matter() -> dict[str, Any]:
    _, lines, _ = (ROOT / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    found: dict[str, Any] = yaml.safe_load(lines)
    return found


def test_the_front_matter_fits_the_tree() -> None:
    told = front_matter()
    required = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    pinned = re.search(r"^gradio\[mcp\]==(.+)$", required, re.MULTILINE)
    assert pinned is not None
    assert (told["sdk"], told["sdk_version"]) == ("gradio", pinned[1])
    assert Path(told["app_file"]) in tracked()
    assert told["python_version"].startswith("3.12."), "ZeroGPU has 3.12 and 3.10, and the app needs 3.11"
    assert len(told["short_description"]) <= 60, "the Hub takes no more"


def test_a_space_listens_on_all_addresses_at_7860_without_being_told_more() -> None:
    said = subprocess.run(
        [sys.executable, "app.py", "--help"],
        cwd=ROOT,
        env={"GRADIO_SERVER_NAME": "0.0.0.0", "PATH": ""},
        capture_output=True,
        text=True,
    ).stdout
    assert "default: 0.0.0.0" in said
    assert "default: 7860" in said


@pytest.mark.parametrize(
    ("suite", "said"), [("auto", "default: auto"), ("large", "There is no suite “large”")]
)
def test_the_suite_of_a_space_is_chosen_by_a_variable(suite: str, said: str) -> None:
    command = [sys.executable, "app.py", *(["--help"] if suite == "auto" else [])]
    variables = {"EARWITNESS_SUITE": suite, "PATH": "", "LANG": "C.UTF-8"}
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True)
    assert said in done.stdout + done.stderr


@needs_weights
def test_the_page_is_served_for_the_address_that_the_hub_gives_it(place: Place) -> None:
    assert httpx.get(place.address).status_code == 200
    config = httpx.get(f"{place.address}/config", headers=FORWARDED).json()
    assert config["root"] == "https://somebody-earwitness.hf.space"
    assert config["space_id"] == VARIABLES["SPACE_ID"]


@needs_weights
def test_every_system_hears_what_is_uploaded_to_a_space(place: Place, m4a: Path, tmp_path: Path) -> None:
    client = Client(place.address, verbose=False, download_files=str(tmp_path))
    for file in (EXAMPLE, m4a):
        said = client.predict(clip=handle_file(str(file)), api_name="/listen")
        assert said["errors"] == {}
        assert len(said["observations"]) == 5


@needs_weights
def test_a_space_writes_nowhere_but_into_its_own_folders(place: Place) -> None:
    code = {path.relative_to(place.code) for path in place.code.rglob("*") if path.is_file()}
    assert code == set(tracked())
    assert (place.data / "earwitness.duckdb").stat().st_uid == (USER if os.geteuid() == 0 else os.geteuid())
    assert place.strays() == []
    assert " ERROR " not in place.log, place.log
