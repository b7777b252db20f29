"""The store from the command line: what is kept, checked, given out, copied, merged and withdrawn."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, get_args

from store.benchmark import TASKS
from store.database import REWRITE_DUE
from store.errors import StoreError, StoreInUseError
from store.export import export
from store.merge import merge
from store.records import LICENCES, ROW_STATES, FlagKind, Withdrawal, new_id
from store.rows import RowFilter
from store.store import DEFAULT_FOLDER, Store
from store.verify import verify
from store.votes import write_votes
from store.withdrawal import clip_named

BACKUP_STEPS = "steps of the backup done"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 done, 1 something is wrong with what was seen, 2 refused.

    What was done is said on the standard output, progress and refusals on the standard error.
    """
    asked = _parser().parse_args(arguments)
    try:
        if not asked.opens_store:
            return int(asked.run(asked))
        try:
            store = Store(asked.store, create=False)
        except StoreInUseError:
            if asked.run_in_use is None:
                raise
            return int(asked.run_in_use(asked))
        with store:
            status = int(asked.run(store, asked))
    except StoreError as error:
        print(error, file=sys.stderr)
        return 2
    if (asked.store / REWRITE_DUE).exists():
        print(
            "What was withdrawn is erased, but may still stand in unused parts of the database file, which "
            "could not be written anew: free some space on the disk, then run “verify”.",
            file=sys.stderr,
        )
        return 1
    return status


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
        print("Every clip's audio is whole, every reference resolves, and nothing withdrawn is kept.")
    return 1 if wrong else 0


def _votes(store: Store, asked: argparse.Namespace) -> int:
    with store.reading() as cursor:
        write_votes(cursor, sys.stdout)
    return 0


def _export(store: Store, asked: argparse.Namespace) -> int:
    chosen = RowFilter(
        kind=asked.kind,
        model=asked.model,
        task=asked.task,
        licence=asked.licence,
        state=asked.state,
        ids=tuple(asked.row) if asked.row else None,
    )
    written = export(store, asked.out, chosen, _progress("instances exported"))
    print(f"Exported {_listed({'rows': store.count_rows(chosen)})} to {written}.")
    return 0


def _check(asked: argparse.Namespace) -> int:
    from store.check import report

    return 0 if report(asked.export, sys.stdout) else 1


def _withdraw(store: Store, asked: argparse.Namespace) -> int:
    with store.reading() as cursor:
        clip_id = clip_named(cursor, asked.clip)
    before = store.counts()
    scope: Literal["clip", "contribution"] = "clip" if asked.everyone else "contribution"
    store.withdraw(Withdrawal(new_id(), clip_id, scope, asked.contributor))
    after = store.counts()
    erased = {
        name: before[name] - after[name] for name in ("clips", "observations", "flags", "rows", "votes")
    }
    whose = f"Clip {asked.clip}" if asked.everyone else f"What {asked.contributor} gave to clip {asked.clip}"
    print(
        f"{whose} is withdrawn, which erased {_listed(erased) or 'no clip, observation, flag, row or vote'}."
    )
    return 0


def _merge(asked: argparse.Namespace) -> int:
    merged = merge(asked.first, asked.second, asked.into, _progress("clips merged"))
    with Store(merged, create=False) as store:
        kept = _listed(store.counts())
    print(f"Merged {asked.first} and {asked.second} into {merged}: {kept or 'nothing is kept in it'}.")
    return 0


def _backup(store: Store, asked: argparse.Namespace) -> int:
    from store.backup import backup

    print(f"Backed up {asked.store} to {backup(store, asked.folder, _progress(BACKUP_STEPS))}.")
    return 0


def _backup_in_use(asked: argparse.Namespace) -> int:
    from store.control import ask_for_backup

    written = ask_for_backup(asked.store, asked.folder.absolute(), _progress(BACKUP_STEPS))
    print(f"Backed up {asked.store}, which is in use, to {written}.")
    return 0


def _restore(asked: argparse.Namespace) -> int:
    from store.backup import restore

    restored = restore(asked.backup, asked.store, _progress("steps of the restoring done"))
    print(f"Restored {asked.backup} to {restored}.")
    return 0


def _listed(numbers: dict[str, int]) -> str:
    """Such as “1 clip, 2 flags”; what there is none of is not named."""
    named = {(name if number != 1 else name.removesuffix("s")): number for name, number in numbers.items()}
    return ", ".join(f"{number} {name}" for name, number in named.items() if number)


def _progress(what: str) -> Callable[[int, int], None]:
    """A function that counts on one line of a terminal, and says nothing elsewhere."""

    def tell(done: int, whole: int) -> None:
        if sys.stderr.isatty():
            print(f"{done} of {whole} {what}", end="\r", file=sys.stderr, flush=True)

    return tell


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m store", description=__doc__)
    parser.add_argument(
        "--store", type=Path, default=DEFAULT_FOLDER, help="folder of the store (default: %(default)s)"
    )
    parser.set_defaults(opens_store=True, run_in_use=None)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    counts = commands.add_parser(
        "counts", help="how many clips, observations, flags, rows and votes are kept"
    )
    counts.set_defaults(run=_counts)

    whole = commands.add_parser("verify", help="check that all audio is whole and every reference resolves")
    whole.set_defaults(run=_verify)

    out = commands.add_parser("export", help="write rows as a Dynamic-SUPERB folder in a zip")
    out.add_argument("out", type=Path, metavar="FILE.zip")
    out.add_argument("--task", choices=TASKS, help="rows of this task only")
    out.add_argument("--kind", choices=get_args(FlagKind), help="rows from flags of this kind only")
    out.add_argument("--model", help="rows from flags on this model only")
    out.add_argument("--licence", choices=LICENCES, help="rows of clips under this licence only")
    out.add_argument("--state", choices=ROW_STATES, help="rows that are in this state only")
    out.add_argument("--row", action="append", help="id of a row; repeat for several")
    out.set_defaults(run=_export)

    votes = commands.add_parser("votes", help="print every vote between two answers as a line of CSV")
    votes.set_defaults(run=_votes)

    check = commands.add_parser("check", help="check an export against Dynamic-SUPERB's rules")
    check.add_argument("export", type=Path, metavar="FOLDER_OR_ZIP")
    check.set_defaults(run=_check, opens_store=False)

    back = commands.add_parser("withdraw", help="erase what a contributor gave to a clip, for good")
    back.add_argument("clip", metavar="CLIP_PUBLIC_ID", help="the clip's public id, as exports carry it")
    back.add_argument("--contributor", required=True, metavar="ID", help="who withdraws")
    back.add_argument(
        "--everyone", action="store_true", help="erase the clip and what all made of it; it must be theirs"
    )
    back.set_defaults(run=_withdraw)

    both = commands.add_parser("merge", help="make a new store of all that two stores keep")
    both.add_argument("first", type=Path, metavar="A")
    both.add_argument("second", type=Path, metavar="B")
    both.add_argument("--into", type=Path, required=True, metavar="C", help="a folder that is not there yet")
    both.set_defaults(run=_merge, opens_store=False)

    copy = commands.add_parser("backup", help="copy the store into a new folder, also while it is in use")
    copy.add_argument("folder", type=Path, metavar="FOLDER")
    copy.set_defaults(run=_backup, run_in_use=_backup_in_use)

    again = commands.add_parser("restore", help="make the store (--store) anew from a backup")
    again.add_argument("backup", type=Path, metavar="BACKUP")
    again.set_defaults(run=_restore, opens_store=False)
    return parser


if __name__ == "__main__":
    sys.exit(main())
