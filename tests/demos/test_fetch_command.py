"""`python -m demos fetch`: the list, a download from the hub of the environment, and the models as data."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import whisper

from demos.__main__ import main
from demos.published.model import WebFile
from demos.published.models import PUBLISHED
from demos.published.table import PAGE, filled
from store.records import SYSTEMS
from tests.hub import served_hub

ROOT = Path(__file__).parents[2]


def run(folder: Path, address: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    environment |= {
        "HF_ENDPOINT": address,
        "HF_HOME": str(folder / "huggingface"),
        "EARWITNESS_CACHE": str(folder / "earwitness"),
    }
    command = [sys.executable, "-m", "demos", "fetch", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)


def test_a_model_comes_from_the_hub_of_the_environment_and_is_listed_as_here(tmp_path: Path) -> None:
    with served_hub() as hub:
        hub.put("facebook/data2vec-audio-base", {"config.json": b"{}", "pytorch_model.bin": bytes(5_000)})
        fetched = run(tmp_path, hub.address, "data2vec")
        assert fetched.returncode == 0, fetched.stderr
        paths = [Path(line) for line in fetched.stdout.splitlines()]
        assert [path.name for path in paths] == ["config.json", "pytorch_model.bin"]
        assert all(tmp_path / "huggingface" in path.parents for path in paths)
        assert "data2vec audio base: not known to us. Read the model card" in fetched.stderr
    again = run(tmp_path, "http://127.0.0.1:9", "data2vec")
    assert again.stdout == fetched.stdout
    state = {line.split()[0]: line for line in run(tmp_path, "http://127.0.0.1:9").stdout.splitlines()}
    assert "  here  " in state["data2vec"]
    assert "  here  " not in state["hubert"]
    failed = run(tmp_path, "http://127.0.0.1:9", "hubert")
    assert failed.returncode == 1
    assert "127.0.0.1:9 cannot be reached" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_an_unknown_model_is_answered_with_similar_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fetch", "salmon-7b"]) == 1
    assert "There is no published model salmon-7b; did you mean salmonn-7b" in capsys.readouterr().err


def test_every_slot_has_published_models_and_ids_are_unique() -> None:
    assert {model.system for model in PUBLISHED} == set(SYSTEMS)
    assert len({model.id for model in PUBLISHED}) == len(PUBLISHED)
    for model in PUBLISHED:
        assert model.sources
        assert model.code_licence
        assert model.weights_licence
        assert model.not_known, "nothing here was opened by us"


def test_whisper_hashes_are_those_of_openai_whisper() -> None:
    ours = {
        source.url: source.sha256
        for model in PUBLISHED
        for source in model.sources
        if isinstance(source, WebFile) and source.sha256
    }
    assert ours == {url: urlsplit(url).path.split("/")[-2] for url in whisper._MODELS.values()}


def test_parts_of_one_key_are_one_network() -> None:
    seen: dict[str, object] = {}
    for part in (part for model in PUBLISHED for part in model.parts):
        assert seen.setdefault(part.key, part) == part


def test_the_table_of_the_docs_is_what_the_data_say() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert filled(page) == page, "run python -m demos.published.table"
    assert all(f"| `{model.id}` |" in page for model in PUBLISHED)
