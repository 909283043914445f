"""A browser for pages that are made here: Debian's chromium, driven by playwright, with nothing to load from."""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

CHROMIUM: Final = Path("/usr/bin/chromium")


@cache
def _browser() -> Any:
    """One for all tests of a process."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}")
    driver = playwright.sync_playwright().start()
    atexit.register(driver.stop)
    return driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])


@contextmanager
def opened(path: Path, *, scripts: bool = True, width: int = 1200) -> Iterator[tuple[Any, list[str]]]:
    """A page, and what it complains of or asks for beside itself."""
    viewport = {"width": width, "height": 900}
    context = _browser().new_context(java_script_enabled=scripts, viewport=viewport, offline=True)
    page, complaints = context.new_page(), list[str]()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: _note(request.url, path, complaints))
    page.goto(path.as_uri())
    yield page, complaints
    context.close()


def _note(address: str, path: Path, complaints: list[str]) -> None:
    if address not in (path.as_uri(), "data:,"):
        complaints.append(f"asked for {address}")
