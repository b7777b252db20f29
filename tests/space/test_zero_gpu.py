"""The ZeroGPU way, with a stub of `spaces` that forks as the real package does. There is no CUDA here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file

from demos.catalog import suite
from demos.engine import Engine, Request
from demos.sound import read
from demos.zero_gpu import MOST_SECONDS, engine_of, seconds_of
from tests.serving import ROOT, shipped_weights_are_there
from tests.space.lent import REQUESTS
from tests.space.place import Place, running
from tests.space.test_space import EXAMPLE

STUB = str(ROOT / "tests" / "space" / "stub")

pytestmark = pytest.mark.skipif(
    not shipped_weights_are_there(), reason="The mini suite's weights are not here."
)


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with running(variables={"SPACES_ZERO_GPU": "true", "PYTHONPATH": STUB}) as place:
        yield place


@pytest.fixture(scope="module")
def here() -> list[str]:
    """What the systems say without a Space."""
    engine, sound = Engine(suite("mini")), read(EXAMPLE)
    return [[*engine.observe(sound, request)][-1].text for request in REQUESTS]


@pytest.fixture(scope="module")
def lent(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the runs of tests.space.lent came to."""
    folder = tmp_path_factory.mktemp("lent")
    variables = {"SPACES_ZERO_GPU": "true", "PYTHONPATH": f"{STUB}:{ROOT}", "TMPDIR": str(folder)}
    command = [sys.executable, "-m", "tests.space.lent"]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | variables, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def calls_of(place: Place) -> list[dict[str, Any]]:
    lines = (place.folder / "temporary" / "calls.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_a_listen_on_a_space_is_one_call_for_the_visitor_and_says_the_same(
    place: Place, here: list[str], tmp_path: Path
) -> None:
    client = Client(place.address, verbose=False, download_files=str(tmp_path))
    said = client.predict(clip=handle_file(str(EXAMPLE)), api_name="/listen")
    assert said["errors"] == {}
    assert [said["observations"][request.system]["text"] for request in REQUESTS] == here
    (call,) = calls_of(place)
    assert (call["what"], call["asked"]) == ("listen", 5)
    assert call["visitor"] == client.session_hash
    assert place.strays() == []
    assert "is not ready" not in place.log, "everything is loaded before the page is served"


def test_answers_stream_and_a_process_that_has_the_card_still_is_used_again(
    place: Place, tmp_path: Path
) -> None:
    client = Client(place.address, verbose=False, download_files=str(tmp_path))
    before = calls_of(place)
    said = list(client.submit(clip=handle_file(str(EXAMPLE)), api_name="/answer"))
    assert len(said) > 3
    grounds = client.predict(clip=handle_file(str(EXAMPLE)), observation=said[-1]["id"], api_name="/grounds")
    assert "".join(grounds["tokens"]) == said[-1]["text"]
    assert client.predict(text="rain", api_name="/find")["found"]
    new = calls_of(place)[len(before) :]
    assert [call["what"] for call in new] == ["listen", "grounds", "text_embedding", "embeddings"]
    assert {call["process"] for call in new} == {before[0]["process"]}


def test_panels_that_are_asked_together_share_a_call_with_all_that_follows(
    here: list[str], lent: dict[str, Any]
) -> None:
    told = lent["panels"]
    assert told["texts"] == here
    assert told["found"] == 2, "a person speaking, a dog barking"
    (call,) = told["calls"]
    assert call["asked"] == len(REQUESTS)
    assert call["process"] != told["process"]


def test_a_lock_that_is_held_at_the_fork_stops_no_call(here: list[str], lent: dict[str, Any]) -> None:
    assert lent["held_locks"] == here[0]


def test_who_cancels_is_answered_at_once_and_nobody_else_is(here: list[str], lent: dict[str, Any]) -> None:
    told = lent["cancelled"]
    assert told["shared"] == ["cancelled", here[3]]
    assert told["alone"] == "cancelled"
    assert told["after"] == here[0]
    # the end of the call that was shared may be noted after the next one has begun to be counted
    assert [call["what"] for call in told["calls"]][-3:] == ["listen", "stopped", "listen"]


def test_senseless_asks_need_no_card_and_what_breaks_in_a_call_is_a_sentence(lent: dict[str, Any]) -> None:
    told = lent["refused"]
    long, unknown, broken = told["told"]
    assert "shorten it" in long
    assert "no model “mine”" in unknown
    assert told["calls"] == 0
    assert broken.startswith("The graphics card gave no answer (ZeroGPU worker error: AttributeError)")


def test_what_is_kept_beside_an_answer_goes_with_its_clip(lent: dict[str, Any]) -> None:
    before, after = lent["forgotten"]
    assert before > after == 0


def test_a_card_is_asked_for_as_long_as_there_is_to_do() -> None:
    sound = read(EXAMPLE)
    one, all_ = (seconds_of("listen", sound, requests) for requests in (REQUESTS[:1], REQUESTS))
    assert 0 < one < all_ <= MOST_SECONDS
    assert seconds_of("listen", sound, [Request("salmonn")] * 50) == MOST_SECONDS


def test_without_the_variable_the_engine_is_the_local_one() -> None:
    assert type(engine_of(suite("mini"))) is Engine
