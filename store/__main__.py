"""The store from the command line: `python -m store counts | verify | export`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from store.benchmark import TASKS
from store.errors import StoreError
from store.export import export
from store.records import LICENCES, FlagKind
from store.rows import RowFilter
from store.store import DEFAULT_FOLDER, Store
from store.verify import verify


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 done, 1 something is wrong with the store, 2 refused."""
    asked = _parser().parse_args(arguments)
    try:
        with Store(asked.store, create=False) as store:
            return int(asked.run(store, asked))
    except StoreError as error:
        print(error, file=sys.stderr)
        return 2


def _counts(store: Store, asked: argparse.Namespace) -> int:
    for name, number in store.counts().items():
        print(f"{number:>8} {name}")
    return 0


def _verify(store: Store, asked: argparse.Namespace) -> int:
    wrong = 0
    for sentence in verify(store):
        wrong += 1
        print(sentence)
    if not wrong:
        print("Every clip's audio is whole and every reference resolves.")
    return 1 if wrong else 0


def _export(store: Store, asked: argparse.Namespace) -> int:
    chosen = RowFilter(
        kind=asked.kind,
        model=asked.model,
        task=asked.task,
        licence=asked.licence,
        ids=tuple(asked.row) if asked.row else None,
    )
    print(export(store, asked.out, chosen))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m store", description=__doc__)
    parser.add_argument(
        "--store", type=Path, default=DEFAULT_FOLDER, help="folder of the store (default: %(default)s)"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    counts = commands.add_parser("counts", help="how many clips, observations, flags and rows are kept")
    counts.set_defaults(run=_counts)

    check = commands.add_parser("verify", help="check that all audio is whole and every reference resolves")
    check.set_defaults(run=_verify)

    out = commands.add_parser("export", help="write rows as a Dynamic-SUPERB folder in a zip")
    out.add_argument("out", type=Path, metavar="FILE.zip")
    out.add_argument("--task", choices=TASKS, help="rows of this task only")
    out.add_argument("--kind", choices=get_args(FlagKind), help="rows from flags of this kind only")
    out.add_argument("--model", help="rows from flags on this model only")
    out.add_argument("--licence", choices=LICENCES, help="rows of clips under this licence only")
    out.add_argument("--row", action="append", help="id of a row; repeat for several")
    out.set_defaults(run=_export)
    return parser


if __name__ == "__main__":
    sys.exit(main())
