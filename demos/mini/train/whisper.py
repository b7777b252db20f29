"""Mini-Whisper: openai-whisper's own model, small, trained on the closed grammar.

Short windows with sliced positions first (attention over 250 frames instead of 1,500), then every eighth
batch at the full 30 s, to which Radford et al. (arXiv 2212.04356) pad every clip. A head on the encoder
learns which word each frame belongs to: at first from where the words roughly lie, later by CTC alone
(Graves et al., ICML 2006). It is thrown away. Vocabulary and tokenizer are openai-whisper's English ones
(51,864 rows). Those that no text uses are one common vector, which is learned once and counted as often as it
stands in the table; the whole table is written at the end. The second phase lets other sounds be as loud as
the speech.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MethodType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from whisper.model import AudioEncoder, ModelDimensions, MultiHeadAttention, Whisper
from whisper.tokenizer import get_tokenizer

from demos.mini.train.fast import compiled, mixed
from demos.mini.train.loop import Plan, train
from demos.mini.train.sounds import Backgrounds, Utterances
from demos.mini.train.spectrograms import (
    BANDS,
    Powers,
    another_voice,
    coloured,
    hissing,
    in_a_room,
    log_mel,
)
from demos.mini.train.weights import save_compressed
from demos.mini.world import grammar

DIMENSIONS = ModelDimensions(
    n_mels=BANDS,
    n_audio_ctx=1500,
    n_audio_state=112,
    n_audio_head=4,
    n_audio_layer=4,
    n_vocab=51864,
    n_text_ctx=448,
    n_text_state=112,
    n_text_head=4,
    n_text_layer=2,
)
SHORT_SECONDS = 5.0
FULL_SECONDS = 30.0
LATEST = 6.0  # seconds at which a short window begins, at most
FRAMES_PER_SECOND = 50  # encoder frames
MELS_PER_SECOND = 100
HEAD_STEP = 2  # encoder frames from one to the next that the head reads
SPEEDS = (0.8, 1.25)  # of voices
MICROPHONES = 8.0  # decibels by which they differ


@contextmanager
def sliced_positions(encoder: AudioEncoder, seconds: float, start: float = 0.0) -> Iterator[None]:
    """Let the encoder take `seconds` instead of 30 s: the positions of the frames from `start` on alone."""
    whole = encoder.positional_embedding
    first = round(start * FRAMES_PER_SECOND)
    encoder.positional_embedding = whole[first : first + round(seconds * FRAMES_PER_SECOND)].clone()
    try:
        yield
    finally:
        encoder.positional_embedding = whole


@dataclass(frozen=True)
class Said:
    """A sentence in a window and when it is said, in seconds."""

    text: str
    start: float
    stop: float


def attend_plainly(network: Whisper) -> None:
    """Have a network attend by two products and a softmax.

    On a processor this takes two thirds of the time of torch's fused attention with heads of 28.
    """

    def attention(
        self: MultiHeadAttention, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, None]:
        width = q.shape[-1] // self.n_head
        q, k, v = (x.unflatten(-1, (self.n_head, width)).transpose(1, 2) for x in (q, k, v))
        scores = (q * width**-0.5) @ k.transpose(-1, -2)
        if mask is not None:
            scores = scores + mask[: q.shape[2], : q.shape[2]].to(scores.dtype)
        return (scores.softmax(-1).to(v.dtype) @ v).transpose(1, 2).flatten(2), None

    for module in network.modules():
        if isinstance(module, MultiHeadAttention):
            module.qkv_attention = MethodType(attention, module)  # type: ignore[method-assign]


class Trainee(nn.Module):
    """The model with the rows of its vocabulary that are in use, and its CTC head, which is not kept.

    The last row stands for all that are not in use.
    """

    def __init__(self, words: list[str]) -> None:
        super().__init__()
        tokenizer = get_tokenizer(multilingual=False)
        self.tokenizer = tokenizer
        used = sorted({token for word in words for token in tokenizer.encode(" " + word)})
        specials = [tokenizer.sot, tokenizer.eot, tokenizer.no_timestamps, tokenizer.no_speech]
        self.token_ids = used + specials
        self.row_of = {token: row for row, token in enumerate(self.token_ids)}
        self.unused = DIMENSIONS.n_vocab - len(self.token_ids)
        self.whisper = Whisper(replace(DIMENSIONS, n_vocab=len(self.token_ids) + 1))
        attend_plainly(self.whisper)
        self.listen = compiled(self.whisper.encoder.forward)
        self.ctc = nn.Linear(DIMENSIONS.n_audio_state, len(used) + 1)  # the last one is the blank
        with torch.no_grad():
            self.whisper.decoder.token_embedding.weight.normal_(std=0.05)
            self.whisper.decoder.positional_embedding.normal_(std=0.02)
            # As drawn, the convolutions give 0.02 beside positions of 0.4: sound would not be heard for long.
            self.whisper.encoder.conv1.weight.mul_(3)
            self.whisper.encoder.conv2.weight.mul_(5)

    def targets(self, texts: list[str]) -> tuple[Tensor, Tensor, list[list[int]]]:
        """Decoder input and target [B, L] in rows (−100: no loss) and the CTC labels of each text."""
        tok, row_of = self.tokenizer, self.row_of
        inputs, labels, spoken = [], [], []
        for text in texts:
            words = [row_of[token] for token in tok.encode(" " + text)] if text else []
            inputs.append([row_of[tok.sot], row_of[tok.no_timestamps], *words])
            first = tok.no_timestamps if words else tok.no_speech
            labels.append([row_of[first], *words, row_of[tok.eot]])
            spoken.append(words)
        length = max(map(len, inputs))
        x = torch.tensor([row + [row_of[tok.eot]] * (length - len(row)) for row in inputs])
        y = torch.tensor([row + [-100] * (length - len(row)) for row in labels])
        return x, y, spoken

    def frame_labels(self, said: list[list[Said]], frames: int) -> Tensor:
        """A guess of the token in each frame [B, frames]: time shared out by letters, −100 near borders."""
        blank = self.ctc.out_features - 1
        labels = torch.full((len(said), frames), blank)
        for row, sentences in enumerate(said):
            for sentence in sentences:
                words = sentence.text.split()
                letters = np.array([len(word) + 1.5 for word in words])
                borders = np.concatenate([[0], np.cumsum(letters)]) / letters.sum()
                borders = (sentence.start + borders * (sentence.stop - sentence.start)) * FRAMES_PER_SECOND
                labels[row, int(borders[0]) : int(borders[-1]) + 1] = -100
                for word, begin, end in zip(words, borders[:-1], borders[1:], strict=True):
                    tokens = self.tokenizer.encode(" " + word)
                    for number, token in enumerate(tokens):
                        first = round(begin + (end - begin) * (number + 0.25) / len(tokens))
                        last = round(begin + (end - begin) * (number + 0.75) / len(tokens))
                        labels[row, first : max(first + 1, last)] = self.row_of[token]
        return labels

    def losses(
        self, mel: Tensor, said: list[list[Said]], start: float = 0.0, guess: float = 0.0
    ) -> dict[str, Tensor]:
        """Cross-entropy of the decoder and of the encoder's head.

        `mel` [B, 80, frames] begins `start` seconds into the positions; the times of `said` count from its
        own beginning. `guess` weighs the guessed frame labels.
        """
        device = mel.device
        texts = [" ".join(sentence.text for sentence in sentences) for sentences in said]
        x, y, spoken = self.targets(texts)
        x, y = x.to(device), y.to(device)
        with mixed(device):
            with sliced_positions(self.whisper.encoder, mel.shape[2] / MELS_PER_SECOND, start):
                hidden = self.listen(mel)
            logits = self.whisper.decoder(x, hidden)
        hidden, logits = hidden.float(), logits.float()
        # One row stands for many: as many times its share of the softmax.
        often = torch.zeros(logits.shape[-1], device=device)
        often[-1] = math.log(self.unused)
        decoder = F.cross_entropy((logits + often).flatten(0, 1), y.flatten(), ignore_index=-100)
        with mixed(device):
            scores = self.ctc(hidden[:, ::HEAD_STEP])
        scores = scores.float()
        log_probabilities = scores.log_softmax(-1).transpose(0, 1)  # [T, B, labels]
        lengths = torch.tensor([len(s) for s in spoken])
        flat = torch.tensor([label for s in spoken for label in s], device=device)
        times = torch.full((len(texts),), scores.shape[1])
        blank = self.ctc.out_features - 1
        ctc = F.ctc_loss(log_probabilities, flat, times, lengths, blank=blank, zero_infinity=True)
        losses = {"decoder": decoder, "ctc": 0.3 * (1 - guess) * ctc}
        if guess:
            guessed = self.frame_labels(said, hidden.shape[1])[:, ::HEAD_STEP].to(device)
            words = guessed.masked_fill(guessed == blank, -100)
            silence = guessed.masked_fill(guessed != blank, -100)
            # CTC by itself begins by calling everything blank, so it comes in as the guess goes out.
            losses["frames"] = guess * sum(
                F.cross_entropy(scores.flatten(0, 1), labels.flatten(), ignore_index=-100)
                for labels in (words, silence)
            )
        return losses

    def published(self) -> dict[str, Tensor]:
        """Tensors of the whole model in openai-whisper's names, float16, all 51,864 rows written out."""
        state = dict(self.whisper.state_dict())
        rows = state["decoder.token_embedding.weight"]
        table = rows[-1].expand(DIMENSIONS.n_vocab, -1).clone()
        table[self.token_ids] = rows[:-1]
        state["decoder.token_embedding.weight"] = table
        return {
            name: (value.half() if value.is_floating_point() else value).cpu()
            for name, value in state.items()
        }


@dataclass(frozen=True)
class Choices:
    """What a training has; each can be left out to see what it is good for (`ablations.py`)."""

    frame_guess: bool = True
    other_throats: bool = True  # and speeds
    rooms_and_microphones: bool = True


@dataclass(frozen=True)
class Lesson:
    """What it hears: sentences, and what sounds behind them."""

    speech: Powers
    texts: list[str]
    background: Powers | None = None
    choices: Choices = Choices()

    def batch(self, rng: np.random.Generator, size: int, seconds: float) -> tuple[Tensor, list[list[Said]]]:
        """Log-mels [size, 80, 100 × seconds] and what is said in each: up to three sentences within 5 s.

        Half of the windows have another sound, where there are backgrounds.
        """
        frames, short = round(seconds * MELS_PER_SECOND), round(SHORT_SECONDS * MELS_PER_SECOND)
        power = np.zeros((size, frames, BANDS), np.float32)
        said = []
        for row in power:
            at = int(rng.integers(0, min(frames - short, round(LATEST * MELS_PER_SECOND)) + 1))
            sentences = self._speak(rng, row[at : at + short], at / MELS_PER_SECOND)
            if self.background is not None and (rng.random() < 0.5 or not sentences):
                _cover(rng, row[at : at + short], self.background)
            said.append(sentences)
        # Whatever is left out, a batch draws the same.
        heard = power if self.choices.rooms_and_microphones else power.copy()
        in_a_room(rng, heard)
        coloured(rng, heard, MICROPHONES)
        hissing(rng, power)
        power *= np.float32(10) ** rng.uniform(-3, 1, (size, 1, 1)).astype(np.float32)
        return mask_spectrogram(rng, log_mel(power)), said

    def _speak(self, rng: np.random.Generator, window: NDArray[np.float32], start: float) -> list[Said]:
        """Lay one to three sentences with pauses into a window, as many as fit; one in twelve holds none."""
        sentences: list[Said] = []
        wanted = int(rng.choice([0, 1, 2, 3], p=[0.08, 0.42, 0.3, 0.2]))
        at = int(rng.uniform(0, 0.5 if wanted > 1 else 3.0) * MELS_PER_SECOND)
        for _ in range(wanted):
            index = int(rng.integers(len(self.texts)))
            speech = another_voice(rng, self.speech[index], float(rng.uniform(*SPEEDS)))
            speech = speech if self.choices.other_throats else self.speech[index]
            at = min(at, len(window) - len(speech)) if not sentences else at
            if at < 0 or at + len(speech) > len(window):
                break
            window[at : at + len(speech)] += speech * 10 ** rng.uniform(-0.6, 0)
            begin = start + at / MELS_PER_SECOND
            sentences.append(Said(self.texts[index], begin, begin + len(speech) / MELS_PER_SECOND))
            at += len(speech) + int(rng.uniform(0.05, 0.4) * MELS_PER_SECOND)
        return sentences


def _cover(rng: np.random.Generator, window: NDArray[np.float32], background: Powers) -> None:
    """Add a random event, begun anywhere and repeated where it is short, −24 to +3 dB from what is there."""
    sound = background[int(rng.integers(len(background)))]
    sound = sound[(int(rng.integers(len(sound))) + np.arange(len(window))) % len(sound)]
    level = float(window.sum()) or 1e-2
    window += sound * (level / (float(sound.sum()) + 1e-9) * 10 ** (rng.uniform(-24, 3) / 10))


def run(
    folder: Path,
    utterances: Utterances,
    steps: int,
    wide_steps: int,
    choices: Choices = Choices(),
    device: str = "cpu",
) -> None:
    """Train both phases and write `whisper.pt` in openai-whisper's format, float16."""
    torch.manual_seed(5)
    trainee = Trainee(grammar.vocabulary()).to(device)
    texts = [truth["text"] for truth in utterances.truths]
    alone = Lesson(Powers(folder / "mel-utterances.npy", utterances), texts, choices=choices)

    def short(rng: np.random.Generator, step: int) -> dict[str, Tensor]:
        mel, said = alone.batch(rng, 32, SHORT_SECONDS)
        guess = float(np.clip(1.5 - 3 * step / steps, 0, 1))  # whole for a sixth, gone by half
        return trainee.losses(mel.to(device), said, guess=guess if choices.frame_guess else 0.0)

    train(Plan("whisper-short", steps, 2e-3, warm_up=100, muon=True, seed=51), trainee, short, folder)
    backgrounds = Powers(folder / "mel-backgrounds.npy", Backgrounds(folder / "backgrounds"))
    beneath = replace(alone, background=backgrounds)

    def wide(rng: np.random.Generator, step: int) -> dict[str, Tensor]:
        if step % 8 == 7:
            mel, said = beneath.batch(rng, 6, FULL_SECONDS)
            return trainee.losses(mel.to(device), said)
        start = float(rng.uniform(0, LATEST)) if step % 2 else 0.0
        mel, said = beneath.batch(rng, 32, SHORT_SECONDS)
        return trainee.losses(mel.to(device), said, start=start)

    train(
        Plan("whisper-wide", wide_steps, 1.5e-3, warm_up=50, decay=0.6, muon=True, seed=53),
        trainee,
        wide,
        folder,
    )
    save_compressed(
        {"dims": asdict(DIMENSIONS), "model_state_dict": trainee.published()}, folder / "whisper.pt"
    )


def mask_spectrogram(rng: np.random.Generator, mel: Tensor) -> Tensor:
    """SpecAugment (Park et al., arXiv 1904.08779): one band and one short stretch per sound set to the floor.

    `mel` [B, bands, frames] is changed in place and returned.
    """
    for row in mel:
        width = rng.integers(0, 12)
        band = rng.integers(0, mel.shape[1] - width)
        row[band : band + width] = row.min()
        length = rng.integers(0, 20)
        start = rng.integers(0, mel.shape[2] - length)
        row[:, start : start + length] = row.min()
    return mel
