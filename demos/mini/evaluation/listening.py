"""Who hears the clips: processes of one thread each, so the digits do not depend on how many."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from demos.catalog import suite
from demos.engine import Engine, Request
from demos.mini.evaluation.held_out import HeldOut, draw
from demos.placement import Placement
from demos.sound import from_array, mono
from store.records import Observation

SAMPLE_RATE = 16_000
THREADS = 1
"""Of each process. With it, the same machine gives the same digits."""

Result = TypeVar("Result")
Job = Callable[["Ears", HeldOut], Result]


class Ears:
    """The engine of the page, on the CPU."""

    def __init__(self, weights: Path | None = None) -> None:
        self.engine = Engine(suite("mini", weights), Placement("cpu"))

    def hear(self, samples: NDArray[np.float32], *requests: Request) -> list[Observation]:
        """What is said to each request about samples at 16 kHz."""
        sound = from_array(SAMPLE_RATE, samples)
        said = []
        for request in requests:
            *_, last = self.engine.observe(sound, request)
            assert isinstance(last, Observation)
            said.append(last)
        self.engine.forget(sound.clip.id)
        return said

    def embed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """CLAP's embedding of a clip, the mean over windows; products with `embed_texts` are cosines."""
        retrieval = self.engine.networks.retrieval()
        latent = retrieval.latent(mono(from_array(SAMPLE_RATE, samples)))
        return retrieval.embed_latent(latent).mean(0).numpy()

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """CLAP's embeddings of texts, [texts, values], each of unit length."""
        return self.engine.networks.retrieval().embed_texts(texts).numpy()


class Listeners:
    """So many processes with ears; with none, this process listens. To be used in a `with` statement."""

    def __init__(self, weights: Path | None = None, processes: int = 0) -> None:
        self.weights = weights
        self._processes = processes
        self._pool: ProcessPoolExecutor | None = None
        self._ears: Ears | None = None
        self._threads = torch.get_num_threads()

    def __enter__(self) -> Listeners:
        if not self._processes:
            self._ears = Ears(self.weights)
            torch.set_num_threads(THREADS)
            return self
        before = os.environ.get("OMP_NUM_THREADS")
        os.environ["OMP_NUM_THREADS"] = str(THREADS)  # the processes inherit it, for numpy's products too
        self._pool = ProcessPoolExecutor(
            self._processes, multiprocessing.get_context("spawn"), _begin, (self.weights,)
        )
        for started in [self._pool.submit(_ready) for _ in range(self._processes)]:
            started.result()
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        torch.set_num_threads(self._threads)

    def map(self, job: Job[Result], kind: str, numbers: Sequence[int]) -> list[Result]:
        """What a job makes of clips of one kind, in their order. The job is a function of a module."""
        if self._pool is None:
            assert self._ears is not None, "use Listeners in a with statement"
            ears = self._ears
            made: Iterator[Result] = (job(ears, draw(kind, number)) for number in numbers)
        else:
            made = self._pool.map(partial(_work, job, kind), numbers)
        title = f"{job.__name__.strip('_').replace('_', ' ')}, {kind.replace('_', ' ')}"
        return list(tqdm(made, desc=title, total=len(numbers), mininterval=1.0))


_of_this_process: list[Ears] = []


def _begin(weights: Path | None) -> None:
    _of_this_process.append(Ears(weights))
    torch.set_num_threads(THREADS)


def _ready() -> bool:
    return bool(_of_this_process)


def _work(job: Job[Result], kind: str, number: int) -> Result:
    return job(_of_this_process[0], draw(kind, number))
