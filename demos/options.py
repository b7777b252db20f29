"""What `python app.py` can be told on its command line and by its environment."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from demos.catalog import SUITES

_OF_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")


def served_with(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of a server: host, port, data, suite, weights, and whether visitors load models."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.suite not in SUITES:  # by the environment, which argparse does not look at
        parser.error(f"There is no suite “{options.suite}”; there are {', '.join(SUITES)}.")
    if options.visitors_load is None:
        options.visitors_load = options.host in _OF_THIS_MACHINE
    return options


def _parser() -> argparse.ArgumentParser:
    about = "Several hearing systems listen to one sound; people say where they made it up."
    parser = argparse.ArgumentParser(prog="python app.py", description=about)
    given = os.environ.get  # a Space sets gradio's two variables
    host, port = given("GRADIO_SERVER_NAME", "127.0.0.1"), int(given("GRADIO_SERVER_PORT", "7860"))
    data = Path(given("EARWITNESS_DATA", "data"))
    suite = given("EARWITNESS_SUITE", "mini")
    parser.add_argument("--host", default=host, help=f"address to listen on (default: {host})")
    parser.add_argument("--port", type=int, default=port, help=f"port to listen on (default: {port})")
    parser.add_argument("--data", type=Path, default=data, help=f"folder of the store (default: {data})")
    parser.add_argument(
        "--suite", choices=SUITES, default=suite, help=f"which models listen (default: {suite})"
    )
    parser.add_argument(
        "--visitors-load",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="whether visitors may load published models (default: only where the page is for this machine)",
    )
    parser.add_argument("--weights", type=Path, metavar="FOLDER", help="the suite's files, if not its own")
    return parser
