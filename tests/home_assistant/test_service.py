"""The real service replays a roast to a real Home Assistant, and things go wrong."""

import asyncio
import contextlib
import io
import signal
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from roastwatch.vocabulary import EventKind, Phase
from tests.home_assistant.conftest import Home
from tests.home_assistant.running import Talk
from tests.home_assistant.service import service
from tests.support.events import event, snapshot
from tests.support.mosquitto import Broker
from tests.support.mqtt import listener, sink
from tests.support.until import until

pytestmark = [pytest.mark.home_assistant, pytest.mark.timeout(900)]

SCENE = {"name": "Crack", "entities": {"input_boolean.crack_light": {"state": "on"}}}


async def attributes(talk: Talk, entity_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await talk.states()).get(entity_id, {}).get("attributes", {})
    return found


async def seen(talk: Talk, entity_id: str) -> list[tuple[str, str, bool]]:
    """Event id, type and lateness of all events of an event entity, from the recorder."""
    start = (datetime.now(UTC) - timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    # "Significant" would leave out the second of two events within a millisecond.
    path = f"/api/history/period/{start}?filter_entity_id={entity_id}&significant_changes_only=0"
    async with talk.session.get(path) as answer:
        history = await answer.json()
    sent = [state["attributes"] for state in (history[0] if history else [])]
    return [
        (found["event_id"], found["type"], found["late"]) for found in sent if "event_id" in found
    ]


async def drawn(talk: Talk, entity_id: str) -> Any:
    """The picture of an image entity through Home Assistant's image proxy, decoded."""
    if not await talk.shows(entity_id):
        return None
    async with talk.session.get(f"/api/image_proxy/{entity_id}") as answer:
        if answer.status != 200:
            return None
        assert answer.content_type == "image/png"
        return imread(io.BytesIO(await answer.read()), format="png")


async def test_first_crack_triggers_an_automation_and_a_button_works(
    home: Home, talk: Talk, tmp_path: Path
) -> None:
    rule = {"name": "Rule", "entities": {"input_boolean.fan": {"state": "on"}}}
    for name, scene in (("crack", SCENE), ("rule", rule)):
        await talk.post(f"/api/config/scene/config/{name}", scene)
        await talk.until(partial(talk.shows, f"scene.{name}"))
    entity = "event.replay_roaster_event"
    is_first_crack = "{{ trigger.to_state.attributes.type == 'first_crack' }}"
    await talk.automate(
        "on_first_crack",
        {
            "triggers": [{"trigger": "state", "entity_id": entity, "not_from": "unavailable"}],
            "conditions": [{"condition": "template", "value_template": is_first_crack}],
            "actions": [{"action": "scene.turn_on", "target": {"entity_id": "scene.crack"}}],
        },
    )
    assert await talk.shows("input_boolean.crack_light", "off")
    rules = [{"on": "first_crack", "scene": "scene.rule"}]
    door = {"url": home.assistant.url, "token": home.assistant.token}
    acting = {"type": "rules", "home_assistant": door, "rules": rules}
    async with service(tmp_path, "replay", home.broker.port, sinks=[acting]):
        await talk.until(lambda: talk.shows("input_boolean.crack_light", "on"), 120)
        await talk.until(lambda: talk.shows("input_boolean.fan", "on"))  # by our own rule
        await talk.until(lambda: talk.shows("binary_sensor.replay_roaster_first_crack", "on"))
        cracked = await attributes(talk, entity)
        assert cracked["kind"] == "first_crack"
        assert cracked["confidence"] > 0.5
        assert not cracked["late"]
        await talk.service("button.press", "button.replay_roaster_not_a_crack")

        async def taken_back() -> bool:
            return bool((await attributes(talk, entity))["type"] == "not_a_crack")

        await talk.until(taken_back)
        assert (await attributes(talk, entity))["event_id"] == cracked["event_id"]
        await talk.until(lambda: talk.shows("binary_sensor.replay_roaster_first_crack", "off"))
        picture = None
        async with asyncio.timeout(60):
            while picture is None:
                picture = await drawn(talk, "image.replay_roaster_image")
        height, width, _ = picture.shape
        assert width > 300
        assert height > 200
        assert len(np.unique(picture.reshape(-1, picture.shape[2]), axis=0)) > 10  # not blank
    await talk.service("input_boolean.turn_off", "input_boolean.fan")
    await talk.until(lambda: talk.shows("sensor.replay_roaster_phase", "unavailable"))


async def test_a_broker_killed_during_a_roast_loses_nothing(
    home: Home, talk: Talk, tmp_path: Path
) -> None:
    observer = Broker(tmp_path).start()
    topic = "roastwatch/outage/roaster/event"
    try:
        async with (
            listener(observer.port, topic) as (heard, _),
            service(tmp_path / "run", "outage", home.broker.port, observer.port),
        ):
            await talk.until(lambda: talk.shows("sensor.outage_roaster_phase", "Roasting"), 120)
            home.broker.kill()
            await until(
                lambda: [e for e in heard.json(topic) if e["event_type"] == "first_crack"], 120
            )
            home.broker.start()
            sent = {(e["event_id"], e["event_type"]) for e in heard.json(topic)}

            async def all_arrived() -> bool:
                found = await seen(talk, "event.outage_roaster_event")
                return sent <= {(event_id, kind) for event_id, kind, _ in found}

            await talk.until(all_arrived, 120)
            await talk.until(lambda: talk.shows("binary_sensor.outage_roaster_first_crack", "on"))
            assert not await talk.shows("sensor.outage_roaster_phase", "Roasting")
            found = await seen(talk, "event.outage_roaster_event")
            assert len({event_id for event_id, kind, _ in found if "crack" in kind}) == 1
    finally:
        observer.kill()
        home.broker.start()


@pytest.mark.verify
async def test_an_outage_of_both_for_two_minutes_loses_nothing(home: Home, tmp_path: Path) -> None:
    observer = Broker(tmp_path).start()
    topic, entity = "roastwatch/both/roaster/event", "event.both_roaster_event"
    try:
        async with (
            listener(observer.port, topic) as (heard, _),
            service(tmp_path / "run", "both", home.broker.port, observer.port, speed=1.0),
        ):
            async with home.assistant.talk() as talk:
                await talk.until(lambda: talk.shows("sensor.both_roaster_phase", "Roasting"), 120)
            home.assistant.kill()
            home.broker.kill()
            await asyncio.sleep(120)
            sent = {(e["event_id"], e["event_type"]) for e in heard.json(topic)}
            assert any(kind == "first_crack" for _, kind in sent)
            home.broker.start()
            await home.assistant.start()
            async with home.assistant.talk() as talk:
                missing = sent

                async def all_arrived() -> bool:
                    nonlocal missing
                    found = await seen(talk, entity)
                    missing = sent - {(event_id, kind) for event_id, kind, _ in found}
                    return not missing

                with contextlib.suppress(TimeoutError):
                    await talk.until(all_arrived, 120)
                assert not missing
                cracked = "binary_sensor.both_roaster_first_crack"
                await talk.until(lambda: talk.shows(cracked, "on"))
                late = [late for _, kind, late in await seen(talk, entity) if "crack" in kind]
                assert all(late)
    finally:
        observer.kill()
        home.broker.start()


async def test_a_killed_service_resumes_the_same_roast(
    home: Home, talk: Talk, tmp_path: Path
) -> None:
    observer = Broker(tmp_path).start()
    topic, entity = "roastwatch/killed/roaster/event", "event.killed_roaster_event"
    phase, cracked = "sensor.killed_roaster_phase", "binary_sensor.killed_roaster_first_crack"
    ports = (home.broker.port, observer.port)
    timing: dict[str, Any] = {"speed": 1.0, "first_crack_at_s": 8.0}
    run = tmp_path / "run"

    def cracks() -> list[dict[str, Any]]:
        return [e for e in heard.json(topic) if e["event_type"] == "first_crack"]

    try:
        async with listener(observer.port, topic) as (heard, _):
            async with service(run, "killed", *ports, **timing) as first:
                await talk.until(lambda: talk.shows(phase, "Roasting"), 120)
                home.broker.kill()  # so that Home Assistant can't get the next event
                crack = (await until(cracks, 120))[0]
                first.end(signal.SIGKILL)
            home.broker.start()
            await talk.until(lambda: talk.shows(phase, "unavailable"))
            async with service(run, "killed", *ports, **timing):

                async def arrived() -> bool:
                    return crack["event_id"] in {one for one, _, _ in await seen(talk, entity)}

                await talk.until(arrived, 120)
                await talk.until(lambda: talk.shows(cracked, "on"))
                sent = [one for one in await seen(talk, entity) if "crack" in one[1]]
                assert {one for one, _, _ in sent} == {crack["event_id"]}
                assert sent[0][2]  # marked late
                assert (await attributes(talk, entity))["roast_id"] == crack["roast_id"]
                await talk.until(lambda: in_crack(talk, phase))
        roasts = [event["roast_id"] for event in heard.json(topic) if event["roast_id"] is not None]
        assert set(roasts) == {crack["roast_id"]}
    finally:
        observer.kill()
        home.broker.start()


async def in_crack(talk: Talk, phase: str) -> bool:
    return await talk.state(phase) in ("First crack", "Development")


async def test_detector_and_profile_are_selected_in_home_assistant(
    home: Home, talk: Talk, tmp_path: Path
) -> None:
    plans = tmp_path / "plans"
    plans.mkdir()
    (plans / "light.yaml").write_text("steps: [{at_s: 0, heater_percent: 50}]\ntarget: [[0, 99]]")
    detector, profile = "select.chosen_roaster_detector", "select.chosen_roaster_profile"
    refusal = "sensor.chosen_roaster_last_refusal"
    more: dict[str, Any] = {"roast": {"begins": "person"}, "profiles": str(plans)}
    more["roaster"] = {"type": "simulated", "drum_c": 120}
    async with service(tmp_path / "run", "chosen", home.broker.port, speed=1.0, **more):
        await talk.until(lambda: talk.shows(detector, "transients"), 120)
        assert (await attributes(talk, detector))["options"] == ["transients", "pops"]
        await talk.service("select.select_option", detector, option="pops")
        await talk.until(lambda: talk.shows(detector, "pops"))
        await talk.until(lambda: talk.shows(profile, "no profile"))
        await talk.service("select.select_option", profile, option="light")
        await talk.until(lambda: talk.shows(profile, "light"))
        await talk.service("button.press", "button.chosen_roaster_start")
        await talk.until(lambda: talk.shows("sensor.chosen_roaster_phase", "Roasting"))
        await talk.until(lambda: talk.shows("sensor.chosen_roaster_deviation"))
        # What can't be done now is said in a sentence, and the entity springs back.
        await talk.service("select.select_option", detector, option="transients")
        sentence = "The detector can't be changed during a roast: end the roast first."
        await talk.until(lambda: talk.shows(refusal, sentence))
        assert await talk.shows(detector, "pops")


async def test_home_assistant_restarted_during_a_roast_gets_missed_events(home: Home) -> None:
    name = "event.restart_roaster_event"
    async with sink(home.broker.port, "restart", birth_settle_s=1.0) as sent:
        sent.show(snapshot(phase=Phase.ROASTING))
        async with home.assistant.talk() as talk:
            await talk.until(lambda: talk.shows("sensor.restart_roaster_phase", "Roasting"))
            sent.events.put(event("before", EventKind.DRY_END, None))
            await talk.until(lambda: talk.shows(name))
        home.assistant.kill()
        sent.events.put(event("meanwhile"))
        sent.show(snapshot(phase=Phase.DEVELOPMENT, first_crack=event("meanwhile")))
        await home.assistant.start()
        async with home.assistant.talk() as talk:

            async def arrived() -> bool:
                return ("meanwhile", "first_crack", True) in await seen(talk, name)

            await talk.until(arrived, 120)
            await talk.until(lambda: talk.shows("sensor.restart_roaster_phase", "Development"))
            await talk.until(lambda: talk.shows("binary_sensor.restart_roaster_first_crack", "on"))


async def test_an_event_before_the_first_announcement_arrives(home: Home, talk: Talk) -> None:
    name = "event.early_roaster_event"
    async with sink(home.broker.port, "early", birth_settle_s=2.0) as sent:
        sent.events.put(event("first", EventKind.CHARGE, None))

        async def arrived() -> bool:
            sent.show(snapshot(phase=Phase.ROASTING))
            return ("first", "charge", True) in await seen(talk, name)

        await talk.until(arrived, 120, period_s=0.5)
