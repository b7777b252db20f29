"""Attention entropy in the Layers panel: asked for when it is chosen, and told to the digit."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from demos.catalog import suite
from demos.engine import Engine, Request
from demos.sound import read
from store.records import Observation
from tests.browser.conftest import PATIENCE
from tests.browser.test_page import bring, picture
from tests.serving import shipped_weights_are_there

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)


def test_the_attention_of_an_encoder_is_shown_when_it_is_chosen(page: Page, question: Path) -> None:
    bring(page, question)
    page.get_by_label("Measure").click()
    page.get_by_role("option", name="attention entropy").click()  # asks at once
    expect(page.locator(".panel-layers .most")).to_contain_text("Widest attention (nats): layer")
    canvas = page.locator(".panel-layers .heatmap canvas")
    picture(page, "attention-entropy")
    if not shipped_weights_are_there():
        return
    asked = Request("layers", encoder="whisper encoder", measure="attention_entropy")
    *_, said = Engine(suite("mini")).observe(read(question), asked)
    assert isinstance(said, Observation)
    assert said.heatmap is not None
    values = said.heatmap.values
    canvas.focus()
    canvas.press("ArrowUp")  # the first cell of the lowest row
    tip = page.locator(".panel-layers .tip")
    assert float(tip.get_attribute("data-value") or "nan") == pytest.approx(values[0][0], rel=1e-3)
    expect(tip).to_contain_text(said.heatmap.layers[0])
