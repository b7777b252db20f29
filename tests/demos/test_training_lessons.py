"""What the language models are taught: scores of scenes, what is asked about them, and how they attend."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from transformers import LlamaConfig, LlamaModel

from demos.mini.train import fast, llama
from demos.mini.train.lessons import NO_QUESTION, NOTHING, first_task, instruction, said_in, yes_or_no
from demos.mini.train.score import FEATURES, MANNERS, SECONDS, TIMES, WINDOWS, WORDS, score, word_times
from demos.mini.train.texts import ANSWER_SPEAKER, DESCRIBE, DESCRIBE_BOTH, TRANSCRIBE
from demos.mini.world import language, stories
from demos.mini.world.scene import Event, Scene, Speech, Tone
from demos.mini.world.scenes import make_event, moved
from demos.mini.world.taxonomy import NAMES, class_named
from tests.demos.world_scenes import KINDS, random_scene, spoken


def windows_of(found: NDArray[np.float32], feature: str, words: bool = False) -> list[int]:
    """The windows in which an event, a manner or a word of a sentence stands: "loud" is both."""
    first = len(NAMES) if words else 0
    known = WORDS if words else FEATURES[: len(NAMES)]
    if not words and feature not in known:
        first, known = len(NAMES) + len(WORDS), MANNERS
    return np.flatnonzero(found[:, first + known.index(feature)]).tolist()


def event(name: str, onset: float, seconds: float) -> Event:
    """An event of about so many seconds, near and loud and at no particular pitch."""
    made = moved(make_event(np.random.default_rng(0), "train", class_named(name), seconds), onset)
    return replace(made, loudness="loud", pitch=None, nearness="near")


def scene_of(*events: Event, speech: Speech | None = None, tones: tuple[Tone, ...] = ()) -> Scene:
    """A scene of nothing but these."""
    return replace(random_scene("silence", 0), seconds=10.0, events=events, speech=speech, tones=tones)


def test_a_feature_has_one_place() -> None:
    assert (*NAMES, *WORDS, *MANNERS, *TIMES) == FEATURES
    assert not {*NAMES} & {*WORDS, *MANNERS}
    for part in (NAMES, WORDS, MANNERS):
        assert len(set(part)) == len(part)
    assert score(scene_of()).shape == (WINDOWS, len(FEATURES))
    assert not score(scene_of()).any()


def test_events_stand_in_the_windows_that_they_fill() -> None:
    rain = replace(event("rain falling", 0, 4), onset=2 * SECONDS, offset=5.4 * SECONDS)
    glass = replace(event("glass breaking", 0, 1), onset=7.9 * SECONDS, offset=8.1 * SECONDS)
    found = score(scene_of(rain, replace(glass, loudness="quiet", nearness="far", pitch="high")))
    assert windows_of(found, "rain falling") == [2, 3, 4, 5]
    assert windows_of(found, "loud") == windows_of(found, "near") == [2, 3, 4, 5]
    # It fills no window for a third, so it stands where it fills most.
    assert set(windows_of(found, "glass breaking")) <= {7, 8}
    assert windows_of(found, "glass breaking")
    assert windows_of(found, "quiet") == windows_of(found, "far") == windows_of(found, "high")
    assert not windows_of(found, "low")
    assert set(np.unique(found[:, : FEATURES.index("time")])) == {0, 1}


def test_units_are_counted_where_they_begin() -> None:
    barking = event("dog barking", 1.0, 6.0)
    assert barking.count is not None
    assert barking.count >= 3
    found = score(scene_of(barking))[:, FEATURES.index("unit")]
    assert found.sum() == barking.count
    begins = [1.0 + number / barking.parameters["rate"] for number in range(barking.count)]
    for window in range(WINDOWS):
        inside = [window * SECONDS <= time < (window + 1) * SECONDS for time in begins]
        assert found[window] == sum(inside)


def test_words_stand_where_they_are_said_and_who_says_them() -> None:
    utterance = spoken("open the window please").utterance
    speech = Speech(utterance, 1.0, 3.4, 0.0)
    times = word_times(speech)
    assert [word for word, _ in times] == ["open", "the", "window", "please"]
    middles = [time for _, time in times]
    assert middles == sorted(middles)
    assert 1.0 < middles[0] < 1.6
    assert 2.8 < middles[-1] < 3.4
    found = score(scene_of(speech=speech))
    for word, middle in times:
        assert windows_of(found, word, words=True) == [int(middle / SECONDS)]
    assert windows_of(found, utterance.voice.speaker) == list(range(3, 10))
    reply = Speech(spoken("the door", voice=1).utterance, 4.0, 5.0, 0.0)
    both = score(replace(scene_of(speech=speech), reply=reply))
    assert (
        windows_of(both, "door", words=True) == [int(time / SECONDS) for word, time in word_times(reply)][1:]
    )


def test_a_scene_that_is_played_faster_has_everything_earlier() -> None:
    rain = replace(event("rain falling", 0, 4), onset=4 * SECONDS, offset=12 * SECONDS)
    speech = Speech(spoken("window").utterance, 8 * SECONDS, 11 * SECONDS, 0.0)
    barking = event("dog barking", 4 * SECONDS, 3.0)
    tone = Tone(10 * SECONDS, 12 * SECONDS, 2000.0, 0.0)
    scene = scene_of(rain, barking, speech=speech, tones=(tone,))
    as_it_is, faster = score(scene), score(scene, speed=2.0)
    assert windows_of(as_it_is, "rain falling") == list(range(4, 12))
    assert windows_of(faster, "rain falling") == list(range(2, 6))
    assert windows_of(as_it_is, "window", words=True) == [9]
    assert windows_of(faster, "window", words=True) == [4]
    unit = FEATURES.index("unit")
    assert as_it_is[:, unit].sum() == faster[:, unit].sum() == barking.count
    assert np.flatnonzero(faster[:, unit])[0] == 2
    assert windows_of(faster, "tone") == [5]
    assert faster[5, FEATURES.index("tone's height")] == pytest.approx(0.5)  # an octave over 1 kHz


def test_what_is_asked_is_answered_by_the_truth() -> None:
    asked: set[str] = set()
    for kind in KINDS:
        for seed in range(40):
            scene, rng = random_scene(kind, seed), np.random.default_rng(seed)
            captions, questions = language.captions(scene, rng), language.questions(scene, rng)
            for question, answer in (
                instruction(rng, scene, captions, questions),
                first_task(rng, scene, captions),
            ):
                if question in ANSWER_SPEAKER and answer == NO_QUESTION:
                    assert not any(said.utterance.sentence.asks for said in scene.spoken)
                elif question in ANSWER_SPEAKER:
                    assert scene.answer is not None
                    assert language.events_in(answer) == [scene.answer]
                elif question in TRANSCRIBE:
                    assert answer == said_in(scene)
                elif question in DESCRIBE_BOTH:
                    assert f"the speaker says {said_in(scene)}." in answer
                    assert language.events_in(answer) == list(scene.names)
                elif question in DESCRIBE:
                    assert answer in captions
                else:
                    assert (question, answer) in questions
                    question = "written"
                asked.add(question)
    for options in (ANSWER_SPEAKER, TRANSCRIBE, DESCRIBE_BOTH, DESCRIBE, ("written",)):
        assert asked & {*options}


def test_where_anything_stands_its_time_does_too() -> None:
    found = score(random_scene("sequence", 3))
    share = found[:, FEATURES.index("time")]
    busy = found[:, : FEATURES.index("time")].any(1)
    assert busy.any()
    assert not busy.all()
    assert not share[~busy].any()
    np.testing.assert_allclose(share[busy], (np.flatnonzero(busy) + 0.5) * SECONDS / 20, rtol=1e-5)
    np.testing.assert_allclose(
        found[busy, FEATURES.index("time's sine")], np.sin(2 * np.pi * share[busy]), atol=1e-5
    )


def test_of_events_in_a_row_half_of_yes_and_no_is_asked_of_their_order() -> None:
    scene, rng = random_scene("sequence", 3), np.random.default_rng(0)
    asked = [yes_or_no(rng, language.questions(scene, rng)) for _ in range(400)]
    assert {answer for _, answer in asked} == {"yes", "no"}
    ordered = [answer for question, answer in asked if " before " in question]
    assert 140 < len(ordered) < 260
    assert 0.35 < np.mean([answer == "yes" for answer in ordered]) < 0.65


def test_who_asks_about_a_background_that_is_not_there_hears_so() -> None:
    asked = spoken("which animal can you hear", kind="question", asks="animal")
    scene = scene_of(speech=Speech(asked.utterance, 0.5, 2.0, 0.0))
    rng = np.random.default_rng(0)
    captions, questions = language.captions(scene, rng), language.questions(scene, rng)
    answers = [instruction(rng, scene, captions, questions) for _ in range(100)]
    answered = {answer for question, answer in answers if question in ANSWER_SPEAKER}
    assert answered == {NOTHING}


def test_a_transcript_of_a_conversation_holds_both() -> None:
    assert said_in(random_scene("conversation", 1)) == "hello good morning"
    assert said_in(random_scene("speech", 1)) == "hello"
    assert said_in(random_scene("single", 1)) is None


def test_lessons_of_the_language_model_can_be_drawn() -> None:
    rng = np.random.default_rng(0)
    told = 0
    for _ in range(60):
        found, (question, answer) = llama.lesson(rng)
        assert found.shape == (WINDOWS, len(FEATURES))
        assert found.dtype == np.float32
        assert np.isfinite(found).all()
        assert question
        assert answer
        assert stories.is_story(answer) == (question in stories.INSTRUCTIONS)
        told += question in stories.INSTRUCTIONS
    assert 1 <= told <= 20
    assert {llama.draw_scene(rng).kind for _ in range(200)} == set(KINDS)


def test_a_silent_sentence_lasts_about_as_long_as_it_would() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        said = llama.silent_speech(rng, spoken("my brother is a singer").utterance.sentence)
        seconds = len(said.samples) / 16_000
        assert 5 * 60 / said.utterance.speed * 0.7 < seconds < 5 * 60 / said.utterance.speed * 1.3
        assert said.utterance.voice.split == "train"


def queries() -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values [batch, heads, time, width]; two queries fewer than keys."""
    random = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(2, 3, length, 8, generator=random) for length in (5, 7, 7))
    return query, key, value


@pytest.mark.parametrize("which", ["plain", "scaled", "boolean", "added"])
def test_plain_attention_is_what_the_fused_one_computes(which: str) -> None:
    query, key, value = queries()
    allowed = torch.rand(2, 1, 5, 7, generator=torch.Generator().manual_seed(1)) > 0.4
    allowed[..., 0] = True
    options: dict[str, dict[str, object]] = {
        "plain": {},
        "scaled": {"scale": 0.7},
        "boolean": {"attn_mask": allowed},
        "added": {"attn_mask": torch.randn(2, 1, 5, 7, generator=torch.Generator().manual_seed(2))},
    }
    arguments = options[which]
    fused = functional.scaled_dot_product_attention(query, key, value, **arguments)  # type: ignore[arg-type]
    with fast.plain_attention():
        plain = functional.scaled_dot_product_attention(query, key, value, **arguments)  # type: ignore[arg-type]
    torch.testing.assert_close(plain, fused, rtol=1e-5, atol=1e-5)


def test_plain_attention_looks_back_alone_when_it_is_causal() -> None:
    _, key, value = queries()
    fused = functional.scaled_dot_product_attention(key, key, value, is_causal=True)
    with fast.plain_attention():
        plain = functional.scaled_dot_product_attention(key, key, value, is_causal=True)
        other = value.clone()
        other[:, :, 4:] = 9.0
        changed = functional.scaled_dot_product_attention(key, key, other, is_causal=True)
    torch.testing.assert_close(plain, fused, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(changed[:, :, :4], plain[:, :, :4], rtol=0, atol=0)


def test_a_language_model_attends_plainly_and_then_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    model: nn.Module = LlamaModel(
        LlamaConfig(
            vocab_size=11, hidden_size=16, intermediate_size=8, num_hidden_layers=2, num_attention_heads=2
        )
    ).eval()
    ids, mask = torch.arange(10).reshape(2, 5), torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    calls = []
    plainly = fast._attention

    def counted(*arguments: Tensor, **options: object) -> Tensor:
        calls.append(1)
        return plainly(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(fast, "_attention", counted)
    fused = functional.scaled_dot_product_attention
    with torch.no_grad():
        expected = model(ids, attention_mask=mask).last_hidden_state
        assert not calls
        with fast.plain_attention():
            found = model(ids, attention_mask=mask).last_hidden_state
    assert len(calls) == 2, "once a layer"
    torch.testing.assert_close(found[mask == 1], expected[mask == 1], rtol=1e-4, atol=1e-4)
    with pytest.raises(RuntimeError, match="cut"), fast.plain_attention():
        raise RuntimeError("cut")
    assert functional.scaled_dot_product_attention is fused
