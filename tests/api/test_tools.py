"""The endpoints as a program meets them that speaks the Model Context Protocol."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from gradio_client import Client, handle_file
from mcp import ClientSession, types
from mcp.client.streamable_http import streamable_http_client

from tests.api.document import SECTION_OF
from tests.serving import ROOT

EXAMPLE = ROOT / "demos" / "mini" / "examples" / "rain-then-bell.flac"
LABELS = ["rain", "a bell", "a dog barking"]
Call = Callable[..., types.CallToolResult]


async def _asked(address: str, ask: Callable[[ClientSession], Any]) -> Any:
    async with (
        httpx.AsyncClient(timeout=300) as web,
        streamable_http_client(f"{address}/gradio_api/mcp/", http_client=web) as (read, write, _),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        return await ask(session)


@pytest.fixture
def call(address: str) -> Call:
    """Call a tool with its arguments, each time as another program."""

    def call(name: str, **arguments: Any) -> Any:
        return anyio.run(_asked, address, lambda session: session.call_tool(name, arguments))

    return call


def text_of(result: types.CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, types.TextContent)
    return content.text


def said(result: types.CallToolResult) -> Any:
    assert not result.isError, text_of(result)
    return json.loads(text_of(result))


def data_address(file: Path) -> str:
    return "data:audio/flac;base64," + base64.b64encode(file.read_bytes()).decode()


def uploaded(address: str, file: Path) -> str:
    """The address of a file that was uploaded as gradio's own helper for tools uploads it."""
    with file.open("rb") as content:
        answer = httpx.post(f"{address}/gradio_api/upload", files={"files": content}, timeout=300)
    return f"{address}/gradio_api/file={answer.json()[0]}"


def left_in(folder: Path) -> list[Path]:
    return [file for file in (folder / "uploads").rglob("*") if file.is_file()]


def test_the_tools_are_the_endpoints_and_each_is_described_with_its_arguments(address: str) -> None:
    tools = anyio.run(_asked, address, lambda session: session.list_tools()).tools
    assert [f"/{tool.name}" for tool in tools] == list(SECTION_OF)
    for tool in tools:
        assert "Returns:" in tool.description, tool.name
        arguments = tool.inputSchema["properties"]
        assert arguments, tool.name
        assert all(argument["description"] for argument in arguments.values()), tool.name
        assert "request" not in arguments


def test_a_tool_says_what_the_endpoint_says_and_nothing_of_the_clip_stays(
    call: Call, address: str, folder: Path
) -> None:
    before = left_in(folder)
    clip = data_address(EXAMPLE)
    by_tool = said(call("retrieve", clip=clip, labels=LABELS))
    assert left_in(folder) == before
    client = Client(address, verbose=False)
    by_client = client.predict(clip=handle_file(str(EXAMPLE)), labels=LABELS, api_name="/retrieve")
    assert by_tool["scores"] == by_client["scores"]
    assert set(by_tool) == set(by_client)


def test_a_file_that_was_uploaded_once_is_there_for_the_next_tools(call: Call, address: str) -> None:
    clip = uploaded(address, EXAMPLE)
    by_address = said(call("retrieve", clip=clip, labels=LABELS))
    assert by_address["scores"] == said(call("retrieve", clip=data_address(EXAMPLE), labels=LABELS))["scores"]
    found = said(call("evidence", clip=clip, text="a dog barking"))
    assert [one["words"] for one in found] == ["a dog barking"]


def test_an_answer_is_looked_into_and_flagged_by_its_id_though_others_called_in_between(call: Call) -> None:
    clip, other = data_address(EXAMPLE), data_address(EXAMPLE.with_name("siren.flac"))
    answer = said(call("answer", clip=clip, instruction="What can you hear?"))
    assert "stage" not in answer  # the whole answer, not what was written first
    said(call("retrieve", clip=other, labels=LABELS))
    grounds = said(call("grounds", clip=clip, observation=answer["id"]))
    assert "".join(grounds["tokens"]) == answer["text"]
    ranked = said(call("retrieve", clip=other, labels=["a kettle"]))
    said(call("transcribe", clip=clip))
    flag = {"observation": ranked["id"], "words": "a kettle", "kind": "object_existence", "claim": "a kettle"}
    rights = {"owner": "mine", "licence": "CC0-1.0", "speaker_agrees": True}
    kept = said(call("flag", **flag, **rights))
    assert [row["label"] for row in kept["rows"]] == ["no"]
    missed = call("flag", **flag | {"observation": "another"}, **rights)
    assert missed.isError
    assert "no such observation" in text_of(missed)


def test_an_export_is_an_address_to_download(call: Call) -> None:
    address = text_of(call("export", form="parquet"))
    assert httpx.get(address, timeout=300).content.startswith(b"PAR1")


@pytest.mark.parametrize(
    ("clip", "sentence"),
    [
        ("data:audio/wav;base64," + base64.b64encode(b"Dear microphone,").decode(), "holds text, not sound"),
        ("data:audio/wav;base64,~", "clip cannot be found"),
        ("/etc/hostname", "clip cannot be found"),
        ("http://localhost:9/clip.wav", "could not be brought from its address"),
    ],
)
def test_what_is_no_sound_is_refused_in_a_sentence(
    clip: str, sentence: str, call: Call, folder: Path
) -> None:
    before = left_in(folder)
    refused = call("transcribe", clip=clip)
    assert refused.isError
    assert sentence in text_of(refused)
    assert text_of(refused).endswith(".")
    assert left_in(folder) == before


def test_the_page_of_the_api_tells_of_the_tools(address: str) -> None:
    assert httpx.get(f"{address}/config", timeout=300).json()["mcp_server"] is True
    told = httpx.get(f"{address}/gradio_api/mcp/schema", timeout=300).json()
    assert [f"/{tool['name']}" for tool in told] == list(SECTION_OF)
