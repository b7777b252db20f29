"""Published models on their way here while the page is served: fetched, then loaded, watched by everybody.

One object belongs to one server. Two models may come at the same time; more wait for one of them.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from demos.catalog import Model
from demos.published.download import FetchCancelled, FetchError
from demos.published.fetch import Progress, fetch
from demos.published.model import PublishedModel
from demos.published.models import PUBLISHED
from demos.published.shelf import Shelf

log = logging.getLogger(__name__)

State = Literal["elsewhere", "waiting", "downloading", "checking", "loading", "here", "loaded"]
UNDER_WAY: tuple[State, ...] = ("waiting", "downloading", "checking", "loading")
AT_ONCE = 2


@dataclass(frozen=True)
class Standing:
    """Where a model stands: bytes here and in all while it comes (None: not known), seconds left.

    `problem` is a sentence about what went wrong when it was brought last.
    """

    state: State
    done: int = 0
    total: int | None = None
    seconds_left: float | None = None
    problem: str = ""


class Bringing:
    """Brings published models to a server, and knows where each of them stands.

    `load` reads a model into memory and raises ValueError or RuntimeError with a sentence; `loaded` says
    whether it is there.
    """

    def __init__(
        self,
        shelf: Shelf,
        load: Callable[[Model], None],
        loaded: Callable[[Model], bool],
        models: Sequence[PublishedModel] = PUBLISHED,
    ) -> None:
        self.models = tuple(models)
        self._shelf = shelf
        self._load = load
        self._loaded = loaded
        self._coming: dict[str, Standing] = {}  # those under way, and those of which something went wrong
        self._cancelled: dict[str, threading.Event] = {}
        self._lock = threading.Lock()
        self._room = threading.Semaphore(AT_ONCE)

    def standing(self, model: PublishedModel) -> Standing:
        """Where a model stands now."""
        with self._lock:
            coming = self._coming.get(model.id)
        if coming is not None and coming.state in UNDER_WAY:
            return coming
        problem = coming.problem if coming else ""
        here = next((one for one in self._shelf.models() if one.id == model.id), None)
        if here is None:
            return Standing("elsewhere", problem=problem)
        return Standing("loaded" if self._loaded(here) else "here", problem=problem)

    @property
    def under_way(self) -> bool:
        """Whether anything is on its way."""
        with self._lock:
            return any(one.state in UNDER_WAY for one in self._coming.values())

    def bring(self, model_id: str) -> None:
        """Begin to fetch and load a model, unless it is on its way. Raises FetchError for an unknown id."""
        model = next((one for one in self.models if one.id == model_id), None)
        if model is None:
            raise FetchError(f"There is no published model “{model_id}”. Reload the page.")
        with self._lock:
            standing = self._coming.get(model_id)
            if standing is not None and standing.state in UNDER_WAY:
                return
            self._coming[model_id] = Standing("waiting")
            cancelled = self._cancelled[model_id] = threading.Event()
        threading.Thread(
            target=self._run, args=(model, cancelled), daemon=True, name=f"bring {model_id}"
        ).start()

    def cancel(self, model_id: str) -> None:
        """Stop to bring a model; what came of it is kept. What is being loaded already cannot be stopped."""
        with self._lock:
            if model_id in self._cancelled:
                self._cancelled[model_id].set()

    def _run(self, model: PublishedModel, cancelled: threading.Event) -> None:
        try:
            while not self._room.acquire(timeout=0.2):
                if cancelled.is_set():
                    raise FetchCancelled("Cancelled.")
            try:
                self._bring(model, cancelled)
            finally:
                self._room.release()
            self._stands(model, None)
        except FetchCancelled:
            self._stands(model, Standing("elsewhere"))
        except (ValueError, RuntimeError, OSError) as problem:
            log.warning("%s did not come: %s", model.id, problem)
            self._stands(model, Standing("elsewhere", problem=str(problem)))
        except BaseException:
            log.exception("%s did not come", model.id)
            sentence = f"{model.title} could not be loaded; the server's log says more."
            self._stands(model, Standing("elsewhere", problem=sentence))

    def _bring(self, model: PublishedModel, cancelled: threading.Event) -> None:
        def report(progress: Progress) -> None:
            state: State = "downloading" if progress.stage == "waiting" else progress.stage
            self._stands(
                model, Standing(state, progress.done, progress.total, seconds_left=progress.seconds_left)
            )

        fetch(model, self._shelf.where, report, cancelled.is_set)
        if cancelled.is_set():
            raise FetchCancelled("Cancelled.")
        self._shelf.look()
        here = next((one for one in self._shelf.models() if one.id == model.id), None)
        if here is None:
            raise FetchError(f"The files of {model.title} came, and are not there any more: load it again.")
        with self._lock:
            before = self._coming.get(model.id, Standing("loading"))
            self._coming[model.id] = replace(before, state="loading", seconds_left=None)
        self._load(here)

    def _stands(self, model: PublishedModel, standing: Standing | None) -> None:
        with self._lock:
            if standing is None:
                self._coming.pop(model.id, None)
            else:
                self._coming[model.id] = standing
