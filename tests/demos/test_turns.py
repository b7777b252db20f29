"""Turns: as many networks at once as there is room for, the first who asks first."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from demos.cache import OnceCache
from demos.catalog import suite
from demos.engine import Engine, Partial, Request
from demos.placement import Placement, shared_out
from demos.turns import Turns
from store.records import SYSTEMS, Observation
from tests.asking import Clock, sweep

PATIENCE = 30.0


class Together:
    """Counts who is inside at the same time, and the most there ever were."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self._lock = threading.Lock()

    def enter(self, *_: object) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.002)  # long enough for others to come in as well, if they may

    def leave(self, *_: object) -> None:
        with self._lock:
            self.now -= 1


def test_no_more_turns_than_there_are() -> None:
    turns, inside = Turns(2), Together()

    def work(_: int) -> None:
        with turns.taken():
            inside.enter()
            inside.leave()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(40)))
    assert inside.most == 2


def test_who_asks_first_goes_first() -> None:
    turns, order = Turns(1), []
    threads = []
    with turns.taken():
        for number in range(5):
            asked = len(turns._line._waiting)

            def work(number: int = number) -> None:
                with turns.taken():
                    order.append(number)

            threads.append(threading.Thread(target=work))
            threads[-1].start()
            _until(lambda asked=asked: len(turns._line._waiting) > asked)  # type: ignore[misc]
    for thread in threads:
        thread.join(PATIENCE)
    assert order == [0, 1, 2, 3, 4]


def test_who_gives_up_waiting_takes_no_turn_away() -> None:
    turns = Turns(1)
    gone = threading.Event()

    def impatient() -> None:
        def check() -> None:
            raise InterruptedError

        try:
            with turns.taken(check):
                raise AssertionError("there was no turn to have")
        except InterruptedError:
            gone.set()

    with turns.taken():
        threading.Thread(target=impatient).start()
        assert gone.wait(PATIENCE)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(_has_a_turn, turns).result(PATIENCE)


def test_a_turn_within_a_turn_is_the_same_one() -> None:
    turns = Turns(1)
    with turns.taken(), turns.taken():
        pass
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(_has_a_turn, turns).result(PATIENCE)


def test_an_error_gives_the_turn_back() -> None:
    turns = Turns(1)
    with pytest.raises(KeyError), turns.taken():
        raise KeyError
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(_has_a_turn, turns).result(PATIENCE)


def test_who_waits_for_anothers_encoding_lends_the_turn() -> None:
    turns = Turns(2)
    cache: OnceCache[str] = OnceCache(100, len)
    making, finish = threading.Event(), threading.Event()

    def make() -> str:
        making.set()
        assert finish.wait(PATIENCE)
        return "heard"

    def ask() -> str:
        with turns.taken():
            return cache.get("clip", "view", make, waiting=turns.lent)

    with ThreadPoolExecutor(3) as pool:
        maker = pool.submit(ask)
        assert making.wait(PATIENCE)
        waiter = pool.submit(ask)
        third = pool.submit(_has_a_turn, turns)
        assert third.result(PATIENCE), "the one who waits kept the turn"
        finish.set()
        assert maker.result(PATIENCE) == waiter.result(PATIENCE) == "heard"


def test_a_turn_lasts_neither_while_it_is_waited_for_nor_while_it_is_lent() -> None:
    clock = Clock()
    turns = Turns(1, clock)

    def wait() -> None:
        clock.now += 100
        other.close()

    other = _taken(turns)
    next(other)
    with turns.taken(wait) as turn:
        clock.now += 2
        with turns.lent():
            clock.now += 100
        with turns.taken() as inner:
            clock.now += 3
        assert inner is turn
    assert turn.seconds == 5


def test_there_must_be_a_turn() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Turns(0)


@pytest.mark.parametrize(
    ("cores", "at_once", "threads"), [(1, 1, 1), (2, 2, 1), (4, 4, 1), (6, 4, 1), (16, 4, 4), (96, 4, 8)]
)
def test_networks_and_their_threads_fill_the_cores_and_no_more(
    cores: int, at_once: int, threads: int
) -> None:
    assert shared_out(cores) == (at_once, threads)
    assert at_once * threads <= cores


@pytest.mark.parametrize("most", [1, 2])
def test_many_listens_compute_by_turns_and_all_answer(folder: Path, most: int) -> None:
    placement = Placement()
    placement.turns = Turns(most)
    engine = Engine(suite("mini", folder), placement)
    for system in SYSTEMS:
        engine.warm(system)
    inside, networks = Together(), engine.networks
    for module in (
        networks.htsat(engine.suite.encoder("HTSAT")),
        networks.transcription().model.encoder.conv1,
        networks.transcription().model.decoder.token_embedding,
        networks.answering().network.llama_model,
        networks.captioning().network.caption_decoder.gpt.transformer,
    ):
        module.register_forward_pre_hook(inside.enter)
        module.register_forward_hook(inside.leave)

    def listen(seed: int) -> list[object]:
        requests = [Request(system, max_tokens=3) for system in SYSTEMS]
        heard = engine.listen(sweep(1.0, seed), requests)
        return [item for _, item in heard if not isinstance(item, Partial)]

    with ThreadPoolExecutor(4) as pool:
        ends = [end for heard in pool.map(listen, range(4)) for end in heard]
    assert [type(end) for end in ends] == [Observation] * 4 * len(SYSTEMS)
    assert inside.most <= most


def test_nobody_imports_transformers_beside_somebody_else() -> None:
    program = (
        "import sys\n"
        "from demos.catalog import suite\n"
        "from demos.engine import Engine\n"
        "engine = Engine(suite('mini'))\n"
        "print('transformers' in sys.modules)\n"
        "engine.networks\n"
        "names = ('gpt2.modeling_gpt2', 'llama.modeling_llama', 'blip_2.modeling_blip_2')\n"
        "print(all(f'transformers.models.{name}' in sys.modules for name in names))\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=300
    )
    assert said.stdout.split() == ["False", "True"]


def _taken(turns: Turns) -> Generator[None]:
    """A turn that another thread has, until this is closed."""
    with ThreadPoolExecutor(1) as pool, ExitStack() as stack:
        pool.submit(stack.enter_context, turns.taken()).result(PATIENCE)
        try:
            yield
        finally:
            pool.submit(stack.close).result(PATIENCE)


def _has_a_turn(turns: Turns) -> bool:
    with turns.taken():
        return True


def _until(true: Callable[[], bool]) -> None:
    late = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < late
        time.sleep(0.001)
