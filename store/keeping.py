"""What is kept of a sound before anything that is said of it: the clip, whose it is, the answers about it.

Functions of a connection; those that keep something are called inside a transaction of the writer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import duckdb

from store.errors import StoreError
from store.records import Clip, Observation, Rights, later, now, observation_from_dict, to_json
from store.withdrawal import admitted

_INSERT_CLIP = """
INSERT INTO clip (id, public_id, rate, channels, frames, name, kept_at)
VALUES ($id, $public_id, $rate, $channels, $frames, $name, $kept_at)"""
_INSERT_RIGHTS = """
INSERT INTO rights (clip_id, owner, licence, attribution, speaker_agrees, contributor, stated_at)
VALUES ($clip_id, $owner, $licence, $attribution, $speaker_agrees, $contributor, $stated_at)"""
_INSERT_OBSERVATION = """
INSERT INTO observation (id, clip_id, system, model_id, model_revision, instruction, text, made_at, record)
VALUES ($id, $clip_id, $system, $model_id, $model_revision, $instruction, $text, $made_at, $record)"""
_SELECT_CLIP = "SELECT id, public_id, rate, channels, frames, name FROM clip WHERE id = ?"
_SELECT_RIGHTS = """
SELECT clip_id, owner, licence, attribution, speaker_agrees, contributor, stated_at
FROM present_rights WHERE clip_id = ? AND contributor = ?"""
_SELECT_OBSERVATION = "SELECT record FROM observation WHERE id = ?"


def keep_heard(
    connection: duckdb.DuckDBPyConnection,
    clip: Clip,
    observations: Sequence[Observation],
    rights: Rights | None,
    contributor: str,
) -> Clip:
    """Keep a clip with answers about it and its contributor's rights; returns the clip as kept.

    Raises StoreError when the contributor stated no rights, now or before, or may give nothing to the clip.
    """
    kept = _keep_clip(connection, admitted(connection, clip, contributor))
    for observation in observations:
        _keep_observation(connection, observation)
    if rights is not None:
        _keep_rights(connection, rights)
    if rights_of(connection, clip.id, contributor) is None:
        raise StoreError("Say first whose sound this is and under which licence it may be shared.")
    return kept


def _keep_clip(connection: duckdb.DuckDBPyConnection, clip: Clip) -> Clip:
    """The clip as kept: as it was kept first, or as it is kept now."""
    if (kept := clip_of_id(connection, clip.id)) is not None:
        return kept
    connection.execute(_INSERT_CLIP, asdict(clip) | {"kept_at": now()})
    return clip


def _keep_rights(connection: duckdb.DuckDBPyConnection, rights: Rights) -> None:
    """Keep a statement as the last of its contributor, unless it says what the one before says.

    What was said last is told by its instant, which the clock gives; so it is moved when the clock went back.
    """
    last = rights_of(connection, rights.clip_id, rights.contributor)
    if last is None:
        connection.execute(_INSERT_RIGHTS, asdict(rights))
    elif replace(rights, stated_at=last.stated_at) != last:
        stated_at = later(rights.stated_at, last.stated_at)
        connection.execute(_INSERT_RIGHTS, asdict(replace(rights, stated_at=stated_at)))


def _keep_observation(connection: duckdb.DuckDBPyConnection, observation: Observation) -> None:
    """Keep the observation unless it is; StoreError when its id is kept with another content."""
    record = to_json(observation)
    kept = only(connection.execute(_SELECT_OBSERVATION, [observation.id]).fetchone())
    if kept is None:
        columns = ("id", "system", "model_id", "model_revision", "instruction", "text", "made_at")
        values = {name: getattr(observation, name) for name in columns}
        values |= {"clip_id": observation.view.clip_id, "record": record}
        connection.execute(_INSERT_OBSERVATION, values)
    elif kept != record:
        raise StoreError("This answer is kept already with other words: ask the model again.")


def clip_of_id(connection: duckdb.DuckDBPyConnection, clip_id: str) -> Clip | None:
    """The kept clip with this private id."""
    line = connection.execute(_SELECT_CLIP, [clip_id]).fetchone()
    return None if line is None else Clip(*line)


def rights_of(connection: duckdb.DuckDBPyConnection, clip_id: str, contributor: str) -> Rights | None:
    """What a contributor said last of a clip."""
    line = connection.execute(_SELECT_RIGHTS, [clip_id, contributor]).fetchone()
    return None if line is None else Rights(*line)


def observation_of_id(connection: duckdb.DuckDBPyConnection, observation_id: str) -> Observation | None:
    """The kept observation with this id."""
    record = only(connection.execute(_SELECT_OBSERVATION, [observation_id]).fetchone())
    return None if record is None else observation_from_dict(json.loads(record))


def only(line: tuple[Any, ...] | None) -> Any:
    """The one column of a line, None when there is no line."""
    return None if line is None else line[0]
