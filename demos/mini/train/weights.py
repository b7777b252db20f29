"""How trained weights are stored: float16, without what is computed or tied."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

CONSTANTS = ("stft.conv_", "melW", "relative_position_index", "attn_mask")


def half(module: nn.Module, without: tuple[str, ...] = ()) -> dict[str, Tensor]:
    """The state of `module` in float16, without constants and names that contain one of `without`."""
    return {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in module.state_dict().items()
        if not any(part in name for part in (*CONSTANTS, *without))
    }


def save_compressed(content: dict[str, Any], path: Path) -> None:
    """Write a PyTorch file with its tensors compressed, which `torch.load` reads as any other.

    Of mini-Whisper's vocabulary all rows but some hundred are the same: 14 MB become less than three.
    """
    plain, beside = path.with_suffix(".plain"), path.with_suffix(".tmp")
    torch.save(content, plain)
    with (
        zipfile.ZipFile(plain) as stored,
        zipfile.ZipFile(beside, "w") as packed,
    ):
        for entry in stored.infolist():
            # A fixed date: the same weights make the same file.
            undated = zipfile.ZipInfo(entry.filename)
            packed.writestr(undated, stored.read(entry), zipfile.ZIP_DEFLATED, compresslevel=9)
    beside.replace(path)
    plain.unlink()
