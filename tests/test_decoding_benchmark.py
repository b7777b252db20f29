"""The benchmark of decoding: one sentence where there is no card, and numbers that mean what they say."""

from __future__ import annotations

import pytest
import torch

from tests.benchmarks import decoding


@pytest.mark.skipif(torch.cuda.is_available(), reason="There is a CUDA device here.")
def test_without_a_card_it_says_so_in_one_sentence() -> None:
    with pytest.raises(SystemExit, match=r"^There is no CUDA device here: [^.]*\.$"):
        decoding.main([])


def test_both_ways_say_the_same_and_the_speeds_belong_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over a tiny network on the processor, where one clip's tokens are few."""
    monkeypatch.setattr(decoding, "TOKENS", 8)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    network = decoding.random_network(torch.device("cpu"), heads=4, dtype=torch.float32, **sizes)
    for beams in decoding.BEAMS:
        found = decoding.measure(decoding.named(beams), network, beams, runs=1, copying=1e9)
        assert found.same == 8
        assert found.of_copying == pytest.approx(found.gigabytes_a_second)
        read = decoding.bytes_of_a_token(network, beams)
        assert found.gigabytes_a_second == pytest.approx(read * found.tokens_a_second / 1e9)
        assert decoding.row(found).count("|") == decoding.HEADER.split("\n")[0].count("|")


def test_a_token_reads_every_weight_but_the_table_and_all_keys_and_values_before_it() -> None:
    """Of Vicuna-7B: 13.2 GB of weights, and half a megabyte for each position of each beam."""
    network = decoding.random_network(torch.device("meta"), **decoding.VICUNA["7B"])
    read = [decoding.bytes_of_a_token(network, beams) for beams in (1, 4)]
    assert read[0] == pytest.approx(13.2e9 + 0.5e6 * 230, rel=0.01)
    assert read[1] - read[0] == pytest.approx(3 * 2**19 * (decoding.PROMPT + decoding.TOKENS / 2))
