"""SALMONN from files as they are downloaded: the checkpoint, and a folder of Vicuna in several files."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from sentencepiece import SentencePieceTrainer
from whisper.model import AudioEncoder

from demos.checkpoint_reader import CheckpointError, Rules, fill_in_steps, read_tensors
from demos.networks.beats import Beats
from demos.salmonn.answering import Answering, heard_window
from demos.salmonn.attention import attended
from demos.salmonn.checkpoint import read_beats, read_llama
from demos.salmonn.published import load_published, published_config
from demos.salmonn.quantised import Bits
from demos.salmonn.sentencepiece_tokenizer import SentencePieceTokenizer
from demos.tokenizer import TokenizerError
from demos.whisper.checkpoint import read_encoder
from tests.published_salmonn import FIXTURES, tiny_config, write_downloaded
from tests.seeded import seeded_waveform

INSTRUCTION = "w33 w90 w12 w77 w54 w3 w101 w26 w60 w15"
SAFETENSORS, PYTORCH = "model-{}.safetensors", "pytorch_model-{}.bin"


def load(folder: Path, pattern: str, dtype: torch.dtype = torch.float32) -> Answering:
    checkpoint, vicuna = write_downloaded(folder, pattern)
    encoder, beats = encoders(folder)
    return load_published(checkpoint, vicuna, encoder, beats, dtype, config=tiny_config())


def encoders(folder: Path) -> tuple[AudioEncoder, Beats]:
    return read_encoder(folder / "whisper.safetensors", heads=4), read_beats(folder / "beats.pt")


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(FIXTURES / "golden_tiny.npz") as arrays:
        return dict(arrays)


@pytest.mark.parametrize("pattern", [SAFETENSORS, PYTORCH])
def test_downloaded_files_give_the_published_answers(
    tmp_path: Path, golden: dict[str, np.ndarray], pattern: str
) -> None:
    answering = load(tmp_path, pattern)
    sound = answering.audio_tokens(*answering.encode(heard_window(seeded_waveform(5.0, 16_000, seed=2))))
    for beams, name in ((1, "greedy"), (4, "beam4")):
        for scaling in (4, 0):
            answer = answering.answer(
                sound, INSTRUCTION, lora_scaling=float(scaling), beams=beams, max_new_tokens=12
            )
            ids = golden[f"{name}_ids_scaling_{scaling}"].tolist()[1:]
            assert list(answer.ids) == ids
            assert answer.text == " ".join(f"w{id_}" for id_ in ids)


def test_a_language_model_in_16_bits_answers_beside_encoders_in_32(
    tmp_path: Path, golden: dict[str, np.ndarray]
) -> None:
    answering = load(tmp_path, SAFETENSORS, torch.bfloat16)
    network = answering.network
    types = {name: parameter.dtype for name, parameter in network.named_parameters()}
    in_16 = {name for name, dtype in types.items() if dtype == torch.bfloat16}
    assert in_16 == {name for name in types if name.startswith("llama_model.") and ".lora_" not in name}
    assert {dtype for name, dtype in types.items() if name not in in_16} == {torch.float32}

    sound = answering.audio_tokens(*answering.encode(heard_window(seeded_waveform(5.0, 16_000, seed=2))))
    before, after = (golden[f"prompt_{side}_ids"].ravel().tolist() for side in ("before", "after"))
    scores = network.logits(network.prompt(sound[0], before, after)[None], last_only=True)[0, -1]
    assert float(np.abs(scores.detach().numpy() - golden["logits_scaling_4"]).max()) < 0.1
    for beams in (1, 4):
        assert len(answering.answer(sound, INSTRUCTION, beams=beams, max_new_tokens=6).ids) == 6
    seen = attended(network, sound[0], before, after, [15, 33])
    assert seen.windows.dtype == seen.log_probabilities.dtype == torch.float32


@pytest.mark.parametrize(("bits", "near"), [(8, 0.06), (4, 0.35)])
def test_a_quantised_language_model_answers_nearly_as_it_did(
    tmp_path: Path, golden: dict[str, np.ndarray], bits: Bits, near: float
) -> None:
    checkpoint, vicuna = write_downloaded(tmp_path, SAFETENSORS)
    answering = load_published(
        checkpoint, vicuna, *encoders(tmp_path), torch.bfloat16, config=tiny_config(), bits=bits
    )
    network = answering.network
    held = {type(layer).__name__ for layer in network.llama_model.model.layers.modules()}
    assert {8: "Linear8bitLt", 4: "Linear4bit"}[bits] in held
    sound = answering.audio_tokens(*answering.encode(heard_window(seeded_waveform(5.0, 16_000, seed=2))))
    before, after = (golden[f"prompt_{side}_ids"].ravel().tolist() for side in ("before", "after"))
    for scaling in (4, 0):
        prompt = network.prompt(sound[0], before, after)[None]
        scores = network.logits(prompt, lora_scaling=float(scaling), last_only=True)[0, -1]
        expected = golden[f"logits_scaling_{scaling}"]
        off = np.linalg.norm(scores.detach().float().numpy() - expected) / np.linalg.norm(expected)
        assert off < near
    assert len(answering.answer(sound, INSTRUCTION, max_new_tokens=6).ids) == 6


def test_the_configuration_is_the_published_one_around_what_the_files_say(tmp_path: Path) -> None:
    _, vicuna = write_downloaded(tmp_path, SAFETENSORS)
    stated = json.loads((FIXTURES / "config_full.json").read_text())
    llama = {name: value for name, value in stated["llama_7b"].items() if name != "source"}
    said = {"model_type": "llama", "bos_token_id": 1, "eos_token_id": 2, "hidden_act": "silu"}
    (vicuna / "config.json").write_text(json.dumps({**llama, **said, "transformers_version": "4.31.0"}))
    beats = read_beats(tmp_path / "beats.pt")
    with torch.device("meta"):
        encoder = AudioEncoder(80, 1500, 1280, 20, 1)
    config = published_config(vicuna, encoder, beats)
    assert config.llama == llama | {name: value for name, value in said.items() if name != "model_type"}
    assert config.qformer.encoder_width == 1280 + beats.config.encoder_embed_dim
    assert config.prompt_pieces("Why?") == ("USER: <Speech>", "</Speech> Why?\nASSISTANT:")
    assert (config.trained_scaling, config.window_frames) == (4.0, stated["window"]["kernel"])


def test_what_does_not_come_whole_is_said(tmp_path: Path) -> None:
    checkpoint, vicuna = write_downloaded(tmp_path, SAFETENSORS)
    encoder, beats = encoders(tmp_path)

    def refused() -> str:
        with pytest.raises((CheckpointError, TokenizerError)) as refusal:
            load_published(checkpoint, vicuna, encoder, beats, config=None if odd_config else tiny_config())
        return str(refusal.value)

    odd_config = False
    pieces = (vicuna / "tokenizer.model").read_bytes()
    for content, said in (
        (b"version https://git-lfs.github.com/spec/v1\n", "pointer of git-lfs"),
        (pieces[: len(pieces) // 2], "no readable SentencePiece"),
        (b"", "no readable SentencePiece"),
    ):
        (vicuna / "tokenizer.model").write_bytes(content)
        assert said in refused()
    (vicuna / "tokenizer.model").unlink()
    assert "There is no tokenizer" in refused()
    (vicuna / "tokenizer.model").write_bytes(pieces)

    shard = vicuna / SAFETENSORS.format("00002-of-00002")
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-100])
    assert "no readable safetensors file" in refused()
    shard.unlink()
    assert f"lacks {shard.name}" in refused()
    (vicuna / "model.safetensors.index.json").unlink()
    assert "missing:" in refused()
    shard.write_bytes(whole)

    odd_config = True
    (vicuna / "config.json").write_text('{"model_type": "gpt2"}')
    assert "describes no LLaMA" in refused()
    (vicuna / "config.json").write_text('{"model_type": "llama", "hidden_size": 64}')
    assert "lacks intermediate_size" in refused()
    (vicuna / "config.json").write_text("{")
    assert "cannot be read" in refused()


def test_a_tokenizer_of_another_language_model_is_refused(tmp_path: Path) -> None:
    checkpoint, vicuna = write_downloaded(tmp_path, PYTORCH)
    encoder, beats = encoders(tmp_path)
    train_pieces(vicuna / "tokenizer.model", bos_id=2, eos_id=1)
    with pytest.raises(TokenizerError, match="begins and ends texts with 2 and 1"):
        load_published(checkpoint, vicuna, encoder, beats, config=tiny_config())
    train_pieces(vicuna / "tokenizer.model")
    with pytest.raises(TokenizerError, match="its language model only 128"):
        load_published(checkpoint, vicuna, encoder, beats, config=tiny_config())


def train_pieces(path: Path, bos_id: int = 1, eos_id: int = 2) -> Path:
    """Pieces made as LLaMA's are: byte-pair encoding, single bytes for what is unknown."""
    sentences = ["USER: <Speech></Speech> What do you hear?\nASSISTANT: a dog barks, it rains."] * 20
    trained = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_writer=trained,
        model_type="bpe",
        vocab_size=330,
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        minloglevel=2,
        bos_id=bos_id,
        eos_id=eos_id,
    )
    path.write_bytes(trained.getvalue())
    return path


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> SentencePieceTokenizer:
    return SentencePieceTokenizer(train_pieces(tmp_path_factory.mktemp("pieces") / "tokenizer.model"))


def text_of(tokenizer: SentencePieceTokenizer, ids: list[int]) -> str:
    return tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)


@pytest.mark.parametrize("text", ["What do you hear?\nASSISTANT:", "a  dog", "Hör’ 请 🐕", ""])
def test_a_text_survives_its_pieces(tokenizer: SentencePieceTokenizer, text: str) -> None:
    ids = tokenizer.encode(text, add_special_tokens=False)
    assert text_of(tokenizer, ids) == text
    assert tokenizer.encode(text, add_special_tokens=True) == [1, *ids]


def test_special_tokens_are_read_in_a_text_and_never_said(tokenizer: SentencePieceTokenizer) -> None:
    rains = tokenizer.encode("it rains", add_special_tokens=False)
    assert tokenizer.encode("it rains</s>it rains", add_special_tokens=False) == [*rains, 2, *rains]
    assert text_of(tokenizer, [1, *rains, 2, len(tokenizer) - 1]) == "it rains"
    assert tokenizer.pad_token_id == len(tokenizer) - 1 == 330


def test_a_character_begun_is_no_character_yet(tokenizer: SentencePieceTokenizer) -> None:
    ids = tokenizer.encode("a 请", add_special_tokens=False)
    assert text_of(tokenizer, ids[:-1]).endswith("\ufffd")
    assert text_of(tokenizer, ids) == "a 请"


@pytest.mark.parametrize("suffix", [".safetensors", ".bin"])
def test_steps_of_any_size_fill_a_network_alike(tmp_path: Path, suffix: str) -> None:
    network = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Linear(8, 3))
    tensors = {name: torch.randn(tensor.shape) for name, tensor in network.state_dict().items()}
    file = tmp_path / f"weights{suffix}"
    (save_file if suffix == ".safetensors" else torch.save)({**tensors, "stray": torch.ones(2)}, file)
    for step_bytes in (1, 100, 1 << 20):
        for tensor in network.state_dict().values():
            tensor.zero_()
        report = fill_in_steps(network, file, Rules(ignored={"stray": "a test"}), step_bytes)
        assert report.ignored == {"stray": "a test"}
        assert sorted(report.consumed) == sorted(tensors)
        assert all(torch.equal(network.state_dict()[name], tensors[name]) for name in tensors)


def test_a_tied_output_layer_need_not_be_in_the_files(tmp_path: Path) -> None:
    write_downloaded(tmp_path, SAFETENSORS)
    tensors = read_tensors(tmp_path / "llama.safetensors")
    del tensors["lm_head.weight"]
    save_file(tensors, tmp_path / "tied.safetensors")
    stated = json.loads((FIXTURES / "config_tiny.json").read_text())["llama"]
    llama = read_llama({**stated, "tie_word_embeddings": True}, tmp_path / "tied.safetensors")
    assert torch.equal(llama.lm_head.weight, tensors["model.embed_tokens.weight"])
    with pytest.raises(CheckpointError, match=r"missing: lm_head\.weight"):
        read_llama(stated, tmp_path / "tied.safetensors")
