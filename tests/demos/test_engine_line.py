"""Visitors before one system: who waits is told what is ahead, is answered in their turn, and can go."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path
from queue import SimpleQueue

import pytest

from demos.catalog import suite
from demos.engine import ANSWERS_AT_ONCE, Cancelled, Engine, EngineError, Partial, Request
from demos.line import Ahead
from demos.placement import Placement
from demos.session import Sessions
from demos.turns import Turns
from store.records import SYSTEMS, Observation
from tests.asking import Clock, ask, busy, passes, sweep

PATIENCE = 60.0
ASKED = Request("salmonn", max_tokens=4)


@pytest.fixture
def engine(folder: Path) -> Engine:
    return Engine(suite("mini", folder))


class Visitor:
    """Asks in a thread of their own until `stop` is set; `told` is what was said to be ahead, as it comes.

    `begins` is called when the system begins to listen.
    """

    def __init__(
        self,
        engine: Engine,
        pool: ThreadPoolExecutor,
        stop: threading.Event | None = None,
        begins: Callable[[], object] = lambda: None,
    ) -> None:
        self.told: SimpleQueue[Ahead] = SimpleQueue()
        self.stop = stop or threading.Event()
        self._begins = begins
        self.answer: Future[Observation] = pool.submit(self._ask, engine)

    def _ask(self, engine: Engine) -> Observation:
        item: object = None
        for item in engine.observe(sweep(), ASKED, self.stop.is_set):
            if isinstance(item, Partial) and item.ahead is not None:
                self.told.put(item.ahead)
            elif isinstance(item, Partial) and item.stage == "Listening" and not item.text:
                self._begins()
        assert isinstance(item, Observation)
        return item

    def hears(self) -> Ahead:
        return self.told.get(timeout=PATIENCE)


def test_who_waits_is_told_what_is_ahead_and_is_answered_in_turn(engine: Engine) -> None:
    order: list[int] = []
    with ThreadPoolExecutor(3) as pool, busy(engine, ASKED) as before:
        waiting: list[Visitor] = []
        for number in range(3):
            waiting.append(Visitor(engine, pool, begins=partial(order.append, number)))
            assert waiting[-1].hears() == Ahead(number + 1, None)
        list(before[0])  # one is answered, and those who wait go one after the other
        for visitor in waiting:
            assert visitor.answer.result(PATIENCE).text
    assert order == [0, 1, 2]
    told = waiting[-1].told
    ranks = [3, *(told.get().rank for _ in range(told.qsize()))]
    assert all(later <= earlier for earlier, later in pairwise(ranks))


def test_the_time_left_is_told_once_it_is_known_how_long_an_answer_takes(engine: Engine) -> None:
    ask(engine, sweep(), "salmonn")
    with ThreadPoolExecutor(1) as pool, busy(engine, ASKED) as before:
        visitor = Visitor(engine, pool)
        ahead = visitor.hears()
        assert ahead.rank == 1
        assert ahead.seconds is not None
        assert ahead.time.startswith("about ")
        list(before[0])
        visitor.answer.result(PATIENCE)


def test_the_seconds_of_an_answer_are_its_networks_and_no_waiting(folder: Path) -> None:
    placement, clock = Placement(), Clock()
    turns = placement.turns = Turns(1, clock)
    engine = Engine(suite("mini", folder), placement)
    engine.warm("salmonn")

    def run(*_: object) -> None:
        clock.now += 1

    engine.networks.answering().network.llama_model.model.register_forward_hook(run)
    begun = threading.Event()
    with passes(engine) as counted, ThreadPoolExecutor(1) as pool, busy(engine, ASKED) as before:
        visitor = Visitor(engine, pool, begins=begun.set)
        visitor.hears()
        clock.now += 1000  # in the line
        with turns.taken():
            before[0].close()
            assert begun.wait(PATIENCE)
            clock.now += 1000  # for a turn of the networks
        seconds = visitor.answer.result(PATIENCE).seconds
    assert seconds == counted["LLaMA"] > 0


def test_cancelling_while_waiting_ends_it_at_once_and_runs_no_network(engine: Engine) -> None:
    with passes(engine) as counted, ThreadPoolExecutor(2) as pool, busy(engine, ASKED) as before:
        impatient, patient = Visitor(engine, pool), Visitor(engine, pool)
        heard = {impatient.hears().rank, patient.hears().rank}
        assert heard == {1, 2}
        had = dict(counted)
        impatient.stop.set()
        with pytest.raises(Cancelled):
            impatient.answer.result(PATIENCE)
        assert dict(counted) == had
        list(before[0])
        assert patient.answer.result(PATIENCE).text


@pytest.mark.parametrize("goes", ["closes the page", "brings another sound"])
def test_a_visitor_who_has_gone_leaves_the_line(engine: Engine, goes: str) -> None:
    sessions = Sessions(engine)
    session = sessions.of("visitor")
    session.hold(sweep())
    with ThreadPoolExecutor(2) as pool, busy(engine, ASKED):
        gone = Visitor(engine, pool, session.begin("salmonn"))
        assert gone.hears().rank == 1
        if goes == "closes the page":
            sessions.close("visitor")
        else:
            session.hold(sweep(seed=2))
        with pytest.raises(Cancelled):
            gone.answer.result(PATIENCE)
        next_one = Visitor(engine, pool)
        assert next_one.hears().rank == 1
        next_one.stop.set()
        with pytest.raises(Cancelled):
            next_one.answer.result(PATIENCE)


def test_failures_leave_the_line(engine: Engine) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError("a defect")

    network = engine.networks.answering().network.llama_model
    hook = network.register_forward_pre_hook(crash)
    for _ in range(ANSWERS_AT_ONCE + 1):
        with pytest.raises(EngineError, match="SALMONN failed"):
            ask(engine, sweep(), "salmonn")
    hook.remove()
    assert ask(engine, sweep(), "salmonn").text


def test_an_answer_that_is_given_keeps_nobody_waiting(engine: Engine) -> None:
    held = [engine.observe(sweep(), ASKED) for _ in range(ANSWERS_AT_ONCE)]
    # Each is read up to its observation, and no further.
    assert all(any(isinstance(item, Observation) for item in answer) for answer in held)
    with ThreadPoolExecutor(1) as pool:
        visitor = Visitor(engine, pool)
        try:
            assert visitor.answer.result(PATIENCE).text
            assert visitor.told.empty()
        finally:
            held.clear()  # which ends them, so that nobody waits for ever


def test_other_systems_do_not_wait(engine: Engine) -> None:
    with busy(engine, ASKED):
        for system in SYSTEMS:
            if system != "salmonn":
                items = list(engine.observe(sweep(), Request(system, max_tokens=3)))
                assert isinstance(items[-1], Observation)
