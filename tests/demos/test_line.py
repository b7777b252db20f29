"""The line before each system: first come, first served; where one stands; who leaves makes room."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from demos.line import Ahead, Line, Place
from tests.asking import Clock

PATIENCE = 30.0


def inside(*places: Place) -> list[bool]:
    return [place.come.is_set() for place in places]


def test_who_joins_first_goes_in_first_among_many_threads() -> None:
    line, order, joined = Line(2), list[int](), list[Place]()
    first, second = line.join(), line.join()
    most, now, counting = 0, 0, threading.Lock()

    def visit(number: int) -> None:
        nonlocal most, now
        with line.place() as place:
            joined.append(place)
            for _ in line.wait(place):
                pass
            with counting:
                order.append(number)
                now += 1
                most = max(most, now)
            time.sleep(random.uniform(0, 0.002))
            with counting:
                now -= 1

    with ThreadPoolExecutor(40) as pool:
        visits = []
        for number in range(40):
            visits.append(pool.submit(visit, number))
            until(lambda number=number: len(joined) > number)  # type: ignore[misc]
        line.leave(first)  # one at a time, so that the order can be seen
        for visit_ in visits:
            visit_.result(PATIENCE)
        line.leave(second)
    assert order == list(range(40))
    assert most == 1


def test_no_more_are_inside_than_there_is_room_for() -> None:
    line, now, most, counting = Line(3), 0, 0, threading.Lock()

    def visit(_: int) -> None:
        nonlocal now, most
        with line.place() as place:
            list(line.wait(place))
            with counting:
                now += 1
                most = max(most, now)
            time.sleep(0.002)
            with counting:
                now -= 1

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(visit, range(60)))
    assert most == 3


def test_ranks_count_from_who_goes_in_next_and_fall_as_others_go() -> None:
    line = Line(2)
    first, second, third, fourth, fifth = places = [line.join() for _ in range(5)]
    assert inside(*places) == [True, True, False, False, False]
    assert [line.ahead(place) for place in places] == [
        None,
        None,
        Ahead(1, None),
        Ahead(2, None),
        Ahead(3, None),
    ]
    line.leave(second)
    assert inside(*places) == [True, True, True, False, False]
    assert line.ahead(fifth) == Ahead(2, None)
    line.leave(fourth)  # gives up while waiting
    assert line.ahead(fifth) == Ahead(1, None)
    assert not fifth.come.is_set(), "who gave up was not inside and made no room there"
    line.leave(third)
    assert fifth.come.is_set()
    line.leave(first)


def test_who_leaves_twice_makes_room_once() -> None:
    line = Line(1)
    first, second, third = (line.join() for _ in range(3))
    line.leave(first)
    line.leave(first)
    assert inside(second, third) == [True, False]


def test_the_time_left_follows_from_who_is_inside_and_how_long_one_takes() -> None:
    clock = Clock()
    line = Line(2, clock)
    line.took(10.0)
    line.join()
    clock.now += 4
    line.join()
    waiting = [line.join() for _ in range(4)]
    # Those inside come out in 6 s and 10 s; then each takes 10 s.
    assert [line.ahead(place) for place in waiting] == [
        Ahead(1, 6),
        Ahead(2, 10),
        Ahead(3, 20),  # 16 s, rounded up
        Ahead(4, 20),
    ]
    clock.now += 60  # far longer than usual: it may end at any moment, and no number is negative
    assert line.ahead(waiting[0]) == Ahead(1, 2)


def test_how_long_one_takes_is_a_moving_average() -> None:
    line = Line(1, Clock())
    line.join()
    last = line.join()
    line.took(10.0)
    line.took(20.0)
    assert line.ahead(last) == Ahead(1, 15)  # 13 s
    for _ in range(30):
        line.took(2.0)
    assert line.ahead(last) == Ahead(1, 4)  # a bit more than 2 s


@pytest.mark.parametrize(
    ("ahead", "place", "time_left"),
    [
        (Ahead(1, None), "1st in line", ""),
        (Ahead(2, 2), "2nd in line", "about 2 s"),
        (Ahead(3, 8), "3rd in line", "about 8 s"),
        (Ahead(11, 105), "11th in line", "about 105 s"),
        (Ahead(12, 120), "12th in line", "about 2 min"),
        (Ahead(13, 180), "13th in line", "about 3 min"),
        (Ahead(21, 8), "21st in line", "about 8 s"),
        (Ahead(112, 8), "112th in line", "about 8 s"),
    ],
)
def test_what_is_ahead_is_said_as_people_say_it(ahead: Ahead, place: str, time_left: str) -> None:
    assert (ahead.place, ahead.time) == (place, time_left)
    assert str(ahead) == ", ".join(part for part in (place, time_left) if part)


def test_who_waits_is_told_once_for_each_change() -> None:
    line, told = Line(1), list[Ahead]()
    first, second = line.join(), line.join()
    place = line.join()

    def wait() -> None:
        told.extend(line.wait(place, looked.release))

    looked = threading.Semaphore(0)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait)
        for _ in range(3):  # nothing changes, and nothing is told again
            assert looked.acquire(timeout=PATIENCE)
        line.leave(second)
        for _ in range(3):
            assert looked.acquire(timeout=PATIENCE)
        line.leave(first)
        waiting.result(PATIENCE)
    assert told == [Ahead(2, None), Ahead(1, None)]


def test_who_is_called_off_while_waiting_leaves_the_line() -> None:
    line, stop = Line(1), threading.Event()
    first = line.join()

    def check() -> None:
        if stop.is_set():
            raise InterruptedError

    def visit() -> None:
        with line.place() as place:
            list(line.wait(place, check))

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(visit)
        try:
            until(lambda: len(line._waiting) == 1)
            last = line.join()
            assert line.ahead(last) == Ahead(2, None)
            stop.set()
            with pytest.raises(InterruptedError):
                waiting.result(PATIENCE)
            assert line.ahead(last) == Ahead(1, None)
        finally:
            line.leave(first)  # so that nobody waits for ever, whatever failed
    assert last.come.is_set()


def test_an_error_inside_makes_room() -> None:
    line = Line(1)
    with pytest.raises(KeyError), line.place():
        raise KeyError
    assert line.join().come.is_set()


def test_there_must_be_room() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Line(0)


def until(true: Callable[[], bool]) -> None:
    late = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < late
        time.sleep(0.001)
