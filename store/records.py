"""The records that Earwitness passes around and keeps: frozen dataclasses, standard library only.

Every floor of the house may import this module and it imports none of them. A record is never changed:
what changes is said by a new record. Times are seconds from the start of the clip, instants are ISO 8601
in UTC, probabilities lie in 0..1, ids are strings that can be made anywhere (`new_id`).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args

System = Literal["clap", "pengi", "salmonn", "whisper", "layers"]
SYSTEMS: tuple[System, ...] = ("clap", "pengi", "salmonn", "whisper", "layers")

FlagKind = Literal[
    "object_existence",
    "temporal_order",
    "object_attribute",
    "speech_content",
    "speaker",
    "emotion",
    "music",
    "should_abstain",
    "self_contradiction",
    "not_following",
    "other",
]
FLAG_KINDS: tuple[FlagKind, ...] = get_args(FlagKind)

# These say something about the model's answer that cannot be asked of another model.
KINDS_WITHOUT_ROWS: frozenset[FlagKind] = frozenset({"not_following", "other"})

RowRole = Literal["flagged", "extra", "partner"]

RowState = Literal["unpaired", "paired", "complete", "taken_out"]
ROW_STATES: tuple[RowState, ...] = get_args(RowState)

Confidence = Literal["guess", "sure", "certain"]
CONFIDENCES: tuple[Confidence, ...] = ("guess", "sure", "certain")

Licence = Literal["CC0-1.0", "CC-BY-4.0", "third-party"]
LICENCES: tuple[Licence, ...] = ("CC0-1.0", "CC-BY-4.0", "third-party")

VoteChoice = Literal["left", "right", "both", "neither"]
VOTE_CHOICES: tuple[VoteChoice, ...] = get_args(VoteChoice)

Resampling = Literal["published", "soxr"]


def new_id() -> str:
    """A fresh random id, 32 hexadecimal digits; safe to make on any machine without asking another."""
    return uuid.uuid4().hex


def now() -> str:
    """The present instant, ISO 8601 in UTC with microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def later(instant: str, last: str) -> str:
    """`instant`, or a microsecond after `last` when the clock has gone back or stood still since."""
    if instant > last:
        return instant
    return (datetime.fromisoformat(last) + timedelta(microseconds=1)).isoformat(timespec="microseconds")


@dataclass(frozen=True)
class Clip:
    """One immutable piece of audio, described; the samples travel beside it (`demos.sound.Sound`).

    `id` is the SHA-256 of format version, rate, channels, frames and the 24-bit samples. It is private: it
    proves possession of the recording. Whatever leaves the house carries `public_id`, which is random.
    """

    id: str
    public_id: str
    rate: int  # samples per second, 8 000..192 000
    channels: int  # 1..8
    frames: int  # samples per channel
    name: str = ""  # the file name that the person gave, for display only

    @property
    def seconds(self) -> float:
        """Length of the clip in seconds."""
        return self.frames / self.rate


@dataclass(frozen=True)
class View:
    """What a model gets of a clip: the channel mean at a rate, between two times."""

    clip_id: str
    rate: int  # samples per second after resampling
    resampling: Resampling
    start: float  # seconds
    stop: float  # seconds, > start


@dataclass(frozen=True)
class Token:
    """One generated token: its text as shown and the probability that the model gave it (None: not known).

    `id` is its number in the model's vocabulary, where the system keeps it: texts do not always tell.
    """

    text: str
    probability: float | None = None
    id: int | None = None


@dataclass(frozen=True)
class Word:
    """One transcribed word with its times."""

    text: str
    start: float
    stop: float
    probability: float


@dataclass(frozen=True)
class Score:
    """How well one text fits the sound: cosine similarity over the whole view and per window."""

    text: str
    cosine: float  # −1..1, mean over the windows
    windows: tuple[tuple[float, float, float], ...] = ()  # (start, stop, cosine) of each window


@dataclass(frozen=True)
class Heatmap:
    """Layer × time values of one encoder, row 0 nearest to the sound."""

    encoder: str  # the name shown, such as "whisper encoder"
    measure: str  # "rms", "change_from_below", "effective_rank" or "attention_entropy"
    layers: tuple[str, ...]  # a name for each row
    seconds_per_column: float
    values: tuple[tuple[float, ...], ...]  # [layers][time]


@dataclass(frozen=True)
class Observation:
    """What one model said of one view under one instruction and one setting: the thing a flag points at.

    It carries everything that is needed to say it again.
    """

    id: str
    system: System
    view: View
    model_id: str
    model_revision: str  # SHA-256 over the weight files, or the pinned revision of a published model
    instruction: str  # what the person asked
    prompt: str  # the rendered text that the model was given
    settings: Mapping[str, Any]  # generation settings, JSON values only
    dtype: str
    device: str
    seed: int
    text: str = ""  # the answer, caption, transcript, or the best label
    tokens: tuple[Token, ...] = ()
    words: tuple[Word, ...] = ()
    scores: tuple[Score, ...] = ()
    heatmap: Heatmap | None = None
    seconds: float = 0.0  # time that the model took, without waiting for its turn
    made_at: str = field(default_factory=now)

    @property
    def lora_scaling(self) -> float | None:
        """The LoRA scaling of this observation, if its system has one."""
        value = self.settings.get("lora_scaling")
        return None if value is None else float(value)


@dataclass(frozen=True)
class Rights:
    """Whose sound a clip is and under which licence it may travel, as stated by the contributor."""

    clip_id: str
    owner: Literal["mine", "third-party"]
    licence: Licence
    attribution: str  # a name for CC-BY, source and licence for third-party sounds, may be empty for CC0
    speaker_agrees: bool  # every person who can be heard agreed to the release (or nobody can be heard)
    contributor: str  # session or account id; private, never exported
    stated_at: str = field(default_factory=now)


@dataclass(frozen=True)
class Flag:
    """A person's statement that a part of an observation is not in the sound: one atomic claim."""

    id: str
    observation_id: str
    kind: FlagKind
    span_start: int  # characters into Observation.text
    span_stop: int
    span_text: str  # the words marked
    claim: str  # what the model claimed, such as "a passing car" (A of “A before B” for temporal order)
    correction: str  # what is really there; may be empty when nothing is (B for temporal order)
    time_start: float | None  # seconds into the clip, when the person gave a range
    time_stop: float | None
    confidence: Confidence
    contributor: str  # private, never exported
    note: str = ""  # private, never exported
    attribute: str = ""  # for object attribute: what A was said to do or be
    made_at: str = field(default_factory=now)


@dataclass(frozen=True)
class Vote:
    """Which of two answers to one question about one sound a person found more faithful to the sound."""

    id: str
    left_observation_id: str  # the answer that stood on the left
    right_observation_id: str
    choice: VoteChoice
    blind: bool  # whether the person could not know which setting had given which answer
    contributor: str  # private, never exported
    made_at: str = field(default_factory=now)


@dataclass(frozen=True)
class Row:
    """One question of a benchmark with Dynamic-SUPERB's columns; its audio is the window that was heard."""

    id: str
    flag_id: str
    clip_id: str
    task: str  # such as "SoundExistenceVerification"
    file: str  # unique row file name, carries the public id only
    instruction: str
    label: str
    start: float  # window of the clip, seconds; at most 30 s long
    stop: float
    question: str  # what is asked, by `question_key`: the same for every wording of the same question
    rights_by: str  # contributor whose statement of rights the audio travels under; private, never exported
    role: RowRole = "flagged"  # extra: a further question of the same clip, which never counts as balance
    needs_partner: bool = True  # whether it may be released only beside a row with the same question
    partner_of: str = ""  # id of the row whose question this one asks of another clip
    made_at: str = field(default_factory=now)


@dataclass(frozen=True)
class RowEdit:
    """A new version of a row's words: what was said last holds, what was said before stays to be seen."""

    id: str
    row_id: str
    instruction: str
    label: str
    contributor: str  # private, never exported
    retired: bool = False  # True takes the row out; a later edit can put it back
    reason: str = ""  # private, never exported
    made_at: str = field(default_factory=now)


@dataclass(frozen=True)
class Annotation:
    """What a person hears in a stretch of a clip, as the right answer to a question."""

    id: str
    clip_id: str
    question: str  # as in Row
    answer: str  # the label that is right for this clip
    start: float  # seconds
    stop: float
    contributor: str  # private, never exported
    made_at: str = field(default_factory=now)


@dataclass(frozen=True)
class Withdrawal:
    """A person takes back what they gave. It erases, and it wins over whatever it meets in a merge.

    Of the scope "clip" (by whoever can be heard, or the owner) the clip goes, with all that anyone made of
    it; of the scope "contribution" only what this contributor made of it, and the audio when nobody else
    stated rights to it.
    """

    id: str
    clip_id: str
    scope: Literal["clip", "contribution"]
    contributor: str  # private, never exported
    made_at: str = field(default_factory=now)


def row_file(clip: Clip, row_id: str) -> str:
    """The file name of a row's audio, unique in every export; of the clip it carries the public id only."""
    return f"{clip.public_id}-{row_id}.flac"


def question_key(names: Mapping[str, str]) -> str:
    """What a row asks, whatever the wording: canonical JSON of the phrases that its question is about.

    Case and spaces do not count, so that “A dog” and “a  dog” ask the same.
    """
    plain = {name: " ".join(phrase.split()).lower() for name, phrase in names.items()}
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def to_json(record: Any) -> str:
    """A record as canonical JSON (sorted keys, no spaces); nested records become objects."""
    return json.dumps(asdict(record), sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=dict)


def observation_from_dict(data: Mapping[str, Any]) -> Observation:
    """The observation written by `to_json`; unknown keys raise TypeError, so none is misread."""
    known = {one.name for one in fields(Observation)}
    if extra := sorted(set(data) - known):
        raise TypeError(f"This observation has fields this version does not know: {', '.join(extra)}.")
    values = dict(data)
    values["view"] = View(**values["view"])
    values["tokens"] = tuple(Token(**token) for token in values.get("tokens", ()))
    values["words"] = tuple(Word(**word) for word in values.get("words", ()))
    values["scores"] = tuple(
        Score(s["text"], s["cosine"], tuple(tuple(w) for w in s.get("windows", ())))
        for s in values.get("scores", ())
    )
    heatmap = values.get("heatmap")
    if heatmap is not None:
        values["heatmap"] = Heatmap(
            encoder=heatmap["encoder"],
            measure=heatmap["measure"],
            layers=tuple(heatmap["layers"]),
            seconds_per_column=heatmap["seconds_per_column"],
            values=tuple(tuple(row) for row in heatmap["values"]),
        )
    return Observation(**values)
