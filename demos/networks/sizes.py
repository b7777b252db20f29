"""Configurations to and from plain JSON values. A configuration is a frozen dataclass, perhaps of others."""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

Config = TypeVar("Config")


class ConfigError(ValueError):
    """A configuration that cannot be read; the message says which entry and why."""


def from_plain(kind: type[Config], values: Mapping[str, Any]) -> Config:
    """Build a configuration from plain values; absent entries keep their defaults.

    Raises ConfigError for an unknown or missing entry, ValueError where the class finds values that do not
    fit.
    """
    assert is_dataclass(kind)
    hints = get_type_hints(kind)
    unknown = sorted(set(values) - {field.name for field in fields(kind)})
    if unknown:
        raise ConfigError(f"Unknown entries in a {kind.__name__}: {', '.join(unknown)}.")
    arguments = {name: _typed(hints[name], value) for name, value in values.items()}
    try:
        return kind(**arguments)
    except TypeError as error:
        raise ConfigError(f"A {kind.__name__} is incomplete: {error}.") from error


def to_plain(config: Any) -> dict[str, Any]:
    """A configuration as values that JSON can hold; `from_plain` reads it back."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(config)))
    return plain


def read_json(kind: type[Config], path: str | Path) -> Config:
    """Read a configuration from a JSON file. Raises ConfigError as `from_plain`, or if it is no JSON
    object.
    """
    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ConfigError(f"The configuration {Path(path).name} cannot be read: {error}.") from error
    if not isinstance(values, dict):
        raise ConfigError(f"The configuration {Path(path).name} must hold one JSON object.")
    return from_plain(kind, values)


def _typed(hint: Any, value: Any) -> Any:
    if isinstance(hint, UnionType):  # `Part | None`
        hint = next(option for option in get_args(hint) if option is not type(None))
    if isinstance(value, Mapping) and is_dataclass(hint):
        assert isinstance(hint, type)
        return from_plain(hint, value)
    if isinstance(value, list) and get_origin(hint) is tuple:
        return tuple(value)
    return value
