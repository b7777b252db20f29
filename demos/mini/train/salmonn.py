"""Mini-SALMONN: Q-Former, projection and LoRA on the frozen mini-Whisper encoder, mini-BEATs and mini-LLaMA.

Tang et al. (ICLR 2024), section 3, with its tasks on the world's sounds. First transcripts and captions; then
all instructions: written questions, both together, and spoken questions about the background, whose answer
needs both encoders. Beside the text, each window is asked for its score (`score.py`), and its token is drawn
to what mini-LLaMA has learned to read in that place. The third stage, activation tuning, stands in
`activation.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from demos.mini.train.beats import CONFIG as BEATS
from demos.mini.train.beats import trained
from demos.mini.train.encodings import Encodings, encode, speed_of
from demos.mini.train.fast import device_of, mixed, plain_attention
from demos.mini.train.lessons import Pair, first_task, instruction, yes_or_no
from demos.mini.train.llama import take, text_loss, together
from demos.mini.train.loop import Plan, train
from demos.mini.train.score import EVENT_FEATURES, FEATURES, WINDOWS, WORD_FEATURES, score
from demos.mini.train.sounds import Scenes
from demos.mini.train.whisper import DIMENSIONS
from demos.mini.world.language import questions
from demos.networks.beats import Beats
from demos.networks.qformer import QFormerConfig
from demos.salmonn.checkpoint import adapter_tensors
from demos.salmonn.config import SalmonnConfig
from demos.salmonn.network import Salmonn
from demos.tokenizer import load_tokenizer
from demos.whisper.checkpoint import read_whisper

Losses = Callable[[np.random.Generator, int], dict[str, Tensor]]

SECONDS = 8.0  # of sound in the short phase
FRAMES = 400  # encoder frames in it
QUESTION_CLIPS = 10_000  # clips of spoken questions and other speech that are encoded
SCENE_CLIPS = 5000  # clips of other scenes
FULL_CLIPS = 160  # clips that are encoded at 30 s for the last phase
OF_QUESTIONS = 0.62  # share of batches about spoken questions, rather than about other scenes
ASKED_OF_QUESTIONS = 0.3  # the same, where all are asked what is answered by yes or no
BATCH = 32
ASKED = 4  # questions of yes and no about each of half as many clips


@dataclass(frozen=True)
class Choices:
    """What a training has; each can be left out to see what it is good for (`ablations.py`)."""

    asides: bool = True  # each window is asked for its score
    tokens_to_score: bool = True  # and its token drawn to what is read there


class Trainee(nn.Module):
    """The network, a head that reads each window's score and is not kept, and how mini-LLaMA reads scores."""

    def __init__(self, config: SalmonnConfig, beats: Beats, folder: Path) -> None:
        super().__init__()
        self.salmonn = Salmonn(config, nn.Identity(), beats)
        self.salmonn.beats.requires_grad_(False)
        for name, parameter in self.salmonn.llama_model.named_parameters():
            parameter.requires_grad_("lora_" in name)
        self.read = nn.Linear(len(FEATURES), config.hidden_size).requires_grad_(False)
        self.aside = nn.Linear(config.qformer.hidden_size, len(FEATURES))
        self.take_language(folder)

    def take_language(self, folder: Path) -> None:
        """Read mini-LLaMA and how it reads; a checkpoint holds both, but they may have learned more since."""
        take(self.salmonn, folder)
        self.read.load_state_dict(load_file(folder / "reader.safetensors"))

    def audio_tokens(self, encodings: Encodings, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Audio tokens [B, windows, width] of some clips and what the Q-Former found in each window."""
        network, device = self.salmonn, device_of(self)
        speech = network.ln_speech(torch.from_numpy(encodings.speech[rows].astype(np.float32)).to(device))
        audio = network.ln_audio(torch.from_numpy(encodings.audio[rows].astype(np.float32)).to(device))
        lengths = torch.from_numpy(encodings.lengths[rows]).to(device)
        heard = torch.arange(audio.shape[1], device=device) < lengths[:, None]
        fused = torch.cat([speech, audio * heard[:, :, None]], dim=-1)
        found = network.query(fused)
        return network.speech_llama_proj(found), found

    def asides(self, tokens: Tensor, found: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """How far the windows are from their score, and the tokens from what would be read there.

        `tokens` [B, windows, width], `found` [B, windows, Q-Former width], `truth` [B, windows, features].
        """
        logits = self.aside(found)
        there = (truth > 0).float()
        events, words = (
            F.binary_cross_entropy_with_logits(logits[..., part], there[..., part], reduction="sum")
            / there.shape[:2].numel()
            for part in (EVENT_FEATURES, WORD_FEATURES)
        )
        wanted = self.read(truth)
        apart = (tokens - wanted).square().mean() / wanted.var()
        return {"events": 0.5 * events, "words": 0.5 * words, "tokens": apart}


def configuration(folder: Path) -> SalmonnConfig:
    """Sizes of mini-SALMONN for the tokenizer in `folder`."""
    tokenizer = load_tokenizer(folder / "tokenizer.json")
    begins, ends = tokenizer.convert_tokens_to_ids(["<s>", "</s>"])
    return SalmonnConfig(
        speech_width=DIMENSIONS.n_audio_state,
        beats=BEATS,
        qformer=QFormerConfig(
            hidden_size=192,
            num_attention_heads=4,
            intermediate_size=384,
            num_hidden_layers=2,
            encoder_width=DIMENSIONS.n_audio_state + BEATS.encoder_embed_dim,
            dropout=0.0,
        ),
        llama={
            "hidden_size": 192,
            "intermediate_size": 512,
            "num_hidden_layers": 4,
            "num_attention_heads": 4,
            "vocab_size": len(tokenizer),
            "max_position_embeddings": 512,
            "rms_norm_eps": 1e-6,
            "bos_token_id": begins,
            "eos_token_id": ends,
            "pad_token_id": None,
            "tie_word_embeddings": False,
        },
    )


class Lesson:
    """Encoded clips, their scores and what is asked about them."""

    def __init__(
        self,
        folder: Path,
        questions: Scenes,
        scenes: Scenes,
        choices: Choices = Choices(),
        counts: tuple[int, int] | None = None,
        named: str = "salmonn",
        device: str = "cpu",
    ) -> None:
        """`counts` are those of encoded questions and scenes, `named` how they are called in `folder`."""
        self.choices = choices
        self.tokenizer = load_tokenizer(folder / "tokenizer.json")
        self.config = configuration(folder)
        self.device = torch.device(device)
        whisper = read_whisper(folder / "whisper.pt").to(device)
        beats = trained(folder).to(device)
        self.trainee = Trainee(self.config, beats, folder).to(device)
        self.pools: list[tuple[Scenes, Encodings]] = []
        for name, sounds, count in (
            ("questions", questions, counts[0] if counts else QUESTION_CLIPS),
            ("scenes", scenes, counts[1] if counts else SCENE_CLIPS),
        ):
            encodings = encode(folder, f"{named}-{name}", sounds, count, whisper, beats, SECONDS)
            self.pools.append((sounds, encodings))
        self.full = encode(folder, f"{named}-full", questions, FULL_CLIPS, whisper, beats, 30.0)

    def draw(
        self, rng: np.random.Generator, windows: int, first: bool, asks: bool = False
    ) -> dict[str, Tensor]:
        """Losses of a batch of short clips, followed by padding up to so many windows.

        Where it `asks`, all are asked what is answered by yes or no.
        """
        spoken = rng.random() < (ASKED_OF_QUESTIONS if asks else OF_QUESTIONS)
        sounds, encodings = self.pools[0] if spoken else self.pools[1]
        rows = rng.integers(0, len(encodings.lengths), BATCH // 2 if asks else BATCH)
        return self._losses(rng, sounds, encodings, rows, windows, first, asks)

    def whole(self, rng: np.random.Generator, step: int) -> dict[str, Tensor]:
        """Losses of a batch of the last phase: every second one is of clips encoded with all 30 s."""
        if step % 2:
            return self.draw(rng, WINDOWS, first=False, asks=step % 4 == 1)
        rows = rng.integers(0, FULL_CLIPS, BATCH)
        return self._losses(rng, self.pools[0][0], self.full, rows, WINDOWS, False)

    def scores(self, rng: np.random.Generator) -> dict[str, Tensor]:
        """How far clips of both pools are from their scores; no text is read, which costs most of a step."""
        found: dict[str, Tensor] = {}
        for sounds, encodings in self.pools:
            rows = rng.integers(0, len(encodings.lengths), BATCH)
            for name, loss in self._heard(sounds, encodings, rows)[1].items():
                found[name] = found.get(name, 0) + loss / 2
        return found

    def _heard(
        self, sounds: Scenes, encodings: Encodings, rows: NDArray[np.int64]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Audio tokens of some clips, and how far they are from their scores."""
        with mixed(self.device):
            tokens, found = self.trainee.audio_tokens(encodings, rows)
        truth = torch.from_numpy(
            np.stack([score(sounds.scenes[i], speed_of(int(i)), found.shape[1]) for i in rows])
        ).to(self.device)
        asides = self.trainee.asides(tokens.float(), found.float(), truth)
        if not self.choices.asides:
            del asides["events"], asides["words"]
        if not self.choices.tokens_to_score:
            del asides["tokens"]
        return tokens, asides

    def _losses(
        self,
        rng: np.random.Generator,
        sounds: Scenes,
        encodings: Encodings,
        rows: NDArray[np.int64],
        windows: int,
        first: bool,
        asks: bool = False,
    ) -> dict[str, Tensor]:
        tokens, asides = self._heard(sounds, encodings, rows)
        if windows > tokens.shape[1]:
            padding = self._silence(rng, windows - tokens.shape[1], len(rows))
            tokens = torch.cat([tokens, padding], dim=1)
        network = self.trainee.salmonn
        with mixed(self.device):
            if asks:
                asked = [[self._pair(rng, sounds, int(i), first, asks) for _ in range(ASKED)] for i in rows]
                text = together(network, self.tokenizer, tokens, asked)
            else:
                pairs = [self._pair(rng, sounds, int(i), first, asks) for i in rows]
                text = text_loss(network, self.tokenizer, tokens, pairs)
        return {"text": text, **asides}

    def _pair(self, rng: np.random.Generator, sounds: Scenes, index: int, first: bool, asks: bool) -> Pair:
        scene = sounds.scenes[index]
        if first:
            return first_task(rng, scene, sounds.captions(index))
        # Questions are drawn anew each time: which comes before which is asked both ways round.
        asked = questions(scene, rng)
        return yes_or_no(rng, asked) if asks else instruction(rng, scene, sounds.captions(index), asked)

    def _silence(self, rng: np.random.Generator, windows: int, clips: int) -> Tensor:
        """Audio tokens of the padding behind a clip: one true window of it, as often as is needed."""
        network, full = self.trainee.salmonn, self.full
        kernel = self.config.window_frames
        start = int(rng.integers(FRAMES + 100, full.speech.shape[1] - kernel))
        padding = np.asarray(full.speech[int(rng.integers(FULL_CLIPS)), start : start + kernel], np.float32)
        with mixed(self.device):
            speech = network.ln_speech(torch.from_numpy(padding).to(self.device))
            silent = torch.zeros(kernel, BEATS.encoder_embed_dim, device=self.device)
            fused = torch.cat([speech, silent], dim=-1)
            return network.audio_tokens(fused[None]).expand(clips, windows, -1)


def run(
    folder: Path,
    questions: Scenes,
    scenes: Scenes,
    first_steps: int,
    steps: int,
    more_steps: int,
    full_steps: int,
    choices: Choices = Choices(),
    device: str = "cpu",
) -> None:
    """Train both stages; write `salmonn.safetensors` (float16) and `salmonn.json`."""
    torch.manual_seed(41)
    lesson = Lesson(folder, questions, scenes, choices, device=device)

    def first(rng: np.random.Generator, step: int) -> dict[str, Tensor]:
        return lesson.draw(rng, 24 + int(rng.integers(0, 8)), first=True)

    def instructed(rng: np.random.Generator, step: int) -> dict[str, Tensor]:
        windows = WINDOWS if step > 0.75 * steps else 24 + int(rng.integers(0, 8))
        return lesson.draw(rng, windows, first=False)

    def more(rng: np.random.Generator, step: int) -> dict[str, Tensor]:
        return lesson.draw(rng, 24 + int(rng.integers(0, 8)), first=False, asks=bool(step % 2))

    _in_turn(
        folder,
        lesson,
        (
            (
                Plan("salmonn-first", first_steps, 2e-3, warm_up=100, final_fraction=0.5, muon=True, seed=42),
                first,
            ),
            (Plan("salmonn-instructed", steps, 1.5e-3, warm_up=50, muon=True, seed=43), instructed),
            (Plan("salmonn-more", more_steps, 2e-3, warm_up=50, decay=0.7, muon=True, seed=46), more),
            (Plan("salmonn-whole", full_steps, 3e-4, warm_up=10, muon=True, seed=44), lesson.whole),
        ),
    )


def run_wider(
    folder: Path,
    questions: Scenes,
    scenes: Scenes,
    counts: tuple[int, int],
    score_steps: int,
    steps: int,
    full_steps: int,
    device: str = "cpu",
) -> None:
    """Go on from `salmonn.safetensors` with what the encoders and mini-LLaMA know now; writes it again.

    `counts` are those of encoded questions and scenes. LoRA is drawn anew: it was made for the LLaMA before.
    First the windows learn their scores alone, then what is said of them as well.
    """
    torch.manual_seed(47)
    lesson = Lesson(folder, questions, scenes, counts=counts, named="salmonn-wider", device=device)
    known = load_file(folder / "salmonn.safetensors")
    for name, value in adapter_tensors(lesson.trainee.salmonn).items():
        if "lora_" not in name:
            value.data.copy_(known[name])

    def wider(rng: np.random.Generator, step: int) -> dict[str, Tensor]:
        windows = WINDOWS if step > 0.9 * steps else 24 + int(rng.integers(0, 8))
        return lesson.draw(rng, windows, first=False, asks=step % 5 > 2)

    _in_turn(
        folder,
        lesson,
        (
            (
                Plan("salmonn-scores", score_steps, 2.5e-3, warm_up=100, decay=0.3, muon=True, seed=50),
                lambda rng, step: lesson.scores(rng),
            ),
            (Plan("salmonn-wider", steps, 2e-3, warm_up=100, decay=0.7, muon=True, seed=48), wider),
            (Plan("salmonn-wider-whole", full_steps, 3e-4, warm_up=10, muon=True, seed=49), lesson.whole),
        ),
    )


def _in_turn(folder: Path, lesson: Lesson, phases: tuple[tuple[Plan, Losses], ...]) -> None:
    """Train one phase after the other; write `salmonn.safetensors` (float16) and `salmonn.json`."""
    with plain_attention(lesson.device):
        for plan, losses in phases:
            lesson.trainee.take_language(folder)
            train(plan, lesson.trainee, losses, folder)
        lesson.trainee.take_language(folder)
    save(folder / "salmonn.safetensors", adapter_tensors(lesson.trainee.salmonn))
    (folder / "salmonn.json").write_text(json.dumps(lesson.config.to_dict(), indent=1) + "\n")


def save(path: Path, tensors: dict[str, Tensor]) -> None:
    """Write tensors in float16."""
    save_file({name: value.detach().half().contiguous() for name, value in tensors.items()}, path)
