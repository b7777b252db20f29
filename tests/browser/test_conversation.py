"""A follow-up to SALMONN: the thread above the answer, what ends it, and the flag of a follow-up's answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PATIENCE
from tests.browser.test_page import bring, listen, picture

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)

PANEL = ".panel-salmonn .first"


def follow_up(page: Page, question: str, asked: int) -> None:
    """Ask a follow-up and wait for its answer; `asked` counts the questions then, the new one included."""
    page.get_by_label("Ask SALMONN a follow-up").fill(question)
    page.get_by_label("Ask SALMONN a follow-up").press("Enter")
    expect(page.locator(f"{PANEL} .thread dt")).to_have_count(asked)
    page.locator(f"{PANEL} .small.rerun").wait_for()


def test_a_conversation_stands_above_the_answer_until_it_ends(page: Page, question: Path) -> None:
    bring(page, question)
    expect(page.locator(f"{PANEL} .follow")).to_be_hidden()
    listen(page)
    first = page.locator(f"{PANEL} .say").inner_text()
    instruction = page.get_by_label("SALMONN instruction", exact=True).input_value()
    expect(page.locator(f"{PANEL} .thread")).to_be_hidden()
    expect(page.locator(f"{PANEL} .anew")).to_be_hidden()

    follow_up(page, "is <b>it</b> loud?", asked=2)
    thread = page.locator(f"{PANEL} .thread")
    expect(thread.locator("dt")).to_have_text([instruction, "is <b>it</b> loud?"])
    expect(thread.locator("dd")).to_have_text([first])
    expect(page.locator(f"{PANEL} .notes")).to_contain_text("trained on single questions alone")
    expect(page.get_by_label("Ask SALMONN a follow-up")).to_be_focused()
    second = page.locator(f"{PANEL} .say").inner_text()
    follow_up(page, "what comes first?", asked=3)
    expect(thread.locator("dd")).to_have_text([first, second])
    picture(page, "conversation")

    third = page.locator(f"{PANEL} .say").inner_text()
    page.locator(f"{PANEL} .small.rerun").click()  # the same follow-up again
    page.locator(f"{PANEL} .small.rerun").wait_for()
    expect(thread.locator("dt")).to_have_count(3)
    expect(page.locator(f"{PANEL} .say")).to_have_text(third)

    page.locator(".panel-salmonn .compared > button").click()  # beside it, the same follow-up
    page.locator(".panel-salmonn .beside .small.rerun").click()
    expect(page.locator(".panel-salmonn .beside .thread dt")).to_have_count(3)
    expect(page.locator(".panel-salmonn .beside .anew")).to_be_hidden()

    page.locator(f"{PANEL} .small.flag").click()
    expect(page.locator(".flag-form h3 + .hint, h3 + .hint").first).to_contain_text("“what comes first?”")

    page.locator(f"{PANEL} .anew").click()
    expect(thread).to_be_hidden()
    expect(page.locator(f"{PANEL} .state")).to_contain_text("A new conversation")
    page.locator(f"{PANEL} .small.rerun").click()
    expect(page.locator(f"{PANEL} .say")).to_have_text(first)
    expect(thread).to_be_hidden()


def test_listening_again_begins_anew(page: Page, question: Path) -> None:
    bring(page, question)
    listen(page)
    follow_up(page, "is it loud?", asked=2)
    page.locator(".btn.listen").click()
    expect(page.locator(f"{PANEL} .thread")).to_be_hidden()
    expect(page.locator(f"{PANEL} .follow")).to_be_visible()
    expect(page.locator(f"{PANEL} .thread")).to_be_hidden()
