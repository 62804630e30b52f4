"""One synthesised roast of the real service, followed and steered in the browser."""

import re
from pathlib import Path

from playwright.async_api import expect

from tests.process.test_web_service import running
from tests.support.http import free_port
from tests.support.page import AXE, DESKTOP, PHONE, chromium, opened

DEMO = {"type": "demo", "seed": 3, "speed": 10, "first_crack_at_s": 40, "fooling_per_h": 0}


async def test_a_roast_is_steered_on_the_phone_and_followed_on_the_desktop(tmp_path: Path) -> None:
    port = free_port()
    station = {
        "title": "Kitchen",
        "source": DEMO,
        "model": {"type": "transients"},
        "roast": {"begins": "sound"},
    }
    url = f"http://127.0.0.1:{port}/"
    async with (
        chromium() as browser,
        running(tmp_path, station, port=port),
        opened(browser, url, PHONE, color_scheme="dark") as phone,
        opened(browser, url, DESKTOP, color_scheme="light") as desktop,
    ):
        for one in (phone, desktop):
            crack = one.page.get_by_test_id("crack")
            await expect(crack).to_have_text(re.compile("First crack|Certain"), timeout=60_000)
        await phone.page.get_by_role("button", name="First crack now").click()
        await expect(desktop.page.get_by_test_id("crack")).to_contain_text("Certain")
        await phone.page.get_by_label("Note").fill("A sweet smell")
        await phone.page.get_by_role("button", name="Add").click()
        await phone.page.locator("footer").get_by_role("button", name="Drop").click()
        for one in (phone, desktop):
            await expect(one.page.get_by_test_id("events")).to_contain_text("Drop")
            await expect(one.page.get_by_test_id("phase")).to_have_text(
                re.compile("Dropped|Cooling|Idle")
            )
            drawn = await one.page.evaluate(
                "[...document.querySelectorAll('canvas')].every(c => c.getContext('2d')"
                ".getImageData(0, 0, c.width, c.height).data.some(v => v > 0))"
            )
            assert drawn
            if AXE.exists():
                assert await one.violations() == []
            assert one.complaints == []
            assert one.abroad == []
