"""The drawing: build the parts, join them, one TaskGroup."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from roastwatch import plugins
from roastwatch.channel import Events, Latest
from roastwatch.detection.scoring import Scoring
from roastwatch.settings import Chosen, Settings
from roastwatch.sinks.sink import Sink, Told
from roastwatch.station import Station
from roastwatch.supervise import Part
from roastwatch.vocabulary import (
    Command,
    CommandResult,
    Instruction,
    Outcome,
    PartState,
    RoastEvent,
    Snapshot,
)

_log = logging.getLogger("roastwatch.service")
_LAST_WORDS_S = 3.0
"""How long sinks may still tell what is left when the sound has ended."""


@dataclass(slots=True)
class Outlet:
    """A sink with its own queue and its own status."""

    name: str
    sink: Sink
    part: Part
    events: Events[RoastEvent] = field(default_factory=Events)


class Service:
    """Stations, sinks, and the joints between them."""

    def __init__(self, settings: Settings, extra_sinks: Sequence[Chosen] = ()) -> None:
        """Build every part; nothing is opened yet.

        Raises:
            RoastwatchError: a plugin is unknown, a model file is not what it should be.
        """
        self.settings = settings
        self.events: Events[RoastEvent] = Events(256)
        self.latest: Latest[dict[str, Snapshot]] = Latest()
        self.stations = {
            station.name: Station(station, self.events.put) for station in settings.stations
        }
        self.outlets = [self._outlet(chosen) for chosen in (*settings.sinks, *extra_sinks)]

    async def run(self) -> None:
        """Run until cancelled, or until every station's sound has ended."""
        async with asyncio.TaskGroup() as group:
            with Scoring() as scoring:
                background = [
                    group.create_task(self._tell(), name="tell"),
                    group.create_task(self._pulse(), name="pulse"),
                    *(
                        group.create_task(self._guarded(outlet), name=f"sink:{outlet.name}")
                        for outlet in self.outlets
                    ),
                ]
                listening = [
                    group.create_task(station.listen(scoring), name=f"listen:{station.name}")
                    for station in self.stations.values()
                ]
                try:
                    await asyncio.wait(listening)
                    if all(task.exception() is None for task in listening if not task.cancelled()):
                        await self._last_words()
                finally:
                    for task in background:
                        task.cancel()

    def instruct(self, instruction: Instruction) -> None:
        """What a person asks through any sink."""
        station = self.stations.get(instruction.station)
        if station is None:
            _log.warning("an instruction for the unknown station %r", instruction.station)
            return
        station.instruct(instruction)
        self._refresh()

    async def command(self, command: Command) -> CommandResult:
        """A command for a roaster; refused by name where there is none."""
        return CommandResult(
            command.command_id, Outcome.REFUSED, reason="This station has no roaster to drive."
        )

    def _outlet(self, chosen: Chosen) -> Outlet:
        part = Part(chosen.type)
        told = Told(self.settings.instance, list(self.stations), self.settings.language, self, part)
        sink = plugins.load("sinks", chosen.type)(chosen.options, told)
        return Outlet(chosen.type, sink, part)

    async def _guarded(self, outlet: Outlet) -> None:
        """A sink is optional: what breaks it never breaks the roast."""
        try:
            await outlet.sink.run(outlet.events, self.latest)
        except Exception as error:  # noqa: BLE001 - shown as a failed part with its traceback
            _log.exception("the sink %s failed", outlet.name)
            outlet.part.state = PartState.FAILED
            outlet.part.problem = f"{type(error).__name__}: {error}"

    async def _tell(self) -> None:
        """Events in order: first what is shown now, then to every sink."""
        async for event in self.events:
            self._refresh()
            for outlet in self.outlets:
                if len(outlet.events) == outlet.events.size:
                    outlet.part.count("events_dropped")
                    outlet.part.trouble(PartState.DEGRADED, "Events were lost: too slow.")
                outlet.events.put(event)

    async def _pulse(self) -> None:
        while True:
            for station in self.stations.values():
                station.tick()
            self._refresh()
            await asyncio.sleep(1.0)

    def _refresh(self) -> None:
        sinks = tuple(outlet.part.status() for outlet in self.outlets)
        snapshots = {}
        for name, station in self.stations.items():
            snapshot = station.snapshot()
            snapshots[name] = replace(snapshot, parts=snapshot.parts + sinks)
        self.latest.set(snapshots)

    async def _last_words(self) -> None:
        """Let what is queued be told before the sinks are closed."""
        self._refresh()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS_S):
                await self.events.settled()
                for outlet in self.outlets:
                    await outlet.events.settled()
