"""The benchmark tasks that rows belong to, described as Dynamic-SUPERB's reviewers want them.

Vocabulary: the task submission and review pages of Dynamic-SUPERB (Huang et al., arXiv 2309.09510 and
2411.05361). Kinds of hallucination: Kuan, Huang & Lee, arXiv 2406.08402; Kuan & Lee, arXiv 2410.16130.
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
    options: int  # size of the answer set that every instruction spells out
    answers: str  # what the answer set is, in words
    needs_partner: bool = True  # whether a row is released only beside the same question of another clip


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

TASKS: dict[str, BenchmarkTask] = {
    task.name: task for task in (SOUND_EXISTENCE, SOUND_ORDER, SOUND_ATTRIBUTE, SPOKEN_WORDS)
}
