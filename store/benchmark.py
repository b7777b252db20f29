"""The benchmark tasks that rows belong to, described as Dynamic-SUPERB's reviewers want them.

Vocabulary: the task submission and review pages of Dynamic-SUPERB (Huang et al., arXiv 2309.09510 and
2411.05361). Kinds of hallucination: Kuan, Huang & Lee, arXiv 2406.08402; Kuan & Lee, arXiv 2410.16130.
A task is one operation, so what asks for another closed set of answers is another task.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BenchmarkTask:
    """One operation, described as Dynamic-SUPERB's instance.json and README want it."""

    name: str  # CamelCase
    title: str
    description: str  # one sentence that a non-expert understands
    objective: str  # the goal and why it matters
    keywords: tuple[str, ...]
    metrics: tuple[str, ...]
    options: int  # size of the answer set that every instruction spells out; 0: the answer is free text
    answers: str  # what the answer set is, in words
    needs_partner: bool = True  # whether a row is released only beside the same question of another clip
    closed_set: tuple[str, ...] = ()  # the answers themselves, where they are the same in every row


SOUND_EXISTENCE = BenchmarkTask(
    name="SoundExistenceVerification",
    title="Sound Existence Verification",
    description="Decide whether a named sound can be heard in a recording.",
    objective=(
        "Audio language models name sounds that are not there. Each negative row asks about a sound that a "
        "model claimed to hear and a listener did not find; positive rows ask about sounds the listener did "
        "hear. A model that really listens tells the two apart."
    ),
    keywords=("audio", "sound event", "hallucination", "object existence", "binary classification"),
    metrics=("accuracy",),
    options=2,
    answers="yes, no",
)
SOUND_ORDER = BenchmarkTask(
    name="SoundOrderVerification",
    title="Sound Order Verification",
    description="Decide whether one sound comes before another in a recording.",
    objective=(
        "A model may recognise every sound of a recording and still tell their order wrongly. Each row asks "
        "for the order of two sounds that a listener put right after a model had them the wrong way round."
    ),
    keywords=("audio", "sound event", "hallucination", "temporal order", "binary classification"),
    metrics=("accuracy",),
    options=2,
    answers="yes, no",
)
SOUND_ATTRIBUTE = BenchmarkTask(
    name="SoundAttributeVerification",
    title="Sound Attribute Verification",
    description="Decide whether it is the named source that makes a sound or has a property in a recording.",
    objective=(
        "A model may hear a laugh and a cry and give them to the wrong person. Each row asks whether it is "
        "the named source that does or is something, where a model was found to have mixed sources up."
    ),
    keywords=("audio", "sound event", "hallucination", "object attribute", "binary classification"),
    metrics=("accuracy",),
    options=2,
    answers="yes, no",
)
SPOKEN_WORDS = BenchmarkTask(
    name="SpokenWordsChoice",
    title="Spoken Words Choice",
    description="Choose which of two wordings was spoken in a recording.",
    objective=(
        "Models report words that nobody said, and often likely ones. Each row offers what a model claimed "
        "was said and what a listener heard instead, in random order."
    ),
    keywords=("speech", "speech content", "hallucination", "multiple choice"),
    metrics=("accuracy",),
    options=2,
    answers="the two wordings that the instruction quotes",
    needs_partner=False,
)

SPEECH_TRANSCRIPTION = BenchmarkTask(
    name="SpeechTranscription",
    title="Speech Transcription",
    description="Write down all that is said in a recording.",
    objective=(
        "A transcript can read well and still hold words that nobody said. Each row is a recording that a "
        "model transcribed wrongly; its label is what a listener heard instead, from the first word to the "
        "last."
    ),
    keywords=("speech", "speech recognition", "speech content", "hallucination"),
    metrics=("wer",),
    options=0,
    answers="free text: all the words that are said",
    needs_partner=False,
)


def _recognition(
    name: str,
    title: str,
    description: str,
    objective: str,
    keywords: tuple[str, ...],
    closed_set: tuple[str, ...],
) -> BenchmarkTask:
    """A task that chooses from a closed set, the same in every row."""
    return BenchmarkTask(
        name=name,
        title=title,
        description=description,
        objective=objective,
        keywords=(*keywords, "hallucination", "classification"),
        metrics=("accuracy",),
        options=len(closed_set),
        answers=", ".join(closed_set),
        needs_partner=False,
        closed_set=closed_set,
    )


SPEAKER_VOICE = _recognition(
    "SpeakerVoiceRecognition",
    "Speaker Voice Recognition",
    "Tell whether a man, a woman, a child or several people speak in a recording.",
    (
        "Models describe speakers who are not there. Each row is a recording whose speaker a model got wrong "
        "and a listener put right, with every possible answer in random order."
    ),
    ("speech", "speaker"),
    ("a man", "a woman", "a child", "several people"),
)
SPEAKER_COUNT = _recognition(
    "SpeakerCounting",
    "Speaker Counting",
    "Tell how many people speak in a recording.",
    (
        "A model may hear a conversation where one person speaks, or one voice where there are several. Each "
        "row is a recording whose speakers a model miscounted and a listener counted."
    ),
    ("speech", "speaker", "speaker counting"),
    ("one", "two", "three", "more than three"),
)
SPEAKING_STYLE = _recognition(
    "SpeakingStyleRecognition",
    "Speaking Style Recognition",
    "Tell whether a voice in a recording speaks normally, whispers, shouts or sings.",
    (
        "How something is said is in the sound alone, and a model that guesses from the words gets it wrong. "
        "Each row is a recording whose way of speaking a model got wrong and a listener put right."
    ),
    ("speech", "speaker", "speaking style"),
    ("normal speech", "whispering", "shouting", "singing"),
)
SPEECH_EMOTION = _recognition(
    "SpeechEmotionRecognition",
    "Speech Emotion Recognition",
    "Tell which emotion is heard in a voice.",
    (
        "A model may read an emotion into the words that is not in the voice. Each row is a recording whose "
        "emotion a model got wrong and a listener put right."
    ),
    ("speech", "paralinguistics", "emotion recognition"),
    ("neutral", "joy", "sadness", "anger", "fear", "disgust", "surprise"),
)
MUSIC_GENRE = _recognition(
    "MusicGenreRecognition",
    "Music Genre Recognition",
    "Tell which genre of music a recording holds.",
    (
        "A model may name a likely genre whatever is playing. Each row is a recording whose genre a model "
        "got wrong and a listener put right."
    ),
    ("music", "music genre"),
    ("blues", "classical", "country", "electronic", "folk", "hip-hop", "jazz", "pop", "reggae", "rock"),
)
MUSIC_INSTRUMENT = _recognition(
    "MusicInstrumentRecognition",
    "Music Instrument Recognition",
    "Tell which instrument leads the music in a recording.",
    (
        "Models name instruments that are not playing. Each row is a recording whose leading instrument a "
        "model got wrong and a listener put right."
    ),
    ("music", "music instrument"),
    (
        "a piano",
        "a guitar",
        "a violin",
        "a flute",
        "a trumpet",
        "a saxophone",
        "an organ",
        "drums",
        "a synthesiser",
        "a singing voice",
    ),
)
MUSIC_MOOD = _recognition(
    "MusicMoodRecognition",
    "Music Mood Recognition",
    "Tell which mood the music in a recording has.",
    (
        "A model may know that there is music and make up its mood. Each row is a recording whose mood a "
        "model got wrong and a listener put right."
    ),
    ("music", "music mood"),
    ("happy", "sad", "calm", "tense", "angry", "dreamy", "solemn", "playful"),
)

CANNOT_BE_TOLD = "cannot be told from the audio"
ABSTENTION = BenchmarkTask(
    name="AbstentionChoice",
    title="Abstention Choice",
    description="Choose an answer to a question about a recording, or say that the recording does not tell.",
    objective=(
        "Asked for what a recording does not tell, models make up an answer instead of saying so. Each row "
        "offers what a model made up, one other answer, and that it cannot be told from the audio, in random "
        "order."
    ),
    keywords=("audio", "hallucination", "unanswerable question", "abstention", "multiple choice"),
    metrics=("accuracy",),
    options=3,
    answers=f"two answers that the instruction quotes, and “{CANNOT_BE_TOLD}”",
    needs_partner=False,
)

TASKS: dict[str, BenchmarkTask] = {
    task.name: task
    for task in (
        SOUND_EXISTENCE,
        SOUND_ORDER,
        SOUND_ATTRIBUTE,
        SPOKEN_WORDS,
        SPEECH_TRANSCRIPTION,
        SPEAKER_VOICE,
        SPEAKER_COUNT,
        SPEAKING_STYLE,
        SPEECH_EMOTION,
        MUSIC_GENRE,
        MUSIC_INSTRUMENT,
        MUSIC_MOOD,
        ABSTENTION,
    )
}
