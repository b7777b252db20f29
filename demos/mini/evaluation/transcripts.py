"""Word error rates of transcripts, Whisper's and those that SALMONN writes when it is told to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from demos.engine import Request
from demos.mini.evaluation.details import Failure, Outcome, Sizes
from demos.mini.evaluation.figures import ratio
from demos.mini.evaluation.held_out import HeldOut
from demos.mini.evaluation.listening import Ears, Listeners


@dataclass(frozen=True)
class Transcribed:
    """A clip with speech and the words that were heard in it."""

    clip: HeldOut
    said: str

    @property
    def truth(self) -> str:
        """What was spoken."""
        assert self.clip.scene.speech is not None
        return self.clip.scene.speech.utterance.sentence.text

    @cached_property
    def errors(self) -> tuple[float, float]:
        """How many words are wrong, missing or too many, and how many were spoken."""
        return word_errors(self.truth, self.said)


def word_errors(truth: str, said: str) -> tuple[float, float]:
    """How many words are wrong, missing or too many, and how many were spoken."""
    import jiwer

    counted = jiwer.process_words(truth, said.strip().lower())
    wrong = counted.substitutions + counted.deletions + counted.insertions
    return float(wrong), float(counted.substitutions + counted.deletions + counted.hits)


def transcript_failures(test: str, heard: Sequence[Transcribed]) -> list[Failure]:
    """Transcripts with a wrong word; the voice is told with what was asked."""
    found = []
    for one in heard:
        wrong, words = one.errors
        speech = one.clip.scene.speech
        if wrong and speech is not None:
            voice = f"voice {speech.utterance.voice.name}"
            found.append(Failure.of(test, one.clip, one.truth, one.said.strip(), wrong / words, voice))
    return found


def transcribe(ears: Ears, clip: HeldOut) -> Transcribed:
    """Whisper's transcript of a clip."""
    (heard,) = ears.hear(clip.samples(), Request("whisper"))
    return Transcribed(clip, heard.text)


def whisper(listeners: Listeners, sizes: Sizes) -> Outcome:
    """All figures of Whisper."""
    figures, failures, by_voice = [], [], {}
    for kind, title, aim in (
        ("speech", "Whisper, word error rate, held-out voices, speech alone", "≤ 0.12"),
        ("speech_over", "… the same sentences in the same voices over other sounds, some louder", ""),
        ("flite", "… voices of another synthesiser (flite), never trained on, speech alone", "≤ 0.35"),
    ):
        heard = listeners.map(transcribe, kind, range(sizes.sentences))
        figures.append(ratio(title, [one.errors for one in heard], aim))
        failures += transcript_failures(f"Whisper, {kind.replace('_', ' ')}", heard)
        by_voice[kind] = rates_by_voice(heard)
    return Outcome(figures, failures, {"whisper": {"word_error_rate": by_voice}})


def rates_by_voice(heard: Sequence[Transcribed]) -> dict[str, float]:
    """The word error rate of each voice."""
    errors: dict[str, list[tuple[float, float]]] = {}
    for one in heard:
        assert one.clip.scene.speech is not None
        errors.setdefault(one.clip.scene.speech.utterance.voice.name, []).append(one.errors)
    return {
        voice: round(sum(wrong for wrong, _ in those) / sum(words for _, words in those), 3)
        for voice, those in sorted(errors.items())
    }
