"""What the sink says: discovery, states, events, availability."""

import json

import aiomqtt

from roastwatch.entities import ENTITIES, EVENT_TYPES, EVENT_WORDS
from roastwatch.vocabulary import Actuator, EventKind, HearingState, Level, Phase
from tests.support.events import event, reading, roaster, snapshot
from tests.support.mosquitto import Broker
from tests.support.mqtt import listener, sink
from tests.support.until import until

CONFIG = "homeassistant/device/roastwatch_test_roaster/config"
EVENT = "roastwatch/test/roaster/event"


def state(key: str) -> str:
    return f"roastwatch/test/roaster/state/{key}"


async def test_a_station_is_announced_and_its_states_are_retained(broker: Broker) -> None:
    async with sink(broker.port) as rig:
        rig.show(snapshot(phase=Phase.ROASTING, elapsed_s=61.4, pops_per_minute=None))
        async with listener(broker.port) as (heard, _):
            config = (await until(lambda: heard.json(CONFIG)))[-1]
            await until(lambda: heard.newest(state("elapsed")) == "61")
            await until(lambda: heard.newest("roastwatch/test/available") == "online")
            await until(lambda: heard.newest(state("phase")) == "roasting")
            await until(lambda: heard.newest(state("pops_per_minute")) == "None")
            await until(lambda: heard.newest(state("level")) == "-30")
            await until(lambda: heard.newest("roastwatch/test/roaster/available/sound") == "online")
            event_entity = config["components"]["event"]
            assert event_entity["event_types"] == [EVENT_WORDS[kind][0] for kind in EVENT_TYPES]
            assert event_entity["state_topic"] == EVENT
            phase = config["components"]["phase"]
            assert phase["unique_id"] == "test_roaster_phase"
            assert phase["default_entity_id"] == "sensor.test_roaster_phase"
            assert phase["expire_after"] > 0
            assert "heater" not in config["components"]
        # One who comes later finds all of it retained.
        async with listener(broker.port) as (heard, _):
            await until(lambda: heard.newest(state("phase")) == "roasting")
            assert all(retained for *_, retained in heard.messages)
    async with listener(broker.port) as (heard, _):
        await until(lambda: heard.newest("roastwatch/test/available") == "offline")


async def test_only_changes_are_published(broker: Broker) -> None:
    async with sink(broker.port) as rig, listener(broker.port) as (heard, _):
        rig.show(snapshot(sensitivity=0.1))
        await until(lambda: heard.newest(state("sensitivity")) == "10")
        await until(lambda: heard.newest(state("status")))
        heard.forget()
        rig.show(snapshot(sensitivity=0.2))
        await until(lambda: heard.newest(state("sensitivity")) == "20")
        rig.show(snapshot(sensitivity=0.3))
        await until(lambda: heard.newest(state("sensitivity")) == "30")
        assert [topic for topic, *_ in heard.messages] == [state("sensitivity")] * 2


async def test_an_event_has_its_facts_and_is_not_retained(broker: Broker) -> None:
    async with sink(broker.port) as rig, listener(broker.port) as (heard, _):
        await until(lambda: heard.newest("roastwatch/test/available") == "online")
        rig.events.put(event(level=Level.POSSIBLE))
        rig.events.put(event(level=Level.FIRST_CRACK))
        rig.events.put(event(level=Level.CERTAIN))
        rig.events.put(event(level=Level.CERTAIN, revoked=True))
        rig.events.put(event("e2", level=Level.CERTAIN))
        found = await until(lambda: len(heard.json(EVENT)) == 5 and heard.json(EVENT))
        assert [(item["event_id"], item["event_type"]) for item in found] == [
            ("e1", "possible_crack"),
            ("e1", "first_crack"),
            ("e1", "first_crack_certain"),
            ("e1", "not_a_crack"),
            ("e2", "first_crack"),  # decided at once: sent under the name that people wait for
        ]
        assert found[1]["level"] == "first_crack"
        assert found[1]["confidence"] == 0.9
        assert not found[1]["late"]
        assert found[1]["late_by_s"] >= 0
        assert {"happened_at", "decided_at", "roast_id", "origin", "message"} <= found[1].keys()
    async with listener(broker.port) as (heard, _):
        await until(lambda: heard.newest("roastwatch/test/available") == "offline")
        assert not heard.json(EVENT)


async def test_an_event_during_an_announcement_is_sent_again(broker: Broker) -> None:
    """Home Assistant subscribes to an event entity only when it has set up what was announced."""
    async with sink(broker.port) as rig, listener(broker.port) as (heard, _):
        rig.events.put(event("charge", EventKind.CHARGE, None))
        (first,) = await until(lambda: heard.json(EVENT))  # nobody waits who hears it already
        assert not first["late"]
        assert heard.newest(CONFIG) is None

        def sent_again() -> bool:
            rig.show(snapshot())
            return len(heard.json(EVENT)) == 2

        await until(sent_again)
        topics = [topic for topic, *_ in heard.messages]
        assert topics.index(CONFIG) < len(topics) - 1 - topics[::-1].index(EVENT)
        again = heard.json(EVENT)[1]
        assert (again["event_id"], again["event_type"]) == ("charge", "charge")
        assert again["late"]
        # From now on once: also by the next run, which finds the station announced.
        rig.events.put(event("e2"))
        await until(lambda: len(heard.json(EVENT)) == 3)
    async with sink(broker.port) as rig, listener(broker.port) as (heard, _):
        rig.show(snapshot())
        rig.events.put(event("e3"))
        await until(lambda: heard.json(EVENT))
        rig.show(snapshot(elapsed_s=5.0))
        await until(lambda: heard.newest(state("elapsed")) == "5")
    assert [item["event_id"] for item in heard.json(EVENT)] == ["e3"]


async def test_roaster_entities_follow_the_roaster(broker: Broker) -> None:
    async with listener(broker.port) as (heard, _):
        async with sink(broker.port) as rig:
            rig.show(
                snapshot(
                    roaster=roaster(Actuator.HEATER, Actuator.DOOR),
                    reading=reading(bean_temp_c=201.26, heater_percent=70.0, fan_percent=40.0),
                )
            )
            components = (await until(lambda: heard.json(CONFIG)))[-1]["components"]
            assert components["heater"]["platform"] == "number"
            assert components["door"]["platform"] == "valve"
            assert components["fan_reading"]["platform"] == "sensor"
            assert components["bean_temperature"]["device_class"] == "temperature"
            assert {"arm", "emergency_stop"} <= components.keys()
            assert not {"fan", "drum", "cooling", "heater_reading"} & components.keys()
            # The stop may never go grey because the roaster does.
            topics = [item["topic"] for item in components["emergency_stop"]["availability"]]
            assert topics == ["roastwatch/test/available"]
            await until(lambda: heard.newest(state("bean_temperature")) == "201.3")
            # A probe that gives nothing for a moment keeps its entity.
            rig.show(snapshot(roaster=roaster(connected=False), reading=None))
            part = "roastwatch/test/roaster/available/roaster"
            await until(lambda: heard.newest(part) == "offline")
            assert len(heard.json(CONFIG)) == 1
        # The next run has no roaster any more: the entities are removed by name, then forgotten.
        heard.forget()
        async with sink(broker.port) as rig:
            rig.show(snapshot())
            configs = await until(lambda: len(heard.json(CONFIG)) == 2 and heard.json(CONFIG))
            assert configs[0]["components"]["heater"] == {"platform": "number"}
            assert configs[0]["components"]["emergency_stop"] == {"platform": "button"}
            assert "heater" not in configs[1]["components"]
            await until(lambda: heard.newest(state("heater")) == "")


async def test_a_removed_station_is_cleaned_up(broker: Broker) -> None:
    stations = ("kitchen", "shed")
    async with listener(broker.port) as (heard, _):
        async with sink(broker.port, stations=stations) as rig:
            rig.show(snapshot("kitchen"), snapshot("shed"))
            await until(lambda: heard.newest("roastwatch/test/shed/state/status"))
            await until(lambda: heard.newest("roastwatch/test/kitchen/state/status"))
        async with sink(broker.port, stations=("kitchen",)):
            await until(
                lambda: heard.newest("homeassistant/device/roastwatch_test_shed/config") == ""
            )
            await until(lambda: heard.newest("roastwatch/test/shed/state/status") == "")
            assert heard.newest("roastwatch/test/kitchen/state/status") == "all well"


async def test_several_instances_share_a_broker(broker: Broker) -> None:
    async with sink(broker.port, "one") as one, sink(broker.port, "two") as two:
        one.show(snapshot(phase=Phase.DRYING))
        two.show(snapshot(phase=Phase.COOLING))
        async with listener(broker.port) as (heard, _):
            await until(lambda: heard.newest("roastwatch/one/roaster/state/phase") == "drying")
            await until(lambda: heard.newest("roastwatch/two/roaster/state/phase") == "cooling")
        assert one.part.problem is two.part.problem is None


async def test_german_names(broker: Broker) -> None:
    async with (
        sink(broker.port, language="de") as rig,
        listener(broker.port) as (heard, _),
    ):
        rig.show(snapshot())
        components = (await until(lambda: heard.json(CONFIG)))[-1]["components"]
        assert components["elapsed"]["name"] == "Röstzeit"
        assert components["elapsed"]["default_entity_id"] == "sensor.test_roaster_elapsed"


def test_the_entity_table_is_valid() -> None:
    keys = [entity.key for entity in ENTITIES]
    assert len(keys) == len(set(keys))
    for entity in ENTITIES:
        assert all(entity.name), entity.key
        assert all(entity.help), entity.key
        assert not (entity.asks and entity.actuator), entity.key
        if entity.device_class == "enum":
            assert entity.value_of is not None
            assert entity.value(snapshot(hearing=HearingState())) in entity.options, entity.key


async def test_discovery_is_sent_again_at_home_assistants_birth(broker: Broker) -> None:
    async with sink(broker.port) as rig, listener(broker.port) as (heard, client):
        rig.show(snapshot())
        await until(lambda: heard.newest(CONFIG))
        await until(lambda: heard.newest("roastwatch/test/available") == "online")
        heard.forget()
        await client.publish("homeassistant/status", "online")
        await until(lambda: heard.newest(CONFIG))
        assert json.loads(heard.newest(CONFIG) or "{}")["origin"]["name"] == "roastwatch"
        assert isinstance(client, aiomqtt.Client)
