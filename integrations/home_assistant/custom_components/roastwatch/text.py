"""Text that a person sends: notes for the roast log."""

from typing import override

from homeassistant.components.text import TextEntity
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .client import Described
from .entity import RoastwatchEntity, add_entities
from .hub import RoastwatchConfigEntry

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: RoastwatchConfigEntry, add: AddConfigEntryEntitiesCallback
) -> None:
    """Add the texts of every station."""
    add_entities(entry, Platform.TEXT, add, RoastwatchText)


class RoastwatchText(RoastwatchEntity, TextEntity):
    """A text that is sent and not kept here."""

    _attr_native_value = None

    @override
    def _describe(self, described: Described) -> None:
        self._attr_native_min = int(described.minimum)
        self._attr_native_max = int(described.maximum)

    @override
    async def async_set_value(self, value: str) -> None:
        """Send it."""
        await self._set(value)
