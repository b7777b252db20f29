"""Mini-Pengi: the published `base_no_text_enc`, small, on the frozen HTSAT that mini-CLAP trained.

Audio and a text prompt in, text out (Deshmukh et al., NeurIPS 2023): captions, lists of events, and answers
to written questions. GPT-2 is trained along with the mappers, since no pretrained one of this size exists.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from demos.mini.train.clap import HEARINGS, HTSAT, hear
from demos.mini.train.loop import Plan, train
from demos.mini.train.sounds import Scenes
from demos.mini.train.texts import CAPTION_PROMPTS, EVENTS_PROMPT, QUESTION_PROMPT
from demos.mini.train.weights import half
from demos.networks.sizes import to_plain
from demos.networks.text import Gpt2Sizes
from demos.pengi.network import Pengi, PengiConfig
from demos.tokenizer import load_tokenizer, padded

BATCH = 32
LATENT_NOISE = 0.1  # of the latent's own deviation


def sample_text(rng: np.random.Generator, scenes: Scenes, index: int) -> tuple[str, str]:
    """A prompt and what should be said to it about the scene at `index`."""
    task = rng.random()
    if task < 0.45:
        captions = scenes.captions(index)
        prompt = CAPTION_PROMPTS[int(rng.integers(len(CAPTION_PROMPTS)))]
        return prompt, captions[int(rng.integers(len(captions)))]
    questions = scenes.questions(index)
    names = scenes.scenes[index].names
    if task < 0.6 and names:
        return EVENTS_PROMPT, ", ".join(names)
    question, answer = questions[int(rng.integers(len(questions)))]
    return QUESTION_PROMPT + question, answer


def run(folder: Path, scenes: Scenes, steps: int) -> None:
    """Train and write `pengi.safetensors` (float16, without HTSAT) and `pengi.json`."""
    torch.manual_seed(22)
    tokenizer = load_tokenizer(folder / "tokenizer.json")
    config = PengiConfig(
        htsat=HTSAT,
        decoder=Gpt2Sizes(
            vocab_size=len(tokenizer), n_positions=128, n_embd=192, n_layer=4, n_head=4, dropout=0.05
        ),
        text_encoder=None,
        prompt_length=24,
        content_length=24,
        prefix_length=10,
        mapper_layers=2,
        embedding_size=256,
    )
    pengi = Pengi(config)
    pengi.audio_encoder.base.requires_grad_(False)
    latents = hear(folder, scenes)
    deviation = torch.from_numpy(latents.reshape(-1, latents.shape[-1]).std(0))

    def losses(rng: np.random.Generator, step: int) -> dict[str, Tensor]:
        rows = rng.integers(0, len(scenes), BATCH)
        pairs = [sample_text(rng, scenes, int(i)) for i in rows]
        latent = torch.from_numpy(latents[rows, rng.integers(0, HEARINGS, BATCH)])
        latent = latent + LATENT_NOISE * deviation * torch.randn(latent.shape)
        prompts = [tokenizer(prompt + config.end_text).input_ids for prompt, _ in pairs]
        ids, mask = padded([row[: config.prompt_length] for row in prompts], 0, config.prompt_length)
        prefix = pengi.prefix(latent, ids, mask, normalize_text=False)
        said = [tokenizer(text + config.end_text).input_ids for _, text in pairs]
        target, heard = padded(said, 0, max(map(len, said)))
        inputs = torch.cat([prefix, pengi.embed_tokens(target)], dim=1)
        hidden = pengi.caption_decoder.gpt.transformer(inputs_embeds=inputs).last_hidden_state
        logits = pengi.caption_decoder.gpt.lm_head(hidden[:, prefix.shape[1] - 1 : -1])
        wanted = target.masked_fill(heard == 0, -100)
        return {"text": F.cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=-100)}

    train(Plan("pengi", steps, 1e-3, warm_up=150, seed=23), pengi, losses, folder)
    kept = half(pengi, without=("audio_encoder.base.", "lm_head"))
    save_file(kept, folder / "pengi.safetensors")
    (folder / "pengi.json").write_text(json.dumps(to_plain(config), indent=1) + "\n")
