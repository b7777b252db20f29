"""One served page for the tests of this folder, of untrained networks, with a row in its store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from gradio_client import Client, handle_file

from tests.seeded import seeded_waveform
from tests.serving import served, untrained_weights

RATE = 16_000


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `clip.wav`; the page's store and `uploads` lie in it too."""
    folder = tmp_path_factory.mktemp("api")
    soundfile.write(folder / "clip.wav", seeded_waveform(2.0, RATE, 3), RATE)
    return folder


@pytest.fixture(scope="package")
def address(folder: Path) -> Iterator[str]:
    """The address of the page; “a bell” is flagged in `clip.wav`: there is a row to list and export."""
    with served(folder, untrained_weights(folder / "weights")) as address:
        client = Client(address, verbose=False)
        said = client.predict(handle_file(str(folder / "clip.wav")), ["a bell"], api_name="/retrieve")
        flag = {"observation": said["id"], "words": "a bell", "kind": "object_existence", "claim": "a bell"}
        rights = {"owner": "mine", "licence": "CC0-1.0", "speaker_agrees": True}
        client.predict(**flag, **rights, api_name="/flag")
        yield address
