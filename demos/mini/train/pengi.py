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
from torch import Tensor, nn
from torch.nn import functional as F

from demos.mini.train.clap import HEARINGS, HTSAT, hear
from demos.mini.train.fast import mixed, plain_attention
from demos.mini.train.loop import Plan, train
from demos.mini.train.sounds import Scenes
from demos.mini.train.texts import CAPTION_PROMPTS, EVENTS_PROMPT, QUESTION_PROMPT
from demos.mini.train.weights import half
from demos.mini.world.taxonomy import NAMES
from demos.networks.projection import unit_length
from demos.networks.sizes import to_plain
from demos.networks.text import Gpt2Sizes
from demos.pengi.checkpoint import load
from demos.pengi.network import Pengi, PengiConfig
from demos.tokenizer import load_tokenizer, padded

BATCH = 64
LATENT_NOISE = 0.1  # of the latent's own deviation


def sample_text(
    rng: np.random.Generator, scenes: Scenes, index: int, shares: tuple[float, float]
) -> tuple[str, str]:
    """A prompt and its answer about the scene at `index`; `shares` are those of captions and event lists."""
    task = rng.random()
    if task < shares[0]:
        captions = scenes.captions(index)
        prompt = CAPTION_PROMPTS[int(rng.integers(len(CAPTION_PROMPTS)))]
        return prompt, captions[int(rng.integers(len(captions)))]
    questions = scenes.questions(index)
    names = scenes.scenes[index].names
    if task < sum(shares) and names:
        return EVENTS_PROMPT, ", ".join(names)
    question, answer = questions[int(rng.integers(len(questions)))]
    return QUESTION_PROMPT + question, answer


class Lesson(nn.Module):
    """The network, a head that is not kept, and what a step learns.

    The head reads the events from the audio embedding, so that the one vector a caption is made from holds
    them all.
    """

    def __init__(self, folder: Path, scenes: Scenes, more: bool = False, device: str = "cpu") -> None:
        super().__init__()
        self.scenes = scenes
        self.tokenizer = load_tokenizer(folder / "tokenizer.json")
        self.config = PengiConfig(
            htsat=HTSAT,
            decoder=Gpt2Sizes(
                vocab_size=len(self.tokenizer), n_positions=128, n_embd=192, n_layer=4, n_head=4, dropout=0.05
            ),
            text_encoder=None,
            prompt_length=24,
            content_length=24,
            prefix_length=10,
            mapper_layers=2,
            embedding_size=256,
        )
        self.pengi = Pengi(self.config)
        self.pengi.audio_encoder.base.requires_grad_(False)
        self.events = nn.Linear(self.config.embedding_size, len(NAMES))
        self.latents = hear(folder, scenes, more, device)
        self.device = torch.device(device)
        self.deviation = torch.from_numpy(self.latents.reshape(-1, self.latents.shape[-1]).std(0)).to(device)

    def losses(self, rng: np.random.Generator, shares: tuple[float, float]) -> dict[str, Tensor]:
        """Cross-entropy of a batch of texts, and of the events in their embeddings; see `sample_text`."""
        config, pengi = self.config, self.pengi
        rows = rng.integers(0, len(self.scenes), BATCH)
        pairs = [sample_text(rng, self.scenes, int(i), shares) for i in rows]
        latent = torch.from_numpy(self.latents[rows, rng.integers(0, HEARINGS, BATCH)]).to(self.device)
        latent = latent + LATENT_NOISE * self.deviation * torch.randn(latent.shape, device=self.device)
        prompts = [self.tokenizer(prompt + config.end_text).input_ids for prompt, _ in pairs]
        ids, mask = padded([row[: config.prompt_length] for row in prompts], 0, config.prompt_length)
        said = [self.tokenizer(text + config.end_text).input_ids for _, text in pairs]
        target, heard = (part.to(self.device) for part in padded(said, 0, max(map(len, said))))
        with mixed(self.device):
            prefix = pengi.prefix(latent, ids.to(self.device), mask.to(self.device), normalize_text=False)
            inputs = torch.cat([prefix, pengi.embed_tokens(target)], dim=1)
            hidden = pengi.caption_decoder.gpt.transformer(inputs_embeds=inputs).last_hidden_state
            logits = pengi.caption_decoder.gpt.lm_head(hidden[:, prefix.shape[1] - 1 : -1]).float()
        wanted = target.masked_fill(heard == 0, -100)
        text = F.cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=-100)
        truth = torch.zeros(BATCH, len(NAMES), device=self.device)
        for row, index in enumerate(rows):
            truth[row, [NAMES.index(name) for name in self.scenes.scenes[int(index)].names]] = 1
        found = self.events(10 * unit_length(pengi.audio_encoder.embed(latent)))
        return {"text": text, "events": 4 * F.binary_cross_entropy_with_logits(found, truth)}


def run(folder: Path, scenes: Scenes, steps: int, more_steps: int, device: str = "cpu") -> None:
    """Train both phases; write `pengi.safetensors` (float16, without HTSAT) and `pengi.json`."""
    torch.manual_seed(22)
    lesson = Lesson(folder, scenes, device=device).to(device)
    for plan, shares in (
        (Plan("pengi", steps, 2e-3, warm_up=150, final_fraction=0.3, muon=True, seed=23), (0.45, 0.15)),
        (Plan("pengi-more", more_steps, 1.5e-3, warm_up=30, muon=True, seed=24), (0.6, 0.2)),
    ):

        def losses(
            rng: np.random.Generator, step: int, shares: tuple[float, float] = shares
        ) -> dict[str, Tensor]:
            return lesson.losses(rng, shares)

        with plain_attention(device):
            train(plan, lesson, losses, folder)
    save(folder, lesson)


def run_wider(folder: Path, scenes: Scenes, steps: int, device: str = "cpu") -> None:
    """Go on from `pengi.safetensors` with other scenes, many of them unusual, as HTSAT hears them now."""
    torch.manual_seed(25)
    lesson = Lesson(folder, scenes, more=True, device=device)
    files = [folder / "htsat.safetensors", folder / "pengi.safetensors"]
    lesson.pengi = load(files, lesson.config).requires_grad_(True)
    lesson.pengi.audio_encoder.base.requires_grad_(False)
    lesson.to(device)
    with plain_attention(device):
        train(
            Plan("pengi-wider", steps, 1.5e-3, warm_up=100, decay=0.8, muon=True, seed=26),
            lesson,
            lambda rng, step: lesson.losses(rng, (0.6, 0.2)),
            folder,
        )
    save(folder, lesson)


def save(folder: Path, lesson: Lesson) -> None:
    """Write `pengi.safetensors` (float16, without HTSAT) and `pengi.json`."""
    save_file(half(lesson.pengi, without=("audio_encoder.base.", "lm_head")), folder / "pengi.safetensors")
    (folder / "pengi.json").write_text(json.dumps(to_plain(lesson.config), indent=1) + "\n")
