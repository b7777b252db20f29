"""A visitor's session: it holds one sound and what was said of it, and leaves nothing behind."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from demos.catalog import suite
from demos.engine import Engine, Request
from demos.session import MOST_CALLS, MOST_OBSERVATIONS, Session, Sessions
from demos.sound import Sound, from_array
from store.records import Observation, new_id
from tests.mini_weights import write_mini_weights
from tests.seeded import seeded_waveform

RATE = 16_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    write_mini_weights(folder)
    return folder


@pytest.fixture
def engine(folder: Path) -> Engine:
    return Engine(suite("mini", folder))


def sweep(seed: int = 1) -> Sound:
    return from_array(RATE, seeded_waveform(1.0, RATE, seed))


def ask(engine: Engine, sound: Sound) -> Observation:
    *_, said = engine.observe(sound, Request("layers", encoder="BEATs"))
    assert isinstance(said, Observation)
    return said


def encodings(engine: Engine) -> list[int]:
    """Counts BEATs passes from now on."""
    counted: list[int] = []
    beats = engine.networks.beats(engine.suite.encoder("BEATs"))
    beats.patch_embedding.register_forward_hook(lambda *_: counted.append(1))
    return counted


def test_the_same_sound_brought_by_many_at_once_is_taken_once(engine: Engine) -> None:
    sessions = Sessions(engine)
    with ThreadPoolExecutor(8) as pool:
        for number in range(20):
            session, together = sessions.of(f"visitor {number}"), threading.Barrier(8)

            def bring(
                sound: Sound, session: Session = session, together: threading.Barrier = together
            ) -> Sound:
                together.wait(30)
                return session.hold_once(sound)

            held = list(pool.map(bring, [sweep() for _ in range(8)]))
            assert all(one is session.sound for one in held)


def test_a_session_is_found_again_and_visitors_are_apart(engine: Engine) -> None:
    sessions = Sessions(engine)
    mine, yours = sessions.of("me"), sessions.of("you")
    mine.hold(sweep())
    said = ask(engine, sweep())
    mine.keep(said)
    assert sessions.of("me") is mine
    assert mine.observation(said.id) == said
    assert yours.sound is None
    assert yours.observation(said.id) is None


def test_closing_leaves_nothing(engine: Engine, tmp_path: Path) -> None:
    sessions, counted, sound = Sessions(engine), encodings(engine), sweep()
    session = sessions.of("me")
    session.hold(sound)
    said = ask(engine, sound)
    session.keep(said)
    file = tmp_path / "upload.wav"
    file.write_bytes(b"sound")
    session.keep_file(file)
    running = session.begin("salmonn")
    sessions.close("me")
    assert running.is_set()
    assert not file.exists()
    assert session.sound is None
    assert session.observation(said.id) is None
    assert len(sessions) == 0
    ask(engine, sound)
    assert len(counted) == 2  # it had to be heard again
    sessions.close("me")


def test_a_closed_session_keeps_nothing_that_comes_late(engine: Engine, tmp_path: Path) -> None:
    sessions, sound = Sessions(engine), sweep()
    session = sessions.of("me")
    session.hold(sound)
    said = ask(engine, sound)
    sessions.close("me")
    session.keep(said)
    session.hold(sound)
    late = tmp_path / "late.wav"
    late.touch()
    session.keep_file(late)
    assert session.observation(said.id) is None
    assert session.sound is None
    assert not late.exists()
    assert session.begin("clap").is_set()


def test_another_sound_replaces_the_one_before(engine: Engine, tmp_path: Path) -> None:
    session = Sessions(engine).of("me")
    first, second = sweep(1), sweep(2)
    session.hold(first)
    said = ask(engine, first)
    session.keep(said)
    file = tmp_path / "first.wav"
    file.touch()
    session.keep_file(file)
    running = session.begin("clap")
    session.hold(second)
    assert running.is_set()
    assert not file.exists()
    assert session.sound is second
    assert session.observation(said.id) is None
    session.keep(said)  # it comes late and is of the sound before
    assert session.observation(said.id) is None


def test_what_another_visitor_holds_is_not_forgotten(engine: Engine) -> None:
    sessions, counted, sound = Sessions(engine), encodings(engine), sweep()
    for name in ("me", "you"):
        sessions.of(name).hold(sound)
    ask(engine, sound)
    sessions.close("me")
    ask(engine, sound)
    assert len(counted) == 1


def test_a_system_answers_one_question_at_a_time(engine: Engine) -> None:
    session = Sessions(engine).of("me")
    first = session.begin("salmonn")
    other = session.begin("clap")
    second = session.begin("salmonn")
    assert first.is_set()
    assert not second.is_set()
    assert not other.is_set()
    assert session.is_current("salmonn", second)
    assert not session.is_current("salmonn", first)
    session.cancel("salmonn")
    assert second.is_set()
    session.cancel("whisper")


def test_what_waits_is_cancelled_by_its_number(engine: Engine) -> None:
    session = Sessions(engine).of("me")
    first = session.begin("salmonn", 1)
    assert not session.cancel("salmonn", 2)  # the second still waits
    assert first.is_set()
    assert session.begin("salmonn", 2).is_set()
    third = session.begin("salmonn", 3)
    assert not third.is_set()
    assert not session.begin("clap", 2).is_set()  # another panel's
    assert session.cancel("salmonn", 3)
    assert third.is_set()
    assert not session.begin("salmonn").is_set()  # a control was changed afterwards


def test_idle_sessions_are_closed(engine: Engine) -> None:
    sessions = Sessions(engine, idle_seconds=0.0)
    session = sessions.of("asleep")
    session.hold(from_array(RATE, np.zeros(RATE, np.float32)))
    sessions.of("awake")
    assert session.sound is None


def test_observations_are_bounded(engine: Engine) -> None:
    session, sound = Sessions(engine).of("me"), sweep()
    session.hold(sound)
    said = ask(engine, sound)
    ids = [new_id() for _ in range(MOST_OBSERVATIONS + 5)]
    for one in ids:
        session.keep(replace(said, id=one))
    kept = [one for one in ids if session.observation(one) is not None]
    assert kept == ids[-MOST_OBSERVATIONS:]


def test_what_is_put_aside_goes_with_its_sound(engine: Engine) -> None:
    session = Sessions(engine).of("me")
    first, second = sweep(), sweep(2)
    session.hold(first)
    assert session.put_aside("pair", "kept", first)
    assert session.aside("pair") == "kept"
    session.take_away("pair")
    assert session.aside("pair") is None
    session.put_aside("pair", "kept", first)
    session.hold(second)
    assert session.aside("pair") is None
    assert not session.put_aside("pair", "late", first)
    session.put_aside("pair", "kept", second)
    session.close()
    assert session.aside("pair") is None
    assert not session.put_aside("pair", "late", second)


def test_the_calls_of_tools_are_apart_and_what_one_was_answered_is_found_by_its_id(engine: Engine) -> None:
    sessions = Sessions(engine)
    page, first = sessions.of("page"), sessions.of_call()
    first.hold(sweep())
    said = ask(engine, sweep())
    first.keep(said)
    page.hold(sweep(2))
    between = [sessions.of_call() for _ in range(MOST_CALLS - 1)]
    assert sessions.of_call(said.id) is first  # asked for again, so that it stays longer
    sessions.of_call()
    assert sessions.of_call(said.id) is first
    assert len(sessions) == MOST_CALLS + 1
    assert sessions.of(between[0].name) is not between[0], "the call that was asked for longest ago has gone"
    assert sessions.of_call("another").observation(said.id) is None
    assert page.sound is not None
