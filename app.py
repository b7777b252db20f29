"""Earwitness: can audio models really hear? The command line, the wiring of the tabs, and the launch."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from demos.options import served_with
from demos.tools.early_gradio import import_gradio

if TYPE_CHECKING:
    import gradio as gr

    from demos.engine import Engine
    from demos.published.bringing import Bringing
    from demos.session import Sessions
    from store.store import Store

log = logging.getLogger("earwitness")

MOST_UPLOAD = "120mb"
CACHE_SECONDS = (3600, 3600)  # how often gradio's cache is looked through, how old a file may grow
MOST_WAITING = 64  # events in the queue; more visitors are told to come back


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the page until it is stopped. Returns 1, after a sentence, when it cannot start."""
    options = served_with(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for library in ("httpx", "mcp"):  # they would tell of every call, and of the clips' addresses
        logging.getLogger(library).setLevel(logging.WARNING)
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    from demos.placement import begin
    from demos.published.bringing import Bringing
    from demos.published.shelf import Shelf
    from demos.published.suites import suite
    from demos.session import Sessions
    from demos.zero_gpu import engine_of
    from store.control import answering
    from store.errors import StoreError
    from store.store import Store

    begin()
    try:
        store = Store(options.data)
    except StoreError as problem:
        print(problem, file=sys.stderr)
        return 1
    with store, answering(store):
        shelf = Shelf()
        engine = engine_of(suite(options.suite, options.weights, shelf))
        bringing = Bringing(shelf, engine.load, engine.holds)
        page = build(engine, Sessions(engine), store, bringing, options.visitors_load)
        try:
            address = serve(page, options.host, options.port, options.data)
        except OSError as problem:
            print(f"The page cannot be served: {problem} Choose another --port.", file=sys.stderr)
            return 1
        log.info("Earwitness listens on %s", address)
        threading.Thread(target=engine.warm_all, daemon=True, name="warm").start()
        page.block_thread()
    return 0


def build(
    engine: Engine, sessions: Sessions, store: Store, bringing: Bringing, visitors_load: bool = False
) -> gr.Blocks:
    """The page with its tabs and endpoints, wired, not yet served."""
    import_gradio()
    import gradio as gr

    import annotators.endpoints_component
    import demos.endpoints_component
    from annotators.flags.flag_form import FlagForm
    from annotators.flags.kinds_help import kinds_help
    from annotators.flags.known_failures import KnownFailures
    from annotators.library.kept_sounds import library_of
    from annotators.tasks import tasks_tab
    from annotators.votes.standings_component import votes_table
    from annotators.votes.vote_form import VoteForm
    from demos import help_tab, listen_tab, models_tab
    from demos.examples import examples
    from demos.header_component import header
    from demos.panels.model_component import ModelChoices

    choices = ModelChoices(engine.suite)
    known, library = KnownFailures(engine, store).sentences, library_of(engine, store)
    with gr.Blocks(title="Earwitness", analytics_enabled=False, delete_cache=CACHE_SECONDS) as page:
        header(engine.suite)
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab("Listen", id="listen"):
                forms = partial(FlagForm, store, sessions), partial(VoteForm, store, engine, sessions)
                actions = listen_tab.Actions(engine, sessions, examples(), *forms, known, library)
                form = listen_tab.build(actions, choices)
            with gr.Tab("Tasks", id="tasks") as tasks:
                tasks_tab.build(tasks_tab.Actions(store, engine, sessions), tasks)
                votes_table(store, tasks)
            with gr.Tab("Models", id="models") as models:
                models_tab.build(bringing, visitors_load, choices, models, tabs)
            with gr.Tab("Help", id="help"):
                help_tab.build(engine.suite, [kinds_help()])
        form.to_tasks.click(lambda: gr.Tabs(selected="tasks"), None, tabs, api_visibility="private")
        demos.endpoints_component.declare(engine, sessions, library)
        annotators.endpoints_component.declare(store, sessions)
        listen_tab.forget_who_leaves(page, sessions)
        models_tab.name_what_came(page, choices)
    return page


def serve(page: gr.Blocks, host: str, port: int, data: Path) -> str:
    """Begin to serve the page and return its address; nothing in the folder `data` is served as a file."""
    from demos.line import THREADS
    from demos.theme import page_look
    from demos.tools import late_tools

    page.queue(max_size=MOST_WAITING, default_concurrency_limit=8)
    _, address, _ = page.launch(
        server_name=host,
        server_port=port,
        **page_look(),
        max_threads=THREADS,
        footer_links=["api"],
        run_history=False,
        enable_monitoring=False,
        max_file_size=MOST_UPLOAD,
        blocked_paths=[str(data.resolve())],
        share=False,
        ssr_mode=False,
        **late_tools.settings(page),
        quiet=True,
        prevent_thread_lock=True,
    )
    return str(address)


if __name__ == "__main__":
    sys.exit(main())
