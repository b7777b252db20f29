"""The engine where something ends early or fails: cancelling, damaged files, crashes, senseless requests."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from demos.catalog import suite
from demos.engine import Cancelled, Engine, EngineError, Partial, Request
from store.records import SYSTEMS, Observation, System
from tests.asking import ask, passes, sweep
from tests.mini_weights import write_mini_weights


@pytest.mark.parametrize("system", SYSTEMS)
def test_cancelling_before_it_begins(warm: Engine, system: System) -> None:
    with pytest.raises(Cancelled):
        list(warm.observe(sweep(), Request(system), lambda: True))


def test_cancelling_stops_the_network(warm: Engine) -> None:
    stop = threading.Event()
    with passes(warm) as counted:
        steps = warm.observe(sweep(), Request("salmonn", max_tokens=60), stop.is_set)
        assert next(item for item in steps if isinstance(item, Partial) and item.text)
        stop.set()
        with pytest.raises(Cancelled):
            list(steps)
    assert counted["LLaMA"] <= 3


def test_cancelling_one_leaves_another_who_hears_the_same(folder: Path) -> None:
    engine, sound = Engine(suite("mini", folder)), sweep(60.0)
    engine.warm("clap")
    asked = threading.Event()

    def cancelled_at_the_second_look() -> bool:
        before = asked.is_set()
        asked.set()
        return before

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(
            lambda: list(engine.observe(sound, Request("clap"), cancelled_at_the_second_look))
        )
        asked.wait()
        second = pool.submit(lambda: ask(engine, sound, "clap"))
        with pytest.raises(Cancelled):
            first.result()
        assert second.result().scores


def test_missing_weights_are_named_and_leave_the_others(tmp_path: Path) -> None:
    suite_ = write_mini_weights(tmp_path)
    (tmp_path / "pengi.safetensors").unlink()
    engine = Engine(suite_)
    with pytest.raises(EngineError, match=r"pengi\.safetensors"):
        engine.warm("pengi")
    ends = {
        request.system: item
        for request, item in engine.listen(sweep(), [Request(system, max_tokens=4) for system in SYSTEMS])
        if not isinstance(item, Partial)
    }
    assert isinstance(ends.pop("pengi"), EngineError)
    assert {system for system, item in ends.items() if isinstance(item, Observation)} == set(SYSTEMS) - {
        "pengi"
    }


@pytest.mark.parametrize(
    "name", ["clap.safetensors", "clap.json", "tokenizer.json", "whisper.pt", "beats.json"]
)
def test_damaged_files_give_a_sentence(tmp_path: Path, name: str) -> None:
    suite_ = write_mini_weights(tmp_path)
    (tmp_path / name).write_bytes(b"damaged")
    systems: dict[str, System] = {"whisper.pt": "whisper", "beats.json": "salmonn"}
    with pytest.raises(EngineError) as caught:
        ask(Engine(suite_), sweep(), systems.get(name, "clap"))
    assert name.split(".")[0] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_of_different_suites_do_not_mix(tmp_path: Path) -> None:
    suite_ = write_mini_weights(tmp_path)
    pengi = json.loads((tmp_path / "pengi.json").read_text())
    pengi["htsat"]["mel_fmax"] = 7_000
    (tmp_path / "pengi.json").write_text(json.dumps(pengi))
    engine = Engine(suite_)
    engine.warm("clap")
    with pytest.raises(EngineError, match="another HTSAT"):
        engine.warm("pengi")


def test_a_crash_in_one_system_leaves_the_others(folder: Path) -> None:
    engine = Engine(suite("mini", folder))

    def crash(*_: object) -> None:
        raise RuntimeError("a defect")

    engine.networks.answering().network.llama_model.register_forward_pre_hook(crash)
    ends = {
        request.system: item
        for request, item in engine.listen(sweep(), [Request(system, max_tokens=4) for system in SYSTEMS])
        if not isinstance(item, Partial)
    }
    failed = ends.pop("salmonn")
    assert isinstance(failed, EngineError)
    assert "SALMONN" in str(failed)
    assert all(isinstance(item, Observation) for item in ends.values())


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (Request("hearing"), "hearing"),  # type: ignore[arg-type]
        (Request("clap", start=2.95), "window"),
        (Request("clap", start=-1.0), "window"),
        (Request("clap", start=2.0, stop=1.0), "window"),
        (Request("clap", start=float("nan")), "window"),
        (Request("clap", bank=tuple(f"sound {k}" for k in range(501))), "501 labels"),
        (Request("clap", bank=("x" * 201,)), "200 characters"),
        (Request("salmonn", instruction="why " * 200), "characters"),
        (Request("salmonn", lora_scaling=4.5), "4.5"),
        (Request("salmonn", lora_scaling=float("nan")), "LoRA"),
        (Request("salmonn", beams=0), "beams"),
        (Request("salmonn", beams=99), "beams"),
        (Request("pengi", max_tokens=0), "tokens"),
    ],
)
def test_requests_that_make_no_sense_get_a_sentence(warm: Engine, request_: Request, says: str) -> None:
    with pytest.raises(EngineError) as caught:
        list(warm.observe(sweep(), request_))
    assert says in str(caught.value)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_closing_a_listen_stops_it(folder: Path) -> None:
    engine = Engine(suite("mini", folder))
    with passes(engine) as counted:
        listening = engine.listen(sweep(), [Request("salmonn", max_tokens=150)])
        for _, item in listening:
            if isinstance(item, Partial) and item.text:
                break
        listening.close()  # type: ignore[attr-defined]
        for thread in threading.enumerate():
            if thread.name == "salmonn":
                thread.join(10)
        assert counted["LLaMA"] < 100
