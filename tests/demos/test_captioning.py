"""What a page relies on when Pengi speaks: text that grows, can be stopped, and can be said again."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from demos.checkpoint_reader import without_computed
from demos.networks.sizes import ConfigError, to_plain
from demos.networks.text import ClipTextSizes
from demos.pengi.beam_search import beam_search
from demos.pengi.captioning import Caption, Captioning
from demos.pengi.checkpoint import RULES
from demos.pengi.network import Pengi, PengiConfig
from tests.demos.parity import seeded_tensors
from tests.demos.tiny_systems import (
    BYTE_VOCABULARY,
    BYTES,
    PENGI_NO_TEXT_ENCODER,
    SMALL_HTSAT,
    byte_tokenizer,
)
from tests.seeded import seeded_waveform

PROMPT = "generate"
CONFIG = replace(
    PENGI_NO_TEXT_ENCODER,
    htsat=SMALL_HTSAT,
    decoder=replace(PENGI_NO_TEXT_ENCODER.decoder, vocab_size=BYTE_VOCABULARY, n_layer=6),
    prompt_length=16,
    content_length=16,
)
WITH_TEXT_ENCODER = replace(
    CONFIG,
    text_encoder=ClipTextSizes(
        vocab_size=BYTE_VOCABULARY,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=16,
        projection_dim=16,
        pad_token_id=BYTES,
    ),
)
SOUND = seeded_waveform(2.0, SMALL_HTSAT.sample_rate)


def make(config: PengiConfig, folder: Path) -> Captioning:
    """A Pengi that babbles all sorts of bytes."""
    network = Pengi(config).eval().requires_grad_(False)
    layout = {
        name: list(tensor.shape) for name, tensor in without_computed(network.state_dict(), RULES).items()
    }
    network.load_state_dict(seeded_tensors(layout), strict=False)
    (folder / "clip").mkdir()
    return Captioning(network, byte_tokenizer(folder), byte_tokenizer(folder / "clip", clip=True))


@pytest.fixture
def captioning(tmp_path: Path) -> Captioning:
    return make(CONFIG, tmp_path)


def last(captioning: Captioning, **changes: object) -> Caption:
    return list(captioning.stream(SOUND, PROMPT, **changes))[-1]  # type: ignore[arg-type]


def test_text_grows_token_by_token_and_ends_with_the_whole(captioning: Captioning) -> None:
    steps = list(captioning.stream(SOUND, PROMPT, beam_size=1, max_length=12))
    assert [step.done for step in steps] == [False] * (len(steps) - 1) + [True]
    for shorter, longer in pairwise(steps[:-1]):
        assert longer.ids[:-1] == shorter.ids
    final = steps[-1]
    assert replace(steps[-2], done=True) == final
    assert len(final.ids) == 12
    assert not final.cancelled
    assert final.text == captioning.decoder_tokenizer.decode(final.ids).strip()


def test_tokens_make_up_the_text_even_where_a_letter_takes_several(captioning: Captioning) -> None:
    for length in range(1, 30):
        caption = last(captioning, beam_size=1, max_length=length)
        assert "".join(token.text for token in caption.tokens).strip() == caption.text
        assert all(0 < (token.probability or 0) <= 1 for token in caption.tokens)


def test_the_same_is_said_again(captioning: Captioning) -> None:
    assert last(captioning) == last(captioning)
    assert last(captioning, latent=captioning.hear(SOUND).latent[0]) == last(captioning)


def test_other_beams_are_worse(captioning: Captioning) -> None:
    caption = last(captioning, beam_size=4)
    scores = [caption.score, *(score for _, score in caption.others)]
    assert len(scores) == 4
    assert scores == sorted(scores, reverse=True)


def test_it_can_be_stopped_before_each_token(captioning: Captioning) -> None:
    asked: list[bool] = []

    def after_three() -> bool:
        asked.append(True)
        return len(asked) > 3

    *partial, final = captioning.stream(SOUND, PROMPT, cancelled=after_three)
    assert len(partial) == 3
    assert final == replace(partial[-1], done=True, cancelled=True)
    (nothing,) = captioning.stream(SOUND, PROMPT, cancelled=lambda: True)
    assert (nothing.text, nothing.done, nothing.cancelled) == ("", True, True)


def test_a_stop_token_ends_the_text_and_is_not_in_it(captioning: Captioning) -> None:
    assert captioning.stop_id == captioning.decoder_tokenizer(" ").input_ids[0]
    free = last(captioning, beam_size=1, max_length=10)
    captioning.stop_id = free.ids[5]
    stopped = last(captioning, beam_size=1, max_length=10)
    end = free.ids.index(captioning.stop_id)
    assert stopped.stopped
    assert not free.stopped
    assert stopped.ids == free.ids[: end + 1]
    assert len(stopped.tokens) == end
    assert stopped.text == captioning.decoder_tokenizer.decode(free.ids[:end]).strip()


def test_the_cache_changes_no_token(captioning: Captioning) -> None:
    """Greedy search equals reading everything again for each token."""
    prefix = captioning.prefix(captioning.hear(SOUND).latent[0], PROMPT)
    network = captioning.network
    generated = prefix
    ids = []
    with torch.inference_mode():
        for _ in range(20):
            chosen = network.caption_decoder.gpt(inputs_embeds=generated[None]).logits[0, -1].argmax()
            ids.append(int(chosen))
            generated = torch.cat((generated, network.embed_tokens(chosen)[None]))
    *_, ((beam,),) = beam_search(network.caption_decoder.gpt, prefix[None], -1, 1, 20)
    assert list(beam.ids) == ids


def different_windows(captioning: Captioning) -> torch.Tensor:
    """Eleven latents, and a stop id that some of their texts meet sooner, some later and some never."""
    latent = captioning.hear(SOUND).latent
    captioning.stop_id = 246
    return latent + 5 * torch.randn(11, latent.shape[1], generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("beam_size", [1, 3])
def test_windows_at_once_say_what_each_says_alone(captioning: Captioning, beam_size: int) -> None:
    """Some are complete early and leave the search; there are more windows than grow at a time."""
    latents = different_windows(captioning)
    *_, together = captioning.stream_windows(latents, PROMPT, beam_size=beam_size, max_length=12)
    alone = [last(captioning, latent=latent, beam_size=beam_size, max_length=12) for latent in latents]
    assert {caption.stopped for caption in alone} == {True, False}
    assert len({len(caption.ids) for caption in alone}) >= 4
    for here, there in zip(together, alone, strict=True):
        assert (here.ids, here.text, here.stopped) == (there.ids, there.text, there.stopped)
        assert [text for text, _ in here.others] == [text for text, _ in there.others]
        assert here.score == pytest.approx(there.score, abs=1e-4)
        for one, other in zip(here.tokens, there.tokens, strict=True):
            assert (one.text, one.probability) == (other.text, pytest.approx(other.probability, abs=1e-4))


def test_windows_grow_together_and_one_that_is_done_stays(captioning: Captioning) -> None:
    latents = different_windows(captioning)[:5]
    steps = list(captioning.stream_windows(latents, PROMPT, beam_size=1, max_length=12))
    assert [len(step) for step in steps] == [5] * 12
    assert [[caption.done for caption in step].count(True) for step in steps] == [0, 2, 2, *[4] * 8, 5]
    for sooner, later in pairwise(steps):
        for before, after in zip(sooner, later, strict=True):
            assert after == before if before.done else after.ids[:-1] == before.ids


def test_windows_can_be_stopped_before_each_token(captioning: Captioning) -> None:
    latents = captioning.hear(seeded_waveform(12.0, SMALL_HTSAT.sample_rate)).latent
    asked: list[bool] = []

    def after_three() -> bool:
        asked.append(True)
        return len(asked) > 3

    *partial, final = captioning.stream_windows(latents, PROMPT, cancelled=after_three)
    assert len(partial) == 3
    assert final == tuple(replace(caption, done=True, cancelled=True) for caption in partial[-1])
    assert len(final) == 8, "windows that were not begun have no caption"


def test_the_prompt_is_padded_and_a_long_one_keeps_its_end(captioning: Captioning) -> None:
    ids, mask = captioning.prompt_ids(["hi", "a prompt that is much too long"])
    end = captioning.decoder_tokenizer(CONFIG.end_text).input_ids
    assert ids.shape == (2, 16)
    assert ids[0].tolist()[2:4] == end
    assert ids[0, 4:].tolist() == [0] * 12
    assert mask[0].tolist() == [1] * 4 + [0] * 12
    assert ids[1, -2:].tolist() == end


def test_a_text_encoder_reads_the_prompt_with_its_own_tokenizer(tmp_path: Path) -> None:
    captioning = make(WITH_TEXT_ENCODER, tmp_path)
    ids, mask = captioning.prompt_ids(["hi", "a prompt that is much too long"])
    start, end = BYTES + 1, BYTES
    assert ids[0].tolist() == [start, *captioning.decoder_tokenizer("hi").input_ids, *[end] * 13]
    assert mask[0].tolist() == [1] * 4 + [0] * 12
    assert (ids[1, 0], ids[1, -1]) == (start, end)
    assert last(captioning).done
    latent = captioning.hear(SOUND).latent
    wrapper, model = (captioning.prefix(latent, PROMPT, normalize_text=choice) for choice in (False, True))
    assert torch.equal(wrapper[:6], model[:6])
    assert not torch.allclose(wrapper[6:], model[6:])
    with pytest.raises(ValueError, match="needs the tokenizer of that encoder"):
        Captioning(captioning.network, captioning.decoder_tokenizer)


def test_the_start_of_the_answer_can_be_given(captioning: Captioning) -> None:
    latent = captioning.hear(SOUND).latent
    without, given = captioning.prefix(latent, PROMPT), captioning.prefix(latent, PROMPT, extra_text="I hear")
    assert torch.equal(given[: len(without)], without)
    extra = torch.tensor(captioning.decoder_tokenizer("I hear").input_ids)
    assert torch.equal(given[len(without) :], captioning.network.embed_tokens(extra))


def test_what_cannot_be_done_is_said(captioning: Captioning) -> None:
    long = seeded_waveform(3.0, SMALL_HTSAT.sample_rate)
    assert len(captioning.windows(len(long))) == 2
    for problem, arguments in (
        ("hears 2 s at a time", {"waveform": long}),
        ("needs a sound", {"waveform": None}),
        ("at most 117 tokens", {"waveform": SOUND, "max_length": 118}),
        ("at least one beam", {"waveform": SOUND, "beam_size": 0}),
    ):
        with pytest.raises(ValueError, match=problem):
            list(captioning.stream(prompt=PROMPT, **arguments))  # type: ignore[arg-type]
    assert last(captioning, beam_size=1, max_length=117).done


def test_a_configuration_is_read_from_json(tmp_path: Path) -> None:
    path = tmp_path / "pengi.json"
    for config in (CONFIG, WITH_TEXT_ENCODER, PengiConfig()):
        path.write_text(json.dumps(to_plain(config)))
        assert PengiConfig.from_json(path) == config
    path.write_text('{"text_encoder": null, "prompt_length": 8}')
    with pytest.raises(ConfigError, match="both lengths must be equal"):
        PengiConfig.from_json(path)
