"""The numbers of the model cards: from weight files, configurations, training code and measurements.

Nothing heavy is imported before it is needed, and no tensor is read: the headers of weight files are enough.
"""

from __future__ import annotations

import ast
import json
import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from demos.mini.evaluation.figures import Figure, table

MINI = Path(__file__).parent
WEIGHTS = MINI / "weights"
TRAIN = MINI / "train"
CARDS = MINI.parents[1] / "docs" / "cards"
RENDERED = CARDS / "rendered.json"
SETS = ("utterances", "backgrounds", "scenes", "questions", "scenes-more")
FIRST = {"utterances": "UTTERANCE_PARTS", "scenes": "SCENE_PARTS"}  # sets, and how many parts of them
SAMPLE_RATE = 16_000  # of the rendered sounds
_TENSORS = (".safetensors", ".pt")
_DTYPES = {"F16": "float16", "F32": "float32", "BF16": "bfloat16", "I64": "int64", "BOOL": "bool"}
# Of a configuration of transformers: what says nothing of the network's size.
_NO_SIZES = frozenset(
    (
        "architectures",
        "dtype",
        "torch_dtype",
        "transformers_version",
        "model_type",
        "id2label",
        "label2id",
        "apply_spec_augment",
        "bos_token_id",
        "eos_token_id",
        "pad_token_id",
        "_name_or_path",
    )
)


@dataclass(frozen=True)
class Contents:
    """How many numbers a weight file holds, of which types, and its size."""

    parameters: int
    types: str
    size: int  # bytes


def contents(path: Path) -> Contents:
    """What a `.safetensors` or `.pt` file holds, from its header alone."""
    counts: dict[str, int] = {}
    for dtype, shape in _safetensors(path) if path.suffix == ".safetensors" else _pickled(path):
        counts[dtype] = counts.get(dtype, 0) + math.prod(shape)
    types = ", ".join(sorted(counts, key=lambda dtype: -counts[dtype]))
    return Contents(sum(counts.values()), types, path.stat().st_size)


def _safetensors(path: Path) -> Iterable[tuple[str, Sequence[int]]]:
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header: dict[str, Any] = json.loads(file.read(length))
    for name, entry in header.items():
        if name != "__metadata__":
            yield _DTYPES.get(entry["dtype"], entry["dtype"]), entry["shape"]


def _pickled(path: Path) -> Iterable[tuple[str, Sequence[int]]]:
    import torch

    from demos.checkpoint_reader import mappable

    stored = torch.load(path, map_location="meta", weights_only=True, mmap=mappable(path) or None)
    for tensor in stored["model_state_dict"].values():
        yield str(tensor.dtype).removeprefix("torch."), tensor.shape


def size_table(own: Sequence[Path], shared: Mapping[Path, str]) -> str:
    """Parameters and bytes of a model's own files, then of those it shares, with whose card tells of each."""
    lines = ["| file | parameters | stored as | bytes |", "|---|---:|---|---:|"]
    for path in own:
        lines.append(_size_row(path, ""))
    tensors = [contents(path) for path in own if path.suffix in _TENSORS]
    total = sum(path.stat().st_size for path in own)
    lines.append(f"| **its own** | **{sum(one.parameters for one in tensors):,}** | | **{total:,}** |")
    lines += [_size_row(path, f" (shared: {whose})") for path, whose in shared.items() if path.is_file()]
    return "\n".join(lines)


def _size_row(path: Path, note: str) -> str:
    name = path.relative_to(WEIGHTS).as_posix() if path.is_relative_to(WEIGHTS) else path.name
    if path.suffix in _TENSORS:
        one = contents(path)
        return f"| `{name}`{note} | {one.parameters:,} | {one.types} | {one.size:,} |"
    return f"| `{name}`{note} | | | {path.stat().st_size:,} |"


def settings_table(parts: Iterable[tuple[str, Mapping[str, Any], Mapping[str, Any] | None]]) -> str:
    """Settings (part, here, as published) that differ from the published ones; all where none are given."""
    lines = ["| part | setting | here | published |", "|---|---|---|---|"]
    for part, here, published in parts:
        for key, value in here.items():
            other = None if published is None else published.get(key)
            if key in _NO_SIZES or (published is not None and _plain(other) == _plain(value)):
                continue
            shown = "–" if published is None else _plain(other)
            lines.append(f"| {part} | `{key}` | {_plain(value)} | {shown} |")
    return "\n".join(lines)


def _plain(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list | tuple):
        return " · ".join(map(_plain, value))
    return f"{value:g}" if isinstance(value, float) and abs(value) < 1e6 else str(value)


def settings(name: str) -> list[tuple[str, Mapping[str, Any], Mapping[str, Any] | None]]:
    """A model's settings by part, each with the published ones where the project's classes state them."""
    if name == "whisper":
        return [("Whisper", _dimensions(WEIGHTS / "whisper.pt"), None)]
    if name in ("clap", "pengi"):
        return _clap_like(name)
    if name == "beats":
        from demos.networks.beats import BeatsConfig

        return [("BEATs", _json("beats.json"), BeatsConfig().to_dict())]
    if name in ("salmonn", "llama"):
        return _salmonn(name)
    from transformers import AutoConfig

    stated = _json(f"{name}/config.json")
    published = type(AutoConfig.for_model(stated["model_type"]))().to_dict()
    return [(stated["architectures"][0], stated, published)]


def _clap_like(name: str) -> list[tuple[str, Mapping[str, Any], Mapping[str, Any] | None]]:
    from demos.clap.network import ClapConfig
    from demos.networks.sizes import to_plain
    from demos.pengi.network import PengiConfig

    here = _json(f"{name}.json")
    published = to_plain(ClapConfig() if name == "clap" else PengiConfig())
    title, text = ("CLAP", "text") if name == "clap" else ("Pengi", "decoder")
    rest = {key: value for key, value in here.items() if key not in ("htsat", text)}
    whole = {key: "a CLIP text tower" if key == "text_encoder" else value for key, value in published.items()}
    return [
        ("HTSAT", here["htsat"], published["htsat"]),
        ("GPT-2", here[text], published[text]),
        (title, rest, whole),
    ]


def _salmonn(name: str) -> list[tuple[str, Mapping[str, Any], Mapping[str, Any] | None]]:
    here = _json("salmonn.json")
    if name == "llama":
        from transformers import LlamaConfig

        return [("LLaMA", here["llama"], LlamaConfig().to_dict())]
    from demos.networks.qformer import QFormerConfig
    from demos.salmonn.config import LoraConfig

    lora = {**asdict(LoraConfig()), "target_modules": list(LoraConfig().target_modules)}
    return [("Q-Former", here["qformer"], asdict(QFormerConfig())), ("LoRA", here["lora"], lora)]


def _dimensions(path: Path) -> Mapping[str, Any]:
    import torch

    from demos.checkpoint_reader import mappable

    content = torch.load(path, map_location="meta", weights_only=True, mmap=mappable(path) or None)
    stated: Mapping[str, Any] = content["dims"]
    return stated


def _json(name: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((WEIGHTS / name).read_text(encoding="utf-8"))
    return values


def classes_of_weights() -> int:
    """How many classes of events the suite in place was taught."""
    return int(_json("clap.json")["htsat"]["num_classes"])


@cache
def _module(name: str) -> ast.Module:
    return ast.parse((TRAIN / f"{name}.py").read_text(encoding="utf-8"))


def constant(module: str, name: str) -> Any:
    """A constant of a training module, which is read and not imported."""
    for node in _module(module).body:
        if isinstance(node, ast.Assign) and any(getattr(one, "id", "") == name for one in node.targets):
            return ast.literal_eval(node.value)
    raise ValueError(f"demos/mini/train/{module}.py has no constant {name}.")


def steps(stage: str, module: str) -> dict[str, int]:
    """The steps of a stage by argument: what `make train` gives, else the defaults of the module's `run`."""
    found: dict[str, int] = {}
    for node in _module(module).body:
        if isinstance(node, ast.FunctionDef) and node.name == "run":
            names = node.args.args[len(node.args.args) - len(node.args.defaults) :]
            for argument, default in zip(names, node.args.defaults, strict=True):
                if argument.arg.endswith("steps"):
                    found[argument.arg] = ast.literal_eval(default)
    for stages in ast.walk(_module("__main__")):
        if isinstance(stages, ast.Dict):
            for key, value in zip(stages.keys, stages.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == stage:
                    found |= {
                        word.arg: ast.literal_eval(word.value)
                        for call in ast.walk(value)
                        if isinstance(call, ast.Call)
                        for word in call.keywords
                        if word.arg and word.arg.endswith("steps")
                    }
    return found


def planned_parts() -> dict[str, int]:
    """How many parts of each set `make train` renders."""
    return {
        str(call.args[0].right.value): ast.literal_eval(call.args[1])
        for call in ast.walk(_module("__main__"))
        if isinstance(call, ast.Call)
        and getattr(call.func, "attr", "") == "build"
        and isinstance(call.args[0], ast.BinOp)
        and isinstance(call.args[0].right, ast.Constant)
    }


def measure_rendered(folder: Path) -> dict[str, dict[str, int]] | None:
    """Sounds, samples, voices and classes of each rendered set; None where a set is not whole.

    Then those of the first parts, which are all that the models of the layer study learn from.
    """
    found: dict[str, dict[str, int]] = {}
    for name, parts in planned_parts().items():
        indexes = sorted((folder / name).glob("*.jsonl"))
        if len(indexes) != parts or any(not path.with_suffix(".npy").exists() for path in indexes):
            return None
        found[name] = _counted(indexes)
    for name, first in FIRST.items():
        parts = constant("self_supervised", first)
        found[f"first {name}"] = _counted(sorted((folder / name).glob("*.jsonl"))[:parts])
    return found


def _counted(indexes: Iterable[Path]) -> dict[str, int]:
    truths = [json.loads(line) for path in indexes for line in path.read_text("utf-8").splitlines()]
    events = {event["name"] for truth in truths for event in truth.get("scene", {}).get("events", [])}
    return {
        "sounds": len(truths),
        "samples": sum(truth["samples"] for truth in truths),
        "voices": len({truth["voice"] for truth in truths if "voice" in truth}),
        "classes": len(events | {truth["name"] for truth in truths if "name" in truth}),
    }


def world_sentence() -> str:
    """What the world holds, counted in its code."""
    from demos.mini.world import grammar, speech, taxonomy

    voices = speech.voices("train")
    englishes = {voice.name.split("+")[0] for voice in voices}
    sentences = sum(1 for kind in grammar.KINDS for _ in grammar.all_sentences(kind))
    others, flite = len(speech.voices("heldout")), len(speech.flite_voices())
    return (
        f"The world has {len(taxonomy.NAMES)} classes of events in {len(taxonomy.CATEGORIES)} categories, "
        f"and a closed grammar of {len(grammar.vocabulary())} words and {sentences:,} sentences. espeak-ng "
        f"speaks them in {len(voices)} training voices of {len(englishes)} kinds of English; {others} other "
        f"voices of it, and {flite} of flite, are for evaluation alone."
    )


def rendered_table(used: Mapping[str, str]) -> str:
    """The rendered sets that a model learns from, each with how it is used."""
    kept: dict[str, dict[str, int]] = json.loads(RENDERED.read_text(encoding="utf-8"))
    lines = ["| rendered | sounds | hours | holds | used |", "|---|---:|---:|---|---|"]
    for name, how in used.items():
        one = kept[name]
        held = [f"{one[key]} {key}" for key in ("classes", "voices") if one[key]]
        hours = one["samples"] / SAMPLE_RATE / 3600
        lines.append(f"| {name} | {one['sounds']:,} | {hours:.1f} | {', '.join(held)} | {how} |")
    return "\n".join(lines)


def measured(prefixes: Sequence[str]) -> list[Figure]:
    """The kept figures whose name begins with one of these; a row from “…” on goes with the one above it."""
    path = WEIGHTS / "evaluation.json"
    rows = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    found, ours = [], False
    for row in rows:
        ours = ours if row["name"].startswith("…") else row["name"].startswith(tuple(prefixes))
        if ours:
            found.append(Figure(**row))
    return found


def evaluation_table(prefixes: Sequence[str]) -> str:
    """Those figures as a table, or a sentence where there are none."""
    figures = measured(prefixes)
    return table(figures) if figures else "Nothing has been measured of it yet in `evaluation.json`."
