"""Each type of event is a trigger of the station's device."""

from typing import Any

import probatio
from homeassistant.components.device_automation import DEVICE_TRIGGER_BASE_SCHEMA
from homeassistant.const import CONF_DEVICE_ID, CONF_DOMAIN, CONF_PLATFORM, CONF_TYPE
from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.trigger import TriggerActionType, TriggerInfo
from homeassistant.helpers.typing import ConfigType

from .const import DOMAIN
from .hub import event_signal
from .table import EVENT_TYPES

TRIGGER_SCHEMA = DEVICE_TRIGGER_BASE_SCHEMA.extend(
    {probatio.Required(CONF_TYPE): probatio.In(EVENT_TYPES)}
)


async def async_get_triggers(hass: HomeAssistant, device_id: str) -> list[dict[str, str]]:
    """The triggers of a station."""
    device = dr.async_get(hass).async_get(device_id)
    if device is None or not any(domain == DOMAIN for domain, _ in device.identifiers):
        return []
    base = {CONF_PLATFORM: "device", CONF_DEVICE_ID: device_id, CONF_DOMAIN: DOMAIN}
    return [{**base, CONF_TYPE: kind} for kind in EVENT_TYPES]


async def async_attach_trigger(
    hass: HomeAssistant,
    config: ConfigType,
    action: TriggerActionType,
    trigger_info: TriggerInfo,
) -> CALLBACK_TYPE:
    """Run an action at each event of the type; also one that is delivered late."""
    job = HassJob(action)

    @callback
    def happened(kind: str, attributes: dict[str, Any]) -> None:
        if kind != config[CONF_TYPE]:
            return
        trigger = {
            **trigger_info["trigger_data"],
            **config,
            "description": f"roastwatch: {kind}",
            "event": {"event_type": kind, **attributes},
        }
        hass.async_run_hass_job(job, {"trigger": trigger})

    return async_dispatcher_connect(hass, event_signal(config[CONF_DEVICE_ID]), happened)
