"""The engine: a clip and a request go in, partial answers stream out, the last thing out is an observation.

Each system hears a clip through the shared encoders (`demos.encoders`), so that one listen runs every encoder
once. Everything here may be called from many threads. What is kept of a clip, `forget` drops.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from demos.catalog import Model, Suite, default_bank
from demos.conversation import turns_of
from demos.encoders import Encoders
from demos.evidence import Calibration, Evidence, evidence
from demos.grounds import Grounds, grounds
from demos.line import Line
from demos.loading import Networks
from demos.placement import Placement
from demos.presets import Preset
from demos.request import (
    LONGEST_LABEL,
    MOST_SCALING,
    SYSTEM_NAMES,
    Cancelled,
    EngineError,
    Partial,
    Request,
    settle,
)
from demos.sound import Sound
from demos.systems import SYSTEM_STEPS, Work
from demos.views import Views
from store.records import SYSTEMS, Observation, System

__all__ = ["Cancelled", "Engine", "EngineError", "Partial", "Request"]

log = logging.getLogger(__name__)

ANSWERS_AT_ONCE = 2  # of one system; who asks it meanwhile waits in its line

Item = Partial | Observation


class Engine:
    """Runs clips through one suite of models. Nothing is loaded before it is needed, or `warm` is called.

    What is compared with other sounds or texts (`embedding`, `text_embedding`, `evidence`) comes from the
    suite's own CLAP, whichever model a request names.
    """

    def __init__(self, suite: Suite, placement: Placement | None = None) -> None:
        self.suite = suite
        self._placement = placement
        self._views = Views()
        self._started: tuple[Networks, Encoders] | None = None
        self._starting = threading.Lock()
        self._lines = {system: Line(ANSWERS_AT_ONCE) for system in SYSTEMS}

    def observe(
        self, sound: Sound, request: Request, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[Item]:
        """Ask one system about a clip: `Partial`s while it works, the `Observation` last.

        Who asked a system first is answered first; who waits is told what is `ahead`. `cancelled` is asked
        while waiting and between steps. Raises Cancelled after it said yes, and EngineError for a request
        that makes no sense, missing weights, or a failure of the system.
        """
        with _said_in_sentences(request.system):
            question = settle(sound, request, self.suite)
            networks, encoders = self._start()
            work = Work(sound, question, networks, encoders, self._views, cancelled)
            work.model.require()
            yield from self._in_line(work)

    def listen(
        self,
        sound: Sound,
        requests: Sequence[Request],
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[tuple[Request, Item | EngineError]]:
        """Ask several systems at the same time; what each says comes as it comes, with its request.

        A request ends with its Observation or an EngineError, and none fails another. Closing the iterator
        stops them all.
        """
        said: queue.SimpleQueue[tuple[Request, Item | EngineError]] = queue.SimpleQueue()
        closed = threading.Event()

        def ask(request: Request) -> None:
            try:
                for item in self.observe(sound, request, lambda: closed.is_set() or cancelled()):
                    said.put((request, item))
            except EngineError as error:
                said.put((request, error))

        threads = [
            threading.Thread(target=ask, args=(request,), daemon=True, name=request.system)
            for request in requests
        ]
        for thread in threads:
            thread.start()
        working = len(requests)
        try:
            while working:
                request, item = said.get()
                working -= not isinstance(item, Partial)
                yield request, item
            for thread in threads:  # all have answered: what ends now must not meet the end of the program
                thread.join()
        finally:
            closed.set()

    def grounds(
        self, sound: Sound, said: Observation, cancelled: Callable[[], bool] = lambda: False
    ) -> Grounds:
        """What an answer that SALMONN gave about this clip rests on.

        Raises Cancelled, and EngineError for an observation of another system, clip or model or an empty one.
        """
        with _said_in_sentences("salmonn"):
            if said.system != "salmonn":
                raise EngineError("Only SALMONN's answers can be looked into. Choose one of them.")
            if said.view.clip_id != sound.clip.id:
                raise EngineError("This answer is about another sound. Listen again and choose a new one.")
            request = Request(
                "salmonn",
                model=said.model_id,
                instruction=said.instruction,
                lora_scaling=MOST_SCALING if said.lora_scaling is None else said.lora_scaling,
                over_silence=bool(said.settings.get("over_silence", False)),
                turns=turns_of(said),
                start=said.view.start,
                stop=said.view.stop,
            )
            question = settle(sound, request, self.suite)
            if said.model_revision != question.model.revision:
                raise EngineError("This answer was given by another model than the one loaded. Listen again.")
            networks, encoders = self._start()
            work = Work(sound, question, networks, encoders, self._views, cancelled)
            with networks.placement.turns.taken(work.check):
                return grounds(work, said)

    def embedding(
        self, sound: Sound, stop: float | None = None, cancelled: Callable[[], bool] = lambda: False
    ) -> npt.NDArray[np.float32]:
        """CLAP's embedding of a clip up to `stop` seconds: mean over windows, of unit length, float32 [d].

        Raises Cancelled, and EngineError for weights that are missing.
        """
        with _said_in_sentences("clap"):
            question = settle(sound, Request("clap", stop=stop), self.suite)
            networks, encoders = self._start()
            work = Work(sound, question, networks, encoders, self._views, cancelled)
            with networks.placement.turns.taken(work.check):
                latent = work.latent(work.view())
                mean = networks.retrieval(work.model).embed_latent(latent).mean(0)
            embedded: npt.NDArray[np.float32] = (mean / mean.norm()).cpu().float().numpy()
            return embedded

    def embeddings(
        self, sounds: Iterable[Sound], stop: float, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[npt.NDArray[np.float32]]:
        """CLAP's embeddings of the first `stop` seconds of sounds that are no visitor's, one after the other.

        Nothing of them stays. Raises as `embedding`.
        """
        for sound in sounds:
            yield self.embedding(sound, min(sound.clip.seconds, stop), cancelled)
            self.forget(sound.clip.id)

    def text_embedding(self, text: str) -> npt.NDArray[np.float32]:
        """CLAP's embedding of a sound that is described in a few words: of unit length, float32 [d].

        The words stand in the prompt that is published for labels, because bare nouns mean little to a CLAP
        that was taught captions. Raises EngineError for words that are none or too many.
        """
        with _said_in_sentences("clap"):
            words = " ".join(text.split())
            if not words:
                raise EngineError("Write what you want to find, such as “rain” or “a dog barking”.")
            if len(words) > LONGEST_LABEL:
                raise EngineError(
                    f"The text has {len(words)} characters; at most {LONGEST_LABEL} are compared."
                )
            retrieval = self.networks.retrieval()
            embedded: npt.NDArray[np.float32] = (
                retrieval.embed_texts([f"this is the sound of {words.lower()}"])[0].cpu().float().numpy()
            )
            return embedded

    def evidence(
        self,
        sound: Sound,
        text: str,
        start: float = 0.0,
        stop: float | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> list[Evidence]:
        """How well CLAP finds each sound that a caption or an answer speaks of, in a window of the clip.

        Raises Cancelled, and EngineError for a window that makes no sense or weights that are missing.
        """
        with _said_in_sentences("clap"):
            question = settle(sound, Request("clap", start=start, stop=stop), self.suite)
            networks, encoders = self._start()
            work = Work(sound, question, networks, encoders, self._views, cancelled)
            with networks.placement.turns.taken(work.check):
                return evidence(work, text, self._calibration())

    def ready(self, system: System) -> bool:
        """Whether the weights of a system's own model are loaded, so that it would listen at once."""
        return self._started is not None and self._started[0].holds(self.suite.model(system))

    def warm(self, system: System) -> None:
        """Load a system's own model. Raises EngineError when files are missing or do not fit."""
        self.load(self.suite.model(system))

    def load(self, model: Model) -> None:
        """Load a model of the suite or of its shelf. Raises EngineError when its files are missing or do not
        fit, or there is no room for it.
        """
        with _said_in_sentences(model.system):
            self.networks.load(model)

    def holds(self, model: Model) -> bool:
        """Whether a model is loaded, so that it would listen at once."""
        return self._started is not None and self._started[0].holds(model)

    def warm_all(self) -> None:
        """Load every system's weights, one after the other; what is missing is said when it is asked."""
        for system in SYSTEMS:
            try:
                self.warm(system)
            except EngineError as problem:
                log.warning("%s is not ready: %s", system, problem)

    def forget(self, clip_id: str) -> None:
        """Drop every view and encoding of a clip."""
        self._views.forget(clip_id)
        if self._started is not None:
            self._started[1].forget(clip_id)

    def presets(self, system: System) -> tuple[Preset, ...]:
        """Instructions to offer for a system's own model, the default first."""
        return self.suite.model(system).presets

    def default_bank(self) -> tuple[str, ...]:
        """The texts that CLAP ranks when a request brings none."""
        return default_bank()

    @property
    def networks(self) -> Networks:
        """The networks of the suite, for those who ask them more than a request can say."""
        return self._start()[0]

    def _calibration(self) -> Calibration | None:
        path = self.suite.evidence
        return Calibration.read(path) if path is not None and path.exists() else None

    def _start(self) -> tuple[Networks, Encoders]:
        with self._starting:
            if self._started is None:
                networks = Networks(self.suite, self._placement or Placement())
                self._started = networks, Encoders(networks, self._views)
            return self._started

    def _in_line(self, work: Work) -> Iterator[Item]:
        """What a system says, once it is this person's turn to be answered."""
        line = self._lines[work.question.system]
        with line.place() as place:
            for ahead in line.wait(place, work.check):
                yield Partial("", str(ahead), ahead=ahead)
            work.check()
            yield from _loading(work)
            yield Partial("", "Listening")
            begun = time.monotonic()
            for item in _by_turns(work):
                if isinstance(item, Observation):
                    line.took(time.monotonic() - begun)
                    line.leave(place)  # what is done with the answer keeps nobody waiting
                yield item


def _loading(work: Work) -> Iterator[Item]:
    """Load the model if nobody has yet; an encoder is loaded by who hears with it."""
    if work.model.system != "layers" and not work.networks.holds(work.model):
        yield Partial("", "Loading")
        work.networks.load(work.model)
        work.check()


def _by_turns(work: Work) -> Iterator[Item]:
    """The steps of a system, each made when it is this person's turn; its turns are the time it took."""
    steps = SYSTEM_STEPS[work.question.system](work)
    seconds = 0.0
    while True:
        with work.networks.placement.turns.taken(work.check) as turn:
            item = next(steps, None)
        seconds += turn.seconds
        if item is None:
            return
        if isinstance(item, Observation):
            work.check()
            item = replace(item, seconds=round(seconds, 3))
        yield item


@contextmanager
def _said_in_sentences(system: System) -> Iterator[None]:
    """Turn whatever goes wrong inside into an EngineError; what nobody foresaw is logged whole."""
    try:
        yield
    except EngineError:
        raise
    except ValueError as error:  # the floors below say what is wrong with files and requests by these
        raise EngineError(str(error)) from error
    except Exception as error:
        name = SYSTEM_NAMES[system]
        log.exception("%s failed", name)
        if type(error).__name__ == "OutOfMemoryError":
            sentence = f"{name} ran out of memory. Choose a shorter window or try again later."
        else:
            sentence = f"{name} failed on this clip ({type(error).__name__}). Try again, or tell the host."
        raise EngineError(sentence) from error
