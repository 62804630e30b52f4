"""The device appears in a real Home Assistant with all its entities, classes and units."""

from pathlib import Path

import pytest

from roastwatch.entities import BY_KEY, ENTITIES, Entity, Platform
from roastwatch.vocabulary import (
    Actuator,
    EventKind,
    HearingState,
    InstructionKind,
    Outcome,
    Phase,
    Snapshot,
)
from tests.home_assistant.conftest import Home
from tests.home_assistant.running import Talk
from tests.support.events import event, reading, roaster, snapshot
from tests.support.mosquitto import Broker
from tests.support.mqtt import listener, sink
from tests.support.until import until

pytestmark = [pytest.mark.home_assistant, pytest.mark.timeout(900)]


def entity_id(entity: Entity | str, instance: str, station: str = "roaster") -> str:
    found = BY_KEY[entity] if isinstance(entity, str) else entity
    return f"{found.platform.value}.{instance}_{station}_{found.key}"


def everything() -> Snapshot:
    """A station that has all there is."""
    return snapshot(
        phase=Phase.DEVELOPMENT,
        elapsed_s=541.2,
        development_s=61.0,
        development_ratio_percent=11.3,
        pops_per_minute=32.0,
        probability=0.93,
        hearing=HearingState(),
        rate_of_rise_c_per_min=7.44,
        lag_s=0.3,
        first_crack=event(),
        roaster=roaster(*Actuator),
        reading=reading(
            bean_temp_c=201.26,
            environment_temp_c=230.0,
            heater_percent=60.0,
            fan_percent=40.0,
            drum_percent=70.0,
            cooling_percent=0.0,
            door_open=False,
        ),
        deviation_c=-2.34,
        detector="pops",
        detectors=("pops", "transients"),
        profile="no profile",
        profiles=("no profile", "light"),
        predicted=((EventKind.FIRST_CRACK, 560.0, 20.0), (EventKind.DROP, 650.0, 30.0)),
    )


def complaints(home: Home, name: str) -> list[str]:
    """What Home Assistant's log says of a device; that this computer is slow is not its fault."""
    lines = home.assistant.log().splitlines()
    return [line for line in lines if name in line and ") took " not in line]


async def test_the_device_appears_with_all_entities_and_classes(home: Home, talk: Talk) -> None:
    async with sink(home.broker.port, "full") as rig:
        rig.show(everything())
        absent = {"image", "update", "heater_reading", "fan_reading", "drum_reading"}
        wanted = {
            entity_id(entity, "full"): entity for entity in ENTITIES if entity.key not in absent
        }
        shown = {name for name, entity in wanted.items() if not entity.hidden}

        async def all_there() -> bool:
            states = await talk.states()
            return shown <= states.keys() and all(
                states[name]["state"] not in ("unknown", "unavailable")
                for name in shown
                if wanted[name].value_of is not None
            )

        await talk.until(all_there)
        states = await talk.states()
        registry = {
            found["entity_id"]: found for found in await talk.call("config/entity_registry/list")
        }
        for name, entity in wanted.items():
            found = registry[name]
            assert found["unique_id"] == f"full_roaster_{entity.key}"
            assert found["entity_category"] == entity.category, name
            assert (found["disabled_by"] is not None) == entity.hidden, name
            if entity.hidden:
                continue
            attributes = states[name]["attributes"]
            assert attributes.get("device_class") == entity.device_class, name
            assert attributes.get("icon") == entity.icon, name
            if entity.platform is Platform.SENSOR:
                assert attributes.get("unit_of_measurement") == entity.unit, name
                assert attributes.get("state_class") == entity.state_class, name
        assert states["sensor.full_roaster_bean_temperature"]["state"] == "201.3"
        assert states["sensor.full_roaster_phase"]["state"] == "Development"
        assert states["sensor.full_roaster_phase"]["attributes"]["key"] == "development"
        assert states["binary_sensor.full_roaster_first_crack"]["state"] == "on"
        assert states["valve.full_roaster_door"]["state"] == "closed"
        assert states["number.full_roaster_heater"]["state"] == "60"
        (device,) = {registry[name]["device_id"] for name in wanted}
        triggers = await talk.call("device_automation/trigger/list", device_id=device)
        assert "first_crack" in {
            trigger["type"] for trigger in triggers if trigger["domain"] == "mqtt"
        }
        assert not [line for line in complaints(home, "full_roaster") if "mqtt" in line]
    await talk.until(lambda: talk.shows("sensor.full_roaster_phase", "unavailable"))


async def test_buttons_and_switches_reach_the_service(home: Home, talk: Talk) -> None:
    async with sink(home.broker.port, "asked") as rig:
        rig.show(everything())
        await talk.until(lambda: talk.shows("number.asked_roaster_heater", "60"))
        await talk.until(lambda: talk.shows("button.asked_roaster_emergency_stop"))
        await talk.until(lambda: talk.shows("switch.asked_roaster_listening", "on"))
        await talk.service("button.press", "button.asked_roaster_not_a_crack")
        await talk.service("switch.turn_off", "switch.asked_roaster_listening")
        await talk.service("number.set_value", "number.asked_roaster_sensitivity", value=80)
        await talk.service("text.set_value", "text.asked_roaster_note", value="smells of cherries")
        await talk.service("button.press", "button.asked_roaster_emergency_stop")
        await talk.until(lambda: len(rig.person.instructions) == 5)
        assert [(asked.kind, asked.value) for asked in rig.person.instructions] == [
            (InstructionKind.NOT_A_CRACK, None),
            (InstructionKind.LISTEN_OFF, None),
            (InstructionKind.SENSITIVITY, 0.8),
            (InstructionKind.NOTE, "smells of cherries"),
            (InstructionKind.EMERGENCY_STOP, None),
        ]
        rig.person.answer = (Outcome.REFUSED, "Arm first: heat is not raised unasked.")
        await talk.service("number.set_value", "number.asked_roaster_heater", value=90)
        refusal = "sensor.asked_roaster_last_refusal"
        await talk.until(lambda: talk.shows(refusal, rig.person.answer[1]))
        assert await talk.shows("number.asked_roaster_heater", "60")


async def test_an_area_a_group_and_a_voice_arm_and_drop_nothing(home: Home, talk: Talk) -> None:
    async with sink(home.broker.port, "polite") as rig:
        rig.show(everything())
        await talk.until(lambda: talk.shows("number.polite_roaster_heater", "60"))
        await talk.until(lambda: talk.shows("button.polite_roaster_emergency_stop"))
        registry = await talk.call("config/entity_registry/list")
        device = next(row["device_id"] for row in registry if "polite_" in row["entity_id"])
        area = (await talk.call("config/area_registry/create", name="Roastery"))["area_id"]
        await talk.call("config/device_registry/update", device_id=device, area_id=area)
        for service in (
            *("homeassistant.turn_on", "homeassistant.turn_off", "homeassistant.toggle"),
            *("switch.turn_on", "valve.open_valve", "button.press"),
        ):
            await talk.service(service, area_id=area)
        await talk.service("number.set_value", area_id=area, value=100)
        for entity_id in ("arm", "listening", "cooling"):
            said = f"turn on the {entity_id}"
            await talk.call("conversation/process", text=said, language="en")
        # A group of all switches turns each of them on; the roaster still waits to be confirmed.
        await talk.service("switch.turn_on", entity_id="all")
        await talk.until(lambda: talk.shows("button.polite_roaster_confirm_arming"))
        assert not await talk.shows("switch.polite_roaster_arm", "on")
        kinds = {asked.kind for asked in rig.person.instructions}
        harmless = {InstructionKind.NOT_A_CRACK, InstructionKind.ACKNOWLEDGE}
        harmless |= {InstructionKind.EMERGENCY_STOP, InstructionKind.LISTEN_ON}
        assert kinds <= harmless
        exposed = (await talk.call("homeassistant/expose_entity/list"))["exposed_entities"]
        ours = {name for name in exposed if "polite_" in name}
        assert not {name for name in ours if name.split(".")[0] in ("switch", "valve", "button")}


async def test_discovery_in_parts_is_one_device(home: Home, talk: Talk, tmp_path: Path) -> None:
    """What a broker of small packets gets, and what follows when its limit is lifted."""
    small = Broker(tmp_path, "max_packet_size 4000").start()
    try:
        async with sink(small.port, "parted") as rig, listener(small.port) as (heard, _):
            rig.show(everything())
            await until(lambda: heard.newest("roastwatch/parted/roaster/state/status"))
            parts = {t: p for t, p, _ in heard.messages if t.startswith("homeassistant/device/")}
    finally:
        small.kill()
    assert len(parts) > 4
    absent = {"image", "update", "heater_reading", "fan_reading", "drum_reading"}
    wanted = {entity_id(entity, "parted") for entity in ENTITIES if entity.key not in absent}

    async def devices() -> set[str]:
        registry = await talk.call("config/entity_registry/list")
        found = {row["entity_id"]: row["device_id"] for row in registry}
        return {found.get(name, "") for name in wanted}

    async def are_one() -> bool:
        return len(await devices()) == 1 and "" not in await devices()

    async with listener(home.broker.port, "roastwatch/parted/#") as (_, client):
        for topic, payload in parts.items():
            await client.publish(topic, payload, qos=1, retain=True)
    await talk.until(are_one)
    async with sink(home.broker.port, "parted") as rig:
        rig.show(everything())
        await talk.until(lambda: talk.shows("sensor.parted_roaster_phase", "Development"))
        await talk.until(lambda: talk.shows("number.parted_roaster_heater", "60"))
        await talk.until(are_one)
        hidden = {entity_id(entity, "parted") for entity in ENTITIES if entity.hidden}
        await talk.until(lambda: _all_there(talk, wanted - hidden))
    assert not complaints(home, "parted_roaster")


async def _all_there(talk: Talk, wanted: set[str]) -> bool:
    return wanted <= (await talk.states()).keys()


async def test_a_removed_roaster_takes_its_entities_along(home: Home, talk: Talk) -> None:
    async with sink(home.broker.port, "shrinks") as rig:
        rig.show(everything())
        await talk.until(lambda: talk.shows("number.shrinks_roaster_heater"))
        await talk.until(lambda: talk.shows("sensor.shrinks_roaster_phase"))
    async with sink(home.broker.port, "shrinks") as rig:
        rig.show(snapshot())

        async def gone() -> bool:
            registry = await talk.call("config/entity_registry/list")
            names = {found["entity_id"] for found in registry}
            return (
                "number.shrinks_roaster_heater" not in names
                and "sensor.shrinks_roaster_phase" in names
            )

        await talk.until(gone)


async def test_a_lost_part_makes_only_its_entities_unavailable(home: Home, talk: Talk) -> None:
    async with sink(home.broker.port, "parts") as rig:
        rig.show(everything())

        beans, pops = (
            "sensor.parts_roaster_bean_temperature",
            "sensor.parts_roaster_pops_per_minute",
        )
        await talk.until(lambda: talk.shows(beans, "201.3"))
        await talk.until(lambda: talk.shows(pops, "32"))
        await talk.until(lambda: talk.shows("button.parts_roaster_emergency_stop"))
        rig.show(snapshot(level=None, roaster=roaster(*Actuator, connected=False)))
        await talk.until(lambda: talk.shows(beans, "unavailable"))
        await talk.until(lambda: talk.shows(pops, "unavailable"))
        await talk.until(lambda: talk.shows("sensor.parts_roaster_phase", "Idle"))
        await talk.until(lambda: talk.shows("binary_sensor.parts_roaster_roaster_problem", "on"))
        assert await talk.shows("button.parts_roaster_emergency_stop")
