"""What else is known of an answer: what CLAP and other answers say against it, and known failures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from demos.contradictions import contradictions, without_speech
from demos.engine import Cancelled, Engine, EngineError
from demos.panels.panel_component import Panel, with_evidence
from demos.session import Session
from demos.sound import Sound
from demos.spoken import told_of_sounds
from store.records import Observation

KnownFailures = Callable[[Sound, Callable[[], bool]], list[str]]  # sentences about sounds like this one


def with_what_is_known(
    engine: Engine,
    known_failures: KnownFailures | None,
    panel: Panel,
    session: Session,
    sound: Sound,
    said: Observation,
    value: dict[str, Any],
    cancelled: Callable[[], bool],
) -> dict[str, Any]:
    """The panel's value with notes; the same value where nothing is known, or where asking for it fails."""
    if said.settings.get("over_silence"):  # it did not hear the sound that it would be held against
        return value
    if panel.speaks_of_sounds:
        contradicted = [
            *without_speech(said, session.latest("whisper")),
            *contradictions(said, reversed(session.observations())),
        ]
        try:
            heard = told_of_sounds(said.instruction, said.text)
            found = engine.evidence(sound, heard, said.view.start, said.view.stop, cancelled)
        except Cancelled:
            found = []
        except EngineError as problem:
            found, contradicted = [], [*contradicted, f"Not held against CLAP: {problem}"]
        return with_evidence(value, said.text, found, contradicted)
    if panel.system == "whisper":  # the note stands with whichever of the two comes last
        known = without_speech(session.latest("salmonn"), said)
        return {**value, "notes": [*value.get("notes", []), *known]} if known else value
    if known_failures is None:
        return value
    try:
        known = known_failures(sound, cancelled)
    except EngineError:  # the answer itself stands
        return value
    return {**value, "notes": [*value.get("notes", []), *known]} if known else value
