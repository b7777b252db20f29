"""Pengi gives what the published code gives, in both variants, through the reader of published files."""

from pathlib import Path

import numpy as np
import pytest
import torch

from demos.pengi.beam_search import Hypothesis, beam_search
from demos.pengi.checkpoint import load
from demos.pengi.network import Pengi, PengiConfig
from tests.demos.parity import (
    FULL_TOLERANCE,
    LOG_MEL_TOLERANCE,
    TOLERANCE,
    Comparison,
    compare_htsat,
    full_layout,
    golden,
    published_file,
    seeded_tensors,
    sounds,
    tiny_file,
)
from tests.demos.tiny_systems import PENGI_BASE, PENGI_NO_TEXT_ENCODER

CONFIGS = {"base": PENGI_BASE, "base_no_text_enc": PENGI_NO_TEXT_ENCODER}
FULL_CONFIGS = {"base": PengiConfig(), "base_no_text_enc": PengiConfig(text_encoder=None)}


@pytest.fixture(scope="module", params=list(CONFIGS))
def variant(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def pengi(variant: str, tmp_path_factory: pytest.TempPathFactory) -> Pengi:
    file = tiny_file(tmp_path_factory.mktemp(variant) / "tiny.pth", f"pengi/layout_tiny_{variant}")
    return load(file, CONFIGS[variant])


@pytest.fixture(scope="module")
def stored(variant: str) -> dict[str, np.ndarray]:
    return golden(f"pengi/golden_tiny_{variant}")


def search(
    pengi: Pengi, prefix: torch.Tensor, beams: int, stop: int = -1, heat: float = 1.0
) -> list[Hypothesis]:
    *_, (found,) = beam_search(pengi.caption_decoder.gpt, prefix[None], stop, beams, 12, heat)
    return list(found)


def compare_beams(
    compare: Comparison, name: str, row: int, beams: list[Hypothesis], tolerance: float = TOLERANCE
) -> None:
    """Ids must be equal (-1 stands past a beam's end), mean log-probabilities close, best first."""
    length = compare.stored[f"{name}_tokens"].shape[-1]
    ids = [list(beam.ids) + [-1] * (length - len(beam.ids)) for beam in beams]
    assert ids == compare.stored[f"{name}_tokens"][row].tolist(), f"{name}, row {row}"
    scores = compare.stored[f"{name}_scores"][row]
    compare.close(f"{name}_scores", [beam.score for beam in beams], tolerance, scores)


@torch.inference_mode()
def test_sound_prompt_and_prefix_equal_the_published(pengi: Pengi, stored: dict[str, np.ndarray]) -> None:
    compare = Comparison(stored)
    latent = compare_htsat(pengi.audio_encoder.htsat, stored, LOG_MEL_TOLERANCE)
    audio = pengi.audio_encoder.embed(latent)
    ids, mask = (torch.from_numpy(stored[f"text_{part}"]) for part in ("input_ids", "attention_mask"))
    prompts = pengi.embed_prompts(ids, mask)
    compare.close("audio_embed", audio)
    compare.close("audio_embed_normalized", torch.nn.functional.normalize(audio))
    compare.close("prompt_embed", prompts)
    compare.close("audio_prefix", pengi.audio_prefix(latent))
    compare.close("prompt_prefix", pengi.text_prefix(prompts, normalize_text=False))
    first_sound = latent[:1].expand(3, -1)
    compare.close("prefix_wrapper", pengi.prefix(first_sound, ids, mask, normalize_text=False))
    compare.close("prefix_model", pengi.prefix(latent, ids, mask, normalize_text=True))


@torch.inference_mode()
def test_decoding_equals_the_published_token_by_token(pengi: Pengi, stored: dict[str, np.ndarray]) -> None:
    compare = Comparison(stored)
    prefixes = torch.from_numpy(stored["prefix_wrapper"])
    logits = pengi.caption_decoder.gpt(inputs_embeds=prefixes).logits[:, -1]
    top = logits.topk(5)
    compare.close("first_logits", logits)
    compare.close("first_logits_top5", top.values)
    assert top.indices.tolist() == stored["first_logits_top5_ids"].tolist()
    for row, prefix in enumerate(prefixes):
        (greedy,) = search(pengi, prefix, 1)
        assert list(greedy.ids) == stored["greedy_tokens"][row].tolist()
        for size in (3, 5):
            compare_beams(compare, f"beam{size}", row, search(pengi, prefix, size))
        stop = int(stored["beam3_stop_id"][row])
        compare_beams(compare, "beam3_stop", row, search(pengi, prefix, 3, stop))
        compare_beams(compare, "beam3_temp0.5", row, search(pengi, prefix, 3, heat=0.5))


@torch.inference_mode()
def test_probabilities_are_those_of_the_model_whatever_the_temperature(
    pengi: Pengi, stored: dict[str, np.ndarray]
) -> None:
    prefix = torch.from_numpy(stored["prefix_wrapper"][0])
    for beam in search(pengi, prefix, 3, heat=0.5):
        generated = pengi.embed_tokens(torch.tensor(beam.ids[:-1]))
        logits = pengi.caption_decoder.gpt(inputs_embeds=torch.cat((prefix, generated))[None]).logits[0]
        read_again = logits[len(prefix) - 1 :].softmax(-1)[range(12), beam.ids]
        assert np.allclose(beam.probabilities, read_again, atol=TOLERANCE)


@torch.inference_mode()
def test_published_size_equals_the_published(variant: str, tmp_path: Path) -> None:
    """The whole published layout, old buffers and constants included, loads and gives the published
    numbers.
    """
    stored = golden(f"pengi/golden_full_{variant}")
    seeded, others = full_layout(f"pengi/layout_full_{variant}")
    state = seeded_tensors(seeded)
    tied = {"caption_decoder.gpt.lm_head.weight": state["caption_decoder.gpt.transformer.wte.weight"]}
    constants = (".conv_real.weight", ".conv_imag.weight", ".melW", ".relative_position_index", ".attn_mask")
    old = {
        name: torch.zeros(shape)
        for name, shape in others.items()
        if not name.endswith(constants) and name not in tied
    }
    assert len(old) == {"base": 25, "base_no_text_enc": 24}[variant]
    pengi = load(published_file(tmp_path / "full.pth", state | tied | old), FULL_CONFIGS[variant])
    del state

    compare = Comparison(stored, FULL_TOLERANCE)
    output = pengi.audio_encoder.hear(torch.from_numpy(sounds()))
    compare.close("latent", output.latent)
    compare.close("clipwise_output", output.clipwise)
    audio = pengi.audio_encoder.embed(output.latent)
    compare.close("audio_embed", audio)
    ids, mask = (torch.from_numpy(stored[f"text_{part}"]) for part in ("input_ids", "attention_mask"))
    if "prompt_embed" in stored:
        compare.close("prompt_embed", pengi.embed_prompts(ids, mask))
    wrapper = pengi.prefix(output.latent[:1].expand(3, -1), ids, mask, normalize_text=False)
    model = pengi.prefix(output.latent, ids, mask, normalize_text=True)
    compare.close("prefix_wrapper_every8_every16", wrapper[:, ::8, ::16])
    compare.close("prefix_model_every8_every16", model[:, ::8, ::16])
    logits = pengi.caption_decoder.gpt(inputs_embeds=wrapper[:1]).logits[:, -1]
    compare.close("first_logits_every64", logits[:, ::64])
    (greedy,) = search(pengi, wrapper[0], 1)
    assert list(greedy.ids) == stored["greedy_tokens"][0].tolist()
    compare_beams(compare, "beam3", 0, search(pengi, wrapper[0], 3), FULL_TOLERANCE)
    stop = int(stored["beam3_stop_id"][0])
    compare_beams(compare, "beam3_stop", 0, search(pengi, wrapper[0], 3, stop), FULL_TOLERANCE)
    compare_beams(compare, "beam3_temp0.5", 0, search(pengi, wrapper[0], 3, heat=0.5), FULL_TOLERANCE)
