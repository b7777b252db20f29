"""Mini-Whisper: openai-whisper's own model, small, trained on the closed grammar.

Short windows with sliced positions first (attention over 250 frames instead of 1,500), then every eighth
batch at the full 30 s, to which Radford et al. (arXiv 2212.04356) pad every clip. A head on the encoder
learns which word each frame belongs to: at first from where the words roughly lie, later by CTC alone
(Graves et al., ICML 2006). It is thrown away. Vocabulary and tokenizer are openai-whisper's English ones
(51,864 rows). Rows that no text uses start as one common vector, which the full softmax of the later phase
pushes down together. That phase also changes voices by speed, microphones by tilt, and lets backgrounds be
as loud as the speech.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from whisper.audio import log_mel_spectrogram
from whisper.model import AudioEncoder, ModelDimensions, Whisper
from whisper.tokenizer import get_tokenizer

from demos.mini.train.fast import compiled, mixed
from demos.mini.train.loop import Plan, train
from demos.mini.train.sounds import SAMPLE_RATE, Backgrounds, Utterances, played

DIMENSIONS = ModelDimensions(
    n_mels=80,
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
FRAMES_PER_SECOND = 50  # encoder frames
SPEEDS = (0.84, 1.2)  # of voices in the last phase
TILT = 0.2  # of the spectrogram from the lowest to the highest band in the last phase, 8 dB


@contextmanager
def sliced_positions(encoder: AudioEncoder, seconds: float) -> Iterator[None]:
    """Let the encoder take `seconds` instead of 30 s: its position table cut to the first frames."""
    whole = encoder.positional_embedding
    encoder.positional_embedding = whole[: round(seconds * FRAMES_PER_SECOND)]
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


class Trainee(nn.Module):
    """The model and its CTC head, which is not kept."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__()
        self.whisper = Whisper(DIMENSIONS)
        tokenizer = get_tokenizer(multilingual=False)
        self.tokenizer = tokenizer
        used = sorted({token for text in sentences for token in tokenizer.encode(" " + text)})
        specials = [tokenizer.sot, tokenizer.eot, tokenizer.no_timestamps, tokenizer.no_speech]
        self.token_ids = used + specials
        self.row_of = {token: row for row, token in enumerate(self.token_ids)}
        self.listen = compiled(self.whisper.encoder.forward)
        self.ctc = nn.Linear(DIMENSIONS.n_audio_state, len(used) + 1)  # the last one is the blank
        with torch.no_grad():
            embedding = self.whisper.decoder.token_embedding.weight
            embedding.normal_(std=0.05)
            common = torch.randn(embedding.shape[1]) * 0.05
            rows = embedding[self.token_ids].clone()
            embedding.copy_(common.expand_as(embedding))
            embedding[self.token_ids] = rows
            self.whisper.decoder.positional_embedding.normal_(std=0.02)
            # As drawn, the convolutions give 0.02 beside positions of 0.4: sound would not be heard for long.
            self.whisper.encoder.conv1.weight.mul_(3)
            self.whisper.encoder.conv2.weight.mul_(5)

    def targets(self, texts: list[str]) -> tuple[Tensor, Tensor, list[list[int]]]:
        """Decoder input and target [B, L] (−100: no loss) and the CTC labels of each text."""
        tok = self.tokenizer
        inputs, labels, spoken = [], [], []
        for text in texts:
            words = tok.encode(" " + text) if text else []
            inputs.append([tok.sot, tok.no_timestamps, *words])
            first = tok.no_timestamps if words else tok.no_speech
            labels.append([first, *words, tok.eot])
            spoken.append([self.row_of[w] for w in words])
        length = max(map(len, inputs))
        x = torch.tensor([row + [tok.eot] * (length - len(row)) for row in inputs])
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
        self, mel: Tensor, said: list[list[Said]], seconds: float, every_row: bool, guess: float
    ) -> dict[str, Tensor]:
        """Cross-entropy of the decoder (over the used rows, or every row), and of the encoder's head.

        `mel` [B, 80, 100 × seconds]; `guess` weighs the guessed frame labels.
        """
        texts = [" ".join(sentence.text for sentence in sentences) for sentences in said]
        x, y, spoken = self.targets(texts)
        with mixed():
            with sliced_positions(self.whisper.encoder, seconds):
                hidden = self.listen(mel)
            logits = self.whisper.decoder(x, hidden) if every_row else self._used_logits(x, hidden)
        hidden, logits = hidden.float(), logits.float()
        target = y
        if not every_row:
            target = torch.tensor([[self.row_of.get(int(t), -100) for t in row] for row in y])
        decoder = F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=-100)
        scores = self.ctc(hidden)
        log_probabilities = scores.log_softmax(-1).transpose(0, 1)  # [T, B, labels]
        lengths = torch.tensor([len(s) for s in spoken])
        flat = torch.tensor([label for s in spoken for label in s])
        times = torch.full((len(texts),), hidden.shape[1])
        blank = self.ctc.out_features - 1
        ctc = F.ctc_loss(log_probabilities, flat, times, lengths, blank=blank, zero_infinity=True)
        guessed = self.frame_labels(said, hidden.shape[1])
        words = guessed.masked_fill(guessed == blank, -100)
        silence = guessed.masked_fill(guessed != blank, -100)
        frames = sum(
            F.cross_entropy(scores.flatten(0, 1), labels.flatten(), ignore_index=-100)
            for labels in (words, silence)
        )
        # CTC by itself begins by calling everything blank, so it comes in as the guess goes out.
        return {"decoder": decoder, "ctc": 0.3 * (1 - guess) * ctc, "frames": guess * frames}

    def _used_logits(self, x: Tensor, hidden: Tensor) -> Tensor:
        """The decoder's logits over the rows in use [B, L, used]."""
        decoder = self.whisper.decoder
        y = decoder.token_embedding(x) + decoder.positional_embedding[: x.shape[-1]]
        for block in decoder.blocks:
            y = block(y, hidden, mask=decoder.mask)
        return decoder.ln(y) @ decoder.token_embedding.weight[self.token_ids].T


def batch(
    rng: np.random.Generator,
    size: int,
    seconds: float,
    utterances: Utterances,
    backgrounds: Backgrounds,
    wide: bool = False,
) -> tuple[Tensor, list[list[Said]]]:
    """Sounds [B, samples] and what is said in their first 5 s: up to three sentences, some over a sound."""
    samples = round(SHORT_SECONDS * SAMPLE_RATE)
    sounds = np.zeros((size, round(seconds * SAMPLE_RATE)), np.float32)
    said = []
    for row in range(size):
        window, sentences = speak(rng, samples, utterances, SPEEDS if wide else (1.0, 1.0))
        if rng.random() < 0.5 or not sentences:
            background = backgrounds.draw(rng, samples)
            power = float(np.sqrt(np.mean(background**2))) + 1e-9
            level = float(np.sqrt(np.mean(window**2))) if sentences else 0.05
            loudest = 3 if wide else -3
            window += background * (level / power) * 10 ** (rng.uniform(loudest - 27, loudest) / 20)
        window += rng.standard_normal(samples).astype(np.float32) * 10 ** (rng.uniform(-80, -45) / 20)
        sounds[row, :samples] = np.clip(window, -1, 1)
        said.append(sentences)
    return torch.from_numpy(sounds), said


def speak(
    rng: np.random.Generator, samples: int, utterances: Utterances, speeds: tuple[float, float]
) -> tuple[NDArray[np.float32], list[Said]]:
    """A window of one to three sentences with pauses, as many as fit; one in twelve windows holds none.

    Each is played at a speed between the two of `speeds`.
    """
    window = np.zeros(samples, np.float32)
    sentences: list[Said] = []
    wanted = int(rng.choice([0, 1, 2, 3], p=[0.08, 0.32, 0.3, 0.3]))
    at = int(rng.uniform(0, 0.5 if wanted > 1 else 3.0) * SAMPLE_RATE)
    for _ in range(wanted):
        speech, text = utterances.draw(rng)
        if speeds[0] < speeds[1]:
            speech = played(speech, float(rng.uniform(*speeds)))
        at = min(at, samples - len(speech)) if not sentences else at
        if at + len(speech) > samples:
            break
        window[at : at + len(speech)] = speech * 10 ** (rng.uniform(-6, 0) / 20)
        sentences.append(Said(text, at / SAMPLE_RATE, (at + len(speech)) / SAMPLE_RATE))
        at += len(speech) + int(rng.uniform(0.05, 0.4) * SAMPLE_RATE)
    return window * np.float32(10 ** (rng.uniform(-18, 0) / 20)), sentences


def run(
    folder: Path,
    utterances: Utterances,
    backgrounds: Backgrounds,
    steps: int,
    wide_steps: int,
) -> None:
    """Train both phases and write `whisper.pt` in openai-whisper's format, float16."""
    torch.manual_seed(5)
    trainee = Trainee(utterances.vocabulary())

    def short(rng: np.random.Generator, step: int) -> dict[str, Tensor]:
        sounds, said = batch(rng, 32, SHORT_SECONDS, utterances, backgrounds)
        mel = mask_spectrogram(rng, log_mel_spectrogram(sounds))
        guess = float(np.clip(1.5 - 3 * step / steps, 0, 1))  # whole for a sixth, gone by half
        return trainee.losses(mel, said, SHORT_SECONDS, every_row=False, guess=guess)

    def wide(rng: np.random.Generator, step: int) -> dict[str, Tensor]:
        long = step % 8 == 7
        seconds = FULL_SECONDS if long else SHORT_SECONDS
        sounds, said = batch(rng, 6 if long else 32, seconds, utterances, backgrounds, wide=True)
        mel = mask_spectrogram(rng, log_mel_spectrogram(sounds))
        tilt = torch.from_numpy(rng.uniform(-TILT, TILT, (len(mel), 1, 1)).astype(np.float32))
        mel = mel + tilt * torch.linspace(-1, 1, mel.shape[1])[:, None]
        return trainee.losses(mel, said, seconds, every_row=long, guess=0.0)

    train(Plan("whisper-short", steps, 2e-3, warm_up=100, seed=51), trainee, short, folder)
    train(Plan("whisper-wide", wide_steps, 1.5e-3, warm_up=50, seed=53), trainee, wide, folder)
    state = {
        name: value.half() if value.is_floating_point() else value
        for name, value in trainee.whisper.state_dict().items()
    }
    torch.save({"dims": asdict(DIMENSIONS), "model_state_dict": state}, folder / "whisper.pt")


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
