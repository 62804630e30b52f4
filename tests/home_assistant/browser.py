"""A headless Chromium, spoken with over its DevTools protocol."""

import asyncio
import base64
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--hide-scrollbars", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--remote-debugging-port=0"),
)

# Looks through every shadow root for cards, and for what Home Assistant shows instead of a broken
# one.
_CARDS = """
(() => {
  const found = {cards: 0, errors: [], loading: 0};
  const look = (node) => {
    for (const child of node.querySelectorAll('*')) {
      const name = child.tagName.toLowerCase();
      if (name === 'hui-card') found.cards += 1;
      if (name === 'hui-error-card' || name === 'hui-warning')
        found.errors.push(name + ': ' + (child.innerText || child.shadowRoot?.textContent || ''));
      if (name === 'hass-loading-screen' || name === 'ha-launch-screen') found.loading += 1;
      const drawn = child.shadowRoot?.querySelector('ha-svg-icon, ha-icon');
      if (['ha-icon', 'ha-state-icon'].includes(name) && !drawn) found.loading += 1;
      const written = child.shadowRoot?.querySelector('ha-markdown')?.content;
      if (name === 'hui-markdown-card' && !written) found.loading += 1;
      if (name === 'ha-spinner' || child.isLoadingData) found.loading += 1;
      if (name.startsWith('hui-') && !customElements.get(name)) found.loading += 1;
      if (child.shadowRoot) look(child.shadowRoot);
    }
  };
  look(document);
  return JSON.stringify(found);
})()
"""


class Page:
    """One page of the browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """A DevTools command and its result."""
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": params})
        async with asyncio.timeout(60):
            async for message in self._socket:
                said = message.json()
                if said.get("id") == self._number:
                    if "error" in said:
                        raise RuntimeError(f"{method}: {said['error']}")
                    result: dict[str, Any] = said["result"]
                    return result
        raise RuntimeError("the browser is gone")

    async def cards(self) -> dict[str, Any]:
        """How many cards are shown, what errors in their place, and what is still loading."""
        result = await self.call("Runtime.evaluate", expression=_CARDS, returnByValue=True)
        found: dict[str, Any] = json.loads(result["result"]["value"])
        return found

    async def screenshot(self, path: Path) -> None:
        """What is seen, as a PNG."""
        result = await self.call("Page.captureScreenshot", format="png")
        await asyncio.to_thread(path.write_bytes, base64.b64decode(result["data"]))


def _start(profile: Path) -> subprocess.Popen[bytes]:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("chromium is not installed (python3 dev test installs it)")
    return subprocess.Popen(
        [program, *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@asynccontextmanager
async def opened(
    profile: Path, url: str, token: str, path: str, width: int, height: int, scale: float = 1.0
) -> AsyncIterator[Page]:
    """A page of Home Assistant, signed in, in a window of this size."""
    process = _start(profile)
    try:
        port_file = profile / "DevToolsActivePort"
        async with asyncio.timeout(60):
            while not port_file.exists() or not port_file.read_text().strip():
                await asyncio.sleep(0.05)
        port = port_file.read_text().split()[0]
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json") as answer:
                pages = [page for page in await answer.json() if page["type"] == "page"]
            address = pages[0]["webSocketDebuggerUrl"]
            async with session.ws_connect(address, max_msg_size=0) as socket:
                page = Page(socket)
                await page.call("Page.enable")
                window = {"width": width, "height": height, "deviceScaleFactor": scale}
                await page.call("Emulation.setDeviceMetricsOverride", **window, mobile=width < 600)
                tokens = {"access_token": token, "token_type": "Bearer", "expires_in": 1800}
                tokens |= {"hassUrl": url, "clientId": None, "expires": 9999999999999}
                tokens |= {"refresh_token": ""}
                script = f"localStorage.hassTokens = {json.dumps(json.dumps(tokens))};"
                await page.call("Page.addScriptToEvaluateOnNewDocument", source=script)
                await page.call("Page.navigate", url=url + path)
                yield page
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 30)
