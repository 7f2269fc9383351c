"""Headless Chromium that may reach loopback only, and writes down whatever it asked for beyond it."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, Request, WebSocket, async_playwright, expect

from app.routes.ide import STATIC_DIR
from tests.support.waiting import LIMIT_S

LIMIT_MS = LIMIT_S * 1000
expect.set_options(timeout=LIMIT_MS)

_LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}
_LOCAL_SCHEMES = {"data", "blob", "about"}


@dataclass  # without slots: Playwright keeps its wrappers of bound methods on their object
class Visit:
    """One page, what it asked of the network, and what it complained about."""

    page: Page
    foreign_requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def note_request(self, request: Request | WebSocket) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in _LOCAL_SCHEMES and parts.hostname not in _LOOPBACK:
            self.foreign_requests.append(request.url)

    def note_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)


def find_chromium() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def _missing(what: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """For pages that need no building."""
    executable = find_chromium()
    if executable is None:
        _missing("no Chromium on this machine (Debian: apt-get install chromium)")
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=executable,
            # Root needs --no-sandbox; no name but loopback's resolves, so nothing can be fetched unnoticed.
            args=["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"],
        )
        yield chromium
        await chromium.close()


@pytest.fixture
async def browser(chromium: Browser) -> Browser:
    """For GraphiQL."""
    if not (STATIC_DIR / "graphiql" / "index.html").is_file():
        _missing("GraphiQL is not built (make run builds it)")
    return chromium


@pytest.fixture
async def visit(browser: Browser) -> AsyncIterator[Visit]:
    async with open_visit(browser) as visit:
        yield visit


@asynccontextmanager
async def open_visit(browser: Browser, **options: Any) -> AsyncIterator[Visit]:
    """A page of its own; `options` are those of Playwright's `new_context`, which is where Any comes from."""
    context = await browser.new_context(
        **{"viewport": {"width": 1360, "height": 860}, "color_scheme": "dark", **options}
    )
    page = await context.new_page()
    visit = Visit(page)
    context.on("request", visit.note_request)
    page.on("websocket", visit.note_request)
    page.on("console", visit.note_console)
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    page.set_default_timeout(LIMIT_MS)
    try:
        yield visit
    finally:
        await context.close()


@pytest.fixture
def picture_folder(tmp_path: Path) -> Path:
    """Where screenshots go; set SAFELIGHT_SCREENSHOTS to keep them."""
    kept = os.environ.get("SAFELIGHT_SCREENSHOTS")
    folder = Path(kept) if kept else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    return folder
