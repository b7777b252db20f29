"""The Models tab: load a published model with progress, cancel one, use the loaded one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from demos.catalog import suite
from demos.engine import Engine
from demos.published.bringing import Bringing
from demos.published.models import PUBLISHED
from demos.published.places import Places
from demos.published.shelf import Shelf
from tests.browser.conftest import PATIENCE
from tests.browser.test_page import PICTURES, bring, listen
from tests.hub import TestHub, served_hub
from tests.serving import served_here, untrained_weights
from tests.tiny_published import tiny_models

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)


@dataclass(frozen=True)
class Lab:
    """A hub of tiny models, and the engine of a page that brings them."""

    hub: TestHub
    engine: Engine
    bringing: Bringing


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with served_hub() as hub:
        models = tiny_models(hub, tmp_path / "tiny")
        shelf = Shelf(Places(tmp_path / "own", tmp_path / "hub", hub.address), models)
        engine = Engine(replace(suite("mini", untrained_weights(tmp_path / "weights")), shelf=shelf.models))
        yield Lab(hub, engine, Bringing(shelf, engine.load, engine.holds, models))


@contextmanager
def opened(browser: Browser, lab: Lab, folder: Path, visitors_load: bool = True) -> Iterator[Page]:
    """The Models tab of a page that is served here."""
    with served_here(lab.engine, folder, lab.bringing, visitors_load) as address:
        context = browser.new_context(viewport={"width": 1440, "height": 1180})
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(address)
        page.locator(".btn.upload").wait_for()
        page.get_by_role("tab", name="Models").click()
        page.locator("tr[data-model]").first.wait_for()
        try:
            yield page
        finally:
            context.close()


def row(page: Page, id_: str) -> Locator:
    return page.locator(f'tr[data-model="{id_}"]')


def test_a_model_is_loaded_with_progress_and_used(
    browser: Browser, lab: Lab, question: Path, tmp_path: Path
) -> None:
    lab.hub.fault("tiny.pt").seconds_per_chunk = 0.01
    with opened(browser, lab, tmp_path) as page:
        whisper = row(page, "whisper-tiny")
        expect(whisper.locator(".state")).to_have_text("not here")
        expect(whisper.locator(".licence")).to_contain_text("MIT")
        whisper.get_by_role("button", name="Load Whisper tiny").click()
        expect(whisper.locator("progress")).to_be_visible()
        expect(whisper.locator(".state small")).to_have_text(
            re.compile(r"^[\d.]+ [kM]B of [\d.]+ MB, about \d+ s left$")
        )
        # The mini model answers until the new one is ready.
        page.get_by_role("tab", name="Listen").click()
        bring(page, question)
        page.keyboard.press("Enter")
        page.get_by_role("tab", name="Models").click()
        expect(whisper.locator(".state")).to_have_text("loaded")
        whisper.get_by_role("button", name="Use Whisper tiny").click()
        strip = page.locator(".strip")
        expect(strip.get_by_label("Model of Whisper")).to_have_value("Whisper tiny")
        listen(page)
        expect(strip.locator(".took")).to_contain_text("Whisper tiny")
        session = lab.engine.suite.model("whisper", "whisper-tiny")
        assert lab.engine.holds(session)


def test_every_published_model_is_listed_and_a_phone_shows_all_of_it(page: Page) -> None:
    page.get_by_role("tab", name="Models").click()
    expect(page.locator("tr[data-model]")).to_have_count(len(PUBLISHED))
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / "models.png")
    page.set_viewport_size({"width": 400, "height": 900})
    load = row(page, "salmonn-13b").get_by_role("button", name="Load SALMONN 13B")
    load.scroll_into_view_if_needed()
    box = load.bounding_box()
    assert box is not None
    assert 0 <= box["x"] < box["x"] + box["width"] <= 400
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_an_encoder_that_was_loaded_draws_its_layers(
    browser: Browser, lab: Lab, question: Path, tmp_path: Path
) -> None:
    with opened(browser, lab, tmp_path) as page:
        encoder = row(page, "wav2vec2")
        encoder.get_by_role("button", name="Load wav2vec 2.0 base").click()
        encoder.get_by_role("button", name="Use wav2vec 2.0 base").click()
        expect(page.get_by_label("Encoder")).to_have_value("wav2vec 2.0 base")
        bring(page, question)
        listen(page)
        expect(page.locator(".panel-layers .took")).to_contain_text(
            "2 × "
        )  # change from below, of two layers


def test_what_is_cancelled_stops_and_goes_on_from_there(browser: Browser, lab: Lab, tmp_path: Path) -> None:
    faults = lab.hub.fault("tiny.pt")
    faults.seconds_per_chunk = 0.02
    with opened(browser, lab, tmp_path) as page:
        whisper = row(page, "whisper-tiny")
        whisper.get_by_role("button", name="Load Whisper tiny").click()
        expect(whisper.locator(".state small")).to_contain_text("left")
        whisper.get_by_role("button", name="Cancel Whisper tiny").click()
        expect(whisper.locator(".state")).to_have_text("not here")
        expect(whisper.get_by_role("button", name="Load Whisper tiny")).to_be_focused()
        faults.seconds_per_chunk = 0.0
        whisper.get_by_role("button", name="Load Whisper tiny").click()
        expect(whisper.locator(".state")).to_have_text("loaded")
        assert lab.hub.gets("tiny.pt")[-1].range, "what came before was not asked for again"


def test_what_goes_wrong_is_said_in_its_row(browser: Browser, lab: Lab, tmp_path: Path) -> None:
    lab.hub.fault("tiny.pt").spoilt = True
    with opened(browser, lab, tmp_path) as page:
        whisper = row(page, "whisper-tiny")
        whisper.get_by_role("button", name="Load Whisper tiny").click()
        expect(whisper.locator(".state .wrong")).to_contain_text("tiny.pt")
        expect(whisper.get_by_role("button", name="Load Whisper tiny")).to_be_enabled()


def test_visitors_load_nothing_where_they_may_not(browser: Browser, lab: Lab, tmp_path: Path) -> None:
    with opened(browser, lab, tmp_path, visitors_load=False) as page:
        whisper = row(page, "whisper-tiny")
        load = whisper.get_by_role("button", name="Load Whisper tiny")
        expect(load).to_be_disabled()
        expect(
            page.locator(".prose p", has_text="Visitors of this server cannot load models")
        ).to_be_visible()
        load.evaluate("button => { button.disabled = false; button.click(); }")  # the server refuses too
        expect(page.locator(".model-list .problem")).to_contain_text("cannot load models")
        assert not lab.hub.gets("tiny.pt")
        assert not lab.bringing.under_way
