"""What a person does with a recorded roast: listen, correct, taste, label."""

import re
from pathlib import Path

from playwright.async_api import Page, expect

from roastwatch.roastlog import reviews
from roastwatch.roastlog.store import Store
from tests.support.checked_client import IDLE
from tests.support.http import serving
from tests.support.page import AXE, DESKTOP, Opened, chromium, opened
from tests.support.recorded_roasts import recorded


async def test_a_roast_is_heard_corrected_tasted_and_its_false_pop_labelled(
    tmp_path: Path,
) -> None:
    recorded(tmp_path)
    log = tmp_path / "roasts.db"
    async with (
        chromium() as browser,
        serving(snapshots=IDLE, folder=tmp_path, log=log, token=None) as served,
        opened(browser, f"{served.url}/", DESKTOP) as desktop,
    ):
        page = desktop.page
        await page.get_by_role("link", name="Roasts").click()
        await page.get_by_test_id("roasts").get_by_role("link", name="Roast 0").click()
        await _listened(page)
        await _corrected(page)
        await _tasted(page)
        await _flawless(desktop)
        named = await _labelled(page)
        await _flawless(desktop)
    with Store(log) as store:
        (label,) = reviews.labelled(store.connection, store.find_exactly("r0"))
        tasting, *others = store.record("r0").tastings
    assert (label.moment_id, label.label) == (named, "not_a_crack")
    assert (tasting.score, tasting.defects, others) == (86.5, ("baked",), [])


async def _listened(page: Page) -> None:
    """A pop is heard only when it is tapped, and as a part of the file."""
    window = page.get_by_test_id("sound-window")
    await expect(window).to_have_attribute("data-loaded", "true")
    async with page.expect_request(lambda one: "/sound?" in one.url) as asked:
        await page.get_by_role("button", name="Hear the next pop").click()
    answer = await (await asked.value).response()
    assert answer is not None
    assert answer.status in (200, 206)
    assert "range" in await (await asked.value).all_headers()


async def _corrected(page: Page) -> None:
    """First crack is moved with the keyboard, then with the pointer."""
    handle = page.get_by_role("slider", name="First crack", exact=True)
    before = float(await handle.get_attribute("aria-valuenow") or "nan")
    await handle.press("ArrowRight")
    await handle.press("Enter")
    await expect(page.get_by_test_id("roast-events")).to_contain_text("corrected")
    now = float(await handle.get_attribute("aria-valuenow") or "nan")
    assert abs(now - before - 1) < 0.01
    box = await handle.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    await page.mouse.move(x, y)
    await page.mouse.down()
    await page.mouse.move(x + 30, y, steps=3)
    await page.mouse.up()
    moved = float(await handle.get_attribute("aria-valuenow") or "nan")
    assert moved > now
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    await expect(handle).to_have_attribute("aria-valuenow", re.compile(rf"{moved:g}"))


async def _tasted(page: Page) -> None:
    await page.get_by_role("button", name="Add", exact=True).click()
    await page.get_by_label(re.compile("^Score")).fill("86,5")
    await page.get_by_text("Baked", exact=True).click()
    await page.get_by_role("button", name="Save tasting").click()
    await expect(page.get_by_test_id("tastings")).to_contain_text(
        re.compile("86.5.*Baked", re.DOTALL)
    )


async def _labelled(page: Page) -> str:
    """Label the first sound of the queue with a key, after a slip; return its id."""
    await page.get_by_role("link", name="Review").first.click()
    moment = page.get_by_test_id("moment")
    while "sound:" not in (named := await moment.get_attribute("data-moment") or ""):
        await page.keyboard.press("ArrowRight")
    await page.keyboard.press("c")
    await expect(page.get_by_test_id("count-crack")).to_have_text("1")
    await page.keyboard.press("z")
    await expect(moment).to_have_attribute("data-moment", named)
    await page.keyboard.press("n")
    await expect(page.get_by_test_id("count-not_a_crack")).to_have_text("1")
    await expect(page.get_by_test_id("count-crack")).to_have_text("0")
    return named


async def _flawless(opened_page: Opened) -> None:
    if AXE.exists():
        assert await opened_page.violations() == []
    assert opened_page.complaints == []
    assert opened_page.abroad == []
