"""The report in a real browser: offline, for every reader, with the keyboard alone, and on paper."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from report_study import shared

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra 'browser')")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed (extra 'browser')")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (Debian's package of that name)"),
    pytest.mark.xdist_group("browser"),
]

SECTIONS = (
    *("verdict", "regimes", "money", "drivers", "hypotheses", "by-drivers"),
    *("track", "assumptions", "model", "reproduction"),
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser without a window."""
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of a report with all that it can hold in little time."""
    return (shared(tmp_path_factory) / "page.html").as_uri()


class Visit:
    """A page that was opened, and what was noticed on the way."""

    def __init__(self, browser: Any, address: str, **options: Any) -> None:
        self.context = browser.new_context(offline=True, **options)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(address)

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_asks_for_nothing_and_complains_of_nothing(browser: Any, address: str, scheme: str) -> None:
    with Visit(browser, address, color_scheme=scheme) as visit:
        visit.page.wait_for_timeout(200)
        assert [url for url in visit.requests if not url.startswith("data:")] == [address]
        assert visit.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing(browser: Any, address: str, scheme: str, width: int) -> None:
    with Visit(browser, address, color_scheme=scheme, viewport={"width": width, "height": 900}) as visit:
        visit.page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        found = axe.Axe().run(visit.page)
        assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_the_page_never_scrolls_sideways(browser: Any, address: str, width: int) -> None:
    with Visit(browser, address, viewport={"width": width, "height": 900}) as visit:
        visit.page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        assert visit.page.evaluate("document.documentElement.scrollWidth") == width


def test_no_id_is_twice_and_every_link_leads_somewhere(browser: Any, address: str) -> None:
    with Visit(browser, address) as visit:
        ids = visit.page.evaluate("[...document.querySelectorAll('[id]')].map((one) => one.id)")
        assert len(ids) == len(set(ids))
        links = visit.page.evaluate(
            "[...document.querySelectorAll('[href^=\"#\"]')].map((one) => one.getAttribute('href').slice(1))"
        )
        assert set(links) <= set(ids)


def test_without_scripts_all_of_it_is_there(browser: Any, address: str) -> None:
    with Visit(browser, address, java_script_enabled=False) as visit:
        assert [visit.page.locator(f"#{name} h2").count() for name in SECTIONS] == [1] * len(SECTIONS)
        assert visit.page.locator("#numbers tbody tr").count() > 50
        assert not visit.page.locator("#search").is_visible()
        assert visit.page.locator("figure svg").count() >= 10


def test_the_keyboard_alone_reaches_and_works_everything(browser: Any, address: str) -> None:
    with Visit(browser, address) as visit:
        page = visit.page
        reachable = "a[href], button, input, select, summary, [tabindex='0']"
        page.evaluate(f"document.querySelectorAll({reachable!r}).forEach((one, k) => one.dataset.stop = k)")
        shown = page.evaluate(
            f"[...document.querySelectorAll({reachable!r})].filter((one) => one.checkVisibility() && !one.disabled)"
            ".map((one) => one.dataset.stop)"
        )
        met = []
        for _ in range(len(shown) + 1):
            page.keyboard.press("Tab")
            met.append(page.evaluate("document.activeElement.dataset.stop"))
        assert set(shown) <= set(met)


def test_the_first_stop_of_the_keyboard_leads_past_the_contents(browser: Any, address: str) -> None:
    with Visit(browser, address) as visit:
        visit.page.keyboard.press("Tab")
        assert visit.page.evaluate("document.activeElement.textContent") == "To the answer"
        visit.page.keyboard.press("Enter")
        assert visit.page.url.endswith("#verdict")


def test_details_open_by_the_keyboard(browser: Any, address: str) -> None:
    with Visit(browser, address) as visit:
        summary = visit.page.locator("#regimes summary").first
        summary.focus()
        visit.page.keyboard.press("Enter")
        assert visit.page.locator("#regimes details").first.evaluate("(part) => part.open")


def test_the_assumptions_can_be_searched(browser: Any, address: str) -> None:
    with Visit(browser, address) as visit:
        visit.page.locator("#search").focus()
        visit.page.keyboard.type("demand CHURN")
        rows = visit.page.locator("#numbers tbody tr:visible")
        assert rows.count() == 1
        assert "demand.churn" in rows.first.inner_text()
        assert visit.page.locator("#hits").inner_text().strip().startswith("1 of ")


def test_the_assumptions_can_be_sorted_up_and_down(browser: Any, address: str) -> None:
    with Visit(browser, address) as visit:
        cells, head = "#numbers tbody td:nth-child(6)", visit.page.locator("#numbers thead th").nth(5)
        for order, reverse in (("ascending", False), ("descending", True)):
            head.locator("button").focus()
            visit.page.keyboard.press("Enter")
            grades = visit.page.locator(cells).all_inner_texts()
            assert head.get_attribute("aria-sort") == order
            assert grades == sorted(grades, reverse=reverse)


def test_paper_has_what_is_folded_on_the_screen(browser: Any, address: str, tmp_path: Path) -> None:
    with Visit(browser, address) as visit:
        visit.page.emulate_media(media="print")
        visit.page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True)
        assert (tmp_path / "report.pdf").stat().st_size > 20_000
        folded = visit.page.locator("#regimes details .wide").first
        assert folded.evaluate("(part) => part.getBoundingClientRect().height") > 0


def test_a_dark_screen_has_pictures_on_white(browser: Any, address: str) -> None:
    with Visit(browser, address, color_scheme="dark") as visit:
        ground = "(one) => getComputedStyle(one).backgroundColor"
        assert visit.page.locator(".plate").first.evaluate(ground) == "rgb(255, 255, 255)"
        assert visit.page.locator("body").evaluate(ground) != "rgb(255, 255, 255)"
