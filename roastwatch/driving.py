"""Joins a station with the roaster that it drives: readings, commands, and what people ask."""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from roastwatch.errors import BadInputError, LostError
from roastwatch.machine import Machine
from roastwatch.program import Program
from roastwatch.roaster.control import RoasterControl
from roastwatch.roaster.control import Told as Happened
from roastwatch.roaster.machines import parse_limits
from roastwatch.roaster.plan import refuse_too_hot
from roastwatch.station import Station
from roastwatch.supervise import Backoff, Part
from roastwatch.vocabulary import (
    Actuator,
    Command,
    CommandResult,
    EventKind,
    Instruction,
    InstructionKind,
    Origin,
    Outcome,
    PartState,
    Reading,
    RoasterState,
    RoastEvent,
)

ARMED_FOR_S = 1800.0
_FOR_THE_ROASTER = frozenset({InstructionKind.ARM, InstructionKind.DISARM, InstructionKind.PRESENT})
"""Asked of nothing but the roaster, so that a person must hear that nobody obeyed."""
PLAN_TURN_S = 0.25
_log = logging.getLogger("roastwatch.driving")


class Driven:
    """One station's roaster. It retries for ever; every command gets an answer."""

    def __init__(self, station: Station, log_healthy: Callable[[], bool] = lambda: True) -> None:
        """Raises SettingsError or BadInputError when the roaster's settings are wrong."""
        self.part = Part(f"{station.name}-roaster")
        self._station = station
        self._machine = Machine.of_station(station.settings)
        self._log_healthy = log_healthy
        self._log_was_healthy = True
        self._control: RoasterControl | None = None
        self._tasks: set[asyncio.Task[object]] = set()
        self._last_message = ""
        self._refusal = ""
        plan = station.settings.plan
        self.program = self.read_program(plan) if plan is not None else None

    def read_program(self, path: Path) -> Program:
        """A plan or a recorded roast for this roaster.

        Raises:
            BadInputError: it can't be used, or would overheat this roaster.
        """
        program = Program.read(self._station.name, path)
        limits = parse_limits(self._machine.limits, "limits")
        refuse_too_hot(program.plan, program.profile, limits)
        return program

    async def run(self) -> None:
        """Hold the door open until cancelled; leaving makes the roaster safe."""
        failures = 0
        while True:
            control = RoasterControl(
                self._machine.socket, self._machine.launch, told=self._happened, part=self.part
            )
            try:
                async with control, asyncio.TaskGroup() as group:
                    self._control, failures, self._log_was_healthy = control, 0, True
                    group.create_task(self._run(control), name=f"{self._station.name}:plan")
                    await self._follow(control)
            except (LostError, BadInputError) as error:
                failures += 1
                self.part.trouble(PartState.RETRYING, str(error))
            finally:
                self._control = None
            await asyncio.sleep(Backoff().wait_s(failures or 1))

    def state(self) -> RoasterState:
        """What dashboards show."""
        if self._control is None:
            return RoasterState(connected=False, armed=False, last_refusal=self._refusal)
        state = self._control.state()
        return replace(state, last_refusal=self._refusal or state.last_refusal)

    async def command(self, command: Command) -> CommandResult:
        """Pass a command through the door."""
        if self._control is None:
            reason = self.part.problem or "The roaster's guardian is being started."
            return CommandResult(command.command_id, Outcome.FAILED, reason=reason)
        result = await self._control.request(command)
        self._refusal = result.reason if result.outcome is not Outcome.APPLIED else ""
        return result

    def instruct(self, instruction: Instruction) -> None:
        """What a person asks of the roaster; refusals are shown and told."""
        pipeline = self._station.pipeline
        if instruction.kind is InstructionKind.UNDER_WAY and pipeline and pipeline.roast.active:
            return  # its time runs already, and must not begin anew
        if self._control is not None:
            work = self._obey(self._control, instruction)
        elif instruction.kind is InstructionKind.EMERGENCY_STOP:
            work = self._stop_as_a_guest()
        elif instruction.kind in _FOR_THE_ROASTER:
            self._refuse(self.part.problem or "The roaster's guardian is being started.")
            return
        else:
            return
        task = asyncio.get_running_loop().create_task(
            work, name=f"{self._station.name}:{instruction.kind}"
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def pulse(self) -> None:
        """Once a second: whether the log can be written, which raising heat depends on."""
        healthy = self._log_healthy()
        if healthy == self._log_was_healthy or self._control is None:
            return
        if await self._control.log_works(healthy) is None:
            self._log_was_healthy = healthy

    async def _follow(self, control: RoasterControl) -> None:
        async for reading in control.readings.changes():
            self._station.read(reading)
            self._mark_drop(reading)

    def event(self, event: RoastEvent) -> None:
        """What happened in the roast: for the plan's triggers, and for the guardian's clock."""
        self._report(event)
        if self.program is not None:
            self.program.event(event)

    def _report(self, event: RoastEvent) -> None:
        """A charge or a drop that nobody pressed (the curve shows it) counts for the guardian too.

        Else the longest roast would have no beginning. What a person pressed was reported then.
        """
        if self._control is None or event.origin is Origin.PERSON:
            return
        reports = {EventKind.CHARGE: self._control.charge, EventKind.DROP: self._control.dropped}
        report = reports.get(event.kind)
        if report is None:
            return
        task = asyncio.get_running_loop().create_task(
            report(), name=f"{self._station.name}:{event.kind}"
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def deviation_c(self) -> float | None:
        """How far the beans are above the plan's profile, °C."""
        station = self._station
        if self.program is None or station.pipeline is None:
            return None
        return self.program.deviation_c(station.pipeline.roast, station.now(), station.reading)

    async def _run(self, control: RoasterControl) -> None:
        """Follow the person's plan, whichever it is now, while the roaster is armed."""
        while True:
            await asyncio.sleep(PLAN_TURN_S)
            program, pipeline = self.program, self._station.pipeline
            if program is None or pipeline is None or not control.state().armed:
                continue
            now = self._station.now()
            told = (control.raw_state.get("told") or {}).get("heater")
            await program.turn(pipeline.roast, now, self._station.reading, self.command, told)
            for refusal in program.refusals:
                self._tell(EventKind.INTERLOCK, refusal)
            program.refusals.clear()

    def _mark_drop(self, reading: Reading) -> None:
        """The door opened, whoever opened it: the beans leave."""
        station = self._station
        if reading.door_open and station.pipeline is not None:
            roast = station.pipeline.roast
            station.publish(roast.drop(station.now(), Origin.ROASTER, reading.bean_temp_c))

    async def _obey(self, control: RoasterControl, instruction: Instruction) -> None:
        refused: str | None = None
        match instruction.kind:
            case InstructionKind.ARM:
                for_s = instruction.value if isinstance(instruction.value, int | float) else None
                refused = await control.arm(float(for_s or ARMED_FOR_S))
            case InstructionKind.DISARM:
                refused = await control.disarm()
            case InstructionKind.EMERGENCY_STOP:
                by = f" by {instruction.by}" if instruction.by else ""
                refused = await control.emergency_stop(f"Emergency stop{by}.")
            case InstructionKind.PRESENT | InstructionKind.ACKNOWLEDGE:
                refused = await control.present()
            case InstructionKind.CHARGE | InstructionKind.START | InstructionKind.UNDER_WAY:
                refused = await control.charge()
            case InstructionKind.STOP:
                if not await control.make_safe("The roast was stopped."):
                    refused = "The roaster could not be reached: look at it."
            case InstructionKind.DROP if instruction.origin is Origin.PERSON:
                refused = await self._drop(control)
            case _:
                pass
        self._refuse(refused)

    def _refuse(self, refused: str | None) -> None:
        """Show and tell why something was not done; None: it was."""
        self._refusal = refused or ""
        if refused:
            self._tell(EventKind.INTERLOCK, refused)

    async def _stop_as_a_guest(self) -> None:
        """Another program may hold the roaster, or its guardian is being started: stop it still."""
        try:
            control = RoasterControl(self._machine.socket, self._machine.launch, holds_lease=False)
            async with control:
                self._refuse(await control.emergency_stop("Emergency stop."))
        except (LostError, BadInputError) as error:
            self._refuse(f"The emergency stop did not reach the roaster: pull its plug. {error}")

    async def _drop(self, control: RoasterControl) -> str | None:
        """A person pressed drop: heat off, and the door open where it can be."""
        can = control.capabilities.actuators if control.capabilities else frozenset[Actuator]()
        for actuator, percent in ((Actuator.HEATER, 0.0), (Actuator.DOOR, 100.0)):
            if actuator in can:
                command = Command(
                    uuid.uuid4().hex[:12],
                    self._station.name,
                    actuator,
                    percent,
                    Origin.PERSON,
                    time.monotonic(),
                )
                result = await control.request(command)
                if result.outcome is not Outcome.APPLIED:
                    return result.reason
        return await control.dropped()

    def _happened(self, happened: Happened) -> None:
        """What the guardian did becomes an event that sinks tell."""
        kind = {
            "interlock": EventKind.INTERLOCK,
            "attendance": EventKind.INTERLOCK,
            "disarmed": EventKind.INTERLOCK,
            "fault": EventKind.FAULT,
            "lost": EventKind.ROASTER_LOST,
        }.get(happened.kind)
        if happened.kind == "lost":
            self._station.reading = None
        quiet = happened.kind == "disarmed" and happened.message == "Disarmed."
        if kind is None or quiet or happened.message == self._last_message:
            _log.info("%s: %s", self._station.name, happened.message)
            return
        self._last_message = happened.message
        self._tell(kind, happened.message)

    def _tell(self, kind: EventKind, message: str) -> None:
        pipeline = self._station.pipeline
        if pipeline is not None:
            event = pipeline.roast.told(kind, self._station.now(), message, Origin.INTERLOCK)
        else:
            now = datetime.now(UTC)
            event = RoastEvent(
                event_id=uuid.uuid4().hex,
                station=self._station.name,
                roast_id=None,
                kind=kind,
                happened_at=now,
                decided_at=now,
                origin=Origin.INTERLOCK,
                message=message,
            )
        self._station.publish([event])
