"""The settings as forms: a wrong value is named at its field, a good one saved with comments."""

from pathlib import Path

from playwright.async_api import expect

from roastwatch.printing.recent_log import RecentLog
from roastwatch.sinks.sink import HostProcess
from tests.support.checked_client import IDLE
from tests.support.http import serving
from tests.support.page import AXE, PHONE, chromium, opened

TEXT = """\
# mine
stations: [{name: kitchen, source: demo, model: transients}]
sinks:
  - {type: mqtt, host: broker.lan, username: me, password: hunter2hunter2}  # downstairs
"""


async def test_a_setting_is_changed_on_the_phone(tmp_path: Path) -> None:
    file = tmp_path / "roastwatch.yaml"
    file.write_text(TEXT)
    process = HostProcess(RecentLog(), file, lambda: None)
    async with (
        chromium() as browser,
        serving(snapshots=IDLE, process=process, token=None) as api,
        opened(browser, f"{api.url}/#/settings/service", PHONE, locale="de") as phone,
    ):
        page = phone.page
        page.set_default_timeout(120_000)
        await page.get_by_text("MQTT broker.lan").click(timeout=120_000)
        address = page.get_by_label("Adresse").first
        await expect(page.locator("main")).not_to_contain_text("hunter2")
        await address.fill("mqtt://broker")
        await page.get_by_role("button", name="Speichern", exact=True).click()
        await expect(page.get_by_text("write only the name or address").first).to_be_visible(
            timeout=120_000
        )
        assert file.read_text() == TEXT
        await address.fill("broker.home")
        await page.get_by_role("button", name="Speichern", exact=True).click()
        await expect(page.get_by_test_id("restart")).to_be_visible(timeout=120_000)
        if AXE.exists():
            assert await phone.violations() == []
        refused = [one for one in phone.complaints if "422" not in one]
        assert refused == []
        assert phone.abroad == []
    saved = file.read_text()
    assert "host: broker.home, username: me, password: hunter2hunter2}" in saved
    assert "# downstairs" in saved
