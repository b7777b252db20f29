"""Decoding over a cache of a fixed length says what decoding over a growing one says, token by token."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from demos.salmonn.decoders import MOST_IDLE, Decoders
from demos.salmonn.generation import GenerationSettings, beam_search, token_by_token
from demos.salmonn.network import Salmonn
from tests.published_salmonn import read_published, tiny_config, write_published

BARRED = [127]
NO_END, SOON, LATE = 200, 106, 15  # ids: one that nothing says, two that answers meet
ROOM = 14
DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=[
            pytest.mark.gpu,
            pytest.mark.skipif(
                not torch.cuda.is_available(),
                reason="There is no CUDA device here: run this where there is one.",
            ),
        ],
    ),
]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Salmonn:
    files = write_published(tmp_path_factory.mktemp("salmonn"))
    return read_published(files, tiny_config()).eval().requires_grad_(False)


@pytest.fixture(params=DEVICES)
def placed(request: pytest.FixtureRequest, network: Salmonn) -> Iterator[Salmonn]:
    yield network.to(request.param)
    network.cpu()


def prompt(network: Salmonn, seed: int = 0) -> Tensor:
    sound = 0.5 * torch.randn(20, network.config.hidden_size, generator=torch.Generator().manual_seed(seed))
    device = network.ln_speech.weight.device
    return network.prompt(sound.to(device), [1, 2, 3], [5, 6, 7 + seed])


def decoders(network: Salmonn, look_every: int = 1) -> Decoders:
    made = Decoders(network, BARRED, network.ln_speech.weight.device)
    made.look_every = look_every
    return made


def never() -> bool:
    return False


def after(calls: int) -> Callable[[], bool]:
    """Says yes once it was asked so many times."""
    asked = iter(range(10_000))
    return lambda: next(asked) >= calls


@pytest.mark.parametrize("look_every", [1, 4])
@pytest.mark.parametrize("scaling", [4.0, 1.7, 0.0])
@pytest.mark.parametrize("ends", [NO_END, SOON, LATE])
def test_greedy_says_the_same_tokens_with_the_same_probabilities(
    placed: Salmonn, ends: int, scaling: float, look_every: int
) -> None:
    settings = GenerationSettings(scaling, max_new_tokens=ROOM)
    growing = list(token_by_token(placed, prompt(placed), settings, ends, BARRED, never))
    fixed = list(decoders(placed, look_every).token_by_token(prompt(placed), settings, ends, never))
    assert [token for token, _ in fixed] == [token for token, _ in growing]
    assert [chance for _, chance in fixed] == pytest.approx([chance for _, chance in growing], abs=1e-5)


@pytest.mark.parametrize("look_every", [1, 4])
@pytest.mark.parametrize("scaling", [4.0, 1.7, 0.0])
@pytest.mark.parametrize("ends", [NO_END, SOON, LATE])
def test_beams_say_the_same_tokens(placed: Salmonn, ends: int, scaling: float, look_every: int) -> None:
    settings = GenerationSettings(scaling, beams=4, max_new_tokens=ROOM)
    growing = beam_search(placed, prompt(placed), settings, ends, BARRED, never)
    assert decoders(placed, look_every).beam_search(prompt(placed), settings, ends, never) == growing


@pytest.mark.parametrize(("seed", "ends"), [(0, 95), (1, 53), (1, 68), (1, 95), (1, 99), (1, 106)])
def test_beams_that_end_compete_as_in_transformers(placed: Salmonn, seed: int, ends: int) -> None:
    """Ends that some beams meet while others run on, with means of texts of different lengths."""
    settings = GenerationSettings(beams=4, max_new_tokens=ROOM)
    growing = beam_search(placed, prompt(placed, seed), settings, ends, BARRED, never)
    fixed = decoders(placed, look_every=4).beam_search(prompt(placed, seed), settings, ends, never)
    assert fixed == growing


def test_one_decoding_serves_answer_after_answer(placed: Salmonn) -> None:
    """Prompts, strengths, ends and lengths change; nothing of the answer before is left."""
    held = decoders(placed, look_every=4)
    for seed, (scaling, ends, room) in enumerate(
        [(4.0, NO_END, 14), (0.0, SOON, 9), (2.0, LATE, 1), (4.0, LATE, 14)]
    ):
        for beams in (1, 4):
            settings = GenerationSettings(scaling, beams=beams, max_new_tokens=room)
            asked = (prompt(placed, seed), settings, ends)
            if beams == 1:
                fixed = [token for token, _ in held.token_by_token(*asked, never)]
                growing = [token for token, _ in token_by_token(placed, *asked, BARRED, never)]
            else:
                fixed = held.beam_search(*asked, never)
                growing = beam_search(placed, *asked, BARRED, never)
            assert fixed == growing
    assert len(held.idle) == MOST_IDLE


def test_answers_at_the_same_time_keep_their_strengths(placed: Salmonn) -> None:
    """Two on one thread, a token of each in turn, over one network."""
    held = decoders(placed)
    strengths = [GenerationSettings(scaling, max_new_tokens=ROOM) for scaling in (4.0, 0.0)]
    alone = [[*token_by_token(placed, prompt(placed), one, NO_END, BARRED, never)] for one in strengths]
    streams = [held.token_by_token(prompt(placed), one, NO_END, never) for one in strengths]
    together = list(zip(*streams, strict=True))
    for place, growing in enumerate(alone):
        assert [step[place][0] for step in together] == [token for token, _ in growing]
    assert alone[0] != alone[1]


def test_a_stopped_answer_ends_where_it_is(placed: Salmonn) -> None:
    held = decoders(placed, look_every=4)
    settings = GenerationSettings(max_new_tokens=ROOM)
    whole = [token for token, _ in held.token_by_token(prompt(placed), settings, NO_END, never)]
    assert not list(held.token_by_token(prompt(placed), settings, NO_END, lambda: True))
    part = [token for token, _ in held.token_by_token(prompt(placed), settings, NO_END, after(2))]
    assert part == whole[:5], "the first token, then four"
    beams = GenerationSettings(beams=4, max_new_tokens=ROOM)
    for calls in (0, 1, 3):
        one_by_one = decoders(placed)
        assert one_by_one.beam_search(prompt(placed), beams, NO_END, after(calls)) == beam_search(
            placed, prompt(placed), beams, NO_END, BARRED, after(calls)
        )


def test_what_is_barred_is_never_said(placed: Salmonn) -> None:
    head = placed.llama_model.lm_head.weight
    kept = head[127].clone()
    head[127] = 3.0 * head[15]
    try:
        held = decoders(placed)
        greedy = held.token_by_token(prompt(placed), GenerationSettings(max_new_tokens=4), NO_END, never)
        assert 127 not in [token for token, _ in greedy]
        beams = GenerationSettings(beams=4, max_new_tokens=4)
        assert 127 not in held.beam_search(prompt(placed), beams, NO_END, never)
    finally:
        head[127] = kept


def test_an_answer_may_fill_the_model_to_its_last_position(placed: Salmonn) -> None:
    longest = int(placed.llama_model.config.max_position_embeddings)
    start = prompt(placed)
    full = torch.cat([start, start[-1:].expand(longest - ROOM - len(start), -1)])
    settings = GenerationSettings(max_new_tokens=ROOM)
    growing = [token for token, _ in token_by_token(placed, full, settings, NO_END, BARRED, never)]
    fixed = [token for token, _ in decoders(placed, 4).token_by_token(full, settings, NO_END, never)]
    assert fixed == growing
    assert len(fixed) == ROOM
