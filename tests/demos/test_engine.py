"""The engine, over real files with untrained weights of the mini suite: what a listener can rely on."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from demos.catalog import suite
from demos.engine import Engine, Partial, Request
from demos.placement import Placement
from demos.sound import from_array
from demos.systems import covering, trimmed
from store.records import SYSTEMS, Observation, System, Token, observation_from_dict, to_json
from tests.asking import RATE, ask, passes, sweep

WHISPER_WINDOW = 400  # samples of its spectrogram
ENCODERS = ("whisper encoder", "BEATs", "HTSAT")


def full_listen() -> list[Request]:
    layers = [Request("layers", encoder=encoder) for encoder in ENCODERS]
    return [*(Request(system, max_tokens=6) for system in SYSTEMS if system != "layers"), *layers]


@pytest.mark.parametrize("system", SYSTEMS)
def test_an_observation_carries_what_it_takes_to_say_it_again(warm: Engine, system: System) -> None:
    sound = sweep()
    said = ask(warm, sound, system, seed=5)
    model = warm.suite.model(system)
    assert (said.system, said.model_id, said.model_revision) == (system, model.id, model.revision)
    assert (said.view.clip_id, said.view.start, said.view.stop) == (sound.clip.id, 0.0, 3.0)
    assert (said.view.rate, said.view.resampling) == (model.rate, model.resampling)
    assert (said.dtype, said.device, said.seed) == ("float32", str(warm.networks.placement.device_name), 5)
    assert said.seconds > 0
    assert observation_from_dict(json.loads(to_json(said))) == said


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_same_request_gives_the_same_answer(warm: Engine, folder: Path, system: System) -> None:
    here, there = ask(warm, sweep(), system), ask(Engine(suite("mini", folder)), sweep(), system)
    assert (here.text, here.tokens, here.scores, here.words) == (
        there.text,
        there.tokens,
        there.scores,
        there.words,
    )
    assert here.heatmap == there.heatmap
    assert here.id != there.id


@pytest.mark.parametrize("system", ["pengi", "salmonn", "whisper"])
@pytest.mark.parametrize("seconds", [3.0, 10.0])
def test_the_tokens_are_the_text(warm: Engine, system: System, seconds: float) -> None:
    said = ask(warm, sweep(seconds), system)
    assert said.text
    assert "".join(token.text for token in said.tokens) == said.text
    known = [token.probability for token in said.tokens if token.probability is not None]
    assert known
    assert all(0 <= probability <= 1 for probability in known)


@pytest.mark.parametrize("system", ["salmonn", "whisper"])
def test_answers_grow_token_by_token(warm: Engine, system: System) -> None:
    items = list(warm.observe(sweep(), Request(system, max_tokens=6)))  # type: ignore[arg-type]
    texts = [item.text for item in items if isinstance(item, Partial) and item.text]
    assert len(texts) >= 3
    assert all(later.startswith(earlier) for earlier, later in pairwise(texts))
    assert isinstance(items[-1], Observation)
    assert items[-1].text.startswith(texts[-1])


def test_one_listen_runs_each_encoder_once(folder: Path) -> None:
    engine = Engine(suite("mini", folder))
    with passes(engine) as counted:
        ends = [item for _, item in engine.listen(sweep(), full_listen()) if not isinstance(item, Partial)]
    assert [type(end) for end in ends] == [Observation] * len(full_listen())
    assert {name: counted[name] for name in ENCODERS} == dict.fromkeys(ENCODERS, 1)


def test_evidence_and_grounds_hear_nothing_again_but_silence(folder: Path) -> None:
    engine, sound = Engine(suite("mini", folder)), sweep(10.0)
    with passes(engine) as counted:
        said = {
            one.system: item
            for one, item in engine.listen(sound, full_listen())
            if isinstance(item, Observation)
        }
        for text in (said["pengi"].text, said["salmonn"].text, "a dog barking, then rain falling"):
            engine.evidence(sound, text)
        engine.embedding(sound)
        engine.grounds(sound, said["salmonn"])
    assert counted["HTSAT"] == 1
    assert counted["whisper encoder"] == counted["BEATs"] == 1 + 1  # the sound, and silence for the grounds


def test_a_second_question_costs_decoding_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spectrograms are counted at the transforms that all front ends go through."""
    engine, sound = Engine(suite("mini", folder)), sweep(10.0)
    transforms: Counter[str] = Counter()
    fourier = torch.fft.rfft

    def counting(name: str, transform: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
        def counted(sound: torch.Tensor, n: int, *rest: object, **named: object) -> torch.Tensor:
            transforms[f"{name} {n}"] += 1
            return transform(sound, n, *rest, **named)

        return counted

    with passes(engine) as encoders:
        monkeypatch.setattr(torch, "stft", counting("mel", torch.stft))
        monkeypatch.setattr(torch.fft, "rfft", counting("fbank", lambda frames, n: fourier(frames, n=n)))
        ends = [item for _, item in engine.listen(sound, full_listen()) if not isinstance(item, Partial)]
        assert [type(end) for end in ends] == [Observation] * len(full_listen())
        window = engine.networks.htsat(engine.suite.encoder("HTSAT")).config.window_size
        once = {f"mel {WHISPER_WINDOW}": 1, f"mel {window}": 1, "fbank 512": 1}
        assert dict(transforms) == once, "one for each of Whisper, HTSAT and BEATs, whoever asks"
        heard = {name: encoders[name] for name in ENCODERS}
        for system in ("pengi", "salmonn"):
            ask(engine, sound, system, instruction="what can you hear?")  # type: ignore[arg-type]
        ask(engine, sound, "clap", bank=("a dog", "rain"))
        ask(engine, sound, "whisper")
        ask(engine, sound, "layers", encoder="BEATs", measure="rms")
        assert dict(transforms) == once
        assert {name: encoders[name] for name in ENCODERS} == heard


def test_no_thread_outlives_a_listen_that_was_heard_to_its_end(warm: Engine) -> None:
    before = set(threading.enumerate())
    for _ in range(20):
        list(warm.listen(sweep(0.5), [Request(system, max_tokens=2) for system in SYSTEMS]))
        left = {thread.name for thread in set(threading.enumerate()) - before if thread.name in SYSTEMS}
        assert not left, "a program that ends now would end in the middle of it"


def test_another_question_runs_no_encoder_again_until_the_clip_is_forgotten(folder: Path) -> None:
    engine, sound = Engine(suite("mini", folder)), sweep()
    with passes(engine) as counted:
        ask(engine, sound, "salmonn")
        before = dict(counted)
        ask(engine, sound, "salmonn", instruction="what can you hear?")
        assert {name: counted[name] for name in ENCODERS} == {name: before.get(name, 0) for name in ENCODERS}
        engine.forget(sound.clip.id)
        ask(engine, sound, "salmonn")
        assert counted["whisper encoder"] == 2
        assert counted["BEATs"] == 2


def test_networks_that_share_a_file_share_the_network(warm: Engine) -> None:
    networks = warm.networks
    clap, pengi = networks.retrieval().network, networks.captioning().network
    assert clap.audio_encoder.htsat is pengi.audio_encoder.htsat
    assert networks.answering().network.speech_encoder is networks.transcription().model.encoder


def test_the_bank_is_the_default_one_or_the_persons_own(warm: Engine) -> None:
    said = ask(warm, sweep(), "clap")
    assert said.settings["bank"] == list(warm.default_bank())
    assert {score.text for score in said.scores} == set(warm.default_bank())
    own = ask(warm, sweep(), "clap", bank=("a dog", " a cat ", "a dog", ""))
    assert sorted(score.text for score in own.scores) == ["a cat", "a dog"]
    assert own.text == own.scores[0].text
    assert own.scores[0].cosine >= own.scores[1].cosine


def test_scores_do_not_depend_on_what_else_is_in_the_bank(warm: Engine) -> None:
    alone = ask(warm, sweep(), "clap", bank=("a dog barking",)).scores[0]
    among = ask(warm, sweep(), "clap", bank=("silence", "a dog barking", "rain")).scores
    assert {score.text: score.cosine for score in among}[alone.text] == pytest.approx(alone.cosine, abs=1e-5)


def test_the_lora_scaling_is_heard_and_kept(warm: Engine) -> None:
    strong, bare = (ask(warm, sweep(), "salmonn", lora_scaling=scaling) for scaling in (4.0, 0.0))
    assert (strong.lora_scaling, bare.lora_scaling) == (4.0, 0.0)
    assert [t.probability for t in strong.tokens] != [t.probability for t in bare.tokens]


def test_beams_are_searched_and_kept(warm: Engine) -> None:
    said = ask(warm, sweep(), "salmonn", beams=3)
    assert said.settings["beams"] == 3
    assert said.text


def test_an_empty_instruction_is_the_first_preset(warm: Engine) -> None:
    for system in ("pengi", "salmonn"):
        presets = warm.presets(system)  # type: ignore[arg-type]
        said = ask(warm, sweep(), system)  # type: ignore[arg-type]
        assert said.instruction == presets[0].text
        assert said.instruction in said.prompt
    asked = ask(warm, sweep(), "salmonn", instruction="  what is that? ")
    assert asked.instruction == "what is that?"
    assert asked.prompt == "USER: <Speech><SpeechHere></Speech> what is that?\nASSISTANT:"


def test_a_long_clip_is_heard_in_windows_that_the_observation_names(warm: Engine) -> None:
    sound = sweep(33.0)
    clap, pengi = ask(warm, sound, "clap"), ask(warm, sound, "pengi", max_tokens=2)
    starts = [start for start, _, _ in clap.scores[0].windows]
    assert starts == [0.0, 3.5, 7.0, 10.5, 14.0, 17.5, 21.0, 24.5, 26.0]
    assert clap.scores[0].windows[-1][1] == 33.0
    assert pengi.settings["windows"] == [[0, 7], [7, 14], [14, 21], [21, 28], [26, 33]]
    assert pengi.text.startswith("0.0–7.0 s: ")
    assert "\n26.0–33.0 s: " in pengi.text
    salmonn, whisper = ask(warm, sound, "salmonn"), ask(warm, sound, "whisper")
    assert (salmonn.view.start, salmonn.view.stop) == (0.0, 30.0)
    assert (whisper.view.start, whisper.view.stop) == (0.0, 33.0)


def test_a_caption_of_a_long_clip_is_written_from_its_start_to_its_end(warm: Engine) -> None:
    """Its windows are computed together; what stands in a line that has another below it is final."""
    sound = sweep(33.0)
    items = list(warm.observe(sound, Request("pengi", max_tokens=8)))
    said = items[-1]
    assert isinstance(said, Observation)
    written = [item.text for item in items if isinstance(item, Partial) and item.text]
    assert written[0].startswith("0.0–7.0 s: ")
    for text in written:
        *complete, _ = text.split("\n")
        assert said.text.split("\n")[: len(complete)] == complete
    for shorter, longer in pairwise(written):
        assert longer.count("\n") >= shorter.count("\n")
    assert written[-1] == said.text
    alone = ask(warm, sound, "pengi", max_tokens=8, start=7.0, stop=14.0)
    assert said.text.split("\n")[1] == f"7.0–14.0 s: {alone.text}"


def test_times_are_those_of_the_clip_whatever_the_window(warm: Engine) -> None:
    sound = sweep(10.0)
    window = {"start": 6.0, "stop": 9.0}
    clap, whisper = ask(warm, sound, "clap", **window), ask(warm, sound, "whisper", **window)
    assert (clap.view.start, clap.view.stop) == (6.0, 9.0)
    assert clap.scores[0].windows[0][:2] == (6.0, 9.0)
    assert whisper.words
    assert all(6.0 <= word.start <= word.stop <= 9.0 for word in whisper.words)


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_shortest_clip_is_heard(warm: Engine, system: System) -> None:
    assert ask(warm, sweep(0.1), system).view.stop == pytest.approx(0.1)


@pytest.mark.parametrize("system", SYSTEMS)
def test_silence_is_heard(warm: Engine, system: System) -> None:
    said = ask(warm, from_array(RATE, np.zeros(RATE, np.float32)), system)
    numbers = [score.cosine for score in said.scores] + [t.probability or 0.0 for t in said.tokens]
    assert np.isfinite(numbers).all()


def test_many_people_at_once_hear_what_one_hears(warm: Engine) -> None:
    sounds = [sweep(2.0, seed) for seed in range(4)]
    alone = [ask(warm, sound, "salmonn").text for sound in sounds]
    for sound in sounds:
        warm.forget(sound.clip.id)
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda k: ask(warm, sounds[k % 4], "salmonn").text, range(8)))
    assert together == alone * 2


def test_nothing_is_loaded_before_it_is_needed(folder: Path) -> None:
    engine = Engine(suite("mini", folder))
    assert not any(engine.ready(system) for system in SYSTEMS)
    engine.warm("clap")
    assert [system for system in SYSTEMS if engine.ready(system)] == ["clap"]
    stages = [item.stage for item in engine.observe(sweep(), Request("pengi")) if isinstance(item, Partial)]
    assert stages[0] == "Loading"
    assert engine.ready("pengi")


def test_windows_cover_everything_without_need() -> None:
    assert covering([(0, 7)]) == [0]
    assert covering([(0, 7), (3.5, 10.5), (7, 14)]) == [0, 2]
    assert covering([(0, 7), (3.5, 10.5), (4, 11)]) == [0, 2]


def test_blanks_around_a_text_are_taken_from_its_tokens() -> None:
    tokens = [Token(" ", 0.5), Token(" a", 0.25), Token(" dog ", 1.0), Token(" ", 0.75)]
    assert [token.text for token in trimmed(tokens)] == ["", "a", " dog", ""]
    assert [token.probability for token in trimmed(tokens)] == [0.5, 0.25, 1.0, 0.75]
    assert trimmed([Token("  ", 1.0)]) == (Token("", 1.0),)


@pytest.mark.skipif(
    any(model.missing for model in suite("mini").models.values()), reason="the weights are not trained yet"
)
def test_the_embedded_suite_hears() -> None:
    engine = Engine(suite("mini"))
    ends = [item for _, item in engine.listen(sweep(), full_listen()) if not isinstance(item, Partial)]
    assert [type(end) for end in ends] == [Observation] * len(full_listen())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("system", SYSTEMS)
def test_a_graphics_card_hears_what_the_processor_hears(folder: Path, system: System) -> None:
    here, there = (
        ask(Engine(suite("mini", folder), Placement(device)), sweep(), system) for device in ("cpu", "cuda")
    )
    assert there.device.startswith("cuda")
    assert here.text == there.text
    assert [token.probability for token in there.tokens] == [
        pytest.approx(token.probability, abs=1e-3) for token in here.tokens
    ]
    assert [score.cosine for score in there.scores] == [
        pytest.approx(score.cosine, abs=1e-4) for score in here.scores
    ]
    if here.heatmap is not None and there.heatmap is not None:
        assert np.allclose(here.heatmap.values, there.heatmap.values, atol=1e-3)
