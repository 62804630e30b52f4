"""What happens in a roast."""

from typing import Any, override

from homeassistant.components.event import EventEntity
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .client import Described
from .entity import RoastwatchEntity, add_entities
from .hub import RoastwatchConfigEntry

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: RoastwatchConfigEntry, add: AddConfigEntryEntitiesCallback
) -> None:
    """Add the events of every station."""
    add_entities(entry, Platform.EVENT, add, RoastwatchEvent)


class RoastwatchEvent(RoastwatchEntity, EventEntity):
    """Everything that happens in a roast, as it happens."""

    @override
    def _describe(self, described: Described) -> None:
        self._attr_event_types = list(described.options)

    @override
    async def async_added_to_hass(self) -> None:
        """Follow events, and catch up with those since the last one that was shown."""
        await super().async_added_to_hass()
        self.async_on_remove(self._hub.listen_events(self._station, self._happened))
        last = await self.async_get_last_state()
        if last is not None and last.attributes.get("event_id"):
            self._hub.resume_events(self._station, last.attributes)

    @callback
    @override
    def _changed(self) -> None:
        self.async_write_ha_state()

    @callback
    def _happened(self, kind: str, attributes: dict[str, Any]) -> None:
        if kind in self.event_types:
            self._trigger_event(kind, attributes)
            self.async_write_ha_state()
