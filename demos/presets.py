"""Instructions to offer for a model, by task: those of the published models, and which of them mini learned.

The texts of SALMONN are the test prompts of its published code, typing errors included. Of Pengi's, the first
three stand in its published code; the others are of its paper (Deshmukh et al., NeurIPS 2023). What the
publishers fill in for each sound (a question, the slot asked for) is filled in here with an example.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Preset:
    """One instruction: the task that it belongs to, a title below it, and the words that the model is given.

    `trained` says whether the model saw this instruction in its training, so that an answer can be expected.
    """

    task: str
    title: str
    text: str
    trained: bool = True


def _published(task: str, title: str, text: str) -> Preset:
    """A published instruction that the mini suite never saw."""
    return Preset(task, title, text, trained=False)


MINI_PENGI = (
    Preset("Caption", "a sentence", "generate audio caption"),
    Preset("Caption", "a free description", "generate metadata"),
    Preset("Sounds", "list the events", "this is a sound of"),
    Preset("Question", "what can you hear?", "question: what can you hear?"),
    Preset("Question", "is a sound there?", "question: is there a dog barking?"),
    _published("Scene", "where this was recorded", "this acoustic scene is"),
    _published("Speech", "emotion", "this emotion is"),
    _published("Speech", "sentiment", "this sentiment is"),
    _published("Music", "analysis", "music analysis this is a sound of"),
    _published("Music", "instrument of a note", "this music note is produced by"),
)

MINI_SALMONN = (
    Preset(
        "Speech and sounds",
        "answer the speaker",
        "Please answer the speaker's question in detail based on the background sound.",
    ),
    Preset(
        "Speech and sounds",
        "reason, then answer the speaker",
        "Use your strong reasoning skills to answer the speaker's question in detail based on the "
        "background sound.",
    ),
    Preset("Speech and sounds", "describe both", "Describe the speech and the background audio"),
    Preset(
        "Speech and sounds",
        "describe both in a sentence",
        "Describe the background audio and the speech in a fluent sentence.",
    ),
    Preset("Sounds", "describe", "Please describe the audio."),
    Preset("Sounds", "write down what is heard", "Please write down what your hear in the audio."),
    Preset("Question", "what can you hear?", "what can you hear?"),
    Preset("Question", "is a sound there?", "is there a dog barking?"),
    Preset("Question", "in which order?", "what comes first?"),
    Preset("Speech", "transcribe", "Recognize the speech and give me the transcription."),
    _published("Speech", "answer a spoken question", "Please answer the question in detail."),
    _published("Speech", "transcribe, asked in Chinese", "请将语音中的内容写下来。"),
    _published(
        "Speech",
        "transcribe, asked in German",
        "Hören Sie sich die Rede an und schreiben Sie ihren Inhalt auf.",
    ),
    _published("Speech", "sounds of speech", "Provide the phonetic transcription for the speech."),
    _published("Speech", "three keywords", "Give me only three keywords of the text."),
    _published("Speech", "fill a slot", "According to the speech, what is the place?"),
    _published("Translation", "into Chinese", "Listen to the speech and translate it into Chinese."),
    _published("Translation", "into Japanese", "Listen to the speech and translate it into Japanese."),
    _published("Translation", "into German", "Listen to the speech and translate it into German."),
    Preset("Speakers", "a man or a woman?", "is the speaker a man or a woman?"),
    _published("Speakers", "emotion", "Describe the emotion of the speaker in one word."),
    _published(
        "Speakers", "one person or more?", "Do you only hear the same person talking? Answer yes or no."
    ),
    _published("Speakers", "what each says", "Please write down what you hear each person says."),
    _published(
        "Speakers",
        "who says what",
        "Please recognize each speaker and transcribe their speech content.",
    ),
    _published("Music", "describe", "Listen to this music clip and describe the music."),
    _published("Music", "lyrics", "Listen to the song and write down its content."),
    Preset("Story", "short", "Tell a story about this audio."),
    _published(
        "Story",
        "in detail",
        "Based on the audio, write a story in detail. Your story should be highly related to the audio.",
    ),
)

MINI_SALMONN_BEFORE_ACTIVATION = tuple(
    replace(preset, trained=preset.trained and preset.task != "Story") for preset in MINI_SALMONN
)
