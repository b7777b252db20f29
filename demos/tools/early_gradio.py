"""Gradio imported without mcp, which it would import wherever that is installed; only tools need it."""

from __future__ import annotations

import importlib
import sys


def import_gradio() -> None:
    """Let gradio be imported as if there were no mcp: with it a start took over a tenth longer."""
    if "mcp" in sys.modules:
        return
    sys.modules["mcp"] = None  # type: ignore[assignment]  # Python's way to say that there is none
    try:
        importlib.import_module("gradio")
    finally:
        del sys.modules["mcp"]
