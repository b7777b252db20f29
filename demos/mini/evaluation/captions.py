"""What captions say: which of the events that sounded they name, and in which order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from numpy.typing import NDArray

from demos.engine import Request
from demos.mini.evaluation.details import Failure, Outcome, Sizes, events_by_class
from demos.mini.evaluation.figures import Figure, ratio
from demos.mini.evaluation.held_out import HeldOut
from demos.mini.evaluation.listening import Ears, Listeners
from demos.mini.world.language import events_in, events_in_time


@dataclass(frozen=True)
class Captioned:
    """A clip and what was said of it."""

    clip: HeldOut
    said: str

    @property
    def true(self) -> set[str]:
        """Names of what sounded."""
        return set(self.clip.scene.names)

    @property
    def named(self) -> set[str]:
        """Names of what is said to have sounded."""
        return set(events_in(self.said))

    @property
    def counts(self) -> tuple[float, float]:
        """Numerator and denominator of the F1 of one caption; summed over many, of theirs."""
        return f1_counts(self.true, self.named)


def f1_counts(true: set[str], named: set[str]) -> tuple[float, float]:
    """Numerator and denominator of F1."""
    return 2.0 * len(true & named), float(len(true) + len(named))


def pairs_in_order(names: Sequence[str], said: str) -> tuple[float, float]:
    """Of the pairs of events in a row that a text names both: how many in the right order, and how many."""
    told = events_in_time(said)
    place = {name: told.index(name) for name in names if name in told}
    pairs = [place[a] < place[b] for a, b in combinations([name for name in names if name in place], 2)]
    return float(sum(pairs)), float(len(pairs))


def event_f1(name: str, heard: Sequence[Captioned], aim: str) -> Figure:
    """The F1 of events in captions, beside the best that naming one sound for every clip would reach."""
    commonest, _ = Counter(event for one in heard for event in sorted(one.true)).most_common(1)[0]
    deaf = ratio("", [f1_counts(one.true, {commonest}) for one in heard]).value
    return ratio(
        f"{name} (the commonest sound for every scene: {deaf:.3f})", [one.counts for one in heard], aim
    )


def event_failures(test: str, heard: Sequence[Captioned]) -> list[Failure]:
    """Captions that miss or invent an event."""
    return [
        Failure.of(
            test, one.clip, ", ".join(one.clip.scene.names), one.said, 1 - one.counts[0] / one.counts[1]
        )
        for one in heard
        if one.true != one.named
    ]


def caption_scene(ears: Ears, clip: HeldOut) -> Captioned:
    """Pengi's caption of a clip."""
    (heard,) = ears.hear(clip.samples(), Request("pengi"))
    return Captioned(clip, heard.text)


def pengi(listeners: Listeners, sizes: Sizes) -> Outcome:
    """All figures of Pengi."""
    mixed = listeners.map(caption_scene, "mixed", range(sizes.mixed))
    further = listeners.map(caption_scene, "sequence", range(sizes.sequences))
    in_a_row = [one for one in (*mixed, *further) if one.clip.scene.kind == "sequence"]
    orders = [(one, *pairs_in_order(one.clip.scene.names, one.said)) for one in in_a_row]
    judged = [(right, pairs) for _, right, pairs in orders if pairs]
    return Outcome(
        figures=[
            event_f1("Pengi, event F1 of captions, scenes of one to four events", mixed, "≥ 0.85"),
            ratio(
                f"Pengi, order: pairs of events in a row, both named (in {len(judged)} of {len(orders)} "
                "scenes), told in the right order (chance 0.500)",
                judged or [(0.0, 0.0)],
                "≥ 0.85",
                _share,
            ),
        ],
        failures=[
            *event_failures("Pengi, events", mixed),
            *(
                Failure.of("Pengi, order", one.clip, ", ".join(one.clip.scene.names), one.said, pairs - right)
                for one, right, pairs in orders
                if right < pairs
            ),
        ],
        report={
            "pengi": {"sounded_named_invented": events_by_class([(one.true, one.named) for one in mixed])}
        },
    )


def _share(sums: NDArray) -> float:
    return float(sums[0] / sums[1]) if sums[1] else 0.0
