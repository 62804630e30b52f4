"""The page Health: parts with their problems, log lines, and a support bundle that is saved."""

import zipfile
from pathlib import Path

from playwright.async_api import expect

from roastwatch.printing.recent_log import RecentLog
from roastwatch.sinks.sink import HostProcess
from tests.support.http import serving
from tests.support.page import AXE, DESKTOP, chromium, opened
from tests.unit.test_web_health import KITCHEN


async def test_a_problem_is_shown_and_a_support_bundle_saved(tmp_path: Path) -> None:
    settings = tmp_path / "roastwatch.yaml"
    settings.write_text("stations: [{source: demo, model: transients}]\nsinks: []\n")
    log = RecentLog()
    log.write("2026-11-29T12:00:00Z INFO it runs\n")
    log.write("2026-11-29T12:00:01Z WARNING mqtt: it does not\n")
    process = HostProcess(log, settings)
    async with (
        chromium() as browser,
        serving(snapshots=KITCHEN, process=process, token=None) as api,
        opened(browser, f"{api.url}/#/settings/health", DESKTOP, locale="de") as desktop,
    ):
        page = desktop.page
        await expect(page.get_by_test_id("health")).to_contain_text("Ein Teil hat ein Problem")
        await expect(page.get_by_text("Diese Station hat keinen Röster")).to_be_visible()
        await expect(page.get_by_test_id("model")).to_contain_text("pops-v4")
        lines = page.get_by_test_id("log")
        await expect(lines).to_contain_text("it runs")
        await lines.get_by_label("Nur Probleme").check()
        await expect(lines).not_to_contain_text("it runs")
        if AXE.exists():
            assert await desktop.violations() == []
        async with page.expect_download(timeout=150_000) as saved:
            await page.get_by_role("button", name="Paket erstellen").click()
        path = await (await saved.value).path()
        with zipfile.ZipFile(path) as packed:
            assert "roastwatch-support/log.txt" in packed.namelist()
        assert desktop.complaints == []
        assert desktop.abroad == []
