"""A blind vote as a person gives it: nothing tells which answer is which before it, and then it is kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from annotators.votes.setting import setting_of
from store.__main__ import main
from store.store import Store
from store.verify import verify
from tests.browser.conftest import PATIENCE
from tests.browser.test_page import bring, listen, picture
from tests.serving import served, shipped_weights_are_there, untrained_weights

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)

# What the server sends while the page is open, kept beside what the page makes of it.
RECORD_WHAT_COMES = """
window.came = '';
const fetched = window.fetch.bind(window);
window.fetch = async (...asked) => {
  const reply = await fetched(...asked);
  const address = typeof asked[0] === 'string' ? asked[0] : asked[0].url || String(asked[0]);
  if (!address.includes('/queue/data') || !reply.body) return reply;
  const [one, other] = reply.body.tee();
  (async () => {
    const reader = other.getReader();
    const text = new TextDecoder();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      window.came += text.decode(value, { stream: true });
    }
  })().catch(() => {}); // the page ended the stream
  return new Response(one, { status: reply.status, headers: reply.headers });
};
"""
TELLING = re.compile(
    r"LoRA|lora_|\bbeams?\b|silence|greedy|\btokens?\b|mini-salmonn|\"(setting|took|observation)\""
)


@dataclass
class Place:
    """A page with a store of its own."""

    address: str
    data: Path

    def kept(self, copy: Path) -> Store:
        """The store as it is now, opened from a copy: the page holds its own."""
        assert main(["--store", str(self.data / "store"), "backup", str(copy)]) == 0
        return Store(copy, create=False)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("votes")
    weights = None if shipped_weights_are_there() else untrained_weights(folder / "weights")
    with served(folder, weights) as address:
        yield Place(address, folder)


@pytest.fixture
def page(browser: Browser, place: Place) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 1180}, color_scheme="light")
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.add_init_script(RECORD_WHAT_COMES)
    page.goto(place.address)
    page.locator(".btn.upload").wait_for()
    yield page
    context.close()
    assert not problems


def compare(page: Page, blind: bool) -> None:
    """Open the comparison, with silence in the other setting: two answers that are not the same words."""
    page.locator(".compared > button").click()
    page.get_by_label("silence instead of the sound").check()
    if blind:
        page.get_by_label("Blind: hide which is which").check()
        page.locator(".vote-form .ask").wait_for()


def ask_both(page: Page) -> None:
    page.locator(".vote-form .ask").click()
    expect(page.locator(".vote-form .side")).to_have_count(2)
    page.locator(".vote-left").wait_for()


def agree(page: Page) -> None:
    """Say that the sound is one's own and may be shared."""
    page.locator(".vote-form").get_by_text("mine", exact=True).click()
    page.locator(".vote-form").get_by_label("Everyone who can be heard").check()


def side(page: Page, number: int, part: str) -> str:
    return page.locator(".vote-form .side").nth(number).locator(part).inner_text()


def test_a_blind_vote_hides_the_names_until_it_is_given_is_kept_and_taken_back(
    page: Page, place: Place, question: Path, tmp_path: Path
) -> None:
    bring(page, question)
    compare(page, blind=True)
    page.evaluate("window.came = ''")
    ask_both(page)

    assert [side(page, number, "h4") for number in (0, 1)] == ["Answer A", "Answer B"]
    said = [side(page, number, "blockquote") for number in (0, 1)]
    assert said[0] != said[1]
    came = page.evaluate("window.came")
    assert said[0].split()[0] in came  # it is what the answers came with
    assert not TELLING.search(came), TELLING.search(came)
    assert not TELLING.search(page.locator(".vote-form").evaluate("(form) => form.outerHTML"))
    page.locator(".btn.listen").click()
    page.locator(".panel-pengi .small.rerun").wait_for()
    for panel in (".panel-salmonn .first", ".panel-salmonn .beside"):  # which Listen does not ask now
        expect(page.locator(f"{panel} .stage")).to_contain_text("asked in the card below")
        expect(page.locator(f"{panel} .say")).to_be_hidden()
    for text in said:  # not in SALMONN's panel too, where its setting stands
        assert text not in page.locator(".panel-salmonn").inner_text()
    picture(page, "blind-vote")

    page.get_by_role("button", name="A is more faithful").click()
    expect(page.locator(".vote-form .problem")).to_contain_text("whose sound")
    expect(page.locator(".vote-form .setting")).to_have_count(0)
    agree(page)
    page.get_by_role("button", name="A is more faithful").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".vote-form .outcome")).to_have_text("You voted: A is more faithful.")
    expect(page.locator(".vote-form .outcome")).to_be_focused()
    expect(page.locator(".vote-form .note")).to_contain_text("saved on this machine's disk")
    expect(page.locator(".vote-left")).to_have_count(0)
    names = [page.locator(".vote-form .setting").nth(number).inner_text() for number in (0, 1)]
    assert sum("over silence" in name for name in names) == 1

    with place.kept(tmp_path / "copy") as store:
        assert list(verify(store)) == []
        assert (store.counts()["votes"], store.counts()["observations"]) == (1, 2)
        with store.reading() as cursor:
            (identity,) = cursor.execute("SELECT id FROM vote").fetchall()[0]
        vote = store.vote(identity)
        assert vote is not None
        assert (vote.choice, vote.blind) == ("left", True)
        kept = [store.observation(one) for one in (vote.left_observation_id, vote.right_observation_id)]
        for answer, text, name in zip(kept, said, names, strict=True):
            assert answer is not None
            assert answer.text.split() == text.split()
            assert setting_of(answer).words in name

    page.get_by_role("tab", name="Tasks").click()
    expect(page.locator(".standings tbody tr").first).to_contain_text(names[0].splitlines()[0])
    expect(page.locator(".standings tbody tr").first.locator("td").first).to_have_text("1")
    own = page.locator(".own-votes li")
    expect(own).to_have_count(1)
    for said_of_it in ("A is more faithful", *(name.splitlines()[0] for name in names)):
        expect(own).to_contain_text(said_of_it)
    picture(page, "own-votes")
    own.get_by_role("button").press("Enter")
    expect(own.get_by_role("button", name="Erase it for good?")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".own-votes .outcome")).to_have_text("What you gave to that sound is erased.")
    expect(page.locator(".own-votes .outcome")).to_be_focused()
    expect(own).to_have_count(0)
    expect(page.locator(".standings tbody tr")).to_have_count(0)
    with place.kept(tmp_path / "after") as store:
        assert list(verify(store)) == []
        assert [store.counts()[name] for name in ("votes", "observations", "clips")] == [0, 0, 0]


def test_a_vote_that_is_not_kept_shows_the_names_and_leaves_nothing(
    page: Page, place: Place, question: Path, tmp_path: Path
) -> None:
    with place.kept(tmp_path / "before") as store:
        before = store.counts()
    bring(page, question)
    compare(page, blind=True)
    ask_both(page)
    page.get_by_text("only show me the names").click()
    expect(page.locator(".vote-form .agrees")).to_have_count(0)
    page.get_by_role("button", name="Neither is faithful").click()
    expect(page.locator(".vote-form .setting")).to_have_count(2)
    expect(page.locator(".vote-form .note")).to_have_text(
        "Nothing was kept: neither your vote nor the sound."
    )
    ask_both(page)
    expect(page.locator(".vote-form .note")).to_contain_text("does not count as blind")
    with place.kept(tmp_path / "after") as store:
        assert store.counts() == before
    bring(page, question, "another.wav")
    expect(page.locator(".vote-form .side")).to_have_count(0)
    expect(page.locator(".vote-form .ask")).to_be_visible()


def test_answers_that_stand_there_are_hidden_by_the_switch_and_come_back(page: Page, question: Path) -> None:
    bring(page, question)
    compare(page, blind=False)
    vote = page.locator(".vote-on-these")
    vote.click()
    expect(page.locator(".vote-form .state")).to_contain_text("press Listen, then Compare")
    page.locator(".vote-form .close").click()
    expect(page.locator(".vote-form")).to_have_count(0)
    listen(page)
    first = page.locator(".panel-salmonn .first .say")
    said = first.inner_text()
    page.locator(".compared .beside .rerun").click()
    page.locator(".compared .beside .flag, .compared .beside .took:has-text('silence')").first.wait_for()

    vote.click()
    expect(page.locator(".vote-form .setting").nth(1)).to_contain_text("over silence")
    assert side(page, 0, "blockquote") == said
    page.locator(".panel-salmonn .first .small.flag").click()
    expect(page.locator(".flag-form")).to_be_visible()

    switch = page.get_by_label("Blind: hide which is which")
    switch.check()
    expect(page.locator(".flag-form")).to_have_count(0)  # it quoted the answer
    expect(page.locator(".vote-form .side")).to_have_count(0)
    expect(first).to_be_hidden()
    expect(vote).to_have_count(0)
    switch.uncheck()
    expect(first).to_have_text(said)
    expect(page.locator(".vote-form")).to_have_count(0)


@pytest.mark.parametrize(("scheme", "width", "height"), [("dark", 1440, 1180), ("light", 400, 900)])
def test_the_card_fits_dark_and_phone(
    browser: Browser, place: Place, question: Path, scheme: str, width: int, height: int
) -> None:
    dark = scheme == "dark"
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(place.address)
    page.locator(".btn.upload").wait_for()
    bring(page, question)
    compare(page, blind=True)
    ask_both(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    tops = [box["y"] for number in (0, 1) if (box := page.locator(".side").nth(number).bounding_box())]
    assert (tops[0] == tops[1]) == dark  # beside each other, or below
    picture(page, f"blind-vote-{'dark' if dark else 'phone'}")
    context.close()
