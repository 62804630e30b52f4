"""What is live at every station, followed over the WebSocket."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from roastwatch.errors import LostError, RefusedError
from roastwatch.mcp.api import ServiceApi
from roastwatch.supervise import Backoff
from roastwatch.vocabulary import Level

_EVENTS_KEPT = 100
_MOST_WAITING = 64
"""Calls that may wait at once. Over HTTP one goes on if its client leaves without cancelling it."""
_FIRST_S = 10.0
"""How long a call waits for the first snapshot."""


@dataclass(slots=True)
class StationView:
    """What is known of a station."""

    title: str
    number: int = 0
    """Of the latest change."""
    state: dict[str, Any] = field(default_factory=dict)
    events: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_EVENTS_KEPT))

    @property
    def roast_id(self) -> str | None:
        """The latest roast that an event named."""
        return next((one["roast_id"] for one in reversed(self.events) if one["roast_id"]), None)

    def events_of_roast(self) -> list[dict[str, Any]]:
        """The latest state of each event of the latest roast, in the order of their first."""
        found = {e["event_id"]: e for e in self.events if e["roast_id"] == self.roast_id}
        return list(found.values()) if self.roast_id else []

    def first_crack(self, least: Level) -> dict[str, Any] | None:
        """The latest roast's first crack, if it is at least so certain and was not revoked."""
        for event in reversed(self.events_of_roast()):
            if event["kind"] == "first_crack" and event["level"] and not event["revoked"]:
                return event if Level(event["level"]).rank >= least.rank else None
        return None


class Watch:
    """Follows the live messages while its task runs; waits for changes are woken by each."""

    def __init__(self, api: ServiceApi) -> None:
        self.stations: dict[str, StationView] = {}
        self.problem = ""
        """Why nothing is received, as a sentence; empty: it is."""
        self.changed: Callable[[str], None] = lambda _station: None
        """Called with the station of each change."""
        self._api = api
        self._known = asyncio.Event()
        self._turn = asyncio.Condition()
        self._waiting = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Watch"]:
        """Follow while the context is open."""
        following = asyncio.create_task(self._run(), name="mcp:watch")
        try:
            yield self
        finally:
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following

    async def station(self, name: str) -> StationView:
        """What is known of a station.

        Raises:
            LostError: nothing is received.
            RefusedError: there is no such station.
        """
        try:
            async with asyncio.timeout(_FIRST_S):
                await self._known.wait()
        except TimeoutError:
            raise LostError(self.problem or "roastwatch sends nothing.") from None
        if self.problem:
            raise LostError(self.problem)
        found = self.stations.get(name)
        if found is None:
            raise RefusedError(f"There is no station {name}: {', '.join(self.stations)}.")
        return found

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """While a call waits for something to happen.

        Raises:
            RefusedError: too many wait already.
        """
        if self._waiting >= _MOST_WAITING:
            raise RefusedError("Too many calls wait at once: end another one first.")
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    async def next_change(self, within_s: float) -> None:
        """Wait until something has changed anywhere, at most `within_s` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s), self._turn:
                await self._turn.wait()

    async def _run(self) -> None:
        failures = 0
        while True:
            try:
                async with self._api.live() as messages:
                    while True:
                        message = await messages.next()
                        failures, self.problem = 0, ""
                        if not self._apply(message):
                            await messages.again()
                        async with self._turn:
                            self._turn.notify_all()
            except (LostError, RefusedError) as error:
                failures += 1
                self.problem = str(error)
                self._known.set()
            await asyncio.sleep(Backoff(longest_s=5.0).wait_s(failures))

    def _apply(self, message: dict[str, Any]) -> bool:
        """Take a message; False: one before it is missing."""
        if message["type"] == "snapshot":
            self.stations = {
                name: StationView(
                    one["title"],
                    one["number"],
                    one["state"],
                    deque(one["events"], maxlen=_EVENTS_KEPT),
                )
                for name, one in message["stations"].items()
            }
            self._known.set()
            for name in self.stations:
                self.changed(name)
            return True
        station = self.stations.get(message.get("station", ""))
        if station is None:
            return True
        if "number" in message:
            if message["number"] != station.number + 1:
                return False
            station.number = message["number"]
        if message["type"] == "state":
            station.state |= message["changes"]
            for key in message["gone"]:
                station.state.pop(key, None)
        elif message["type"] == "event":
            station.events.append(message["event"])
        else:
            return True
        self.changed(message["station"])
        return True
