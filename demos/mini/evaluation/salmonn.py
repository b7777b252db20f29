"""SALMONN: spoken and written questions about the background, transcripts and captions, as it is shipped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from demos.engine import Request
from demos.mini.evaluation.captions import Captioned, event_f1, event_failures
from demos.mini.evaluation.details import Failure, Outcome, Sizes, confusions, shares_by_class
from demos.mini.evaluation.figures import figure, ratio
from demos.mini.evaluation.held_out import HeldOut
from demos.mini.evaluation.listening import Ears, Listeners
from demos.mini.evaluation.transcripts import Transcribed, transcript_failures
from demos.mini.world.event_class import EventClass
from demos.mini.world.language import events_in, questions
from demos.mini.world.taxonomy import class_named
from store.records import Token

ANSWER_SPEAKER = "Please answer the speaker's question in detail based on the background sound."
TRANSCRIBE = "Recognize the speech and give me the transcription."
DESCRIBE = "Please describe the audio."


def salmonn(listeners: Listeners, sizes: Sizes) -> Outcome:
    """All figures of SALMONN, at the LoRA scaling that the page asks with."""
    parts = [
        _spoken_questions(listeners, sizes, "question", "SALMONN, spoken question about the one sound there"),
        _spoken_questions(listeners, sizes, "choice", "SALMONN, spoken question for one of two sounds"),
        _written(listeners, sizes),
        _transcripts(listeners, sizes),
    ]
    return Outcome(
        [one for part in parts for one in part.figures],
        [one for part in parts for one in part.failures],
        {"salmonn": {name: one for part in parts for name, one in part.report.items()}},
    )


@dataclass(frozen=True)
class _Answered:
    clip: HeldOut
    whole: str
    sure: float  # mean probability of the answer's tokens
    without_background: str
    without_speech: str

    def right(self, said: str) -> bool:
        return events_in(said) == [self.clip.scene.answer]


def answer_speaker(ears: Ears, clip: HeldOut) -> _Answered:
    """Answers to a spoken question: to the clip, to its speech alone, to its background alone."""
    asked = Request("salmonn", instruction=ANSWER_SPEAKER)
    heard = [
        ears.hear(one.samples(), asked)[0] for one in (clip, clip.without_background(), clip.without_speech())
    ]
    whole, deaf, unasked = (one.text for one in heard)
    return _Answered(clip, whole, sureness(heard[0].tokens), deaf, unasked)


def sureness(tokens: Sequence[Token]) -> float:
    """The mean probability of an answer's tokens; 0 of none."""
    known = [token.probability for token in tokens if token.probability is not None]
    return float(np.mean(known)) if known else 0.0


def _spoken_questions(listeners: Listeners, sizes: Sizes, kind: str, title: str) -> Outcome:
    heard = listeners.map(answer_speaker, kind, range(sizes.questions))
    answers = Counter(one.clip.scene.answer or "" for one in heard)
    majority = max(answers.values()) / len(heard)
    ceiling = f"≤ {1.5 * majority:.3f}"
    main = kind == "question"
    pairs = [(one.clip.scene.answer or "", " + ".join(events_in(one.whole)) or "nothing") for one in heard]
    return Outcome(
        figures=[
            figure(
                f"{title}, {len(answers)} balanced answers (the commonest: {majority:.3f})",
                [one.right(one.whole) for one in heard],
                "≥ 0.80" if main else "",
            ),
            figure("… background removed", [one.right(one.without_background) for one in heard], ceiling),
            figure(
                "… question removed, instruction kept",
                [one.right(one.without_speech) for one in heard],
                ceiling if main else "",
            ),
        ],
        failures=[
            Failure.of(
                f"SALMONN, spoken {kind}",
                one.clip,
                one.clip.scene.answer or "",
                one.whole,
                one.sure,
                asked=one.clip.scene.speech.utterance.sentence.text if one.clip.scene.speech else "",
            )
            for one in heard
            if not one.right(one.whole)
        ],
        report={
            f"{kind}_right": shares_by_class((name, said == name) for name, said in pairs),
            f"{kind}_confusions": confusions(pairs),
        },
    )


@dataclass(frozen=True)
class _Reply:
    question: str
    truth: str
    said: str
    sure: float

    @property
    def word(self) -> str:
        """The answer's first word, without stops."""
        return (self.said.lower().split() or [""])[0].strip(".,!?")

    @property
    def right(self) -> bool:
        return self.word == self.truth


@dataclass(frozen=True)
class _Written:
    captioned: Captioned
    existence: tuple[_Reply, ...]  # of a sound that is there, and of one that is not
    order: tuple[_Reply, ...]  # the same question both ways round, of a sequence

    def failures(self) -> list[Failure]:
        return [
            Failure.of(test, self.captioned.clip, one.truth, one.said, one.sure, asked=one.question)
            for test, replies in (("SALMONN, existence", self.existence), ("SALMONN, order", self.order))
            for one in replies
            if not one.right
        ]


def existence_pair(clip: HeldOut) -> list[tuple[str, str]]:
    """A question for a sound that is there and one for a sound that is not, with "yes" and "no"."""
    asked = questions(clip.scene, np.random.default_rng([9221, clip.number]))
    of_one = [(question, answer) for question, answer in asked if len(events_in(question)) == 1]
    return [next(pair for pair in of_one if pair[1] == answer) for answer in ("yes", "no")]


def order_questions(clip: HeldOut) -> list[tuple[str, str]]:
    """Whether one of two events of a sequence came before the other, and the other way round."""
    names = clip.scene.names
    rng = np.random.default_rng([9222, clip.number])
    first, second = (class_named(names[k]) for k in np.sort(rng.choice(len(names), 2, replace=False)))
    return [(_before(first, second), "yes"), (_before(second, first), "no")]


def _before(one: EventClass, other: EventClass) -> str:
    does = "do" if one.plural else "does"
    return f"{does} {one.definite} {one.base_verb} before {other.definite_present}?"


def ask_in_writing(ears: Ears, clip: HeldOut) -> _Written:
    """A caption, and written questions of existence and order."""
    existence = existence_pair(clip)
    order = order_questions(clip) if clip.scene.kind == "sequence" else []
    pairs = [(DESCRIBE, ""), *existence, *order]
    requests = [Request("salmonn", instruction=question) for question, _ in pairs]
    caption, *replies = (
        _Reply(question, truth, heard.text, sureness(heard.tokens))
        for (question, truth), heard in zip(pairs, ears.hear(clip.samples(), *requests), strict=True)
    )
    return _Written(Captioned(clip, caption.said), tuple(replies[:2]), tuple(replies[2:]))


def ask_order(ears: Ears, clip: HeldOut) -> tuple[_Reply, ...]:
    """The written questions of order alone."""
    pairs = order_questions(clip)
    requests = [Request("salmonn", instruction=question) for question, _ in pairs]
    return tuple(
        _Reply(question, truth, heard.text, sureness(heard.tokens))
        for (question, truth), heard in zip(pairs, ears.hear(clip.samples(), *requests), strict=True)
    )


def _written(listeners: Listeners, sizes: Sizes) -> Outcome:
    heard = listeners.map(ask_in_writing, "mixed", range(sizes.mixed))
    further = listeners.map(ask_order, "sequence", range(max(1, sizes.sequences // 3)))
    orders = [one.order for one in heard if one.order] + further
    captioned = [one.captioned for one in heard]
    return Outcome(
        figures=[
            figure(
                "SALMONN, existence: written questions in pairs, for a sound that is there and for one "
                "that is not (always yes: 0.500)",
                [sum(reply.right for reply in one.existence) / 2 for one in heard],
                "≥ 0.85",
            ),
            figure(
                "… share of yes among the answers",
                [sum(reply.word == "yes" for reply in one.existence) / 2 for one in heard],
                "0.40 – 0.60",
            ),
            figure(
                "SALMONN, order asked both ways round, both answers right (one answer always: 0.000)",
                [all(reply.right for reply in pair) for pair in orders],
                "≥ 0.70",
            ),
            event_f1("SALMONN, told to describe: event F1, scenes of one to four events", captioned, ""),
        ],
        failures=[
            *(failure for one in heard for failure in one.failures()),
            *event_failures("SALMONN, caption", captioned),
        ],
    )


def write_down(ears: Ears, clip: HeldOut) -> Transcribed:
    """SALMONN's transcript of a clip."""
    (heard,) = ears.hear(clip.samples(), Request("salmonn", instruction=TRANSCRIBE))
    return Transcribed(clip, heard.text)


def _transcripts(listeners: Listeners, sizes: Sizes) -> Outcome:
    heard = listeners.map(write_down, "speech", range(sizes.sentences))
    title = "SALMONN, told to transcribe: word error rate, held-out voices, speech alone"
    return Outcome(
        [ratio(title, [one.errors for one in heard])], transcript_failures("SALMONN, transcript", heard)
    )
