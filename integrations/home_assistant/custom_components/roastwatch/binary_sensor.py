"""Things that are on or off."""

from typing import override

from homeassistant.components.binary_sensor import BinarySensorDeviceClass, BinarySensorEntity
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
    """Add the binary sensors of every station."""
    add_entities(entry, Platform.BINARY_SENSOR, add, RoastwatchBinarySensor)


class RoastwatchBinarySensor(RoastwatchEntity, BinarySensorEntity):
    """Something that is on or off."""

    @override
    def _describe(self, described: Described) -> None:
        found = described.device_class
        self._attr_device_class = BinarySensorDeviceClass(found) if found else None

    @override
    def _show(self, shown: Shown) -> None:
        self._attr_is_on = None if shown.value is None else bool(shown.value)
