"""Mini-SALMONN: Q-Former, projection, LLaMA and LoRA on the frozen mini-Whisper encoder and mini-BEATs.

Tang et al. (ICLR 2024), section 3, with its tasks on the world's sounds: transcripts, captions, both
together, written questions, and spoken questions about the background, whose answer needs both encoders. No
pretrained LLaMA of this size exists, so it is trained along. Two linear heads read words and events from the
Q-Former's windows while it learns; they are thrown away.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm
from whisper.audio import log_mel_spectrogram, pad_or_trim
from whisper.model import Whisper

from demos.mini.train.beats import CONFIG as BEATS
from demos.mini.train.fast import compiled, mixed
from demos.mini.train.loop import Plan, train
from demos.mini.train.sounds import SAMPLE_RATE, Scenes, played
from demos.mini.train.texts import ANSWER_SPEAKER, DESCRIBE, DESCRIBE_BOTH, TRANSCRIBE
from demos.mini.train.whisper import DIMENSIONS, sliced_positions
from demos.mini.world import grammar
from demos.mini.world.scene import Scene
from demos.mini.world.taxonomy import NAMES, class_named
from demos.networks.beats import Beats
from demos.networks.qformer import QFormerConfig
from demos.salmonn.answering import prompt_ids
from demos.salmonn.checkpoint import adapter_tensors, llama_tensors, read_beats
from demos.salmonn.config import SalmonnConfig
from demos.salmonn.network import Salmonn
from demos.tokenizer import load_tokenizer
from demos.whisper.checkpoint import read_whisper

SECONDS = 8.0  # of sound in the short phase
FRAMES = 400  # encoder frames in it
WINDOWS = 88  # audio tokens of 30 s, which every prompt holds
QUESTION_CLIPS = 8000  # clips of spoken questions that are encoded
SCENE_CLIPS = 2400  # clips of other scenes
FULL_CLIPS = 160  # clips that are encoded at 30 s for the last phase
BATCH = 32
ENCODED = 16  # clips at once
SPEEDS = (0.85, 1.18)  # of the clips that are encoded
WORDS = grammar.vocabulary()


@dataclass(frozen=True)
class Encodings:
    """What both encoders make of many clips: [clips, frames, width], BEATs filled up with zeros, float16."""

    speech: NDArray[np.float16]
    audio: NDArray[np.float16]
    lengths: NDArray[np.int64]  # BEATs tokens of each clip


def encode(
    folder: Path, name: str, sounds: list[NDArray[np.float32]], whisper: Whisper, beats: Beats, seconds: float
) -> Encodings:
    """Encode clips once and keep the result as `folder/<name>-*.npy`."""
    frames = round(seconds * 50)
    paths = [folder / f"{name}-{part}.npy" for part in ("speech", "audio", "lengths")]
    if not all(path.exists() for path in paths):
        speech = np.zeros((len(sounds), frames, DIMENSIONS.n_audio_state), np.float16)
        audio = np.zeros((len(sounds), frames, BEATS.encoder_embed_dim), np.float16)
        lengths = np.zeros(len(sounds), np.int64)
        listen = compiled(whisper.encoder.forward)
        for batch in tqdm(_alike(sounds, seconds), desc=f"encode {name}", mininterval=5):
            rows = [index for index, _ in batch]
            samples = torch.from_numpy(np.stack([sound for _, sound in batch]))
            mel = log_mel_spectrogram(pad_or_trim(samples, round(seconds * SAMPLE_RATE)))
            fbank = beats.fbank(samples, dtype=torch.float32)
            with torch.no_grad(), mixed(), sliced_positions(whisper.encoder, seconds):
                # Compiled for whole batches; the last of a length is not worth a compilation of its own.
                hidden = listen(mel) if len(rows) == ENCODED else whisper.encoder(mel)
                speech[rows] = hidden.float().numpy()
                tokens = beats.encode(fbank)[0][:, :frames].float().numpy()
            audio[rows, : tokens.shape[1]] = tokens
            lengths[rows] = tokens.shape[1]
        np.save(paths[0], speech)
        np.save(paths[1], audio)
        np.save(paths[2], lengths)
    return Encodings(*(np.load(path, mmap_mode="r") for path in paths))


def _alike(sounds: list[NDArray[np.float32]], seconds: float) -> list[list[tuple[int, NDArray[np.float32]]]]:
    """Sounds with their places, cut to whole half seconds and at most `seconds`, in equally long batches."""
    step = SAMPLE_RATE // 2
    longest = int(seconds * SAMPLE_RATE)
    by_length: dict[int, list[tuple[int, NDArray[np.float32]]]] = {}
    for place, sound in enumerate(sounds):
        length = min(longest, len(sound) // step * step or len(sound))
        by_length.setdefault(length, []).append((place, sound[:length]))
    return [same[at : at + ENCODED] for same in by_length.values() for at in range(0, len(same), ENCODED)]


class Trainee(nn.Module):
    """The network and the two heads that are not kept."""

    def __init__(self, config: SalmonnConfig, beats: Beats) -> None:
        super().__init__()
        self.salmonn = Salmonn(config, nn.Identity(), beats)
        self.salmonn.beats.requires_grad_(False)
        self.events = nn.Linear(config.qformer.hidden_size, len(NAMES))
        self.words = nn.Linear(config.qformer.hidden_size, len(WORDS))

    def audio_tokens(self, encodings: Encodings, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Audio tokens [B, windows, width] of some clips and what the Q-Former found in each window."""
        network = self.salmonn
        speech = network.ln_speech(torch.from_numpy(encodings.speech[rows].astype(np.float32)))
        audio = network.ln_audio(torch.from_numpy(encodings.audio[rows].astype(np.float32)))
        heard = torch.arange(audio.shape[1]) < torch.from_numpy(encodings.lengths[rows])[:, None]
        fused = torch.cat([speech, audio * heard[:, :, None]], dim=-1)
        found = network.query(fused)
        return network.speech_llama_proj(found), found

    def aside(self, found: Tensor, scenes: list[Scene]) -> Tensor:
        """How badly events and words can be read from the windows: binary cross-entropy of both heads."""
        events = torch.zeros(len(scenes), len(NAMES))
        words = torch.zeros(len(scenes), len(WORDS))
        for row, scene in enumerate(scenes):
            events[row, [NAMES.index(name) for name in scene.names]] = 1
            if scene.speech is not None:
                said = scene.speech.utterance.sentence.text.split()
                words[row, [WORDS.index(word) for word in said]] = 1
        return F.binary_cross_entropy_with_logits(
            self.events(found).amax(1), events
        ) + F.binary_cross_entropy_with_logits(self.words(found).amax(1), words)


def at_some_speed(sounds: Scenes, index: int) -> NDArray[np.float32]:
    """A clip played slower or faster, always the same way: voices and sounds beyond the training ranges."""
    return played(sounds.samples(index), float(np.random.default_rng([44, index]).uniform(*SPEEDS)))


def say(rng: np.random.Generator, sounds: Scenes, index: int) -> tuple[str, str]:
    """An instruction and what should be answered to it about the clip at `index`."""
    scene = sounds.scenes[index]
    spoken = scene.speech.utterance.sentence.text if scene.speech is not None else None
    task = rng.random()
    if scene.answer is not None and task < 0.6:
        instruction = _one(rng, ANSWER_SPEAKER)
        named = scene.answer in NAMES
        return instruction, class_named(scene.answer).noun_phrase if named else scene.answer
    if spoken is not None and task < 0.72:
        return _one(rng, TRANSCRIBE), spoken
    caption = _one(rng, sounds.captions(index))
    if spoken is not None and task < 0.78:
        background = " and ".join(class_named(name).noun_phrase for name in scene.names) or "nothing"
        return _one(rng, DESCRIBE_BOTH), f"the speaker says {spoken}. in the background: {background}"
    if task < 0.88 or (spoken is None and task < 0.5):
        return _one(rng, DESCRIBE), caption
    question, answer = sounds.questions(index)[int(rng.integers(len(sounds.questions(index))))]
    return question, answer


def _one(rng: np.random.Generator, options: tuple[str, ...] | list[str]) -> str:
    return options[int(rng.integers(len(options)))]


def configuration(tokens: int, begins: int, ends: int) -> SalmonnConfig:
    """Sizes of mini-SALMONN for a vocabulary of `tokens`."""
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
            "vocab_size": tokens,
            "max_position_embeddings": 512,
            "rms_norm_eps": 1e-6,
            "bos_token_id": begins,
            "eos_token_id": ends,
            "pad_token_id": None,
            "tie_word_embeddings": False,
        },
    )


def run(folder: Path, questions: Scenes, scenes: Scenes, steps: int, full_steps: int) -> None:
    """Train both phases and write `salmonn.safetensors`, `llama.safetensors` (float16) and `salmonn.json`."""
    torch.manual_seed(41)
    tokenizer = load_tokenizer(folder / "tokenizer.json")
    begins, ends = tokenizer.convert_tokens_to_ids(["<s>", "</s>"])
    config = configuration(len(tokenizer), begins, ends)
    whisper = read_whisper(folder / "whisper.pt")
    trainee = Trainee(config, read_beats(folder / "beats.safetensors", BEATS))
    pools = []
    for name, sounds, count in (("questions", questions, QUESTION_CLIPS), ("scenes", scenes, SCENE_CLIPS)):
        clips = [at_some_speed(sounds, i) for i in range(count)]
        pools.append(
            (sounds, encode(folder, f"salmonn-{name}", clips, whisper, trainee.salmonn.beats, SECONDS))
        )
    clips = [at_some_speed(questions, i) for i in range(FULL_CLIPS)]
    full = encode(folder, "salmonn-full", clips, whisper, trainee.salmonn.beats, 30.0)

    def losses(
        rng: np.random.Generator, sounds: Scenes, encodings: Encodings, rows: NDArray[np.int64], windows: int
    ) -> dict[str, Tensor]:
        with mixed():
            tokens, found = trainee.audio_tokens(encodings, rows)
            if windows > tokens.shape[1]:
                tokens = torch.cat([tokens, silence(rng, windows - tokens.shape[1], len(rows))], dim=1)
        pairs = [say(rng, sounds, int(i)) for i in rows]
        prompts = [prompt_ids(config, tokenizer, instruction) for instruction, _ in pairs]
        targets = [[*tokenizer.encode(f" {text}", add_special_tokens=False), ends] for _, text in pairs]
        with mixed():
            text = trainee.salmonn.loss(tokens, prompts[0][0], [after for _, after in prompts], targets)
        return {
            "text": text,
            "aside": 4 * trainee.aside(found.float(), [sounds.scenes[int(i)] for i in rows]),
        }

    def silence(rng: np.random.Generator, windows: int, clips: int) -> Tensor:
        """Audio tokens of the padding behind a clip: one true window of it, as often as is needed."""
        network = trainee.salmonn
        kernel = config.window_frames
        start = int(rng.integers(FRAMES + 100, full.speech.shape[1] - kernel))
        padding = np.asarray(full.speech[int(rng.integers(FULL_CLIPS)), start : start + kernel], np.float32)
        speech = network.ln_speech(torch.from_numpy(padding))
        fused = torch.cat([speech, torch.zeros(kernel, BEATS.encoder_embed_dim)], dim=-1)
        return network.audio_tokens(fused[None]).expand(clips, windows, -1)

    def short(rng: np.random.Generator, step: int) -> dict[str, Tensor]:
        sounds, encodings = pools[0] if rng.random() < 0.65 else pools[1]
        rows = rng.integers(0, len(encodings.lengths), BATCH)
        windows = WINDOWS if step > 0.6 * steps else 24 + int(rng.integers(0, 16))
        return losses(rng, sounds, encodings, rows, windows)

    def whole(rng: np.random.Generator, step: int) -> dict[str, Tensor]:
        if step % 2:
            return short(rng, steps)
        return losses(rng, questions, full, rng.integers(0, FULL_CLIPS, BATCH), WINDOWS)

    train(Plan("salmonn-short", steps, 1.5e-3, warm_up=150, seed=42), trainee, short, folder)
    train(Plan("salmonn-full", full_steps, 2e-4, warm_up=10, seed=43), trainee, whole, folder)
    for name, tensors in (
        ("salmonn", adapter_tensors(trainee.salmonn)),
        ("llama", llama_tensors(trainee.salmonn)),
    ):
        save_file(
            {key: value.detach().half().contiguous() for key, value in tensors.items()},
            folder / f"{name}.safetensors",
        )
    (folder / "salmonn.json").write_text(json.dumps(config.to_dict(), indent=1) + "\n")
