"""A whole listen against its bare network calls and against five systems that share nothing; many at once.

The clip has 10 s: the first two shipped examples, one behind the other, cut there.
"""

from __future__ import annotations

import os
import resource
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile
import torch

from demos.engine import Engine, EngineError, Request
from demos.examples import examples
from demos.resampling import resample_soxr
from demos.sound import Sound, from_array, read
from store.records import SYSTEMS, Observation
from tests.benchmarks.bare_networks import BareNetworks, recorded
from tests.benchmarks.comparison import Comparison, seconds_of
from tests.benchmarks.upstream_scripts import UpstreamScripts

REQUESTS = tuple(Request(system) for system in SYSTEMS)
SESSIONS = 10  # that listen at the same time
SECONDS = 10.0  # of the clip
FILE_RATE = 44_100  # of the file that the published scripts read, as most recordings have
NOISE = 1e-4  # of full scale: another clip for the caches, the same sound for the networks


def compare_listening(engine: Engine, runs: int) -> tuple[Comparison, Comparison]:
    """Time listens of fresh clips, all networks loaded and the texts of the bank embedded."""
    for system in SYSTEMS:
        engine.warm(system)
    _listen(engine, fresh_clip(0))
    whole, bare, apart = [], [], []
    for run in range(1, runs + 1):
        sound = fresh_clip(run)
        whole.append(seconds_of(partial(_listen, engine, sound)))
        engine.forget(sound.clip.id)
        with recorded(engine) as inputs:
            _listen(engine, sound)
        engine.forget(sound.clip.id)
        networks = BareNetworks(engine, sound, inputs)
        bare.append(_seconds_of_bare(networks))
        apart.append(seconds_of(partial(_ask_each_apart, engine, sound)))
    listen = Comparison(
        "a whole listen: five systems at once",
        "its bare network calls, back to back, on one core or all, whichever is faster",
        whole,
        bare,
    )
    baseline = "the five systems one after the other, each with its own encoder passes"
    return listen, replace(listen, baseline=baseline, baseline_seconds=apart)


def _seconds_of_bare(networks: BareNetworks) -> float:
    """The faster of two ways to make the calls: on as many threads as the engine takes, or on every core."""
    threads, seconds = torch.get_num_threads(), []
    for wanted in (threads, len(os.sched_getaffinity(0))):
        torch.set_num_threads(wanted)
        networks.run()
        seconds.append(seconds_of(networks.run))
    torch.set_num_threads(threads)
    return min(seconds)


def compare_upstream(engine: Engine, runs: int) -> list[Comparison]:
    """Time listens of fresh files, decoding included, against the five published scripts on the same file.

    Two comparisons: with scripts that embed CLAP's labels, and with scripts that had them embedded before.
    """
    scripts = UpstreamScripts(engine)
    listens, scripted, without_labels = [], [], []
    with TemporaryDirectory() as folder:
        for run in range(runs + 1):
            path = Path(folder) / f"{run}.wav"
            resampled = resample_soxr(fresh_clip(40_000 + run).samples[:, 0], 16_000, FILE_RATE)
            soundfile.write(path, resampled, FILE_RATE, subtype="PCM_24")
            listens.append(seconds_of(partial(_listen_to_file, engine, path)))
            scripted.append(seconds_of(partial(scripts.run, path)))
            without_labels.append(seconds_of(partial(scripts.run, path, embed_bank=False)))
            engine.forget(read(path).clip.id)
    # the first run warms the scripts
    what = f"a whole listen from a file of {FILE_RATE:,} Hz"
    return [
        Comparison(what, "the five published scripts one after the other", listens[1:], scripted[1:]),
        Comparison(what, "the same, CLAP's labels embedded before", listens[1:], without_labels[1:]),
    ]


def compare_first(engine: Engine, runs: int) -> Comparison:
    """Time until the first system has answered, of the time until the last one has."""
    first, last = [], []
    for run in range(runs):
        sound = fresh_clip(10_000 + run)
        begun, ends = time.perf_counter(), []
        for _, item in engine.listen(sound, REQUESTS):
            if isinstance(item, EngineError):
                raise item
            if isinstance(item, Observation):
                ends.append(time.perf_counter() - begun)
        engine.forget(sound.clip.id)
        first.append(min(ends))
        last.append(max(ends))
    return Comparison("the first panel of a listen", "its last one", first, last)


def compare_many(engine: Engine, runs: int) -> Comparison:
    """Time ten visitors with a clip of their own at once against the same ten one after the other."""
    at_once, in_a_row = [], []
    for run in range(runs):
        clips = [fresh_clip(20_000 + run * 2 * SESSIONS + number) for number in range(2 * SESSIONS)]
        at_once.append(seconds_of(partial(_listen_at_once, engine, clips[:SESSIONS])))
        in_a_row.append(seconds_of(partial(_listen_in_a_row, engine, clips[SESSIONS:])))
        for clip in clips:
            engine.forget(clip.clip.id)
    return Comparison(f"{SESSIONS} listens at once", f"the same {SESSIONS} in a row", at_once, in_a_row)


def memory_over(engine: Engine, listens: int) -> tuple[float, float]:
    """MiB that this process holds after a few listens of fresh clips, and after so many more."""
    held = []
    for number in range(listens + 10):
        if number == 10:
            held.append(_resident())
        sound = fresh_clip(30_000 + number)
        _listen(engine, sound)
        engine.forget(sound.clip.id)
    return held[0], _resident()


def _resident() -> float:
    """MiB of memory of this process that is in use now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def fresh_clip(number: int) -> Sound:
    """The clip with faint noise of its own, so that nobody has heard it before."""
    first, second = (example.sound() for example in examples()[:2])
    samples = np.concatenate([first.samples, second.samples])[: round(SECONDS * first.clip.rate)]
    noise = NOISE * np.random.default_rng(number).standard_normal(samples.shape)
    return from_array(first.clip.rate, samples + noise.astype(np.float32))


def _listen(engine: Engine, sound: Sound) -> None:
    """Listen with every system; EngineError when one could not answer, for then the time means nothing."""
    for _, item in engine.listen(sound, REQUESTS):
        if isinstance(item, EngineError):
            raise item


def _listen_to_file(engine: Engine, path: Path) -> None:
    _listen(engine, read(path))


def _listen_at_once(engine: Engine, clips: list[Sound]) -> None:
    with ThreadPoolExecutor(len(clips)) as visitors:
        for _ in visitors.map(partial(_listen, engine), clips):
            pass


def _listen_in_a_row(engine: Engine, clips: list[Sound]) -> None:
    for clip in clips:
        _listen(engine, clip)


def _ask_each_apart(engine: Engine, sound: Sound) -> None:
    for request in REQUESTS:
        for _ in engine.observe(sound, request):
            pass
        engine.forget(sound.clip.id)
