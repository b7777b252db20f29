"""Editing rows: a new version is appended and the old ones stay; a row can be taken out, or withdrawn."""

from __future__ import annotations

from annotators.flags.checks import FlagError
from store.benchmark import TASKS
from store.errors import StoreError
from store.records import RowEdit, Withdrawal, new_id
from store.rows import RowView
from store.store import Store

LONGEST_INSTRUCTION = 600  # characters
LONGEST_REASON = 500  # characters


def edit_row(
    store: Store, row_id: str, contributor: str, instruction: str, label: str, reason: str = ""
) -> RowView:
    """Give a row other words and return it as it stands then.

    Only who flagged it may; raises FlagError when they are not that person or the words cannot stand,
    StoreError when the row is gone.
    """
    view = _own(store, row_id, contributor)
    instruction, label, reason = (" ".join(text.split()) for text in (instruction, label, reason))
    _check(view, instruction, label, reason)
    if (instruction, label) == (view.row.instruction, view.row.label):
        raise FlagError("Nothing was changed: change the instruction or the label, or close the editor.")
    return _append(store, view, RowEdit(new_id(), row_id, instruction, label, contributor, reason=reason))


def take_out(store: Store, row_id: str, contributor: str, reason: str = "", back: bool = False) -> RowView:
    """Take a row out of the tasks, or `back` into them; who may and what is raised is as in `edit_row`."""
    view = _own(store, row_id, contributor)
    if (view.state == "taken_out") != back:
        return view
    row = view.row
    edit = RowEdit(
        new_id(), row_id, row.instruction, row.label, contributor, retired=not back, reason=reason.strip()
    )
    return _append(store, view, edit)


def withdraw(store: Store, row_id: str, contributor: str, everyone: bool = False) -> None:
    """Take back all that this person gave to a row's sound, or with `everyone` the sound itself.

    Erased for good, wherever it is merged. Only who flagged may, and for everyone only whose sound it is;
    raises FlagError or StoreError otherwise.
    """
    view = _own(store, row_id, contributor)
    if view.row.role == "partner":
        raise FlagError(
            "This row is of another sound than the one you flagged: withdraw from the row that it balances."
        )
    store.withdraw(
        Withdrawal(
            new_id(), view.observation.view.clip_id, "clip" if everyone else "contribution", contributor
        )
    )


def may_edit(view: RowView, contributor: str) -> bool:
    """Whether this person made the flag that a row came from, and so may change the row and its partners."""
    return contributor == view.flag.contributor


def _own(store: Store, row_id: str, contributor: str) -> RowView:
    view = store.row(row_id)
    if view is None:
        raise StoreError("This row is not in the store any more: reload the list.")
    if not may_edit(view, contributor):
        raise FlagError("Only who made this row can change it: flag the answer yourself to say it otherwise.")
    return view


def _check(view: RowView, instruction: str, label: str, reason: str) -> None:
    if not instruction or not label:
        raise FlagError("A row needs an instruction and a label: write both.")
    if len(instruction) > LONGEST_INSTRUCTION:
        raise FlagError(
            f"The instruction is {len(instruction)} characters long: shorten it to {LONGEST_INSTRUCTION}."
        )
    if len(reason) > LONGEST_REASON:
        raise FlagError(f"The reason is {len(reason)} characters long: shorten it to {LONGEST_REASON}.")
    if "accuracy" in TASKS[view.row.task].metrics and label.lower() not in instruction.lower():
        raise FlagError(
            f"The instruction has to name the possible answers, and “{label}” is not among them: add it."
        )


def _append(store: Store, view: RowView, edit: RowEdit) -> RowView:
    store.save_edit(edit)
    now = store.row(view.row.id)
    assert now is not None  # rows are not deleted by an edit
    return now
