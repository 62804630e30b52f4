"""Plans in the browser: made, checked at once, dragged, rehearsed, saved, and selected."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from playwright.async_api import Page, expect

from roastwatch.roaster.plans.plan import read_plan
from roastwatch.vocabulary import InstructionKind
from tests.page.test_page_acts import roasting
from tests.support.events import snapshot
from tests.support.http import Person, serving
from tests.support.page import AXE, DESKTOP, PHONE, Opened, chromium, opened
from tests.unit.test_web_plans import TEXT

IDLE = snapshot("kitchen", profile="no profile", profiles=("no profile", "old"))
PROFILE = ((0.0, 100.0), (300.0, 150.0), (600.0, 190.0))


async def test_a_plan_is_made_on_the_desktop_and_selected_on_the_phone(tmp_path: Path) -> None:
    person = Person()
    (tmp_path / "old.yaml").write_text(TEXT)

    def offered(_station: str) -> Mapping[str, Path]:
        return {path.stem: path for path in sorted(tmp_path.glob("*.yaml"))}

    async with (
        chromium() as browser,
        serving(person, {"kitchen": IDLE}, token=None, plans=[tmp_path], offered=offered) as served,
        opened(browser, f"{served.url}/#/plans", DESKTOP) as desktop,
        opened(browser, f"{served.url}/#/plans", PHONE, locale="de-DE") as phone,
    ):
        page = desktop.page
        await page.get_by_role("link", name="New plan").click()
        await page.get_by_label("Name of the plan").fill("Light roast")
        await _checked(page)
        await _dragged(page)
        await _flawless(desktop)
        await page.get_by_role("button", name="Save", exact=True).click()
        await expect(page).to_have_url(re.compile("#/plans/plan/light-roast$"))
        made = read_plan(tmp_path / "light-roast.yaml")
        assert [step.heater_percent for step in made.steps] == [80, 45, None, None]
        assert made.target[1][0] > 300
        assert made.target[0] == (125, 120)

        # The phone selects it, and nothing else happens at the roaster.
        await phone.page.reload()
        card = phone.page.get_by_role("listitem").filter(has_text="Light roast")
        await card.get_by_role("button", name="Für Kitchen auswählen").click()
        await expect(phone.page.get_by_role("status").last).to_contain_text("Profil")
        assert [(one.kind, one.value) for one in person.asked] == [
            (InstructionKind.PROFILE, "light-roast")
        ]
        assert person.commands == []
        served.latest.set({"kitchen": replace(IDLE, profile="light-roast")})
        await expect(card).to_contain_text("✓ Für Kitchen ausgewählt")
        await _flawless(phone)

        # Another person saves it first: nothing of theirs is lost.
        await card.get_by_role("link").click()
        await phone.page.get_by_label("Name des Plans").fill("Hell")
        await phone.page.get_by_role("button", name="Speichern", exact=True).click()
        await expect(phone.page.get_by_role("status").last).to_contain_text("Gespeichert")
        await page.get_by_label("Name of the plan").fill("Mine")
        await page.get_by_role("button", name="Save", exact=True).click()
        await expect(page.get_by_role("alert").first).to_contain_text("Another person")
        await page.get_by_role("button", name="Load the saved plan").click()
        await expect(page.get_by_label("Name of the plan")).to_have_value("Hell")
        assert read_plan(tmp_path / "light-roast.yaml").name == "Hell"


async def _checked(page: Page) -> None:
    """What can't be is said at once, and not sent."""
    heat = page.get_by_label("Heater, %").first
    await heat.fill("101")
    await expect(page.get_by_test_id("steps")).to_contain_text("Enter percent from 0 to 100")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_role("alert").first).to_contain_text("Step 1: Enter percent")
    await heat.fill("80")
    await expect(page.get_by_test_id("steps")).not_to_contain_text("Enter percent")


async def _dragged(page: Page) -> None:
    """A point is moved with the keyboard, another with the pointer."""
    first, second = (page.get_by_role("slider", name=f"Point {number}") for number in (1, 2))
    await first.press("ArrowRight")
    await expect(first).to_have_attribute("aria-valuetext", "2:05, 120.0 °C")
    box = await second.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    await page.mouse.move(x, y)
    await page.mouse.down()
    await page.mouse.move(x + 30, y - 10, steps=3)
    await page.mouse.up()
    await expect(page.get_by_label("Point 2: Time from charge")).not_to_have_value("5:00")


async def test_a_rehearsal_shows_what_the_interlocks_did(tmp_path: Path) -> None:
    (tmp_path / "short.yaml").write_text(
        "steps: [{at_s: 0, heater_percent: 60, drum_percent: 100}, {at_s: 10, fan_percent: 5}]\n"
        "ends_at_s: 20\n"
    )
    async with (
        chromium() as browser,
        serving(
            None, {"kitchen": IDLE}, token=None, plans=[tmp_path], profile=lambda _: PROFILE
        ) as served,
        opened(browser, f"{served.url}/#/plans/plan/short", PHONE, color_scheme="dark") as phone,
    ):
        page = phone.page
        await page.get_by_role("button", name="Rehearse").click()
        found = page.get_by_test_id("rehearsal")
        await expect(found).to_contain_text("with these remarks", timeout=100_000)
        await expect(found).to_contain_text("The fan must be at least 20 % while heat is on")
        await page.get_by_label("Heater, %").first.fill("50")
        await expect(found).to_contain_text("rehearse it again")
        await _flawless(phone)
        served.latest.set({"kitchen": roasting()})
        # The profile of the roast in progress lies behind its curve.
        await page.get_by_role("link", name="Live").click()
        await expect(page.locator("li.compared")).to_have_count(1)
        await page.get_by_text("Compare with").click()
        await page.get_by_role("combobox", name="Compare with").select_option("none")
        await expect(page.locator("li.compared")).to_have_count(0)


async def _flawless(opened_page: Opened) -> None:
    if AXE.exists():
        assert await opened_page.violations() == []
    assert [one for one in opened_page.complaints if "412" not in one] == []
    assert opened_page.abroad == []
