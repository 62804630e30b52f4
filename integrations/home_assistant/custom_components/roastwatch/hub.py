"""One service: its list of entities, its live values and events, and the connection to it."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.util import dt as dt_util

from . import issues
from .client import (
    AuthenticationError,
    Client,
    Listing,
    ServiceError,
    wait_before_retry,
)
from .const import DOMAIN, LOGGER, LONGEST_WAIT_S
from .registries import Registries

RoastwatchConfigEntry: TypeAlias = "ConfigEntry[Hub]"
Listener: TypeAlias = Callable[[], None]
_EVENTS_KNOWN = 200
_NOT_SHOWN = ("event_type", "happened_sample", "decided_sample")
"""Fields of an event that are no attributes."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What an entity shows."""

    value: Any = None
    available: bool = True
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _StationEvents:
    """Which events of a station were delivered."""

    known: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=_EVENTS_KNOWN))
    at_start: list[dict[str, Any]] | None = None
    """Of the first snapshot, until the event entity says up to where it knows them."""


class Hub:
    """What a config entry knows of its service."""

    def __init__(
        self, hass: HomeAssistant, entry: RoastwatchConfigEntry, client: Client, listing: Listing
    ) -> None:
        self.hass = hass
        self._entry = entry
        self.client = client
        self.listing = listing
        self.connected = False
        self.first_values = asyncio.Event()
        self.connections = 0
        self.problem: str | None = None
        self.registries = Registries(hass, entry)
        self._values: dict[tuple[str, str], Shown] = {}
        self._listeners: dict[tuple[str, str], list[Listener]] = {}
        self._event_listeners: dict[str, list[Callable[[str, dict[str, Any]], None]]] = {}
        self._events: dict[str, _StationEvents] = {}
        self._silent = issues.SilentMicrophones(hass, entry.entry_id)
        self._refreshing = False
        self._logged = False

    async def run(self) -> None:
        """Stay connected until the entry is unloaded, or its token is not accepted any more."""
        attempt = 0
        while True:
            try:
                async with aclosing(self.client.live()) as messages:
                    async for message in messages:
                        attempt = 0
                        self._take(message)
                problem = "the service closed the connection"
            except AuthenticationError:
                self._lost("the token is not accepted")
                self._entry.async_start_reauth(self.hass)
                return
            except ServiceError as error:
                problem = str(error)
            self._lost(problem)
            await wait_before_retry(attempt, LONGEST_WAIT_S)
            attempt += 1
            if not await self._refresh():
                return

    async def _refresh(self) -> bool:
        """Fetch the list of entities again; False: the token is not accepted."""
        try:
            listing = await self.client.listing()
        except AuthenticationError:
            self._entry.async_start_reauth(self.hass)
            return False
        except ServiceError as error:
            self.problem = str(error)
            return True
        self.accept(listing)
        return True

    @callback
    def accept(self, listing: Listing) -> None:
        """A new list of entities: add, change and remove what differs."""
        if issues.check_version(self.hass, self._entry, listing.version):
            return
        self.listing = listing
        wanted = {
            (station.name, key) for station in listing.stations.values() for key in station.entities
        }
        for gone in set(self._values) - wanted:
            del self._values[gone]
        self.registries.update(self, listing)
        self._tell(self._listeners)

    # What entities ask

    def shown(self, station: str, key: str) -> Shown:
        """What an entity shows now."""
        found = self._values.get((station, key))
        return found if found is not None and self.connected else Shown(available=False)

    @callback
    def listen(self, station: str, key: str, listener: Listener) -> CALLBACK_TYPE:
        """Call when an entity's value, availability or description changes."""
        return _kept(self._listeners.setdefault((station, key), []), listener)

    @callback
    def listen_events(
        self, station: str, listener: Callable[[str, dict[str, Any]], None]
    ) -> CALLBACK_TYPE:
        """Call with type and attributes of each event of a station."""
        return _kept(self._event_listeners.setdefault(station, []), listener)

    @callback
    def resume_events(self, station: str, last: Mapping[str, Any]) -> None:
        """Deliver what the first snapshot has after the event `last`, marked late.

        Args:
            station: whose events.
            last: the attributes of the event that was shown last, before a restart.
        """
        events = self._events.setdefault(station, _StationEvents())
        rows, events.at_start = events.at_start or [], None
        for row in _after(rows, last):
            self._deliver(station, row, late=True)

    # What the service sends

    @callback
    def _take(self, message: dict[str, Any]) -> None:
        try:
            match message.get("type"):
                case "snapshot":
                    self._snapshot(message["stations"])
                case "entities":
                    self._show(message["station"], message)
                case "event":
                    self._event(message["station"], message["event"], late=False)
                case "level":
                    self._level(message["station"], message)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            LOGGER.warning("A message of the service could not be read: %r", error)

    def _snapshot(self, stations: Mapping[str, Mapping[str, Any]]) -> None:
        for name, station in stations.items():
            first = name not in self._events
            events = self._events.setdefault(name, _StationEvents())
            rows = list(station.get("events") or ())
            if first:
                events.known.extend(_identity(row) for row in rows)
                events.at_start = rows
            else:
                for row in rows:
                    self._event(name, row, late=True)
            if station.get("level"):
                self._level(name, station["level"])

    def _show(self, station: str, message: Mapping[str, Any]) -> None:
        came_back = not self.connected
        values = message["values"]
        if message.get("whole"):
            for gone in [one for one in self._values if one[0] == station and one[1] not in values]:
                del self._values[gone]
        for key, row in values.items():
            self._values[station, key] = Shown(
                row.get("value"), bool(row.get("available", True)), row.get("attributes") or {}
            )
        if came_back:
            self._found()
            self.first_values.set()
        self._tell((station, key) for key in values)
        listed = self.listing.stations.get(station)
        if listed is None or listed.revision != message.get("revision"):
            self._list_changed()

    def _event(self, station: str, row: dict[str, Any], *, late: bool) -> None:
        events = self._events.setdefault(station, _StationEvents())
        if _identity(row) in events.known:
            return
        events.known.append(_identity(row))
        self._deliver(station, row, late=late)

    def _deliver(self, station: str, row: dict[str, Any], *, late: bool) -> None:
        kind = str(row["event_type"])
        attributes = {key: value for key, value in row.items() if key not in _NOT_SHOWN}
        attributes["late"] = late
        for listener in list(self._event_listeners.get(station, ())):
            listener(kind, attributes)
        device_id = self.registries.device_id(station)
        if device_id is not None:
            async_dispatcher_send(self.hass, event_signal(device_id), kind, attributes)

    def _level(self, station: str, level: Mapping[str, Any]) -> None:
        advice = level.get("advice") or {}
        listed = self.listing.stations.get(station)
        self._silent.heard(station, listed.title if listed else station, advice.get("code"))

    def _list_changed(self) -> None:
        if self._refreshing:
            return
        self._refreshing = True

        async def refresh() -> None:
            try:
                await self._refresh()
            finally:
                self._refreshing = False

        self._entry.async_create_background_task(self.hass, refresh(), "roastwatch list")

    # The connection

    def _found(self) -> None:
        self.connected = True
        self.connections += 1
        self.problem = None
        if self._logged:
            LOGGER.info("roastwatch %s is connected again", self.listing.instance)
            self._logged = False
        self._tell(self._listeners)

    def _lost(self, problem: str) -> None:
        self.problem = problem
        if not self.connected:
            return
        self.connected = False
        self._values.clear()
        if not self._logged:
            LOGGER.warning("roastwatch %s is not available: %s", self.listing.instance, problem)
            self._logged = True
        self._tell(self._listeners)

    def _tell(self, keys: Iterable[tuple[str, str]]) -> None:
        for key in list(keys):
            for listener in list(self._listeners.get(key, ())):
                listener()


def _after(rows: list[dict[str, Any]], last: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The events after one; if it is not among them, those that were decided later."""
    known = (last.get("event_id"), last.get("event_type"))
    for index in reversed(range(len(rows))):
        if _identity(rows[index]) == known:
            return rows[index + 1 :]
    since = dt_util.parse_datetime(str(last.get("decided_at")))
    decided = [(dt_util.parse_datetime(str(row.get("decided_at"))), row) for row in rows]
    return [row for at, row in decided if since is not None and at is not None and at > since]


def event_signal(device_id: str) -> str:
    """The dispatcher's signal of a station's events."""
    return f"{DOMAIN}_event_{device_id}"


def _identity(row: Mapping[str, Any]) -> tuple[str, str]:
    return str(row["event_id"]), str(row["event_type"])


def _kept(listeners: list[Any], listener: Any) -> CALLBACK_TYPE:
    listeners.append(listener)

    @callback
    def remove() -> None:
        listeners.remove(listener)

    return remove
