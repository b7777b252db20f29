"""The kinds of flags: what each asks of a person, and which question of which task it becomes.

One table, `KINDS`. Questions and answer formats are drawn per row; every instruction is a question followed
by a format, and the format spells out the closed set that the label is taken from, as Dynamic-SUPERB asks.
The kinds follow Kuan & Lee (arXiv 2410.16130): object existence, temporal order, object attribute.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from store.benchmark import SOUND_ATTRIBUTE, SOUND_EXISTENCE, SOUND_ORDER, SPOKEN_WORDS, BenchmarkTask
from store.records import FlagKind

FieldName = Literal["claim", "attribute", "correction"]


@dataclass(frozen=True)
class Field:
    """One thing that the form asks for."""

    name: FieldName  # of the flag's record
    label: str
    help: str
    example: str
    required: bool = True


@dataclass(frozen=True)
class Kind:
    """One way of being wrong."""

    id: FlagKind
    title: str  # on the page
    help: str
    fields: tuple[Field, ...]
    becomes: str  # which rows it makes, in a sentence
    task: BenchmarkTask
    questions: tuple[str, ...]  # templates over the names given in `annotators.flags.rows`
    formats: tuple[str, ...]

    def field(self, name: FieldName) -> Field | None:
        """The form's field for this part of the flag, None when the kind does not ask for it."""
        return next((field for field in self.fields if field.name == name), None)


_YES_OR_NO = (
    "Answer yes or no.",
    "The answer could be yes or no.",
    "Reply with yes or no.",
    "Please respond with either yes or no.",
    "Choose one of these answers: yes, no.",
    "Your answer should be one word, yes or no.",
    "The possible answers are yes and no.",
    "Say yes if it is so and no if it is not.",
)

_EXISTENCE = Kind(
    id="object_existence",
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
    task=SOUND_EXISTENCE,
    questions=(
        "Is there a sound of {sound} in the audio?",
        "Can you hear {sound}?",
        "Does the recording contain the sound of {sound}?",
        "Is {sound} audible in this clip?",
        "Do you notice {sound} in this recording?",
        "Can the sound of {sound} be heard here?",
        "Does {sound} occur in this audio?",
        "Is the sound of {sound} present in the recording?",
        "Listening to this clip, do you hear {sound}?",
        "Would a careful listener hear {sound} in this recording?",
        "Is {sound} one of the sounds in this audio?",
        "Does this clip include the sound of {sound}?",
        "Can {sound} be made out in the recording?",
        "Is {sound} to be heard at any point in this audio?",
        "At any moment of this clip, can you hear {sound}?",
        "Among the sounds of this recording, is there {sound}?",
        "Does any part of the audio have the sound of {sound}?",
        "Does what you hear include {sound}?",
        "Is this a recording in which {sound} can be heard?",
        "Tell whether {sound} can be heard in this clip.",
        "Decide whether the sound of {sound} is in the audio.",
    ),
    formats=_YES_OR_NO,
)

_ORDER = Kind(
    id="temporal_order",
    title="wrong order",
    help="The model hears two sounds the wrong way round: it says the first comes before the second.",
    fields=(
        Field("claim", "said to come first", "The sound that the model puts first.", "a bell ringing"),
        Field("correction", "really comes first", "The other sound, which comes before it.", "a dog barking"),
    ),
    becomes="A question whether the sounds come as the model said (no), and one for the other order (yes).",
    task=SOUND_ORDER,
    questions=(
        "Does {first} come before {second}?",
        "Is {first} followed by {second}?",
        "Do you hear {first} before {second}?",
        "In this recording, does {first} happen before {second}?",
        "Is {first} heard earlier than {second}?",
        "Does {second} come after {first}?",
        "Is {second} heard later than {first}?",
        "Does the audio have {first} first and {second} afterwards?",
        "Is the order of the sounds {first}, then {second}?",
        "Does {first} precede {second} in this clip?",
        "Does {second} follow {first} in the recording?",
        "Of the two sounds, is it {first} that comes first and {second} that comes later?",
        "Listening to the clip, do you hear {first} and then {second}?",
        "Can {first} be heard first and {second} only after it?",
        "Does {first} begin earlier in this audio than {second}?",
        "Is it right that {first} occurs before {second}?",
        "Is it true of this recording that {second} comes later than {first}?",
        "Does the clip go from {first} to {second}?",
        "Tell whether {first} comes before {second} in the audio.",
        "Decide whether {second} is heard after {first}.",
    ),
    formats=_YES_OR_NO,
)

_ATTRIBUTE = Kind(
    id="object_attribute",
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
    task=SOUND_ATTRIBUTE,
    questions=(
        "Is it {holder} that is {attribute}?",
        "In this recording, is it {holder} that is {attribute}?",
        "Is {holder} {attribute} in this audio?",
        "Do you hear that {holder} is {attribute}?",
        "Can you hear {holder} {attribute}?",
        "Is there a sound of {holder} {attribute}?",
        "Does the clip have {holder} {attribute}?",
        "Does it sound as if {holder} is {attribute}?",
        "Would you say that {holder} is {attribute} in this clip?",
        "Is the one that is {attribute} {holder}?",
        "Is what is {attribute} here {holder}?",
        "Listening to the recording, is {holder} {attribute}?",
        "At any point of the audio, is {holder} {attribute}?",
        "Is it true of this recording that {holder} is {attribute}?",
        "Is it right to say that {holder} is {attribute} here?",
        "Does this audio let you hear {holder} {attribute}?",
        "From what can be heard, is it {holder} that is {attribute}?",
        "Is {holder} to be heard {attribute} in this recording?",
        "Tell whether {holder} is {attribute} in the clip.",
        "Decide whether it is {holder} that is {attribute}.",
    ),
    formats=_YES_OR_NO,
)

_WORDS = Kind(
    id="speech_content",
    title="wrong words",
    help="The model reports words that were not said.",
    fields=(
        Field("claim", "said by the model", "The words as the model has them.", "turn on the light"),
        Field("correction", "really said", "The words as you hear them.", "turn off the light"),
    ),
    becomes="A question which of the two wordings was said.",
    task=SPOKEN_WORDS,
    questions=(
        "Which words are spoken in the recording?",
        "Which of these was said?",
        "What does the speaker say?",
        "What is said in this audio?",
        "Which wording do you hear?",
        "What words does the voice in the clip use?",
        "Which of the two was spoken?",
        "Listen to the speech: what is said?",
        "What can be heard being said here?",
        "Which phrase occurs in the recording?",
        "What do you hear the person say?",
        "Which of these phrases does the speech contain?",
        "What are the words that are spoken in this clip?",
        "How do the words in this recording go?",
        "Which of the two phrases is in the audio?",
        "What was really said in the recording?",
        "Which words match the speech that you hear?",
        "What did the speaker in this clip say?",
        "Choose the words that are spoken in the audio.",
        "Tell which words are said in this recording.",
        "Decide which wording was spoken.",
    ),
    formats=(
        "The answer could be “{one}” or “{other}”.",
        "Answer “{one}” or “{other}”.",
        "Reply with either “{one}” or “{other}”.",
        "Choose one of these answers: “{one}”, “{other}”.",
        "The possible answers are “{one}” and “{other}”.",
        "It is either “{one}” or “{other}”; give the right one.",
        "Please respond with “{one}” or “{other}”, and nothing else.",
    ),
)

KINDS: dict[FlagKind, Kind] = {kind.id: kind for kind in (_EXISTENCE, _ORDER, _ATTRIBUTE, _WORDS)}
