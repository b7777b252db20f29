"""A store of many rows: a page of the Tasks tab, an export, and many people flagging at once."""

from __future__ import annotations

import resource
import shutil
import tempfile
import threading
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import duckdb
import numpy as np

from annotators.flags.flagging import save_flag
from annotators.tasks.tasks import page
from store.audio import audio_path, write_clip
from store.export import export
from store.records import Observation, to_json
from store.store import Store
from tests import people
from tests.benchmarks.comparison import Comparison, seconds_of

ROWS_PER_CLIP = 10
SESSIONS = 8
CLIP_SECONDS, CLIP_RATE = 1.0, 16_000
SOUNDS = 40  # distinct sounds that the clips of a filled store are made of; each clip is one of its own

# Rows of flags on `clips` clips, ROWS_PER_CLIP each: both labels of each question, so that they are pairs.
_FILL = (
    """INSERT INTO observation SELECT printf('%032x', clip.number), clip.id, 'salmonn', 'mini-salmonn',
        $revision, $instruction, $text, $made_at, replace($record, $placeholder, clip.id)
        FROM clip_number AS clip""",
    """INSERT INTO flag SELECT printf('%032x', n), printf('%032x', n // $per), 'object_existence', 20, 33,
        'a passing car', 'a passing car', '', NULL, NULL, 'sure', 'someone', '', '', $made_at
        FROM range($rows) AS numbers(n)""",
    """INSERT INTO benchmark_row SELECT printf('%032x', n), printf('%032x', n), clip.id,
        'SoundExistenceVerification', printf('%s-%032x.flac', clip.public_id, n),
        printf('Is there a sound of kind %d? Answer yes or no. (%d)', n // 2, n % 30),
        if(n % 2 = 0, 'no', 'yes'), 0, 1, printf('{"sound":"kind %d"}', n // 2),
        if(n % 2 = 0, 'flagged', 'partner'), true, if(n % 2 = 0, '', printf('%032x', n - 1)),
        'someone', $made_at
        FROM range($rows) AS numbers(n) JOIN clip_number AS clip ON clip.number = n // $per""",
)
_BARE_PAGE = """
SELECT benchmark_row, flag, clip, rights, observation.record
FROM benchmark_row
JOIN flag ON flag.id = benchmark_row.flag_id
JOIN observation ON observation.id = flag.observation_id
JOIN clip ON clip.id = benchmark_row.clip_id
JOIN rights ON rights.clip_id = benchmark_row.clip_id
ORDER BY benchmark_row.made_at DESC, benchmark_row.id LIMIT 50"""


def compare_page(rows: int, runs: int) -> Comparison:
    """The first page of the Tasks tab, against one query for the same columns of the same 50 rows."""
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder)) as store:
        fill(store, rows, with_audio=False)
        with store.reading() as cursor:
            bare = partial(_fetch, cursor, _BARE_PAGE)
            ours, theirs = _by_turns(lambda: page(store), bare, runs)
    return Comparison(f"a page of 50 in the Tasks tab, of {rows:,} rows", "the bare query", ours, theirs)


def compare_export(rows: int, runs: int) -> tuple[Comparison, float]:
    """An export of all rows, against copying its audio; and MiB of memory that it took on top."""
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "store") as store:
        fill(store, rows, with_audio=True)
        out = Path(folder) / "out"
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        ours, theirs = _by_turns(
            partial(export, store, out / "rows.zip"), partial(_copy_audio, store, out / "copy"), runs
        )
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        instances = len(store.instances())
    what = f"an export of {rows:,} rows in {instances} instances"
    return Comparison(what, "copying the audio of its rows, one file a row", ours, theirs), grown


def compare_sessions(flags: int, runs: int) -> Comparison:
    """`SESSIONS` people flagging at once, against one person saving as many flags one after the other."""

    def save(store: Store, seeds: range) -> None:
        for seed in seeds:
            clip, samples = people.sound(CLIP_SECONDS, CLIP_RATE, channels=1, seed=seed)
            said = people.answer(clip)
            save_flag(store, clip, samples, said, people.flag(said), people.rights(clip))

    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder)) as store:
        for run in range(runs):
            first = 2 * run * SESSIONS * flags
            crowd = [
                threading.Thread(target=save, args=(store, range(first + k * flags, first + (k + 1) * flags)))
                for k in range(SESSIONS)
            ]
            ours.append(seconds_of(partial(_run_all, crowd)))
            alone = range(first + SESSIONS * flags, first + 2 * SESSIONS * flags)
            theirs.append(seconds_of(partial(save, store, alone)))
    return Comparison(
        f"{SESSIONS} sessions saving {flags} flags each", "one session saving as many", ours, theirs
    )


def fill(store: Store, rows: int, with_audio: bool) -> None:
    """Write `rows` balanced rows into an empty store, ROWS_PER_CLIP to a clip, straight into its tables."""
    clips = -(-rows // ROWS_PER_CLIP)
    said = people.answer(people.sound()[0])
    placeholder = said.view.clip_id
    kept = []
    for number in range(clips):
        if with_audio:
            clip, samples = people.sound(CLIP_SECONDS, CLIP_RATE, channels=1, seed=number)
            write_clip(store.audio_folder, clip, samples)
        else:
            clip = people.sound(0.01, CLIP_RATE, channels=1, seed=number)[0]
        kept.append((number, clip))

    def write(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("CREATE TEMP TABLE clip_number (number BIGINT, id VARCHAR, public_id VARCHAR)")
        kept_clips = {  # noqa: F841 (DuckDB reads it by its name)
            "number": np.array([number for number, _ in kept]),
            "id": np.array([clip.id for _, clip in kept]),
            "public_id": np.array([clip.public_id for _, clip in kept]),
            "frames": np.array([clip.frames for _, clip in kept]),
        }
        connection.execute("INSERT INTO clip_number SELECT number, id, public_id FROM kept_clips")
        connection.execute(
            "INSERT INTO clip SELECT id, public_id, $rate, 1, frames, '', '' FROM kept_clips",
            {"rate": CLIP_RATE},
        )
        connection.execute(
            "INSERT INTO rights SELECT id, 'mine', 'CC0-1.0', '', true, 'someone', '' FROM clip_number"
        )
        values = _values(said) | {"rows": rows, "per": ROWS_PER_CLIP, "placeholder": placeholder}
        for statement in _FILL:
            used = {name: value for name, value in values.items() if f"${name}" in statement}
            connection.execute(statement, used)
        connection.execute("DROP TABLE clip_number")

    store._writer.run(write)


def _values(said: Observation) -> dict[str, object]:
    names = ("instruction", "text", "made_at")
    return {name: asdict(said)[name] for name in names} | {
        "revision": said.model_revision,
        "record": to_json(said),
    }


def _by_turns(
    ours: Callable[[], object], theirs: Callable[[], object], runs: int
) -> tuple[list[float], list[float]]:
    pairs = [(seconds_of(ours), seconds_of(theirs)) for _ in range(runs + 1)]
    return [one for one, _ in pairs[1:]], [other for _, other in pairs[1:]]


def _fetch(cursor: duckdb.DuckDBPyConnection, query: str) -> None:
    cursor.execute(query).fetchall()


def _copy_audio(store: Store, folder: Path) -> None:
    """One copy of its clip's file for each row: as many bytes as an export of whole clips holds."""
    folder.mkdir(parents=True)
    with store.reading() as cursor:
        rows = cursor.execute("SELECT id, clip_id FROM benchmark_row ORDER BY clip_id").fetchall()
    for row_id, clip_id in rows:
        shutil.copyfile(audio_path(store.audio_folder, clip_id), folder / f"{row_id}.flac")
    shutil.rmtree(folder)


def _run_all(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
