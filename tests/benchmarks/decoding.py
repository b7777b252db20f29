"""`python -m tests.benchmarks.decoding`: SALMONN's decoding on a CUDA device, against plain `generate`.

Language models of the sizes of Vicuna-7B and 13B in 16 bits, with SALMONN's LoRA in 32 and random weights, so
nothing that is said means anything. A token reads every weight but the table of embeddings, and the keys and
values before it; that many bytes a second, of what copying within the card's memory reaches in the same run,
say how near the card's limit the decoding is.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM

from demos.salmonn.config import SalmonnConfig
from demos.salmonn.decoders import Decoders
from demos.salmonn.generation import GenerationSettings, beam_search
from demos.salmonn.network import Salmonn
from tests.benchmarks.comparison import seconds_of

NO_CARD = "There is no CUDA device here: run make bench-gpu on a machine that has one."
VICUNA: dict[str, dict[str, Any]] = {
    "7B": {"hidden_size": 4096, "intermediate_size": 11_008, "num_hidden_layers": 32, "heads": 32},
    "13B": {"hidden_size": 5120, "intermediate_size": 13_824, "num_hidden_layers": 40, "heads": 40},
}
PROMPT = 130  # positions: 88 windows of sound and an instruction
TOKENS = 200  # as published
BEAMS = (1, 4)  # greedy, and as published
VOCABULARY = 32_000
NO_END = VOCABULARY  # an id that nothing says
COPIED = 2**31  # bytes, to measure the card's memory with


@dataclass(frozen=True)
class Measured:
    """One size and number of beams: tokens a second, ours and by `generate`; what ours comes to."""

    what: str
    tokens_a_second: float
    generate_a_second: float
    gigabytes_a_second: float
    of_copying: float  # 0..1
    same: int  # leading tokens that both say


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print a table in Markdown. Exits with a sentence where there is no CUDA device."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.decoding", description=__doc__)
    parser.add_argument("--sizes", nargs="+", choices=VICUNA, default=list(VICUNA))
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args(arguments)
    if not torch.cuda.is_available():
        sys.exit(NO_CARD)
    device = torch.device("cuda")
    copying = copy_speed(device)
    print(
        f"{torch.cuda.get_device_name(device)}, torch {torch.__version__}; copying reaches "
        f"{copying / 1e9:.0f} GB/s; {PROMPT} positions of prompt, {TOKENS} tokens, bfloat16.\n"
    )
    print(HEADER)
    for size in options.sizes:
        network = random_network(device, **VICUNA[size])
        for beams in BEAMS:
            print(row(measure(f"{size}, {named(beams)}", network, beams, options.runs, copying)), flush=True)
        del network
        torch.cuda.empty_cache()


HEADER = (
    "| what | tokens/s | plain generate | × | GB/s | of copying | same tokens |\n"
    "|---|---:|---:|---:|---:|---:|---:|"
)


def row(one: Measured) -> str:
    """A line of the table."""
    times = one.tokens_a_second / one.generate_a_second
    return (
        f"| {one.what} | {one.tokens_a_second:.1f} | {one.generate_a_second:.1f} | **{times:.1f}** "
        f"| {one.gigabytes_a_second:.2f} | {one.of_copying:.0%} | {one.same} |"
    )


def named(beams: int) -> str:
    """How so many beams are spoken of."""
    return "greedy" if beams == 1 else f"{beams} beams"


def random_network(
    device: torch.device, heads: int, dtype: torch.dtype = torch.bfloat16, **sizes: int
) -> Salmonn:
    """A SALMONN without ears, whose language model has these sizes and random weights."""
    llama = {
        "vocab_size": VOCABULARY,
        "max_position_embeddings": 2048,
        "rms_norm_eps": 1e-6,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "num_attention_heads": heads,
        **sizes,
    }
    fixtures = Path(__file__).parent.parent / "fixtures" / "salmonn"
    config = replace(SalmonnConfig.from_json(fixtures / "config_tiny.json"), llama=llama)
    usual = torch.get_default_dtype()
    torch.manual_seed(0)
    torch.set_default_dtype(dtype)
    try:
        with device:
            model = LlamaForCausalLM(LlamaConfig(**llama))
    finally:
        torch.set_default_dtype(usual)
    network = Salmonn(config, nn.Identity(), nn.Identity(), model)  # type: ignore[arg-type]
    for name, parameter in network.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(parameter, std=0.02)
    return network.to(device).eval().requires_grad_(False)


def measure(what: str, network: Salmonn, beams: int, runs: int, copying: float) -> Measured:
    """Time answers of TOKENS tokens to a random prompt, ours and by `generate` by turns; medians of the runs.

    `copying` is what the memory reaches, in bytes a second.
    """
    weight = network.llama_model.get_input_embeddings().weight
    prompt = 0.02 * torch.randn(PROMPT, weight.shape[1], device=weight.device, dtype=weight.dtype)
    settings = GenerationSettings(beams=beams, max_new_tokens=TOKENS)
    decoders = Decoders(network, [], weight.device)
    said: list[list[int]] = [[], []]

    def ours() -> None:
        if beams == 1:
            said[0] = [token for token, _ in decoders.token_by_token(prompt, settings, NO_END, _never)]
        else:
            said[0] = decoders.beam_search(prompt, settings, NO_END, _never)
        _wait(weight)

    def generate() -> None:
        said[1] = beam_search(network, prompt, settings, NO_END, [], _never)
        _wait(weight)

    ours()  # captures the step
    generate()
    seconds = [(seconds_of(ours), seconds_of(generate)) for _ in range(runs)]
    mine, theirs = (median(column) for column in zip(*seconds, strict=True))
    speed = bytes_of_a_token(network, beams) * TOKENS / mine
    pairs = zip(*said, strict=False)
    same = next((number for number, (one, other) in enumerate(pairs) if one != other), min(map(len, said)))
    return Measured(what, TOKENS / mine, TOKENS / theirs, speed / 1e9, speed / copying, same)


def bytes_of_a_token(network: Salmonn, beams: int) -> float:
    """What a step reads on average: weights without the table of embeddings, keys and values of all beams."""
    llama = network.llama_model
    weights = sum(one.numel() * one.element_size() for one in llama.parameters())
    table = llama.get_input_embeddings().weight
    config = llama.config
    width = config.num_key_value_heads * (config.head_dim or config.hidden_size // config.num_attention_heads)
    position = 2 * config.num_hidden_layers * width * table.element_size()
    return weights - table.numel() * table.element_size() + beams * position * (PROMPT + TOKENS / 2)


def copy_speed(device: torch.device, nbytes: int = COPIED) -> float:
    """Bytes a second that are read and written when memory of the device is copied; the best of ten."""
    source = torch.zeros(nbytes, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)

    def copy() -> None:
        target.copy_(source)
        _wait(target)

    copy()
    return 2 * nbytes / min(seconds_of(copy) for _ in range(10))


def _wait(tensor: Tensor) -> None:
    if tensor.is_cuda:
        torch.cuda.synchronize(tensor.device)


def _never() -> bool:
    return False


if __name__ == "__main__":
    main()
