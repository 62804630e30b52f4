"""The real service replays a roast to a real Home Assistant, and things go wrong."""

import asyncio
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from roastwatch.vocabulary import EventKind, Phase
from tests.broker.conftest import listener, sink, until
from tests.broker.nouns import event, snapshot
from tests.home_assistant.conftest import Home
from tests.home_assistant.running import Talk
from tests.home_assistant.service import service
from tests.mosquitto import Broker

pytestmark = [pytest.mark.home_assistant, pytest.mark.timeout(900)]

SCENE = {"name": "Crack", "entities": {"input_boolean.crack_light": {"state": "on"}}}


async def attributes(talk: Talk, entity_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await talk.states()).get(entity_id, {}).get("attributes", {})
    return found


async def seen(talk: Talk, entity_id: str) -> list[tuple[str, str, bool]]:
    """Event id, type and lateness of all that an event entity has told, from the recorder."""
    start = (datetime.now(UTC) - timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    path = f"/api/history/period/{start}?filter_entity_id={entity_id}"
    async with talk.session.get(path) as answer:
        history = await answer.json()
    told = [state["attributes"] for state in (history[0] if history else [])]
    return [
        (found["event_id"], found["event_type"], found["late"])
        for found in told
        if "event_id" in found
    ]


async def test_first_crack_fires_an_automation_and_a_button_reaches_the_service(
    home: Home, talk: Talk, tmp_path: Path
) -> None:
    await talk.post("/api/config/scene/config/crack", SCENE)
    await talk.until(lambda: talk.shows("scene.crack"))
    entity = "event.replay_roaster_event"
    is_first_crack = "{{ trigger.to_state.attributes.event_type == 'first_crack' }}"
    await talk.automate(
        "on_first_crack",
        {
            "triggers": [{"trigger": "state", "entity_id": entity, "not_from": "unavailable"}],
            "conditions": [{"condition": "template", "value_template": is_first_crack}],
            "actions": [{"action": "scene.turn_on", "target": {"entity_id": "scene.crack"}}],
        },
    )
    assert await talk.shows("input_boolean.crack_light", "off")
    async with service(tmp_path, "replay", home.broker.port):
        await talk.until(lambda: talk.shows("input_boolean.crack_light", "on"), 120)
        await talk.until(lambda: talk.shows("binary_sensor.replay_roaster_first_crack", "on"))
        cracked = await attributes(talk, entity)
        assert cracked["kind"] == "first_crack"
        assert cracked["confidence"] > 0.5
        assert not cracked["late"]
        await talk.service("button.press", "button.replay_roaster_not_a_crack")

        async def taken_back() -> bool:
            return (await attributes(talk, entity))["event_type"] == "not_a_crack"

        await talk.until(taken_back)
        assert (await attributes(talk, entity))["event_id"] == cracked["event_id"]
        await talk.until(lambda: talk.shows("binary_sensor.replay_roaster_first_crack", "off"))
    await talk.until(lambda: talk.shows("sensor.replay_roaster_phase", "unavailable"))


async def test_a_broker_killed_in_mid_roast_loses_nothing(
    home: Home, talk: Talk, tmp_path: Path
) -> None:
    observer = Broker(tmp_path).start()
    topic = "roastwatch/outage/roaster/event"
    try:
        async with (
            listener(observer.port, topic) as (heard, _),
            service(tmp_path / "run", "outage", home.broker.port, observer.port),
        ):
            await talk.until(lambda: talk.shows("sensor.outage_roaster_phase", "roasting"), 120)
            home.broker.kill()
            await until(
                lambda: [e for e in heard.json(topic) if e["event_type"] == "first_crack"], 120
            )
            home.broker.start()
            told = {(e["event_id"], e["event_type"]) for e in heard.json(topic)}

            async def all_arrived() -> bool:
                found = await seen(talk, "event.outage_roaster_event")
                return told <= {(event_id, kind) for event_id, kind, _ in found}

            await talk.until(all_arrived, 120)
            await talk.until(lambda: talk.shows("binary_sensor.outage_roaster_first_crack", "on"))
            assert not await talk.shows("sensor.outage_roaster_phase", "roasting")
            found = await seen(talk, "event.outage_roaster_event")
            assert len({event_id for event_id, kind, _ in found if "crack" in kind}) == 1
    finally:
        observer.kill()
        home.broker.start()


@pytest.mark.verify
async def test_both_away_for_two_minutes_lose_nothing(home: Home, tmp_path: Path) -> None:
    observer = Broker(tmp_path).start()
    topic, entity = "roastwatch/both/roaster/event", "event.both_roaster_event"
    try:
        async with (
            listener(observer.port, topic) as (heard, _),
            service(tmp_path / "run", "both", home.broker.port, observer.port, speed=1.0),
        ):
            async with home.assistant.talk() as talk:
                await talk.until(lambda: talk.shows("sensor.both_roaster_phase", "roasting"), 120)
            home.assistant.kill()
            home.broker.kill()
            await asyncio.sleep(120)
            told = {(e["event_id"], e["event_type"]) for e in heard.json(topic)}
            assert any(kind == "first_crack" for _, kind in told)
            home.broker.start()
            await home.assistant.start()
            async with home.assistant.talk() as talk:

                async def all_arrived() -> bool:
                    found = await seen(talk, entity)
                    return told <= {(event_id, kind) for event_id, kind, _ in found}

                await talk.until(all_arrived, 120)
                cracked = "binary_sensor.both_roaster_first_crack"
                await talk.until(lambda: talk.shows(cracked, "on"))
                late = [late for _, kind, late in await seen(talk, entity) if "crack" in kind]
                assert all(late)
    finally:
        observer.kill()
        home.broker.start()


async def test_a_killed_service_is_seen_and_comes_back(
    home: Home, talk: Talk, tmp_path: Path
) -> None:
    phase = "sensor.killed_roaster_phase"
    async with service(tmp_path / "first", "killed", home.broker.port) as first:
        await talk.until(lambda: talk.shows(phase, "roasting"), 120)
        first.end(signal.SIGKILL)
        await talk.until(lambda: talk.shows(phase, "unavailable"))
    async with service(tmp_path / "second", "killed", home.broker.port):
        await talk.until(lambda: talk.shows(phase, "roasting"), 120)
        await talk.until(lambda: talk.shows("binary_sensor.killed_roaster_first_crack", "on"), 120)


async def test_home_assistant_restarted_in_mid_roast_hears_what_it_missed(home: Home) -> None:
    name = "event.restart_roaster_event"
    async with sink(home.broker.port, "restart", birth_settle_s=1.0) as told:
        told.show(snapshot(phase=Phase.ROASTING))
        async with home.assistant.talk() as talk:
            await talk.until(lambda: talk.shows("sensor.restart_roaster_phase", "roasting"))
            told.events.put(event("before", EventKind.DRY_END, None))
            await talk.until(lambda: talk.shows(name))
        home.assistant.kill()
        told.events.put(event("meanwhile"))
        told.show(snapshot(phase=Phase.DEVELOPMENT, first_crack=event("meanwhile")))
        await home.assistant.start()
        async with home.assistant.talk() as talk:

            async def arrived() -> bool:
                return ("meanwhile", "first_crack", True) in await seen(talk, name)

            await talk.until(arrived, 120)
            await talk.until(lambda: talk.shows("sensor.restart_roaster_phase", "development"))
            await talk.until(lambda: talk.shows("binary_sensor.restart_roaster_first_crack", "on"))
