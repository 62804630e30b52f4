"""The page below a path of another server, which buffers answers and cuts idle sockets."""

import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from roastwatch.vocabulary import InstructionKind, Phase
from roastwatch.web import accounts
from tests.page.test_page_acts import roasting
from tests.support.http import Person, free_port, serving
from tests.support.page import DESKTOP, chromium, opened
from tests.support.sub_path import PREFIX, sub_path
from tests.support.until import until
from tests.unit.test_web_sign_in import shown


async def test_the_page_works_below_a_path_and_returns_after_each_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "_P", 1)
    person = Person()
    async with (
        chromium() as browser,
        serving(
            person, {"kitchen": roasting()}, folder=tmp_path, sign_in=True, token=None
        ) as served,
        sub_path(served.url, free_port(), idle_s=0.5) as proxy,
        opened(browser, proxy.url, DESKTOP) as desktop,
    ):
        page = desktop.page
        password = shown(tmp_path, served.port)["operator"]
        await page.get_by_label("Password", exact=True).fill(password)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_test_id("phase")).to_have_text("Maillard")
        (cookie,) = await page.context.cookies(proxy.url + "api/v1/live")
        assert re.fullmatch(PREFIX + "/api/v1/?", cookie["path"])

        await until(lambda: proxy.cut >= 2, 30.0)  # nothing changes, so the proxy cuts the socket
        served.latest.set({"kitchen": roasting(phase=Phase.DEVELOPMENT)})
        await expect(page.get_by_test_id("phase")).to_have_text("Development")
        await page.get_by_role("link", name="Settings").click()
        await expect(page.get_by_role("heading", name="Settings of this device")).to_be_visible()
        await page.get_by_role("button", name="Emergency stop of Kitchen").click()
        await until(lambda: [one.kind for one in person.asked] == [InstructionKind.EMERGENCY_STOP])
        outside = [one for one in desktop.abroad if not one.startswith(proxy.url)]
        assert outside == []
