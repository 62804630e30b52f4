"""Values of a roast, its sound and its roaster."""

from typing import override

from homeassistant.components.sensor import SensorDeviceClass, SensorEntity, SensorStateClass
from homeassistant.const import Platform, UnitOfTemperature
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from .client import Described
from .entity import RoastwatchEntity, add_entities
from .hub import RoastwatchConfigEntry, Shown

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: RoastwatchConfigEntry, add: AddConfigEntryEntitiesCallback
) -> None:
    """Add the sensors of every station."""
    add_entities(entry, Platform.SENSOR, add, RoastwatchSensor)


_RATE, _RATE_FAHRENHEIT = "°C/min", "°F/min"
"""Home Assistant converts temperatures and differences, but not rates."""


class RoastwatchSensor(RoastwatchEntity, SensorEntity):
    """A value that is only read."""

    @override
    def _describe(self, described: Described) -> None:
        found = described.device_class
        self._attr_device_class = SensorDeviceClass(found) if found else None
        self._attr_state_class = (
            SensorStateClass(described.state_class) if described.state_class else None
        )
        self._attr_native_unit_of_measurement = described.unit
        self._attr_suggested_display_precision = described.precision
        if found == SensorDeviceClass.ENUM:
            self._attr_options = list(described.options)

    @override
    async def async_added_to_hass(self) -> None:
        """Rates follow the person's unit of temperature."""
        fahrenheit = self.hass.config.units.temperature_unit == UnitOfTemperature.FAHRENHEIT
        if self.described.unit == _RATE and fahrenheit:
            self._attr_native_unit_of_measurement = _RATE_FAHRENHEIT
        await super().async_added_to_hass()

    @override
    def _show(self, shown: Shown) -> None:
        value = shown.value
        if value is not None and self._attr_device_class is SensorDeviceClass.TIMESTAMP:
            self._attr_native_value = dt_util.parse_datetime(str(value))
        elif value is not None and self._attr_native_unit_of_measurement == _RATE_FAHRENHEIT:
            self._attr_native_value = round(float(value) * 1.8, self.described.precision or 1)
        else:
            self._attr_native_value = value
