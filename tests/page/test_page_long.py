"""Long proofs: two hours of messages, a slow line, sleep, a killed service, every view with axe."""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from playwright.async_api import CDPSession, Page, expect

from roastwatch.printing.recent_log import RecentLog
from roastwatch.sinks.sink import HostProcess
from roastwatch.vocabulary import (
    EventKind,
    HeardPop,
    InstructionKind,
    Level,
    LevelNow,
    Phase,
    SpectrogramColumns,
)
from roastwatch.web import accounts
from tests.page.test_page_acts import roasting
from tests.support.checked_client import IDLE
from tests.support.events import event, reading
from tests.support.http import Answer, Person, Served, free_port, send, serving
from tests.support.page import AXE, DESKTOP, PHONE, chromium, opened
from tests.support.proxy import network
from tests.support.recorded_roasts import recorded
from tests.support.slow_line import slow_line
from tests.support.until import until

pytestmark = pytest.mark.verify

ROAST_S = 720
"""A roast every quarter of an hour; the rest of it is a pause."""
QUARTER_S = 900
FASTER = 60
FULL = 3
"""From this quarter of an hour on, all lists of the page are full."""
GROWTH = {"heap_mb": 0.5, "nodes": 20, "listeners": 5}
"""At most, in the hour that follows."""


class Kitchen:
    """What a station sends, second by second, at the rates of the real service."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._random = np.random.default_rng(1)
        self._begun = datetime.now(UTC)

    def second(self, number: int) -> None:
        """Everything of one second: five frames, four levels, a state, pops and events."""
        roast, into = divmod(number, QUARTER_S)
        at = self._begun + timedelta(seconds=number)
        for part in range(5):
            levels = tuple(self._random.integers(60, 160, 48, np.uint8).tobytes() for _ in "ab")
            when = at + timedelta(seconds=0.2 * part)
            self._served.spectrogram.put(SpectrogramColumns("kitchen", when, 0.1, levels))
        for part in range(4):
            when = at + timedelta(seconds=0.25 * part)
            loud = float(self._random.normal(-40, 2))
            self._served.levels.put(LevelNow("kitchen", when, loud, loud + 12, None, ""))
        on = into < ROAST_S
        marks = {0: EventKind.CHARGE, 90: EventKind.TURNING_POINT, 600: EventKind.FIRST_CRACK,
                 ROAST_S: EventKind.DROP}  # fmt: skip
        if into in marks:
            more: dict[str, Any] = {"happened_at": at, "decided_at": at, "roast_id": f"r{roast}"}
            level = Level.FIRST_CRACK if marks[into] is EventKind.FIRST_CRACK else None
            found = event(f"e{number}", marks[into], level, "kitchen", **more)
            self._served.events.put(found)
        if into > 560 and on:
            for _ in range(int(self._random.poisson(1.5))):
                self._served.pops.put(HeardPop("kitchen", at, float(self._random.uniform(0.5, 1))))
        self._served.latest.set({"kitchen": self._state(roast, into if on else None, at)})

    def _state(self, roast: int, elapsed_s: int | None, at: datetime) -> Any:
        if elapsed_s is None:
            return replace(roasting(), phase=Phase.IDLE, roast_id=None, elapsed_s=None, at=at)
        bean_c = 90 + 0.16 * elapsed_s
        read = reading("kitchen", bean_temp_c=bean_c, heater_percent=60.0, fan_percent=35.0)
        more: dict[str, Any] = {"reading": read, "elapsed_s": float(elapsed_s), "at": at}
        return replace(roasting(), roast_id=f"r{roast}", **more)


async def memory(page: Page, tools: CDPSession) -> dict[str, float]:
    """What is left in the page after its garbage was collected: MB of heap, nodes, listeners."""
    for _ in range(2):
        await tools.send("HeapProfiler.collectGarbage")
    found = await tools.send("Performance.getMetrics")
    values = {one["name"]: one["value"] for one in found["metrics"]}
    return {
        "heap_mb": values["JSHeapUsedSize"] / 1e6,
        "nodes": values["Nodes"],
        "listeners": values["JSEventListeners"],
    }


@pytest.mark.timeout(1800)
async def test_memory_of_the_page_is_flat_over_two_hours_of_messages() -> None:
    async with (
        chromium() as browser,
        serving(None, {"kitchen": roasting()}, token=None) as served,
        opened(browser, f"{served.url}/", DESKTOP) as desktop,
    ):
        page, kitchen = desktop.page, Kitchen(served)
        tools = await page.context.new_cdp_session(page)
        await tools.send("Performance.enable")
        await until(lambda: served.spectrogram.wanted, 30.0)
        frames = 0

        def count(_frame: object) -> None:
            nonlocal frames
            frames += 1

        await tools.send("Network.enable")
        tools.on("Network.webSocketFrameReceived", count)
        measured = []
        began_s = time.monotonic()
        for number in range(8 * QUARTER_S):
            kitchen.second(number)
            due_s = began_s + (number + 1) / FASTER
            await asyncio.sleep(max(0.001, due_s - time.monotonic()))
            if number % QUARTER_S == ROAST_S - 1:  # each time at the end of a roast
                await expect(page.get_by_test_id("events")).to_contain_text("First crack")
                measured.append(await memory(page, tools))
                print(f"{number / 60:5.0f} min", measured[-1], f"{frames} messages", flush=True)
        assert frames > 8 * QUARTER_S
        assert desktop.complaints == []
    for kind, more in GROWTH.items():
        assert measured[-1][kind] <= measured[FULL][kind] + more, kind


@asynccontextmanager
async def busy(served: Served) -> AsyncIterator[None]:
    """A station that sends all it has at the pace of life."""
    kitchen = Kitchen(served)

    async def live() -> None:
        began_s = time.monotonic()
        for number in range(3600):
            kitchen.second(number + 300)
            await asyncio.sleep(max(0.0, began_s + number + 1 - time.monotonic()))

    task = asyncio.create_task(live())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_slow_line_shows_figures_and_stops_the_roaster() -> None:
    person = Person()
    async with (
        chromium() as browser,
        serving(person, {"kitchen": roasting()}, token=None) as served,
        slow_line(served.port, 50_000, 1.0) as port,
        busy(served),
    ):
        began_s = time.monotonic()
        async with opened(browser, f"http://127.0.0.1:{port}/", PHONE) as phone:
            page = phone.page
            await expect(page.get_by_test_id("phase")).to_have_text("Maillard")
            load_s = time.monotonic() - began_s
            await until(lambda: served.spectrogram.wanted, 30.0)
            await asyncio.sleep(20)
            late_s = []
            for number in range(10):
                text = f"fault {number}"
                fault = event(f"n{number}", EventKind.FAULT, None, "kitchen", message=text)
                began_s = time.monotonic()
                served.events.put(fault)
                await expect(page.get_by_test_id("events")).to_contain_text(text)
                late_s.append(time.monotonic() - began_s)
            # Playwright's own click takes up to a second on a busy machine.
            stop = page.get_by_role("button", name="Emergency stop of Kitchen")
            pressed_ms = await stop.evaluate("button => { button.click(); return Date.now(); }")
            await until(lambda: bool(person.asked), 30.0)
            stop_s = time.time() - pressed_ms / 1000
            assert person.asked[0].kind is InstructionKind.EMERGENCY_STOP
            await expect(page.get_by_test_id("connection")).to_have_text("Live")
    late_s.sort()
    print(f"\nfirst load {load_s:.1f} s; an event is shown after {late_s[5]:.1f} s (median), "
          f"{late_s[-1]:.1f} s (longest); emergency stop arrives after {stop_s:.1f} s")  # fmt: skip
    assert load_s < 25.0
    assert late_s[-1] < 4.0
    assert stop_s < 4.0


async def test_a_laptop_that_slept_says_stale_and_then_is_right() -> None:
    async with (
        chromium() as browser,
        serving(None, {"kitchen": roasting()}, token=None) as served,
        network(served.port) as line,
        opened(browser, "about:blank", DESKTOP) as desktop,
    ):
        page = desktop.page
        desktop.origin = f"http://127.0.0.1:{line.port}"
        await page.clock.install()
        await page.goto(desktop.origin)
        await expect(page.get_by_test_id("connection")).to_have_text("Live")
        line.silent = True  # the lid is closed: nothing passes, and no end is noticed
        dropped = roasting(phase=Phase.DROPPED, elapsed_s=1021.0)
        served.latest.set({"kitchen": dropped})
        await expect(page.get_by_test_id("phase")).to_have_text("Maillard")
        await page.clock.fast_forward(600_000)
        await expect(page.get_by_test_id("connection")).to_contain_text("Stale")
        began_s = time.monotonic()
        line.silent = False
        await expect(page.get_by_test_id("phase")).to_have_text("Dropped", timeout=60_000)
        await expect(page.get_by_test_id("connection")).to_have_text("Live")
        print(f"\nright again {time.monotonic() - began_s:.1f} s after the network was back")


VIEWS = {
    "live": "Roast curve",
    "roasts/list": "Roast 0",
    "roasts/roast/r0": "Share and export",
    "roasts/compare/r0/r1": "Figures",
    "roasts/review": "Learn from the labels",
    "roasts/beans": "Beans in stock",
    "plans": "New plan",
    "settings": "Session",
    "settings/health": "Support bundle",
}
"""Each view, and a text that is there once it is whole."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_every_page_is_without_violations(
    tmp_path: Path, device: dict[str, Any], scheme: str
) -> None:
    if not AXE.exists():
        pytest.skip("axe is not installed (python3 web/build.py run test installs it)")
    for seed in range(2):
        recorded(tmp_path, seed=seed)
    log = tmp_path / "roasts.db"
    process = HostProcess(RecentLog(), tmp_path / "roastwatch.yaml")
    async with (
        chromium() as browser,
        serving(snapshots=IDLE, folder=tmp_path, log=log, token=None, process=process) as served,
        opened(browser, f"{served.url}/", device, color_scheme=scheme) as one,
    ):
        found = {}
        for view, text in VIEWS.items():
            await one.page.goto(f"{served.url}/#/{view}")
            await expect(one.page.locator("main").get_by_text(text).first).to_be_visible()
            found[view] = await one.violations()
        assert {view: these for view, these in found.items() if these} == {}
        assert one.complaints == []


async def test_the_first_load_is_small_and_its_sign_in_without_violations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "_P", 1)
    async with (
        chromium() as browser,
        serving(None, IDLE, folder=tmp_path, sign_in=True, token=None) as served,
        opened(browser, f"{served.url}/", PHONE) as phone,
    ):
        await expect(phone.page.get_by_label("Password", exact=True)).to_be_visible()
        size, ready_ms = await phone.page.evaluate(
            "[performance.getEntries().reduce((sum, one) => sum + (one.encodedBodySize || 0), 0),"
            " performance.getEntriesByType('navigation')[0].loadEventEnd]"
        )
        print(f"\nfirst load: {size / 1000:.0f} kB, {ready_ms:.0f} ms")
        assert size < 200_000
        if AXE.exists():
            assert await phone.violations() == []


@asynccontextmanager
async def program(path: Path, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """`roastwatch run` as a process of its own, once it answers; it is killed at the end."""
    words = ["-m", "roastwatch", "run", "--settings", str(path)]
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, stdin=quiet, stdout=quiet, stderr=quiet
    )
    try:
        answer = Answer(0, b"")
        async with asyncio.timeout(60):
            while answer.status != 200:
                await asyncio.sleep(0.1)
                with contextlib.suppress(OSError):
                    answer = await send(port, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_a_killed_service_is_rejoined_when_it_is_back(tmp_path: Path) -> None:
    port, path = free_port(), tmp_path / "roastwatch.yaml"
    station = {"name": "kitchen", "source": {"type": "demo", "speed": 1, "seed": 3}}
    sinks = [{"type": "rest", "port": port}]
    raw = {"data_dir": str(tmp_path), "stations": [station], "sinks": sinks}
    path.write_text(yaml.safe_dump(raw))
    async with (
        chromium() as browser,
        program(path, port) as first,
        opened(browser, f"http://127.0.0.1:{port}/", PHONE) as phone,
    ):
        badge = phone.page.get_by_test_id("connection")
        await expect(badge).to_have_text("Live")
        first.kill()
        await expect(badge).to_contain_text("Stale")
        async with program(path, port):
            began_s = time.monotonic()
            await expect(badge).to_have_text("Live")
            print(f"\nrejoined {time.monotonic() - began_s:.1f} s after the service answered")
