"""Replay: a stored flag's observation is said again, from nothing but what it carries.

The same weights, prompt, settings and seed say the same words; where they do not, the replay says what is not
as it was.
"""

from __future__ import annotations

from dataclasses import dataclass

from demos.conversation import turns_of
from demos.engine import Engine, Request
from demos.sound import Sound
from store.errors import StoreError
from store.records import Observation
from store.store import Store

_TOKENS = ("max_tokens", "max_new_tokens")  # what the systems call it in their settings


@dataclass(frozen=True)
class Replay:
    """What a model says now, beside what it said when it was flagged."""

    before: Observation
    now: Observation
    changes: tuple[str, ...]  # sentences: what is not as it was then

    @property
    def same_words(self) -> bool:
        """Whether it says the same again."""
        return self.now.text == self.before.text


def replay(store: Store, engine: Engine, row_id: str) -> Replay:
    """Put the question of a row's flag to the same model again, about the same window of the same clip.

    Raises StoreError when the row or its audio is gone, or the model is not in this suite; EngineError when
    it cannot answer.
    """
    view = store.row(row_id)
    if view is None:
        raise StoreError("This row is not in the store any more: reload the list.")
    before = view.observation
    choices = [model.id for model in engine.suite.choices(before.system)]
    if before.model_id not in choices:
        raise StoreError(
            f"{before.model_id} said this, and this Earwitness has {' and '.join(choices)} in its place: "
            "start it with the suite that holds the model."
        )
    clip = store.clip(before.view.clip_id)
    if clip is None:
        raise StoreError("The sound of this flag is not in the store any more.")
    sound = Sound(clip, store.clip_samples(clip))
    *_, now = engine.observe(sound, _request(before))
    engine.forget(clip.id)
    assert isinstance(now, Observation)  # the last thing out is one
    return Replay(before, now, tuple(_changes(before, now)))


def _request(said: Observation) -> Request:
    """The request that an observation answered."""
    settings = said.settings
    scaling = said.lora_scaling
    return Request(
        said.system,
        model=said.model_id,
        instruction=said.instruction,
        bank=tuple(settings.get("bank", ())),
        lora_scaling=Request.lora_scaling if scaling is None else scaling,
        over_silence=bool(settings.get("over_silence", False)),
        turns=turns_of(said),
        beams=settings.get("beams"),
        max_tokens=next((settings[name] for name in _TOKENS if name in settings), None),
        encoder=settings.get("encoder", ""),
        measure=settings.get("measure", "rms"),
        seed=said.seed,
        start=said.view.start,
        stop=said.view.stop,
    )


def _changes(before: Observation, now: Observation) -> list[str]:
    found = []
    if now.model_revision != before.model_revision:
        found.append(
            f"The weights changed: revision {before.model_revision[:8]} said it, "
            f"{now.model_revision[:8]} is here now."
        )
    if (now.device, now.dtype) != (before.device, before.dtype):
        found.append(f"It ran on {before.device} in {before.dtype}, and now on {now.device} in {now.dtype}.")
    if now.prompt != before.prompt:
        found.append("The prompt around the instruction is another one now.")
    changed = sorted(
        name
        for name in before.settings.keys() | now.settings.keys()
        if before.settings.get(name) != now.settings.get(name) and name not in ("ended", "windows")
    )
    if changed:
        found.append(f"These settings are not as they were: {', '.join(changed)}.")
    return found
