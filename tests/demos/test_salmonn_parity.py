"""SALMONN, read from files as they are published, against the published implementation's numbers."""

import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from demos.networks.qformer import QFormerConfig, build_qformer, query_windows, to_published
from demos.salmonn.answering import Answer, Answering, heard_window
from demos.salmonn.config import SalmonnConfig
from demos.salmonn.decoders import Decoders
from demos.salmonn.network import Salmonn
from tests.published_salmonn import (
    FIXTURES,
    bare_language_model,
    read_published,
    tiny_config,
    write_published,
)
from tests.seeded import read_layout, seeded_state_dict, seeded_waveform

INSTRUCTION = "w33 w90 w12 w77 w54 w3 w101 w26 w60 w15"
SCALINGS = (4, 2, 0)


def furthest(ours: Tensor, published: np.ndarray) -> float:
    """Largest absolute difference."""
    assert ours.shape == published.shape
    return float(np.abs(ours.detach().numpy() - published).max())


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(FIXTURES / "golden_tiny.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_published(tmp_path_factory.mktemp("salmonn"))


@pytest.fixture(scope="module")
def config() -> SalmonnConfig:
    return tiny_config()


@pytest.fixture(scope="module")
def network(files: Path, config: SalmonnConfig) -> Salmonn:
    return read_published(files, config)


@pytest.fixture(scope="module")
def answering(network: Salmonn) -> Answering:
    """Word `wN` is id N; id 127 is the pad row."""
    words = {f"w{number}": number for number in range(127)} | {"[PAD]": 127}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="w0"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return Answering(network, PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]"))


@pytest.fixture(scope="module")
def audio_tokens(answering: Answering) -> Tensor:
    waveform = heard_window(seeded_waveform(5.0, 16_000, seed=2))
    return answering.audio_tokens(*answering.encode(waveform))


def test_from_the_waveform_to_the_audio_tokens(
    network: Salmonn, answering: Answering, golden: dict[str, np.ndarray]
) -> None:
    hidden, tokens = answering.encode(heard_window(seeded_waveform(5.0, 16_000, seed=2)))
    assert furthest(hidden[0], golden["whisper_encoder_output"]) < 1e-4
    assert furthest(tokens[0], golden["beats_output"]) < 1e-4
    with torch.no_grad():
        fused = network.fuse(hidden, tokens)
        assert furthest(fused[0], golden["fused_features"]) < 1e-4
        assert furthest(network.query(fused)[0], golden["qformer_output"]) < 1e-4
    assert furthest(answering.audio_tokens(hidden, tokens)[0], golden["audio_tokens"]) < 1e-4


def test_prompt_and_logits(
    network: Salmonn, answering: Answering, audio_tokens: Tensor, golden: dict[str, np.ndarray]
) -> None:
    before = golden["prompt_before_ids"].ravel().tolist()
    after = golden["prompt_after_ids"].ravel().tolist()
    with torch.no_grad():
        prompt = network.prompt(audio_tokens[0], before, after)
        assert furthest(prompt, golden["inputs_embeds"]) < 1e-4
        assert furthest(network.logits(prompt[None])[0], golden["all_logits_scaling_4"]) < 1e-4
        for scaling in SCALINGS:
            logits = network.logits(prompt[None], lora_scaling=float(scaling), last_only=True)
            assert furthest(logits[0, -1], golden[f"logits_scaling_{scaling}"]) < 1e-4


@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize(("beams", "name"), [(1, "greedy"), (4, "beam4")])
def test_generated_ids_are_the_published_ones(
    answering: Answering,
    audio_tokens: Tensor,
    golden: dict[str, np.ndarray],
    scaling: int,
    beams: int,
    name: str,
) -> None:
    answer = answering.answer(
        audio_tokens, INSTRUCTION, lora_scaling=float(scaling), beams=beams, max_new_tokens=12
    )
    assert [1, *answer.ids] == golden[f"{name}_ids_scaling_{scaling}"].tolist()
    assert answer.ended == "length"


@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize(("beams", "name"), [(1, "greedy"), (4, "beam4")])
def test_they_are_over_a_cache_of_a_fixed_length_too(
    answering: Answering,
    audio_tokens: Tensor,
    golden: dict[str, np.ndarray],
    monkeypatch: pytest.MonkeyPatch,
    scaling: int,
    beams: int,
    name: str,
) -> None:
    """That is how answers are made on a CUDA device."""
    assert answering.decoders is None, "on a processor a growing cache is faster"
    monkeypatch.setattr(
        answering, "decoders", Decoders(answering.network, answering.barred, answering.device)
    )
    parts = list(
        answering.stream(
            audio_tokens, INSTRUCTION, lora_scaling=float(scaling), beams=beams, max_new_tokens=12
        )
    )
    assert [1, *parts[-1].ids] == golden[f"{name}_ids_scaling_{scaling}"].tolist()
    assert parts[-1].ended == "length"
    assert len(parts) == (13 if beams == 1 else 1)


def test_loss_is_the_published_one(
    network: Salmonn, audio_tokens: Tensor, golden: dict[str, np.ndarray]
) -> None:
    loss = network.loss(
        audio_tokens,
        golden["prompt_before_ids"].ravel().tolist(),
        [golden["prompt_after_ids"].ravel().tolist()],
        [golden["target_ids"].tolist()],
    )
    assert abs(float(loss.detach()) - float(golden["target_loss_scaling_4"])) < 1e-4


def test_full_size_qformer() -> None:
    layout = read_layout(FIXTURES / "layout_full_13b.json")
    weights = {
        name: torch.from_numpy(weight)
        for name, weight in seeded_state_dict({n: s for n, s in layout.items() if "lora" not in n}).items()
    }
    qformer = build_qformer(QFormerConfig()).eval()
    names = {name: f"speech_Qformer.{to_published(name)}" for name in qformer.state_dict()}
    qformer.load_state_dict({name: weights[published] for name, published in names.items()})
    generator = np.random.Generator(np.random.PCG64(11))
    cut = torch.from_numpy(generator.standard_normal((3, 17, 2048), dtype=np.float32))[None]
    with torch.no_grad(), np.load(FIXTURES / "golden_full_shape.npz") as golden:
        found = query_windows(qformer, weights["speech_query_tokens"], cut)[0]
        assert furthest(found, golden["qformer_output"]) < 1e-4
        projected = found @ weights["speech_llama_proj.weight"].T + weights["speech_llama_proj.bias"]
        assert furthest(projected, golden["qformer_projected_13b"]) < 1e-4


def test_a_batch_of_different_lengths_has_the_mean_loss_of_its_tokens(
    network: Salmonn, audio_tokens: Tensor
) -> None:
    both = torch.cat([audio_tokens, 0.5 * audio_tokens])
    with torch.no_grad():
        first = network.loss(both[:1], [7, 23], [[33, 90, 12]], [[11, 45, 9, 2]])
        second = network.loss(both[1:], [7, 23], [[33]], [[5, 2]])
        together = network.loss(both, [7, 23], [[33, 90, 12], [33]], [[11, 45, 9, 2], [5, 2]])
    assert abs(float(together) - (4 * float(first) + 2 * float(second)) / 6) < 1e-5


def test_teacher_forcing_agrees_with_the_loss_and_with_generation(
    answering: Answering, audio_tokens: Tensor, golden: dict[str, np.ndarray]
) -> None:
    target = golden["target_ids"].tolist()
    forced = answering.teacher_forced(audio_tokens, INSTRUCTION, target[:-1])
    assert abs(-float(forced.mean()) - float(golden["target_loss_scaling_4"])) < 1e-4
    answer = answering.answer(audio_tokens, INSTRUCTION, max_new_tokens=5, lora_scaling=2.0)
    forced = answering.teacher_forced(audio_tokens, INSTRUCTION, answer.ids, lora_scaling=2.0)
    said = [token.probability for token in answer.tokens]
    assert forced.exp().tolist()[:-1] == pytest.approx(said, abs=1e-5)


def test_an_answer_grows_token_by_token(answering: Answering, audio_tokens: Tensor) -> None:
    parts = list(answering.stream(audio_tokens, INSTRUCTION, max_new_tokens=6))
    assert [len(part.ids) for part in parts] == [1, 2, 3, 4, 5, 6, 6]
    assert [part.ended for part in parts] == [""] * 6 + ["length"]
    final = parts[-1]
    assert "".join(token.text for token in final.tokens) == final.text
    assert final.settings["lora_scaling"] == 4.0
    assert final.prompt == f"w7 w23 w41 w5 w88 w19 w64 <SpeechHere> {INSTRUCTION}"


@pytest.mark.parametrize(("beams", "ends"), [(1, 106), (4, 15)])
def test_the_end_token_ends_the_answer_and_is_not_part_of_it(
    answering: Answering,
    audio_tokens: Tensor,
    monkeypatch: pytest.MonkeyPatch,
    beams: int,
    ends: int,
) -> None:
    monkeypatch.setattr(answering, "ends", ends)
    answer = answering.answer(audio_tokens, INSTRUCTION, beams=beams, max_new_tokens=12)
    assert answer.ended == "end"
    assert 0 < len(answer.ids) < 12
    assert ends not in answer.ids


def test_the_pad_row_is_never_said(network: Salmonn, answering: Answering, audio_tokens: Tensor) -> None:
    """The row is made the most probable of all, and is still passed over."""
    head = network.llama_model.lm_head.weight
    kept = head[127].clone()
    with torch.no_grad():
        head[127] = 3.0 * head[15]
    try:
        for beams in (1, 4):
            answer = answering.answer(audio_tokens, INSTRUCTION, beams=beams, max_new_tokens=4)
            assert 127 not in answer.ids
    finally:
        with torch.no_grad():
            head[127] = kept


def test_cancelling_ends_the_answer_where_it_is(answering: Answering, audio_tokens: Tensor) -> None:
    asked = 0

    def after_three() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    greedy = answering.answer(audio_tokens, INSTRUCTION, max_new_tokens=12, cancelled=after_three)
    assert (greedy.ended, len(greedy.ids)) == ("cancelled", 3)
    beams = answering.answer(audio_tokens, INSTRUCTION, beams=4, max_new_tokens=12, cancelled=lambda: True)
    assert beams.ended == "cancelled"
    assert len(beams.ids) < 12


def test_sampling_repeats_with_its_seed(answering: Answering, audio_tokens: Tensor) -> None:
    def ask(seed: int) -> Answer:
        return answering.answer(
            audio_tokens, INSTRUCTION, temperature=2.0, top_p=1.0, seed=seed, max_new_tokens=8
        )

    assert ask(1).ids == ask(1).ids
    assert len({ask(seed).ids for seed in range(5)}) > 1


def test_people_with_different_scalings_do_not_disturb_each_other(
    answering: Answering, audio_tokens: Tensor, golden: dict[str, np.ndarray]
) -> None:
    answers: dict[int, list[tuple[int, ...]]] = {scaling: [] for scaling in SCALINGS}

    def ask(scaling: int) -> None:
        for _ in range(3):
            answer = answering.answer(
                audio_tokens, INSTRUCTION, lora_scaling=float(scaling), max_new_tokens=12
            )
            answers[scaling].append(answer.ids)

    threads = [threading.Thread(target=ask, args=(scaling,)) for scaling in SCALINGS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for scaling in SCALINGS:
        wanted = tuple(golden[f"greedy_ids_scaling_{scaling}"].tolist()[1:])
        assert answers[scaling] == [wanted] * 3


def test_an_interleaved_pair_of_answers_keeps_its_scalings(
    answering: Answering, audio_tokens: Tensor, golden: dict[str, np.ndarray]
) -> None:
    """Two answers on one thread, a token of each in turn."""
    streams = [
        answering.stream(audio_tokens, INSTRUCTION, lora_scaling=scaling, max_new_tokens=12)
        for scaling in (4.0, 0.0)
    ]
    for parts in zip(*streams, strict=True):
        last = parts
    assert last[0].ids == tuple(golden["greedy_ids_scaling_4"].tolist()[1:])
    assert last[1].ids == tuple(golden["greedy_ids_scaling_0"].tolist()[1:])


def test_lora_and_qformer_train(config: SalmonnConfig, network: Salmonn, audio_tokens: Tensor) -> None:
    """A fresh adapter says what the bare model says; one step of training changes that."""
    fresh = Salmonn(config, network.speech_encoder, network.beats, bare_language_model(network, config))
    fused = torch.randn(2, 250, 64, generator=torch.Generator().manual_seed(0))
    sound = fresh.audio_tokens(fused)
    assert sound.shape == (2, 14, 64)
    trained = [p for name, p in fresh.named_parameters() if ".lora_" in name or "Qformer" in name]
    optimizer = torch.optim.SGD(trained, lr=0.5)
    batch = ([7, 23], [[33, 90], [12]], [[11, 2], [45, 9, 2]])
    before = fresh.loss(sound, *batch)
    with torch.no_grad():
        bare = fresh.loss(sound, *batch, lora_scaling=0.0)
    before.backward()
    optimizer.step()
    with torch.no_grad():
        after = fresh.loss(fresh.audio_tokens(fused), *batch)
    assert float(before.detach()) == pytest.approx(float(bare), abs=1e-6)
    assert float(after) < float(before.detach())


def test_short_and_long_sounds() -> None:
    assert len(heard_window(np.ones(100, np.float32))) == 16_000
    minute = np.arange(60 * 16_000, dtype=np.float32)
    assert heard_window(minute)[[0, -1]].tolist() == [0, 30 * 16_000 - 1]
    assert heard_window(minute, start=45.0).tolist() == minute[45 * 16_000 :].tolist()
    with pytest.raises(ValueError, match="nothing can be heard"):
        heard_window(minute, start=60.0)


def test_the_published_prompt_keeps_braces_and_line_breaks() -> None:
    config = SalmonnConfig.from_json(FIXTURES / "config_tiny.json")
    assert config.prompt_pieces("What is {this}?") == (
        "USER: <Speech>",
        "</Speech> What is {this}?\nASSISTANT:",
    )
    assert SalmonnConfig.from_dict(config.to_dict()) == config


def test_too_long_an_instruction_is_refused(answering: Answering, audio_tokens: Tensor) -> None:
    with pytest.raises(ValueError, match="too long"):
        answering.answer(audio_tokens, "w1 " * 600)
