"""The world of synthetic sound: what it says about a scene is what the scene holds."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from demos.mini.world import examples, grammar, language, speech
from demos.mini.world.dsp import SAMPLE_RATE
from demos.mini.world.ranges import Ranges, Span
from demos.mini.world.scene import Scene, SceneKind
from demos.mini.world.scenes import (
    background_question_scene,
    make_scene,
    render,
    without_background,
    without_speech,
)
from demos.mini.world.taxonomy import BY_NAME, CATEGORIES, CLASSES, NAMES, class_named

EXAMPLES = Path(__file__).parents[2] / "demos" / "mini" / "examples"
KINDS: tuple[SceneKind, ...] = get_args(SceneKind)

needs_espeak = pytest.mark.skipif(
    shutil.which("espeak-ng") is None, reason="espeak-ng is not installed: apt-get install espeak-ng"
)


def spoken(text: str, kind: grammar.SentenceKind = "statement", asks: str | None = None) -> speech.Spoken:
    """A stand-in recording of a sentence: a buzz as long as speech, so that no espeak-ng is needed."""
    utterance = speech.Utterance(grammar.Sentence(text, kind, asks), speech.VOICES[0], 160, 50)
    buzz = 0.1 * np.sign(np.sin(np.arange(24_000) * 0.05))
    return speech.Spoken(utterance, buzz.astype(np.float32))


def random_scene(kind: SceneKind, seed: int, split: Ranges = "train") -> Scene:
    """A random scene of a kind, spoken by the stand-in where it has speech."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    said = spoken("what sound is that", "question", "any") if kind == "question" else spoken("hello")
    return make_scene(rng, split, kind, said if kind in ("speech", "speech_over", "question") else None)


def samples_of(scene: Scene) -> NDArray[np.float32]:
    """Its samples, with the stand-in's voice."""
    return render(scene, spoken("hello").samples)


@pytest.mark.parametrize("kind", KINDS)
def test_a_scene_is_the_same_from_the_same_seed_and_from_its_json(kind: SceneKind) -> None:
    scene = random_scene(kind, 7)
    samples = samples_of(scene)
    assert random_scene(kind, 7) == scene
    np.testing.assert_array_equal(samples_of(scene), samples)
    read = Scene.from_dict(json.loads(json.dumps(scene.to_dict())))
    assert read == scene
    np.testing.assert_array_equal(samples_of(read), samples)
    other = samples_of(random_scene(kind, 8))
    assert not np.array_equal(samples[:16_000], other[:16_000])


@pytest.mark.parametrize("kind", KINDS)
def test_samples_are_finite_mono_in_range_and_as_long_as_the_scene(kind: SceneKind) -> None:
    for seed in range(6):
        split: Ranges = "train" if seed % 2 else "heldout"
        scene = random_scene(kind, seed, split)
        samples = samples_of(scene)
        assert samples.dtype == np.float32
        assert samples.shape == (round(scene.seconds * SAMPLE_RATE),)
        assert np.isfinite(samples).all()
        assert np.abs(samples).max() <= 1.0
        assert 2.0 <= scene.seconds <= 10.0
        for event in scene.events:
            assert 0.0 <= event.onset < event.offset <= scene.seconds + 1e-6
        assert list(scene.names) == [event.name for event in sorted(scene.events, key=lambda e: e.onset)]


def test_there_are_many_classes_in_all_categories_with_phrases_of_their_own() -> None:
    assert len(CLASSES) >= 24
    assert {event_class.category for event_class in CLASSES} == set(CATEGORIES)
    assert len({event_class.noun_phrase for event_class in CLASSES}) == len(CLASSES)
    with pytest.raises(ValueError, match="dog barking"):
        class_named("dragon roaring")


@pytest.mark.parametrize("name", NAMES)
def test_the_truth_of_an_onset_is_where_the_energy_starts(name: str) -> None:
    event_class = BY_NAME[name]
    for seed in range(4):
        rng = np.random.default_rng(seed)
        sound = event_class.synthesise(rng, event_class.seconds[0] + 0.5, "train" if seed % 2 else "heldout")
        frames = sound[: len(sound) // 160 * 160].reshape(-1, 160)
        level = np.sqrt((frames**2).mean(axis=1))
        assert np.argmax(level > 0.05 * level.max()) * 0.01 <= 0.3


def test_sounds_of_a_sequence_stand_where_the_truth_says() -> None:
    for seed in range(12):
        scene = random_scene("sequence", seed)
        quiet = replace(scene, noise=replace(scene.noise, level=-140.0), level=0.0)
        bare = render(without_background(quiet))
        for event in scene.events:
            alone = np.abs(render(replace(quiet, events=(event,))) - bare)
            start = int(event.onset * SAMPLE_RATE)
            within = (alone[start : int(event.offset * SAMPLE_RATE)] ** 2).sum()
            before = (alone[: max(0, start - 160)] ** 2).sum()
            assert before < 0.01 * within
            assert within > 0.5 * (alone**2).sum()


def test_counted_units_are_as_many_as_bursts_in_the_sound() -> None:
    for name in ("dog barking", "knocking", "car horn honking", "buzzer buzzing"):
        event_class = BY_NAME[name]
        for seed in range(5):
            rng = np.random.default_rng(seed)
            parameters = event_class.draw(rng, "train")
            seconds = 3 / parameters["rate"]
            assert event_class.count(parameters, seconds) == 3
            sound = event_class.sound(parameters, rng, seconds)
            frames = sound[: len(sound) // 160 * 160].reshape(-1, 160)
            level = np.sqrt((frames**2).mean(axis=1))
            loud = np.convolve(level, np.ones(3) / 3, "same") > 0.12 * level.max()
            assert np.count_nonzero(np.diff(loud.astype(int), prepend=0) > 0) == 3, name


def test_held_out_values_are_never_drawn_in_training() -> None:
    for event_class in CLASSES:
        for seed in range(20):
            rng = np.random.default_rng(seed)
            trained, held = event_class.draw(rng, "train"), event_class.draw(rng, "heldout")
            for name, span in event_class.parameters.items():
                assert span.in_training(trained[name])
                assert not span.in_training(held[name])
                assert span.low <= held[name] <= span.high
    with pytest.raises(ValueError, match="train"):
        Span(0, 1).draw(np.random.default_rng(0), "test")  # type: ignore[arg-type]


def test_voices_of_training_and_evaluation_are_disjoint_and_many() -> None:
    trained = {voice.name for voice in speech.voices("train")}
    held = {voice.name for voice in speech.voices("heldout")}
    assert len(trained) >= 36
    assert len(held) >= 4
    assert not trained & held
    assert not {name.partition("+")[2] for name in trained} & {name.partition("+")[2] for name in held}
    rng = np.random.default_rng(0)
    for sentence in grammar.all_sentences("question"):
        assert 111 <= speech.sample_utterance(rng, sentence, "train").speed <= 219
        assert not 112 <= speech.sample_utterance(rng, sentence, "heldout").speed <= 218


def test_every_caption_reads_back_as_the_events_of_its_scene() -> None:
    for kind in KINDS:
        for seed in range(40):
            scene, rng = random_scene(kind, seed), np.random.default_rng(seed)
            written = language.captions(scene, rng)
            assert len(set(written)) == len(written) >= 3
            for caption in written:
                assert sorted(language.events_in(caption)) == sorted(scene.names), caption
                if kind == "sequence":
                    assert language.events_in_time(caption) == list(scene.names), caption


@pytest.mark.parametrize("name", NAMES)
def test_every_label_form_mentions_its_class_once(name: str) -> None:
    for form in language.labels_caption(name):
        assert language.events_in(form) == [name]


def test_other_labels_mention_no_event() -> None:
    for label in language.OTHER_LABELS:
        assert [language.events_in(form) for form in language.labels_caption(label)].count([]) >= 3


def test_free_text_is_read_by_whole_words_alone() -> None:
    assert language.events_in("A Dog barks, then the alarm clock beeps by a trained bellboy.") == [
        "dog barking",
        "alarm clock beeping",
    ]
    assert language.events_in_time("a bell rings after a dog barks") == ["dog barking", "bell ringing"]
    assert language.events_in("a clock ticks") == ["clock ticking"]


def test_the_vocabulary_is_small_and_lower_case() -> None:
    words: set[str] = set()
    for kind in KINDS:
        for seed in range(60):
            scene, rng = random_scene(kind, seed), np.random.default_rng(seed)
            texts = language.captions(scene, rng) + [
                text for pair in language.questions(scene, rng) for text in pair
            ]
            words.update(word.strip(",?") for text in texts for word in text.split())
    assert len(words) <= 400
    assert all(word.isalpha() and word.islower() for word in words)
    assert 520 <= len(grammar.vocabulary()) <= 620
    for sentence_kind in grammar.KINDS:
        for sentence in grammar.all_sentences(sentence_kind):
            assert 3 <= len(sentence.text.split()) <= 10
            assert (sentence.asks is None) == (sentence_kind in ("statement", "command"))


def test_yes_and_no_are_balanced_and_true() -> None:
    said: Counter[str] = Counter()
    for seed in range(150):
        kind = KINDS[seed % 5]
        scene = random_scene(kind, seed)
        for question, answer in language.questions(scene, np.random.default_rng(seed)):
            if answer in ("yes", "no"):
                said[answer] += 1
            asked = language.events_in(question)
            if len(asked) == 1 and answer in ("yes", "no") and " before " not in question:
                assert (asked[0] in scene.names) == (answer == "yes"), question
            if question == "what comes first?":
                assert language.events_in(answer) == [scene.names[0]]
            if question.startswith("does") and " before " in question:
                in_order = scene.names.index(asked[0]) < scene.names.index(asked[1])
                assert in_order == (answer == "yes"), question
    assert 0.45 <= said["yes"] / said.total() <= 0.55


def test_a_spoken_question_needs_the_background_for_its_answer() -> None:
    for seed, name in enumerate(NAMES):
        rng = np.random.default_rng(seed)
        category = BY_NAME[name].category
        for asks in ("any", category):
            question = grammar.sample_sentence(rng, "question", asks)
            said = spoken(question.text, "question", asks)
            scene = background_question_scene(rng, "train", said, name)
            assert scene.answer == name
            assert 4.0 <= scene.seconds <= 8.0
            asked_for = [event for event in scene.events if asks in ("any", BY_NAME[event.name].category)]
            assert [event.name for event in asked_for] == [name]
            assert len(scene.events) == (1 if asks == "any" else 2)
            assert scene.speech is not None
            for event in scene.events:
                assert -14 <= event.level - scene.speech.level <= 7
            silent = without_background(scene)
            assert silent.speech == scene.speech
            assert without_speech(scene).events == scene.events
            assert not silent.events
            render(silent, said.samples)


def test_a_check_is_answered_by_what_sounds() -> None:
    for seed in range(40):
        rng = np.random.default_rng(seed)
        question = grammar.sample_sentence(rng, "check")
        scene = background_question_scene(rng, "train", spoken(question.text, "check", question.asks))
        present = question.asks in {BY_NAME[name].category for name in scene.names}
        assert scene.answer == ("yes" if present else "no")


def test_a_question_refuses_an_answer_that_does_not_fit() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="asks nothing"):
        background_question_scene(rng, "train", spoken("the red bus leaves at seven"))
    with pytest.raises(ValueError, match="cannot be answered"):
        background_question_scene(rng, "train", spoken("which animal", "question", "animal"), "rain falling")


def _spectral_features(sound: NDArray[np.float32]) -> NDArray[np.float64]:
    frames = np.lib.stride_tricks.sliding_window_view(sound, 512)[::256] * np.hanning(512)
    power = np.abs(np.fft.rfft(frames)) ** 2
    edges = np.unique(np.round(np.geomspace(2, 256, 33)).astype(int))
    bands = np.add.reduceat(power[:, :256], edges[:-1], axis=1)
    level = 10 * np.log10(bands + 1e-5 * bands.max() + 1e-10)
    level -= level.max()
    moving = np.abs(np.diff(level, axis=0)).mean(axis=0)
    return np.concatenate([level.mean(axis=0), level.std(axis=0), moving])


def test_classes_differ_in_spectrum_in_training_and_in_held_out_ranges() -> None:
    def features(ranges: Ranges, first_seed: int, each: int) -> NDArray[np.float64]:
        return np.array(
            [
                [
                    _spectral_features(
                        event_class.synthesise(
                            np.random.default_rng([first_seed, k]), min(2.0, event_class.seconds[1]), ranges
                        )
                    )
                    for k in range(each)
                ]
                for event_class in CLASSES
            ]
        )

    trained = features("train", 1, 12)
    mean, deviation = trained.mean(axis=(0, 1)), trained.std(axis=(0, 1)) + 1e-6
    centroids = ((trained - mean) / deviation).mean(axis=1)
    floors: dict[Ranges, float] = {"train": 0.8, "heldout": 0.5}
    for ranges, floor in floors.items():
        unseen = (features(ranges, 2, 5) - mean) / deviation
        nearest = ((unseen[:, :, None] - centroids) ** 2).sum(axis=-1).argmin(axis=-1)
        assert (nearest == np.arange(len(CLASSES))[:, None]).mean() > floor


@needs_espeak
def test_every_voice_is_one_of_its_own(tmp_path: Path) -> None:
    sentence = grammar.Sentence("what sound is behind me", "question", "any")
    heard = speech.render_many(
        [speech.Utterance(sentence, voice, 160, 50) for voice in speech.VOICES], cache=tmp_path
    )
    assert len({one.samples.tobytes() for one in heard}) == len(speech.VOICES)
    for one in heard:
        assert 0.8 < len(one.samples) / SAMPLE_RATE < 3.0
        assert np.abs(one.samples).max() <= 1.0
    again = speech.synthesise(heard[0].utterance, tmp_path)
    np.testing.assert_array_equal(again, heard[0].samples)
    np.testing.assert_allclose(speech.synthesise(heard[0].utterance), again, atol=1e-4)


def test_missing_espeak_is_said_in_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    utterance = speech.Utterance(
        grammar.Sentence("nobody has said this", "statement"), speech.VOICES[0], 151, 51
    )
    with pytest.raises(speech.SpeechUnavailableError, match="apt-get install espeak-ng"):
        speech.synthesise(utterance)


def test_shipped_examples_are_what_their_truth_says() -> None:
    listed = json.loads((EXAMPLES / "examples.json").read_text())
    assert len(listed) >= 8
    assert {one["file"] for one in listed} == {path.name for path in EXAMPLES.glob("*.flac")}
    assert len(listed) == len(examples.EXAMPLES)
    for one in listed:
        path = EXAMPLES / one["file"]
        assert path.stat().st_size <= 300_000
        samples, rate = soundfile.read(path, dtype="float32")
        scene = Scene.from_dict(one["scene"])
        assert rate == SAMPLE_RATE
        assert 5.0 <= len(samples) / rate <= 8.0
        assert [event["name"] for event in one["events"]] == list(scene.names)
        if scene.speech is None or shutil.which("espeak-ng"):
            np.testing.assert_allclose(samples, render(scene), atol=2e-3)
