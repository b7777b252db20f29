"""The words for a scene: captions, questions, false captions and stories say what its truth says."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest

from demos.mini.world import grammar, language, stories
from demos.mini.world.questions import TIMES
from demos.mini.world.scene import Scene, SceneKind
from demos.mini.world.scenes import background_question_scene, render, without_background, without_speech
from demos.mini.world.taxonomy import BY_NAME, NAMES
from tests.demos.world_scenes import KINDS, random_scene, spoken


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
    assert 200 <= len(words) <= 500
    assert all(word.isalpha() and word.islower() for word in words)
    assert 520 <= len(grammar.vocabulary()) <= 620
    for sentence_kind in grammar.KINDS:
        for sentence in grammar.all_sentences(sentence_kind):
            assert 3 <= len(sentence.text.split()) <= 10
            assert (sentence.asks is None) == (sentence_kind in ("statement", "command"))


def test_yes_and_no_are_balanced_and_true() -> None:
    said: Counter[str] = Counter()
    for seed in range(25 * len(KINDS)):
        kind = KINDS[seed % len(KINDS)]
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


def manners(text: str) -> dict[str, str]:
    """What a caption says of a single event beside its class: how loud, high, near, how often."""
    said = {}
    for what, word, form in (
        ("loudness", "loud", "loud|loudly"),
        ("loudness", "quiet", "quiet|quietly"),
        ("pitch", "high", "high"),
        ("pitch", "low", "low"),
        ("nearness", "near", "nearby"),
        ("nearness", "far", "far away"),
        *(("count", str(number), f"{times}$") for number, times in enumerate(TIMES) if times),
    ):
        if re.search(rf"\b({form})(?!\w)", text):
            said[what] = word
    return said


def true_of(scene: Scene, caption: str) -> bool:
    """Whether a caption without speech says the events of a scene, their order and their manners."""
    if scene.kind == "sequence":
        return language.events_in_time(caption) == list(scene.names)
    if sorted(language.events_in(caption)) != sorted(scene.names):
        return False
    if len(scene.events) != 1:
        return True
    (event,) = scene.events
    if caption in BY_NAME[event.name].phrases:  # a name of the class whatever the scene, as "loud snoring"
        return True
    return all(str(getattr(event, what)) == word for what, word in manners(caption).items())


@pytest.mark.parametrize("kind", ["single", "sequence", "overlap"])
def test_false_captions_are_never_true_of_their_scene(kind: SceneKind) -> None:
    by_manner = by_event = 0
    for seed in range(80):
        scene, rng = random_scene(kind, seed), np.random.default_rng(seed)
        assert all(true_of(scene, caption) for caption in language.captions(scene, rng))
        negatives = language.hard_negatives(scene, rng)
        assert len(negatives) >= (2 if kind == "sequence" else 1)
        for negative in negatives:
            assert not true_of(scene, negative), (scene.names, negative)
            # By one thing alone: the same sounds otherwise, or all of them but one.
            mentioned = language.events_in(negative)
            wrong = set(mentioned) - set(scene.names)
            assert len(mentioned) == len(scene.events)
            assert len(wrong) <= 1
            by_event += len(wrong)
            by_manner += not wrong
    assert by_event >= 40
    assert by_manner >= (0 if kind == "overlap" else 40)


def test_scenes_of_speech_or_of_no_event_have_no_false_captions() -> None:
    for kind in KINDS:
        if kind not in ("single", "sequence", "overlap"):
            assert language.hard_negatives(random_scene(kind, 1), np.random.default_rng(1)) == []


def test_an_order_pair_is_one_wording_in_two_orders() -> None:
    for seed in range(60):
        scene, rng = random_scene("sequence", seed), np.random.default_rng(seed)
        true, false = language.order_pair(scene, rng)
        assert language.events_in_time(true) == list(scene.names)
        told = language.events_in_time(false)
        assert sorted(told) == sorted(scene.names)
        assert sum(name != other for name, other in zip(told, scene.names, strict=True)) == 2
        assert len(true.split()) == len(false.split())
        (swapped,) = language.swapped_order(scene, rng)
        assert sorted(language.events_in(swapped)) == sorted(scene.names)
        assert not true_of(scene, swapped)


def test_captions_of_a_conversation_say_who_speaks() -> None:
    pairs = set()
    for seed in range(30):
        scene = random_scene("conversation", seed)
        first, second = (said.utterance.voice.speaker for said in scene.spoken)
        pairs.add((first, second))
        written = language.captions(scene, np.random.default_rng(seed))
        assert "two people are speaking" in written
        other = f"another {second}" if first == second else f"a {second}"
        assert f"a {first} speaks, then {other} speaks" in written
        assert f"a {first} and {other} are speaking" in written
        asked = dict(language.questions(scene, np.random.default_rng(seed)))
        assert asked["how many people are speaking?"] == "two"
        assert "is the speaker a man or a woman?" not in asked
    assert len(pairs) == 4


def test_every_story_is_one_and_tells_the_events_in_their_order() -> None:
    for kind in KINDS:
        for seed in range(25):
            scene = random_scene(kind, seed)
            text = stories.story(scene, np.random.default_rng(seed))
            assert stories.is_story(text)
            assert language.events_in(text) == list(scene.names), text
            assert text == text.lower()
            assert 3 <= text.count(".") <= 8
            assert (stories._NOTHING in text) == (not scene.events and not scene.tones and not scene.speech)


def test_captions_answers_and_sentences_are_no_stories() -> None:
    for kind in KINDS:
        for seed in range(25):
            scene, rng = random_scene(kind, seed), np.random.default_rng(seed)
            for caption in language.captions(scene, rng):
                assert not stories.is_story(caption)
            for _, answer in language.questions(scene, rng):
                assert not stories.is_story(answer), answer
    assert not stories.is_story("one evening " * 10 + "."), "one sentence, however long, is none"
    assert not stories.is_story("a dog barks. a cat meows."), "two short ones are none"
