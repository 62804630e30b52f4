"""The blueprints, imported as a person does it and run in a real Home Assistant."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from roastwatch.vocabulary import (
    Actuator,
    EventKind,
    InstructionKind,
    Level,
    Origin,
    Phase,
    Urgency,
)
from tests.home_assistant.conftest import Home
from tests.home_assistant.phone import phone, served
from tests.home_assistant.running import Talk
from tests.support.events import event, reading, roaster, snapshot
from tests.support.mqtt import Running, sink

pytestmark = [pytest.mark.home_assistant, pytest.mark.timeout(900)]

HERE = Path(__file__).parents[2] / "integrations" / "home_assistant"
BLUEPRINTS = HERE / "blueprints" / "automation" / "roastwatch"


@asynccontextmanager
async def imported(talk: Talk, name: str) -> AsyncIterator[str]:
    """Import a blueprint from a web address, as the settings dialogue does."""
    app = web.Application()
    app.router.add_static("/", BLUEPRINTS)
    async with served(app) as port:
        url = f"http://127.0.0.1:{port}/{name}.yaml"
        found = await talk.call("blueprint/import", url=url)
        assert not found["validation_errors"], found
        path = f"roastwatch/{name}.yaml"
        text = found["raw_data"]
        more = {"domain": "automation", "source_url": url, "allow_override": True}
        await talk.call("blueprint/save", path=path, yaml=text, **more)
        yield path


async def automate(talk: Talk, name: str, path: str, **inputs: Any) -> None:
    await talk.automate(name, {"use_blueprint": {"path": path, "input": inputs}})
    assert await talk.shows(f"automation.{name}", "on")


@asynccontextmanager
async def roasting(home: Home, talk: Talk, instance: str) -> AsyncIterator[Running]:
    """A roast with a roaster, shown in Home Assistant."""
    async with sink(home.broker.port, instance) as rig:
        rig.show(
            snapshot(
                phase=Phase.ROASTING,
                roaster=roaster(*Actuator),
                reading=reading(bean_temp_c=190.0, heater_percent=60.0),
            )
        )
        await talk.until(lambda: talk.shows(f"sensor.{instance}_roaster_phase", "Roasting"))
        await talk.until(lambda: talk.shows(f"button.{instance}_roaster_acknowledge"))
        await talk.until(lambda: talk.shows(f"event.{instance}_roaster_event", "unknown"))
        yield rig


async def test_an_alert_reaches_the_phone_and_its_buttons_answer(home: Home, talk: Talk) -> None:
    async with (
        imported(talk, "alert") as path,
        phone(talk, "pocket") as pocket,
        roasting(home, talk, "alerts") as rig,
    ):
        await automate(
            talk,
            "alerts",
            path,
            event_entity="event.alerts_roaster_event",
            phone=await pocket.device_id(),
            repeat_after=5,
        )
        rig.events.put(event("a1", level=Level.POSSIBLE))  # not selected: not notified
        rig.events.put(event("a1"))
        (alert,) = await talk.until(lambda: pocket.pushed)
        assert alert["title"] == "First crack"
        assert alert["message"] == "90 %"
        assert alert["data"]["tag"] == "a1"
        assert alert["data"]["push"]["interruption-level"] == "time-sensitive"
        titles = [action["title"] for action in alert["data"]["actions"]]
        assert titles == ["Not a crack", "Drop", "I hear it"]
        await pocket.press(alert["data"]["actions"][0]["action"])
        await talk.until(lambda: len(rig.person.instructions) == 2)
        assert [asked.kind for asked in rig.person.instructions] == [
            InstructionKind.NOT_A_CRACK,
            InstructionKind.ACKNOWLEDGE,
        ]
        question = event("q1", level=Level.POSSIBLE, message="Is a roast going on?")
        rig.events.put(replace(question, roast_id=None))
        await talk.until(lambda: len(pocket.pushed) == 2)
        asks = pocket.pushed.pop()
        assert asks["title"] == "First crack?"
        assert "Is a roast going on?" in asks["message"]
        assert asks["data"]["actions"][0]["title"] == "Roast under way"
        await pocket.press(asks["data"]["actions"][0]["action"])
        await talk.until(lambda: len(rig.person.instructions) == 4)
        assert rig.person.instructions[2].kind is InstructionKind.UNDER_WAY
        # What is urgent rings and comes again until somebody answers; the tag replaces the first.
        rig.events.put(event("a2", EventKind.ROASTER_LOST, None, message="The roaster is silent."))
        await talk.until(lambda: len(pocket.pushed) >= 3, 90)
        tags = [pushed["data"]["tag"] for pushed in pocket.pushed]
        assert tags == ["a1", "a2", "a2"], pocket.pushed
        urgent = pocket.pushed[-1]
        assert urgent["data"]["tag"] == "a2"
        assert urgent["data"]["push"]["interruption-level"] == "critical"
        assert "The roaster is silent." in urgent["message"]
        await pocket.press("roastwatch_acknowledge_a2")
        await talk.until(lambda: len(rig.person.instructions) == 5)
        assert rig.person.instructions[4].kind is InstructionKind.ACKNOWLEDGE
        # Buttons reach the roaster whatever its entities are called; a correction rings nobody.
        renamed = "button.oven_heat_off"
        old = "button.alerts_roaster_emergency_stop"
        await talk.call("config/entity_registry/update", entity_id=old, new_entity_id=renamed)
        pocket.pushed.clear()
        corrected = event("a3", EventKind.INTERLOCK, None, message="The fan must be 25 %.")
        rig.events.put(replace(corrected, urgency=Urgency.INFORMATION))
        rig.events.put(event("a4", EventKind.FAULT, None, message="Heat does not go off."))
        await talk.until(lambda: pocket.pushed)
        assert {pushed["data"]["tag"] for pushed in pocket.pushed} == {"a4"}
        titles = [action["title"] for action in pocket.pushed[0]["data"]["actions"]]
        assert titles == ["Emergency stop", "Drop", "Acknowledge"]
        await pocket.press("roastwatch_emergency_stop_a4")
        await talk.until(lambda: len(rig.person.instructions) == 7)
        assert rig.person.instructions[5].kind is InstructionKind.EMERGENCY_STOP


async def test_a_scene_is_on_from_first_crack_to_drop(home: Home, talk: Talk) -> None:
    bright = {"name": "Bright", "entities": {"input_boolean.fan": {"state": "on"}}}
    await talk.post("/api/config/scene/config/bright", bright)
    await talk.until(lambda: talk.shows("scene.bright"))
    async with imported(talk, "scene") as path, roasting(home, talk, "scenes") as rig:
        await automate(
            talk,
            "scenes",
            path,
            event_entity="event.scenes_roaster_event",
            crack_scene="scene.bright",
            restored=["input_boolean.fan"],
        )
        assert await talk.shows("input_boolean.fan", "off")
        rig.events.put(event("s1"))
        await talk.until(lambda: talk.shows("input_boolean.fan", "on"))
        rig.events.put(event("s2", EventKind.DROP, None))
        await talk.until(lambda: talk.shows("input_boolean.fan", "off"))
        # A roast that is stopped ends the scene, too.
        rig.events.put(event("s3"))
        await talk.until(lambda: talk.shows("input_boolean.fan", "on"))
        rig.events.put(event("s4", EventKind.STOPPED, None))
        await talk.until(lambda: talk.shows("input_boolean.fan", "off"))
        # After a restart what was remembered is gone: what the scene changed is turned off.
        rig.events.put(event("s5"))
        await talk.until(lambda: talk.shows("input_boolean.fan", "on"))
        memory = {"entity_id": "scene.roastwatch_before_scenes_roaster_event"}
        await talk.service("scene.delete", **memory)
        await talk.service("automation.turn_off", entity_id="automation.scenes")
        await talk.service("automation.turn_on", entity_id="automation.scenes")
        rig.events.put(event("s6", EventKind.DROP, None))
        await talk.until(lambda: talk.shows("input_boolean.fan", "off"))


async def test_a_speaker_announces_it(home: Home, talk: Talk) -> None:
    async with imported(talk, "announce") as path, roasting(home, talk, "speaks") as rig:
        await automate(
            talk,
            "speaks",
            path,
            event_entity="event.speaks_roaster_event",
            speaker="media_player.kitchen",
            voice="tts.voice",
        )
        calls = await talk.subscribe("subscribe_events", event_type="call_service")
        rig.events.put(event("t1", EventKind.DRY_END, None))  # has no words
        # One's own emergency stop, and a value that was corrected, are not announced.
        stop = event("t3", EventKind.INTERLOCK, None, message="Emergency stop.")
        rig.events.put(replace(stop, origin=Origin.PERSON, urgency=Urgency.NEEDS_YOU))
        rig.events.put(replace(stop, event_id="t4", urgency=Urgency.INFORMATION))
        rig.events.put(event("t2"))

        def spoken() -> list[dict[str, Any]]:
            return [call["data"] for call in calls if call["data"]["service"] == "speak"]

        (said,) = await talk.until(spoken)
        assert said["service_data"]["message"] == "First crack!"
        assert said["service_data"]["media_player_entity_id"] == "media_player.kitchen"


async def test_a_roaster_left_hot_triggers_the_actions(home: Home, talk: Talk) -> None:
    async with imported(talk, "left_hot") as path, roasting(home, talk, "hot") as rig:
        await automate(
            talk,
            "hot",
            path,
            temperature="sensor.hot_roaster_bean_temperature",
            phase="sensor.hot_roaster_phase",
            limit=120,
            time={"seconds": 1},
            actions=[{"event": "left_hot"}],
        )
        heard = await talk.subscribe("subscribe_events", event_type="left_hot")
        hot: dict[str, Any] = {"roaster": roaster(*Actuator), "reading": reading(bean_temp_c=191.0)}
        rig.show(snapshot(phase=Phase.DEVELOPMENT, **hot))
        await talk.until(lambda: talk.shows("sensor.hot_roaster_phase", "Development"))
        assert not heard
        rig.show(snapshot(phase=Phase.IDLE, **hot))
        await talk.until(lambda: heard)


async def test_the_package_works(home: Home, talk: Talk) -> None:
    async with sink(home.broker.port, "roastwatch") as rig:
        rig.show(snapshot(phase=Phase.ROASTING, elapsed_s=61.0))
        await talk.until(lambda: talk.shows("sensor.roast_summary", "Roasting, 1:01"))
        await talk.until(lambda: talk.shows("binary_sensor.roasting", "on"))
        await talk.until(lambda: talk.shows("event.roastwatch_roaster_event", "unknown"))
        await talk.until(lambda: talk.shows("button.roastwatch_roaster_start"))
        rig.events.put(event("p1"))

        async def notified() -> bool:
            found = await talk.call("persistent_notification/get")
            return any(item["notification_id"] == "p1" for item in found)

        await talk.until(notified)
        await talk.service("script.roastwatch_begin")
        await talk.until(lambda: len(rig.person.instructions) == 2)
