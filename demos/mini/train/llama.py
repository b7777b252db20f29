"""Mini-LLaMA: a language model that learns the world's language from its truth alone, without a sound.

The published SALMONN stands on a language model that can read, answer and tell stories. No such model of
this size exists, so this one learns it: in the place of the audio tokens it reads the score of a scene
(`score.py`: what sounds and what is said in each window), through one linear layer, and is asked for
transcripts, captions, answers and stories. SALMONN's stages leave it as it is; LoRA scaling 0 is this model.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedTokenizerFast

from demos.mini.train.fast import device_of, mixed, plain_attention
from demos.mini.train.lessons import Pair, instruction, one, yes_or_no
from demos.mini.train.loop import Plan, train
from demos.mini.train.score import FEATURES, TIME_FEATURES, TIMES, WINDOWS, score
from demos.mini.world import grammar, language, scenes, speech, stories
from demos.mini.world.dsp import SAMPLE_RATE
from demos.mini.world.scene import Scene, SceneKind
from demos.mini.world.speech import Spoken
from demos.mini.world.taxonomy import CLASSES
from demos.networks.beats import Beats
from demos.networks.lora import scaled
from demos.salmonn.answering import prompt_ids
from demos.salmonn.checkpoint import llama_tensors
from demos.salmonn.config import SalmonnConfig
from demos.salmonn.network import Salmonn
from demos.tokenizer import load_tokenizer

BATCH = 48
SHARES: dict[SceneKind, float] = {
    "question": 0.38,
    "sequence": 0.22,
    "single": 0.14,
    "overlap": 0.09,
    "speech_over": 0.06,
    "speech": 0.05,
    "conversation": 0.02,
    "silence": 0.02,
    "tones": 0.02,
}
STORIES = 0.12  # of all lessons
ASKED_SCENES = 24  # in a batch of questions of yes and no about each of them
ASKED = 6  # questions about each
TIME_BLUR = 0.02  # deviation of what is heard of a window's time


class Reader(nn.Module):
    """LLaMA and the layer by which it reads scores."""

    def __init__(self, config: SalmonnConfig) -> None:
        super().__init__()
        self.salmonn = Salmonn(config, nn.Identity(), Beats(config.beats))
        self.salmonn.requires_grad_(False)
        self.salmonn.llama_model.requires_grad_(True)
        for name, parameter in self.salmonn.llama_model.named_parameters():
            parameter.requires_grad_("lora_" not in name)
        self.read = nn.Linear(len(FEATURES), config.hidden_size)
        nn.init.normal_(self.read.weight, std=0.02)


def silent_speech(rng: np.random.Generator, sentence: grammar.Sentence) -> Spoken:
    """A sentence in a training voice, about as long as it would take, without a sound: its truth alone."""
    utterance = speech.sample_utterance(rng, sentence, "train")
    seconds = 0.1 + len(sentence.text.split()) * 60 / utterance.speed * rng.uniform(0.75, 1.1)
    return Spoken(utterance, np.zeros(int(seconds * SAMPLE_RATE), np.float32))


def draw_scene(rng: np.random.Generator) -> Scene:
    """A scene of the training split that is never rendered."""
    kind = list(SHARES)[int(rng.choice(len(SHARES), p=list(SHARES.values())))]
    if kind == "question":
        if rng.random() < 0.12:
            asked, answer = grammar.sample_sentence(rng, "check"), None
        else:
            event_class = CLASSES[int(rng.integers(len(CLASSES)))]
            asks = "any" if rng.random() < 0.5 else event_class.category
            asked, answer = grammar.sample_sentence(rng, "question", asks), event_class.name
        return scenes.background_question_scene(rng, "train", silent_speech(rng, asked), answer)
    if kind == "conversation":
        first, second = (silent_speech(rng, grammar.sample_sentence(rng)) for _ in range(2))
        return scenes.conversation(rng, "train", first, second)
    if kind in ("speech", "speech_over"):
        return scenes.make_scene(rng, "train", kind, silent_speech(rng, grammar.sample_sentence(rng)))
    return scenes.make_scene(rng, "train", kind)


def lesson(rng: np.random.Generator, asks: bool = False) -> tuple[NDArray[np.float32], Pair]:
    """The score of a new scene [88, features], at some other speed, with an instruction and its answer.

    Where it `asks`, the instruction is a question whose answer is yes or no.
    """
    scene = draw_scene(rng)
    captions = language.captions(scene, rng)
    if asks:
        pair = yes_or_no(rng, language.questions(scene, rng))
    elif rng.random() < STORIES:
        pair = one(rng, stories.INSTRUCTIONS), stories.story(scene, rng)
    else:
        pair = instruction(rng, scene, captions, language.questions(scene, rng))
    found = score(scene, float(rng.uniform(0.85, 1.18)))
    return as_heard(rng, found), pair


def as_heard(rng: np.random.Generator, found: NDArray[np.float32]) -> NDArray[np.float32]:
    """A score as a network hears it, which misses some of it: windows are lost, values are uncertain."""
    heard = found * rng.uniform(0.7, 1.1, (len(found), 1)).astype(np.float32)
    blur = rng.normal(0, TIME_BLUR, (len(found), len(TIMES))).astype(np.float32)
    heard[:, TIME_FEATURES] = found[:, TIME_FEATURES] + blur * (found[:, TIME_FEATURES] != 0)
    heard[rng.random(len(found)) < 0.04] = 0
    return heard


def run(folder: Path, config: SalmonnConfig, steps: int, more_steps: int, device: str = "cpu") -> None:
    """Train and write `llama.safetensors` (float16) and `reader.safetensors`, what SALMONN learns from."""
    torch.manual_seed(61)
    tokenizer = load_tokenizer(folder / "tokenizer.json")
    reader = Reader(config).to(device)

    losses = losses_of(reader, tokenizer)

    # Most of the 88 windows hold nothing: until late in a lesson they are left out.
    def first(rng: np.random.Generator, step: int) -> dict[str, Tensor]:
        return losses(rng, WINDOWS if step > 0.75 * steps else 28 + int(rng.integers(0, 8)))

    def more(rng: np.random.Generator, step: int) -> dict[str, Tensor]:
        windows = WINDOWS if step > 0.85 * more_steps else 28 + int(rng.integers(0, 8))
        return losses(rng, windows, asks=bool(step % 2))

    with plain_attention(device):
        train(Plan("llama", steps, 3e-3, warm_up=200, decay=0.7, muon=True, seed=62), reader, first, folder)
        reader.read.requires_grad_(False)
        plan = Plan("llama-more", more_steps, 2.5e-3, warm_up=50, decay=0.5, muon=True, seed=63)
        train(plan, reader, more, folder)
    save(folder, reader)


def run_wider(folder: Path, config: SalmonnConfig, steps: int, device: str = "cpu") -> None:
    """Go on from `llama.safetensors`, mostly with questions of yes and no; both files are written again.

    The layer that reads scores is drawn anew.
    """
    torch.manual_seed(64)
    reader = Reader(config).to(device)
    take(reader.salmonn, folder)
    losses = losses_of(reader, load_tokenizer(folder / "tokenizer.json"))

    def wider(rng: np.random.Generator, step: int) -> dict[str, Tensor]:
        windows = WINDOWS if step > 0.9 * steps else 28 + int(rng.integers(0, 8))
        return losses(rng, windows, asks=bool(step % 2))

    with plain_attention(device):
        plan = Plan("llama-wider", steps, 2.5e-3, warm_up=100, decay=0.7, muon=True, seed=65)
        train(plan, reader, wider, folder)
    save(folder, reader)


def run_asked(folder: Path, config: SalmonnConfig, steps: int, device: str = "cpu") -> None:
    """Go on from both files with many questions of yes and no about each scene; both are written again.

    What came before what takes far more practice than whether a sound is there.
    """
    torch.manual_seed(66)
    reader = Reader(config)
    take(reader.salmonn, folder)
    reader.read.load_state_dict(load_file(folder / "reader.safetensors"))
    reader.to(device)
    tokenizer = load_tokenizer(folder / "tokenizer.json")
    losses = losses_of(reader, tokenizer)

    def asked(rng: np.random.Generator, step: int) -> dict[str, Tensor]:
        windows = 28 + int(rng.integers(0, 8))
        if step % 4 == 3:
            return losses(rng, windows)
        return {"answer": answers_loss(reader, tokenizer, rng, windows)}

    with plain_attention(device):
        plan = Plan("llama-asked", steps, 2.5e-3, warm_up=50, decay=0.6, muon=True, seed=67)
        train(plan, reader, asked, folder)
    save(folder, reader)


def answers_loss(
    reader: Reader, tokenizer: PreTrainedTokenizerFast, rng: np.random.Generator, windows: int
) -> Tensor:
    """Cross-entropy of the answers to `ASKED` questions about each of some scenes, most of events in a row.

    Questions about a scene stand behind the same score, and none sees another: as if each were asked alone.
    """
    scores, pairs = [], []
    for _ in range(ASKED_SCENES):
        scene = scenes.make_scene(rng, "train", "sequence") if rng.random() < 0.6 else draw_scene(rng)
        scores.append(as_heard(rng, score(scene, float(rng.uniform(0.85, 1.18))))[:windows])
        pairs.append([yes_or_no(rng, language.questions(scene, rng)) for _ in range(ASKED)])
    device = device_of(reader)
    with mixed(device):
        tokens = reader.read(torch.from_numpy(np.stack(scores)).to(device))
        return together(reader.salmonn, tokenizer, tokens, pairs, 0.0)


def together(
    network: Salmonn,
    tokenizer: PreTrainedTokenizerFast,
    audio_tokens: Tensor,
    pairs: list[list[Pair]],
    lora_scaling: float | None = None,
) -> Tensor:
    """`text_loss` of several instructions about each sound, which is read once for all of them."""
    ends, device = int(network.config.llama["eos_token_id"]), audio_tokens.device
    before, _ = prompt_ids(network.config, tokenizer, "")
    heard = 1 + len(before) + audio_tokens.shape[1]  # positions that all instructions see
    rows, blocks, positions, wanted = [], [], [], []
    for sound, asked in zip(audio_tokens, pairs, strict=True):
        ids: list[int] = []
        block, position, target = [0] * heard, [*range(heard)], [-100] * heard
        for number, (instruction_text, answer) in enumerate(asked, 1):
            after = prompt_ids(network.config, tokenizer, instruction_text)[1]
            said = [*tokenizer.encode(f" {answer}", add_special_tokens=False), ends]
            ids += [*after, *said[:-1]]
            length = len(after) + len(said) - 1
            block += [number] * length
            position += range(heard, heard + length)
            target += [-100] * (len(after) - 1) + said
        rows.append(network.prompt(sound, before, ids))
        blocks.append(torch.tensor(block))
        positions.append(torch.tensor(position))
        wanted.append(torch.tensor(target))
    pad = nn.utils.rnn.pad_sequence
    block_of = pad(blocks, batch_first=True, padding_value=-1).to(device)
    same = (block_of[:, :, None] == block_of[:, None]) | (block_of[:, None] == 0)
    with scaled(lora_scaling):
        hidden = network.llama_model.model(
            inputs_embeds=pad(rows, batch_first=True),
            attention_mask=(same & torch.ones_like(same).tril())[:, None],
            position_ids=pad(positions, batch_first=True).to(device),
            use_cache=False,
        ).last_hidden_state
    target_of = pad(wanted, batch_first=True, padding_value=-100).to(device)
    answered = target_of != -100
    logits = network.llama_model.lm_head(hidden[answered])
    return functional.cross_entropy(logits.float(), target_of[answered])


def losses_of(reader: Reader, tokenizer: PreTrainedTokenizerFast) -> Callable[..., dict[str, Tensor]]:
    """The loss of a batch of lessons of so many windows; where it asks, of questions of yes and no."""

    device = device_of(reader)

    def losses(rng: np.random.Generator, windows: int, asks: bool = False) -> dict[str, Tensor]:
        lessons = [lesson(rng, asks) for _ in range(BATCH)]
        scores = torch.from_numpy(np.stack([found for found, _ in lessons])[:, :windows])
        with mixed(device):
            tokens = reader.read(scores.to(device))
            text = text_loss(reader.salmonn, tokenizer, tokens, [pair for _, pair in lessons], 0.0)
        return {"text": text}

    return losses


def take(salmonn: Salmonn, folder: Path) -> None:
    """Read mini-LLaMA into a SALMONN; its LoRA stays as it is."""
    left = salmonn.llama_model.load_state_dict(load_file(folder / "llama.safetensors"), strict=False)
    assert not left.unexpected_keys
    assert all("lora_" in name for name in left.missing_keys)


def save(folder: Path, reader: Reader) -> None:
    """Write `llama.safetensors` (float16) and `reader.safetensors`, what SALMONN learns from."""
    state = {key: value.detach().half().contiguous() for key, value in llama_tensors(reader.salmonn).items()}
    save_file(state, folder / "llama.safetensors")
    save_file(dict(reader.read.state_dict()), folder / "reader.safetensors")


def text_loss(
    network: Salmonn,
    tokenizer: PreTrainedTokenizerFast,
    audio_tokens: Tensor,
    pairs: list[Pair],
    lora_scaling: float | None = None,
) -> Tensor:
    """Cross-entropy of the answers to instructions behind audio tokens [B, windows, width]."""
    ends = int(network.config.llama["eos_token_id"])
    prompts = [prompt_ids(network.config, tokenizer, asked) for asked, _ in pairs]
    targets = [[*tokenizer.encode(f" {text}", add_special_tokens=False), ends] for _, text in pairs]
    after = [behind for _, behind in prompts]
    # Short ones apart from long ones: less is padded.
    order = sorted(range(len(pairs)), key=lambda row: len(after[row]) + len(targets[row]))
    total = sum(map(len, targets))
    parts = []
    halves = [order[: len(order) // 2], order[len(order) // 2 :]]
    for rows in filter(None, halves):
        theirs = [targets[row] for row in rows]
        loss = network.loss(
            audio_tokens[rows], prompts[0][0], [after[row] for row in rows], theirs, lora_scaling
        )
        parts.append(loss * (sum(map(len, theirs)) / total))
    return torch.stack(parts).sum()
