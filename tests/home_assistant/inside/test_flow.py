"""From an announcement or an address to an entry, and back to it when something changed."""

import asyncio
from ipaddress import ip_address
from typing import Any

import pytest
from conftest import known
from homeassistant.config_entries import (
    SOURCE_HASSIO,
    SOURCE_RECONFIGURE,
    SOURCE_USER,
    SOURCE_ZEROCONF,
    ConfigEntry,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.service_info.hassio import HassioServiceInfo
from homeassistant.helpers.service_info.zeroconf import ZeroconfServiceInfo
from stand_in import CODE, PASSWORD, TOKEN, StandIn

FORM = {"host": "127.0.0.1", "ssl": False, "verify_ssl": True}


def announced(
    service: StandIn, host: str = "127.0.0.1", service_id: str | None = None
) -> ZeroconfServiceInfo:
    address = ip_address(host)
    properties = {"id": service_id or service.listing["id"], "instance": "kitchen"}
    properties |= {"version": "0.1.0", "path": "/api/v1", "tls": "0"}
    return ZeroconfServiceInfo(
        ip_address=address,
        ip_addresses=[address],
        port=service.port,
        hostname="pi.local.",
        type="_roastwatch._tcp.local.",
        name="kitchen._roastwatch._tcp.local.",
        properties=properties,
    )


async def begin(
    hass: HomeAssistant, source: str, data: Any = None, **context: Any
) -> dict[str, Any]:
    found: dict[str, Any] = await hass.config_entries.flow.async_init(
        "roastwatch", context={"source": source, **context}, data=data
    )
    return found


async def answer(hass: HomeAssistant, flow: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = await hass.config_entries.flow.async_configure(flow["flow_id"], data)
    await hass.async_block_till_done()
    return found


async def test_a_password_becomes_a_token(hass: HomeAssistant, service: StandIn) -> None:
    flow = await begin(hass, SOURCE_USER)
    assert (flow["type"], flow["step_id"]) == ("form", "user")
    done = await answer(hass, flow, FORM | {"port": service.port, "password": PASSWORD})
    assert done["type"] == "create_entry"
    assert done["title"] == "kitchen"
    assert done["data"]["token"] == TOKEN
    assert PASSWORD not in str(done["data"])
    assert done["result"].unique_id == "kitchen"
    assert hass.states.get("sensor.kitchen_roaster_phase").state == "maillard"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"password": "wrong"}, "invalid_auth"),
        ({"port": 1}, "cannot_connect"),
        ({"status": {"pair": 429}}, "too_many_attempts"),
        ({"status": {"pair": 404}}, "version_too_old"),
        ({"status": {"pair": 500}}, "cannot_connect"),
        ({"status": {"entities": 503}}, "cannot_connect"),
        ({"version": "0.0.9"}, "version_too_old"),
        ({"role": "viewer"}, "viewer"),
    ],
)
async def test_what_is_wrong_is_named_and_can_be_corrected(
    hass: HomeAssistant, service: StandIn, change: dict[str, Any], error: str
) -> None:
    service.status = change.get("status", {})
    service.role = change.get("role", "operator")
    service.listing["version"] = change.get("version", "0.1.0")
    good = FORM | {"port": service.port, "password": PASSWORD}
    wrong = good | {key: change[key] for key in change if key in good}
    flow = await answer(hass, await begin(hass, SOURCE_USER), wrong)
    assert flow["errors"] == {"base": error}
    service.status, service.role = {}, "operator"
    service.listing["version"] = "0.1.0"
    assert (await answer(hass, flow, good))["type"] == "create_entry"


async def test_a_service_with_a_token_in_its_settings_takes_that(
    hass: HomeAssistant, service: StandIn
) -> None:
    service.status = {"pair": 409}
    flow = await begin(hass, SOURCE_USER)
    done = await answer(hass, flow, FORM | {"port": service.port, "password": TOKEN})
    assert done["type"] == "create_entry"


async def test_a_discovered_service_is_added_with_a_code(
    hass: HomeAssistant, service: StandIn
) -> None:
    flow = await begin(hass, SOURCE_ZEROCONF, announced(service))
    assert flow["step_id"] == "confirm"
    done = await answer(hass, flow, {"password": CODE})
    assert done["type"] == "create_entry"
    assert service.asked[0][1]["code"] == CODE


async def test_the_app_is_added_by_a_click(hass: HomeAssistant, service: StandIn) -> None:
    config = {"host": "127.0.0.1", "port": service.port, "instance": "kitchen", "code": CODE}
    found = HassioServiceInfo(config=config, name="roastwatch", slug="roastwatch", uuid="1")
    flow = await begin(hass, SOURCE_HASSIO, found)
    assert flow["data_schema"].schema == {}
    assert (await answer(hass, flow, {}))["type"] == "create_entry"


async def test_a_used_code_of_the_app_asks_for_a_password(
    hass: HomeAssistant, service: StandIn
) -> None:
    config = {"host": "127.0.0.1", "port": service.port, "instance": "kitchen", "code": "used"}
    found = HassioServiceInfo(config=config, name="roastwatch", slug="roastwatch", uuid="1")
    flow = await answer(hass, await begin(hass, SOURCE_HASSIO, found), {})
    assert flow["errors"] == {"base": "invalid_auth"}
    assert (await answer(hass, flow, {"password": PASSWORD}))["type"] == "create_entry"


async def test_an_announcement_of_something_else_is_ignored(
    hass: HomeAssistant, service: StandIn
) -> None:
    found = announced(service)
    found.properties.clear()
    assert (await begin(hass, SOURCE_ZEROCONF, found))["reason"] == "not_roastwatch"
    other = HassioServiceInfo(config={}, name="x", slug="x", uuid="1")
    assert (await begin(hass, SOURCE_HASSIO, other))["reason"] == "not_roastwatch"


async def test_a_known_service_takes_its_new_address(
    hass: HomeAssistant, entry: ConfigEntry, service: StandIn
) -> None:
    flow = await begin(hass, SOURCE_ZEROCONF, announced(service, "127.0.0.2"))
    assert flow["reason"] == "already_configured"
    assert entry.data["host"] == "127.0.0.2"
    await hass.async_block_till_done()


@pytest.mark.parametrize("ssl", [False, True])
async def test_an_address_that_works_or_was_chosen_is_kept(
    hass: HomeAssistant, running: ConfigEntry, service: StandIn, ssl: bool
) -> None:
    if ssl:  # through a proxy that is not announced
        data = {**running.data, "ssl": True}
        hass.config_entries.async_update_entry(running, data=data)
        running.runtime_data.connected = False
    flow = await begin(hass, SOURCE_ZEROCONF, announced(service, "127.0.0.2"))
    assert flow["reason"] == "already_configured"
    assert running.data["host"] == "127.0.0.1"


async def test_a_second_service_of_the_same_name_is_an_issue(
    hass: HomeAssistant, running: ConfigEntry, service: StandIn
) -> None:
    flow = await begin(hass, SOURCE_ZEROCONF, announced(service, "127.0.0.9", "f" * 32))
    assert flow["reason"] == "second_instance"
    assert running.data["host"] == "127.0.0.1"
    issue = ir.async_get(hass).async_get_issue("roastwatch", f"second_instance_{running.entry_id}")
    assert issue is not None
    assert issue.translation_placeholders["host"] == "127.0.0.9"


async def test_stations_that_mqtt_shows_are_refused(hass: HomeAssistant, service: StandIn) -> None:
    mqtt = known(hass, "mqtt")
    dr.async_get(hass).async_get_or_create(
        config_entry_id=mqtt.entry_id, identifiers={("mqtt", "roastwatch_kitchen_roaster")}
    )
    flow = await begin(hass, SOURCE_USER)
    done = await answer(hass, flow, FORM | {"port": service.port, "password": PASSWORD})
    assert done["reason"] == "mqtt_device_exists"


async def test_a_revoked_token_is_replaced(
    hass: HomeAssistant, running: ConfigEntry, service: StandIn
) -> None:
    service.tokens.clear()
    await service.stop()
    await service.start()
    flow = await _flow(hass, "reauth_confirm")
    wrong = await answer(hass, flow, {"password": "wrong"})
    assert wrong["errors"] == {"base": "invalid_auth"}
    assert (await answer(hass, wrong, {"password": PASSWORD}))["reason"] == "reauth_successful"
    assert hass.states.get("sensor.kitchen_roaster_phase").state == "maillard"


async def test_another_address_keeps_the_token(
    hass: HomeAssistant, running: ConfigEntry, service: StandIn
) -> None:
    flow = await begin(hass, SOURCE_RECONFIGURE, entry_id=running.entry_id)
    form = FORM | {"host": "localhost", "port": service.port}
    wrong = await answer(hass, flow, form | {"port": 1})
    assert wrong["errors"] == {"base": "cannot_connect"}
    assert (await answer(hass, wrong, form))["reason"] == "reconfigure_successful"
    assert (running.data["host"], running.data["token"]) == ("localhost", TOKEN)


async def test_another_service_at_the_address_is_refused(
    hass: HomeAssistant, running: ConfigEntry, service: StandIn
) -> None:
    service.listing |= {"instance": "attic", "id": "e" * 32}
    flow = await begin(hass, SOURCE_RECONFIGURE, entry_id=running.entry_id)
    form = FORM | {"port": service.port, "password": PASSWORD}
    assert (await answer(hass, flow, form))["reason"] == "another_instance"


async def _flow(hass: HomeAssistant, step: str) -> dict[str, Any]:
    async with asyncio.timeout(10):
        while True:
            for flow in hass.config_entries.flow.async_progress_by_handler("roastwatch"):
                if flow["step_id"] == step:
                    return flow
            await asyncio.sleep(0.02)
