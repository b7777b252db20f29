"""What a page relies on when it asks which texts fit a sound."""

from pathlib import Path

import numpy as np
import pytest
import torch
import whisper
from transformers import PreTrainedTokenizerFast
from transformers.convert_slow_tokenizer import TikTokenConverter

from demos.clap.checkpoint import load
from demos.clap.network import Clap, ClapConfig
from demos.clap.retrieval import Retrieval
from demos.networks.sizes import ConfigError, to_plain
from demos.tokenizer import TokenizerError, gpt2_ids, load_tokenizer
from tests.demos.parity import tiny_file
from tests.demos.tiny_systems import CLAP, byte_tokenizer
from tests.seeded import seeded_waveform

RATE = 44100
TEXTS = ["a dog barks", "rain", "a man says hello", "an engine starts"]
GPT2_PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


@pytest.fixture(scope="module")
def clap(tmp_path_factory: pytest.TempPathFactory) -> Clap:
    return load(tiny_file(tmp_path_factory.mktemp("clap") / "tiny.pth", "msclap/layout_tiny_2023"), CLAP)


@pytest.fixture
def retrieval(clap: Clap, tmp_path: Path) -> Retrieval:
    return Retrieval(clap, byte_tokenizer(tmp_path))


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedTokenizerFast:
    """GPT-2's own tokenizer, made from the vocabulary that openai-whisper ships."""
    vocabulary = Path(whisper.__file__).parent / "assets" / "gpt2.tiktoken"
    converter = TikTokenConverter(str(vocabulary), GPT2_PATTERN, extra_special_tokens=["<|endoftext|>"])
    folder = tmp_path_factory.mktemp("gpt2")
    converter.converted().save(str(folder / "tokenizer.json"))
    return load_tokenizer(folder)


def test_texts_become_the_published_ids(gpt2: PreTrainedTokenizerFast) -> None:
    ids, mask = gpt2_ids(gpt2, ["this is a sound of dog barking", "wow!!"], " <|endoftext|>", 77)
    assert ids.tolist() == [
        [5661, 318, 257, 2128, 286, 3290, 48961, 220, 50256],
        [42773, 0, 0, 220, 50256, 0, 0, 0, 0],
    ]
    assert mask.tolist() == [[1] * 9, [1] * 5 + [0] * 4]


def test_a_text_that_is_too_long_keeps_its_end(gpt2: PreTrainedTokenizerFast) -> None:
    ids, _ = gpt2_ids(gpt2, ["dog " * 500], " <|endoftext|>", 77)
    assert ids.shape == (1, 77)
    assert ids[0, -2:].tolist() == [220, 50256]


def test_texts_are_ranked_best_first_with_their_windows(retrieval: Retrieval) -> None:
    sound = seeded_waveform(17.0, RATE)
    scores = retrieval.rank(sound, TEXTS, top=3)
    means = [score.cosine for score in scores]
    assert len(scores) == 3
    assert means == sorted(means, reverse=True)
    assert {score.text for score in scores} < set(TEXTS)
    everything = retrieval.rank(sound, TEXTS)
    assert everything[:3] == scores
    for score in everything:
        times = [(start, stop) for start, stop, _ in score.windows]
        assert times == [(0.0, 7.0), (3.5, 10.5), (7.0, 14.0), (10.0, 17.0)]
        assert score.cosine == pytest.approx(np.mean([cosine for *_, cosine in score.windows]), abs=1e-6)
        assert -1.0 <= score.cosine <= 1.0


def test_a_window_scores_as_if_it_were_the_whole_sound(retrieval: Retrieval) -> None:
    sound = seeded_waveform(10.5, RATE)
    whole = {score.text: score for score in retrieval.rank(sound, TEXTS)}
    for score in retrieval.rank(sound[-7 * RATE :], TEXTS):
        assert whole[score.text].windows[-1][2] == pytest.approx(score.cosine, abs=1e-5)


def test_a_short_sound_is_one_window_as_long_as_itself(retrieval: Retrieval) -> None:
    (score,) = retrieval.rank(seeded_waveform(3.0, RATE), ["rain"])
    assert [(start, stop) for start, stop, _ in score.windows] == [(0.0, 3.0)]


def test_what_was_heard_once_need_not_be_heard_again(retrieval: Retrieval) -> None:
    sound = seeded_waveform(10.5, RATE)
    latent = retrieval.latent(sound)
    assert retrieval.rank(sound, TEXTS, latent=latent) == retrieval.rank(sound, TEXTS)
    with pytest.raises(ValueError, match="1 windows were heard of a sound that has 2"):
        retrieval.rank(sound, TEXTS, latent=latent[:1])


def test_embeddings_have_unit_length_and_do_not_depend_on_the_company(retrieval: Retrieval) -> None:
    together = retrieval.embed_texts([*TEXTS, "a much longer text than all of the others", TEXTS[0]])
    assert torch.allclose(together.norm(dim=-1), torch.ones(len(together)))
    assert torch.equal(together[0], together[-1])
    alone = Retrieval(retrieval.network, retrieval.tokenizer).embed_texts(TEXTS[:1])
    assert torch.allclose(alone[0], together[0], atol=1e-6)
    windows = retrieval.embed_windows(np.stack([seeded_waveform(7.0, RATE, seed) for seed in (1, 2)]))
    assert torch.allclose(windows.norm(dim=-1), torch.ones(2))


def test_a_bank_larger_than_what_is_remembered_is_embedded_whole(
    retrieval: Retrieval, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("demos.clap.retrieval.TEXTS_KEPT", 3)
    first = retrieval.embed_texts(TEXTS[:2])
    assert torch.allclose(retrieval.embed_texts(TEXTS)[:2], first, atol=1e-6)


@pytest.mark.parametrize("texts", [[], ["rain", " "]])
def test_no_text_to_compare_with_is_said(retrieval: Retrieval, texts: list[str]) -> None:
    with pytest.raises(ValueError, match="at least one text"):
        retrieval.rank(seeded_waveform(1.0, RATE), texts)


def test_a_configuration_is_read_from_json(tmp_path: Path) -> None:
    import json

    path = tmp_path / "clap.json"
    path.write_text(json.dumps(to_plain(CLAP)))
    assert ClapConfig.from_json(path) == CLAP
    path.write_text('{"htsat": {"embed_dim": 96}, "text": {}}')
    assert ClapConfig.from_json(path) == ClapConfig()
    for content, problem in (
        ('{"text_len": 77}', "Unknown entries in a ClapConfig: text_len"),
        ('{"text": {"layers": 2}}', "Unknown entries in a Gpt2Sizes: layers"),
        ("[1]", "must hold one JSON object"),
        ("{", "cannot be read"),
    ):
        path.write_text(content)
        with pytest.raises(ConfigError, match=problem):
            ClapConfig.from_json(path)


def test_a_tokenizer_that_is_missing_or_damaged_is_named(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match="There is no tokenizer"):
        load_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(TokenizerError, match=r"tokenizer\.json cannot be read"):
        load_tokenizer(tmp_path)
