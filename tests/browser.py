"""A browser for pages that are made here, driven by playwright, with nothing to load from."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

__all__ = ["launched", "opened"]


@contextmanager
def launched() -> Iterator[Any]:
    """A browser without a window; the test is skipped where there is none. One at a time in a process."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("chromium is not installed (Debian's package of that name)")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield running
        running.close()


@contextmanager
def opened(browser: Any, path: Path, **options: Any) -> Iterator[tuple[Any, list[str]]]:
    """A page, and what it complains of or asks for beside itself."""
    context = browser.new_context(offline=True, **options)
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
