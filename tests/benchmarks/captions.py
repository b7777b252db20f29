"""A caption at the published size of Pengi against the published loop; several windows against one by one.

The network is the published `base_no_text_enc` (HTSAT, mappers, GPT-2 base) with seeded weights, so nothing
that is said means anything; that both say the same is checked in every run.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Tensor
from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast

from demos.pengi.beam_search import FILLER_ID
from demos.pengi.captioning import Captioning
from demos.pengi.network import Pengi, PengiConfig
from tests.benchmarks.comparison import Comparison, seconds_of
from tests.demos.parity import full_layout, seeded_tensors
from tests.seeded import seeded_waveform

BEAMS, TOKENS = 3, 30  # as the published scripts ask
WINDOWS = 8
PROMPT = "generate audio caption"


@torch.inference_mode()
def published_beams(
    decoder: GPT2LMHeadModel, prefix: Tensor, stop_id: int, beams: int, max_length: int
) -> list[int]:
    """The published loop over one prefix [P, width]: ids of the best beam. It keeps nothing it has read."""
    device = prefix.device
    inputs, ids = prefix[None], torch.zeros((1, 0), dtype=torch.long, device=device)
    scores, lengths = torch.zeros(1, device=device), torch.zeros(1, device=device)
    finished = torch.zeros(1, dtype=torch.bool, device=device)
    for _ in range(max_length):
        likely = decoder(inputs_embeds=inputs, use_cache=False).logits[:, -1].log_softmax(dim=-1)
        likely[finished] = -torch.inf
        likely[finished, FILLER_ID] = 0.0
        lengths = lengths + ~finished
        means, places = ((scores[:, None] + likely) / lengths[:, None]).flatten().topk(beams)
        source, chosen = places // likely.shape[1], places % likely.shape[1]
        ids = torch.cat((ids[source], chosen[:, None]), dim=1)
        lengths = lengths[source]
        scores = means * lengths
        finished = finished[source] | (chosen == stop_id)
        inputs = torch.cat((inputs[source], decoder.transformer.wte(chosen)[:, None]), dim=1)
        if finished.all():
            break
    best = int((scores / lengths).argmax())
    return ids[best, : int(lengths[best])].tolist()


def compare_captions(runs: int) -> list[Comparison]:
    """Time a caption of 7 s of sound, and 8 windows at once; both on as many threads as torch is set to.

    Raises AssertionError where the tokens differ.
    """
    captioning = _published_size()
    sounds = [seeded_waveform(7.0, 44_100, seed) for seed in range(1, WINDOWS + 1)]
    latents = torch.cat([captioning.hear(sound).latent for sound in sounds])
    one: list[float] = []
    published: list[float] = []
    at_once: list[float] = []
    in_a_row: list[float] = []
    for run in range(runs):
        sound = sounds[run % WINDOWS]
        _timed_alike(
            (partial(_caption, captioning, sound), one),
            (partial(_published_caption, captioning, sound), published),
        )
        _timed_alike(
            (partial(_captions, captioning, latents), at_once),
            (partial(_one_by_one, captioning, latents), in_a_row),
        )
    return [
        Comparison(
            f"a caption at the published size: 7 s, {BEAMS} beams, {TOKENS} tokens",
            "the published loop, which reads everything again for each token",
            one,
            published,
        ),
        Comparison(f"{WINDOWS} such windows at once", "one after the other", at_once, in_a_row),
    ]


def _published_size() -> Captioning:
    """With a tokenizer of as many words as GPT-2's has, none of which ends a text."""
    config = PengiConfig(text_encoder=None)
    network = Pengi(config).eval().requires_grad_(False)
    seeded, _ = full_layout("pengi/layout_full_base_no_text_enc")
    network.load_state_dict(seeded_tensors(seeded), strict=False)
    words = {f"w{number}": number for number in range(config.decoder.vocab_size)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="w1"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    captioning = Captioning(network, PreTrainedTokenizerFast(tokenizer_object=tokenizer))
    captioning.stop_id = -1
    return captioning


def _caption(captioning: Captioning, sound: np.ndarray) -> list[int]:
    *_, caption = captioning.stream(sound, PROMPT, beam_size=BEAMS, max_length=TOKENS)
    return list(caption.ids)


def _published_caption(captioning: Captioning, sound: np.ndarray) -> list[int]:
    prefix = captioning.prefix(captioning.hear(sound).latent, PROMPT)
    return published_beams(captioning.decoder, prefix, captioning.stop_id, BEAMS, TOKENS)


def _captions(captioning: Captioning, latents: Tensor) -> list[list[int]]:
    *_, captions = captioning.stream_windows(latents, PROMPT, beam_size=BEAMS, max_length=TOKENS)
    return [list(caption.ids) for caption in captions]


def _one_by_one(captioning: Captioning, latents: Tensor) -> list[list[int]]:
    return [ids for latent in latents for ids in _captions(captioning, latent[None])]


def _timed_alike(*ways: tuple[Callable[[], object], list[float]]) -> None:
    """Note how long each way takes. Raises AssertionError where they do not say the same."""
    said: list[object] = []
    for say, seconds in ways:
        seconds.append(seconds_of(lambda say=say: said.append(say())))  # type: ignore[misc]
    if any(one != said[0] for one in said):
        raise AssertionError("The fast search says other tokens than the slow one.")
