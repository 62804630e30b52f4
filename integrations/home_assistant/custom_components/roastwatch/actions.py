"""Actions for automations: an instruction, a note, an actuator."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import probatio
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import HomeAssistant, ServiceCall, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers import device_registry as dr

from .client import Client
from .const import DOMAIN
from .errors import translated
from .hub import RoastwatchConfigEntry
from .table import ACTUATORS, INSTRUCTIONS

INSTRUCT, NOTE, SET_ACTUATOR = "instruct", "add_note", "set_actuator"
KIND, TEXT, ACTUATOR, PERCENT = "kind", "text", "actuator", "percent"

_DEVICE: dict[Any, Any] = {probatio.Required(ATTR_DEVICE_ID): cv.string}
_SCHEMAS = {
    INSTRUCT: probatio.Schema({**_DEVICE, probatio.Required(KIND): probatio.In(INSTRUCTIONS)}),
    NOTE: probatio.Schema(
        {
            **_DEVICE,
            probatio.Required(TEXT): probatio.All(cv.string, probatio.Length(min=1, max=255)),
        }
    ),
    SET_ACTUATOR: probatio.Schema(
        {
            **_DEVICE,
            probatio.Required(ACTUATOR): probatio.In(ACTUATORS),
            probatio.Required(PERCENT): probatio.All(
                probatio.Coerce(float), probatio.Range(min=0, max=100)
            ),
        }
    ),
}


@callback
def async_setup_actions(hass: HomeAssistant) -> None:
    """Register the actions; they stay, also while no entry is loaded."""

    async def instruct(client: Client, station: str, data: dict[str, Any]) -> None:
        await client.instruct(station, data[KIND])

    async def note(client: Client, station: str, data: dict[str, Any]) -> None:
        await client.instruct(station, "note", data[TEXT])

    async def set_actuator(client: Client, station: str, data: dict[str, Any]) -> None:
        await client.set(station, data[ACTUATOR], data[PERCENT])

    for name, act in ((INSTRUCT, instruct), (NOTE, note), (SET_ACTUATOR, set_actuator)):
        hass.services.async_register(DOMAIN, name, _action(hass, act), _SCHEMAS[name])


def _action(
    hass: HomeAssistant, act: Callable[[Client, str, dict[str, Any]], Awaitable[None]]
) -> Callable[[ServiceCall], Coroutine[Any, Any, None]]:
    async def call(request: ServiceCall) -> None:
        entry, station = station_of(hass, request.data[ATTR_DEVICE_ID])
        with translated():
            await act(entry.runtime_data.client, station, request.data)

    return call


def station_of(hass: HomeAssistant, device_id: str) -> tuple[RoastwatchConfigEntry, str]:
    """The entry and the station of a device.

    Raises:
        ServiceValidationError: it is no station of ours, or its entry is not loaded.
    """
    device = dr.async_get(hass).async_get(device_id)
    entry = (
        hass.config_entries.async_get_entry(device.config_entry_id) if device is not None else None
    )
    if entry is None or entry.domain != DOMAIN:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="not_a_station",
            translation_placeholders={"device": device_id},
        )
    if entry.state is not ConfigEntryState.LOADED:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="not_loaded",
            translation_placeholders={"title": entry.title},
        )
    registries = entry.runtime_data.registries
    for name in entry.runtime_data.listing.stations:
        if registries.device_id(name) == device_id:
            return entry, name
    raise ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key="not_a_station",
        translation_placeholders={"device": device_id},
    )
