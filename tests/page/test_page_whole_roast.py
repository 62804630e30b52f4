"""One whole roast in the browser: from the charge to the label of which `learn` makes use."""

import asyncio
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.async_api import Page, expect

from roastwatch.app.station import Station
from roastwatch.corpus.labels import mark
from roastwatch.roastlog import reviews
from roastwatch.roastlog.file import FILE_NAME
from roastwatch.roastlog.store import Store
from roastwatch.synth.source import DemoOptions, demo_roast
from roastwatch.vocabulary import EventKind
from tests.process.test_web_service import running
from tests.support.guarded import guarded
from tests.support.http import free_port
from tests.support.page import DESKTOP, chromium, opened
from tests.support.until import until

SPEED = 4
CRACK_S = 420.0
"""Long enough for the page to open and a person to charge, also on a busy computer."""
STATION = {
    "title": "Kitchen",
    "source": {
        "type": "demo",
        "seed": 3,
        "speed": SPEED,
        "first_crack_at_s": CRACK_S,
        "fooling_per_h": 60,
    },
    "model": {"type": "pops"},
    "roast": {"begins": "person"},
    "recording": {"roasts": True},
    "roaster": {"type": "simulated", "speed": SPEED, "charged": False},
}
SOON_MS, LATE_MS = 60_000, 300_000
"""How long an act may take, and what must be waited for, on a busy computer."""
MOST_SKIPPED = 20
"""Moments in the queue of the review."""


@pytest.mark.verify
@pytest.mark.timeout(1200)
async def test_a_whole_roast_from_the_charge_to_what_learn_makes_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    await asyncio.to_thread(_earlier_roasts, tmp_path)
    async with guarded() as place:
        monkeypatch.setenv("ROASTWATCH_RUNTIME_DIR", str(place.folder))
        async with (
            chromium() as browser,
            running(tmp_path, STATION, log=FILE_NAME, port=port) as service,
            opened(browser, f"http://127.0.0.1:{port}/", DESKTOP) as desktop,
        ):
            silent, page = asyncio.Event(), desktop.page

            async def stays() -> None:
                silent.set()
                await asyncio.Event().wait()

            service.afterwards = stays
            page.set_default_timeout(SOON_MS)
            expect.set_options(timeout=SOON_MS)
            try:
                await _roasted(page, service.stations["kitchen"])
                async with asyncio.timeout(LATE_MS / 1000):
                    await silent.wait()
                await _ended(page)
                named = await _reviewed(page, tmp_path / FILE_NAME)
                await _learnt(page)
            finally:
                expect.set_options(timeout=20_000)
            assert desktop.complaints == []
            assert desktop.abroad == []
    with Store(tmp_path / FILE_NAME) as store:
        roast_no = store.find_exactly(named.split(":")[2])
        labels = {one.moment_id: one.label for one in reviews.labelled(store.connection, roast_no)}
    assert labels[named] == "not_a_crack"


async def _roasted(page: Page, kitchen: Station) -> None:
    """Charge, heat, first crack, less heat, drop, cooling: as a person does it."""

    def heat() -> float | None:
        return kitchen.reading.heater_percent if kitchen.reading else None

    def cooling() -> float | None:
        return kitchen.reading.cooling_percent if kitchen.reading else None

    events, crack = page.get_by_test_id("events"), page.get_by_test_id("crack")
    heater, acts = page.get_by_label("Heater", exact=True), page.locator("footer")
    await page.get_by_role("button", name="Arm", exact=True).click()
    await expect(page.get_by_text("Armed: heat can be raised")).to_be_visible()
    await acts.get_by_role("button", name="Charge").click()
    await expect(events).to_contain_text("Charge")
    await page.get_by_label("Drum", exact=True).fill("100")
    await heater.fill("55")  # never too hot, even if the sound lags behind on a busy computer
    await until(lambda: heat() == 55.0, 60.0)

    await expect(crack).to_have_text(re.compile("First crack|Certain"), timeout=LATE_MS)
    await page.get_by_role("button", name="First crack now").click()
    await expect(crack).to_contain_text("Certain")
    for percent in (50, 45, 40, 35):  # step by step, as a thumb does
        await page.get_by_role("button", name="Heater −5 %").click()
        await until(lambda now=percent: heat() == now, 60.0)  # type: ignore[misc]
        await expect(heater).to_have_value(str(percent))

    await acts.get_by_role("button", name="Drop").click()
    await expect(events).to_contain_text("Drop")
    await until(lambda: heat() == 0.0, 60.0)
    await page.get_by_role("button", name="Cooling: Turn on").click()
    await until(lambda: cooling() == 100.0, 60.0)
    await expect(page.get_by_test_id("phase")).to_have_text(re.compile("Dropped|Cooling"))


async def _ended(page: Page) -> None:
    """The roast ends with its sound: before that `learn` waits for it."""
    await expect(page.get_by_test_id("phase")).to_have_text("Idle")


async def _reviewed(page: Page, log: Path) -> str:
    """The roast is in the list with its sound; a false pop is labelled; return its id."""
    await page.get_by_role("link", name="Roasts").click()
    await page.get_by_test_id("roasts").get_by_role("link").first.click()
    await expect(page.get_by_test_id("sound-window")).to_have_attribute("data-loaded", "true")
    for event in ("First crack", "Drop"):
        await expect(page.get_by_test_id("roast-events")).to_contain_text(event)
    await page.get_by_role("link", name="Review").first.click()
    named = await _false_pop(page, log)
    await page.keyboard.press("n")
    await expect(page.get_by_test_id("count-not_a_crack")).to_have_text("1")
    return named


async def _false_pop(page: Page, log: Path) -> str:
    """Skip to a sound from over a minute before first crack; return its id."""
    moment, seen = page.get_by_test_id("moment"), []
    for _ in range(MOST_SKIPPED):
        named = await moment.get_attribute("data-moment") or ""
        kind, _, rest = named.partition(":")
        if kind == "sound":
            millis, _, roast_id = rest.partition(":")
            if int(millis) / 1000 < _first_crack_s(log, roast_id) - 60.0:
                return named
        seen.append(named)
        await page.keyboard.press("ArrowRight")
    raise AssertionError(f"The review shows no sound from before first crack: {seen}")


def _first_crack_s(log: Path, roast_id: str) -> float:
    with Store(log) as store:
        events = store.record(roast_id).events
    return min(event.at_s for event in events if event.kind is EventKind.FIRST_CRACK)


async def _learnt(page: Page) -> None:
    """`learn` takes the two earlier roasts, this one and the label of the false pop."""
    learn = page.get_by_test_id("learn")
    await learn.get_by_role("button", name="Learn", exact=True).click()
    await expect(learn).to_contain_text("Learning …")
    await expect(learn).to_contain_text(re.compile("Done|Failed|Stopped"), timeout=LATE_MS)
    await expect(learn).to_contain_text("Recordings: 3; labels: 1.")


def _earlier_roasts(folder: Path) -> None:
    """Recordings of two earlier roasts whose first crack a person has marked."""
    place = folder / "roasts" / "kitchen"
    place.mkdir(parents=True)
    for seed in (11, 12):
        options = DemoOptions(seed=seed, first_crack_at_s=60.0, fooling_per_h=0)
        sound = np.concatenate(list(demo_roast(options).blocks(1.0))[:120])
        path = place / f"earlier-{seed}.flac"
        soundfile.write(path, sound, options.sample_rate_hz, subtype="PCM_16")
        mark(path, 60.0)
