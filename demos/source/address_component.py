"""A sound that is given by its address on the web."""

from __future__ import annotations

import secrets
from pathlib import Path

from gradio.processing_utils import ssrf_protected_download
from gradio.utils import get_upload_folder

from demos.sound import SoundError


def fetched(address: str) -> Path:
    """The file at a public http or https address, brought into gradio's upload folder; its reader deletes it.

    Addresses of this machine and of its network are refused. Raises SoundError with a sentence.
    """
    folder = Path(get_upload_folder()) / secrets.token_hex(16)
    try:
        return Path(ssrf_protected_download(address, str(folder)))
    except Exception as problem:  # gradio's own are of no narrower class
        raise SoundError(
            "The clip could not be brought from its address. Give one that anybody can open, or upload it."
        ) from problem
