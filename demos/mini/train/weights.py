"""How trained weights are stored: float16, without what is computed or tied."""

from __future__ import annotations

from torch import Tensor, nn

CONSTANTS = ("stft.conv_", "melW", "relative_position_index", "attn_mask")


def half(module: nn.Module, without: tuple[str, ...] = ()) -> dict[str, Tensor]:
    """The state of `module` in float16, without constants and names that contain one of `without`."""
    return {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in module.state_dict().items()
        if not any(part in name for part in (*CONSTANTS, *without))
    }
