"""What changes rows after their flag: partners that balance them, and edits that are appended.

Functions of a connection inside a transaction of the writer; `Store` gives them their turn.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import duckdb

from store.errors import StoreError
from store.records import Annotation, Row, RowEdit, later
from store.withdrawal import refuse_withdrawn, refuse_withdrawn_row

_INSERT_ROW = """
INSERT INTO benchmark_row (id, flag_id, clip_id, task, file, instruction, label, start, stop, question, role,
    needs_partner, partner_of, rights_by, made_at)
VALUES ($id, $flag_id, $clip_id, $task, $file, $instruction, $label, $start, $stop, $question, $role,
    $needs_partner, $partner_of, $rights_by, $made_at)"""
_INSERT_EDIT = """
INSERT INTO row_edit (id, row_id, instruction, label, retired, reason, contributor, made_at)
VALUES ($id, $row_id, $instruction, $label, $retired, $reason, $contributor, $made_at)"""
_INSERT_ANNOTATION = """
INSERT INTO annotation (id, clip_id, question, answer, start, stop, contributor, made_at, row_id)
VALUES ($id, $clip_id, $question, $answer, $start, $stop, $contributor, $made_at, $row_id)"""
_SELECT_ROW = """
SELECT present_row.clip_id, present_row.question, label, present_row.partner_of, state, present_row.licence
FROM present_row WHERE id = ?"""
_SELECT_LICENCE = "SELECT licence FROM present_rights WHERE clip_id = ? AND contributor = ?"
_LAST_EDIT = "SELECT max(made_at) FROM row_edit WHERE row_id = ?"
_IS_EDIT_KEPT = "SELECT count(*) > 0 FROM row_edit WHERE id = ?"
_IS_ROW_KEPT = "SELECT count(*) > 0 FROM benchmark_row WHERE id = ?"


def insert_row(connection: duckdb.DuckDBPyConnection, row: Row) -> None:
    """Write a new row."""
    connection.execute(_INSERT_ROW, asdict(row))


def add_partner(connection: duckdb.DuckDBPyConnection, annotation: Annotation, row: Row) -> None:
    """Write a partner row with the annotation it rests on; adding the same row again changes nothing.

    `row.partner_of` names the row it balances: it asks the same question of another clip, under the same
    licence, where the label is another. Raises StoreError, in a sentence, when it does not.
    """
    if _is(connection, _IS_ROW_KEPT, row.id):
        return
    refuse_withdrawn(connection, row.clip_id, annotation.contributor)
    original = connection.execute(_SELECT_ROW, [row.partner_of]).fetchone()
    if original is None:
        raise StoreError("The row to be balanced is not in the store any more: reload the list.")
    clip_id, question, label, partner_of, state, licence = original
    own = connection.execute(_SELECT_LICENCE, [row.clip_id, row.rights_by]).fetchone()
    if partner_of:
        raise StoreError("This row is itself a partner: balance the row that it belongs to.")
    if state == "taken_out":
        raise StoreError("This row was taken out of the tasks: put it back before it is balanced.")
    if clip_id == row.clip_id:
        raise StoreError("A partner asks the question of another sound: choose another one.")
    if own is None or own[0] != licence:
        raise StoreError(f"A partner must be under the same licence ({licence}): choose another sound.")
    if (row.question, annotation.question) != (question, question) or annotation.answer != row.label:
        raise StoreError("A partner asks the same question: reload the list, then confirm again.")
    if row.label == label:
        raise StoreError(f"A partner has another answer than “{label}”: choose a sound where it is not so.")
    connection.execute(_INSERT_ANNOTATION, asdict(annotation) | {"row_id": row.id})
    insert_row(connection, row)


def add_edit(connection: duckdb.DuckDBPyConnection, edit: RowEdit) -> None:
    """Append a version of a row; appending the same edit again changes nothing. Raises StoreError."""
    if _is(connection, _IS_EDIT_KEPT, edit.id):
        return
    if not _is(connection, _IS_ROW_KEPT, edit.row_id):
        raise StoreError("This row is not in the store any more: reload the list.")
    refuse_withdrawn_row(connection, edit.row_id, edit.contributor)
    (last,) = connection.execute(_LAST_EDIT, [edit.row_id]).fetchall()[0]
    if last is not None:  # the clock may have gone back since, and what is said last holds
        edit = replace(edit, made_at=later(edit.made_at, last))
    connection.execute(_INSERT_EDIT, asdict(edit))


def _is(connection: duckdb.DuckDBPyConnection, question: str, identity: Any) -> bool:
    line = connection.execute(question, [identity]).fetchone()
    return bool(line and line[0])
