"""Choices between roasts: detector and profile."""

from typing import override

from homeassistant.components.select import SelectEntity
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .client import Described
from .entity import RoastwatchEntity, add_entities
from .hub import RoastwatchConfigEntry, Shown

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: RoastwatchConfigEntry, add: AddConfigEntryEntitiesCallback
) -> None:
    """Add the selects of every station."""
    add_entities(entry, Platform.SELECT, add, RoastwatchSelect)


class RoastwatchSelect(RoastwatchEntity, SelectEntity):
    """One of the options that the service lists."""

    @override
    def _describe(self, described: Described) -> None:
        self._attr_options = list(described.options)

    @override
    def _show(self, shown: Shown) -> None:
        value = None if shown.value is None else str(shown.value)
        self._attr_current_option = value if value in self.described.options else None

    @override
    async def async_select_option(self, option: str) -> None:
        """Choose it; refused while a roast is in progress."""
        await self._set(option)
