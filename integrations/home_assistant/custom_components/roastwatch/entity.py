"""What all entities have in common."""

from typing import override

from homeassistant.const import EntityCategory, Platform
from homeassistant.core import callback
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .client import Described, StationListing
from .errors import translated
from .hub import Hub, RoastwatchConfigEntry, Shown
from .registries import MakeEntity, device_info, unique_id
from .table import KEYS


class RoastwatchEntity(Entity):
    """One entity of a station, as the service describes it."""

    _attr_has_entity_name = True
    _attr_should_poll = False

    def __init__(self, hub: Hub, station: StationListing, described: Described) -> None:
        self._hub = hub
        self._station = station.name
        self.described = described
        name = unique_id(hub.listing.instance, station.name, described.key)
        self._attr_unique_id = name
        # The same in every language and as over MQTT, so that automations and history stay.
        self.entity_id = f"{described.platform}.{name.replace('-', '_')}"
        self._attr_device_info = device_info(hub.hass, hub.listing, station)
        self._attr_translation_key = described.key
        if described.key not in KEYS:  # of a newer service: without translations
            self._attr_name = described.name.get("en", described.key)
        self._attr_entity_category = (
            EntityCategory(described.category) if described.category else None
        )
        self._attr_entity_registry_enabled_default = described.enabled
        self._describe(described)
        self._show(hub.shown(station.name, described.key))

    @property
    @override
    def available(self) -> bool:
        """Whether the service is connected and the value can be known."""
        return self.shown.available

    @property
    def shown(self) -> Shown:
        """What the service says now."""
        return self._hub.shown(self._station, self.described.key)

    def _describe(self, described: Described) -> None:
        """Take over a description; it may change while the entity lives."""

    def _show(self, shown: Shown) -> None:
        """Take over a value."""

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the service."""
        self.async_on_remove(self._hub.listen(self._station, self.described.key, self._changed))
        self._changed()

    @callback
    def _changed(self) -> None:
        station = self._hub.listing.stations.get(self._station)
        described = station.entities.get(self.described.key) if station else None
        if described is not None and described != self.described:
            self.described = described
            self._describe(described)
        self._show(self.shown)
        self._attr_extra_state_attributes = dict(self.shown.attributes)
        self.async_write_ha_state()

    async def _set(self, value: float | str | bool | None = None) -> None:
        """Request a value of the service.

        Raises:
            HomeAssistantError: it is refused, or the service does not answer.
        """
        with translated():
            await self._hub.client.set(self._station, self.described.key, value)
        self.async_write_ha_state()  # a switch that waits for its confirmation is still off


def add_entities(
    entry: RoastwatchConfigEntry,
    platform: Platform,
    add: AddConfigEntryEntitiesCallback,
    make: MakeEntity,
) -> None:
    """Add the entities of a platform, now and when the service lists more."""
    hub = entry.runtime_data
    hub.registries.platform(hub, platform, add, make)
