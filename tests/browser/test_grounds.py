"""Looking into an answer of SALMONN: a word shows when it listened, and hovering tells the values."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from demos.catalog import suite
from demos.engine import Engine, Request
from demos.panels.differences import differing_words
from demos.sound import read
from store.records import Observation
from tests.browser.conftest import PATIENCE
from tests.browser.test_page import bring, listen, picture
from tests.serving import shipped_weights_are_there

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)


def test_a_word_shows_when_it_listened_and_what_silence_would_give(page: Page, question: Path) -> None:
    bring(page, question)
    listen(page)
    words = page.locator(".panel-salmonn .first .say .word")
    expect(page.locator(".tl-attended")).to_be_hidden()
    words.first.click()
    text = words.first.inner_text()
    expect(page.locator(".panel-salmonn .first .over")).to_contain_text(f"“{text}” has probability")
    expect(page.locator(".tl-attended .tl-label")).to_contain_text(f"salmonn “{text}” hears")
    assert "SALMONN listened most at" in (page.locator(".tl-heard").get_attribute("aria-label") or "")
    picture(page, "grounds")

    page.locator(".panel-salmonn .first .say").press("ArrowRight")
    second = words.nth(1 % words.count()).inner_text()
    expect(page.locator(".tl-attended .tl-label")).to_contain_text(f"“{second}”")

    if shipped_weights_are_there():
        engine = Engine(suite("mini"))
        sound = read(question)
        *_, said = engine.observe(sound, Request("salmonn"))
        assert isinstance(said, Observation)
        mass = engine.grounds(sound, said).mass
        canvas = page.locator(".panel-salmonn .first .mass")
        box = canvas.bounding_box()
        assert box is not None
        for layer, token in ((0, 0), (len(mass) - 1, mass.shape[1] - 1)):
            x = box["width"] * (token + 0.5) / mass.shape[1]
            y = box["height"] * (len(mass) - layer - 0.5) / len(mass)
            canvas.hover(position={"x": x, "y": y})
            shown = page.locator(".panel-salmonn .first .rests figcaption").get_attribute("data-value")
            assert float(shown or "nan") == float(f"{mass[layer, token]:.4g}")

    page.locator(".panel-salmonn .first .small.rerun").click()
    expect(page.locator(".tl-attended")).to_be_hidden()
    page.locator(".panel-salmonn .first .small.rerun").wait_for()
    expect(page.locator(".panel-salmonn .first .grounds")).to_be_hidden()


def test_two_settings_stand_side_by_side(page: Page, question: Path) -> None:
    bring(page, question)
    listen(page)
    said = page.locator(".panel-salmonn .first .say").inner_text()
    page.locator(".compared > button").click()
    beside = page.locator(".compared .answer")
    beside.locator(".rerun").click()
    expect(beside.locator(".took")).to_contain_text("LoRA 2")
    other = beside.locator(".say").inner_text()
    expected = [other[start:stop] for start, stop in differing_words(other, said)]
    assert beside.locator(".differs").all_inner_texts() == expected
    expect(beside.locator(".flag")).to_be_visible()
    page.get_by_label("silence instead of the sound").check()
    beside.locator(".rerun").click()
    expect(beside.locator(".took")).to_contain_text("over silence")
    expect(beside.locator(".flag")).to_be_hidden()
    assert page.locator(".panel-salmonn .first .say").inner_text() == said  # the first answer stays
    picture(page, "compared")
