"""`/flag` as a program calls it: every kind, and what it is told when something is missing."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from annotators.flags.kinds import KINDS
from store.benchmark import TASKS
from store.check import check_export
from tests.people import ANSWER_OF_KINDS, FLAGS
from tests.seeded import seeded_waveform
from tests.serving import served, untrained_weights

OWN = {"owner": "mine", "licence": "CC0-1.0", "speaker_agrees": True}
FLAGS_OF_WORDS = [(kind, values) for kind, values in FLAGS if kind != "not_following"]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("server")
    with served(folder, untrained_weights(folder / "weights")) as address:
        yield Client(address, verbose=False, download_files=str(folder))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Any:
    file = tmp_path_factory.mktemp("clips") / "two seconds.wav"
    soundfile.write(file, seeded_waveform(2.0, 16_000, 3), 16_000)
    return handle_file(str(file))


@pytest.fixture(scope="module")
def observation(client: Client, clip: Any) -> str:
    """CLAP given one label says it, so that the answer is known."""
    said = client.predict(clip=clip, labels=[ANSWER_OF_KINDS], api_name="/retrieve")
    assert said["text"] == ANSWER_OF_KINDS
    return str(said["id"])


@pytest.mark.parametrize(("kind", "values"), FLAGS_OF_WORDS)
def test_every_kind_goes_from_the_endpoint_to_listed_rows(
    client: Client, observation: str, kind: str, values: dict[str, Any]
) -> None:
    given = {name: value for name, value in values.items() if name != "marked"}
    said = client.predict(
        observation=observation, words=values["marked"], kind=kind, **given, **OWN, api_name="/flag"
    )
    made = {row["task"] for row in said["rows"]}
    assert made <= {task.name for task in KINDS[kind].tasks}  # type: ignore[index]
    assert bool(made) == bool(KINDS[kind].tasks)  # type: ignore[index]
    listed = {row["id"]: row for row in client.predict(kind=kind, api_name="/tasks")["rows"]}
    for row in said["rows"]:
        assert row["needs_partner"] == TASKS[row["task"]].needs_partner
        assert (listed[row["id"]]["instruction"], listed[row["id"]]["label"]) == (
            row["instruction"],
            row["label"],
        )


def test_what_every_kind_became_is_exported_checked_and_loaded(
    client: Client, observation: str, tmp_path: Path
) -> None:
    import datasets

    expected: dict[str, tuple[str, str]] = {}
    for kind, values in FLAGS_OF_WORDS:
        given = {name: value for name, value in values.items() if name != "marked"}
        asked = {"observation": observation, "words": values["marked"], "kind": kind} | given
        for row in client.predict(**asked, **OWN, api_name="/flag")["rows"]:
            expected[row["file"]] = (row["instruction"], row["label"])
    archive = Path(client.predict(api_name="/export"))
    broken = {problem.rule for problem in check_export(archive) if problem.is_rule}
    assert broken <= {"few instructions"}, "nothing but the number of rows is missing"
    zipfile.ZipFile(archive).extractall(tmp_path)
    loaded = {}
    for folder in (tmp_path / "datasets").iterdir():
        rows = datasets.load_dataset(str(folder), split="test", cache_dir=str(tmp_path / "cache"))
        for row in rows.cast_column("audio", datasets.Audio(decode=False)):
            loaded[row["file"]] = (row["instruction"], row["label"])
            assert soundfile.info(io.BytesIO(row["audio"]["bytes"])).duration == 2.0
    assert expected.items() <= loaded.items()
    assert {folder.name.split("_")[0] for folder in (tmp_path / "datasets").iterdir()} == set(TASKS)


def test_a_whole_answer_did_not_follow(client: Client, clip: Any) -> None:
    said = client.predict(clip=clip, instruction="Count to three.", api_name="/answer")
    asked = {"observation": said["id"], "words": "", "kind": "not_following"}
    assert client.predict(**asked, **OWN, api_name="/flag")["rows"] == []


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"words": ""}, "do not stand in the answer"),
        ({"words": "a bell, then"}, "do not stand in the answer"),
        ({"kind": "boredom"}, "choose one of object_existence, temporal_order"),
        ({"kind": "speaker", "attribute": "voice", "correction": "a robot"}, "choose one of a man, a woman"),
        ({"kind": "other"}, "“what is wrong” is empty"),
        ({"kind": "not_following"}, "no instruction that it could fail to follow"),
    ],
)
def test_what_is_missing_is_said_in_a_sentence(
    client: Client, clip: Any, asked: dict[str, Any], sentence: str
) -> None:
    heard = client.predict(clip=clip, labels=[ANSWER_OF_KINDS], api_name="/retrieve")
    claim = {} if asked.get("kind") == "other" else {"claim": "a bell"}
    whole = {"observation": heard["id"], "words": "A bell", "kind": "object_existence"} | claim | asked
    with pytest.raises(AppError, match=sentence):
        client.predict(**whole, **OWN, api_name="/flag")


def test_every_kind_and_every_closed_set_is_documented(client: Client) -> None:
    described = client.view_api(return_format="dict")["named_endpoints"]["/flag"]["description"]
    for kind in KINDS.values():
        assert kind.id in described
        for aspect in kind.aspects:
            assert f"{aspect.name}: {', '.join(aspect.answers)}" in described
    for parameter in ("observation", "words", "claim", "attribute", "correction", "time_start", "confidence"):
        assert f"`{parameter}`" in described
