"""Another model in SALMONN's slot, as a person chooses it: for the panel, beside it, and in a blind vote."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PATIENCE
from tests.browser.test_page import bring, listen, picture

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)

OWN, OTHER = "Mini-SALMONN", "Mini-SALMONN before activation"
FIRST, BESIDE = "Model of SALMONN", "Model of the other setting of SALMONN"


def choose(page: Page, choice: str, model: str) -> None:
    """Choose a model by the keyboard, as in any list."""
    page.get_by_label(choice, exact=True).click()
    page.get_by_role("option", name=model, exact=True).click()


def test_another_model_answers_beside_the_first_and_both_are_voted_on(page: Page, question: Path) -> None:
    bring(page, question)
    listen(page)
    foot = page.locator(".panel-salmonn .first .took")
    expect(page.get_by_label(FIRST, exact=True)).to_have_value(OWN)
    expect(foot).not_to_contain_text(OTHER)

    choose(page, FIRST, OTHER)  # asks again at once
    expect(foot).to_contain_text(OTHER)
    expect(page.get_by_label(FIRST, exact=True)).to_have_value(OTHER)

    page.locator(".compared > button").click()
    page.get_by_label("silence instead of the sound").check()
    page.locator(".beside .rerun").click()
    beside = page.locator(".beside .took")
    expect(beside).to_contain_text("over silence")
    expect(beside).not_to_contain_text(OTHER)
    picture(page, "two-models")

    page.get_by_label("Blind: hide which is which").check()
    page.locator(".vote-form .ask").click()
    expect(page.locator(".vote-form .side")).to_have_count(2)
    expect(page.locator(".vote-form .setting")).to_have_count(0)
    page.get_by_text("only show me the names").click()
    page.get_by_role("button", name="Neither is faithful").click()
    expect(page.locator(".vote-form .setting")).to_have_count(2)
    names = page.locator(".vote-form .setting").all_inner_texts()
    assert sorted(name.split(" · ")[0] for name in names) == [
        "mini-salmonn",
        "mini-salmonn-before-activation",
    ]


def test_the_choice_belongs_to_who_made_it_and_only_slots_with_several_models_have_one(
    page: Page, address: str
) -> None:
    choose(page, FIRST, OTHER)
    expect(page.locator(".panel-salmonn .first .stage")).to_have_text(
        "Record, upload or choose a sound first."
    )
    with page.context.expect_page() as opened:
        page.evaluate("window.open(location.href)")
    another = opened.value
    another.locator(".btn.upload").wait_for()
    expect(another.get_by_label(FIRST, exact=True)).to_have_value(OWN)
    expect(another.locator(".panel-pengi .panel-head .model")).to_have_text("Mini-Pengi")
    expect(another.get_by_label("Model of Pengi")).to_have_count(0)
    for width in (1440, 400):
        another.set_viewport_size({"width": width, "height": 900})
        assert another.evaluate("document.documentElement.scrollWidth") <= width
    picture(another, "two-models-phone")
