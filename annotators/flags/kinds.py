"""The kinds of flags: what each asks of a person, and which rows it becomes.

One table, `KINDS`: form, checks, rows, endpoint and Help are made from it. The first kinds follow Kuan & Lee
(arXiv 2410.16130): object existence, temporal order, object attribute; should abstain follows AQUA-Bench
(arXiv 2601.12248); self-contradiction is what Kuan, Huang & Lee (arXiv 2406.08402) found between captions
and answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from annotators.flags import asked
from annotators.flags.asked import IS_NOT_THERE, IS_THERE, Asked, Aspect
from store.benchmark import (
    ABSTENTION,
    MUSIC_GENRE,
    MUSIC_INSTRUMENT,
    MUSIC_MOOD,
    SOUND_ATTRIBUTE,
    SOUND_EXISTENCE,
    SOUND_ORDER,
    SPEAKER_COUNT,
    SPEAKER_VOICE,
    SPEAKING_STYLE,
    SPEECH_EMOTION,
    SPEECH_TRANSCRIPTION,
    SPOKEN_WORDS,
    BenchmarkTask,
)
from store.records import Flag, FlagKind

LONGEST_PHRASE = 200  # characters
LONGEST_TRANSCRIPT = 1500  # characters: 30 s of fast speech are fewer

FieldName = Literal["claim", "attribute", "correction"]
Group = Literal["sounds", "speech", "music", "the answer"]
GROUPS: tuple[Group, ...] = ("sounds", "speech", "music", "the answer")


@dataclass(frozen=True)
class Field:
    """One thing that the form asks for."""

    name: FieldName  # of the flag's record
    label: str
    help: str
    example: str
    required: bool = True
    unless: str = "if any"  # when a field that is not required is left empty: said after its label
    choices: tuple[str, ...] = ()  # the closed set that it is chosen from; empty: free words
    by_aspect: bool = False  # chosen from the closed set of the aspect that the flag names
    longest: int = LONGEST_PHRASE

    @property
    def is_choice(self) -> bool:
        """Whether it is chosen, not written."""
        return bool(self.choices) or self.by_aspect

    @property
    def asked(self) -> str:
        """The label, with when the field may be left empty."""
        return self.label if self.required else f"{self.label}, {self.unless}"


@dataclass(frozen=True)
class Kind:
    """One way of being wrong."""

    id: FlagKind
    group: Group  # what it is about
    title: str  # on the page
    help: str
    fields: tuple[Field, ...]
    becomes: str  # which rows it makes, in a sentence
    told: str  # what the model did, after its name; filled with the flag's claim and attribute
    tasks: tuple[BenchmarkTask, ...]  # of these rows
    questions: Callable[[Flag], list[Asked]]  # of a checked flag, one for each row, what was flagged first
    aspects: tuple[Aspect, ...] = ()  # among which its attribute chooses, each with a closed set of answers
    one_claim: bool = True  # whether the marked words should hold one claim only
    claim_quotes: bool = True  # whether the claim is what the marked words say
    really: str = "really “{correction}”"  # what is told behind it where the flag has a correction

    def field(self, name: FieldName) -> Field | None:
        """The form's field for this part of the flag, None when the kind does not ask for it."""
        return next((field for field in self.fields if field.name == name), None)

    def choices(self, name: FieldName, attribute: str = "") -> tuple[str, ...]:
        """The closed set of a field, given the flag's attribute; empty for free words and unknown aspects."""
        field = self.field(name)
        if field is None or not field.by_aspect:
            return () if field is None else field.choices
        return next((aspect.answers for aspect in self.aspects if aspect.name == attribute), ())

    def told_of(self, flag: Flag) -> str:
        """What a flag of this kind says of the model, after its name and without a full stop."""
        said = {
            "claim": flag.claim or flag.span_text,
            "attribute": flag.attribute,
            "correction": flag.correction,
        }
        told = f"{self.told}; {self.really}" if flag.correction and self.really else self.told
        return told.format(**said)

    @property
    def needs_partner(self) -> bool:
        """Whether its rows are released only beside the same question of another clip."""
        return any(task.needs_partner for task in self.tasks)


def _names(aspects: tuple[Aspect, ...]) -> tuple[str, ...]:
    return tuple(aspect.name for aspect in aspects)


def _named(aspects: tuple[Aspect, ...], name: str) -> Aspect:
    return next(aspect for aspect in aspects if aspect.name == name)


_EXISTENCE = Kind(
    id="object_existence",
    group="sounds",
    title="not there",
    help="The model names a sound that is not in the recording.",
    fields=(
        Field("claim", "not there", "The one sound that the model made up.", "a passing car"),
        Field(
            "correction",
            "really there",
            "A sound that you do hear, if there is one.",
            "a dog barking",
            required=False,
        ),
    ),
    becomes="A question about the sound that is not there (no), and one about what is really there (yes).",
    told="made up “{claim}”",
    tasks=(SOUND_EXISTENCE,),
    questions=asked.existence,
)

_ORDER = Kind(
    id="temporal_order",
    group="sounds",
    title="wrong order",
    help="The model hears two sounds the wrong way round: it says the first comes before the second.",
    fields=(
        Field("claim", "said to come first", "The sound that the model puts first.", "a bell ringing"),
        Field("correction", "really comes first", "The other sound, which comes before it.", "a dog barking"),
    ),
    becomes="A question whether the sounds come as the model said (no), and one for the other order (yes).",
    told="heard “{claim}” before “{correction}”",
    really="really “{correction}” comes first",
    tasks=(SOUND_ORDER,),
    questions=asked.order,
    one_claim=False,
)

_ATTRIBUTE = Kind(
    id="object_attribute",
    group="sounds",
    title="wrong attribute",
    help="The sound is there, but what the model says it does or is belongs to another one, or to none.",
    fields=(
        Field("claim", "who or what", "The one that the model says it of.", "a woman"),
        Field("attribute", "said to be", "What it is said to do or be: completes “it is …”.", "laughing"),
        Field(
            "correction",
            "really is so",
            "Who or what it is true of, if anything in the recording.",
            "a child",
            required=False,
        ),
    ),
    becomes="A question whether it is so of the one the model named (no), and of the one you name (yes).",
    told="said of “{claim}” that it is “{attribute}”",
    really="really “{correction}” is",
    tasks=(SOUND_ATTRIBUTE,),
    questions=asked.attribute,
)

_WORDS = Kind(
    id="speech_content",
    group="speech",
    title="wrong words",
    help="The model reports words that were not said.",
    fields=(
        Field("claim", "said by the model", "The words as the model has them.", "turn on the light"),
        Field("correction", "really said", "The words as you hear them.", "turn off the light"),
        Field(
            "attribute",
            "all that is said",
            "Everything that is said, from beginning to end: put right what else is wrong.",
            "please turn off the light",
            required=False,
            unless="if you can tell",
            longest=LONGEST_TRANSCRIPT,
        ),
    ),
    becomes="A question which wording was said, and a transcription if you give all that is said.",
    told="heard the words “{claim}”",
    really="really said was “{correction}”",
    tasks=(SPOKEN_WORDS, SPEECH_TRANSCRIPTION),
    questions=asked.words,
    one_claim=False,
)

_SPEAKER_ASPECTS = (
    Aspect("voice", "who is speaking", SPEAKER_VOICE),
    Aspect("number of speakers", "how many people are speaking", SPEAKER_COUNT),
    Aspect("way of speaking", "which way of speaking is heard", SPEAKING_STYLE),
)
_SPEAKER = Kind(
    id="speaker",
    group="speech",
    title="wrong speaker",
    help="The model is wrong about who speaks, how many they are, or how they speak.",
    fields=(
        Field(
            "attribute",
            "wrong about",
            "What the model has wrong.",
            "number of speakers",
            choices=_names(_SPEAKER_ASPECTS),
        ),
        Field("claim", "said by the model", "What the model says.", "two people"),
        Field("correction", "really", "What you hear.", "one", by_aspect=True),
    ),
    becomes="A question that lists every possible answer.",
    told="was wrong about the {attribute}: “{claim}”",
    tasks=tuple(aspect.task for aspect in _SPEAKER_ASPECTS),
    questions=lambda flag: asked.choice(_named(_SPEAKER_ASPECTS, flag.attribute), flag),
    aspects=_SPEAKER_ASPECTS,
)

_THE_EMOTION = Aspect("emotion", "which emotion is heard in the voice", SPEECH_EMOTION)
_EMOTION = Kind(
    id="emotion",
    group="speech",
    title="wrong emotion",
    help="The model hears an emotion in a voice that is not the one in it.",
    fields=(
        Field("claim", "said by the model", "The emotion that the model names.", "angry"),
        Field(
            "correction", "really", "The emotion that you hear.", "neutral", choices=SPEECH_EMOTION.closed_set
        ),
    ),
    becomes="A question that lists every possible answer.",
    told="heard the emotion “{claim}”",
    tasks=(SPEECH_EMOTION,),
    questions=lambda flag: asked.choice(_THE_EMOTION, flag),
)

_MUSIC_ASPECTS = (
    Aspect("genre", "which genre of music is playing", MUSIC_GENRE),
    Aspect("instrument", "which instrument leads the music", MUSIC_INSTRUMENT),
    Aspect("mood", "which mood is heard in the music", MUSIC_MOOD),
)
_MUSIC = Kind(
    id="music",
    group="music",
    title="wrong music",
    help="The model is wrong about the genre, the leading instrument or the mood of music.",
    fields=(
        Field(
            "attribute", "wrong about", "What the model has wrong.", "genre", choices=_names(_MUSIC_ASPECTS)
        ),
        Field("claim", "said by the model", "What the model says.", "a rock song"),
        Field("correction", "really", "What you hear.", "jazz", by_aspect=True),
    ),
    becomes="A question that lists every possible answer.",
    told="was wrong about the {attribute}: “{claim}”",
    tasks=tuple(aspect.task for aspect in _MUSIC_ASPECTS),
    questions=lambda flag: asked.choice(_named(_MUSIC_ASPECTS, flag.attribute), flag),
    aspects=_MUSIC_ASPECTS,
)

_ABSTAIN = Kind(
    id="should_abstain",
    group="the answer",
    title="cannot be told",
    help="The model answers what the recording does not tell, instead of saying so.",
    fields=(
        Field(
            "attribute", "asked", "What it cannot tell: completes “tell …”.", "where the recording was made"
        ),
        Field("claim", "said by the model", "The answer that it made up.", "in a church"),
        Field(
            "correction",
            "as likely",
            "Another answer that is as likely.",
            "in a station hall",
            required=False,
        ),
    ),
    becomes="A question that offers its answer, another one, and “cannot be told from the audio” (right).",
    told="answered “{claim}”, which cannot be told from the recording",
    really="as likely “{correction}”",
    tasks=(ABSTENTION,),
    questions=asked.abstention,
)

_CONTRADICTION = Kind(
    id="self_contradiction",
    group="the answer",
    title="contradicts itself",
    help="The model both claims and denies a sound, in one answer or in two.",
    fields=(
        Field("claim", "claimed and denied", "The one sound that it says both of.", "a dog barking"),
        Field(
            "correction", "really", "Which of the two is true.", IS_THERE, choices=(IS_THERE, IS_NOT_THERE)
        ),
    ),
    becomes="A question whether the sound is there (yes or no, as you say).",
    told="both claimed and denied “{claim}”",
    really="really {correction}",
    tasks=(SOUND_EXISTENCE,),
    questions=asked.contradiction,
)

_NOT_FOLLOWING = Kind(
    id="not_following",
    group="the answer",
    title="did not follow",
    help="The answer, or the part of it that is marked, does not do what the instruction asked for.",
    fields=(),
    becomes="No row. It counts in the model's instruction-following rate.",
    told="did not follow its instruction",
    tasks=(),
    questions=asked.nothing,
    one_claim=False,
)

_OTHER = Kind(
    id="other",
    group="the answer",
    title="other",
    help="Something else is wrong.",
    fields=(Field("claim", "what is wrong", "What is wrong, in a few words.", "it says the same twice"),),
    becomes="No row. It is kept with the answer.",
    told="was flagged: “{claim}”",
    tasks=(),
    questions=asked.nothing,
    one_claim=False,
    claim_quotes=False,
)

KINDS: dict[FlagKind, Kind] = {
    kind.id: kind
    for kind in (
        _EXISTENCE,
        _ORDER,
        _ATTRIBUTE,
        _WORDS,
        _SPEAKER,
        _EMOTION,
        _MUSIC,
        _ABSTAIN,
        _CONTRADICTION,
        _NOT_FOLLOWING,
        _OTHER,
    )
}
