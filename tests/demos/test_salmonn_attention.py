"""What an answer rests on: attention as transformers computes it, and what silence changes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from demos.networks.lora import scaled
from demos.salmonn.attention import attended
from demos.salmonn.generation import log_probabilities
from demos.salmonn.network import Salmonn
from tests.published_salmonn import read_published, tiny_config, write_published

BEFORE, AFTER, IDS = [7, 23, 41], [5, 88], [19, 64, 3, 11]
WINDOWS = 9


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Salmonn:
    files = write_published(tmp_path_factory.mktemp("published"))
    return read_published(files, tiny_config()).eval()


@pytest.fixture(scope="module")
def audio_tokens(network: Salmonn) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return 0.3 * torch.randn(WINDOWS, network.config.hidden_size, generator=generator)


def prompt(network: Salmonn, audio_tokens: Tensor) -> Tensor:
    return network.prompt(audio_tokens, BEFORE, AFTER)


@pytest.mark.parametrize("scaling", [None, 0.0, 1.5])
def test_attention_is_that_of_the_language_model(
    network: Salmonn, audio_tokens: Tensor, scaling: float | None
) -> None:
    found = attended(network, audio_tokens, BEFORE, AFTER, IDS, scaling)
    sequence = torch.cat([prompt(network, audio_tokens), network.embed(IDS[:-1])])[None]
    model = network.llama_model
    used = model.config._attn_implementation
    model.set_attn_implementation("eager")
    try:
        with torch.no_grad(), scaled(scaling):
            eager = model(inputs_embeds=sequence, output_attentions=True).attentions
    finally:
        model.set_attn_implementation(used)
    first = 1 + len(BEFORE)
    expected = torch.stack([one[0].mean(0)[-len(IDS) :, first : first + WINDOWS] for one in eager])
    assert found.windows.shape == (len(model.model.layers), len(IDS), WINDOWS)
    torch.testing.assert_close(found.windows, expected, atol=1e-6, rtol=1e-5)
    assert float(found.windows.sum(-1).max()) < 1


@pytest.mark.parametrize("scaling", [None, 0.0, 1.5])
def test_probabilities_are_those_of_teacher_forcing(
    network: Salmonn, audio_tokens: Tensor, scaling: float | None
) -> None:
    found = attended(network, audio_tokens, BEFORE, AFTER, IDS, scaling)
    expected = log_probabilities(network, prompt(network, audio_tokens), IDS, scaling)
    torch.testing.assert_close(found.log_probabilities, expected, atol=1e-5, rtol=1e-5)


def test_an_empty_answer_rests_on_nothing(network: Salmonn, audio_tokens: Tensor) -> None:
    with pytest.raises(ValueError, match="no answer"):
        attended(network, audio_tokens, BEFORE, AFTER, [])
