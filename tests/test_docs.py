"""The documentation: its tables are the program's, its examples run, and its pages load nothing from elsewhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path

import pytest
from filelock import FileLock

import sim
from sim.outcomes.variables import VARIABLES
from sim.reading.loading import load_scenario

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
NARROW = 420
"""Pixels of a phone's width."""


def _fenced(page: str, language: str) -> str:
    """The first block in a language."""
    block = re.search(rf"^```{language}\n(.*?)\n```", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE)
    assert block is not None
    return block[1]


def test_the_python_example_runs(tmp_path: Path) -> None:
    code = _fenced("reference/python.md", "python").replace('"results"', repr(str(tmp_path)))
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert 0.1 < float(ran.stdout.split()[-1]) < 0.2


def test_the_example_scenario_is_valid(tmp_path: Path) -> None:
    for name in ("base.yaml", "sources.yaml"):
        (tmp_path / name).write_text((ROOT / "scenarios" / name).read_text())
    (tmp_path / "slow_review.yaml").write_text(_fenced("scenarios.md", "yaml"))
    assert load_scenario(tmp_path / "slow_review.yaml").name == "slow_review"


def test_the_table_of_variables_is_the_programs() -> None:
    page = (DOCS / "reference" / "variables.md").read_text()
    head = ["", "| variable | unit | meaning | scopes | items |", "|---|---|---|---|---|"]
    lines = [f"| `{name}` | {v.unit} | {v.meaning} | {v.scopes} | {v.items} |" for name, v in VARIABLES.items()]
    table = re.search(r"<!-- variables -->\n(.*?)\n<!-- end of variables -->", page, re.DOTALL)
    assert table is not None
    lacking = [line for line in lines if line not in table[1].split("\n")]
    assert not lacking, "the table of variables lacks:\n" + "\n".join(lacking)
    assert table[1].split("\n") == [*head, *lines, ""]


def test_every_public_name_has_its_place_in_the_reference() -> None:
    named = re.findall(r"autofunction:: sim\.(\w+)$", (DOCS / "reference" / "python.md").read_text(), re.MULTILINE)
    assert sorted(named) == sorted(name for name in sim.__all__ if not name.startswith("__"))


def test_the_glossary_has_what_pictures_and_screens_say_without_explaining_it() -> None:
    page = (DOCS / "tutorials" / "read_the_pictures.md").read_text()
    glossary = re.search(r"```\{glossary\}\n(.*?)\n```", page, re.DOTALL)
    assert glossary is not None
    terms = {term for line in re.findall(r"^(?!  )(.+)$", glossary[1], re.MULTILINE) for term in line.split(", ")}
    said = "baseline draw hypothesis luck mean median PIT premium reading regret scramble skill unlock"
    assert {*said.split(), "paired difference", "present value", "standard error"} <= terms


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda path: path.stem)
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text()
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text) if ":" not in link]
    assert not [link for link in links if link and not (page.parent / link).is_file()]
    paths = re.findall(r"`((?:sim|tests|scenarios|docs)/[\w./]+|[A-Z]+\.(?:md|cff))`", text)
    assert not [path for path in paths if not (ROOT / path).exists()]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built pages, one for all processes that test."""
    for module in ("sphinx", "myst_nb", "furo", "latex2mathml"):
        pytest.importorskip(module)
    base = tmp_path_factory.getbasetemp()  # of one process among several it lies in what they share
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "site"
    with FileLock(folder.with_suffix(".lock")):
        if not folder.exists():
            command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", "-q", "-j", "auto", DOCS, folder]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
    return folder


class Loads(HTMLParser):
    """Addresses that a browser fetches by itself when it shows a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Links of text wait for a click; everything else is fetched."""
        names = ("src", "srcset", "data", "poster") if tag == "a" else ("src", "srcset", "data", "poster", "href")
        self.addresses += [value for name, value in attrs if name in names and value]


@pytest.mark.slow
def test_the_pages_load_nothing_from_elsewhere(site: Path) -> None:
    outside = re.compile(r"^\s*(?:https?:)?//")
    for page in site.rglob("*.html"):
        loads = Loads()
        loads.feed(page.read_text())
        assert loads.addresses
        assert not [address for address in loads.addresses if outside.match(address)], page
    for style in site.rglob("*.css"):
        assert not re.findall(r"@import|url\(\s*[\"']?(?:https?:)?//", style.read_text()), style


@pytest.mark.slow
def test_formulas_are_shown_and_stand_beside_their_source(site: Path) -> None:
    page, text = (site / "model.html").read_text(), (DOCS / "model.md").read_text()
    numbers = re.findall(r'id="equation-(\d+)"', page)
    assert numbers == [str(number) for number in range(1, len(numbers) + 1)]
    assert len(numbers) == text.count("\\tag{")
    assert page.count('<details class="source">') == text.count("Computed by")
    assert not re.findall(r"\\(?:frac|sum|text|left)", page)


@pytest.mark.slow
def test_pages_open_without_a_network_or_an_error_on_a_phone(site: Path) -> None:
    browser = shutil.which("chromium")
    if browser is None or find_spec("playwright") is None:
        pytest.skip("needs chromium and playwright")
    for page, requests, errors, width in _opened(browser, site):
        assert not [request for request in requests if not request.startswith(("file:", "data:"))], page
        assert not errors, page
        assert width <= NARROW, f"{page} is {width} pixels wide"


def _opened(browser: str, site: Path) -> Iterator[tuple[str, list[str], list[str], int]]:
    """Each page in a browser without network: what it asked for, what went wrong, and how wide it is."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        window = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        tab = window.new_context(offline=True, viewport={"width": NARROW, "height": 900}).new_page()
        requests: list[str] = []
        errors: list[str] = []
        tab.on("request", lambda request: requests.append(request.url))
        tab.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        tab.on("pageerror", lambda error: errors.append(str(error)))
        for path in sorted(site.rglob("*.html")):
            tab.goto(path.as_uri())
            yield path.name, requests, errors, tab.evaluate("document.documentElement.scrollWidth")
            requests.clear()
            errors.clear()
        window.close()
