"""What a person does on the page, with a server whose stations the test makes up."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import expect

from roastwatch.vocabulary import (
    Actuator,
    EventKind,
    Hearing,
    HearingState,
    InstructionKind,
    Level,
    Origin,
    Phase,
    Snapshot,
)
from roastwatch.web import accounts
from tests.support.events import event, reading, roaster, snapshot
from tests.support.http import Person, free_port, serving
from tests.support.page import PHONE, chromium, opened
from tests.support.until import until
from tests.unit.test_web_sign_in import shown


def roasting(**more: object) -> Snapshot:
    """A roast on a roaster that can be controlled, but is not armed."""
    usual = snapshot(
        "kitchen",
        phase=Phase.MAILLARD,
        roast_id="r1",
        elapsed_s=421.0,
        reading=reading("kitchen", bean_temp_c=171.4, heater_percent=60.0, fan_percent=35.0),
        rate_of_rise_c_per_min=9.8,
        roaster=roaster(Actuator.HEATER, Actuator.FAN),
        armed=True,
        hearing=HearingState(Hearing.LIMITED, "A radio is playing: turn it down."),
    )
    return replace(usual, **more)  # type: ignore[arg-type]


async def test_sign_in_then_stop_and_confirm_with_one_tap_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "_P", 1)
    person = Person()
    async with (
        chromium() as browser,
        serving(
            person, {"kitchen": roasting()}, folder=tmp_path, sign_in=True, token=None
        ) as served,
        opened(browser, f"{served.url}/", PHONE) as phone,
    ):
        passwords = shown(tmp_path, served.port)
        page = phone.page
        await page.get_by_label("Password", exact=True).fill("a wrong guess")
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("alert")).to_have_text("The password is wrong.")
        await page.get_by_label("Password", exact=True).fill(passwords["operator"])
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_test_id("phase")).to_have_text("Maillard")

        # Why something can't be done now, and how well it hears.
        await expect(page.get_by_text("A radio is playing")).to_be_visible()
        heater = page.get_by_label("Heater", exact=True)
        await expect(heater).to_be_visible()
        await expect(page.get_by_role("button", name="Not a crack")).to_contain_text(
            "No first crack was reported."
        )

        # In reach wherever one is, and one tap is enough.
        await page.get_by_role("link", name="Settings").click()
        await page.get_by_role("button", name="Emergency stop of Kitchen").click()
        await until(lambda: [one.kind for one in person.asked] == [InstructionKind.EMERGENCY_STOP])

        # A question comes, and its answers lie under the thumb.
        await page.get_by_role("link", name="Live").click()
        crack = event("e1", level=Level.POSSIBLE, station="kitchen")
        served.latest.set({"kitchen": roasting(first_crack=crack, decision=0.6)})
        served.events.put(crack)
        await expect(page.get_by_role("heading", name="Is this first crack?")).to_be_visible()
        await page.locator("footer").get_by_role("button", name="Not a crack").click()
        await until(lambda: len(person.asked) == 2)
        assert person.asked[1].kind is InstructionKind.NOT_A_CRACK

        # What the roaster refuses is shown as refused.
        await page.get_by_role("button", name="Fan +5 %").click()
        await expect(page.get_by_role("status").last).to_contain_text("no roaster here")
        assert [(one.actuator, one.target) for one in person.commands] == [(Actuator.FAN, 40.0)]
        await expect(page.get_by_label("Fan", exact=True)).to_have_value("35")
        assert phone.abroad == []


async def test_a_viewer_sees_all_and_why_nothing_can_be_pressed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "_P", 1)
    person = Person()
    async with (
        chromium() as browser,
        serving(
            person, {"kitchen": roasting()}, folder=tmp_path, sign_in=True, token=None
        ) as served,
        opened(browser, f"{served.url}/", PHONE, locale="de-DE") as phone,
    ):
        page = phone.page
        password = shown(tmp_path, served.port)["viewer"]
        await page.get_by_label("Passwort", exact=True).fill(password)
        await page.get_by_role("button", name="Anmelden").click()
        drop = page.locator("footer").get_by_role("button", name="Auswerfen")
        await expect(drop).to_have_attribute("aria-disabled", "true")
        await drop.click(force=True)
        await expect(page.get_by_role("status").last).to_contain_text("nur das Zusehen")
        assert person.asked == []


async def test_the_page_says_that_it_is_stale_and_rejoins_a_restarted_server() -> None:
    port = free_port()
    begun = datetime.now(UTC) - timedelta(seconds=421)
    charge = event("c", EventKind.CHARGE, None, "kitchen", happened_at=begun, origin=Origin.PERSON)
    async with (
        chromium() as browser,
        serving(None, {"kitchen": roasting()}, token=None, port=port, ends=True) as served,
        opened(browser, f"{served.url}/", PHONE) as phone,
    ):
        page = phone.page
        served.events.put(charge)
        await expect(page.get_by_test_id("connection")).to_have_text("Live")
        await expect(page.get_by_test_id("events")).to_contain_text("Charge")
        served.task.cancel()
        await expect(page.get_by_test_id("connection")).to_contain_text("Stale")
        await expect(page.get_by_test_id("phase")).to_have_text("Maillard")
        await until(served.task.done)
        dropped = {"kitchen": roasting(phase=Phase.DROPPED)}
        async with serving(None, dropped, token=None, port=port):
            await expect(page.get_by_test_id("phase")).to_have_text("Dropped")
            await expect(page.get_by_test_id("connection")).to_have_text("Live")
