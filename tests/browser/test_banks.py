"""Banks of labels in the CLAP panel: what ships, and a visitor's own, which their browser keeps."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PATIENCE
from tests.browser.test_page import picture

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)


def choose_example(page: Page, title: str) -> None:
    page.locator(".examples .chip", has_text=title).click()
    expect(page.locator(".tl-mel")).to_be_visible()


def save_bank(page: Page, name: str, labels: str) -> None:
    page.locator(".bank select").select_option("own")
    page.locator(".bank textarea").fill(labels)
    page.get_by_label("Name of this bank").fill(name)
    page.get_by_label("Name of this bank").press("Enter")


def test_a_bank_is_saved_found_again_and_deleted(page: Page, browser: Browser, address: str) -> None:
    choose_example(page, "siren")
    save_bank(page, "my streets", "a siren wailing\na dog barking\nsilence")
    said = page.locator(".bank .said")
    expect(said).to_contain_text("“my streets” is saved in this browser")

    page.reload()
    choose_example(page, "siren")
    expect(page.locator(".bank select")).to_have_value("suite")
    page.locator(".bank select").select_option(label="my streets (3)")  # asks CLAP at once
    expect(page.locator(".panel-clap .hits li")).to_have_count(3)
    expect(page.locator(".panel-clap .hits li").first).to_contain_text("siren")
    picture(page, "banks")

    stranger = browser.new_context().new_page()  # another browser has none of it
    stranger.goto(address)
    expect(stranger.locator(".bank option", has_text="Paste labels")).to_have_count(1)
    expect(stranger.locator(".bank option", has_text="my streets")).to_have_count(0)
    stranger.context.close()

    page.get_by_role("button", name="Delete").click()
    expect(page.locator(".bank option", has_text="my streets")).to_have_count(1)  # asked once more
    page.get_by_role("button", name="Delete for good").click()
    expect(said).to_contain_text("is deleted")
    expect(page.locator(".bank option", has_text="my streets")).to_have_count(0)
    expect(page.locator(".bank textarea")).to_have_value("a siren wailing\na dog barking\nsilence")
    page.reload()
    page.locator(".bank option", has_text="Paste labels").wait_for(state="attached")
    expect(page.locator(".bank option", has_text="my streets")).to_have_count(0)


def test_a_name_that_exists_is_replaced_only_when_that_is_meant(page: Page) -> None:
    said = page.locator(".bank .said")
    save_bank(page, "rooms", "a kitchen\na hall")
    save_bank(page, "rooms", "a cellar")
    expect(said).to_contain_text("There is a bank “rooms” with 2 labels.")
    expect(page.locator(".bank option", has_text="rooms (2)")).to_have_count(1)
    page.get_by_role("button", name="Replace").click()
    expect(page.locator(".bank option", has_text="rooms (1)")).to_have_count(1)

    save_bank(page, "streets", "a siren wailing")
    page.get_by_label("Name of this bank").fill("rooms")
    page.get_by_role("button", name="Rename").click()
    expect(said).to_contain_text("There is a bank “rooms” already.")
    page.get_by_label("Name of this bank").fill("lanes")
    page.get_by_role("button", name="Rename").click()
    expect(said).to_contain_text("“streets” is now “lanes”.")
    expect(page.locator(".bank option", has_text="streets")).to_have_count(0)
    expect(page.locator(".bank textarea")).to_have_value("a siren wailing")


def test_limits_and_empty_banks_are_said(page: Page) -> None:
    said = page.locator(".bank .said")
    save_bank(page, "none", "\n \n")
    expect(said).to_contain_text("There are no labels to save.")
    save_bank(page, "", "a hall")
    expect(said).to_contain_text("Give the bank a name")
    save_bank(page, "many", "\n".join(f"label {number}" for number in range(501)))
    expect(said).to_contain_text("There are 501 labels; CLAP ranks at most 500")
    save_bank(page, "long", "x" * 201)
    expect(said).to_contain_text("more than 200 characters")
    expect(page.locator(".bank option", has_text="long")).to_have_count(0)


def test_labels_in_audiosets_manner_are_shown_by_name(page: Page) -> None:
    choose_example(page, "siren")
    page.locator(".bank select").select_option("world alarm")
    expect(page.locator(".panel-clap .hits li")).to_have_count(6)
    expect(page.locator(".panel-clap .hits li").first).to_contain_text("Siren")
    expect(page.locator(".bank .hint")).to_contain_text("“Siren” as “a siren wailing”")


def test_examples_stand_in_one_line_and_obey_the_arrows(page: Page) -> None:
    chips = page.locator(".examples .chip")
    tops = {round(chip.bounding_box()["y"]) for chip in chips.all()}  # type: ignore[index]
    assert len(tops) == 1
    chips.first.focus()
    page.keyboard.press("End")
    expect(chips.last).to_be_focused()
    expect(chips.last).to_be_in_viewport(ratio=1)
    page.keyboard.press("Enter")
    expect(page.locator(".heard")).to_contain_text(".flac")
    expect(chips.last).to_have_attribute("aria-pressed", "true")
