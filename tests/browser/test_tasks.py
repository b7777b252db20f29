"""The Tasks tab as a person uses it: open a row, say it otherwise, find a partner, hear the model again."""

from __future__ import annotations

import io
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import PATIENCE
from tests.browser.test_page import bring, picture
from tests.serving import served, shipped_weights_are_there, untrained_weights

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page with a store of its own: what other tests flagged is no partner here."""
    folder = tmp_path_factory.mktemp("tasks")
    weights = None if shipped_weights_are_there() else untrained_weights(folder / "weights")
    with served(folder, weights) as address:
        yield address


@pytest.fixture(scope="module")
def noises(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two sounds made by sox alone."""
    folder = tmp_path_factory.mktemp("noises")
    files = []
    for colour in ("pinknoise", "brownnoise"):
        files.append(folder / f"{colour}.wav")
        command = ["sox", "-n", "-r", "16000", "-b", "16", str(files[-1]), "synth", "2", colour, "vol", "0.2"]
        subprocess.run(command, check=True, capture_output=True)
    return files


def flag_best_label(page: Page, file: Path, label: str) -> None:
    """Let CLAP hear a sound with one label, and flag that label as not there."""
    bring(page, file)
    page.locator(".bank select").select_option("own")
    page.locator(".bank textarea").fill(label)
    page.locator(".btn.listen").click()
    page.locator(".panel-clap .small.flag").wait_for()
    expect(page.locator(".panel-clap .hits")).to_contain_text(label)
    page.locator(".panel-clap .small.flag").click()
    expect(page.locator(".claim textarea")).to_have_value(label)
    page.get_by_text("mine", exact=True).click()
    page.get_by_label("Everyone who can be heard").check()
    page.locator(".save-flag").click()
    expect(page.locator(".saved table tbody tr")).to_have_count(1)


def opened(page: Page, row: Locator) -> Locator:
    """The details below a row."""
    row.locator(".more").click()
    details = page.locator(".details")
    expect(details.locator(".facts")).to_be_visible()
    return details


def test_a_row_is_balanced_edited_and_heard_again(page: Page, noises: list[Path]) -> None:
    flag_best_label(page, noises[0], "a passing car")
    flag_best_label(page, noises[1], "a choir of nine")
    page.locator(".to-tasks").click()
    row = page.locator(".line", has_text="a passing car").first
    expect(row.locator(".state")).to_have_text("needs a partner")
    expect(page.locator(".instance .gate", has_text="without a partner")).to_contain_text("2 rows")

    details = opened(page, row)
    expect(details.locator(".facts")).to_contain_text("mini-clap")
    details.locator(".act-replay").click()
    expect(details.locator(".same")).to_be_visible()

    details.locator(".act-partners").click()
    expect(details.locator(".candidate")).to_have_count(1)
    details.locator(".candidate .play").click()
    page.wait_for_function("document.querySelector('.row-list audio').currentTime > 0")
    details.locator(".act-confirm").click()
    expect(page.locator(".line .state.has-a-partner")).to_have_count(2)
    expect(page.locator(".instance .gate", has_text="without a partner")).to_contain_text("1 row")
    picture(page, "tasks-row")

    row = page.locator(".line", has_text="a choir of nine").first
    page.locator(".line .more[aria-expanded=true]").click()
    details = opened(page, row)
    details.locator(".edit-instruction").fill("Is there a choir? Answer yes or no.")
    details.locator(".edit-label").fill("perhaps")
    details.locator(".act-edit").click()
    expect(details.locator(".problem")).to_contain_text("“perhaps” is not among them")
    expect(details.locator(".edit-label")).to_have_value("perhaps")
    details.locator(".edit-label").fill("no")
    details.locator(".act-edit").click()
    edited = page.locator(".line", has_text="Is there a choir? Answer yes or no.")
    expect(edited).to_have_count(1)
    expect(page.locator(".details .versions li")).to_have_count(2)
    expect(page.locator(".details .versions li").first).to_contain_text("a choir of nine")

    page.locator(".details .act-out").click()
    expect(edited).to_have_count(0)


def test_what_a_person_withdraws_is_gone_after_they_are_asked_once_more(
    page: Page, noises: list[Path]
) -> None:
    flag_best_label(page, noises[0], "a kettle boiling")
    page.locator(".to-tasks").click()
    row = page.locator(".line", has_text="a kettle boiling").first
    details = opened(page, row)
    details.locator(".act-withdraw").click()
    expect(details.locator(".act-withdraw")).to_have_text("Erase it for good?")
    expect(row).to_be_visible()
    details.locator(".act-withdraw").click()
    expect(page.locator(".line", has_text="a kettle boiling")).to_have_count(0)


def test_who_did_not_make_a_row_cannot_change_it(browser: Browser, address: str, noises: list[Path]) -> None:
    mine, other = browser.new_page(), browser.new_page()
    for page in (mine, other):
        page.set_default_timeout(PATIENCE)
        page.goto(address)
        page.locator(".btn.upload").wait_for()
    flag_best_label(mine, noises[0], "a ship's horn")
    other.get_by_role("tab", name="Tasks").click()
    details = opened(other, other.locator(".line", has_text="a ship's horn").first)
    expect(details.locator(".versions")).to_be_visible()
    expect(details.locator(".act-edit")).to_have_count(0)
    expect(details.locator(".act-out")).to_have_count(0)
    mine.close()
    other.close()


def test_wrong_words_become_a_choice_and_a_transcription(page: Page, question: Path, tmp_path: Path) -> None:
    bring(page, question)
    page.locator(".btn.listen").click()
    page.locator(".strip .small.flag").wait_for()
    said = page.locator(".strip .say").inner_text().split()
    assert said, "the shipped Whisper hears words in a spoken question"
    page.locator(".strip .small.flag").click()
    words = page.locator(".words-box [data-word]")
    words.first.wait_for()
    words.last.click()
    page.locator(".correction textarea").fill("giraffe")
    expect(page.locator(".transcript textarea")).to_have_value(" ".join([*said[:-1], "giraffe"]))
    expect(page.locator(".becomes table tbody tr")).to_have_count(2)
    page.get_by_text("mine", exact=True).click()
    page.get_by_label("Everyone who can be heard").check()
    page.locator(".save-flag").click()
    expect(page.locator(".saved table tbody tr")).to_have_count(2)

    page.locator(".to-tasks").click()
    expect(page.locator(".line", has_text="SpokenWordsChoice").first).to_be_visible()
    expect(page.locator(".line", has_text="SpeechTranscription").first).to_contain_text("giraffe")
    with page.expect_download() as download:
        page.locator(".export").click()
    download.value.save_as(tmp_path / "tasks.zip")
    with zipfile.ZipFile(tmp_path / "tasks.zip") as archive:
        archive.extractall(tmp_path / "tasks")
    import datasets

    (folder,) = (tmp_path / "tasks" / "datasets").glob("SpeechTranscription_*")
    rows = datasets.load_dataset(str(folder), split="test", cache_dir=str(tmp_path / "cache"))
    assert rows["label"] == [" ".join([*said[:-1], "giraffe"])]
    heard = rows.cast_column("audio", datasets.Audio(decode=False))[0]["audio"]["bytes"]
    assert soundfile.info(io.BytesIO(heard)).duration == pytest.approx(4.0, abs=0.01)
