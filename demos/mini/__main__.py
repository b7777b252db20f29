"""`python -m demos.mini score FOLDER`: how often the mini suite names the sounds of your recordings."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from demos.mini import recordings

COMMANDS = (recordings.add_command,)
"""What adds a subcommand to the parser; each sets `run`, which takes the options and returns a status."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Returns 0, or 1 after sentences on the error stream about what went wrong."""
    parser = argparse.ArgumentParser(prog="python -m demos.mini", description="The mini suite, put to use.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in COMMANDS:
        add(commands)
    options = parser.parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
