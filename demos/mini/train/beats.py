"""Mini-BEATs: the published architecture, small, trained as a sound-event tagger of the world.

The fine-tuning objective of Chen et al. (ICML 2023, section 3.3), binary cross-entropy over classes, with
the world's exact times as truth for each 160 ms step. It hears scenes, half of them with speech laid over,
and spoken questions over what they ask about, all at other rates and pitches and through other microphones:
the held-out world goes beyond the ranges of this one. Short windows first, whole clips at the end.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from demos.mini.train.beginnings import expect_rarely, principal_filters
from demos.mini.train.fast import compiled, device_of, mixed
from demos.mini.train.loop import Plan, train
from demos.mini.train.objectives import share_changed, which_class
from demos.mini.train.sounds import SAMPLE_RATE, Scenes, Sounds, Utterances
from demos.mini.train.weights import half
from demos.mini.world.scene import Scene
from demos.mini.world.taxonomy import NAMES
from demos.networks import kaldi_fbank
from demos.networks.beats import FBANK_DEVIATION, FBANK_MEAN, PCM_SCALE, Beats, BeatsConfig

CONFIG = BeatsConfig(
    embed_dim=64,
    encoder_layers=3,
    encoder_embed_dim=128,
    encoder_ffn_embed_dim=1024,
    encoder_attention_heads=4,
    conv_pos=32,
    conv_pos_groups=8,
    predictor_class=len(NAMES),
)
FIRST = replace(CONFIG, encoder_ffn_embed_dim=512)  # before it is grown for the last phases
PATCH = CONFIG.input_patch_size  # frames of 10 ms in one step
SHORT, LONG = 448, 800  # frames in a training window of the two phases
KEPT_FRAMES = 800  # of every sound
RAMP = 400  # steps: see `share_changed`
SCENES = 20_000  # of the rendered scenes
SENTENCES = 8_000  # of the rendered utterances
RATES = (0.75, 1.3)  # how much faster a window is played
SHIFT = 5  # mel bands by which a window is moved up or down, at most
TILT = 3.0  # change from the middle to the lowest or highest band, in natural logarithms of power (13 dB)
DECIBEL = np.log(10) / 10  # in natural logarithms of power


@dataclass(frozen=True)
class Choices:
    """What a training has; each can be left out to see what it is good for (`ablations.py`)."""

    speech_over: bool = True  # over half of the scenes
    recolouring: bool = True


class Fbanks:
    """Logarithmic filter banks of sounds, [sounds, KEPT_FRAMES, 128] float16, made once and kept on disk."""

    def __init__(self, path: Path, sounds: Sounds, count: int) -> None:
        self.lengths = np.array(
            [min(KEPT_FRAMES, kaldi_fbank.frame_count(truth["samples"])) for truth in sounds.truths[:count]]
        )
        if not path.exists():
            beside = path.with_suffix(".tmp.npy")
            shape = (len(self.lengths), KEPT_FRAMES, kaldi_fbank.MEL_BINS)
            store = np.lib.format.open_memmap(beside, mode="w+", dtype=np.float16, shape=shape)
            for index, frames in enumerate(tqdm(self.lengths, desc=f"fbank {path.stem}", mininterval=5)):
                samples = torch.from_numpy(sounds.samples(index))[None] * PCM_SCALE
                store[index, :frames] = kaldi_fbank.log_mel(samples, torch.float32)[0, :frames].numpy()
            store.flush()
            beside.replace(path)
        self.values = np.load(path, mmap_mode="r")

    def __len__(self) -> int:
        return len(self.lengths)

    def whole(self, index: int) -> Tensor:
        """The filter bank of one sound, float32 [frames, 128]."""
        return torch.from_numpy(self.values[index, : self.lengths[index]].astype(np.float32))


class Lesson:
    """What BEATs hears, and what sounds when in it."""

    def __init__(
        self,
        folder: Path,
        scenes: Scenes,
        questions: Scenes,
        utterances: Utterances,
        choices: Choices = Choices(),
        named: str = "scenes",
    ) -> None:
        """`named` are the scenes as their filter banks are called in `folder`."""
        self.choices = choices
        self.scenes = Fbanks(folder / f"fbank-{named}.npy", scenes, SCENES)
        self.questions = Fbanks(folder / "fbank-questions.npy", questions, len(questions))
        self.speech = Fbanks(folder / "fbank-utterances.npy", utterances, SENTENCES)
        self.scene_truth = scenes.scenes
        self.question_truth = questions.scenes

    def batch(
        self, rng: np.random.Generator, size: int, frames: int, changed: float = 1.0
    ) -> tuple[Tensor, Tensor]:
        """Normalised filter banks [size, frames, 128] and classes by step [size, frames / 16, classes].

        `changed` is the share of the windows that are recoloured, and of the usual half under speech.
        """
        windows, truths = [], []
        for _ in range(size):
            asked = rng.random() < 0.5
            pool, truth = (self.questions, self.question_truth) if asked else (self.scenes, self.scene_truth)
            index = int(rng.integers(len(pool)))
            sound = pool.whole(index)
            order = frame_order(rng, len(sound), frames)
            window = sound[order]
            truths.append(classes_by_step(truth[index], order))
            # Whatever is left out, a batch draws the same.
            if not asked and rng.random() < 0.5 * changed:
                covered = self._with_speech(rng, window)
                window = covered if self.choices.speech_over else window
            coloured = recoloured(rng, window) if rng.random() < changed else window
            windows.append(coloured if self.choices.recolouring else window)
        normalised = (torch.stack(windows) - FBANK_MEAN) / (2 * FBANK_DEVIATION)
        return normalised, torch.from_numpy(np.stack(truths))

    def _with_speech(self, rng: np.random.Generator, window: Tensor) -> Tensor:
        """One or two sentences laid over a window, their powers added."""
        window = window.clone()
        for _ in range(int(rng.integers(1, 3))):
            speech = self.speech.whole(int(rng.integers(len(self.speech))))[: len(window)]
            at = int(rng.integers(0, len(window) - len(speech) + 1))
            level = float(window.max() - speech.max()) + rng.uniform(-12, 10) * DECIBEL
            window[at : at + len(speech)] = torch.logaddexp(window[at : at + len(speech)], speech + level)
        return window


def frame_order(rng: np.random.Generator, length: int, frames: int) -> NDArray[np.int64]:
    """Which frames of a sound make a window at a random rate: from anywhere in it, begun again at its end."""
    rate = float(rng.uniform(*RATES))
    start = int(rng.integers(0, max(1, length - int(frames * rate) + 1)))
    return (start + (np.arange(frames) * rate).astype(np.int64)) % length


def classes_by_step(scene: Scene, order: NDArray[np.int64]) -> NDArray[np.float32]:
    """Which classes sound in each step of 16 frames that `order` took from a scene: [steps, classes]."""
    seconds = order * (kaldi_fbank.HOP_SAMPLES / SAMPLE_RATE)
    truth = np.zeros((len(order) // PATCH, len(NAMES)), np.float32)
    for event in scene.events:
        sounding = (seconds >= event.onset) & (seconds < event.offset)
        steps = sounding[: len(truth) * PATCH].reshape(-1, PATCH).any(1)
        column = NAMES.index(event.name)
        truth[:, column] = np.maximum(truth[:, column], steps)
    return truth


def recoloured(rng: np.random.Generator, window: Tensor) -> Tensor:
    """Another pitch, level and microphone, more noise, a band hidden; natural logarithms [frames, 128]."""
    bands = window.shape[1]
    shift = int(rng.integers(-SHIFT, SHIFT + 1))
    window = window[:, (torch.arange(bands) - shift).clamp(0, bands - 1)]
    ramp = torch.linspace(-1, 1, bands)
    window = window + float(rng.uniform(-TILT, TILT)) * ramp + float(rng.uniform(-1, 1)) * ramp.square()
    # Band by band, noise power is spread as the square of normal numbers is.
    floor = float(window.max()) - float(rng.uniform(25, 80)) * DECIBEL
    noise = torch.from_numpy(rng.standard_exponential(tuple(window.shape), dtype=np.float32) + 1e-3).log()
    window = torch.logaddexp(window, floor + float(rng.uniform(-2, 2)) * ramp + noise)
    width = int(rng.integers(0, 16))
    band = int(rng.integers(0, bands - width))
    window[:, band : band + width] = window.mean()
    return window + float(rng.uniform(-20, 6)) * DECIBEL


def first_filters(lesson: Lesson) -> Tensor:
    """What the patch embedding begins with: principal components of patches, [embedding, 1, 16, 16]."""
    windows, _ = lesson.batch(np.random.default_rng(5), 1200, 20 * PATCH)
    patches = windows.unfold(1, PATCH, PATCH).unfold(2, PATCH, PATCH).flatten(0, 2).flatten(1)
    return principal_filters(patches, CONFIG.embed_dim).unflatten(1, (1, PATCH, PATCH))


def run(
    folder: Path,
    scenes: Scenes,
    questions: Scenes,
    utterances: Utterances,
    steps: int,
    more_steps: int,
    long_steps: int,
    choices: Choices = Choices(),
    device: str = "cpu",
) -> None:
    """Train all phases; write `beats.safetensors` (float16) and `beats.json`."""
    torch.manual_seed(31)
    beats = Beats(FIRST)
    predictor = beats.predictor
    assert predictor is not None  # the configuration has classes
    expect_rarely(predictor.bias)
    lesson = Lesson(folder, scenes, questions, utterances, choices)
    beats.patch_embedding.weight.data.copy_(first_filters(lesson))
    beats.to(device)

    losses = losses_of(beats, lesson)

    def short(rng: np.random.Generator, step: int) -> dict[str, Tensor]:
        return losses(rng, 32, SHORT, share_changed(step, RAMP, most=0.9))

    train(
        Plan("beats", steps, 3e-3, warm_up=200, decay=0.4, muon=True, seed=32),
        beats,
        short,
        folder,
    )
    train(
        Plan("beats-more", more_steps, 2.5e-3, warm_up=50, decay=0.6, muon=True, seed=34),
        beats,
        lambda rng, step: losses(rng, 32, SHORT, 0.9),
        folder,
    )
    train(
        Plan("beats-long", long_steps, 3e-4, warm_up=20, muon=True, seed=33),
        beats,
        lambda rng, step: losses(rng, 16, LONG),
        folder,
    )
    save(folder, beats)


def run_wider(
    folder: Path,
    scenes: Scenes,
    questions: Scenes,
    utterances: Utterances,
    steps: int,
    long_steps: int,
    device: str = "cpu",
) -> None:
    """Grow the network in `beats.safetensors`, go on with other scenes, many unusual; writes it again."""
    torch.manual_seed(37)
    beats = grown(trained(folder), CONFIG).requires_grad_(True).to(device)
    losses = losses_of(beats, Lesson(folder, scenes, questions, utterances, named="scenes-more"))
    for plan, size, frames in (
        (Plan("beats-wider", steps, 2.5e-3, warm_up=100, decay=0.7, muon=True, seed=35), 32, SHORT),
        (Plan("beats-wider-long", long_steps, 3e-4, warm_up=20, muon=True, seed=36), 16, LONG),
    ):

        def wider(
            rng: np.random.Generator, step: int, size: int = size, frames: int = frames
        ) -> dict[str, Tensor]:
            return losses(rng, size, frames, 0.9)

        train(plan, beats, wider, folder)
    save(folder, beats)


def losses_of(beats: Beats, lesson: Lesson) -> Callable[..., dict[str, Tensor]]:
    """The losses of a batch of so many windows of so many frames, of which a share is changed."""
    predictor, device = beats.predictor, device_of(beats)
    assert predictor is not None  # the configuration has classes

    def tag(fbank: Tensor) -> Tensor:
        return predictor(beats.mean_over_frequency(beats.encode(fbank)[0]))

    quick = compiled(tag)

    def losses(rng: np.random.Generator, size: int, frames: int, changed: float = 1.0) -> dict[str, Tensor]:
        fbank, truth = lesson.batch(rng, size, frames, changed)
        with mixed(device):
            logits = quick(fbank.to(device))
        logits, truth = logits.float(), truth.to(device)
        timed = F.binary_cross_entropy_with_logits(logits, truth)
        clip = F.binary_cross_entropy_with_logits(logits.amax(1), truth.amax(1))
        return {"timed": 24 * timed, "clip": 9 * clip, "which": 4 * which_class(logits, truth)}

    return losses


def grown(small: Beats, config: BeatsConfig) -> Beats:
    """A network with wider feed-forward layers that gives the very same outputs (Net2Net, arXiv 1511.05641).

    What the new units find is drawn at random and at first weighs nothing; so nothing is forgotten.
    """
    large = Beats(config)
    state = large.state_dict()
    for name, value in small.state_dict().items():
        if value.shape == state[name].shape:
            state[name] = value
            continue
        if name.endswith("weight") and len(value) == len(state[name]):  # out of the feed-forward layer
            state[name].zero_()
        state[name][tuple(slice(size) for size in value.shape)] = value
    large.load_state_dict(state)
    return large


def trained(folder: Path) -> Beats:
    """The network whose files lie in `folder`, read without the packages that SALMONN's reader needs."""
    network = Beats(BeatsConfig.from_dict(json.loads((folder / "beats.json").read_text())))
    network.load_state_dict(load_file(folder / "beats.safetensors"))
    return network.eval()


def save(folder: Path, beats: Beats) -> None:
    """Write `beats.safetensors` (float16) and `beats.json`."""
    save_file(half(beats), folder / "beats.safetensors")
    (folder / "beats.json").write_text(json.dumps(beats.config.to_dict(), indent=1) + "\n")
