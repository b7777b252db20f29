"""The grammar of the spoken sentences and the voices that say them."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from demos.mini.world import grammar, speech
from demos.mini.world.dsp import SAMPLE_RATE
from demos.mini.world.event_class import Category

CATEGORIES = get_args(Category)

needs_flite = pytest.mark.skipif(
    shutil.which("flite") is None, reason="flite is not installed: apt-get install flite"
)


def heard(samples: NDArray[np.float32]) -> float:
    """The fundamental frequency in Hz: the median over voiced stretches."""
    window, step = 1120, 400
    found = []
    for start in range(0, len(samples) - window, step):
        stretch = samples[start : start + window] - samples[start : start + window].mean()
        if stretch.std() < 0.2 * samples.std():
            continue
        similar = np.correlate(stretch, stretch, "full")[window - 1 :]
        lag = 40 + int(np.argmax(similar[40:267]))
        if similar[lag] > 0.5 * similar[0]:
            found.append(SAMPLE_RATE / lag)
    return float(np.median(found))


def test_there_are_some_600_words_and_each_is_reached_often() -> None:
    words = grammar.vocabulary()
    assert 520 <= len(words) == len(set(words)) <= 620
    assert all(word.isalpha() and word.islower() for word in words)
    rng = np.random.default_rng(0)
    said: Counter[str] = Counter()
    for _ in range(20_000):
        sentence = grammar.sample_sentence(rng)
        assert 3 <= len(sentence.text.split()) <= 10
        said.update(set(sentence.text.split()))
    assert set(said) == set(words)
    assert min(said.values()) >= 15


def test_each_kind_is_drawn_from_its_own_sentences() -> None:
    rng = np.random.default_rng(1)
    for kind in grammar.KINDS:
        every = {sentence.text for sentence in grammar.all_sentences(kind)}
        assert {grammar.sample_sentence(rng, kind).text for _ in range(200)} <= every
        assert not any(f" a {vowel}" in f" {text}" for text in every for vowel in "aeiou")


def test_every_category_is_asked_for_in_several_wordings() -> None:
    questions = Counter(sentence.asks for sentence in grammar.all_sentences("question"))
    checks = Counter(sentence.asks for sentence in grammar.all_sentences("check"))
    assert set(questions) == {"any", *CATEGORIES}
    assert set(checks) == set(CATEGORIES)
    assert min(questions.values()) >= 5
    assert 6 <= questions["any"] <= 10
    assert min(checks.values()) >= 3
    asking: tuple[grammar.SentenceKind, ...] = ("question", "check")
    texts = [sentence.text for kind in asking for sentence in grammar.all_sentences(kind)]
    assert len(set(texts)) == len(texts)
    with pytest.raises(ValueError, match="instrument"):
        grammar.sample_sentence(np.random.default_rng(0), "question", "dragon")


def test_voices_of_training_are_many_and_none_is_held_out() -> None:
    trained, held = speech.voices("train"), speech.voices("heldout")
    assert len(trained) >= 36
    assert len(held) == 5
    assert Counter(voice.speaker for voice in trained)["woman"] >= 18
    assert {voice.synthesiser for voice in (*trained, *held)} == {"espeak-ng"}
    variants = [{voice.name.partition("+")[2] for voice in some} for some in (trained, held)]
    assert not variants[0] & variants[1]
    assert len({voice.name for voice in speech.VOICES}) == len(speech.VOICES)


def test_flite_is_heard_in_evaluation_alone() -> None:
    rng = np.random.default_rng(0)
    sentence = grammar.Sentence("what sound is behind me", "question", "any")
    assert {voice.synthesiser for voice in speech.flite_voices()} == {"flite"}
    assert {voice.split for voice in speech.flite_voices()} == {"heldout"}
    drawn = {speech.sample_utterance(rng, sentence, "heldout", "flite").voice for _ in range(60)}
    assert drawn == set(speech.flite_voices())
    with pytest.raises(ValueError, match="held out"):
        speech.sample_utterance(rng, sentence, "train", "flite")


def test_a_voice_reads_back_from_json_with_and_without_its_synthesiser() -> None:
    for voice in (*speech.VOICES, *speech.flite_voices()):
        assert speech.Voice(**json.loads(json.dumps(asdict(voice)))) == voice
    assert speech.Voice(name="en-us", speaker="man", split="train").synthesiser == "espeak-ng"


def test_each_missing_synthesiser_is_said_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for voice in (speech.VOICES[0], speech.flite_voices()[0]):
        utterance = speech.Utterance(
            grammar.Sentence("nobody has ever said this", "statement"), voice, 152, 52
        )
        with pytest.raises(speech.SpeechUnavailableError, match=f"apt-get install {voice.synthesiser}"):
            speech.synthesise(utterance)


@pytest.mark.skipif(
    shutil.which("espeak-ng") is None, reason="espeak-ng is not installed: apt-get install espeak-ng"
)
def test_men_and_women_are_told_by_their_fundamental() -> None:
    sentence = grammar.Sentence("we are all going home along the river now", "statement")
    for voice in speech.VOICES:
        hertz = heard(speech.synthesise(speech.Utterance(sentence, voice, 150, 50)))
        assert (hertz < 165) == (voice.speaker == "man"), (voice.name, hertz)


@needs_flite
def test_flite_speaks_faster_and_higher_when_asked() -> None:
    sentence = grammar.Sentence("we are all going home along the river now", "statement")
    for voice in speech.flite_voices():
        slow = speech.synthesise(speech.Utterance(sentence, voice, 120, 50))
        fast = speech.synthesise(speech.Utterance(sentence, voice, 200, 50))
        assert slow.dtype == np.float32
        assert np.abs(slow).max() <= 1.0
        assert 1.4 < len(slow) / len(fast) < 1.9
        assert (heard(slow) < 165) == (voice.speaker == "man")
        high = speech.synthesise(speech.Utterance(sentence, voice, 150, 80))
        low = speech.synthesise(speech.Utterance(sentence, voice, 150, 20))
        if voice.name != "rms":  # which has one pitch only
            assert heard(high) > 1.2 * heard(low)
