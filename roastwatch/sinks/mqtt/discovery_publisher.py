"""Publishes discovery to Home Assistant: announced, updated, and cleaned up on removal."""

import json
import time
from collections.abc import Collection
from typing import Any

from roastwatch import inbound
from roastwatch.entities import ENTITIES, OfferedEntities, offered
from roastwatch.errors import BadInputError
from roastwatch.sinks.mqtt.connection import BrokerConnection
from roastwatch.sinks.mqtt.discovery import (
    Reader,
    components_of,
    device,
    divided,
    instance_of,
    removals,
)
from roastwatch.sinks.mqtt.topics import Topics
from roastwatch.sinks.sink import SinkContext
from roastwatch.vocabulary import Snapshot

_DISCOVERY = inbound.InboundLimits(size=1024 * 1024)


class DiscoveryPublisher:
    """The discovery of every station. It outlives a connection."""

    def __init__(
        self,
        topics: Topics,
        context: SinkContext,
        update_url: str,
        settle_s: float,
        *,
        words: bool = True,
    ) -> None:
        self._topics = topics
        self._settle_s = settle_s
        self._session_s = time.monotonic()
        self._held: set[str] = set()
        self._unheard: dict[str, tuple[float, float]] = {}
        """Station → since when it had no listener, and until when (monotonic)."""
        self._context = context
        self._update_url = update_url
        self._reader = Reader(context.language, context.fahrenheit, words)
        self._offers: dict[str, OfferedEntities] = {}
        self._announced: dict[str, dict[int, dict[str, str]]] = {}
        """Station → part of its discovery → its components, name → platform."""
        self.taken: dict[str, str] = {}
        """Station → the other instance that announces a device of the same id here."""

    def begin(self, now_s: float) -> None:
        """A new connection: what its broker holds of this instance is not known yet."""
        self._session_s = now_s
        self._held.clear()
        self.taken.clear()

    def held(self, station: str, part: int, payload: bytes) -> None:
        """What the broker still holds of a station from an earlier session.

        Instance a with station b_c and instance a_b with station c have the same ids: who was
        announced first keeps them.
        """
        message = _read(payload)
        owner = instance_of(message)
        if owner not in (None, self._context.instance):
            self.taken[station] = str(owner)
        else:
            parts = self._announced.setdefault(station, {})
            parts.setdefault(part, components_of(message))
        self._held.add(station)

    def clashes(self) -> list[str]:
        """A sentence for each station whose ids another instance on this broker uses."""
        return [
            f"Station '{station}' of '{self._context.instance}' and one of '{other}', another "
            f"roastwatch on this broker, have the same ids in Home Assistant: rename one of them "
            f"(if '{other}' is gone, clear the retained topic {self._topics.discovery(station)})."
            for station, other in self.taken.items()
        ]

    def is_ours(self, payload: bytes) -> bool:
        """Whether a discovery message of a removed station was ours."""
        return instance_of(_read(payload)) in (None, self._context.instance)

    def is_heard(self, station: str) -> bool:
        """Whether Home Assistant, if running, has certainly subscribed to a station's events.

        It subscribes when it has set up what was announced, and events are never retained. A
        broker that held nothing of a station is new to it, or forgot: then so may Home Assistant.
        """
        return station in self._held and station not in self._unheard

    def settled(self, now_s: float) -> list[tuple[str, float]]:
        """Stations that have a listener from now on, and since when they had none."""
        due = [
            (station, since_s)
            for station, (since_s, until_s) in self._unheard.items()
            if until_s <= now_s
        ]
        for station, _ in due:
            del self._unheard[station]
        return due

    async def all_again(self, link: BrokerConnection) -> None:
        """Announce every station: a listener may be new."""
        for station in self._offers:
            await self._announce(link, station)

    async def keys(self, link: BrokerConnection, snapshot: Snapshot) -> frozenset[str]:
        """What a station has now; announced if it changed."""
        station = snapshot.station
        known = self._offers.get(station)
        if known is None:
            parts = self._announced.get(station, {}).values()
            before = frozenset(name for part in parts for name in part)
        else:
            before = known.keys
        offer = offered(ENTITIES, snapshot, before, self._absent(station))
        if offer != known:
            self._offers[station] = offer
            await self._announce(link, station)
        return offer.keys

    async def _announce(self, link: BrokerConnection, station: str) -> None:
        """Publish a station's discovery, and clear what it no longer has."""
        if station in self.taken:
            return
        offer, before = self._offers[station], self._announced.get(station, {})
        title = self._context.titles.get(station) or station.replace("_", " ").capitalize()
        whole = device(self._topics, station, title, self._reader, offer)
        room = link.room_bytes(self._topics.discovery(station, 99))
        parts = divided(whole, room, before)
        living = {part: components_of(message) for part, message in parts.items()}
        # A component that moves to another part is removed from its old one first: ids are unique.
        for part, had in before.items():
            gone = {name: had[name] for name in had.keys() - living.get(part, {}).keys()}
            topic = self._topics.discovery(station, part)
            if part not in parts:
                await link.publish(topic, None, retain=True)
            elif gone:
                for message in removals(_only(parts[part], had), gone, room):
                    await link.publish(topic, json.dumps(message), retain=True)
        for part, message in parts.items():
            topic = self._topics.discovery(station, part)
            await link.publish(topic, json.dumps(message), retain=True)
        if station not in self._held:
            self._held.add(station)
            since_s, _ = self._unheard.get(station, (self._session_s, 0.0))
            self._unheard[station] = (since_s, time.monotonic() + self._settle_s)
        for key in set().union(*before.values()) - set().union(*living.values()):
            await link.publish(self._topics.state(station, key), None, retain=True)
        self._announced[station] = living

    def _absent(self, station: str) -> frozenset[str]:
        """Entities that this service lacks: a picture without plots, updates without an address."""
        absent = set()
        if self._context.picture is None:
            absent.add("image")
        if not self._update_url or station != self._context.stations[0]:
            absent.add("update")
        return frozenset(absent)


def _read(payload: bytes) -> object:
    """The JSON in a message of any sender; None if it is not JSON."""
    try:
        return inbound.json_value(payload, "Discovery", _DISCOVERY)
    except BadInputError:
        return None


def _only(message: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    """A discovery message with the named components only."""
    components = message["components"]
    return {**message, "components": {key: components[key] for key in components if key in names}}
