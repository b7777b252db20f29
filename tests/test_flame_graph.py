"""The flame graph of a listen: shares that add up, names that are escaped."""

from __future__ import annotations

import threading
import time
from xml.etree import ElementTree

from tests.benchmarks.flame_graph import boxes, flame_graph
from tests.benchmarks.sampling import sampled

COUNTED = {("clap", "demos: rank"): 1, ("pengi", "demos: say", "torch: <add>"): 2, ("pengi", "demos: say"): 1}


def test_a_call_is_as_wide_as_all_that_it_calls_and_itself() -> None:
    shares = {(box.call, box.depth): (box.start, box.share) for box in boxes(COUNTED)}
    assert shares == {
        ("clap", 0): (0, 0.25),
        ("demos: rank", 1): (0, 0.25),
        ("pengi", 0): (0.25, 0.75),
        ("demos: say", 1): (0.25, 0.75),
        ("torch: <add>", 2): (0.25, 0.5),
    }


def test_the_figure_names_every_call() -> None:
    root = ElementTree.fromstring(flame_graph(COUNTED, "A listen & more"))
    said = [title.text for title in root.iter("{http://www.w3.org/2000/svg}title")]
    assert said[0] == "A listen & more"
    assert "torch: <add>, 50.0%" in said


def test_working_threads_of_these_names_are_seen_and_waiting_ones_are_not() -> None:
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            sum(range(100))

    threads = [
        threading.Thread(target=work, name="works"),
        threading.Thread(target=work, name="unasked"),
        threading.Thread(target=stop.wait, name="waits"),
    ]
    with sampled({"works", "waits"}) as counted:
        for thread in threads:
            thread.start()
        late = time.monotonic() + 30
        while not counted and time.monotonic() < late:
            time.sleep(0.01)
        stop.set()
        for thread in threads:
            thread.join()
    assert {stack[0] for stack in counted} == {"works"}
    assert any("work" in call for stack in counted for call in stack[1:])
