"""The timeline: all that was heard over one time axis, to play, zoom, read, ask about and take away."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from gradio_client import Client, handle_file
from PIL import Image
from playwright.sync_api import Download, Page, expect

from tests.browser.conftest import PATIENCE
from tests.browser.test_page import bring, listen, mark_words

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)

SECONDS = 4.0


def press(page: Page, *keys: str) -> None:
    timeline = page.get_by_role("slider", name="Position in the sound")
    for key in keys:
        timeline.press(key)


def drag(page: Page, start: float, stop: float) -> None:
    """Choose a part of the sound by its shares of the axis."""
    over = page.locator(".tl-over")
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    assert box is not None
    y = box["y"] + 60
    page.mouse.move(box["x"] + start * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + stop * box["width"], y, steps=4)
    page.mouse.up()


def value_under(page: Page, track: str, share: float, up: float = 0.5) -> str:
    """What hovering at a share of a track's width and height says that the value is."""
    row = page.locator(f'[data-track="{track}"] canvas, [data-track="{track}"] .tl-lane').first
    row.scroll_into_view_if_needed()
    box = row.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + share * box["width"], box["y"] + (1 - up) * box["height"])
    return page.locator(".tl-tip").get_attribute("data-value") or ""


def test_hovering_reads_the_stored_numbers(page: Page, address: str, question: Path) -> None:
    client = Client(address, verbose=False)
    layered, heard, captioned = (
        client.predict(clip=handle_file(str(question)), api_name=f"/{name}")
        for name in ("layers", "transcribe", "caption")
    )
    heatmap = layered["heatmap"]
    bring(page, question)
    listen(page)
    layers, columns = len(heatmap["values"]), len(heatmap["values"][0])
    for layer, column in ((0, 3), (layers - 1, columns // 2)):
        seconds = (column + 0.5) * heatmap["seconds_per_column"]
        shown = value_under(page, "layers", seconds / SECONDS, (layer + 0.5) / layers)
        assert float(shown) == heatmap["values"][layer][column]
    word = heard["words"][0]
    shown = value_under(page, "words", (word["start"] + word["stop"]) / 2 / SECONDS)
    assert float(shown) == pytest.approx(word["probability"], abs=5e-5)
    assert value_under(page, "captions", 0.5) == captioned["text"]
    loud = float(value_under(page, "mel", 0.1, 0.3))
    quiet = float(value_under(page, "mel", 0.9, 0.95))
    assert -120 < quiet < loud < 0


def test_zoom_shows_less_at_a_time_and_scrolls_with_what_is_played(page: Page, question: Path) -> None:
    bring(page, question)
    pan = page.locator(".tl-pan")
    expect(pan).to_be_hidden()
    press(page, "+", "+")
    expect(pan).to_be_visible()
    box = page.locator(".tl-over").bounding_box()
    assert box is not None
    page.locator(".tl-over").click(position={"x": box["width"] - 2, "y": 60})
    shown = page.get_by_role("slider", name="Position in the sound").get_attribute("aria-valuenow")
    assert float(shown or 0) == pytest.approx(SECONDS / 4, abs=0.05)  # a quarter of the sound fills the axis
    press(page, "End")
    expect(pan).to_have_value("1000")
    press(page, "Home")
    expect(pan).to_have_value("0")
    press(page, " ")
    page.wait_for_function("Number(document.querySelector('.tl-pan').value) > 0")
    press(page, " ", "0")
    expect(pan).to_be_hidden()


def test_a_part_is_played_again_and_again(page: Page, question: Path) -> None:
    bring(page, question)
    drag(page, 0.25, 0.35)
    expect(page.locator(".tl-times")).to_contain_text(re.compile(r"^0\.9\d–1\.4\d s|^1\.0\d–1\.4\d s"))
    press(page, "l", " ")
    expect(page.locator(".tl-loop")).to_have_attribute("aria-pressed", "true")
    turned_back = """() => new Promise((done) => {
      const audio = document.querySelector('.timeline audio');
      let last = audio.currentTime;
      const look = () => {
        if (audio.currentTime < last - 0.1) done(audio.paused ? 0 : audio.currentTime);
        else { last = audio.currentTime; requestAnimationFrame(look); }
      };
      look();
    })"""
    assert 0.9 < page.evaluate(turned_back) < 1.3


def test_a_part_is_asked_about(page: Page, question: Path) -> None:
    bring(page, question)
    listen(page)
    expect(page.locator(".panel-clap .took")).not_to_contain_text("heard")
    drag(page, 0.5, 0.75)
    page.locator(".tl-ask").click()
    for panel in (".panel-clap", ".panel-salmonn .first", ".panel-layers"):
        expect(page.locator(f"{panel} .took")).to_contain_text(re.compile(r"heard 2\.0–3\.0 s"))
    # Asked again, a system hears the same part; Listen asks about the whole.
    page.locator(".panel-salmonn .first .small.rerun").click()
    page.locator(".panel-salmonn .first .small.rerun").wait_for()
    expect(page.locator(".panel-salmonn .first .took")).to_contain_text(re.compile(r"heard 2\.0–3\.0 s"))
    listen(page)
    expect(page.locator(".panel-salmonn .first .took")).not_to_contain_text("heard")


def test_a_part_is_flagged(page: Page, question: Path) -> None:
    bring(page, question)
    listen(page)
    drag(page, 0.25, 0.5)
    page.get_by_role("button", name="Flag this part of SALMONN").click()
    expect(page.locator("h3", has_text="What did SALMONN make up?")).to_be_visible()
    expect(page.get_by_label("from, in seconds")).to_have_value(re.compile(r"^(0\.9|1|1\.0)\d*$"))
    mark_words(page)
    page.locator(".claim textarea").fill("a wombat singing")
    page.locator(".correction textarea").fill("nothing of the kind")
    page.get_by_text("mine", exact=True).click()
    page.get_by_label("Everyone who can be heard").check()
    expect(page.locator(".becomes table tbody tr")).not_to_have_count(0)
    page.keyboard.press("Control+Enter")
    marks = page.locator(".tl-marks span", has_text="a wombat singing")
    expect(marks).to_have_count(1)
    page.locator(".examples .chip", has_text="silence").click()
    expect(page.locator(".heard")).to_contain_text("silence.flac")
    expect(marks).to_have_count(0)
    bring(page, question)
    expect(marks).to_have_count(1)  # the flag is kept with the sound


def test_labels_are_followed_over_time(page: Page, question: Path, tmp_path: Path) -> None:
    import soundfile

    samples, rate = soundfile.read(question)
    long = tmp_path / "long.wav"
    soundfile.write(long, np.concatenate([samples] * 4), rate)
    bring(page, long)
    listen(page)
    hits = page.locator(".panel-clap .hits button")
    first, third = hits.nth(0).locator(".name").inner_text(), hits.nth(2).locator(".name").inner_text()
    hits.nth(2).click()
    expect(page.locator(".tl-fit .tl-label")).to_contain_text(f"“{first}”")
    expect(page.locator(".tl-fit .tl-label")).to_contain_text(f"“{third}”")
    hits.nth(0).click()
    expect(page.locator(".tl-fit .tl-label")).not_to_contain_text(f"“{first}”")


def taken(download: Download, folder: Path) -> bytes:
    file = folder / download.suggested_filename
    download.save_as(file)
    return file.read_bytes()


def test_the_timeline_can_be_taken_away(page: Page, question: Path, tmp_path: Path) -> None:
    bring(page, question)
    listen(page)
    files = {}
    for ending in ("png", "svg", "csv"):
        with page.expect_download() as download:
            page.locator(f".tl-{ending}").click()
        assert download.value.suggested_filename == f"a-question-timeline.{ending}"
        files[ending] = taken(download.value, tmp_path)
    with Image.open(io.BytesIO(files["png"])) as picture:
        assert len(picture.convert("L").getcolors(1 << 24) or []) > 50
    drawing = ElementTree.fromstring(files["svg"])
    texts = "".join(drawing.itertext())
    words = page.locator(".tl-words span").all_inner_texts()
    assert all(word in texts for word in words)
    assert "a question.wav" in texts
    rows = list(csv.DictReader(io.StringIO(files["csv"].decode())))
    assert [row["text"] for row in rows if row["track"] == "whisper words"] == words
    assert sum(row["track"] == "layers" for row in rows) > 100
