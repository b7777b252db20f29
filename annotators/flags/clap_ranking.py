"""How well a text fits stored clips, by the suite's CLAP: the order in which partners are proposed."""

from __future__ import annotations

import math

from annotators.flags.checks import FlagError
from annotators.flags.partners import Rank
from demos.engine import Engine, EngineError, Request
from demos.request import LONGEST_LABEL
from demos.sound import Sound
from store.audio import ROW_SECONDS
from store.errors import AudioError
from store.records import Clip, Observation
from store.store import Store


def clap_ranking(engine: Engine, store: Store) -> Rank:
    """A function that gives the cosine of a text with the first 30 s of each clip, NaN for damaged audio.

    It raises FlagError, a sentence for people, when CLAP cannot answer.
    """

    def rank(text: str, clips: list[Clip]) -> list[float]:
        return [_cosine(engine, store, text[:LONGEST_LABEL], clip) for clip in clips]

    return rank


def _cosine(engine: Engine, store: Store, text: str, clip: Clip) -> float:
    try:
        sound = Sound(clip, store.clip_samples(clip))
    except AudioError:
        return math.nan
    try:
        *_, said = engine.observe(sound, Request("clap", bank=(text,), stop=min(clip.seconds, ROW_SECONDS)))
    except EngineError as problem:
        raise FlagError(f"CLAP cannot order the sounds. {problem}") from problem
    finally:
        engine.forget(clip.id)  # these encodings are of no visitor's sound
    assert isinstance(said, Observation)  # the last thing out is one
    return said.scores[0].cosine
