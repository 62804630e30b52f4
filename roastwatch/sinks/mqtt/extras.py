"""The picture of the roast so far, and the check for a newer version."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable

import aiohttp

from roastwatch import __version__, inbound
from roastwatch.channel import Latest
from roastwatch.errors import BadInputError
from roastwatch.sinks.mqtt.connection import BrokerConnection
from roastwatch.sinks.mqtt.topics import Topics
from roastwatch.vocabulary import Snapshot

_log = logging.getLogger(__name__)
_AFTER_CHANGE_S = 2.0
"""A picture is drawn long after urgent messages are sent."""
_LARGEST = 512 * 1024
_LOST_TIMES = 2
_DAY_S = 86_400.0
_INDEX = inbound.InboundLimits(size=8 * 1024 * 1024, depth=32)
"""For a package index's answer, which lists every release."""


class Pictures:
    """Sends a new picture at each change of phase and each event. It outlives a connection."""

    def __init__(
        self,
        topics: Topics,
        latest: Latest[dict[str, Snapshot]],
        picture: Callable[[str], Awaitable[bytes | None]],
    ) -> None:
        self._topics = topics
        self._latest = latest
        self._picture = picture
        self._sending = False
        self._lost = 0
        """How many times in a row the connection was lost while a picture was sent."""

    async def send(self, link: BrokerConnection) -> None:
        """Send pictures until cancelled.

        A broker of MQTT 3.1.1 can't say how long a message may be: it closes the connection. That
        must not happen for ever, for a picture.
        """
        if self._sending:
            self._sending = False
            self._lost += 1
            if self._lost == _LOST_TIMES:
                _log.warning(
                    "The MQTT broker closes the connection when it gets the picture of the roast: "
                    "pictures are left out until the next start."
                )
        if self._lost >= _LOST_TIMES:
            return
        drawn: dict[str, object] = {}
        async for snapshots in self._latest.changes():
            for station, snapshot in snapshots.items():
                event = snapshot.last_event
                seen = (snapshot.roast_id, snapshot.phase, event.event_id if event else None)
                if snapshot.roast_id is None or drawn.get(station) == seen:
                    continue
                drawn[station] = seen
                await asyncio.sleep(_AFTER_CHANGE_S)
                found = await self._picture(station)
                if found is not None and len(found) <= _LARGEST:
                    self._sending = True
                    await link.publish(self._topics.state(station, "image"), found, retain=True)
                    self._sending, self._lost = False, 0


async def send_updates(link: BrokerConnection, topics: Topics, station: str, url: str) -> None:
    """Query a package index once a day; the latest version is unknown while it is unreachable."""
    while True:
        newest = await _newest(url)
        state = {"installed_version": __version__, "title": "roastwatch"}
        if newest is not None:
            state["latest_version"] = newest
        await link.publish(topics.state(station, "update"), json.dumps(state), retain=True)
        await asyncio.sleep(_DAY_S)


async def _newest(url: str) -> str | None:
    limit = aiohttp.ClientTimeout(total=30)
    try:
        async with aiohttp.ClientSession(timeout=limit) as session, session.get(url) as answer:
            answer.raise_for_status()
            raw = await answer.content.read(_INDEX.size + 1)
            while not answer.content.at_eof() and len(raw) <= _INDEX.size:
                raw += await answer.content.read(_INDEX.size)
            info = inbound.json_object(raw, "The package index", _INDEX).get("info")
            version = info.get("version") if isinstance(info, dict) else None
            return inbound.text(version, "info.version", 40, shortest=1)
    except (aiohttp.ClientError, TimeoutError, ValueError, BadInputError) as error:
        _log.info("Could not check %s for updates: %s", url, error)
        return None
