"""The page as a program sees it: its command line, its endpoints, and what it keeps and lets go."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from demos.options import served_with
from store.__main__ import main
from store.store import Store
from store.verify import verify
from tests.seeded import seeded_waveform
from tests.serving import ROOT, served, untrained_weights

RATE = 16_000
PUBLIC = {
    *("/listen", "/retrieve", "/caption", "/answer", "/transcribe", "/layers", "/evidence", "/grounds"),
    *("/nearest", "/find", "/flag", "/tasks", "/export"),
}
OWN = {"owner": "mine", "licence": "CC0-1.0", "speaker_agrees": True}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with served(folder, untrained_weights(folder / "weights")) as address:
        yield address


@pytest.fixture
def client(address: str, tmp_path: Path) -> Client:
    return Client(address, verbose=False, download_files=str(tmp_path))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Any:
    file = tmp_path_factory.mktemp("clips") / "two seconds.wav"
    soundfile.write(file, seeded_waveform(2.0, RATE, 3), RATE)
    return handle_file(str(file))


def test_the_command_line_explains_itself_without_the_heavy_packages() -> None:
    script = (
        "import sys, app\n"
        "try: app.main(['--help'])\n"
        "except SystemExit: pass\n"
        "assert not {'torch', 'gradio', 'transformers'} & set(sys.modules), 'heavy packages are imported'"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for option in ("--host", "--port", "--data", "--suite"):
        assert option in done.stdout


def test_visitors_load_models_only_where_the_page_is_for_its_own_machine_or_they_may() -> None:
    assert served_with([]).visitors_load
    assert not served_with(["--no-visitors-load"]).visitors_load
    assert not served_with(["--host", "0.0.0.0"]).visitors_load
    assert served_with(["--host", "0.0.0.0", "--visitors-load"]).visitors_load


def test_the_page_is_built_before_heavy_packages_are_imported(tmp_path: Path) -> None:
    script = (
        "import sys, app\n"
        "from demos.catalog import suite\n"
        "from demos.engine import Engine\n"
        "from demos.session import Sessions\n"
        "from demos.published.bringing import Bringing\n"
        "from demos.published.shelf import Shelf\n"
        "from store.store import Store\n"
        "engine = Engine(suite('mini'))\n"
        "bringing = Bringing(Shelf(), engine.load, engine.holds)\n"
        f"app.build(engine, Sessions(engine), Store({str(tmp_path)!r}), bringing)\n"
        "heavy = {'torch', 'transformers', 'whisper', 'mcp', 'scipy.signal', 'scipy.stats'}\n"
        "early = heavy & set(sys.modules)\n"
        "assert not early, f'{early} are imported before the page is there'"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def test_exactly_the_public_endpoints_are_named_and_documented(client: Client) -> None:
    named = client.view_api(return_format="dict")["named_endpoints"]
    assert set(named) == PUBLIC
    assert all(endpoint.get("description") for endpoint in named.values())


def test_listen_answers_for_every_system(client: Client, clip: Any) -> None:
    said = client.predict(clip=clip, api_name="/listen")
    assert said["errors"] == {}
    assert set(said["observations"]) == {"clap", "pengi", "salmonn", "whisper", "layers"}
    assert said["clip"]["name"] == "two seconds.wav"
    assert said["clip"]["seconds"] == pytest.approx(2.0)


def test_a_question_follows_earlier_turns(client: Client, clip: Any) -> None:
    turns = [["what can you hear?", "a dog barking"]]
    *_, said = client.submit(clip=clip, instruction="and then?", turns=turns, api_name="/answer")
    assert said["settings"]["turns"] == turns
    assert "ASSISTANT: a dog barking</s>USER: and then?" in said["prompt"]
    with pytest.raises(AppError, match="a question and its answer"):
        client.predict(clip=clip, turns=[["what can you hear?"]], api_name="/answer")


def test_another_model_answers_when_it_is_named(client: Client, clip: Any) -> None:
    other = "mini-salmonn-before-activation"
    *_, said = client.submit(clip=clip, model=other, api_name="/answer")
    assert said["model_id"] == other
    client.predict(clip=clip, observation=said["id"], api_name="/grounds")
    both = client.predict(clip=clip, systems=["salmonn", "whisper"], models=[other], api_name="/listen")
    answered = {system: said["model_id"] for system, said in both["observations"].items()}
    assert answered == {"salmonn": other, "whisper": "mini-whisper"}
    with pytest.raises(AppError, match=f"no model “mine” .*there are mini-salmonn, {other}"):
        client.predict(clip=clip, model="mine", api_name="/answer")
    with pytest.raises(AppError, match="no model “mine”; there are mini-clap"):
        client.predict(clip=clip, models=["mine"], api_name="/listen")


def test_an_answer_is_looked_into_and_held_against_the_sound(client: Client, clip: Any) -> None:
    *_, said = client.submit(clip=clip, lora_scaling=2.0, over_silence=True, api_name="/answer")
    assert said["settings"]["over_silence"] is True
    *_, said = client.submit(clip=clip, api_name="/answer")
    found = client.predict(clip=clip, observation=said["id"], api_name="/grounds")
    assert "".join(found["tokens"]) == said["text"]
    assert len(found["attention"]) == len(found["probabilities"]) == len(found["over_silence"])
    assert len(found["attention"][0]) == len(found["windows"]) == 6  # two seconds in thirds
    with pytest.raises(AppError, match="no such observation"):
        client.predict(clip=clip, observation="another", api_name="/grounds")
    (one, other) = client.predict(clip=clip, text="a dog barking, then rain falling", api_name="/evidence")
    assert (one["words"], other["words"]) == ("a dog barking", "rain falling")
    assert -1 <= one["cosine"] <= 1


def test_labels_of_ones_own_are_ranked(client: Client, clip: Any) -> None:
    said = client.predict(clip=clip, labels=["<img src=x onerror=alert(1)>", "rain"], api_name="/retrieve")
    assert {score["text"] for score in said["scores"]} == {"<img src=x onerror=alert(1)>", "rain"}


def test_layers_are_shown_for_the_encoder_that_is_asked_for(client: Client, clip: Any) -> None:
    said = client.predict(clip=clip, encoder="BEATs", measure="rms", api_name="/layers")
    assert said["heatmap"]["encoder"] == "BEATs"
    assert len(said["heatmap"]["values"]) == len(said["heatmap"]["layers"])


def test_a_flag_becomes_rows_that_are_listed_and_exported(client: Client, clip: Any) -> None:
    said = client.predict(clip=clip, labels=["a passing car"], api_name="/retrieve")
    assert said["text"] == "a passing car"
    flag = {"observation": said["id"], "words": "a passing car", "kind": "object_existence"}
    flag |= {"claim": "a passing car", "correction": "a dog barking"}
    with pytest.raises(AppError, match="whose sound"):
        client.predict(**flag, api_name="/flag")
    kept = client.predict(**flag, **OWN, api_name="/flag")
    assert [row["label"] for row in kept["rows"]] == ["no", "yes"]
    listed = client.predict(text="dog barking", api_name="/tasks")
    assert kept["rows"][1]["id"] in {row["id"] for row in listed["rows"]}
    chosen = {"model": "mini-clap", "task": "SoundExistenceVerification", "state": "unpaired"}
    listed = client.predict(**chosen, api_name="/tasks")
    assert {row["id"] for row in kept["rows"]} <= {row["id"] for row in listed["rows"]}
    assert client.predict(model="another", api_name="/tasks")["total"] == 0
    table = pq.read_table(client.predict(**chosen, form="parquet", api_name="/export"))
    assert set(table["model"].to_pylist()) == {"mini-clap"}
    with pytest.raises(AppError, match="no export “csv”"):
        client.predict(form="csv", api_name="/export")
    with pytest.raises(AppError, match="no state “lost”"):
        client.predict(state="lost", api_name="/tasks")
    with zipfile.ZipFile(client.predict(api_name="/export")) as archive:
        (parquet,) = [name for name in archive.namelist() if name.endswith(".parquet")]
        with archive.open(parquet) as file:
            table = pq.read_table(file)
    assert table.column_names == ["audio", "file", "instruction", "label"]
    assert {row["file"] for row in kept["rows"]} <= set(table["file"].to_pylist())


def test_another_session_cannot_flag_what_this_one_heard(address: str, client: Client, clip: Any) -> None:
    said = client.predict(clip=clip, labels=["a bell"], api_name="/retrieve")
    stranger = Client(address, verbose=False)
    with pytest.raises(AppError, match="no such observation"):
        stranger.predict(
            observation=said["id"], words="a bell", kind="object_existence", claim="a bell", api_name="/flag"
        )


def test_two_clients_interleave_and_see_nothing_of_each_other(
    address: str, tmp_path: Path, clip: Any
) -> None:
    file = tmp_path / "one second.wav"
    soundfile.write(file, seeded_waveform(1.0, RATE, 4), RATE)
    clips, claims = [clip, handle_file(str(file))], ["a wombat of the first", "an emu of the second"]
    clients = [Client(address, verbose=False) for _ in clips]
    asked: dict[str, Any] = {"systems": ["clap", "whisper"], "api_name": "/listen"}
    heard: list[dict[str, Any]] = []
    for _ in range(2):
        listening = [
            client.submit(clip=one, labels=[claim], **asked)
            for client, one, claim in zip(clients, clips, claims, strict=True)
        ]
        heard += [job.result(300) for job in listening]
    assert [one["clip"]["name"] for one in heard] == ["two seconds.wav", "one second.wav"] * 2
    assert [one["observations"]["clap"]["text"] for one in heard] == claims * 2
    ids = [{said["id"] for said in one["observations"].values()} for one in heard]
    assert len(set.union(*ids)) == 8  # nobody was given what another had asked
    for mine, other in zip(heard[:2], heard[1::-1], strict=True):
        assert (
            mine["observations"]["clap"]["view"]["clip_id"]
            != other["observations"]["clap"]["view"]["clip_id"]
        )

    flags: list[dict[str, Any]] = [
        {"observation": one["observations"]["clap"]["id"], "words": claim, "claim": claim}
        | {"kind": "object_existence", "api_name": "/flag"}
        for one, claim in zip(heard, claims, strict=False)
    ]
    for client, flag in zip(clients, flags[::-1], strict=True):
        with pytest.raises(AppError, match="no such observation"):
            client.predict(**flag, **OWN)
    saving = [client.submit(**flag, **OWN) for client, flag in zip(clients, flags, strict=True)]
    for job, claim, others in zip(saving, claims, claims[::-1], strict=True):
        said = str(job.result(300))
        assert claim in said
        assert others not in said


def test_a_file_that_is_no_sound_is_refused_in_a_sentence(client: Client, tmp_path: Path) -> None:
    file = tmp_path / "letter.wav"
    file.write_text("Dear microphone,\n")
    with pytest.raises(AppError) as refused:
        client.predict(clip=handle_file(str(file)), api_name="/transcribe")
    sentence = str(refused.value)
    assert sentence.endswith(".")
    assert "Traceback" not in sentence


def test_silence_is_said(client: Client, tmp_path: Path) -> None:
    file = tmp_path / "nothing.wav"
    soundfile.write(file, np.zeros(RATE), RATE)
    said = client.predict(clip=handle_file(str(file)), systems=["clap"], api_name="/listen")
    assert any("silent" in notice for notice in said["notices"])


@pytest.mark.parametrize("meta", [{}, {"meta": {"_type": "gradio.FileData"}}])
def test_files_of_the_server_cannot_be_passed_as_clips(address: str, meta: dict[str, Any]) -> None:
    victim = ROOT / "demos" / "mini" / "examples" / "silence.flac"
    call = f"{address}/gradio_api/call/transcribe"
    asked = httpx.post(call, json={"data": [{"path": str(victim), **meta}]}, timeout=300)
    said = httpx.get(f"{call}/{asked.json()['event_id']}", timeout=300).text
    assert "event: error" in said
    assert victim.is_file()


def test_uploads_are_deleted_once_they_are_heard(client: Client, clip: Any, folder: Path) -> None:
    client.predict(clip=clip, api_name="/transcribe")
    assert not list((folder / "uploads").rglob("*seconds*.wav"))


def test_the_store_of_a_page_that_is_served_is_backed_up_from_the_command_line(
    client: Client, clip: Any, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = client.predict(clip=clip, labels=["a kettle"], api_name="/retrieve")
    flag = {"observation": said["id"], "words": "a kettle", "kind": "object_existence", "claim": "a kettle"}
    kept = client.predict(**flag, **OWN, api_name="/flag")
    copy = tmp_path / "copy"
    assert main(["--store", str(folder / "store"), "backup", str(copy)]) == 0
    assert capsys.readouterr() == (f"Backed up {folder / 'store'}, which is in use, to {copy}.\n", "")
    with Store(copy, create=False) as store:
        assert list(verify(store)) == []
        assert {row["id"] for row in kept["rows"]} <= {view.row.id for view in store.rows(limit=1000)}
    client.predict(**flag, **OWN, api_name="/flag")  # and the page goes on


def test_monitoring_is_off(address: str) -> None:
    assert httpx.get(f"{address}/monitoring", timeout=300).status_code >= 400
