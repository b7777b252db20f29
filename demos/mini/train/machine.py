"""On which machine and from which state of the code something was trained."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from demos.mini.train.fast import BFLOAT16

ROOT = Path(__file__).parents[3]
_PROCESSORS = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Machine:
    """A machine as far as it matters for a training."""

    processor: str
    cores: int
    threads: int  # of torch
    bfloat16: bool  # whether matrix products ran in it
    torch: str

    @classmethod
    def here(cls) -> Machine:
        """This one."""
        return cls(processor(), os.cpu_count() or 1, torch.get_num_threads(), BFLOAT16, torch.__version__)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def processor(described: Path = _PROCESSORS) -> str:
    """What the processor calls itself."""
    if described.is_file():
        for line in described.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def commit() -> str:
    """The commit that this tree is of, with " and changes" where `demos` holds some; "" outside of git."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no", "--", "demos")
        return git("rev-parse", "--short=12", "HEAD") + (" and changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return ""
