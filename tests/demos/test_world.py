"""The world of synthetic sound: scenes, classes and voices; each scene is what its truth says."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from demos.mini.world import examples, grammar, speech
from demos.mini.world.codec import AS_IT_IS
from demos.mini.world.dsp import SAMPLE_RATE
from demos.mini.world.ranges import Ranges, Span, unusual
from demos.mini.world.scene import Scene, SceneKind
from demos.mini.world.scenes import make_scene, render, without_background, without_speech
from demos.mini.world.taxonomy import BY_NAME, CATEGORIES, CLASSES, NAMES, class_named, in_category
from tests.demos.world_scenes import KINDS, random_scene, samples_of

needs_espeak = pytest.mark.skipif(
    shutil.which("espeak-ng") is None, reason="espeak-ng is not installed: apt-get install espeak-ng"
)


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
    assert len(CLASSES) == len(BY_NAME) == 74
    assert len(CATEGORIES) == 10
    # Two sounds of one category at the least, or a question for it would have one answer alone.
    assert min(len(in_category(category)) for category in CATEGORIES) >= 3
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


@pytest.mark.parametrize("name", [each.name for each in CLASSES if each.countable])
def test_counted_units_are_as_many_as_swells_of_the_sound(name: str) -> None:
    """A unit may itself be a double blow or a wavering cry, but one period of the rate holds one swell.

    The tail of a bell may swell again, and a snore's breath out be as loud as its breath in: so up to four of
    twenty may be told wrongly. At twice or half the rate nearly all are.
    """
    event_class = BY_NAME[name]
    told = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        parameters = event_class.draw(rng, "train")
        units = 2 + seed % 3
        seconds = units / parameters["rate"]
        assert event_class.count(parameters, seconds) == units
        sound = event_class.sound(parameters, rng, seconds)
        frames = sound[: len(sound) // 160 * 160].reshape(-1, 160)
        level = np.sqrt((frames**2).mean(axis=1))
        width = max(3, int(0.35 * 100 / parameters["rate"]))  # frames in a third of a period
        swell = np.convolve(level, np.hanning(width + 2)[1:-1], "same")
        loud = swell > 0.3 * swell.max()
        told += np.count_nonzero(np.diff(loud.astype(int), prepend=0) > 0) == units
    assert told >= 16


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


def test_unusual_sounds_have_all_their_parameters_near_the_held_out_ends() -> None:
    rng, event_class = np.random.default_rng(0), max(CLASSES, key=lambda one: len(one.parameters))
    for share in (0.0, 0.5, 1.0):
        with unusual(share):
            drawn = [event_class.draw(rng, "train") for _ in range(200)]
        near = []
        for parameters in drawn:
            assert all(event_class.parameters[name].in_training(value) for name, value in parameters.items())
            places = [event_class.parameters[name].position(value) for name, value in parameters.items()]
            near.append(all(min(place, 1 - place) < 0.175 + 1e-9 for place in places))
        assert np.mean(near) == pytest.approx(share, abs=0.12)
    assert event_class.draw(np.random.default_rng(1), "train") == event_class.draw(
        np.random.default_rng(1), "train"
    )


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
    """A class has several kinds (bells, barks), so a sound is told by the nearest of sixteen of each."""

    def features(ranges: Ranges, first_seed: int, each: int) -> NDArray[np.float64]:
        return np.array(
            [
                _spectral_features(
                    event_class.synthesise(
                        np.random.default_rng([first_seed, k]), min(2.0, event_class.seconds[1]), ranges
                    )
                )
                for event_class in CLASSES
                for k in range(each)
            ]
        )

    trained = features("train", 1, 16)
    mean, deviation = trained.mean(axis=0), trained.std(axis=0) + 1e-6
    known = (trained - mean) / deviation
    floors: dict[Ranges, float] = {"train": 0.45, "heldout": 0.3}  # one in 74 by chance
    for ranges, floor in floors.items():
        unseen = (features(ranges, 2, 4) - mean) / deviation
        apart = (unseen**2).sum(axis=1)[:, None] - 2 * unseen @ known.T + (known**2).sum(axis=1)
        nearest = apart.argmin(axis=1) // 16
        assert (nearest == np.arange(len(CLASSES)).repeat(4)).mean() > floor


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


def test_a_conversation_is_two_voices_one_after_the_other() -> None:
    for seed in range(12):
        scene = random_scene("conversation", seed)
        assert scene.speech is not None
        assert scene.reply is not None
        first, second = scene.spoken
        assert (first, second) == (scene.speech, scene.reply)
        assert first.utterance.voice != second.utterance.voice
        assert 0.1 <= first.onset < first.offset < second.onset < second.offset <= scene.seconds
        assert 0.15 <= second.onset - first.offset <= 0.8
        assert abs(first.level - second.level) <= 4
        assert not scene.events
        assert without_speech(scene).spoken == ()


def test_both_voices_of_a_conversation_sound_where_the_truth_says() -> None:
    scene = random_scene("conversation", 3)
    clean = replace(
        scene,
        codec=AS_IT_IS,
        noise=replace(scene.noise, level=-140.0),
        room=replace(scene.room, wet=0.0),
        level=0.0,
    )
    samples = samples_of(clean)
    sounding = np.zeros(len(samples), bool)
    for speech_part in clean.spoken:
        start, stop = (int(time * SAMPLE_RATE) for time in (speech_part.onset, speech_part.offset))
        assert np.sqrt((samples[start:stop] ** 2).mean()) > 0.02
        sounding[max(0, start - 400) : stop + 400] = True
    assert np.abs(samples[~sounding]).max() < 0.01


@needs_espeak
def test_a_conversation_that_is_drawn_has_two_voices() -> None:
    drawn = make_scene(np.random.default_rng(0), "heldout", "conversation")
    voices = {said.utterance.voice for said in drawn.spoken}
    assert len(voices) == 2
    assert voices <= set(speech.voices("heldout"))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples as the world renders them today."""
    folder = tmp_path_factory.mktemp("examples")
    examples.write(folder)
    return folder


@needs_espeak
def test_examples_are_what_their_truth_says(written: Path) -> None:
    listed = json.loads((written / "examples.json").read_text())
    assert {one["file"] for one in listed} == {path.name for path in written.glob("*.flac")}
    assert len(listed) == len(examples.EXAMPLES) >= 12
    for one in listed:
        path = written / one["file"]
        assert path.stat().st_size <= 300_000
        samples, rate = soundfile.read(path, dtype="float32")
        scene = Scene.from_dict(one["scene"])
        assert rate == SAMPLE_RATE
        assert 5.0 <= len(samples) / rate <= 8.0
        assert [event["name"] for event in one["events"]] == list(scene.names)
        assert scene.codec == AS_IT_IS
        said = [part.utterance.sentence.text for part in scene.spoken]
        assert one["speech"] == (" ".join(said) or None)
        assert set(" ".join(said).split()) <= set(grammar.vocabulary())
        np.testing.assert_allclose(samples, render(scene), atol=2e-3)


@needs_espeak
def test_examples_show_most_of_the_world(written: Path) -> None:
    scenes = [Scene.from_dict(one["scene"]) for one in json.loads((written / "examples.json").read_text())]
    shown = {BY_NAME[name].category for scene in scenes for name in scene.names}
    assert len(shown) >= 8
    assert {
        "single",
        "sequence",
        "overlap",
        "speech_over",
        "conversation",
        "silence",
        "tones",
        "question",
    } == {scene.kind for scene in scenes}
