"""Reads the weights of every system from files, strictly: each tensor is accounted for or the reading
fails.

Published checkpoints differ in wrapping (`{"model": ...}`), in a `module.` before each name, and in buffers
that older libraries saved. Each system states its rules; whatever they do not name must match name by name
and shape by shape. Published loaders that skip what they do not know leave random weights without a word.
"""

import pickle
import re
import zipfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

NAMES_SHOWN = 6  # of each kind in an error
STEP_BYTES = 1 << 28  # of files, read at a time into a large network

Files = str | Path | Sequence[str | Path]


class CheckpointError(ValueError):
    """Weights that cannot be used; the message says which tensors and what is wrong with them."""


@dataclass(frozen=True)
class Rules:
    """What a system's checkpoint may hold or lack beside its weights. Patterns must match whole names.

    `ignored`: pattern -> why a tensor of that name is left out. `computed`: patterns of constants that may
    be absent because the network computes them, or makes no use of them. `tied`: name -> name of the tensor
    that it equals when absent.
    """

    ignored: Mapping[str, str] = field(default_factory=dict)
    computed: Collection[str] = ()
    tied: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """What became of the tensors: names read into the network, names left out and why, names computed."""

    consumed: tuple[str, ...]
    ignored: Mapping[str, str]
    computed: tuple[str, ...]


def fill(network: nn.Module, files: Files, rules: Rules) -> Report:
    """Read one or several files, merged, into a network; values are cast to the network's own types.

    Raises CheckpointError if a file cannot be read, a name comes twice, or names or shapes do not match. The
    network is changed only if everything matches.
    """
    paths = _paths(files)
    return fill_from(network, _merged(paths), rules, _names(paths))


def fill_in_steps(network: nn.Module, files: Files, rules: Rules, step_bytes: int = STEP_BYTES) -> Report:
    """As `fill`, for networks that fill most of the memory: the files take only `step_bytes` beside it.

    What was read of a mapped file counts as memory of this process until the mapping ends, so the files are
    mapped anew for every step. One tensor is never divided.
    """
    paths = _paths(files)
    expected = network.state_dict()
    found = _merged(paths)
    accounted = _account(network, expected, found, rules, _names(paths))
    absent = [name for name in rules.tied if name not in found and name in accounted.weights]
    consumed = tuple(name for name in found if name not in accounted.ignored)
    ignored, computed = accounted.ignored, accounted.computed
    del found, accounted
    with torch.no_grad():
        for path in paths:
            for names in _steps(path, step_bytes):
                tensors = read_tensors(path)
                for name in names - ignored.keys():
                    expected[name].copy_(tensors[name])
        for name in absent:
            expected[name].copy_(expected[rules.tied[name]])
    return Report(consumed, ignored, computed)


def fill_from(network: nn.Module, found: Mapping[str, Tensor], rules: Rules, origin: str) -> Report:
    """As `fill`, with tensors that were read, and renamed, already; `origin` names their files in errors."""
    expected = network.state_dict()
    accounted = _account(network, expected, found, rules, origin)
    network.load_state_dict({**{name: expected[name] for name in accounted.computed}, **accounted.weights})
    consumed = tuple(name for name in found if name not in accounted.ignored)
    return Report(consumed, accounted.ignored, accounted.computed)


@dataclass(frozen=True)
class _Accounted:
    """What was found, sorted: tensors for the network, names left out and why, names computed."""

    weights: Mapping[str, Tensor]
    ignored: Mapping[str, str]
    computed: tuple[str, ...]


def _account(
    network: nn.Module, expected: Mapping[str, Tensor], found: Mapping[str, Tensor], rules: Rules, origin: str
) -> _Accounted:
    """Hold what was found against what a network expects. Raises CheckpointError where they differ."""
    ignored = {
        name: reason
        for name in found
        for pattern, reason in rules.ignored.items()
        if name not in expected and re.fullmatch(pattern, name)
    }
    weights = {name: tensor for name, tensor in found.items() if name not in ignored}
    for name, source in rules.tied.items():
        if source not in weights:
            continue
        if not torch.equal(weights.setdefault(name, weights[source]), weights[source]):
            raise CheckpointError(f"{origin}: {name} must equal {source}, which it does not.")
    computed = tuple(
        name
        for name in expected
        if name not in weights and any(re.fullmatch(pattern, name) for pattern in rules.computed)
    )

    missing = sorted(expected.keys() - weights.keys() - set(computed))
    unexpected = sorted(weights.keys() - expected.keys())
    shapes = [
        f"{name} has {list(tensor.shape)}, needs {list(expected[name].shape)}"
        for name, tensor in weights.items()
        if name in expected and tensor.shape != expected[name].shape
    ]
    problems = [
        f"{what} {_some(names)}"
        for what, names in (("missing:", missing), ("not known:", unexpected), ("wrong shape:", shapes))
        if names
    ]
    if problems:
        raise CheckpointError(
            f"{origin} does not fit this {type(network).__name__}: {'; '.join(problems)}. "
            "Check that weights and configuration belong together."
        )

    return _Accounted(weights, ignored, computed)


def read_tensors(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a `.safetensors` file or of a PyTorch file, on the CPU, without a leading `module.`.

    In a PyTorch file the entry `model` (or openai-whisper's `model_state_dict`) is taken if there is one. No
    code in the file is run. Raises CheckpointError if the file is not there, is damaged or holds something
    else than tensors.
    """
    path = _existing(path)
    tensors = _read_safetensors(path) if path.suffix == ".safetensors" else _read_pytorch(path)
    stripped = {name.removeprefix("module."): tensor for name, tensor in tensors.items()}
    if len(stripped) != len(tensors):
        raise CheckpointError(f"{path.name} holds tensors both with and without a leading “module.”.")
    return stripped


def read_entry(path: str | Path, entry: str) -> Any:
    """What a PyTorch file holds beside its weights, such as a configuration of plain values; None without it.

    No code in the file is run. Raises CheckpointError as `read_tensors`.
    """
    content = _open_pytorch(_existing(path))
    return content.get(entry) if isinstance(content, Mapping) else None


def without_computed(state: Mapping[str, Tensor], rules: Rules) -> dict[str, Tensor]:
    """The part of a network's state that a file needs to hold: neither constants nor tied copies."""
    return {
        name: tensor
        for name, tensor in state.items()
        if name not in rules.tied and not any(re.fullmatch(pattern, name) for pattern in rules.computed)
    }


def _merged(paths: Sequence[Path]) -> dict[str, Tensor]:
    """The tensors of several files, none of which may come twice."""
    found: dict[str, Tensor] = {}
    for path in paths:
        tensors = read_tensors(path)
        twice = sorted(found.keys() & tensors.keys())
        if twice:
            raise CheckpointError(f"{path.name} holds tensors that another file holds too: {_some(twice)}.")
        found |= tensors
    return found


def _steps(path: Path, step_bytes: int) -> list[set[str]]:
    """The names of a file's tensors as they lie in it, in groups of that size; one if it cannot be mapped."""
    in_file = sorted(read_tensors(path).items(), key=lambda item: item[1].data_ptr())
    whole = path.suffix != ".safetensors" and not mappable(path)
    steps: list[set[str]] = [set()]
    size = 0
    for name, tensor in in_file:
        if size and size + tensor.nbytes > step_bytes and not whole:
            steps.append(set())
            size = 0
        steps[-1].add(name)
        size += tensor.nbytes
    return steps


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path.name} is no readable safetensors file: {error}.") from error


def _existing(path: str | Path) -> Path:
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"There is no weights file {path}.")
    return path


def mappable(path: Path) -> bool:
    """Whether a PyTorch file can be mapped into memory: the zip format, with nothing in it compressed."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return all(entry.compress_type == zipfile.ZIP_STORED for entry in archive.infolist())


def _open_pytorch(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mappable(path) or None)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path.name} is no PyTorch file of plain tensors, or is damaged; it was not opened further, "
            "because a file with other objects can run code."
        ) from error
    except Exception as error:  # a damaged file makes the unpickler fail in any way
        raise CheckpointError(f"{path.name} cannot be read as a PyTorch file; it may be damaged.") from error


def _read_pytorch(path: Path) -> dict[str, Tensor]:
    content = _open_pytorch(path)
    for entry in ("model", "model_state_dict"):
        if isinstance(content, Mapping) and isinstance(content.get(entry), Mapping):
            content = content[entry]
    if not isinstance(content, Mapping) or not content:
        raise CheckpointError(f"{path.name} holds no table of named tensors.")
    others = [str(name) for name, value in content.items() if not isinstance(value, Tensor)]
    if others:
        raise CheckpointError(f"{path.name} holds entries that are no tensors: {_some(others)}.")
    return {str(name): tensor for name, tensor in content.items()}


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMES_SHOWN])
    return shown if len(names) <= NAMES_SHOWN else f"{shown} and {len(names) - NAMES_SHOWN} more"


def _paths(files: Files) -> list[Path]:
    return [Path(files)] if isinstance(files, str | Path) else [Path(file) for file in files]


def _names(paths: Sequence[Path]) -> str:
    return " + ".join(path.name for path in paths)
