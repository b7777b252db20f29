"""Several visitors at once: nothing of one reaches another, Cancel stops one, they stand in line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from playwright.sync_api import Browser, Page, expect

from demos.catalog import suite
from demos.engine import Engine, Request
from tests.asking import ask, busy, sweep
from tests.browser.conftest import PATIENCE
from tests.browser.test_page import PANELS, bring, mark_words
from tests.serving import served, served_here, untrained_weights

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)


@contextmanager
def visitor(browser: Browser, address: str) -> Iterator[Page]:
    """The page in a browser context of its own."""
    context = browser.new_context(viewport={"width": 1440, "height": 1180})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    page.locator(".btn.upload").wait_for()
    try:
        yield page
    finally:
        context.close()


def choose(page: Page, title: str, file: str) -> None:
    page.locator(".examples .chip", has_text=title).click()
    expect(page.locator(".heard")).to_contain_text(file)
    expect(page.locator(".tl-mel")).to_be_visible()


def wait_for_answers(page: Page) -> None:
    for panel in PANELS:
        page.locator(f"{panel} .small.rerun").wait_for()
        expect(page.locator(f"{panel} .state.wrong")).to_have_count(0)


def audio_of(page: Page) -> str:
    """The address of the sound that the timeline plays."""
    heard = page.locator(".timeline audio").evaluate("audio => audio.src")
    assert isinstance(heard, str)
    assert re.search(r"/[0-9a-f]{32}\.wav$", heard)
    return heard


def everything(page: Page) -> str:
    """All that a page holds: its markup with what is typed into it, and the addresses that it loaded."""
    typed = "[...document.querySelectorAll('input, textarea')].map((one) => one.value)"
    loaded = "performance.getEntriesByType('resource').map((one) => one.name)"
    return "\n".join([page.content(), *page.evaluate(typed), *page.evaluate(loaded)])


def test_two_visitors_see_nothing_of_each_other(browser: Browser, address: str, question: Path) -> None:
    with visitor(browser, address) as first, visitor(browser, address) as second:
        bring(first, question, "the first visitors sound.wav")
        choose(second, "siren", "siren.flac")
        first.locator(".btn.listen").click()
        second.locator(".btn.listen").click()
        wait_for_answers(first)
        wait_for_answers(second)
        sounds = [audio_of(first), audio_of(second)]
        assert sounds[0] != sounds[1]

        first.locator(".panel-salmonn .first .small.flag").click()
        mark_words(first)
        first.locator(".claim textarea").fill("a wombat of the first visitor")
        first.get_by_text("mine", exact=True).click()
        expect(second.locator(".flag-form")).to_have_count(0)

        second.locator(".panel-salmonn .first .rerun").click()
        second.locator(".panel-salmonn .first .rerun").wait_for()
        second.locator(".panel-salmonn .first .small.flag").click()
        mark_words(second)
        second.locator(".claim textarea").fill("an emu of the second visitor")
        expect(second.locator(".becomes td").first).to_contain_text("an emu of the second visitor")
        expect(first.locator(".becomes td").first).to_contain_text("a wombat of the first visitor")

        kept = [everything(first), everything(second)]
        secrets = [
            (sounds[0], "the first visitors sound.wav", "a wombat of the first visitor"),
            (sounds[1], "an emu of the second visitor"),
        ]
        for mine, of_the_other in ((0, 1), (1, 0)):
            assert all(secret in kept[mine] for secret in secrets[mine])
            for secret in secrets[of_the_other]:
                assert secret not in kept[mine]


def test_cancel_stops_one_of_several_who_listen(browser: Browser, address: str, question: Path) -> None:
    with ExitStack() as stack:
        pages = [stack.enter_context(visitor(browser, address)) for _ in range(3)]
        for page in pages:
            bring(page, question)
        for page in pages[:-1]:
            page.locator(".btn.listen").click()
        cancelled = pages[-1].locator(".panel-salmonn .first")
        # At once, so that the question waits still or has only begun.
        pages[-1].evaluate(
            """() => {
                document.querySelector('.btn.listen').click();
                document.querySelector('.panel-salmonn .first .cancel').click();
            }"""
        )
        expect(cancelled.locator(".state")).to_contain_text("Stopped. Nothing was kept.")
        expect(cancelled.locator(".flag")).to_be_hidden()
        for page in pages[:-1]:
            wait_for_answers(page)
            assert page.locator(".panel-salmonn .first .say").inner_text().strip()
        # The line is empty once the other questions of that visitor are answered: still nothing was said.
        wait_for_answers(pages[-1])
        expect(cancelled.locator(".state")).to_contain_text("Stopped. Nothing was kept.")
        assert not cancelled.locator(".say").inner_text().strip()
        pages[-1].locator(".btn.listen").click()
        wait_for_answers(pages[-1])
        assert cancelled.locator(".say").inner_text().strip()


def test_who_waits_is_told_their_place_and_the_time_left(
    browser: Browser, tmp_path: Path, question: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    engine = Engine(suite("mini", untrained_weights(tmp_path / "weights")))
    ask(engine, sweep(), "salmonn")  # from now on it is known how long an answer takes
    with ExitStack() as stack:
        address = stack.enter_context(served_here(engine, tmp_path))
        first, second = (stack.enter_context(visitor(browser, address)) for _ in range(2))
        before = stack.enter_context(busy(engine, Request("salmonn")))
        states = [page.locator(".panel-salmonn .first .state") for page in (first, second)]
        for page, state, place in zip((first, second), states, ("1st", "2nd"), strict=True):
            bring(page, question)
            page.locator(".btn.listen").click()
            expect(state).to_have_text(re.compile(rf"^{place} in line, about \d+ s$"))
        live = "part => part.closest('[aria-live]').ariaLive"
        # a new place is read out, the time that goes by is only shown
        assert [states[1].locator(part).evaluate(live) for part in (".stage", ".left")] == ["polite", "off"]
        second.locator(".panel-clap .rerun").wait_for()  # other systems answer meanwhile

        first.locator(".panel-salmonn .first .cancel").click()
        expect(states[0]).to_have_text("Stopped. Nothing was kept.")
        expect(states[1]).to_have_text(re.compile(r"^1st in line, about \d+ s$"))
        program = Client(address, verbose=False).submit(clip=handle_file(question), api_name="/answer")
        assert re.fullmatch(r"2nd in line, about \d+ s", next(program)["stage"])
        before[0].close()
        second.locator(".panel-salmonn .first .rerun").wait_for()
        expect(states[1]).to_be_hidden()
        assert second.locator(".panel-salmonn .first .say").inner_text().strip()
        assert program.result(PATIENCE / 1000)["text"].strip()


def test_a_damaged_file_of_one_system_leaves_the_others(
    browser: Browser, tmp_path: Path, question: Path
) -> None:
    weights = untrained_weights(tmp_path / "weights")
    (weights / "pengi.safetensors").write_bytes(os.urandom(4096))
    with served(tmp_path, weights) as address, visitor(browser, address) as page:
        bring(page, question)
        page.locator(".btn.listen").click()
        for panel in PANELS:
            page.locator(f"{panel} .small.rerun").wait_for()
        expect(page.locator(".panel-pengi .state.wrong")).to_contain_text(
            re.compile(r"pengi\.safetensors.*\.$")
        )
        for panel in PANELS:
            if panel != ".panel-pengi":
                expect(page.locator(f"{panel} .state.wrong")).to_have_count(0)
        assert page.locator(".panel-clap .hits li").count() >= 5
        assert page.locator(".panel-salmonn .first .say").inner_text().strip()
