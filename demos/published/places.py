"""Where fetched files lie on this machine, and which of a model's are here; nothing reaches a network.

Files of the Hub lie in the cache of huggingface_hub, which other programs share. All others lie in a folder
of our own: `EARWITNESS_CACHE`, or `earwitness` in the user's cache folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import unquote, urlsplit

from demos.published.model import HandFile, HubFiles, PublishedModel, Source, WebFile

SHARD = re.compile(r"-(\d{5})-of-(\d{5})\.")


@dataclass(frozen=True)
class Places:
    """Our own folder, the cache of huggingface_hub, the Hub's address, and whether it must not be asked."""

    own: Path
    hub: Path
    endpoint: str
    offline: bool = False

    def web_file(self, source: WebFile) -> Path:
        """Where a file from the web lies: by its host and path, so that models share it."""
        address = urlsplit(source.url)
        steps = [unquote(step) for step in address.path.split("/")]
        return self.own.joinpath(
            "web", address.netloc.replace(":", "_"), *(step for step in steps if step not in ("", ".", ".."))
        )

    def hand_file(self, source: HandFile) -> Path:
        """Where a person is to put a file."""
        return self.own / "by-hand" / source.name

    def lock(self, path: Path) -> Path:
        """What is held by whoever brings a file of ours."""
        return self.own / ".locks" / "--".join([*path.relative_to(self.own).parts[-3:], "lock"])

    def repository(self, source: HubFiles) -> Path:
        """The folder of a repository in the cache of huggingface_hub."""
        return self.hub / "--".join(["models", *source.repo.split("/")])

    def snapshot(self, source: HubFiles) -> Path | None:
        """The files of a repository at its revision, as far as they are here."""
        folder = self.repository(source)
        commit = source.revision
        reference = folder / "refs" / source.revision
        if reference.is_file():
            commit = reference.read_text(encoding="utf-8").strip()
        found = folder / "snapshots" / commit
        return found if found.is_dir() else None


def places() -> Places:
    """The places that `EARWITNESS_CACHE`, `HF_HOME`, `HF_ENDPOINT` and `HF_HUB_OFFLINE` name."""
    from huggingface_hub import constants

    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    own = os.environ.get("EARWITNESS_CACHE") or os.path.join(cache, "earwitness")
    return Places(
        Path(own).expanduser(),
        Path(constants.HF_HUB_CACHE).expanduser(),
        constants.ENDPOINT,
        constants.HF_HUB_OFFLINE,
    )


def files_here(model: PublishedModel, where: Places) -> tuple[Path, ...] | None:
    """All files of a model in the order of its sources, or None when one is not here."""
    found: list[Path] = []
    for source in model.sources:
        files = source_here(source, where)
        if files is None:
            return None
        found += files
    return tuple(found)


def source_here(source: Source, where: Places) -> tuple[Path, ...] | None:
    """All files of one source, or None when one is not here."""
    if isinstance(source, HubFiles):
        snapshot = where.snapshot(source)
        names = _chosen_here(source, snapshot) if snapshot else None
        return None if snapshot is None or names is None else tuple(snapshot / name for name in names)
    path = where.web_file(source) if isinstance(source, WebFile) else where.hand_file(source)
    return (path,) if path.is_file() else None


def chosen(source: HubFiles, names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Those of a repository's files that a source asks for, and what it asks for and the repository lacks."""
    there = sorted(names)
    taken: dict[str, None] = {}
    lacking: list[str] = []
    for wanted in source.files:
        for pattern in wanted.split("|"):
            fitting = [name for name in there if fnmatchcase(name, pattern)]
            if fitting or not pattern:
                taken |= dict.fromkeys(fitting)
                break
        else:
            lacking.append(wanted)
    return list(taken), lacking


def _chosen_here(source: HubFiles, snapshot: Path) -> list[str] | None:
    """The same of a snapshot in the cache; None when it lacks a file, or one of several with weights."""
    there = [path.relative_to(snapshot).as_posix() for path in snapshot.rglob("*") if path.is_file()]
    names, lacking = chosen(source, there)
    shards = [(name, match) for name in names if (match := SHARD.search(name))]
    for name, match in shards:
        family = [other for other, its in shards if _family(other) == _family(name) and its[2] == match[2]]
        if len(family) < int(match[2]):
            return None
    return None if lacking else names


def _family(name: str) -> str:
    return SHARD.sub(".", name)
