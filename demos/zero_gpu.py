"""The engine on ZeroGPU: what is asked is computed by a process that has a graphics card for one call.

Networks are loaded before the page is served and never compute here. What is asked about a sound at about the
same time, as by the panels of one listen, shares a call. A call gets its arguments and gives its answers
pickled; it begins with an engine of its own around the networks, so that no lock that somebody holds here
while it is forked can stop it, and nothing of a sound stays in it.
"""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import closing
from contextvars import copy_context
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from demos.catalog import Model, Suite
from demos.encoders import Encoders
from demos.engine import Engine, Item
from demos.evidence import Evidence
from demos.grounds import Grounds
from demos.placement import Placement, on_lent_card, on_zero_gpu
from demos.request import Cancelled, EngineError, Partial, Request, settle
from demos.sound import Sound
from demos.spoken import told_of_sounds
from store.audio import ROW_SECONDS
from store.records import Observation, System

log = logging.getLogger(__name__)

GATHER_SECONDS = 0.25  # for which the first ask of a listen waits for the others
CHECK_SECONDS = 0.1  # how often one who waits looks whether to go on waiting
MOST_BESIDE = 256  # results that are kept because they will be asked for
START_SECONDS = 5  # of a call: the networks go to the card
MOST_SECONDS = 120
SYSTEM_SECONDS: dict[System, int] = {"clap": 1, "pengi": 4, "salmonn": 10, "whisper": 4, "layers": 1}
"""What a system is given for each 30 s of a sound, or for the 30 s that it hears; estimated, not measured."""


def engine_of(suite: Suite) -> Engine:
    """The engine for where this runs; on ZeroGPU all that is here is loaded, and no model comes later."""
    if not on_zero_gpu():
        return Engine(suite)
    here = suite.shelf()
    engine = ZeroGpuEngine(replace(suite, shelf=lambda: here))
    engine.load_everything()
    return engine


class ZeroGpuEngine(Engine):
    """Asks as Engine does, and has the work done on a card that is lent for it.

    Who waits for a card waits in the Hub's line, so `ahead` of a Partial is never known. Threads share it.
    """

    def __init__(self, suite: Suite, placement: Placement | None = None) -> None:
        super().__init__(suite, placement)
        self._on_card = on_lent_card(self._compute, seconds_of)
        self._gathering: dict[int, list[_Ask]] = {}  # by the identity of the sound
        self._gathering_lock = threading.Lock()
        self._beside = _Beside()
        self._loaded = False

    def load_everything(self) -> None:
        """Load all whose files are here; in the thread that began, before the page is served."""
        for model in self.suite.all_models:
            try:
                super().load(model)
                _ = model.revision  # computed once, here and not in each call
            except (EngineError, ValueError) as problem:
                log.warning("%s is not ready: %s", model.title, problem)
        self._loaded = True

    def load(self, model: Model) -> None:
        """Before the page is served as Engine does; afterwards the call that needs it loads a model."""
        if not self._loaded:
            super().load(model)
        elif not self.holds(model):
            try:
                model.require()
            except ValueError as problem:
                raise EngineError(str(problem)) from problem

    def warm(self, system: System) -> None:
        """As `load`, a system's own model."""
        self.load(self.suite.model(system))

    def observe(
        self, sound: Sound, request: Request, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[Item]:
        """As Engine. Who cancels is answered at once; the call ends early when all who share it have gone."""
        self._require_sense(sound, request)
        ask = _Ask(request)
        self._gather(sound, ask)
        yield Partial("", "Waiting for a graphics card")
        try:
            for _, item in _said(ask.said, cancelled):
                if isinstance(item, EngineError):
                    raise item
                yield item
                if isinstance(item, Observation):
                    return
        finally:
            ask.left.set()

    def listen(
        self,
        sound: Sound,
        requests: Sequence[Request],
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[tuple[Request, Item | EngineError]]:
        """As Engine, in one call."""
        said: queue.SimpleQueue[tuple[_Ask, Item | EngineError]] = queue.SimpleQueue()
        asks = []
        for request in requests:
            try:
                self._require_sense(sound, request)
                asks.append(_Ask(request, said))
            except EngineError as problem:
                yield request, problem
        waiting = list(asks)
        _in_this_context(lambda: self._listen_on_card(sound, asks))
        try:
            for ask, item in _said(said, cancelled) if waiting else ():
                if not isinstance(item, Partial):
                    waiting.remove(ask)
                yield ask.request, item
                if not waiting:
                    return
        except Cancelled as stopped:
            for ask in waiting:
                yield ask.request, stopped
        finally:
            for ask in asks:
                ask.left.set()

    def grounds(
        self, sound: Sound, said: Observation, cancelled: Callable[[], bool] = lambda: False
    ) -> Grounds:
        """As Engine, in a call of its own, which cannot be cancelled."""
        found: Grounds = self._once("grounds", sound, said)
        return found

    def embedding(
        self, sound: Sound, stop: float | None = None, cancelled: Callable[[], bool] = lambda: False
    ) -> npt.NDArray[np.float32]:
        """As Engine; known already where CLAP was asked about the sound, otherwise in a call of its own."""
        stop = sound.clip.seconds if stop is None else stop
        found: npt.NDArray[np.float32] = self._known("embedding", sound, stop)
        return found

    def embeddings(
        self, sounds: Iterable[Sound], stop: float, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[npt.NDArray[np.float32]]:
        """As Engine, all in one call, which gets no more of the sounds than it hears."""
        beginnings = [_beginning(sound, stop) for sound in sounds]
        if beginnings:
            yield from self._once("embeddings", beginnings, stop)

    def text_embedding(self, text: str) -> npt.NDArray[np.float32]:
        """As Engine, in a call of its own."""
        found: npt.NDArray[np.float32] = self._once("text_embedding", text)
        return found

    def evidence(
        self,
        sound: Sound,
        text: str,
        start: float = 0.0,
        stop: float | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> list[Evidence]:
        """As Engine; known already for what an answer says, otherwise in a call of its own."""
        found: list[Evidence] = self._known("evidence", sound, text, start, stop)
        return found

    def forget(self, clip_id: str) -> None:
        """Drop what is known of a clip."""
        super().forget(clip_id)
        self._beside.forget(clip_id)

    def _require_sense(self, sound: Sound, request: Request) -> None:
        """Raise EngineError for a request that no card is needed to refuse."""
        try:
            settle(sound, request, self.suite).model.require()
        except ValueError as problem:
            raise EngineError(str(problem)) from problem

    def _gather(self, sound: Sound, ask: _Ask) -> None:
        """Let an ask share the call that is about to be made for its sound, or be the first of one."""
        with self._gathering_lock:
            others = self._gathering.get(id(sound))
            if others is not None:
                others.append(ask)
                return
            asks = self._gathering[id(sound)] = [ask]

        def call() -> None:
            time.sleep(GATHER_SECONDS)
            with self._gathering_lock:
                del self._gathering[id(sound)]
            self._listen_on_card(sound, asks)

        _in_this_context(call)

    def _listen_on_card(self, sound: Sound, asks: Sequence[_Ask]) -> None:
        """Make one call for all who still wait, and give each what it says; whatever happens, an end."""
        asks = [ask for ask in asks if not ask.left.is_set()]
        waiting = set(range(len(asks)))
        problem = EngineError("The graphics card was taken away before the answer. Try again.")
        try:
            if not asks:
                return
            with closing(self._on_card("listen", sound, tuple(ask.request for ask in asks))) as said:  # type: ignore[type-var]
                for place, item in said:
                    if isinstance(place, tuple):
                        self._beside.keep(place, item)
                        continue
                    if not isinstance(item, Partial):
                        waiting.discard(place)
                    asks[place].tell(item)
                    if waiting and all(asks[place].left.is_set() for place in waiting):
                        break
        except Exception as error:
            problem = _in_a_sentence(error)
        finally:
            for place in waiting:
                asks[place].tell(problem)

    def _known(self, method: str, sound: Sound, *arguments: Hashable) -> Any:
        found = self._beside.get((method, sound.clip.id, *arguments))
        return self._once(method, sound, *arguments) if found is None else found

    def _once(self, method: str, *arguments: Any) -> Any:
        """What a method of the engine gives, from a call of its own. Raises EngineError."""
        try:
            (answer,) = self._on_card(method, *arguments)
        except Exception as error:
            raise _in_a_sentence(error) from error
        if isinstance(answer, EngineError):
            raise answer
        return answer

    def _compute(self, method: str, *arguments: Any) -> Iterator[Any]:
        """A call's work, in the process that has the card; all that it yields is on the processor."""
        networks, _ = self._started or self._start()
        engine = Engine(self.suite, networks.placement)
        engine._started = networks, Encoders(networks, engine._views)
        if method == "listen":
            yield from _listening(engine, *arguments)
            return
        try:
            answer = getattr(engine, method)(*arguments)
            yield list(answer) if isinstance(answer, Iterator) else answer
        except EngineError as problem:
            yield problem


def seconds_of(method: str, *arguments: Any) -> int:
    """For how many seconds a card is asked for: more than the work takes, for what takes longer is ended."""
    if method == "embeddings":
        return min(MOST_SECONDS, START_SECONDS + SYSTEM_SECONDS["clap"] * len(arguments[0]))
    if method != "listen":
        return START_SECONDS + SYSTEM_SECONDS["salmonn"]
    sound, requests = arguments
    pieces = max(1, round(sound.clip.seconds / ROW_SECONDS))
    whole = ("salmonn", "layers")  # hear 30 s at most
    needed = (SYSTEM_SECONDS[one.system] * (1 if one.system in whole else pieces) for one in requests)
    return min(MOST_SECONDS, START_SECONDS + sum(needed))


def _beginning(sound: Sound, stop: float) -> Sound:
    """The first `stop` seconds of a sound, under its clip's id."""
    frames = min(sound.clip.frames, math.ceil(stop * sound.clip.rate))
    return Sound(replace(sound.clip, frames=frames), sound.samples[:frames])


class _Ask:
    """One request that waits for a call to answer it."""

    def __init__(
        self, request: Request, said: queue.SimpleQueue[tuple[_Ask, Item | EngineError]] | None = None
    ) -> None:
        self.request = request
        self.said = said or queue.SimpleQueue()
        self.left = threading.Event()  # nobody waits for it any more

    def tell(self, item: Item | EngineError) -> None:
        self.said.put((self, item))


class _Beside:
    """What calls computed unasked, by (method, clip id, arguments); the oldest goes first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Hashable, ...], Any] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, key: tuple[Hashable, ...], value: Any) -> None:
        with self._lock:
            self._kept[key] = value
            while len(self._kept) > MOST_BESIDE:
                self._kept.popitem(last=False)

    def get(self, key: tuple[Hashable, ...]) -> Any:
        with self._lock:
            return self._kept.get(key)

    def forget(self, clip_id: str) -> None:
        with self._lock:
            self._kept = OrderedDict((key, one) for key, one in self._kept.items() if key[1] != clip_id)


def _said(
    said: queue.SimpleQueue[tuple[_Ask, Item | EngineError]], cancelled: Callable[[], bool]
) -> Iterator[tuple[_Ask, Item | EngineError]]:
    """What comes, as it comes. Raises Cancelled once `cancelled` says so."""
    while True:
        if cancelled():
            raise Cancelled("Stopped.")
        try:
            yield said.get(timeout=CHECK_SECONDS)
        except queue.Empty:
            continue


def _listening(engine: Engine, sound: Sound, requests: Sequence[Request]) -> Iterator[tuple[Any, Any]]:
    """What systems say, with the place of their request, and before an answer what will be asked about it."""
    own = [replace(request) for request in requests]  # told apart by their identity
    places = {id(request): place for place, request in enumerate(own)}
    for request, item in engine.listen(sound, own):
        if isinstance(item, Observation):
            yield from _to_be_asked(engine, sound, item)
        yield places[id(request)], item


def _to_be_asked(engine: Engine, sound: Sound, said: Observation) -> Iterator[tuple[Any, Any]]:
    """What the page asks for as soon as it has an answer: while there is a card anyway."""
    clip, view = sound.clip, said.view
    try:
        if said.system == "clap":
            stop = min(clip.seconds, ROW_SECONDS)
            yield ("embedding", clip.id, stop), engine.embedding(sound, stop)
        elif said.system in ("pengi", "salmonn") and not said.settings.get("over_silence"):
            text = told_of_sounds(said.instruction, said.text)
            found = engine.evidence(sound, text, view.start, view.stop)
            yield ("evidence", clip.id, text, view.start, view.stop), found
    except EngineError as problem:
        log.warning("Nothing beside the answer: %s", problem)


def _in_this_context(work: Callable[[], None]) -> None:
    """Begin work in a thread that knows whose request this is: the card is lent to a visitor's account."""
    threading.Thread(target=copy_context().run, args=(work,), daemon=True, name="card").start()


def _in_a_sentence(error: Exception) -> EngineError:
    """Why there was no card, as `spaces` says it (by an error of gradio's), or what broke."""
    if isinstance(error, EngineError):
        return error
    log.warning("No answer from the graphics card", exc_info=error)
    title, said = getattr(error, "title", ""), str(getattr(error, "message", error) or type(error).__name__)
    told = f"{title}: {said}" if title else said
    return EngineError(f"The graphics card gave no answer ({told.rstrip('. ')}). Try again later.")
