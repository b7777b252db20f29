"""What several people give to one store, for tests of taking it back and of merging."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import duckdb

from annotators.flags.rows import rows_of
from store.audio import kept_ids
from store.database import FILE_NAME
from store.records import (
    Annotation,
    Clip,
    Observation,
    Row,
    RowEdit,
    Vote,
    VoteChoice,
    Withdrawal,
    new_id,
    row_file,
)
from store.rows import RowFilter
from store.store import Store
from store.verify import verify
from tests.people import answer, flag, rights, sound


def clip_id(seed: int) -> str:
    """The private id of the sound that `contribute` uses for this seed."""
    return _sound(seed)[0].id


def contribute(
    store: Store,
    seed: int,
    who: str,
    owner: Literal["mine", "third-party"] = "mine",
    observation: Observation | None = None,
    claim: str = "a passing car",
    **values: Any,
) -> Row:
    """A flag of `who` on a sound of 100 ms, and on an answer of its own unless one is given; its first row.

    The name of the file, the answer, the note and the name to credit say whose they are and of which sound.
    """
    clip, samples = _sound(seed)
    clip = replace(clip, name=f"{who}-name-{seed}.wav")
    observation = observation or answer(clip, text=f"{who}-answer-{seed}: a passing car.")
    one = flag(observation, contributor=who, claim=claim, note=f"{who}-note-{seed}", **values)
    stated = rights(clip, contributor=who, owner=owner, attribution=f"{who}-credit-{seed}")
    return store.save_flag(samples, clip, observation, one, stated, rows_of(one, observation, clip))[0]


def balance(store: Store, row: Row, seed: int, who: str, rights_by: str | None = None) -> Row:
    """A partner of the row: `who` says that its question is answered otherwise by the sound of this seed."""
    clip = kept_clip(store, clip_id(seed))
    identity = new_id()
    partner = replace(
        row,
        id=identity,
        clip_id=clip.id,
        file=row_file(clip, identity),
        label="yes",
        role="partner",
        partner_of=row.id,
        rights_by=rights_by or who,
        start=0.0,
        stop=clip.seconds,
    )
    annotation = Annotation(new_id(), clip.id, row.question, "yes", 0.0, clip.seconds, who)
    store.save_partner(annotation, partner)
    return partner


def edit(store: Store, row: Row, who: str, instruction: str = "Other words?") -> RowEdit:
    """A new version of the row by `who`."""
    one = RowEdit(new_id(), row.id, instruction, row.label, who, reason=f"{who}-reason")
    store.save_edit(one)
    return one


def vote(
    store: Store,
    seed: int,
    who: str,
    choice: VoteChoice,
    observations: tuple[Observation, Observation] | None = None,
    **values: Any,
) -> Vote:
    """A vote of `who` on a sound of 100 ms: left an answer in full LoRA scaling, right one in half."""
    clip, samples = _sound(seed)
    clip = replace(clip, name=f"{who}-name-{seed}.wav")
    left, right = observations or (
        answer(clip, text=f"{who}-left-{seed}", settings={"beams": 1, "lora_scaling": 4.0}),
        answer(clip, text=f"{who}-right-{seed}", settings={"beams": 1, "lora_scaling": 2.0}),
    )
    given = {"choice": choice, "blind": True, "contributor": who} | values
    one = Vote(new_id(), left.id, right.id, **given)
    stated = rights(clip, contributor=who, attribution=f"{who}-credit-{seed}")
    store.save_vote(samples, clip, left, right, one, stated)
    return one


def take_back(store: Store, seed: int, who: str, scope: Literal["clip", "contribution"]) -> Withdrawal:
    """The withdrawal of `who`, carried out."""
    withdrawal = Withdrawal(new_id(), clip_id(seed), scope, who)
    store.withdraw(withdrawal)
    return withdrawal


def kept_clip(store: Store, identity: str) -> Clip:
    """The clip with this private id, which is kept."""
    clip = store.clip(identity)
    assert clip is not None
    return clip


def kept_rows(store: Store) -> set[str]:
    """Ids of all rows that are listed."""
    views = [*store.rows(limit=1000), *store.rows(RowFilter(state="taken_out"), limit=1000)]
    return {view.row.id for view in views}


def content(folder: Path) -> dict[str, list[Any]]:
    """All that a closed store keeps, in an order that depends on nothing else, once it proved whole.

    Left out is what a store notes of itself: its schema, and when it came to keep a clip.
    """
    with Store(folder, create=False) as store:
        assert list(verify(store)) == []
        audio = sorted(kept_ids(store.audio_folder))
    with duckdb.connect(str(folder / FILE_NAME), read_only=True) as connection:
        tables = [name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        lines = {
            table: connection.execute(
                f"SELECT * {'EXCLUDE (kept_at)' if table == 'clip' else ''} FROM {table} ORDER BY ALL"  # noqa: S608
            ).fetchall()
            for table in tables
            if table != "schema_version"
        }
    return lines | {"audio": list(audio)}


def files_with(folder: Path, *texts: str) -> dict[str, set[str]]:
    """For each text the names of the files below `folder` that hold it, in whatever place of them."""
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {text: {path.name for path, data in files.items() if text.encode() in data} for text in texts}


def _sound(seed: int) -> tuple[Clip, Any]:
    return sound(seconds=0.1, rate=8_000, channels=1, seed=seed)
