"""Switches: listening, arming, cooling."""

from typing import Any, override

from homeassistant.components.switch import SwitchEntity
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import RoastwatchEntity, add_entities
from .hub import RoastwatchConfigEntry, Shown

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: RoastwatchConfigEntry, add: AddConfigEntryEntitiesCallback
) -> None:
    """Add the switches of every station."""
    add_entities(entry, Platform.SWITCH, add, RoastwatchSwitch)


class RoastwatchSwitch(RoastwatchEntity, SwitchEntity):
    """Something that a person turns on and off."""

    @override
    def _show(self, shown: Shown) -> None:
        self._attr_is_on = None if shown.value is None else bool(shown.value)

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Turn it on. Arming waits for the button that confirms it."""
        await self._set(True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Turn it off."""
        await self._set(False)
