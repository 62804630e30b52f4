"""Repair issues: what a person has to change, with the remedy."""

from datetime import datetime

from awesomeversion import AwesomeVersion, AwesomeVersionException
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util

from .client import Listing
from .const import DOCUMENTATION, DOMAIN, OLDEST_VERSION, SILENT_AFTER
from .registries import mqtt_devices

SILENT, TOO_OLD, TWICE, MQTT = (
    "silent_microphone",
    "version_too_old",
    "second_instance",
    "mqtt_device_exists",
)


@callback
def create(hass: HomeAssistant, kind: str, which: str, **placeholders: str) -> None:
    """Show an issue; `which` tells issues of one kind apart."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        f"{kind}_{which}",
        is_fixable=False,
        learn_more_url=DOCUMENTATION,
        severity=ir.IssueSeverity.WARNING if kind == SILENT else ir.IssueSeverity.ERROR,
        translation_key=kind,
        translation_placeholders=placeholders,
    )


@callback
def delete(hass: HomeAssistant, kind: str, which: str) -> None:
    """The issue is solved."""
    ir.async_delete_issue(hass, DOMAIN, f"{kind}_{which}")


@callback
def delete_all(hass: HomeAssistant, entry: ConfigEntry, kind: str = "") -> None:
    """No issue of an entry remains, or none of a kind."""
    for domain, issue_id in list(ir.async_get(hass).issues):
        if domain == DOMAIN and entry.entry_id in issue_id and issue_id.startswith(kind):
            ir.async_delete_issue(hass, domain, issue_id)


def is_too_old(version: str) -> bool:
    """Whether the service lacks what this integration asks; an odd version is taken as new."""
    try:
        return AwesomeVersion(version) < AwesomeVersion(OLDEST_VERSION)
    except AwesomeVersionException:
        return False


@callback
def check_version(hass: HomeAssistant, entry: ConfigEntry, version: str) -> bool:
    """Whether the service is too old; the issue says so, or goes."""
    if not is_too_old(version):
        delete(hass, TOO_OLD, entry.entry_id)
        return False
    show_too_old(hass, entry, version)
    return True


@callback
def show_too_old(hass: HomeAssistant, entry: ConfigEntry, version: str) -> None:
    """The service lacks what this integration asks."""
    instance = str(entry.unique_id)
    words = {"instance": instance, "version": version, "oldest": OLDEST_VERSION}
    create(hass, TOO_OLD, entry.entry_id, **words)


@callback
def check_twice(hass: HomeAssistant, entry: ConfigEntry, listing: Listing) -> bool:
    """Whether MQTT discovery shows the same stations too; the issue says so, or goes."""
    if not mqtt_devices(hass, listing):
        delete(hass, MQTT, entry.entry_id)
        return False
    create(hass, MQTT, entry.entry_id, instance=listing.instance)
    return True


class SilentMicrophones:
    """Microphones that deliver nothing but silence for a while."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        self._hass = hass
        self._entry_id = entry_id
        self._since: dict[str, datetime] = {}
        self._shown: set[str] = set()

    @callback
    def heard(self, station: str, title: str, advice: str | None) -> None:
        """The advice that comes with a station's level; None: all is well."""
        which = f"{self._entry_id}_{station}"
        if advice != "silent":
            self._since.pop(station, None)
            if station in self._shown:
                self._shown.discard(station)
                delete(self._hass, SILENT, which)
            return
        now = dt_util.utcnow()
        since = self._since.setdefault(station, now)
        if now - since >= SILENT_AFTER and station not in self._shown:
            self._shown.add(station)
            create(self._hass, SILENT, which, station=title)
