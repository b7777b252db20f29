"""SALMONN-7B at its published size, in files as they are downloaded, filled with random numbers.

`python -m tests.full_size_salmonn write FOLDER` makes the files (17 GB); `run FOLDER` reads them, answers one
question about a sound of 10 s and prints what that took as one JSON object.
"""

from __future__ import annotations

import io
import json
import math
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from sentencepiece import SentencePieceTrainer
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM
from whisper.model import AudioEncoder, ModelDimensions, TextDecoder

from demos.salmonn.answering import heard_window
from demos.salmonn.checkpoint import read_beats
from demos.salmonn.published import load_published
from demos.whisper.checkpoint import read_encoder
from tests.published_salmonn import FIXTURES
from tests.seeded import Layout, read_layout, seeded_waveform

WHISPER_LARGE_V2 = ModelDimensions(80, 1500, 1280, 20, 32, 51_865, 448, 1280, 20, 32)
PIECES = 32_000
FIRST_SHARD_BYTES = 9_976_000_000  # as PyTorch files of 10 GB are divided
NEW_TOKENS = 9


@dataclass(frozen=True)
class Measured:
    """What one run took: bytes, seconds, and how many tokens were said in which time after the first."""

    network_bytes: int
    loading_peak_bytes: int
    peak_bytes: int
    loading_seconds: float
    hearing_seconds: float
    first_token_seconds: float
    tokens: int
    tokens_per_second: float


def write(folder: Path) -> None:
    """Write checkpoint, Vicuna, Whisper large-v2 and BEATs, numbers in the types they are published in."""
    published = json.loads((FIXTURES / "config_full.json").read_text())
    adapter = _drawn(read_layout(FIXTURES / "layout_full_7b.json"), torch.float32)
    moments = {
        number: {"exp_avg": torch.zeros_like(tensor), "exp_avg_sq": torch.zeros_like(tensor)}
        for number, tensor in enumerate(adapter.values())
    }
    torch.save({"model": adapter, "optimizer": {"state": moments}, "epoch": 1}, folder / "salmonn_7b_v0.pth")
    beats = _drawn(read_layout(FIXTURES / "layout_full_beats.json"), torch.float32)
    torch.save({"cfg": published["beats_cfg"], "model": beats}, folder / "beats.pt")
    sizes = list(asdict(WHISPER_LARGE_V2).values())
    whisper = torch.nn.Module()
    with torch.device("meta"):
        whisper.encoder, whisper.decoder = AudioEncoder(*sizes[:5]), TextDecoder(*sizes[5:])
    weights = _drawn(_layout(whisper), torch.float16)
    torch.save({"dims": asdict(WHISPER_LARGE_V2), "model_state_dict": weights}, folder / "large-v2.pt")
    del adapter, moments, beats, weights
    (folder / "vicuna").mkdir()
    _write_vicuna(folder / "vicuna", published["llama_7b"])


def _write_vicuna(folder: Path, stated: dict[str, object]) -> None:
    llama = {name: value for name, value in stated.items() if name != "source"}
    config = {"model_type": "llama", "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, **llama}
    (folder / "config.json").write_text(json.dumps(config))
    _write_pieces(folder / "tokenizer.model")
    with torch.device("meta"):
        network = LlamaForCausalLM(LlamaConfig(**llama))
    shards: list[Layout] = [{}]
    size = 0
    for name, shape in _layout(network).items():
        size += 2 * math.prod(shape)
        if size > FIRST_SHARD_BYTES and len(shards) == 1:
            shards.append({})
        shards[-1][name] = shape
    weight_map: dict[str, str] = {}
    for number, layout in enumerate(shards, 1):
        file = f"pytorch_model-{number:05}-of-{len(shards):05}.bin"
        torch.save(_drawn(layout, torch.float16), folder / file)
        weight_map |= dict.fromkeys(layout, file)
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": weight_map}))


def _write_pieces(path: Path) -> None:
    """As many pieces as Vicuna has: those of a few sentences, single bytes, and numbers to fill up."""
    trained = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(["USER: <Speech></Speech> What do you hear?\nASSISTANT: a dog barks."] * 9),
        model_writer=trained,
        model_type="bpe",
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        user_defined_symbols=[f"«{number}»" for number in range(PIECES - 330)],
        vocab_size=PIECES,
        minloglevel=2,
    )
    path.write_bytes(trained.getvalue())


def _layout(network: torch.nn.Module) -> Layout:
    return {name: list(tensor.shape) for name, tensor in network.state_dict().items()}


def _drawn(layout: Layout, dtype: torch.dtype) -> dict[str, Tensor]:
    """A layout of random numbers: gains around one, biases around zero, matrices by the root of their fan-in.

    Uniform ones, because billions of them are to be drawn.
    """
    draw = torch.Generator().manual_seed(7)
    tensors = {}
    for name, shape in layout.items():
        values = torch.empty(shape)
        if len(shape) > 1:
            reach = math.sqrt(3 / math.prod(shape[1:]))
            values.uniform_(-reach, reach, generator=draw)
        else:
            values.uniform_(-0.05, 0.05, generator=draw)
            values += 0.0 if name.endswith("bias") else 1.0
        tensors[name] = values.to(dtype)
    return tensors


def run(folder: Path) -> Measured:
    """Load the files and answer a question, and measure both; to be called once in a fresh process."""
    started = time.perf_counter()
    encoder = read_encoder(folder / "large-v2.pt")
    beats = read_beats(folder / "beats.pt")
    answering = load_published(folder / "salmonn_7b_v0.pth", folder / "vicuna", encoder, beats)
    loaded, loading_peak = time.perf_counter(), peak_bytes()
    sound = answering.audio_tokens(*answering.encode(heard_window(seeded_waveform(10.0, 16_000, seed=2))))
    heard = time.perf_counter()
    times = []
    for answer in answering.stream(sound, "What do you hear?", max_new_tokens=NEW_TOKENS):
        if not answer.ended or answer.ended == "end":
            times.append(time.perf_counter())
        last = answer
    if not all(math.isfinite(token.probability or 0.0) for token in last.tokens):
        raise ValueError("The network computes no numbers.")
    network = answering.network
    return Measured(
        network_bytes=_bytes([*network.parameters(), *network.buffers()]),
        loading_peak_bytes=loading_peak,
        peak_bytes=peak_bytes(),
        loading_seconds=loaded - started,
        hearing_seconds=heard - loaded,
        first_token_seconds=times[0] - heard,
        tokens=len(last.ids),
        tokens_per_second=(len(times) - 1) / (times[-1] - times[0]),
    )


def peak_bytes() -> int:
    """The most memory that this process has had at once, mapped files included (Linux)."""
    status = Path("/proc/self/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return 1024 * int(line.split()[1])


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum({tensor.data_ptr(): tensor.nbytes for tensor in tensors}.values())


if __name__ == "__main__":
    step, place = sys.argv[1], Path(sys.argv[2])
    if step == "write":
        write(place)
    else:
        print(json.dumps(asdict(run(place))))
