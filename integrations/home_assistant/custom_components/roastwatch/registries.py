"""Devices and entities of one config entry in Home Assistant's registries."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .client import Described, Listing, StationListing
from .const import CONF_INSTANCE, DOMAIN

if TYPE_CHECKING:
    from .hub import Hub

_MQTT = "mqtt"
MakeEntity = Callable[["Hub", StationListing, Described], Entity]


def unique_id(instance: str, station: str, key: str) -> str:
    """The name of an entity in the registry, the same as over MQTT."""
    return f"{instance}_{station}_{key}"


def device_info(hass: HomeAssistant, listing: Listing, station: StationListing) -> DeviceInfo:
    """The device of a station."""
    device = station.device
    models = device.get("model") or {}
    return DeviceInfo(
        identifiers={(DOMAIN, f"{listing.instance}_{station.name}")},
        name=station.title,
        manufacturer=str(device.get("manufacturer") or "roastwatch"),
        model=models.get(hass.config.language) or models.get("en"),
        model_id=device.get("roaster"),
        sw_version=str(device.get("version") or listing.version),
    )


def mqtt_devices(hass: HomeAssistant, listing: Listing) -> list[dr.DeviceEntry]:
    """The devices that MQTT discovery made for the same stations."""
    names = {
        (_MQTT, str(station.device.get("id") or f"roastwatch_{listing.instance}_{name}"))
        for name, station in listing.stations.items()
    }
    return dr.async_get(hass).async_get_devices(identifiers=names) if names else []


class Registries:
    """Adds what the service lists and removes what it lists no longer."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
        self._hass = hass
        self._entry = entry
        self._adders: dict[Platform, tuple[AddConfigEntryEntitiesCallback, MakeEntity]] = {}
        self._added: set[tuple[str, str]] = set()
        self._devices: dict[str, str] = {}

    def device_id(self, station: str) -> str | None:
        """The device of a station."""
        return self._devices.get(station)

    @callback
    def platform(
        self,
        hub: "Hub",
        platform: Platform,
        add: AddConfigEntryEntitiesCallback,
        make: MakeEntity,
    ) -> None:
        """A platform is ready: add its entities, now and when the list changes."""
        self._adders[platform] = add, make
        self._add(hub, hub.listing, platform)

    @callback
    def update(self, hub: "Hub", listing: Listing) -> None:
        """Make the registries what the list says."""
        self._rename(listing)
        self._remove_entities(listing)
        self._update_devices(listing)
        for platform in self._adders:
            self._add(hub, listing, platform)

    def _rename(self, listing: Listing) -> None:
        if self._entry.unique_id != listing.instance:
            data = {**self._entry.data, CONF_INSTANCE: listing.instance}
            self._hass.config_entries.async_update_entry(
                self._entry, unique_id=listing.instance, data=data
            )

    def _remove_entities(self, listing: Listing) -> None:
        """Remove what is listed no longer; what is undecided stays, and is unavailable."""
        listed = {
            (described.platform, unique_id(listing.instance, station.name, key))
            for station in listing.stations.values()
            for key, described in station.entities.items()
        }
        undecided = {
            unique_id(listing.instance, station.name, key)
            for station in listing.stations.values()
            for key in station.undecided
        }
        registry = er.async_get(self._hass)
        for one in er.async_entries_for_config_entry(registry, self._entry.entry_id):
            if (one.domain, one.unique_id) not in listed and one.unique_id not in undecided:
                registry.async_remove(one.entity_id)
        self._added = {one for one in self._added if one in listed or one[1] in undecided}

    def _update_devices(self, listing: Listing) -> None:
        registry = dr.async_get(self._hass)
        self._devices = {
            station.name: registry.async_get_or_create(
                config_entry_id=self._entry.entry_id, **device_info(self._hass, listing, station)
            ).id
            for station in listing.stations.values()
        }
        kept = set(self._devices.values())
        for device in dr.async_entries_for_config_entry(registry, self._entry.entry_id):
            if device.id not in kept:
                registry.async_remove_device(device.id)

    def _add(self, hub: "Hub", listing: Listing, platform: Platform) -> None:
        add, make = self._adders[platform]
        new = []
        for station in listing.stations.values():
            for described in station.entities.values():
                name = platform.value, unique_id(listing.instance, station.name, described.key)
                if described.platform == platform and name not in self._added:
                    self._added.add(name)
                    new.append(make(hub, station, described))
        add(new)
