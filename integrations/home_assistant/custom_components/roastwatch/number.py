"""Numbers that a person sets: sensitivity, heater, fan, drum."""

from typing import override

from homeassistant.components.number import NumberEntity, NumberMode
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
    """Add the numbers of every station."""
    add_entities(entry, Platform.NUMBER, add, RoastwatchNumber)


class RoastwatchNumber(RoastwatchEntity, NumberEntity):
    """A number within its limits."""

    _attr_mode = NumberMode.SLIDER

    @override
    def _describe(self, described: Described) -> None:
        self._attr_native_unit_of_measurement = described.unit
        self._attr_native_min_value = described.minimum
        self._attr_native_max_value = described.maximum
        self._attr_native_step = described.step

    @override
    def _show(self, shown: Shown) -> None:
        self._attr_native_value = None if shown.value is None else float(shown.value)

    @override
    async def async_set_native_value(self, value: float) -> None:
        """Request it; interlocks may limit or refuse it."""
        await self._set(value)
