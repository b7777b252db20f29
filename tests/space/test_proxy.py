"""The page behind nginx under a path of its own, by the configuration that deploy/ has."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file

from tests.serving import ROOT, free_port, shipped_weights_are_there
from tests.space.place import running
from tests.space.test_space import EXAMPLE

pytestmark = [
    pytest.mark.skipif(
        shutil.which("nginx") is None, reason="There is no nginx here (apt-get install nginx-light)."
    ),
    pytest.mark.skipif(not shipped_weights_are_there(), reason="The mini suite's weights are not here."),
]
AROUND = """daemon off; pid {folder}/pid; error_log {folder}/errors; events {{}}
http {{ access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b;
fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
include {folder}/site.conf; }}
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, outside, inside = tmp_path_factory.mktemp("nginx"), free_port(), free_port()
    site = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    site = site.replace("listen 80;", f"listen 127.0.0.1:{outside};").replace(
        "127.0.0.1:7860", f"127.0.0.1:{inside}"
    )
    (folder / "site.conf").write_text(site)
    (folder / "nginx.conf").write_text(AROUND.format(folder=folder))
    with running(variables={"GRADIO_ROOT_PATH": "/earwitness"}, port=inside):
        nginx = subprocess.Popen(["nginx", "-c", str(folder / "nginx.conf")])
        try:
            yield f"http://127.0.0.1:{outside}/earwitness/"
        finally:
            nginx.terminate()
            nginx.wait(30)


def test_the_page_and_its_tools_live_under_the_path(address: str) -> None:
    assert httpx.get(address.removesuffix("/")).headers["location"].endswith("/earwitness/")
    assert f'"root":"{address.removesuffix("/")}"' in httpx.get(address).text.replace(" ", "")
    assert httpx.get(f"{address}gradio_api/mcp/").status_code == 200


def test_a_sound_is_uploaded_and_answers_stream_through_the_proxy(address: str, tmp_path: Path) -> None:
    client = Client(address, verbose=False, download_files=str(tmp_path))
    said = client.predict(clip=handle_file(str(EXAMPLE)), api_name="/listen")
    assert said["errors"] == {}
    answers = list(client.submit(clip=handle_file(str(EXAMPLE)), api_name="/answer"))
    assert len(answers) > 2
    assert answers[-1]["text"]
