"""The library in the CLAP panel: sounds like the one that is heard, and sounds that fit words."""

from __future__ import annotations

import pytest
from gradio_client import Client, handle_file
from playwright.sync_api import Page, expect

from demos.examples import examples
from tests.browser.conftest import PATIENCE
from tests.browser.test_page import picture

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)


def test_sounds_are_found_by_words_played_and_opened(page: Page) -> None:
    box = page.get_by_label("Find sounds by words")
    box.fill("a siren wailing")
    box.press("Enter")
    lines = page.locator(".library .found li")
    expect(lines.first).to_contain_text("siren")
    lines.first.locator(".play").click()
    page.wait_for_function("document.querySelector('.library audio').currentTime > 0")
    expect(lines.first.locator(".play")).to_have_text("❚❚")
    lines.first.get_by_role("button", name="Open").press("Enter")
    expect(page.locator(".heard")).to_contain_text("siren.flac")
    expect(page.locator(".examples .chip", has_text="siren")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".tl-mel")).to_be_visible()

    page.locator(
        ".btn.listen"
    ).click()  # what was searched for stays until the sound's own neighbours are asked for
    page.get_by_role("button", name="Sounds like this one").click()
    expect(page.locator(".library .head")).to_contain_text("Nearest to this sound")
    expect(lines.first).to_be_visible()
    expect(page.locator(".library .found")).not_to_contain_text("siren")  # it is not near itself
    picture(page, "library")
    page.locator(".examples .chip", has_text="silence").click()
    expect(lines).to_have_count(0)  # they were near another sound


def test_an_empty_search_is_said(page: Page) -> None:
    page.get_by_role("button", name="Find", exact=True).click()
    expect(page.locator(".library .head.wrong")).to_contain_text("Write what you want to find")


def test_programs_find_what_people_find(address: str) -> None:
    client = Client(address, verbose=False)
    siren = next(example for example in examples() if example.id == "siren")
    found = client.predict(text="a siren wailing", api_name="/find")["found"]
    assert found[0]["id"] == "siren"
    near = client.predict(clip=handle_file(str(siren.path)), api_name="/nearest")
    assert "siren" not in [one["id"] for one in near["found"]]
    assert near["unheard"] == 0
    cosines = [one["cosine"] for one in near["found"]]
    assert cosines == sorted(cosines, reverse=True)
