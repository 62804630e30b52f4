"""Bus, services, scenes and phones of a real Home Assistant, with no broker between."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from roastwatch.app.service import Service
from roastwatch.settings import model as settings
from roastwatch.vocabulary import (
    ComponentState,
    Instruction,
    InstructionKind,
    Level,
    Origin,
)
from tests.home_assistant.conftest import Home
from tests.home_assistant.phone import Phone, phone
from tests.home_assistant.running import Talk
from tests.support.guarded import guarded

pytestmark = [pytest.mark.home_assistant, pytest.mark.timeout(900)]

SCENES = [{"id": "crack", "name": "crack", "entities": {"input_boolean.crack_light": "on"}}]


def roastery(home: Home, *sinks: dict[str, Any], log: Path | None = None, **more: Any) -> Service:
    """A service that hears a short synthesised roast in real time's stead: at once, and waits."""
    door = {"url": home.assistant.url, "token": home.assistant.token}
    demo = {"type": "demo", "seed": 3, "speed": 6, "first_crack_at_s": 30, "fooling_per_h": 0}
    # the model-free ear hears this short roast, whatever net is shipped
    station = {"name": "kitchen", "source": demo, "model": "transients"} | more
    given = [
        {"type": "home_assistant", **door} if sink == {} else sink | {"home_assistant": door}
        for sink in sinks
    ]
    return Service(settings.parse({"stations": [station], "sinks": given}), log_path=log)


@contextlib.asynccontextmanager
async def running(service: Service, talk: Talk) -> AsyncIterator[Service]:
    task = asyncio.create_task(service.run())
    try:
        await talk.until(
            lambda: all(
                outlet.part.state is not ComponentState.STARTING for outlet in service.outlets
            )
        )
        yield service
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def begin(service: Service) -> None:
    now = datetime.now(UTC)
    service.instruct(Instruction("kitchen", InstructionKind.CHARGE, Origin.PERSON, now))


async def test_a_roast_reaches_the_bus_and_an_answer_comes_back(home: Home, talk: Talk) -> None:
    cracks = await talk.subscribe("subscribe_events", event_type="roastwatch_first_crack")
    async with running(roastery(home, {}), talk) as service:
        begin(service)
        await talk.until(lambda: cracks, 120)
        message = cracks[0]["data"]
        assert message["instance"] == "roastwatch"
        assert message["event_id"]
        await talk.until(lambda: talk.shows("sensor.roastwatch_kitchen_phase", "First crack"), 120)
        revoked = await talk.subscribe("subscribe_events", event_type="roastwatch_not_a_crack")
        await talk.post(
            "/api/events/roastwatch_instruct", {"station": "kitchen", "kind": "not_a_crack"}
        )
        await talk.until(lambda: revoked)
        assert revoked[0]["data"]["event_id"] == message["event_id"]
        refused = await talk.subscribe("subscribe_events", event_type="roastwatch_refused")
        await talk.post("/api/events/roastwatch_instruct", {"station": "attic", "kind": "drop"})
        await talk.until(lambda: refused)
        assert "no station 'attic'" in refused[0]["data"]["reason"]


async def test_a_phone_is_notified_and_a_scene_follows(home: Home, talk: Talk) -> None:
    for scene in SCENES:
        await talk.post(f"/api/config/scene/config/{scene['id']}", scene)
    await talk.until(lambda: talk.shows("scene.crack"))
    await talk.service("input_boolean.turn_off", "input_boolean.crack_light")
    async with phone(talk, "pixel") as pixel, phone(talk, "iphone") as iphone:
        await talk.until(lambda: _has(talk, "mobile_app_iphone"))
        pixel.failures.append(500)
        people = [
            {"name": "ada", "companion": [pixel.service], "events": ["first_crack", "charge"]},
            {"name": "max", "companion": [iphone.service], "language": "de"},
        ]
        rules = [{"on": "first_crack", "scene": "scene.crack"}]
        service = roastery(
            home, {"type": "phone", "people": people}, {"type": "rules", "rules": rules}
        )
        async with running(service, talk):
            health = service.outlets[0].part
            await talk.until(lambda: health.state is ComponentState.RUNNING)
            begin(service)
            await talk.until(lambda: _cracks(pixel) and _cracks(iphone), 120)
            await talk.until(lambda: talk.shows("input_boolean.crack_light", "on"))
            [english], [german] = _cracks(pixel), _cracks(iphone)
            assert german["title"].startswith("First Crack · ")
            assert english["data"]["tag"] == german["data"]["tag"]
            actions = {one["title"]: one["action"] for one in english["data"]["actions"]}
            await pixel.press(actions["Not a crack"])
            await iphone.press(actions["Not a crack"])
            await talk.until(lambda: any(_is_cleared(one, english) for one in iphone.pushed))
            await talk.until(lambda: dict(health.counters).get("answers") == 1)
            assert any(one["data"].get("live_update") for one in pixel.pushed)


async def test_buttons_on_a_phone_are_logged_and_end_the_roast(
    home: Home, talk: Talk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """*Not a crack* becomes a label of the log, *Drop* the drop of a roaster that is driven."""
    log = tmp_path / "roasts.db"
    async with guarded() as place, phone(talk, "thumb") as thumb:
        monkeypatch.setenv("ROASTWATCH_RUNTIME_DIR", str(place.folder))
        await talk.until(lambda: _has(talk, "mobile_app_thumb"))
        ada = {"name": "ada", "companion": [thumb.service], "events": ["first_crack"]}
        drops = await talk.subscribe("subscribe_events", event_type="roastwatch_drop")
        made = roastery(
            home,
            {},
            {"type": "phone", "people": [ada]},
            log=log,
            roaster={"type": "simulated", "drum_c": 200},
        )
        async with running(made, talk) as service:
            begin(service)
            await talk.until(lambda: _cracks(thumb), 120)
            pressed = {one["title"]: one["action"] for one in _cracks(thumb)[0]["data"]["actions"]}
            await thumb.press(pressed["Not a crack"])

            def labelled() -> bool:
                with contextlib.closing(sqlite3.connect(f"file:{log}?mode=ro", uri=True)) as rows:
                    found = rows.execute("SELECT label FROM labels").fetchall()
                return found == [("not_a_crack",)]

            await talk.until(labelled)
            now = datetime.now(UTC)
            crack = InstructionKind.FIRST_CRACK_NOW
            service.instruct(Instruction("kitchen", crack, Origin.PERSON, now))
            again = await talk.until(lambda: _cracks(thumb)[1:])
            pressed = {one["title"]: one["action"] for one in again[0]["data"]["actions"]}
            await thumb.press(pressed["Drop"])
            await talk.until(lambda: drops)
            assert drops[0]["data"]["origin"] == "person"
            await talk.until(lambda: service.stations["kitchen"].reading.door_open)


async def test_a_missing_service_is_reported(home: Home, talk: Talk) -> None:
    people = [{"name": "ada", "companion": ["notify.mobile_app_toaster"]}]
    rules = [{"on": "first_crack", "scene": "scene.nowhere"}]
    service = roastery(home, {"type": "phone", "people": people}, {"type": "rules", "rules": rules})
    async with running(service, talk):
        telling, acting = (outlet.part for outlet in service.outlets)
        await talk.until(lambda: telling.problem and acting.problem)
        assert "notify.mobile_app_toaster" in str(telling.problem)
        assert "scene.nowhere" in str(acting.problem)
        begin(service)
        kitchen = service.stations["kitchen"]
        await talk.until(
            lambda: (
                kitchen.roast.first_crack and kitchen.roast.first_crack.level is not Level.POSSIBLE
            ),
            120,
        )


async def test_a_refused_token_is_reported_with_the_fix(home: Home, talk: Talk) -> None:
    service = roastery(home, {})
    options = service.settings.sinks[0].options
    bad = settings.chosen(
        "sinks", "home_assistant", url=options.model_dump()["url"], token="wrong-token"
    )
    service = Service(service.settings.model_copy(update={"sinks": (bad,)}))
    async with running(service, talk):
        part = service.outlets[0].part
        await talk.until(lambda: part.problem)
        assert "refuses the token" in str(part.problem)


async def _has(talk: Talk, name: str) -> bool:
    return name in (await talk.call("get_services"))["notify"]


def _cracks(pushed_to: Phone) -> list[dict[str, Any]]:
    """The newest alert of each crack: neither the live notification nor its clearing."""
    alerts = [
        one
        for one in pushed_to.pushed
        if one["message"] != "clear_notification" and not one["data"].get("live_update")
    ]
    cracks = [one for one in alerts if one["title"].lower().startswith("first crack")]
    return list({one["data"]["tag"]: one for one in cracks}.values())


def _is_cleared(pushed: dict[str, Any], alert: dict[str, Any]) -> bool:
    same: bool = pushed["data"].get("tag") == alert["data"]["tag"]
    cleared: bool = pushed["message"] == "clear_notification"
    return same and cleared
