"""`python -m tests.benchmarks`: run every comparison and print it as a table in Markdown.

`python -m tests.benchmarks profile` draws the flame graph of a listen instead.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from collections.abc import Sequence
from pathlib import Path

import duckdb
import torch

from demos.catalog import MINI_WEIGHTS, Suite, suite
from demos.engine import Engine
from tests.benchmarks.captions import compare_captions
from tests.benchmarks.comparison import table
from tests.benchmarks.keeping import compare_keeping
from tests.benchmarks.listening import (
    compare_first,
    compare_listening,
    compare_many,
    compare_upstream,
    memory_over,
)
from tests.benchmarks.many_rows import compare_export, compare_page, compare_sessions
from tests.benchmarks.profiling import PICTURE, write_flame_graph
from tests.benchmarks.serving import compare_serving
from tests.mini_weights import write_mini_weights

RUNS = {
    "listens": 9,
    "captions": 5,
    "many": 3,
    "kept": 200,
    "starts": 5,
    "flags": 50,
    "sessions": 5,
    "pages": 9,
    "exports": 3,
    "page rows": 200_000,
    "export rows": 50_000,
}
QUICK_RUNS = dict.fromkeys(RUNS, 2) | {
    "listens": 3,
    "captions": 1,
    "flags": 10,
    "page rows": 5_000,
    "export rows": 1_000,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print each table when it is complete."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few runs: to see that it works, not to quote")
    parser.add_argument("what", nargs="?", choices=("all", "profile"), default="all", help="(default: all)")
    options = parser.parse_args(arguments)
    runs = QUICK_RUNS if options.quick else RUNS

    with tempfile.TemporaryDirectory() as folder:
        models, said = _models(Path(folder))
        engine = Engine(models)
        if options.what == "profile":
            write_flame_graph(engine)
            _say(f"Written to {PICTURE}.")
            return
        _say(f"Models: {said}.")
        _say(
            f"Machine: {platform.machine()}, {len(os.sched_getaffinity(0))} cores; networks on "
            f"{engine.networks.placement.device_name}, threads: {torch.get_num_threads()}; Python "
            f"{platform.python_version()}, torch {torch.__version__}, DuckDB {duckdb.__version__}."
        )
        _say("Ratio: the median over the runs of time ÷ baseline's time; 1 is as fast as the baseline.")
        _say("## A listen")
        together = compare_many(engine, runs["many"])
        listens = [
            *compare_listening(engine, runs["listens"]),
            compare_first(engine, runs["listens"]),
            together,
        ]
        before, after = memory_over(engine, runs["kept"])  # before the scripts load what only they need
        _say(table([*listens, *compare_upstream(engine, runs["listens"])]))
        _say(f"Memory after 10 listens {before:.0f} MiB, after {runs['kept']} more {after:.0f} MiB.")
        _say("## A caption at the published size")
        _say(table(compare_captions(runs["captions"])))
        _say("## A start")
        weights = models.model("clap").files["config"].parent
        _say(table([compare_serving(weights, runs["starts"])]))
        _say("## A flag")
        _say(table([compare_keeping(runs["flags"]), compare_sessions(10, runs["sessions"])]))
        _say("## Many rows")
        exported, memory = compare_export(runs["export rows"], runs["exports"])
        _say(table([compare_page(runs["page rows"], runs["pages"]), exported]))
        _say(f"The export took {memory:.0f} MiB of memory beyond what the process held before.")


def _models(folder: Path) -> tuple[Suite, str]:
    """The embedded suite if its files are there, else untrained networks written to `folder`."""
    embedded = suite("mini")
    if not any(model.missing for model in (*embedded.models.values(), *embedded.encoders)):
        return embedded, "the embedded mini suite"
    untrained = (
        f"random tiny weights, because {'/'.join(MINI_WEIGHTS.parts[-3:])} is not filled; these networks are "
        "far smaller than the trained ones, so a listen's ratios are not those of the trained suite"
    )
    return write_mini_weights(folder), untrained


def _say(text: str) -> None:
    print(f"{text}\n", flush=True)


if __name__ == "__main__":
    main()
