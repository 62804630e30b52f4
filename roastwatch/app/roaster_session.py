"""Joins a station with the roaster that it drives: readings, commands, and what people ask."""

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from roastwatch.app.program import StationPlan
from roastwatch.app.roaster_launch import RoasterLaunch
from roastwatch.app.station import Station
from roastwatch.errors import BadInputError, LostError
from roastwatch.roast.roast import Roast
from roastwatch.roaster.client.control import STOP_S, RoasterControl, closed, door_stands_open
from roastwatch.roaster.client.control import GuardianNotice as Happened
from roastwatch.roaster.guardian.limits_store import parse_limits
from roastwatch.roaster.guardian.stop_record import DELIVERED_LATE
from roastwatch.roaster.plans.plan import refuse_too_hot
from roastwatch.supervise import Background, Backoff, ComponentHealth
from roastwatch.vocabulary import (
    Actuator,
    Command,
    CommandResult,
    ComponentState,
    EventKind,
    Instruction,
    InstructionKind,
    Origin,
    Outcome,
    Reading,
    RoasterState,
    RoastEvent,
    StopState,
    Urgency,
)

ARMED_FOR_S = 1800.0
_FOR_THE_ROASTER = frozenset({InstructionKind.ARM, InstructionKind.DISARM, InstructionKind.PRESENT})
"""Asked of nothing but the roaster, so that a person must hear that nobody obeyed."""
PLAN_TURN_S = 0.25
OWN_STOP_S = 0.5
"""After so long an emergency stop is also brought to whichever guardian holds the roaster."""
GUEST_S = 5.0
"""How often the reason is looked up why a stop is not delivered."""
BACKOFF = Backoff(longest_s=5.0)
"""A roaster is waited for in mid-roast."""
_EVENTS = {
    "interlock": (EventKind.INTERLOCK, Urgency.DANGER),
    "corrected": (EventKind.INTERLOCK, Urgency.INFORMATION),
    "attendance": (EventKind.INTERLOCK, Urgency.NEEDS_YOU),
    "disarmed": (EventKind.INTERLOCK, Urgency.NEEDS_YOU),
    "fault": (EventKind.FAULT, Urgency.DANGER),
    "lost": (EventKind.ROASTER_LOST, Urgency.DANGER),
}
"""What a notice of the guardian becomes, and how much it matters."""
_log = logging.getLogger("roastwatch.app.roaster_session")


def _stop_of(instruction: Instruction) -> str:
    by = f" by {instruction.by}" if instruction.by else ""
    return f"Emergency stop{by}."


class RoasterSession:
    """One station's roaster. It retries for ever; every command gets an answer."""

    def __init__(self, station: Station, log_healthy: Callable[[], bool] = lambda: True) -> None:
        """Raises SettingsError or BadInputError when the roaster's settings are wrong."""
        self.part = ComponentHealth(f"{station.name}-roaster")
        self._station = station
        self._machine = RoasterLaunch.of_station(station.settings)
        self._log_healthy = log_healthy
        self._log_was_healthy = True
        self._control: RoasterControl | None = None
        self._guest: RoasterControl | None = None
        """Brings an emergency stop to a roaster that another program holds, or nobody."""
        self._stopped_as_guest = StopState.NONE
        self._tasks = Background(self.part, self._refuse)
        self._telling_log: asyncio.Task[None] | None = None
        self._last_message = ""
        self._refusal = ""
        self._door_open: bool | None = None
        self._closing = False
        self.note: Callable[[str], None] = lambda _text: None
        """Called with what the plan remarks, for the roast log."""
        plan = station.settings.plan
        self.program = self.read_program(plan) if plan is not None else None

    def read_program(self, path: Path) -> StationPlan:
        """A plan or a recorded roast for this roaster.

        Raises:
            BadInputError: it can't be used, or would overheat this roaster.
        """
        dry_end_c = self._station.settings.curve.dry_end_c
        program = StationPlan.read(self._station.name, path, dry_end_c)
        limits = parse_limits(self._machine.limits, "limits")
        refuse_too_hot(program.plan, program.profile, limits)
        return program

    async def run(self) -> None:
        """Hold the door open until cancelled; leaving makes the roaster safe."""
        try:
            await self._hold()
        finally:
            await self._tasks.close()

    async def _hold(self) -> None:
        failures = 0
        if problem := self._machine.folder_problem:
            self._tell(EventKind.FAULT, problem, Urgency.NEEDS_YOU)
        while True:
            try:
                control = RoasterControl(
                    self._machine.socket, self._machine.launch, told=self._happened, part=self.part
                )
                async with control, asyncio.TaskGroup() as group:
                    self._control, failures, self._log_was_healthy = control, 0, True
                    self._stopped_as_guest = StopState.NONE  # the guardian says it from now on
                    group.create_task(self._run(control), name=f"{self._station.name}:plan")
                    await self._follow(control)
            except (LostError, BadInputError) as error:
                failures += 1
                self.part.trouble(ComponentState.RETRYING, str(error))
            finally:
                self._control = None
            await asyncio.sleep(BACKOFF.wait_s(failures or 1))

    def state(self) -> RoasterState:
        """What dashboards show."""
        if self._control is None:
            state = RoasterState(connected=False, armed=False, stop=self._stopped_as_guest)
        else:
            state = self._control.state()
        if state.stop is StopState.PENDING and self._stopped_as_guest is not StopState.NONE:
            state = replace(state, stop=self._stopped_as_guest, stop_problem="")
        if self._guest is not None and state.stop is not StopState.DELIVERED:
            shown = self._guest.state()
            state = replace(
                state,
                stop=shown.stop,
                stop_problem=shown.stop_problem,
                alarm=state.alarm or shown.alarm,
            )
        emergency = state.emergency or state.stop is not StopState.NONE
        refusal = self._refusal or state.last_refusal
        return replace(state, emergency=emergency, last_refusal=refusal)

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
            work = self._stop_as_a_guest(_stop_of(instruction))
        elif instruction.kind in _FOR_THE_ROASTER:
            self._refuse(self.part.problem or "The roaster's guardian is being started.")
            return
        else:
            return
        self._tasks.run(work, f"{self._station.name}: {instruction.kind}")

    async def pulse(self) -> None:
        """Once a second: whether the log can be written, which raising heat depends on.

        It does not wait for the guardian: one that hangs must hold up no other station.
        """
        telling = self._telling_log is not None and not self._telling_log.done()
        healthy = self._log_healthy()
        if healthy != self._log_was_healthy and self._control is not None and not telling:
            work = self._tell_log(self._control, healthy)
            self._telling_log = self._tasks.run(work, f"{self._station.name}: log")

    async def _tell_log(self, control: RoasterControl, healthy: bool) -> None:
        if await control.log_works(healthy) is None:
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
        if report is not None:
            self._tasks.run(self._reported(report), f"{self._station.name}: {event.kind}")

    async def _reported(self, report: Callable[[], Awaitable[str | None]]) -> None:
        if refused := await report():
            self._refuse(refused)

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
            state, raw = control.state(), control.raw_state
            if program is None or pipeline is None or state.emergency:
                continue
            machine = control.capabilities
            await program.turn(
                pipeline.roast,
                self._station.now(),
                self._station.reading,
                self.command,
                (raw.get("told") or {}).get("heater"),
                armed=state.armed,
                resumed=pipeline.roast.roast_id == self._station.resumed_id,
                actuators=machine.actuators if machine else None,
                echoes=machine.echoes if machine else frozenset(),
                charge=control.charge,
                dropped=control.dropped,
            )
            self._tell_of_plan(program, pipeline.roast)

    def _tell_of_plan(self, program: StationPlan, roast: Roast) -> None:
        """What the plan did, left out or remarked."""
        if program.left:
            program.left = False
            self._station.publish(roast.drop(self._station.now(), Origin.PLAN))
        for refusal in program.refusals:
            self._tell(EventKind.INTERLOCK, refusal, Urgency.NEEDS_YOU)
        for note in program.notes:
            _log.info("%s: %s", self._station.name, note)
            self._refusal = note  # shown, but nothing to be alarmed about
            self.note(note)
        program.refusals.clear()
        program.notes.clear()

    def _mark_drop(self, reading: Reading) -> None:
        """The door was opened, whoever opened it: the beans leave.

        One that stood open already, when the roast began or the machine was connected, drops none.
        """
        station, before = self._station, self._door_open
        if reading.door_open is not None:
            self._door_open = reading.door_open
        if reading.door_open and before is False and station.pipeline is not None:
            roast = station.pipeline.roast
            station.publish(roast.drop(station.now(), Origin.ROASTER, reading.bean_temp_c))

    def holds_back(self, instruction: Instruction) -> bool:
        """Whether a roast can't begin yet: the door stands open from the last one.

        Where a person begins it, the door is closed first, and the roast begins then; otherwise,
        or where it doesn't close, it does not begin, and the refusal says why.
        """
        control = self._control
        begins = instruction.kind in (InstructionKind.START, InstructionKind.CHARGE)
        if control is None or not begins or not door_stands_open(control):
            return False
        if not self._closing:  # pressed twice, it begins once
            self._closing = True
            work = self._close_and_begin(control, instruction)
            self._tasks.run(work, f"{self._station.name}: {instruction.kind}")
        return True

    async def _close_and_begin(self, control: RoasterControl, instruction: Instruction) -> None:
        try:
            refused = await self._close(control, instruction)
        finally:
            self._closing = False
        if refused:
            self._refuse(refused)
            return
        now = replace(instruction, at=datetime.now(UTC))
        self.instruct(now)
        self._station.instruct(now)

    async def _close(self, control: RoasterControl, instruction: Instruction) -> str | None:
        """Close the door for a person who begins a roast; why it is still open, or None."""
        refused = "The door is open and the beans would fall through. Close the door first."
        can = control.capabilities.actuators if control.capabilities else frozenset[Actuator]()
        if instruction.origin is Origin.PERSON and Actuator.DOOR in can:
            result = await self._set(control, Actuator.DOOR, 0.0)
            await closed(control)
            if result.outcome is not Outcome.APPLIED:
                refused = f"{refused} {result.reason}"
        return refused if door_stands_open(control) else None

    async def _obey(self, control: RoasterControl, instruction: Instruction) -> None:
        refused: str | None = None
        match instruction.kind:
            case InstructionKind.ARM:
                for_s = instruction.value if isinstance(instruction.value, int | float) else None
                anew = not control.state().armed
                refused = await control.arm(float(for_s or ARMED_FOR_S))
                if self.program is not None and anew and not refused:
                    self.program.hand_back()
            case InstructionKind.DISARM:
                refused = await control.disarm()
            case InstructionKind.EMERGENCY_STOP:
                # What was not delivered is a fault, which the guardian or the door reports.
                self._stopped_as_guest = StopState.NONE
                reason = _stop_of(instruction)
                self._refusal = await control.emergency_stop(reason, OWN_STOP_S) or ""
                if self._refusal and not control.stop_accepted:
                    await self._stop_as_a_guest(reason)  # another program may hold it by now
                if self._stopped_as_guest is StopState.NONE:
                    self._refusal = await control.stopped(STOP_S) or ""
                return
            case InstructionKind.PRESENT | InstructionKind.ACKNOWLEDGE:
                refused = await control.present()
            case InstructionKind.CHARGE | InstructionKind.START | InstructionKind.UNDER_WAY:
                refused = await control.charge()
            case InstructionKind.STOP:
                if self.program is not None:
                    self.program.stop()
                if not await control.make_safe("The roast was stopped."):
                    refused = f"The roast was stopped, but heat may be on: {control.unsafe}"
                    self._refusal = refused
                    self._tell(EventKind.FAULT, refused)
                    return
            case InstructionKind.DROP if instruction.origin is Origin.PERSON:
                refused = await self._drop(control)
            case _:
                pass
        self._refuse(refused)

    def _refuse(self, refused: str | None) -> None:
        """Show and tell why something was not done; None: it was."""
        self._refusal = refused or ""
        if refused:
            # The person who asked knows; the others hear of it once.
            self._tell(EventKind.INTERLOCK, refused, Urgency.NEEDS_YOU, Origin.PERSON)

    async def _stop_as_a_guest(self, reason: str) -> None:
        """Another program may hold the roaster, or its guardian is being started: stop it still.

        It is tried until it is delivered, beside all attempts to have the roaster ourselves.
        """
        self._stopped_as_guest = StopState.NONE
        if self._guest is not None:
            self._refusal = await self._guest.emergency_stop(reason) or ""
            return
        machine, part = self._machine, ComponentHealth(f"{self._station.name}-stop")
        guest = RoasterControl(
            machine.socket, machine.launch, role="stop", told=self._happened_to_guest, part=part
        )
        self._guest = guest
        try:
            async with guest:
                self._refusal = await guest.emergency_stop(reason) or ""
                while self._refusal and await guest.stopped(GUEST_S):
                    self._refusal = guest.state().stop_problem
                self._refusal = ""
                if guest.state().stop is not StopState.DELIVERED:
                    return  # somebody has armed since
                self._stopped_as_guest = StopState.DELIVERED
                if self._control is not None:  # which has reported that it could not deliver it
                    self._happened(Happened("interlock", DELIVERED_LATE, "emergency_stop"))
        finally:
            self._guest = None

    def _happened_to_guest(self, happened: Happened) -> None:
        """Of a roaster that is not ours only what became of our stop is reported."""
        if happened.interlock == "emergency_stop" and self._control is None:
            self._happened(happened)

    async def _drop(self, control: RoasterControl) -> str | None:
        """A person pressed drop: heat off, and the door open where it can be."""
        can = control.capabilities.actuators if control.capabilities else frozenset[Actuator]()
        for actuator, percent in ((Actuator.HEATER, 0.0), (Actuator.DOOR, 100.0)):
            if actuator in can:
                result = await self._set(control, actuator, percent)
                if result.outcome is not Outcome.APPLIED:
                    return result.reason
        return await control.dropped()

    async def _set(
        self, control: RoasterControl, actuator: Actuator, percent: float
    ) -> CommandResult:
        """As a person, through the door."""
        name, at_s = uuid.uuid4().hex[:12], time.monotonic()
        return await control.request(
            Command(name, self._station.name, actuator, percent, Origin.PERSON, at_s)
        )

    def _happened(self, happened: Happened) -> None:
        """What the guardian did becomes an event that sinks tell."""
        kind, urgency = _EVENTS.get(happened.kind, (None, Urgency.INFORMATION))
        pressed = happened.interlock == "emergency_stop" and kind is EventKind.INTERLOCK
        if pressed or happened.interlock == "heat_short":
            urgency = Urgency.NEEDS_YOU
        if happened.kind == "lost":
            self._station.reading = None
        quiet = happened.kind == "disarmed" and happened.message == "Disarmed."
        again = happened.message == self._last_message and happened.interlock != "emergency_stop"
        if kind is None:  # well again: the same trouble after it is a new one
            self._last_message = ""
        if kind is None or quiet or again:
            _log.info("%s: %s", self._station.name, happened.message)
            return
        self._last_message = happened.message
        origin = Origin.PERSON if pressed else Origin.INTERLOCK
        self._tell(kind, happened.message, urgency, origin)

    def _tell(
        self,
        kind: EventKind,
        message: str,
        urgency: Urgency = Urgency.DANGER,
        origin: Origin = Origin.INTERLOCK,
    ) -> None:
        pipeline = self._station.pipeline
        if pipeline is not None:
            event = pipeline.roast.told(kind, self._station.now(), message, origin)
        else:
            now = self._station.now()
            event = RoastEvent(
                event_id=uuid.uuid4().hex,
                station=self._station.name,
                roast_id=None,
                kind=kind,
                happened_at=now,
                decided_at=now,
                origin=origin,
                message=message,
            )
        self._station.publish([replace(event, urgency=urgency)])
