"""The endpoints as tools of the Model Context Protocol, by gradio's own server of it.

Gradio gives the tools their names, descriptions and arguments, and sends each call through its queue. Here
is what it leaves out: a clip can be a file that was uploaded to a page on one's own machine, what is said is
JSON, and nothing that came with a call stays on the disk.
"""

from __future__ import annotations

import base64
import binascii
import json
import mimetypes
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import gradio as gr
from gradio.mcp import GradioMCPServer
from gradio.utils import get_upload_folder
from gradio_client.utils import is_file_obj_with_meta
from mcp import types
from mcp.server import Server
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.sse import SseServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.applications import Starlette

from demos.source.source_component import uploaded

_UPLOADED = "/gradio_api/file="
_NO_CLIP = (
    "The clip cannot be found. Give the http or https address of an audio file, the address that a file got "
    "when it was uploaded to this page, or a data: address in base64 of at most 3 MB."
)


class Tools(GradioMCPServer):
    """The tools of a page that is served. `application` answers requests while `manager.run()` lasts."""

    # gradio lacks these where it was imported without mcp
    types, Server, ReadResourceContents = types, Server, ReadResourceContents
    SseServerTransport, StreamableHTTPSessionManager = SseServerTransport, StreamableHTTPSessionManager

    def __init__(self, page: gr.Blocks) -> None:
        super().__init__(page)
        self._local_url = page.local_url
        self.application = Starlette()
        self.launch_mcp_on_sse(self.application, "", page.root_path)

    def convert_strings_to_filedata(
        self, value: dict[str, Any], filedata_positions: list[list[str | int]]
    ) -> dict[str, Any]:
        """The arguments of a call with each file as the endpoints take it, and its data on the disk.

        Raises ValueError with a sentence when a file's address is none.
        """
        return {
            name: self._file(argument) if [name] in filedata_positions else argument
            for name, argument in value.items()
        }

    def postprocess_output_data(self, data: Any, root_url: str) -> list[Any]:
        """What is said to a tool's caller: JSON; of a file its address."""
        said = [one if is_file_obj_with_meta(one) else json.dumps(one, ensure_ascii=False) for one in data]
        return super().postprocess_output_data(said, root_url)

    def _file(self, address: Any) -> dict[str, str]:
        text = address if isinstance(address, str) else ""
        if text.startswith("data:"):
            return self._file_of(text)
        path = uploaded(unquote(text.partition(_UPLOADED)[2]))
        if path is not None:
            return {"path": str(path), "url": text}
        if not text.startswith(("http://", "https://")):
            raise ValueError(_NO_CLIP)
        return {"path": text}

    def _file_of(self, address: str) -> dict[str, str]:
        about, _, data = address.removeprefix("data:").partition(",")
        try:
            content = base64.b64decode(data, validate=True) if about.endswith(";base64") else b""
        except binascii.Error:
            content = b""
        if not content:
            raise ValueError(_NO_CLIP)
        ending = mimetypes.guess_extension(about.partition(";")[0]) or ""
        file = Path(get_upload_folder()) / secrets.token_hex(16) / f"clip{ending}"
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
        self.blocks.upload_file_set.add(str(file))  # deleted later, should no endpoint come to read it
        return {"path": str(file)}
