"""The picture of the roast so far."""

from typing import override

from homeassistant.components.image import ImageEntity
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from .client import Described, StationListing
from .entity import RoastwatchEntity, add_entities
from .errors import translated
from .hub import Hub, RoastwatchConfigEntry, Shown

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: RoastwatchConfigEntry, add: AddConfigEntryEntitiesCallback
) -> None:
    """Add the pictures of every station."""
    add_entities(entry, Platform.IMAGE, add, RoastwatchImage)


class RoastwatchImage(RoastwatchEntity, ImageEntity):
    """A chart that the service draws."""

    _attr_content_type = "image/png"

    def __init__(self, hub: Hub, station: StationListing, described: Described) -> None:
        ImageEntity.__init__(self, hub.hass)
        RoastwatchEntity.__init__(self, hub, station, described)

    @override
    def _show(self, shown: Shown) -> None:
        found = dt_util.parse_datetime(str(shown.value)) if shown.value else None
        self._attr_image_last_updated = found

    @override
    async def async_image(self) -> bytes | None:
        """The newest picture."""
        with translated():
            return await self._hub.client.picture(self._station)
