"""The examples of docs/API.md and the README run as they stand, and say all that there is to say."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from gradio_client import Client

from tests.api.document import BEGIN, SECTION_OF
from tests.serving import ROOT

ADDRESS = "http://localhost:7860"
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


def examples(text: str) -> list[str]:
    return BLOCK.findall(text)


def example_of_the_readme() -> str:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (example,) = (block for block in examples(readme) if "gradio_client" in block)
    return str(example)


def run(source: str, address: str) -> None:
    """Run an example in the present folder; of it only the server's address is replaced."""
    assert ADDRESS in source
    exec(compile(source.replace(ADDRESS, address), "example", "exec"), {})


def test_the_example_of_the_readme_runs(address: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    run(example_of_the_readme(), address)


def test_the_readme_names_the_endpoints_of_the_document() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (listed,) = re.findall(r"The endpoints are `(.*?)`", readme, re.DOTALL)
    assert listed.split() == list(SECTION_OF)


@pytest.mark.parametrize("name", SECTION_OF)
def test_the_example_of_an_endpoint_runs_after_the_first_one(
    name: str, address: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    (begin,), (example,) = examples(BEGIN), examples(SECTION_OF[name])
    assert f'api_name="{name}"' in example
    run(begin + example, address)
    if name not in ("/transcribe", "/answer"):  # an untrained network may say nothing
        assert capsys.readouterr().out.replace("Loaded as API:", "").strip()


def test_every_endpoint_and_argument_is_told_with_its_default(address: str) -> None:
    named = Client(address, verbose=False).view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert list(SECTION_OF) == list(named)
    for name, endpoint in named.items():
        table = {
            argument: line
            for line in SECTION_OF[name].splitlines()
            if line.startswith("| `")
            for argument in re.findall(r"`(\w+)`", line.split("|")[1])
        }
        assert set(table) == {one["parameter_name"] for one in endpoint["parameters"]}, name
        for one in endpoint["parameters"]:
            default = table[one["parameter_name"]].split("|")[3].strip()
            assert bool(default) == one["parameter_has_default"], (name, one["parameter_name"])
            if default and default != "all five":
                shown = repr(one["parameter_default"]).replace("'", '"')
                assert default == f"`{shown}`", (name, one["parameter_name"])


def test_every_argument_and_result_is_described_to_gradio(tmp_path: Path) -> None:
    from gradio.utils import get_function_description

    from app import build
    from demos.catalog import suite
    from demos.engine import Engine
    from demos.published.bringing import Bringing
    from demos.published.shelf import Shelf
    from demos.session import Sessions
    from store.store import Store

    engine = Engine(suite("mini"))
    bringing = Bringing(Shelf(), engine.load, engine.holds)
    with Store(tmp_path / "store") as store:
        page = build(engine, Sessions(engine), store, bringing)
    endpoints = {f"/{one.api_name}": one.fn for one in page.fns.values() if one.api_visibility == "public"}
    assert set(endpoints) == set(SECTION_OF)
    for name, endpoint in endpoints.items():
        about, arguments, results = get_function_description(endpoint)
        asked = [one for one in inspect.signature(endpoint).parameters if one != "request"]
        assert about.endswith("."), name
        assert all(arguments[one].endswith(".") for one in asked), (name, arguments)
        assert results, name
        assert not any(line.endswith((",", ";")) for line in results), (
            f"gradio joins lines with commas: {name}"
        )
