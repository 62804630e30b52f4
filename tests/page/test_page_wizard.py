"""The first-run wizard in the browser: from an empty folder to a running service."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
from pathlib import Path

from playwright.async_api import expect

from roastwatch.settings import model as settings
from tests.support.page import AXE, PHONE, chromium, opened

USUAL_PORT = 8099
NO_CARD = "pcm.!default { type null }\n"


async def test_a_first_start_ends_with_a_running_service(tmp_path: Path) -> None:
    home = {name: str(tmp_path / "home") for name in ("HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR")}
    (tmp_path / "home").mkdir(mode=0o700)
    (tmp_path / "asound.conf").write_text(NO_CARD)
    unset = ("ROASTWATCH_SETTINGS", "NOTIFY_SOCKET")
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    taken = contextlib.ExitStack()
    with contextlib.suppress(OSError):  # another program has it
        taken.enter_context(socket.create_server(("127.0.0.1", USUAL_PORT)))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "roastwatch", "run"),
        cwd=tmp_path,
        env=kept | home | {"ALSA_CONFIG_PATH": str(tmp_path / "asound.conf")},
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with chromium() as browser:
            assert process.stderr is not None
            url = ""
            async with asyncio.timeout(60):
                while not url:
                    line = (await process.stderr.readline()).decode()
                    found = re.search(r"The page is at (http://127\.0\.0\.1:\d+/)", line)
                    url = found[1] if found else ""
            taken.close()  # and the page stays where it is
            reads = asyncio.create_task(_print(process.stderr))
            assert not (tmp_path / "roastwatch.yaml").exists()
            async with opened(browser, url, PHONE, locale="de") as phone:
                page = phone.page
                page.set_default_timeout(60_000)
                await expect(page.get_by_role("heading", name="Mikrofon")).to_be_focused()
                assert page.url.endswith("#/setup")
                await page.get_by_label("Kein Mikrofon").check()
                await page.get_by_role("button", name="Zuhören").click()
                await expect(page.get_by_test_id("advice")).to_have_text("Der Pegel ist gut.")
                if AXE.exists():
                    assert await phone.violations() == []
                await page.get_by_role("button", name="Weiter").click()
                await expect(page.get_by_role("heading", name="Home Assistant")).to_be_focused()
                await page.get_by_text("MQTT-Broker", exact=True).click()
                await page.get_by_label("Adresse des Brokers").fill("127.0.0.1")
                await page.get_by_role("textbox", name="Port").fill("1")
                await page.get_by_role("button", name="Verbindung prüfen").click()
                await expect(page.get_by_test_id("findings")).to_contain_text(
                    "ist nicht erreichbar"
                )
                if AXE.exists():
                    assert await phone.violations() == []
                for _ in range(2):
                    await page.get_by_role("button", name="Schritt überspringen").click()
                await page.get_by_role("button", name="Weiter").click()
                await page.get_by_role("button", name="Speichern und starten").click()
                await expect(page.get_by_test_id("starting")).to_be_visible(timeout=60_000)
                await expect(page.get_by_role("heading", name="First Crack")).to_be_visible(
                    timeout=60_000
                )
                assert page.url == f"{url}#/live"
                assert phone.abroad == []
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        await process.wait()
        taken.close()
    await reads
    saved = settings.read(tmp_path / "roastwatch.yaml")
    assert (saved.language, saved.stations[0].source.type, saved.sinks) == ("de", "demo", ())


async def _print(lines: asyncio.StreamReader) -> None:
    """What the service says is shown beside a failure."""
    async for line in lines:
        print(line.decode(), end="")
