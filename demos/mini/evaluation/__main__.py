"""`make evaluate`: prints the table, puts it into the README, keeps figures and details with the weights."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from demos.catalog import suite
from demos.mini.evaluation.captions import pengi
from demos.mini.evaluation.clap import clap
from demos.mini.evaluation.details import (
    DETAILS,
    QUICK,
    Outcome,
    Sizes,
    as_text,
    kept_failures,
    merged,
    worst,
)
from demos.mini.evaluation.evidence import evidence
from demos.mini.evaluation.failures import write_page
from demos.mini.evaluation.figures import README, RESULTS, kept, put_among, table, with_table
from demos.mini.evaluation.layer_study import layers
from demos.mini.evaluation.listening import THREADS, Listeners
from demos.mini.evaluation.salmonn import salmonn
from demos.mini.evaluation.transcripts import whisper
from demos.mini.world.speech import SpeechUnavailableError

PARTS: Mapping[str, Callable[[Listeners, Sizes], Outcome]] = {
    "clap": clap,
    "pengi": pengi,
    "evidence": evidence,
    "whisper": whisper,
    "salmonn": salmonn,
    "layers": layers,
}


def main(arguments: list[str] | None = None) -> int:
    """Measure, or make the failures heard."""
    options = _options().parse_args(arguments)
    try:
        if options.command == "failures":
            print(write_page(options.folder, worst(kept_failures(), options.worst)))
        else:
            _measure(options)
    except SpeechUnavailableError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def measured(listeners: Listeners, sizes: Sizes, only: str | None = None) -> Outcome:
    """What all parts, or the one named, find."""
    outcomes = [part(listeners, sizes) for name, part in PARTS.items() if only in (None, name)]
    models = suite("mini", listeners.weights).models
    return Outcome(
        [one for outcome in outcomes for one in outcome.figures],
        [one for outcome in outcomes for one in outcome.failures],
        {
            "threads": THREADS,
            "weights": {name: models[name].revision for name in ("clap", "pengi", "whisper", "salmonn")},
            **{name: one for outcome in outcomes for name, one in outcome.report.items()},
        },
    )


def _measure(options: argparse.Namespace) -> None:
    with Listeners(options.weights, options.processes) as listeners:
        outcome = measured(listeners, QUICK if options.quick else Sizes(), options.only)
    print(table(outcome.figures))
    if options.weights is not None or options.quick or (options.only is not None and not options.keep):
        return
    figures, report, failures = outcome.figures, outcome.report, outcome.failures
    if options.only is not None:
        figures = put_among(kept(), figures)
        report, failures = merged(DETAILS, outcome)
    listed = json.dumps([asdict(one) for one in figures], indent=1, ensure_ascii=False)
    RESULTS.write_text(f"{listed}\n", encoding="utf-8")
    DETAILS.write_text(as_text(report, failures), encoding="utf-8")
    README.write_text(with_table(README.read_text(encoding="utf-8"), figures), encoding="utf-8")


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m demos.mini.evaluation",
        description="Measure the mini suite on the held-out split, print the table and keep the figures.",
    )
    parser.add_argument("--weights", type=Path, help="another folder of mini weights; nothing is kept")
    parser.add_argument("--only", choices=list(PARTS), help="one system; nothing is kept")
    parser.add_argument(
        "--keep", action="store_true", help="with --only: keep its figures, in the place of its old ones"
    )
    parser.add_argument("--quick", action="store_true", help="a few clips each; nothing is kept")
    parser.add_argument(
        "--processes",
        type=int,
        default=len(os.sched_getaffinity(0)),
        help="how many listen, each with one thread; the figures are the same (all cores)",
    )
    commands = parser.add_subparsers(dest="command", metavar="failures")
    failures = commands.add_parser("failures", help="make clips that were misheard again, to listen to")
    failures.add_argument("folder", type=Path)
    failures.add_argument("--worst", type=int, default=20, help="so many of each test (20)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
