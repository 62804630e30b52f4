"""One whole roast in the browser: from charge to the label of which `learn` makes use."""

import asyncio
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.async_api import Page, expect

from roastwatch.corpus.labels import mark
from roastwatch.synth.source import DemoOptions, demo_roast
from roastwatch.vocabulary import Actuator
from tests.process.test_web_service import running
from tests.support.guarded import guarded
from tests.support.http import free_port
from tests.support.page import DESKTOP, Opened, chromium, opened
from tests.support.until import until

SPEED = 4
CRACK_S = 150.0
LONG_MS = 400_000


def earlier_roasts(folder: Path) -> None:
    """Recordings of two earlier roasts whose first crack a person has marked."""
    place = folder / "roasts" / "kitchen"
    place.mkdir(parents=True)
    for seed in (11, 12):
        options = DemoOptions(seed=seed, first_crack_at_s=60.0, fooling_per_h=0)
        sound = np.concatenate(list(demo_roast(options).blocks(1.0))[:120])
        path = place / f"earlier-{seed}.flac"
        soundfile.write(path, sound, options.sample_rate_hz, subtype="PCM_16")
        mark(path, 60.0)


@pytest.mark.verify
@pytest.mark.timeout(1800)
async def test_a_whole_roast_from_charge_to_what_learn_makes_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    await asyncio.to_thread(earlier_roasts, tmp_path)
    station = {
        "title": "Kitchen",
        "source": {
            "type": "demo",
            "seed": 3,
            "speed": SPEED,
            "first_crack_at_s": CRACK_S,
            "fooling_per_h": 0,
        },
        "model": {"type": "pops"},
        "roast": {"begins": "person"},
        "recording": {"roasts": True},
        "roaster": {"type": "simulated", "charged": False},  # slower than the sound: it stays cool
    }
    async with guarded() as place:
        monkeypatch.setenv("ROASTWATCH_RUNTIME_DIR", str(place.folder))
        async with (
            chromium() as browser,
            running(tmp_path, station, port=port) as service,
            opened(browser, f"http://127.0.0.1:{port}/", DESKTOP) as desktop,
        ):
            service.afterwards = asyncio.Event().wait  # type: ignore[assignment]
            made, page = service.stations["kitchen"], desktop.page
            page.set_default_timeout(LONG_MS)

            def heat() -> float | None:
                return made.reading.heater_percent if made.reading else None

            await _armed_and_charged(page)
            await page.get_by_label("Drum", exact=True).fill("100")
            await page.get_by_label("Heater", exact=True).fill("65")
            await until(lambda: heat() == 65, 60.0)

            crack = page.get_by_test_id("crack")
            await expect(crack).to_have_text(re.compile("First crack|Certain"), timeout=LONG_MS)
            await page.get_by_role("button", name="First crack now").click()
            await expect(crack).to_contain_text("Certain", timeout=60_000)
            for _ in range(4):  # step by step, as a thumb does
                before = heat() or 0.0
                await page.get_by_role("button", name="Heater −5 %").click()
                await until(lambda now=before: (heat() or 0.0) < now, 60.0)  # type: ignore[misc]
            assert heat() == 45

            await page.locator("footer").get_by_role("button", name="Drop").click()
            await expect(page.get_by_test_id("events")).to_contain_text("Drop", timeout=60_000)
            await until(lambda: heat() == 0, 60.0)
            await page.get_by_role("button", name="Cooling: Turn on").click()
            await until(lambda: made.reading is not None and made.reading.cooling_percent == 100.0)
            assert Actuator.COOLING in made.snapshot().roaster.actuators
            await until(lambda: not made.roast.active, LONG_MS / 1000)
            await _reviewed(desktop)
            await _learnt(page)


async def _armed_and_charged(page: Page) -> None:
    await page.get_by_role("button", name="Arm", exact=True).click()
    await expect(page.get_by_text("Armed: heat can be raised")).to_be_visible(timeout=60_000)
    await page.locator("footer").get_by_role("button", name="Charge").click()
    await expect(page.get_by_test_id("events")).to_contain_text("Charge", timeout=60_000)


async def _reviewed(desktop: Opened) -> None:
    """The roast is in the list with its sound; a false pop is labelled."""
    page = desktop.page
    await page.get_by_role("link", name="Roasts").click()
    await page.get_by_test_id("roasts").get_by_role("link").first.click()
    window = page.get_by_test_id("sound-window")
    await expect(window).to_have_attribute("data-loaded", "true", timeout=60_000)
    await expect(page.get_by_test_id("roast-events")).to_contain_text("First crack")
    await page.get_by_role("link", name="Review").first.click()
    moment = page.get_by_test_id("moment")
    while "sound:" not in (await moment.get_attribute("data-moment") or ""):
        await page.keyboard.press("ArrowRight")
    await page.keyboard.press("n")
    await expect(page.get_by_test_id("count-not_a_crack")).to_have_text("1")
    assert desktop.abroad == []


async def _learnt(page: Page) -> None:
    await page.get_by_role("button", name="Learn", exact=True).click()
    text = page.get_by_text(re.compile("From 3 recordings and [1-9][0-9]* labels"))
    await expect(text).to_be_visible(timeout=LONG_MS)
