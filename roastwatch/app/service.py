"""The running service: builds the parts, joins them, and runs them in one TaskGroup."""

import asyncio
import contextlib
import gc
import logging
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from roastwatch import plugins
from roastwatch.app.agents import AgentSituation, refused_command, refused_instruction
from roastwatch.app.instructions import EFFECTS
from roastwatch.app.live_plot import painter
from roastwatch.app.outlet import Outlet
from roastwatch.app.roast_logger import RoastLogger
from roastwatch.app.roaster_session import RoasterSession
from roastwatch.app.selection import Selection, SelectionStore, plan_folders
from roastwatch.app.station import Station
from roastwatch.channel import Events, Feed, Latest
from roastwatch.detection.inference_pool import InferencePool
from roastwatch.errors import EndedError, RefusedError, RoastwatchError
from roastwatch.inbound import Mishaps
from roastwatch.roastlog.log import RoastLog
from roastwatch.settings.model import Chosen, Settings
from roastwatch.sinks.sink import HostProcess, SinkContext
from roastwatch.supervise import Background, Backoff, ComponentHealth
from roastwatch.vocabulary import (
    Command,
    CommandResult,
    ComponentState,
    HeardPop,
    Instruction,
    LevelNow,
    Origin,
    Outcome,
    RoastEvent,
    Snapshot,
    SpectrogramColumns,
)

_log = logging.getLogger(__name__)
_TURN_S = 0.0005
"""How long a thread may hold the interpreter while another waits. With the default of 5 ms, an
event took up to 10 ms longer through the log's thread, beside the threads of model and plots.
"""
_LASTED_S = 60.0
"""A sink that ran for longer had recovered: its back-off starts again."""
_FLUSH_S = 3.0
"""How long sinks may send remaining events after the sound has ended."""


class Service:
    """Joins stations, roasters, the log and sinks."""

    def __init__(
        self,
        settings: Settings,
        extra_sinks: Sequence[Chosen] = (),
        log_path: Path | None = None,
        process: HostProcess | None = None,
    ) -> None:
        """Build every part; nothing is opened yet. Without `log_path` nothing is logged.

        Raises:
            RoastwatchError: a plugin is unknown, or a model file is invalid.
        """
        self.settings = settings
        self._process = process
        self.events: Events[RoastEvent] = Events(256)
        self.latest: Latest[dict[str, Snapshot]] = Latest()
        self.pops: Feed[HeardPop] = Feed()
        self.stations = {
            station.name: Station(station, self.events.put, recordings=settings.folder)
            for station in settings.stations
        }
        self.levels: Feed[LevelNow] = Feed()
        self.spectrogram: Feed[SpectrogramColumns] = Feed()
        for one in self.stations.values():
            one.popped = self.pops.put
            one.levels, one.spectrogram = self.levels, self.spectrogram
        self.keeper = RoastLogger(RoastLog.open(log_path)) if log_path else None
        self.driven = {
            name: RoasterSession(station, self._log_healthy)
            for name, station in self.stations.items()
            if station.settings.roaster is not None and station.probe is None
        }
        for name, driven in self.driven.items():
            self.stations[name].roaster_state = driven.state
            driven.note = partial(self._note, self.stations[name])
        choices = SelectionStore(settings.folder / "choices.json" if log_path else None)
        self._plans = settings.folder / "plans" if log_path else None
        self.choosing = {
            name: Selection(station, self.driven.get(name), choices, self._plans)
            for name, station in self.stations.items()
        }
        self.afterwards: Callable[[], Awaitable[None]] | None = None
        """Awaited after all sound has ended, while the sinks go on; None: nothing."""
        self._acknowledged: dict[str, datetime] = {}
        self._selecting: dict[str, asyncio.Task[None]] = {}
        self._part = ComponentHealth("service", ComponentState.RUNNING)
        self._tasks = Background(self._part)
        self._mishaps = Mishaps(_log, self._part.count, "instructions_failed")
        self.outlets = [self._outlet(chosen) for chosen in (*settings.sinks, *extra_sinks)]

    async def run(self) -> None:
        """Run until cancelled, or until every station's sound has ended.

        Raises:
            LogError: the roast log can't be opened.
            EndedError: in a group; a station's live sound has ended.
        """
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(sys.setswitchinterval, sys.getswitchinterval())
            sys.setswitchinterval(_TURN_S)
            # Imported objects stay: collecting garbage among them blocked everything for 70 ms.
            stack.callback(gc.unfreeze)
            gc.freeze()
            if self.keeper is not None:
                await stack.enter_async_context(self.keeper.log)
                for station in self.stations.values():
                    for event in await self.keeper.resume(station):
                        for outlet in self.outlets:
                            outlet.events.put(event)
            for choosing in self.choosing.values():
                await choosing.begin()
            await self._run()

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            with InferencePool(busy=len(self.stations)) as scoring:
                background = [
                    group.create_task(self._publish(), name="publish"),
                    group.create_task(self._pulse(), name="pulse"),
                    *(
                        group.create_task(driven.run(), name=f"roaster:{name}")
                        for name, driven in self.driven.items()
                    ),
                    *(
                        group.create_task(self._guarded(outlet), name=f"sink:{outlet.name}")
                        for outlet in self.outlets
                    ),
                ]
                listening = [
                    group.create_task(self._listen(station, scoring), name=f"listen:{station.name}")
                    for station in self.stations.values()
                ]
                try:
                    await asyncio.wait(listening)
                    if all(task.exception() is None for task in listening if not task.cancelled()):
                        if self.afterwards is not None:
                            for station in self.stations.values():
                                station.sound_ended()
                        await self._flush_sinks()
                        if self.afterwards is not None:
                            await self.afterwards()
                finally:
                    for task in background:
                        task.cancel()
                    await self._tasks.close()

    async def _listen(self, station: Station, scoring: InferencePool) -> None:
        """Report the end of live sound before the service ends by it; its roast stays open."""
        try:
            await station.listen(scoring)
        except EndedError:
            await self._flush_sinks(roasts_end=False)
            raise

    @property
    def roasting(self) -> bool:
        """Whether a roast is in progress at any station."""
        return any(station.roast.active for station in self.stations.values())

    def instruct(self, instruction: Instruction) -> None:
        """Apply what is requested through any sink; see `instructions.EFFECTS`.

        Raises:
            RefusedError: an agent may not request this; never raised for a person or a rule.
        """
        station = self.stations.get(instruction.station)
        if station is None:
            _log.warning("Ignored an instruction for the unknown station %r", instruction.station)
            return
        if instruction.origin is Origin.AGENT:
            self._judge_agent(station, instruction)
        effects = EFFECTS[instruction.kind]
        selection = self.choosing[instruction.station]
        selection.refusal = ""
        if effects.acknowledges:
            self._acknowledged[instruction.station] = instruction.at
        if effects.selection is not None:
            work = self._select(effects.selection(selection, instruction))
            task = self._tasks.run(work, f"select:{instruction.kind}")
            self._selecting[instruction.station] = task
            return
        if instruction.station in self.driven:
            with self._mishaps.contained(f"{instruction.kind} (roaster)"):
                if self.driven[instruction.station].holds_back(instruction):
                    return
                self.driven[instruction.station].instruct(instruction)
        if self.keeper is not None:
            with self._mishaps.contained(f"{instruction.kind} (log)"):
                self.keeper.instruction(station, instruction)
        with self._mishaps.contained(f"{instruction.kind} (roast)"):
            station.instruct(instruction)
        self._refresh()

    async def outcome(self, station: str) -> str:
        """Wait until the latest instruction is carried out; why it was refused, or empty."""
        if station in self._selecting:
            await asyncio.wait({self._selecting[station]})
        driven = self.driven.get(station)
        refused = await driven.outcome() if driven is not None else ""
        return self.choosing[station].refusal or refused

    def _judge_agent(self, station: Station, instruction: Instruction) -> None:
        """Log an agent's instruction; raise RefusedError if it may not give it now."""
        kind = instruction.kind
        refused = refused_instruction(kind, self._agent_situation(station.name))
        if self.keeper is not None:
            with self._mishaps.contained(f"{kind} (log)"):  # it must not keep a stop from us
                self.keeper.agent(station, instruction.by or "agent", kind.value, refused)
        if refused:
            raise RefusedError(refused)

    def _agent_situation(self, station: str) -> AgentSituation:
        driven, known = self.driven.get(station), self.stations.get(station)
        if driven is not None:
            return driven.agent_situation()
        return AgentSituation(roasting=known is not None and known.roast.active)

    async def _select(self, work: Coroutine[Any, Any, None]) -> None:
        await work
        self._refresh()

    async def command(self, command: Command) -> CommandResult:
        """Pass a command to the roaster of its station; refused if there is none."""
        driven = self.driven.get(command.station)
        if command.station in self.choosing:
            self.choosing[command.station].refusal = ""
        situation = self._agent_situation(command.station)
        refused = refused_command(command, situation) if command.origin is Origin.AGENT else None
        if refused:
            name = command.command_id
            result = CommandResult(name, Outcome.REFUSED, interlock="agent", reason=refused)
        elif driven is not None:
            result = await driven.command(command)
        else:
            reason = "This station has no roaster to drive."
            result = CommandResult(command.command_id, Outcome.REFUSED, reason=reason)
        if self.keeper is not None:
            self.keeper.command(self.stations.get(command.station), command, result)
        return result

    def _note(self, station: Station, text: str) -> None:
        """Log a remark of a plan with the roast."""
        if self.keeper is not None:
            self.keeper.note(station, text)
        self._refresh()

    def _log_healthy(self) -> bool:
        return self.keeper is None or self.keeper.log.healthy

    def _outlet(self, chosen: Chosen) -> Outlet:
        part = ComponentHealth(chosen.type)
        fahrenheit = self.settings.temperature_unit == "F"
        context = SinkContext(
            self.settings.instance,
            list(self.stations),
            self.settings.language,
            self,
            part,
            titles={station.name: station.title for station in self.settings.stations},
            roasters={name: one.driver for name, one in self.driven.items()},
            outbox=self.keeper.log if self.keeper else None,
            zone=ZoneInfo(self.settings.time_zone) if self.settings.time_zone else None,
            picture=painter(
                self.keeper.log.path if self.keeper else None,
                self.latest,
                self._profile_of,
                fahrenheit=fahrenheit,
            ),
            pops=self.pops,
            levels=self.levels,
            spectrogram=self.spectrogram,
            folder=self.settings.folder if self.keeper else None,
            log=self.keeper.log.path if self.keeper else None,
            fahrenheit=fahrenheit,
            outcome=self.outcome,
            plans=plan_folders(self.settings.stations, self._plans),
            offered=lambda station: self.choosing[station].offered(),
            profile=self._profile_of,
            process=self._process,
        )
        make = partial(plugins.load("sinks", chosen.type), chosen.options, context)
        return Outlet(chosen.type, make(), part, make)

    def _profile_of(self, station: str) -> Sequence[tuple[float, float]]:
        """The profile of a station's roast: (seconds from charge, °C)."""
        driven = self.driven.get(station)
        profile = driven.program.profile if driven and driven.program else None
        return profile.points if profile else ()

    async def _guarded(self, outlet: Outlet) -> None:
        """Run a sink. It is optional: a failure never ends the roast, and it is restarted."""
        failures = 0
        while True:
            began_s = time.monotonic()
            try:
                if failures and outlet.make is not None:
                    with contextlib.suppress(
                        RoastwatchError
                    ):  # it can't be made now: run the old one
                        outlet.sink = outlet.make()
                await outlet.sink.run(outlet.events, self.latest)
                return
            except Exception as error:  # noqa: BLE001 - shown as a failed part with its traceback
                failures = 1 if time.monotonic() - began_s > _LASTED_S else failures + 1
                text = f"{type(error).__name__}: {error}"
                if text != outlet.part.problem:  # a repeated failure needs no new traceback
                    _log.exception("The sink %s failed; it is restarted", outlet.name)
                outlet.part.count("restarts")
                outlet.part.state, outlet.part.problem = ComponentState.FAILED, text
            await asyncio.sleep(Backoff().wait_s(failures))

    async def _publish(self) -> None:
        """Publish events in order: to the log first, then to every sink, then the snapshots."""
        async for event in self.events:
            if event.station in self.driven:
                self.driven[event.station].event(event)
            if self.keeper is not None:
                event = await self.keeper.event(self.stations.get(event.station), event)
            for outlet in self.outlets:
                if outlet.sink.sends_at_once:
                    outlet.put(event)
            await asyncio.sleep(0)  # these send it before the snapshots are made
            for outlet in self.outlets:
                if not outlet.sink.sends_at_once:
                    outlet.put(event)
            # Right after the events: sinks see both, and wake for the event.
            self._refresh()

    async def _pulse(self) -> None:
        while True:
            for station in self.stations.values():
                station.tick()
                self.choosing[station.name].tick()
                if self.keeper is not None:
                    await self.keeper.pulse(station)
                if station.name in self.driven:
                    await self.driven[station.name].pulse()
            for outlet in self.outlets:
                outlet.look()
            self._refresh()
            await asyncio.sleep(1.0)

    def _refresh(self) -> None:
        self.latest.set(self._shown())

    def _shown(self) -> dict[str, Snapshot]:
        """A snapshot of every station, with the state of every part."""
        sinks = tuple(outlet.part.status() for outlet in self.outlets)
        if self.keeper is not None:
            sinks += (self.keeper.status(),)
        if self._part.problem is not None or self._part.counters:
            sinks += (self._part.status(),)
        snapshots = {}
        for name, station in self.stations.items():
            snapshot = station.snapshot()
            driven = self.driven.get(name)
            roaster = (driven.part.status(),) if driven else ()
            snapshots[name] = replace(
                snapshot,
                deviation_c=driven.deviation_c() if driven else None,
                acknowledged_at=self._acknowledged.get(name),
                parts=snapshot.parts + roaster + sinks,
                **self.choosing[name].shown(),
            )
        return snapshots

    async def _flush_sinks(self, *, roasts_end: bool = True) -> None:
        """Let sinks send what is queued before they are closed."""
        self._refresh()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FLUSH_S):
                await self.events.settled()
                if self.keeper is not None and roasts_end:
                    for station in self.stations.values():
                        await self.keeper.sound_ended(station)
                for outlet in self.outlets:
                    await outlet.events.settled()
