"""What a person can request with a press."""

from typing import override

from homeassistant.components.button import ButtonEntity
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import RoastwatchEntity, add_entities
from .hub import RoastwatchConfigEntry

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: RoastwatchConfigEntry, add: AddConfigEntryEntitiesCallback
) -> None:
    """Add the buttons of every station."""
    add_entities(entry, Platform.BUTTON, add, RoastwatchButton)


class RoastwatchButton(RoastwatchEntity, ButtonEntity):
    """A request to the service."""

    @override
    async def async_press(self) -> None:
        """Send it, and wait for its outcome."""
        await self._set()
