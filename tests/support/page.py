"""The page in Debian's Chromium, driven by Playwright; its requests and complaints are kept."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from roastwatch.web.page_files import PAGE

pytest.importorskip("playwright", reason="playwright is not installed (python3 dev test does it)")

from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright, expect

expect.set_options(timeout=20_000)
ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
DESKTOP: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A headless Chromium; the test is skipped where there is none, or no page."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("chromium is not installed (python3 dev test installs it where it can)")
    if not (PAGE / "index.html").exists():
        pytest.skip("the page is not built (python3 web/build.py)")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
        )
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Opened:
    """A page and everything that it requested or complained about."""

    page: Page
    origin: str
    complaints: list[str] = field(default_factory=list)
    abroad: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Keep what it does from now on."""
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self._request(request.url))
        self.page.on("websocket", lambda socket: self._request(socket.url))

    async def violations(self) -> list[str]:
        """What axe finds on it."""
        await self.page.evaluate(AXE.read_text())
        found = await self.page.evaluate("rules => axe.run({runOnly: rules})", _RULES)
        return [
            f"{one['id']}: {node['html'][:200]} {node['failureSummary']}"
            for one in found["violations"]
            for node in one["nodes"]
        ]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _request(self, url: str) -> None:
        place = url.replace("ws:", "http:", 1) if url.startswith("ws:") else url
        if not place.startswith((self.origin, "data:", "blob:")):
            self.abroad.append(url)


@asynccontextmanager
async def opened(
    browser: Browser, url: str, device: dict[str, Any], **more: Any
) -> AsyncIterator[Opened]:
    """The page at a URL on a phone or a desktop."""
    context = await browser.new_context(**device, **more)
    context.set_default_timeout(20_000)
    try:
        found = Opened(await context.new_page(), "/".join(url.split("/")[:3]))
        found.watch()
        await found.page.goto(url)
        yield found
    finally:
        await context.close()
