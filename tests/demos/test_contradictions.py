"""Answers about one clip that contradict each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from demos.contradictions import contradictions, without_speech
from store.records import Observation, System, View

VIEW = View("clip", 16_000, "soxr", 0.0, 7.0)


def said(system: System, text: str, instruction: str = "describe", **how: Any) -> Observation:
    base = Observation(
        f"{system} {text} {instruction}",
        system,
        VIEW,
        "m",
        "r",
        instruction,
        "",
        {},
        "float32",
        "cpu",
        0,
        text,
    )
    return replace(base, **how)


CAPTION = said("pengi", "a dog barking, then rain falling", "generate audio caption")


def test_no_to_a_sound_that_a_caption_speaks_of() -> None:
    no = said("salmonn", "no", "is there a dog barking?")
    sentence = (
        "SALMONN says “no” to “is there a dog barking?”, but Pengi writes “a dog barking, then rain falling”."
    )
    assert contradictions(no, [CAPTION]) == [sentence]
    (turned,) = contradictions(CAPTION, [no])
    assert turned.startswith("Pengi writes “a dog barking, then rain falling”, but SALMONN says “no”")


def test_yes_and_no_to_the_same_question() -> None:
    yes = said("pengi", "yes", "question: can you hear a dog barking?")
    no = said("salmonn", "No, there is not.", "Is there a dog barking?")
    assert len(contradictions(no, [yes])) == 1
    assert contradictions(yes, [yes]) == []


def test_what_is_no_contradiction() -> None:
    no = said("salmonn", "no", "is there a dog barking?")
    for other in (
        said("pengi", "a bell ringing", "generate audio caption"),  # speaks of something else
        said("whisper", "the dog is barking"),  # what is said aloud is no sound that is heard
        replace(CAPTION, view=replace(VIEW, clip_id="another")),
        replace(CAPTION, view=replace(VIEW, start=7.0, stop=14.0)),
        said("salmonn", "no", "do you hear a dog barking and rain falling at the same time?"),
        said("salmonn", "yes", "is there a cat meowing?"),
        replace(CAPTION, settings={"over_silence": True}),
    ):
        assert contradictions(no, [other]) == []
    silent = said("pengi", "a bell ringing", "generate audio caption")
    yes = said("salmonn", "yes", "is there a dog barking?")
    assert contradictions(yes, [silent]) == []  # a caption need not name everything


def test_who_asks_about_a_speaker_where_nobody_speaks_is_told() -> None:
    answer = said("salmonn", "nobody asks a question", "Please answer the speaker's question.")
    silent, spoken = said("whisper", " "), said("whisper", "what sound is this")
    (sentence,) = without_speech(answer, silent)
    assert sentence.startswith("Whisper heard no words and SALMONN is asked")
    assert without_speech(answer, spoken) == []
    assert without_speech(answer, None) == []
    assert without_speech(said("salmonn", "a dog barking", "what can you hear?"), silent) == []
    later = replace(silent, view=replace(VIEW, start=7.0, stop=14.0))
    assert without_speech(answer, later) == []


def test_what_was_spoken_is_no_sound_that_is_heard() -> None:
    no = said("salmonn", "no", "is there a dog barking?")
    spoken = "the dog is barking"
    for instruction in (
        "Recognize the speech and give me the transcription.",
        "Listen to the speech and write down its content.",
        "What does the speaker say?",
        "What is being said?",
        "Please write down what you hear each person says.",
    ):
        assert contradictions(no, [said("salmonn", spoken, instruction)]) == []
    both = "Describe the speech and the background audio"
    told = said("salmonn", f"the speaker says {spoken}. in the background: rain falling", both)
    assert contradictions(no, [told]) == []
    assert contradictions(no, [said("salmonn", f"A man says “{spoken}” while rain falls", both)]) == []
    heard = said("salmonn", f"the speaker says it rains. in the background: {CAPTION.text}", both)
    assert len(contradictions(no, [heard])) == 1
    assert len(contradictions(no, [said("salmonn", CAPTION.text, "Please describe the audio.")])) == 1
