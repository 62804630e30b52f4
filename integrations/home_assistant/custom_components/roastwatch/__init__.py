"""roastwatch: detects first crack of roasting coffee, and drives the roaster."""

import asyncio
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import (
    CONF_HOST,
    CONF_PATH,
    CONF_PORT,
    CONF_SSL,
    CONF_TOKEN,
    CONF_VERIFY_SSL,
    EVENT_HOMEASSISTANT_STOP,
)
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed, ConfigEntryNotReady
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.typing import ConfigType

from . import issues
from .actions import async_setup_actions
from .client import (
    DEFAULT_PATH,
    Address,
    AuthenticationError,
    Client,
    Listing,
    ServiceError,
    TooOldError,
)
from .const import CONF_SERVICE_ID, DOMAIN, FIRST_VALUES_WITHIN_S, PLATFORMS
from .hub import Hub, RoastwatchConfigEntry
from .panel import async_setup_views, async_show
from .registries import mqtt_devices
from .roast_files import RoastFilesView

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Register the actions, and what the panel and the media source are served by."""
    async_setup_actions(hass)
    if "http" in hass.config.components:
        await async_setup_views(hass)
        hass.http.register_view(RoastFilesView())
    return True


async def async_setup_entry(hass: HomeAssistant, entry: RoastwatchConfigEntry) -> bool:
    """Connect with a service and show its stations."""
    client = Client(async_get_clientsession(hass), address(entry.data), entry.data[CONF_TOKEN])
    listing = await _listing(hass, entry, client)
    if issues.check_twice(hass, entry, listing):
        raise ConfigEntryNotReady(
            translation_domain=DOMAIN,
            translation_key="mqtt_device_exists",
            translation_placeholders={"instance": listing.instance},
        )
    hub = entry.runtime_data = Hub(hass, entry, client, listing)
    hub.accept(listing)
    task = entry.async_create_background_task(hass, hub.run(), f"roastwatch {listing.instance}")

    @callback
    def stop(_event: Event) -> None:
        task.cancel()

    entry.async_on_unload(hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, stop))
    try:
        async with asyncio.timeout(FIRST_VALUES_WITHIN_S):
            await hub.first_values.wait()
    except TimeoutError as error:
        task.cancel()
        raise ConfigEntryNotReady(
            translation_domain=DOMAIN,
            translation_key="cannot_connect",
            translation_placeholders={"problem": hub.problem or "it sends no values"},
        ) from error
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    await async_show(hass, entry)
    _watch_mqtt(hass, entry, hub)
    return True


async def async_unload_entry(hass: HomeAssistant, entry: RoastwatchConfigEntry) -> bool:
    """Disconnect; the background task ends with the entry."""
    issues.delete_all(hass, entry, issues.SILENT)
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove_entry(hass: HomeAssistant, entry: RoastwatchConfigEntry) -> None:
    """Leave no issue behind."""
    issues.delete_all(hass, entry)


async def async_remove_config_entry_device(
    hass: HomeAssistant, entry: RoastwatchConfigEntry, device: dr.DeviceEntry
) -> bool:
    """Whether a person may delete a device: only one that the service lists no longer."""
    hub = entry.runtime_data
    return all(hub.registries.device_id(name) != device.id for name in hub.listing.stations)


def address(data: Any) -> Address:
    """Where the service of an entry answers."""
    return Address(
        host=data[CONF_HOST],
        port=data[CONF_PORT],
        ssl=data.get(CONF_SSL, False),
        verify_ssl=data.get(CONF_VERIFY_SSL, True),
        path=data.get(CONF_PATH) or DEFAULT_PATH,
    )


async def _listing(hass: HomeAssistant, entry: ConfigEntry[Any], client: Client) -> Listing:
    """The list of entities of a service that this integration can show."""
    try:
        listing = await client.listing()
    except AuthenticationError as error:
        raise ConfigEntryAuthFailed(
            translation_domain=DOMAIN, translation_key="invalid_auth"
        ) from error
    except TooOldError as error:
        issues.show_too_old(hass, entry, "?")
        raise ConfigEntryNotReady(
            translation_domain=DOMAIN, translation_key="version_too_old"
        ) from error
    except ServiceError as error:
        raise ConfigEntryNotReady(
            translation_domain=DOMAIN,
            translation_key="cannot_connect",
            translation_placeholders={"problem": str(error)},
        ) from error
    if issues.check_version(hass, entry, listing.version):
        raise ConfigEntryNotReady(translation_domain=DOMAIN, translation_key="version_too_old")
    if entry.data.get(CONF_SERVICE_ID) != listing.service_id:
        data = {**entry.data, CONF_SERVICE_ID: listing.service_id}
        hass.config_entries.async_update_entry(entry, data=data)
    return listing


@callback
def _watch_mqtt(hass: HomeAssistant, entry: RoastwatchConfigEntry, hub: Hub) -> None:
    """Report devices of the same stations that MQTT discovery adds later."""

    @callback
    def changed(event: Event[Any]) -> None:
        if event.data["action"] == "create":
            device = dr.async_get(hass).async_get(event.data["device_id"])
            if device is not None and device in mqtt_devices(hass, hub.listing):
                issues.check_twice(hass, entry, hub.listing)
        elif event.data["action"] == "remove":
            issues.check_twice(hass, entry, hub.listing)

    entry.async_on_unload(hass.bus.async_listen(dr.EVENT_DEVICE_REGISTRY_UPDATED, changed))
