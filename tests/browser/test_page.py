"""The page as a person uses it: bring a sound, listen, flag, find the rows, take them away."""

from __future__ import annotations

import csv
import io
import os
import re
import zipfile
from pathlib import Path

import pytest
import soundfile
from gradio_client import Client, handle_file
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PATIENCE

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)

PICTURES = os.environ.get("EARWITNESS_PICTURES")  # a folder for the README's pictures, when they are wanted
PANELS = (".strip", ".panel-clap", ".panel-pengi", ".panel-salmonn .first", ".panel-layers")
NASTY = "<img src=x onerror=window.broken=1>"


def bring(page: Page, file: Path, name: str | None = None) -> None:
    """Upload a sound and wait until it is drawn."""
    shown = name or file.name
    page.locator("input[type=file]").set_input_files(
        {"name": shown, "mimeType": "audio/wav", "buffer": file.read_bytes()}
    )
    expect(page.locator(".heard")).to_contain_text(shown)
    expect(page.locator(".tl-mel")).to_be_visible()


def listen(page: Page) -> None:
    """Press Listen and wait until every panel has said what it has to say."""
    page.locator(".btn.listen").click()
    for panel in PANELS:
        page.locator(f"{panel} .small.rerun").wait_for()


def picture(page: Page, name: str) -> None:
    if PICTURES:
        Path(PICTURES).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(PICTURES) / f"{name}.png"), full_page=True, timeout=PATIENCE)


def open_form(page: Page, marked: int = 2) -> str:
    """Press Flag on SALMONN's answer and mark its last words; returns them."""
    page.locator(".panel-salmonn .first .small.flag").click()
    return mark_words(page, marked)


def mark_words(page: Page, marked: int = 2) -> str:
    """Mark the last words of the answer in the form that is open; returns them."""
    words = page.locator(".words-box [data-word]")
    words.first.wait_for()
    first = max(0, words.count() - marked)
    words.nth(first).scroll_into_view_if_needed()
    words.nth(first).hover()
    page.mouse.down()
    words.nth(words.count() - 1).hover()
    page.mouse.up()
    expect(page.locator(".words-box .marked")).to_have_count(words.count() - first)
    claim = " ".join(" ".join(page.locator(".words-box .marked").all_inner_texts()).split())
    # They become the claim; what a test types before that would be replaced by them.
    expect(page.locator(".claim textarea")).to_have_value(claim.rstrip(".,;:!?"))
    return claim


def test_a_sound_becomes_a_task(page: Page, address: str, question: Path, tmp_path: Path) -> None:
    bring(page, question)
    listen(page)
    for panel in PANELS:
        expect(page.locator(f"{panel} .state.wrong")).to_have_count(0)
    assert page.locator(".panel-clap .hits li").count() >= 5
    assert page.locator(".panel-pengi .say").inner_text().strip()
    assert page.locator(".panel-salmonn .first .say").inner_text().strip()
    expect(page.locator(".panel-layers .heatmap canvas")).to_be_visible()

    marked = open_form(page)
    expect(page.locator(".claim textarea")).to_have_value(marked.rstrip(".,;:!?"))
    page.locator(".correction textarea").fill("a choir of nine")
    page.get_by_text("mine", exact=True).click()
    page.get_by_label("Everyone who can be heard").check()
    expect(page.locator(".becomes table tbody tr")).to_have_count(2)
    page.keyboard.press("Control+Enter")
    expect(page.locator(".saved table tbody tr")).to_have_count(2)
    instruction = page.locator(".saved table td").first.inner_text()

    page.locator(".to-tasks").click()
    row = page.locator(".line", has_text=instruction)
    expect(row).to_have_count(1)
    row.locator(".play").click()
    page.wait_for_function("document.querySelector('.row-list audio').currentTime > 0")
    picture(page, "tasks-light")
    with page.expect_download() as download:
        page.locator(".export").click()
    taken = tmp_path / "tasks.zip"
    download.value.save_as(taken)
    with zipfile.ZipFile(taken) as archive:
        archive.extractall(tmp_path / "tasks")
    (parquet,) = (tmp_path / "tasks").rglob("*.parquet")
    import datasets

    rows = datasets.load_dataset(
        "parquet", data_files=str(parquet), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert instruction in rows["instruction"]
    assert rows.features["audio"].sampling_rate == 16_000
    heard = rows.cast_column("audio", datasets.Audio(decode=False))[0]["audio"]["bytes"]
    assert soundfile.info(io.BytesIO(heard)).duration == pytest.approx(4.0, abs=0.01)


CLOSES_LATE = """
const native = window.fetch;
window.fetch = async (input, init) => {
  const answer = await native(input, init);
  if (!String(input.url || input).includes('/queue/data')) return answer;
  const late = new TransformStream({ async transform(chunk, controller) {
    const text = new TextDecoder().decode(chunk);
    const closes = text.indexOf('close_stream');
    const at = closes < 0 ? text.length : text.lastIndexOf('data:', closes);
    controller.enqueue(new TextEncoder().encode(text.slice(0, at)));
    if (at === text.length) return;
    await new Promise((done) => setTimeout(done, 1500));
    controller.enqueue(new TextEncoder().encode(text.slice(at)));
  } });
  return new Response(answer.body.pipeThrough(late), answer);
};
"""


def test_what_is_asked_while_the_stream_of_answers_closes_is_answered(page: Page, question: Path) -> None:
    page.add_init_script(CLOSES_LATE)  # the browser hears late that gradio closed it
    page.reload()
    page.locator(".btn.upload").wait_for()
    bring(page, question)
    listen(page)
    for panel in PANELS:
        expect(page.locator(f"{panel} .state.wrong")).to_have_count(0)


def test_the_heatmap_shows_and_gives_away_the_numbers_of_the_record(
    page: Page, address: str, question: Path, tmp_path: Path
) -> None:
    said = Client(address, verbose=False).predict(clip=handle_file(str(question)), api_name="/layers")
    values = said["heatmap"]["values"]
    bring(page, question)
    listen(page)
    canvas = page.locator(".panel-layers .heatmap canvas")
    files = {}
    for ending in ("png", "csv"):
        with page.expect_download() as download:
            page.locator(f".panel-layers .saves .{ending}").click()
        assert download.value.suggested_filename == f"whisper-encoder-change_from_below.{ending}"
        files[ending] = tmp_path / ending
        download.value.save_as(files[ending])
    with Image.open(files["png"]) as drawn:
        assert drawn.size == tuple(canvas.evaluate("one => [one.width, one.height]"))
        assert len(drawn.convert("RGB").getcolors(1 << 24) or []) > 20
    (_, *times), *lines = csv.reader(files["csv"].read_text(encoding="utf-8").splitlines())
    assert [[float(number) for number in line[1:]] for line in lines] == values

    box = canvas.bounding_box()
    assert box is not None
    for row, column in ((0, 0), (len(values) - 1, len(values[0]) // 2), (1, len(values[0]) - 1)):
        x = box["width"] * (column + 0.5) / len(values[0])
        y = box["height"] * (len(values) - row - 0.5) / len(values)
        canvas.hover(position={"x": x, "y": y})
        shown = page.locator(".panel-layers .tip").get_attribute("data-value")
        assert shown is not None
        assert float(shown) == values[row][column]
        tip = f"{lines[row][0]} · {float(times[column]):.2f} s · {lines[row][column + 1]}"
        expect(page.locator(".panel-layers .tip")).to_have_text(tip)


def test_what_people_write_never_becomes_markup(page: Page, question: Path) -> None:
    bring(page, question, f"{NASTY}.wav")
    page.locator(".bank select").select_option("own")
    page.locator(".bank textarea").fill(f"{NASTY}\nrain")
    listen(page)
    expect(page.locator(".panel-clap .hits")).to_contain_text(NASTY)
    open_form(page)
    page.locator(".claim textarea").fill(NASTY)
    expect(page.locator(".becomes td").first).to_contain_text(NASTY)
    assert page.evaluate("window.broken") is None


def test_the_form_keeps_what_was_typed_when_something_is_missing(page: Page, question: Path) -> None:
    bring(page, question)
    listen(page)
    open_form(page)
    page.locator(".claim textarea").fill("a choir of nine")
    page.locator(".save-flag").click()
    expect(page.locator(".problem")).to_be_visible()
    expect(page.locator(".claim textarea")).to_have_value("a choir of nine")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".flag-form")).to_have_count(0)


def test_the_timeline_obeys_the_keyboard(page: Page, question: Path) -> None:
    bring(page, question)
    timeline = page.get_by_role("slider", name="Position in the sound")
    timeline.focus()
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    assert float(timeline.get_attribute("aria-valuenow") or 0) == pytest.approx(3.0)
    page.keyboard.press("Home")
    assert float(timeline.get_attribute("aria-valuenow") or 1) == 0.0
    page.keyboard.press(" ")
    page.wait_for_function("document.querySelector('.timeline audio').currentTime > 0")


def test_a_range_on_the_timeline_is_the_flags_range(page: Page, question: Path) -> None:
    bring(page, question)
    listen(page)
    open_form(page)
    box = page.locator(".tl-over").bounding_box()
    assert box is not None
    page.locator(".tl-over").scroll_into_view_if_needed()
    box = page.locator(".tl-over").bounding_box() or box
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 60, steps=5)
    page.mouse.up()
    start = page.get_by_label("from, in seconds")
    expect(start).to_have_value(re.compile(r"^(0\.9\d?|1(\.0\d?)?)$"))


def test_a_file_that_is_no_sound_gets_a_sentence(page: Page, tmp_path: Path) -> None:
    letter = {"name": "letter.wav", "mimeType": "audio/wav", "buffer": b"Dear microphone"}
    page.locator("input[type=file]").set_input_files(letter)  # type: ignore[arg-type]
    expect(page.locator(".notices .wrong")).to_contain_text(re.compile(r"\.$"))
    expect(page.locator(".btn.listen")).to_be_disabled()


def test_silence_is_said_before_any_model_is_believed(page: Page) -> None:
    page.locator(".examples .chip", has_text="silence").click()
    expect(page.locator(".heard")).to_contain_text("silence.flac")
    expect(page.locator(".notices")).to_contain_text("silent")


def test_the_microphone_is_recorded(page: Page) -> None:
    page.locator(".btn.record").click()
    expect(page.locator(".btn.record")).to_contain_text("Stop")
    page.wait_for_timeout(1500)
    page.locator(".btn.record").click()
    expect(page.locator(".heard")).to_contain_text("recording.wav")
    expect(page.locator(".btn.listen")).to_be_enabled()


@pytest.mark.parametrize(
    ("name", "scheme", "width", "height"),
    [
        ("listen-light", "light", 1440, 1180),
        ("listen-dark", "dark", 1440, 1180),
        ("listen-phone", "light", 400, 900),
    ],
)
def test_the_page_fits_light_dark_and_phone(
    browser: Browser, address: str, question: Path, name: str, scheme: str, width: int, height: int
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    page.locator(".examples .chip", has_text="question over barking").click()
    expect(page.locator(".heard")).to_contain_text("question-over-barking.flac")
    bring(page, question)
    listen(page)
    open_form(page, marked=4)
    page.locator(".correction textarea").fill("a person speaking")
    page.get_by_text("mine", exact=True).click()
    expect(page.locator(".becomes table tbody tr")).to_have_count(2)
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(int(part) for part in re.findall(r"\d+", background)[:3]) / 3
    assert (brightness < 80) == (scheme == "dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    picture(page, name)
    context.close()
