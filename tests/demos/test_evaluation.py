"""The evaluation: its intervals and counts, its clips, and that it hears what the page hears, each time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from demos.engine import Request
from demos.mini.evaluation import __main__ as command
from demos.mini.evaluation import captions, clap, details, evidence, held_out, salmonn, transcripts
from demos.mini.evaluation.details import Failure, Outcome, Sizes, as_text, merged
from demos.mini.evaluation.failures import failure_clip, write_page
from demos.mini.evaluation.figures import MARKS, Figure, figure, put_among, ratio, table, with_table
from demos.mini.evaluation.listening import Listeners
from demos.mini.world.language import events_in
from demos.mini.world.speech import FLITE_VOICES
from demos.mini.world.taxonomy import CLASSES

TINY = Sizes(
    singles=3,
    retrieval=3,
    mixed=2,
    sequences=3,
    sentences=2,
    questions=2,
    fitted_per_class=1,
    judged_per_class=1,
    utterances_per_voice=6,
    utterances=24,
)


@pytest.fixture(scope="module")
def listeners() -> Iterator[Listeners]:
    with Listeners() as listening:
        yield listening


def test_an_interval_holds_the_mean_and_narrows_with_the_items() -> None:
    few, many = figure("few", [0, 1] * 10), figure("many", [0, 1] * 1000)
    assert few.low < few.value == many.value == 0.5 < few.high
    assert many.high - many.low < (few.high - few.low) / 5
    # 2 · 1.96 · √(0.25 / 2000) is what a normal distribution gives
    assert many.high - many.low == pytest.approx(0.0438, abs=0.004)
    assert figure("never", [0.0] * 50) == Figure("never", 0.0, 0.0, 0.0, 50, "")


def test_a_ratio_is_of_sums_and_not_a_mean_of_ratios() -> None:
    rate = ratio("word error rate", [(1, 2), (0, 8)] * 20, "≤ 0.12")
    assert rate.value == pytest.approx(0.1)
    assert rate.low < 0.1 < rate.high
    assert (rate.items, rate.aim) == (40, "≤ 0.12")
    assert ratio("nothing to tell", [(0, 0)]).value == 0


def test_chances_are_compared_with_what_is_there_bin_by_bin() -> None:
    judged = [(0.9, False, True), (0.9, False, True), (0.85, False, False), (0.1, True, False)]
    sums = np.sum([evidence._binned([one]) for one in judged], axis=0)
    # the highest bin: 2.65 expected, 2 there; the lowest: 0.1 expected, none there
    assert evidence._difference(sums) == pytest.approx((0.65 + 0.1) / 4)
    assert evidence._difference(np.zeros(11)) == 0.0


def test_the_table_stands_between_the_marks() -> None:
    figures = [Figure("a | name", 0.5, 0.4, 0.6, 1000, "≥ 0.50")]
    row = "| a | name | **0.500** | 0.400 – 0.600 | 1,000 | ≥ 0.50 |"
    assert table(figures).splitlines()[-1] == row
    page = with_table(f"before\n{MARKS[0]}old\n{MARKS[1]}after\n", figures)
    assert page == f"before\n{MARKS[0]}{table(figures)}\n{MARKS[1]}after\n"
    with pytest.raises(ValueError, match="unpack"):
        with_table("no marks", figures)


def test_word_errors_are_of_the_words_spoken() -> None:
    assert transcripts.word_errors("open the door", " Open the door\n") == (0, 3)
    assert transcripts.word_errors("open the door", "") == (3, 3)
    assert transcripts.word_errors("open the door", "please open a door now") == (3, 3)


def test_pairs_are_in_order_by_what_a_caption_says_of_time() -> None:
    names = ("dog barking", "bell ringing", "rain falling")
    assert captions.pairs_in_order(names, "a dog barks, then a bell rings") == (1, 1)
    assert captions.pairs_in_order(names, "a bell rings after a dog barks") == (1, 1)
    assert captions.pairs_in_order(names, "a bell rings, then a dog barks, then rain falls") == (2, 3)
    assert captions.pairs_in_order(names, "a dog barks") == (0, 0)


def test_a_rank_counts_every_other_clip_that_fits_as_well() -> None:
    sounds = np.eye(3, dtype=np.float32)
    assert clap.ranks(sounds, sounds).tolist() == [0, 0, 0]
    assert clap.ranks(sounds, np.array([[1, 1, 0], [1, 0.5, 0], [2, 1, 0]], np.float32)).tolist() == [1, 1, 2]


@pytest.mark.parametrize("kind", held_out.KINDS)
def test_a_clip_is_made_again_from_its_kind_and_number(kind: str) -> None:
    clip, again, other = held_out.draw(kind, 3), held_out.draw(kind, 3), held_out.draw(kind, 4)
    assert (clip.kind, clip.number, clip.scene.split) == (kind, 3, "heldout")
    assert clip.scene == again.scene != other.scene
    assert np.array_equal(clip.samples(), again.samples())


def test_clips_are_what_their_kind_says() -> None:
    assert [held_out.draw("single", k).scene.names for k in range(3)] == [(c.name,) for c in CLASSES[:3]]
    assert all(len(held_out.draw("several", k).scene.events) >= 2 for k in range(20))
    assert held_out.draw("question", 5).scene.answer == held_out.draw("choice", 5).scene.answer
    alone, over = held_out.draw("speech", 1).scene, held_out.draw("speech_over", 1).scene
    assert alone.speech is not None
    assert over.speech is not None
    assert alone.speech.utterance == over.speech.utterance
    assert bool(over.events) > bool(alone.events)
    flite = held_out.draw("flite", 1).scene.speech
    assert flite is not None
    assert flite.utterance.voice in FLITE_VOICES


def test_what_is_taken_away_is_silent() -> None:
    clip = held_out.draw("question", 2)
    assert not clip.without_background().scene.events
    assert clip.without_speech().scene.speech is None
    assert len(clip.without_speech().samples()) == len(clip.samples())


def test_written_questions_are_balanced_and_true() -> None:
    for number in range(1, 12, 2):
        clip = held_out.draw("mixed", number)
        (there, yes), (absent, no) = salmonn.existence_pair(clip)
        assert (yes, no) == ("yes", "no")
        assert set(events_in(there)) <= set(clip.scene.names)
        assert not set(events_in(absent)) & set(clip.scene.names)
    clip = held_out.draw("sequence", 0)
    (asked, yes), (reversed_, no) = salmonn.order_questions(clip)
    assert (yes, no) == ("yes", "no")
    assert asked.startswith(("does the", "do ", "does "))
    assert " before " in asked
    assert asked != reversed_


def test_embeddings_give_the_cosines_of_the_engine(listeners: Listeners) -> None:
    for text, cosine, embedded in listeners.map(_both_ways, "several", range(3)):
        assert embedded == pytest.approx(cosine, abs=1e-6), text


def _both_ways(ears: clap.Ears, clip: held_out.HeldOut) -> tuple[str, float, float]:
    texts = ("a dog barking", "rain falling, then a bell ringing")
    (heard,) = ears.hear(clip.samples(), Request("clap", bank=texts))
    cosines = ears.embed_texts(texts) @ ears.embed(clip.samples())
    best = heard.scores[0]
    return best.text, best.cosine, float(cosines[texts.index(best.text)])


def test_the_same_figures_come_out_again(listeners: Listeners) -> None:
    for part in (clap.clap, captions.pengi):
        assert part(listeners, TINY) == part(listeners, TINY)


def test_a_process_of_its_own_hears_the_same(listeners: Listeners) -> None:
    with Listeners(processes=1) as elsewhere:
        there = elsewhere.map(clap.embed_scene, "several", range(2))
    here = listeners.map(clap.embed_scene, "several", range(2))
    assert [one.caption for one in here] == [one.caption for one in there]
    assert all(np.array_equal(a.sound, b.sound) for a, b in zip(here, there, strict=True))


def test_every_figure_is_measured_and_what_failed_can_be_heard(listeners: Listeners, tmp_path: Path) -> None:
    outcome = command.measured(listeners, TINY)
    names = [one.name for one in outcome.figures]
    assert len(names) == 41
    assert all(np.isfinite([one.value, one.low, one.high]).all() for one in outcome.figures)
    assert sum(bool(one.aim) for one in outcome.figures) >= 14
    text = details.as_text(outcome.report, outcome.failures)
    kept = json.loads(text)
    assert {"clap", "pengi", "whisper", "salmonn", "layers", "weights", "threads", "failures"} == set(kept)
    path = tmp_path / "details.json"
    path.write_text(text, encoding="utf-8")
    failures = details.kept_failures(path)
    assert failures == details.worst(outcome.failures, details.MOST_FAILURES)
    shown = failures[:3]
    page = write_page(tmp_path / "heard", shown).read_text(encoding="utf-8")
    for failure in shown:
        samples, rate = soundfile.read(tmp_path / "heard" / f"{failure.kind}-{failure.number:04d}.wav")
        assert rate == 16_000
        assert np.allclose(samples, failure_clip(failure), atol=1e-4)
        assert page.count(f"{failure.kind}-{failure.number:04d}.wav") >= 1


def test_details_keep_the_worst_and_stay_small() -> None:
    many = [
        Failure(f"test {test}", "single", number, "", "true " * 20, "said " * 20, float(number))
        for test in range(12)
        for number in range(100)
    ]
    text = details.as_text({"threads": 1}, many)
    assert len(text.encode()) <= details.LARGEST
    kept = json.loads(text)["failures"]
    assert {one["test"] for one in kept} == {one.test for one in many}
    assert min(one["number"] for one in kept) > 30
    assert details.worst(many[:3], 2) == [many[2], many[1]]


def test_one_part_is_kept_in_the_place_of_its_old_figures() -> None:
    def named(*names: str) -> list[Figure]:
        return [Figure(name, 0.5, 0.4, 0.6, 10, "") for name in names]

    kept = named("CLAP, top-1", "… top-5", "Whisper, word errors", "… flite", "SALMONN: told")
    found = put_among(kept, named("Whisper, words", "… more", "HuBERT, voices"))
    assert [one.name for one in found] == [
        "CLAP, top-1",
        "… top-5",
        "Whisper, words",
        "… more",
        "HuBERT, voices",
        "SALMONN: told",
    ]
    assert put_among(kept, named("HuBERT, voices")) == [*kept, *named("HuBERT, voices")]


def test_details_of_other_parts_stay_when_one_is_measured(tmp_path: Path) -> None:
    def failure(test: str, number: int) -> Failure:
        return Failure(test, "single", number, "", "a", "b", 0.5)

    path = tmp_path / "details.json"
    path.write_text(as_text({"clap": {"top_1": 1}}, [failure("one", 1), failure("other", 2)]))
    report, failures = merged(path, Outcome([], [failure("other", 3)], {"layers": {"voice": {}}}))
    assert report == {"clap": {"top_1": 1}, "layers": {"voice": {}}}
    assert failures == [failure("one", 1), failure("other", 3)]


def test_counts_by_class() -> None:
    assert details.shares_by_class([("a", True), ("a", False), ("b", True)]) == {"a": 0.5, "b": 1.0}
    assert details.confusions([("a", "b"), ("a", "a"), ("a", "b"), ("b", "a")]) == [
        ("a", "b", 2),
        ("b", "a", 1),
    ]
    assert details.events_by_class([({"a"}, {"a", "b"}), ({"a", "b"}, set())]) == {
        "a": (2, 1, 0),
        "b": (1, 0, 1),
    }
