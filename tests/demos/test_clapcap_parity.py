"""clapcap gives what msclap's captioner gives, token by token, through the reader of published files."""

from pathlib import Path

import pytest
import torch

from demos.pengi.beam_search import beam_search
from demos.pengi.checkpoint import load_clapcap
from demos.pengi.clapcap import Clapcap, ClapcapConfig
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
from tests.demos.tiny_systems import CLAPCAP


def compare_decoding(network: Clapcap, prefixes: torch.Tensor, compare: Comparison) -> None:
    """Ids of every search must be equal (-1 stands past a beam's end), mean log-probabilities close."""
    stored = compare.stored
    for row, prefix in enumerate(prefixes):

        def beams(name: str, size: int, stop: int = -1, heat: float = 1.0) -> None:
            *_, (found,) = beam_search(network.gpt, prefix[None], stop, size, 12, heat)  # noqa: B023
            width = stored[f"{name}_tokens"].shape[-1]
            ids = [[*beam.ids, *[-1] * (width - len(beam.ids))] for beam in found]
            assert ids == stored[f"{name}_tokens"][row].tolist(), f"{name}, row {row}"  # noqa: B023
            scores = [beam.score for beam in found]
            compare.close(f"{name}_scores", scores, stored=stored[f"{name}_scores"][row])  # noqa: B023

        *_, ((greedy,),) = beam_search(network.gpt, prefix[None], -1, 1, 12)
        assert list(greedy.ids) == stored["greedy_tokens"][row].tolist()
        beams("beam3", 3)
        if "beam5_tokens" in stored:
            beams("beam5", 5)
        beams("beam3_stop", 3, int(stored["beam3_stop_id"][row]))
        beams("beam3_temp0.5", 3, heat=0.5)


def compare_first_logits(network: Clapcap, prefixes: torch.Tensor, compare: Comparison, every: int) -> None:
    """The logits of the first token, and which five are highest."""
    logits = network.gpt(inputs_embeds=prefixes).logits[:, -1]
    compare.close("first_logits" if every == 1 else f"first_logits_every{every}", logits[:, ::every])
    top = logits.topk(5)
    compare.close("first_logits_top5", top.values)
    assert top.indices.tolist() == compare.stored["first_logits_top5_ids"].tolist()


@torch.inference_mode()
def test_sound_prefix_and_captions_equal_the_published(tmp_path: Path) -> None:
    network = load_clapcap(tiny_file(tmp_path / "tiny.pth", "msclap/layout_tiny_clapcap"), CLAPCAP)
    compare = Comparison(golden("msclap/golden_tiny_clapcap"), TOLERANCE)
    latent = compare_htsat(network.clap.htsat, compare.stored, LOG_MEL_TOLERANCE)
    audio = network.clap.embed(latent)
    compare.close("audio_embed", audio)
    compare.close("audio_embed_normalized", torch.nn.functional.normalize(audio))
    compare.close("prefix", network.prefix(latent))
    prefixes = torch.from_numpy(compare.stored["prefix"])
    compare_first_logits(network, prefixes, compare, every=1)
    compare_decoding(network, prefixes, compare)


@pytest.mark.full
@torch.inference_mode()
def test_published_size_equals_the_published(tmp_path: Path) -> None:
    """The whole published layout with its old buffers gives the published numbers and tokens."""
    seeded, others = full_layout("msclap/layout_full_clapcap")
    state = seeded_tensors(seeded)
    state["gpt.lm_head.weight"] = state["gpt.transformer.wte.weight"]
    old = {
        name: torch.zeros(shape)
        for name, shape in others.items()
        if name.endswith((".attn.bias", ".attn.masked_bias"))
    }
    assert len(old) == 24
    network = load_clapcap(published_file(tmp_path / "full.pth", state | old), ClapcapConfig())
    assert not network.training
    del state
    compare = Comparison(golden("msclap/golden_full_clapcap"), FULL_TOLERANCE)
    output = network.clap.hear(torch.from_numpy(sounds()))
    compare.close("latent", output.latent)
    compare.close("clipwise_output", output.clipwise)
    compare.close("audio_embed", network.clap.embed(output.latent))
    prefixes = network.prefix(output.latent)
    compare.close("prefix_every8_every16", prefixes[:, ::8, ::16])
    compare_first_logits(network, prefixes[:1], compare, every=64)
    compare_decoding(network, prefixes[:1], compare)
