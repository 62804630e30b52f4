"""Devices, entities, events, actions and issues of a service that is connected."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import known
from homeassistant.components.device_automation import (
    DeviceAutomationType,
    async_get_device_automations,
)
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util.unit_system import US_CUSTOMARY_SYSTEM
from stand_in import StandIn

STATION = "kitchen_roaster"


async def until(condition: Callable[[], Any]) -> Any:
    async with asyncio.timeout(10):
        while not (found := condition()):
            await asyncio.sleep(0.01)
    return found


def state(hass: HomeAssistant, entity_id: str) -> str | None:
    found = hass.states.get(entity_id)
    return found.state if found else None


def device(hass: HomeAssistant) -> dr.DeviceEntry:
    [found] = dr.async_get(hass).async_get_devices(identifiers={("roastwatch", STATION)})
    return found


def happened(kind: str, event_id: str, at: datetime) -> dict[str, Any]:
    return {
        "event_type": kind,
        "event_id": event_id,
        "station": "roaster",
        "roast_id": "r1",
        "decided_at": at.isoformat(),
        "message": "",
        "urgency": "information",
    }


async def test_every_listed_entity_is_there_under_its_name(
    hass: HomeAssistant, running: ConfigEntry, service: StandIn
) -> None:
    listed = service.listing["stations"]["roaster"]["entities"]
    registry = er.async_get(hass)
    found = er.async_entries_for_config_entry(registry, running.entry_id)
    assert len(found) == len(listed)
    by_id = {one.unique_id: one for one in found}
    for row in listed:
        one = by_id[f"{STATION}_{row['key']}"]
        assert one.entity_id == f"{row['platform']}.{STATION}_{row['key']}"
        assert one.translation_key == row["key"]
        assert one.original_name == row["name"]["en"]
        assert (one.disabled_by is None) == row["enabled_by_default"]
        assert one.entity_category == row["entity_category"]
    made = device(hass)
    assert (made.name, made.manufacturer) == ("Garage roaster", "roastwatch")
    assert state(hass, f"sensor.{STATION}_bean_temperature") == "150.0"
    assert state(hass, f"number.{STATION}_heater") == "60.0"
    assert state(hass, f"valve.{STATION}_door") == "closed"
    assert state(hass, f"switch.{STATION}_listening") == "on"
    assert state(hass, f"select.{STATION}_detector") == "pops"
    assert state(hass, f"button.{STATION}_confirm_arming") == "unavailable"
    assert state(hass, f"binary_sensor.{STATION}_first_crack") == "off"


async def test_values_are_pushed(
    hass: HomeAssistant, running: ConfigEntry, service: StandIn
) -> None:
    away = {"value": None, "available": False}
    at = "2026-11-29T12:05:00+00:00"
    await service.show(
        "roaster", phase="development", bean_temperature=away, first_crack_at=at, image=at
    )
    await until(lambda: state(hass, f"sensor.{STATION}_phase") == "development")
    assert state(hass, f"sensor.{STATION}_bean_temperature") == "unavailable"
    assert state(hass, f"sensor.{STATION}_first_crack_at") == at
    assert state(hass, f"image.{STATION}_image") == at


async def test_a_killed_service_is_unavailable_at_once_and_comes_back(
    hass: HomeAssistant, running: ConfigEntry, service: StandIn, caplog: Any
) -> None:
    caplog.set_level("INFO")
    await service.stop()
    async with asyncio.timeout(2):
        await until(lambda: state(hass, f"sensor.{STATION}_phase") == "unavailable")
    assert state(hass, f"button.{STATION}_drop") == "unavailable"
    await service.start()
    await until(lambda: state(hass, f"sensor.{STATION}_phase") == "maillard")
    assert caplog.text.count("is not available") == 1
    assert caplog.text.count("is connected again") == 1


async def test_rates_follow_the_unit_of_temperature(
    hass: HomeAssistant, entry: ConfigEntry
) -> None:
    hass.config.units = US_CUSTOMARY_SYSTEM
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    rate = hass.states.get(f"sensor.{STATION}_rate_of_rise")
    assert (rate.state, rate.attributes["unit_of_measurement"]) == ("18.0", "°F/min")
    bean = hass.states.get(f"sensor.{STATION}_bean_temperature")
    assert (bean.state, bean.attributes["unit_of_measurement"]) == ("302.0", "°F")


@pytest.mark.parametrize(
    ("action", "entity", "data", "sent"),
    [
        ("button.press", "button.{}_drop", {}, ("drop", None)),
        ("switch.turn_on", "switch.{}_arm", {}, ("arm", True)),
        ("switch.turn_off", "switch.{}_listening", {}, ("listening", False)),
        ("number.set_value", "number.{}_heater", {"value": 55}, ("heater", 55.0)),
        ("select.select_option", "select.{}_profile", {"option": "sidamo"}, ("profile", "sidamo")),
        ("valve.open_valve", "valve.{}_door", {}, ("door", True)),
        ("valve.close_valve", "valve.{}_door", {}, ("door", False)),
        ("text.set_value", "text.{}_note", {"value": "smoky"}, ("note", "smoky")),
    ],
)
async def test_what_a_person_sets_reaches_the_service(
    hass: HomeAssistant,
    running: ConfigEntry,
    service: StandIn,
    action: str,
    entity: str,
    data: dict[str, Any],
    sent: tuple[str, Any],
) -> None:
    domain, name = action.split(".")
    target = {"entity_id": entity.format(STATION)}
    await hass.services.async_call(domain, name, {**target, **data}, blocking=True)
    assert service.asked[-1] == (f"roaster/set/{sent[0]}", {"value": sent[1]})


@pytest.mark.parametrize(
    ("refusal", "key"),
    [
        ({"error": "The bean probe reads 240 °C.", "code": "temperature"}, "refused"),
        ({"error": "No roast is in progress.", "code": "no_roast"}, "refused_no_roast"),
    ],
)
async def test_a_refusal_is_an_error_with_its_reason(
    hass: HomeAssistant,
    running: ConfigEntry,
    service: StandIn,
    refusal: dict[str, str],
    key: str,
) -> None:
    service.refusal = refusal
    with pytest.raises(HomeAssistantError, match=refusal["error"].rstrip(".")) as caught:
        await hass.services.async_call(
            "button", "press", {"entity_id": f"button.{STATION}_drop"}, blocking=True
        )
    assert caught.value.translation_key == key


async def test_actions_reach_the_station_of_a_device(
    hass: HomeAssistant, running: ConfigEntry, service: StandIn
) -> None:
    which = {"device_id": device(hass).id}

    async def act(name: str, **data: Any) -> None:
        await hass.services.async_call("roastwatch", name, {**which, **data}, blocking=True)

    await act("instruct", kind="first_crack_now")
    await act("add_note", text="smoky")
    await act("set_actuator", actuator="fan", percent=40)
    assert service.asked == [
        ("roaster/instruct", {"kind": "first_crack_now"}),
        ("roaster/instruct", {"kind": "note", "value": "smoky"}),
        ("roaster/set/fan", {"value": 40.0}),
    ]
    with pytest.raises(Exception, match="arm"):
        await act("instruct", kind="arm")
    which["device_id"] = "nothing"
    with pytest.raises(ServiceValidationError, match="no station"):
        await act("instruct", kind="drop")


async def test_an_event_is_shown_once_and_starts_an_automation(
    hass: HomeAssistant, running: ConfigEntry, service: StandIn
) -> None:
    which = device(hass).id
    listed = await async_get_device_automations(hass, DeviceAutomationType.TRIGGER, [which])
    ours = {one["type"] for one in listed[which] if one["domain"] == "roastwatch"}
    assert ours == set(hass.states.get(f"event.{STATION}_event").attributes["event_types"])
    trigger = {"platform": "device", "domain": "roastwatch", "device_id": which}
    calls: list[Any] = []
    hass.services.async_register("test", "note", lambda call: calls.append(call.data))
    note = {"action": "test.note", "data": {"id": "{{ trigger.event.event_id }}"}}
    rule = {"triggers": [trigger | {"type": "first_crack"}], "actions": [note]}
    assert await async_setup_component(hass, "automation", {"automation": rule})
    now = datetime.now(UTC)
    message = {"type": "event", "station": "roaster", "number": 1}
    for _ in range(2):  # delivery is at least once
        await service.send(message | {"event": happened("first_crack", "e1", now)})
    await until(lambda: calls)
    await service.send(message | {"event": happened("drop", "e2", now)})
    shown = f"event.{STATION}_event"
    await until(lambda: hass.states.get(shown).attributes["event_type"] == "drop")
    assert [one["id"] for one in calls] == ["e1"]


async def test_events_of_an_outage_are_delivered_late(
    hass: HomeAssistant, running: ConfigEntry, service: StandIn
) -> None:
    await service.stop()
    service.events.append(happened("first_crack", "e1", datetime.now(UTC)))
    await service.start()
    shown = f"event.{STATION}_event"
    await until(lambda: hass.states.get(shown).attributes.get("event_type") == "first_crack")
    assert hass.states.get(shown).attributes["late"] is True


async def test_a_restart_delivers_what_happened_since_the_last_event(
    hass: HomeAssistant, running: ConfigEntry, service: StandIn
) -> None:
    shown, now = f"event.{STATION}_event", datetime.now(UTC)
    first = happened("first_crack", "e1", now)
    await service.send({"type": "event", "station": "roaster", "number": 1, "event": first})
    await until(lambda: hass.states.get(shown).attributes.get("event_id") == "e1")
    await hass.config_entries.async_unload(running.entry_id)
    # The same decision, revoked meanwhile; the charge before it is not news.
    revoked = first | {"event_type": "not_a_crack"}
    service.events = [happened("charge", "e0", now), first, revoked]
    seen: list[Any] = []
    hass.bus.async_listen("state_changed", lambda event: seen.append(event.data["new_state"]))
    assert await hass.config_entries.async_setup(running.entry_id)
    await until(lambda: hass.states.get(shown).attributes.get("event_type") == "not_a_crack")
    types = [one.attributes.get("event_type") for one in seen if one and one.entity_id == shown]
    assert "charge" not in types


async def test_the_list_may_change_while_it_is_shown(
    hass: HomeAssistant, running: ConfigEntry, service: StandIn
) -> None:
    station = service.listing["stations"]["roaster"]
    rows = {row["key"]: row for row in station["entities"]}
    door, heater = rows["door"], rows["heater"]
    rows["profile"]["options"] = ["yirga"]
    new = rows["phase"] | {"key": "from_the_future", "name": {"en": "Future", "de": "Zukunft"}}
    station["entities"] = [row for row in rows.values() if row not in (door, heater)] + [new]
    station["undecided"] = ["heater"]
    station["title"] = "Cellar roaster"
    for key in ("door", "heater"):
        del service.values["roaster"]["values"][key]
    service.values["roaster"]["values"]["from_the_future"] = {"value": "idle", "available": True}
    await service.relist()
    await until(lambda: state(hass, f"sensor.{STATION}_from_the_future") == "idle")
    assert hass.states.get(f"sensor.{STATION}_from_the_future").name == "Cellar roaster Future"
    assert state(hass, f"valve.{STATION}_door") is None
    assert er.async_get(hass).async_get(f"valve.{STATION}_door") is None
    assert state(hass, f"number.{STATION}_heater") == "unavailable"
    assert hass.states.get(f"select.{STATION}_profile").attributes["options"] == ["yirga"]
    assert device(hass).name == "Cellar roaster"


async def test_a_renamed_instance_or_station_leaves_nothing_behind(
    hass: HomeAssistant, running: ConfigEntry, service: StandIn
) -> None:
    stations = service.listing["stations"]
    service.listing["instance"] = "attic"
    stations["new"] = stations.pop("roaster")
    service.values["new"] = service.values.pop("roaster") | {"station": "new"}
    await service.stop()
    await service.start()
    await until(lambda: state(hass, "sensor.attic_new_phase") == "maillard")
    await hass.async_block_till_done()
    found = er.async_entries_for_config_entry(er.async_get(hass), running.entry_id)
    assert {one.unique_id.split("_")[0] for one in found} == {"attic"}
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), running.entry_id)
    assert [one.identifiers for one in devices] == [{("roastwatch", "attic_new")}]
    assert running.unique_id == "attic"
    assert not [one for one in hass.states.async_entity_ids() if STATION in one]


async def test_a_picture_is_fetched(
    hass: HomeAssistant, running: ConfigEntry, service: StandIn
) -> None:
    picture = hass.data["image"].get_entity(f"image.{STATION}_image")
    assert await picture.async_image() == b"\x89PNG"


async def test_a_silent_microphone_is_an_issue_until_it_is_heard(
    hass: HomeAssistant,
    running: ConfigEntry,
    service: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    silent = {"type": "level", "station": "roaster", "advice": {"code": "silent", "text": ""}}
    which = ("roastwatch", f"silent_microphone_{running.entry_id}_roaster")

    def issue() -> Any:
        return ir.async_get(hass).async_get_issue(*which)

    await service.send(silent)
    await service.show("roaster", phase="idle")
    await until(lambda: state(hass, f"sensor.{STATION}_phase") == "idle")
    assert issue() is None
    monkeypatch.setattr("custom_components.roastwatch.issues.SILENT_AFTER", timedelta(0))
    await service.send(silent)
    assert (await until(issue)).translation_placeholders == {"station": "Garage roaster"}
    await service.send(silent | {"advice": None})
    await until(lambda: issue() is None)


async def test_an_old_service_is_an_issue_until_it_is_updated(
    hass: HomeAssistant, entry: ConfigEntry, service: StandIn
) -> None:
    service.listing["version"] = "0.0.9"
    await hass.config_entries.async_setup(entry.entry_id)
    issue = ("roastwatch", f"version_too_old_{entry.entry_id}")
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert ir.async_get(hass).async_get_issue(*issue).translation_placeholders["version"] == "0.0.9"
    service.listing["version"] = "0.2.0"
    await hass.config_entries.async_reload(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED
    assert ir.async_get(hass).async_get_issue(*issue) is None


async def test_a_device_of_mqtt_stops_the_setup_until_it_is_deleted(
    hass: HomeAssistant, entry: ConfigEntry
) -> None:
    mqtt = known(hass, "mqtt")
    registry = dr.async_get(hass)
    other = registry.async_get_or_create(
        config_entry_id=mqtt.entry_id, identifiers={("mqtt", "roastwatch_kitchen_roaster")}
    )
    await hass.config_entries.async_setup(entry.entry_id)
    issue = ("roastwatch", f"mqtt_device_exists_{entry.entry_id}")
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert ir.async_get(hass).async_get_issue(*issue) is not None
    registry.async_remove_device(other.id)
    await hass.config_entries.async_reload(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED
    assert ir.async_get(hass).async_get_issue(*issue) is None


async def test_a_removed_entry_leaves_nothing_behind(
    hass: HomeAssistant, running: ConfigEntry
) -> None:
    await hass.config_entries.async_remove(running.entry_id)
    await hass.async_block_till_done()
    assert not [one for one in hass.states.async_entity_ids() if STATION in one]
    assert not dr.async_entries_for_config_entry(dr.async_get(hass), running.entry_id)
    assert not [one for one in ir.async_get(hass).issues if one[0] == "roastwatch"]


async def test_diagnostics_hold_no_secret(hass: HomeAssistant, running: ConfigEntry) -> None:
    from custom_components.roastwatch.diagnostics import async_get_config_entry_diagnostics

    found = json.dumps(await async_get_config_entry_diagnostics(hass, running), default=str)
    for secret in (running.data["token"], "127.0.0.1", running.data["service_id"]):
        assert secret not in found
    assert "bean_temperature" in found


def test_every_icon_and_translation_is_of_something_listed(described: dict[str, Any]) -> None:
    import custom_components.roastwatch as integration

    folder = Path(integration.__file__).parent
    icons = json.loads((folder / "icons.json").read_text(encoding="utf-8"))
    for row in described["listing"]["stations"]["roaster"]["entities"]:
        for language in ("en", "de"):
            text = (folder / "translations" / f"{language}.json").read_text(encoding="utf-8")
            assert json.loads(text)["entity"][row["platform"]][row["key"]]["name"]
        if row["icon"]:
            assert icons["entity"][row["platform"]][row["key"]]["default"] == row["icon"]
