"""What Home Assistant is told that there is: announced, changed, and cleaned up when it goes."""

import json
import time
from collections.abc import Iterable

from roastwatch import inbound
from roastwatch.errors import BadInputError
from roastwatch.sinks.mqtt_connection import Connection
from roastwatch.sinks.mqtt_discovery import Offer, components_of, device, offered
from roastwatch.sinks.mqtt_topics import Topics
from roastwatch.sinks.sink import Told
from roastwatch.vocabulary import Snapshot

_DISCOVERY = inbound.Limits(size=1024 * 1024)


class Announcing:
    """The discovery of every station, which outlives a connection."""

    def __init__(self, topics: Topics, told: Told, update_url: str, settle_s: float) -> None:
        self._topics = topics
        self._settle_s = settle_s
        self._session_s = time.monotonic()
        self._held: set[str] = set()
        self._unheard: dict[str, tuple[float, float]] = {}
        """Station → since when nothing was heard of it, and until when (monotonic)."""
        self._told = told
        self._update_url = update_url
        self._offers: dict[str, Offer] = {}
        self._announced: dict[str, dict[str, str]] = {}

    def begin(self, now_s: float) -> None:
        """A new connection: what its broker holds of us is still to be learnt."""
        self._session_s = now_s
        self._held.clear()

    def held(self, station: str, payload: bytes) -> None:
        """What the broker still holds of a station from an earlier session."""
        try:
            found = components_of(inbound.json_value(payload, "Discovery", _DISCOVERY))
        except BadInputError:
            found = {}  # somebody else wrote there
        self._announced.setdefault(station, found)
        self._held.add(station)

    def is_heard(self, station: str) -> bool:
        """Whether Home Assistant, if it is there, has surely subscribed to a station's events.

        It subscribes when it has set up what was announced, and events are never retained. A
        broker that held nothing of a station is new to it, or forgot: then so may Home Assistant.
        """
        return station in self._held and station not in self._unheard

    def settled(self, now_s: float) -> list[tuple[str, float]]:
        """Stations that are heard from now on, and since when what they told was not."""
        due = [
            (station, since_s)
            for station, (since_s, until_s) in self._unheard.items()
            if until_s <= now_s
        ]
        for station, _ in due:
            del self._unheard[station]
        return due

    async def all_again(self, link: Connection) -> None:
        """Announce every station: whoever hears it may be new."""
        for station in self._offers:
            await self._announce(link, station)

    async def keys(self, link: Connection, snapshot: Snapshot) -> frozenset[str]:
        """What a station has now; announced where that changed."""
        station = snapshot.station
        known = self._offers.get(station)
        before = self._announced.get(station, {}) if known is None else known.keys
        offer = offered(snapshot, before, self._absent(station))
        if offer != known:
            self._offers[station] = offer
            await self._announce(link, station)
        return offer.keys

    async def clear(self, link: Connection, stale: Iterable[str]) -> None:
        """Remove what stations that are no more have left behind."""
        for topic in stale:
            await link.publish(topic, None, retain=True)
        for gone in {(self._topics.parts_of(topic) or ("",))[0] for topic in stale}:
            await link.publish(self._topics.discovery(gone), None, retain=True)

    async def _announce(self, link: Connection, station: str) -> None:
        """Publish a station's discovery, and clear what it no longer has."""
        offer, before = self._offers[station], self._announced.get(station, {})
        title = self._told.titles.get(station) or station.replace("_", " ").capitalize()
        message = device(self._topics, station, title, self._told.language, offer, before)
        topic = self._topics.discovery(station)
        await link.publish(topic, json.dumps(message), retain=True)
        if station not in self._held:
            self._held.add(station)
            since_s, _ = self._unheard.get(station, (self._session_s, 0.0))
            self._unheard[station] = (since_s, time.monotonic() + self._settle_s)
        living = components_of(message)
        gone = before.keys() - living.keys()
        for key in gone:
            await link.publish(self._topics.state(station, key), None, retain=True)
        self._announced[station] = living
        if gone:  # Home Assistant removed them; the retained message need not name them for ever
            message = device(self._topics, station, title, self._told.language, offer)
            await link.publish(topic, json.dumps(message), retain=True)

    def _absent(self, station: str) -> frozenset[str]:
        """What this service can't give: a picture without plots, news without an address."""
        absent = set()
        if self._told.picture is None:
            absent.add("image")
        if not self._update_url or station != self._told.stations[0]:
            absent.add("update")
        return frozenset(absent)
