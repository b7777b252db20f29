"""Fetching published files: what comes, what is kept after a fault, and the sentence that people read."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from demos.published.download import FetchCancelled, FetchError
from demos.published.fetch import Pace, Progress, fetch
from demos.published.model import HandFile, HubFiles, PublishedModel, Source, WebFile
from demos.published.places import Places, files_here
from tests.hub import TestHub, served_hub

REPO = "people/ears"
WEIGHTS = np.random.default_rng(6).bytes(300_000)
FILES = {"config.json": b'{"layers": 2}', "model.safetensors": WEIGHTS, "notes.md": b"not asked for"}


@pytest.fixture
def hub() -> Iterator[TestHub]:
    with served_hub() as hub:
        hub.put(REPO, FILES)
        yield hub


@pytest.fixture
def where(hub: TestHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return Places(tmp_path / "own", tmp_path / "hub", hub.address)


def model(*sources: Source) -> PublishedModel:
    return PublishedModel("ears", "clap", "Ears", sources, (), "MIT", "MIT", "nothing")


def ears(**changes: object) -> PublishedModel:
    """A model of the Hub."""
    source = HubFiles(REPO, ("config.json", "model.safetensors|pytorch_model.bin", "tokenizer.json|"))
    return model(replace(source, **changes))  # type: ignore[arg-type]


def on_the_web(hub: TestHub, sha256: str = "") -> PublishedModel:
    """The same weights at an address of their own."""
    hub.web["/records/1/files/ears.pth"] = WEIGHTS
    return model(WebFile(f"{hub.address}/records/1/files/ears.pth?download=1", sha256))


def both_ways(hub: TestHub) -> list[PublishedModel]:
    return [ears(), on_the_web(hub, hashlib.sha256(WEIGHTS).hexdigest())]


def test_files_of_the_hub_come_into_its_cache(hub: TestHub, where: Places) -> None:
    from huggingface_hub import hf_hub_download, scan_cache_dir

    config, weights = fetch(ears(), where)
    assert (config.name, config.read_bytes()) == ("config.json", FILES["config.json"])
    assert (weights.name, weights.read_bytes()) == ("model.safetensors", WEIGHTS)
    assert not hub.gets("notes.md")
    cache = scan_cache_dir(where.hub)
    assert [(repo.repo_id, repo.nb_files) for repo in cache.repos] == [(REPO, 2)]
    assert not cache.warnings
    found = hf_hub_download(REPO, "model.safetensors", cache_dir=where.hub, local_files_only=True)
    assert Path(found) == weights


def test_what_another_program_fetched_is_not_fetched_again(hub: TestHub, where: Places) -> None:
    from huggingface_hub import hf_hub_download

    for name in ("config.json", "model.safetensors"):
        hf_hub_download(REPO, name, cache_dir=where.hub, endpoint=hub.address)
    hub.asked.clear()
    assert [path.name for path in fetch(ears(), where)] == ["config.json", "model.safetensors"]
    assert hub.asked == []


def test_files_of_the_web_come_into_our_folder(hub: TestHub, where: Places) -> None:
    (weights,) = fetch(on_the_web(hub), where)
    assert weights.name == "ears.pth"
    assert where.own in weights.parents
    assert weights.read_bytes() == WEIGHTS
    assert [path for path in weights.parent.iterdir() if path != weights] == []


def test_a_model_with_all_its_files_needs_no_network(hub: TestHub, where: Places) -> None:
    for one in both_ways(hub):
        brought = fetch(one, where)
        unreachable = replace(where, endpoint="http://127.0.0.1:9")
        hub.asked.clear()
        assert fetch(one, unreachable) == brought
        assert files_here(one, replace(where, offline=True)) == brought
        assert hub.asked == []


def test_progress_tells_bytes_and_ends_at_all_of_them(hub: TestHub, where: Places) -> None:
    for one in both_ways(hub):
        told: list[Progress] = []
        files = fetch(one, where, report=told.append)
        everything = sum(path.stat().st_size for path in files)
        downloading = [progress.done for progress in told if progress.stage == "downloading"]
        assert {progress.total for progress in told} == {everything}
        assert downloading == sorted(downloading)
        assert told[-1].done == everything
        assert {progress.stage for progress in told} == {"downloading", "checking"}


def test_the_time_left_follows_the_speed_of_the_last_seconds() -> None:
    seconds = iter([0.0, 1.0, 2.0, 30.0, 31.0, 41.0])
    pace = Pace(lambda: next(seconds))
    assert pace.seconds_left(0, 1_000) is None
    assert pace.seconds_left(100, 1_000) == pytest.approx(9.0)
    assert pace.seconds_left(200, None) is None
    pace.seconds_left(200, 1_000)
    pace.seconds_left(300, 1_000)
    assert pace.seconds_left(800, 1_000) == pytest.approx(200 / (500 / 10))


def test_a_cut_is_gone_over_without_asking_twice_for_a_byte(hub: TestHub, where: Places) -> None:
    for one in both_ways(hub):
        name = "model.safetensors" if isinstance(one.sources[0], HubFiles) else "ears.pth"
        faults = hub.fault(name)
        faults.cut_after, faults.cuts = 100_000, 2
        hub.asked.clear()
        assert fetch(one, where, pause=0)[-1].read_bytes() == WEIGHTS
        assert [one.range for one in hub.gets(name)] == ["", "bytes=100000-", "bytes=200000-"]


def test_a_download_that_was_given_up_goes_on_later(hub: TestHub, where: Places) -> None:
    for one in both_ways(hub):
        name = "model.safetensors" if isinstance(one.sources[0], HubFiles) else "ears.pth"
        faults = hub.fault(name)
        faults.cut_after, faults.cuts = 100_000, 1
        told: list[Progress] = []
        heard = threading.Event()

        def report(progress: Progress, told: list[Progress] = told, heard: threading.Event = heard) -> None:
            told.append(progress)
            if progress.done >= 100_000:
                heard.set()

        with pytest.raises(FetchCancelled, match="kept"):
            fetch(one, where, report=report, cancelled=heard.is_set, pause=0)
        assert files_here(one, where) is None
        hub.asked.clear()
        again: list[Progress] = []
        assert fetch(one, where, report=again.append, pause=0)[-1].read_bytes() == WEIGHTS
        assert [one.range for one in hub.gets(name)] == [f"bytes={told[-1].done - begun_before(one)}-"]
        assert again[0].done > told[-1].done


def begun_before(one: PublishedModel) -> int:
    """Bytes of the files that come before the weights."""
    return len(FILES["config.json"]) if isinstance(one.sources[0], HubFiles) else 0


def test_a_server_that_cuts_each_time_is_left_with_a_sentence(hub: TestHub, where: Places) -> None:
    faults = hub.fault("ears.pth")
    faults.cut_after, faults.cuts = 0, 100
    with pytest.raises(
        FetchError, match=r"was cut when 0 bytes of 300 kB of ears\.pth were here.*go on from"
    ):
        fetch(on_the_web(hub), where, pause=0)


def test_a_file_that_changed_meanwhile_is_not_mixed_with_the_old_one(hub: TestHub, where: Places) -> None:
    one = on_the_web(hub)
    faults = hub.fault("ears.pth")
    faults.cut_after, faults.cuts = 100_000, 1
    newer = WEIGHTS[::-1]

    def report(progress: Progress) -> None:
        if progress.done >= 100_000:
            hub.web["/records/1/files/ears.pth"] = newer

    assert fetch(one, where, report=report, pause=0)[-1].read_bytes() == newer


def test_wrong_bytes_are_removed_and_said(hub: TestHub, where: Places) -> None:
    for one in both_ways(hub):
        name = "model.safetensors" if isinstance(one.sources[0], HubFiles) else "ears.pth"
        hub.fault(name).spoilt = True
        with pytest.raises(FetchError, match="did not come as it was published: its checksum is another one"):
            fetch(one, where, pause=0)
        big = [path for path in where.own.parent.rglob("*") if path.is_file() and path.stat().st_size > 1_000]
        assert big == []
        hub.fault(name).spoilt = False
        assert fetch(one, where)[-1].read_bytes() == WEIGHTS
        for path in fetch(one, where):
            path.resolve().unlink()


def test_another_file_than_the_published_one_is_not_fetched(hub: TestHub, where: Places) -> None:
    with pytest.raises(FetchError, match=r"another file than the one that was published.*SHA-256"):
        fetch(ears(digests={"model.safetensors": "0" * 64}), where)
    assert not hub.gets("model.safetensors")
    assert fetch(ears(digests={"model.safetensors": hashlib.sha256(WEIGHTS).hexdigest()}), where)


def test_what_is_gone_is_said(hub: TestHub, where: Places) -> None:
    for one, sentence in (
        (model(WebFile(f"{hub.address}/gone.pth")), r"gone\.pth is not at 127.* any more \(HTTP 404\)"),
        (ears(repo="people/deaf"), r"people/deaf is not at 127.* any more \(HTTP 404\)"),
        (ears(revision="v2"), "has no revision v2 any more"),
        (ears(files=("model.bin|model.pt",)), r"has no file model\.bin or model\.pt any more"),
    ):
        with pytest.raises(FetchError, match=sentence):
            fetch(one, where)


def test_who_may_have_a_file_is_said_and_a_token_opens_it(
    hub: TestHub, where: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.put(REPO, FILES, gated="hf_mine")
    says = f"accept the licence at {hub.address}/{REPO} and set HF_TOKEN"
    with pytest.raises(FetchError, match=says):
        fetch(ears(), where)
    monkeypatch.setenv("HF_TOKEN", "hf_another")
    with pytest.raises(FetchError, match=says):
        fetch(ears(), where)
    monkeypatch.setenv("HF_TOKEN", "hf_mine")
    assert fetch(ears(), where)[-1].read_bytes() == WEIGHTS
    elsewhere = [one for one in hub.asked if one.path.startswith("/content/")]
    assert elsewhere
    assert not any(one.authorization for one in elsewhere), "a token is for the Hub alone"


def test_a_closed_door_on_the_web_is_said(hub: TestHub, where: Places) -> None:
    one = on_the_web(hub)
    hub.fault("ears.pth").status = 403
    with pytest.raises(FetchError, match=r"does not give ears\.pth to everyone \(HTTP 403\)"):
        fetch(one, where)
    hub.fault("ears.pth").status = 503
    with pytest.raises(FetchError, match=r"answered ears\.pth with HTTP 503: fetch again later"):
        fetch(one, where)


def test_no_network_is_said(hub: TestHub, where: Places) -> None:
    for one in (ears(), model(WebFile("http://127.0.0.1:9/ears.pth"))):
        with pytest.raises(FetchError, match=r"127\.0\.0\.1:9 cannot be reached: look at the network"):
            fetch(one, replace(where, endpoint="http://127.0.0.1:9"))
    with pytest.raises(FetchError, match=r"people/ears is not here, and HF_HUB_OFFLINE forbids"):
        fetch(ears(), replace(where, offline=True))
    assert hub.asked == []


def test_a_part_of_weights_in_several_files_is_not_taken_for_all(hub: TestHub, where: Places) -> None:
    from huggingface_hub import hf_hub_download

    shards = {f"model-{number:05}-of-00002.safetensors": bytes([number]) * 5_000 for number in (1, 2)}
    hub.put(REPO, {"config.json": b"{}", "model.safetensors.index.json": b"{}", **shards})
    one = ears(files=("config.json", "model*.safetensors|pytorch_model*.bin", "*.index.json|"))
    for name in ("config.json", "model-00001-of-00002.safetensors"):
        hf_hub_download(REPO, name, cache_dir=where.hub, endpoint=hub.address)
    assert files_here(one, where) is None
    assert len(fetch(one, where)) == 4


def test_a_file_to_be_put_by_hand_is_asked_for_last(hub: TestHub, where: Places) -> None:
    by_hand = HandFile("beats.pt", "ask its authors")
    one = model(HubFiles(REPO, ("config.json",)), by_hand)
    with pytest.raises(
        FetchError, match=r"beats\.pt is lacking for Ears: put it into .*by-hand.*ask its authors"
    ):
        fetch(one, where)
    hub.asked.clear()
    with pytest.raises(FetchError, match=r"beats\.pt is lacking"):
        fetch(one, where)
    assert hub.asked == [], "what is here already is not asked for again"
    where.hand_file(by_hand).parent.mkdir(parents=True, exist_ok=True)
    where.hand_file(by_hand).write_bytes(b"found")
    assert [path.name for path in fetch(one, where)] == ["config.json", "beats.pt"]


def test_two_at_once_get_one_download(hub: TestHub, where: Places) -> None:
    for one in both_ways(hub):
        name = "model.safetensors" if isinstance(one.sources[0], HubFiles) else "ears.pth"
        hub.fault(name).seconds_per_chunk = 0.01
        hub.asked.clear()
        stages: list[str] = []
        results: list[tuple[Path, ...]] = []

        def work(
            one: PublishedModel = one, stages: list[str] = stages, results: list[tuple[Path, ...]] = results
        ) -> None:
            results.append(fetch(one, where, report=lambda progress: stages.append(progress.stage)))

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(results) == 2
        assert results[0] == results[1]
        assert len(hub.gets(name)) == 1
        assert "waiting" in stages


def test_who_waits_for_another_download_can_cancel(hub: TestHub, where: Places) -> None:
    one = on_the_web(hub)
    hub.fault("ears.pth").seconds_per_chunk = 0.02
    begun, waits = threading.Event(), threading.Event()
    first = threading.Thread(target=lambda: fetch(one, where, report=lambda _: begun.set()))
    first.start()
    assert begun.wait(30)

    def report(progress: Progress) -> None:
        if progress.stage == "waiting":
            waits.set()

    with pytest.raises(FetchCancelled):
        fetch(one, where, report=report, cancelled=waits.is_set)
    first.join()
    assert files_here(one, where)
