"""The drop door."""

from typing import override

from homeassistant.components.valve import ValveEntity, ValveEntityFeature
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import RoastwatchEntity, add_entities
from .hub import RoastwatchConfigEntry, Shown

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: RoastwatchConfigEntry, add: AddConfigEntryEntitiesCallback
) -> None:
    """Add the valves of every station."""
    add_entities(entry, Platform.VALVE, add, RoastwatchValve)


class RoastwatchValve(RoastwatchEntity, ValveEntity):
    """A door that is open or closed."""

    _attr_reports_position = False
    _attr_supported_features = ValveEntityFeature.OPEN | ValveEntityFeature.CLOSE

    @override
    def _show(self, shown: Shown) -> None:
        self._attr_is_closed = None if shown.value is None else not shown.value

    @override
    async def async_open_valve(self) -> None:
        """Open it: the beans drop."""
        await self._set(True)

    @override
    async def async_close_valve(self) -> None:
        """Close it."""
        await self._set(False)
