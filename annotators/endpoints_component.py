"""The public endpoints of the annotators: flag an observation, list the rows, take them away as a zip."""

from typing import Any

import gradio as gr
from gradio import FileData

from annotators.flags.checks import FlagError
from annotators.flags.drafts import Draft, rights
from annotators.flags.flag_form import contributor_of
from annotators.flags.flagging import needs_rights, save_flag
from annotators.flags.kinds import KINDS
from annotators.flags.kinds_help import kinds_in_words
from annotators.tasks.rows_component import rows_value
from annotators.tasks.tasks import export_tasks, instances, page
from annotators.tasks.tasks_tab import chosen_rows, temporary
from demos.page_component import refusal
from demos.session import Sessions
from demos.tools.caller_component import session_of
from store.errors import StoreError
from store.records import CONFIDENCES, LICENCES
from store.store import Store

_ROW_FIELDS = ("id", "task", "file", "instruction", "label", "role", "needs_partner")

_FLAG = f"""Flag words of an observation that this session made, and keep the rows that it becomes.

`observation` is the id of an observation of the caller's last clip, `words` the part of its text that is
wrong (empty for not_following: the whole answer). `kind` is a kind of flag; what `claim`, `attribute` and
`correction` hold depends on it. {kinds_in_words()}
`time_start` and `time_stop` (seconds into the clip) say when, and must when the model heard more than 30 s;
`confidence` is guess, sure or certain; `note` stays private. The first flag on a clip also needs `owner`
(mine or third-party), `licence` (CC0-1.0, CC-BY-4.0 or third-party), `attribution` and `speaker_agrees`.

Args:
    observation: the "id" of what this client session's last clip was answered with.
    words: the part of its "text" that is wrong; empty only for not_following, the whole answer.
    kind: {", ".join(KINDS)}.
    claim: what the words claim, as the kind asks for it.
    correction: what is really there, as the kind asks for it.
    attribute: what the kind asks for besides.
    time_start: seconds into the clip where it begins; needed when the model heard more than 30 s.
    time_stop: seconds into the clip where it ends.
    confidence: {", ".join(CONFIDENCES)}.
    owner: whose sound it is, mine or third-party; needed with the first flag on a clip.
    licence: {", ".join(LICENCES)}; needed with the owner.
    attribution: a name for CC-BY-4.0, source and licence of a third party's sound; may be empty for CC0-1.0.
    speaker_agrees: whether everyone who can be heard agreed to the release, or nobody can be heard.
    note: for yourself; it is never exported.

Returns:
    "flag": the flag's id
    "rows": each with {", ".join(f'"{name}"' for name in _ROW_FIELDS)}; none for not_following and other
"""


def declare(store: Store, sessions: Sessions) -> None:
    """Declare the endpoints; called inside the page's Blocks."""

    def flag(
        request: gr.Request,
        observation: str,
        words: str,
        kind: str,
        claim: str = "",
        correction: str = "",
        attribute: str = "",
        time_start: float | None = None,
        time_stop: float | None = None,
        confidence: str = "sure",
        owner: str = "",
        licence: str = "",
        attribution: str = "",
        speaker_agrees: bool = False,
        note: str = "",
    ) -> dict[str, Any]:
        session = session_of(sessions, request, observation)
        sound, said = session.sound, session.observation(observation)
        if sound is None or said is None:
            raise refusal(
                "There is no such observation of this session's last clip. Listen to the clip first."
            )
        start = said.text.find(words)
        if start < 0 or not (words or kind == "not_following"):
            raise refusal("The words to flag do not stand in the answer. Copy them from its text.")
        contributor = contributor_of(session.name)
        drafted = Draft(said.id).flag(
            said,
            contributor,
            span=(start, start + len(words)),
            kind=kind,
            claim=claim,
            correction=correction,
            attribute=attribute,
            times=(time_start, time_stop),
            confidence=confidence,
            note=note,
        )
        try:
            stated = None
            if owner or needs_rights(store, sound.clip, contributor):
                stated = rights(sound.clip, contributor, owner, licence, attribution, speaker_agrees)
            kept = save_flag(store, sound.clip, sound.samples, said, drafted, stated)
        except (FlagError, StoreError) as problem:
            raise refusal(problem) from problem
        return {
            "flag": kept.flag.id,
            "rows": [{name: getattr(row, name) for name in _ROW_FIELDS} for row in kept.rows],
        }

    flag.__doc__ = _FLAG

    def tasks(
        kind: str = "", task: str = "", model: str = "", state: str = "", text: str = "", number: int = 1
    ) -> dict[str, Any]:
        """List the rows that flags became, a page at a time, newest first, and how far each instance is.

        Args:
            kind: of the flag, such as object_existence; empty is every kind.
            task: of the row, such as SoundExistenceVerification; empty is every task.
            model: whose answer was flagged, such as mini-clap; empty is every model.
            state: unpaired, paired, complete (needs no partner) or taken_out; empty is every state.
            text: what is looked for in instructions, labels and answers.
            number: of the page, from 1; a page has 50 rows, and a number past the end is the last page.

        Returns:
            "rows": each with "id", "instruction", "label", "task", "model", "answer", "state" and more
            "number", "pages" and "total": this page, how many there are, and how many rows are on all
            "instances": each task under one licence, with what it still lacks
            "following": how often each model did not follow an instruction
        """
        chosen = {"kind": kind, "task": task, "model": model, "state": state, "text": text}
        try:
            rows = chosen_rows(**chosen)
            return rows_value(
                page(store, rows, number), instances(store, rows), store.following(), any(chosen.values())
            )
        except StoreError as problem:
            raise refusal(problem) from problem

    def export(
        request: gr.Request,
        kind: str = "",
        task: str = "",
        model: str = "",
        state: str = "",
        text: str = "",
        form: str = "dynamic-superb",
    ) -> FileData:
        """Export the chosen rows: as Dynamic-SUPERB takes them, or as one table with all about their flags.

        Args:
            kind: of the flag, such as object_existence; empty is every kind.
            task: of the row, such as SoundExistenceVerification; empty is every task.
            model: whose answer was flagged, such as mini-clap; empty is every model.
            state: unpaired, paired, complete (needs no partner) or taken_out; empty is every state.
            text: what is looked for in instructions, labels and answers.
            form: dynamic-superb (a zip of folders and parquet files), json-lines (a zip) or parquet.

        Returns:
            the file: earwitness-tasks.zip, earwitness-rows.zip or earwitness-rows.parquet
        """
        try:
            chosen = chosen_rows(kind=kind, task=task, model=model, state=state, text=text)
            file = export_tasks(store, temporary(), chosen, form)
        except StoreError as problem:
            raise refusal(problem) from problem
        session_of(sessions, request).keep_file(file)
        return FileData(path=str(file), orig_name=file.name)

    for endpoint in (flag, tasks, export):
        gr.api(endpoint, api_name=endpoint.__name__, concurrency_id="store", concurrency_limit=8)
