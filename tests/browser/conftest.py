"""A real Chromium and a real server for the browser tests."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.serving import served, shipped_weights_are_there, untrained_weights

CHROMIUM_ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]
PATIENCE = 180_000  # milliseconds that anything on the page may take on a busy machine


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's program. Without one the tests are skipped; where CI is set they fail."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        sentence = "No browser was found: install chromium to test the page (apt-get install chromium)."
        if "CI" in os.environ:
            pytest.fail(sentence)
        pytest.skip(sentence)
    return found


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=CHROMIUM_ARGUMENTS, timeout=PATIENCE
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page with the shipped suite; a tree whose suite is not trained yet serves untrained networks."""
    folder = tmp_path_factory.mktemp("page")
    weights = None if shipped_weights_are_there() else untrained_weights(folder / "weights")
    with served(folder, weights) as address:
        yield address


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """The Listen tab in a window of its own; an error in the page's scripts fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 1180}, color_scheme="light")
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(address)
    page.locator(".btn.upload").wait_for()
    yield page
    context.close()
    assert not problems


@pytest.fixture(scope="session")
def question(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spoken question over pink noise: a WAV made by espeak-ng and sox, by no code of this project."""
    folder = tmp_path_factory.mktemp("wav")
    speech, noise, file = folder / "speech.wav", folder / "noise.wav", folder / "a question.wav"
    for command in (
        ["espeak-ng", "-w", str(speech), "Which animal can you hear?"],
        ["sox", "-n", "-r", "22050", str(noise), "synth", "4", "pinknoise", "vol", "0.05"],
        ["sox", "-m", str(speech), str(noise), "-b", "16", str(file), "trim", "0", "4"],
    ):
        subprocess.run(command, check=True, capture_output=True)
    return file
