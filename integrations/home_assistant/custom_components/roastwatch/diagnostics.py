"""What helps to find a fault, without secrets and without where the service is."""

from dataclasses import asdict
from typing import Any

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.const import CONF_HOST, CONF_TOKEN
from homeassistant.core import HomeAssistant

from .const import CONF_SERVICE_ID
from .hub import RoastwatchConfigEntry

_SECRET = {CONF_TOKEN, CONF_HOST, CONF_SERVICE_ID, "title", "unique_id"}


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: RoastwatchConfigEntry
) -> dict[str, Any]:
    """The entry, the list of entities, and what each shows."""
    hub = entry.runtime_data
    stations = {
        name: {
            "revision": station.revision,
            "device": dict(station.device),
            "undecided": sorted(station.undecided),
            "entities": {
                key: asdict(hub.shown(name, key)) | {"platform": described.platform}
                for key, described in station.entities.items()
            },
        }
        for name, station in hub.listing.stations.items()
    }
    return {
        "entry": async_redact_data(entry.as_dict(), _SECRET),
        "connection": {
            "connected": hub.connected,
            "connections": hub.connections,
            "problem": hub.problem,
        },
        "version": hub.listing.version,
        "stations": stations,
    }
