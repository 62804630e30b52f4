"""Joins a station with the roaster that it drives: readings, commands and instructions."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from roastwatch.app.agents import AgentSituation
from roastwatch.app.guest_stop import GuestStop
from roastwatch.app.instructions import EFFECTS, Unconnected
from roastwatch.app.program import StationPlan
from roastwatch.app.roaster_launch import RoasterLaunch
from roastwatch.app.roaster_notices import RoasterNotices
from roastwatch.app.roaster_orders import RoasterOrders, stop_reason
from roastwatch.app.station import Station
from roastwatch.errors import BadInputError, LostError
from roastwatch.roast.roast import Roast
from roastwatch.roaster.client.control import RoasterControl, door_stands_open
from roastwatch.roaster.guardian.limits_store import parse_limits
from roastwatch.roaster.handover import setpoints_of
from roastwatch.roaster.plans.plan import refuse_too_hot
from roastwatch.supervise import Background, Backoff, ComponentHealth
from roastwatch.vocabulary import (
    Command,
    CommandResult,
    ComponentState,
    EventKind,
    Instruction,
    Origin,
    Outcome,
    Reading,
    RoasterState,
    RoastEvent,
    StopState,
    Urgency,
)

PLAN_TURN_S = 0.25
BACKOFF = Backoff(longest_s=5.0)
"""Short, because a roaster may be awaited during a roast."""
_STARTING = "The roaster's guardian is being started."
_log = logging.getLogger(__name__)


class RoasterSession:
    """One station's roaster. It reconnects forever; every command gets an answer."""

    def __init__(self, station: Station, log_healthy: Callable[[], bool] = lambda: True) -> None:
        """Prepare the roaster; nothing is connected yet.

        Raises:
            SettingsError, BadInputError: the roaster's settings are wrong.
        """
        self.part = ComponentHealth(f"{station.name}-roaster")
        self._station = station
        self._machine = RoasterLaunch.of_station(station.settings)
        self._log_healthy = log_healthy
        self._log_was_healthy = True
        self._control: RoasterControl | None = None
        self._notices = RoasterNotices(station)
        self._guest = GuestStop(
            self._machine, station.name, self._notices, lambda: self._control is not None
        )
        self._tasks = Background(self.part, self._notices.refuse)
        self._reporting_log: asyncio.Task[None] | None = None
        self._door_open: bool | None = None
        self._closing = False
        self._under_way: asyncio.Task[None] | None = None
        """What carries out the latest instruction."""
        self._concerned = False
        """Whether the latest instruction concerned the roaster."""
        self.note: Callable[[str], None] = lambda _text: None
        """Called with each remark of the plan, for the roast log."""
        plan = station.settings.plan
        self.program = self.read_program(plan) if plan is not None else None

    @property
    def driver(self) -> str:
        """The name of the roaster's driver."""
        chosen = self._station.settings.roaster
        return chosen.type if chosen is not None else ""

    def agent_situation(self) -> AgentSituation:
        """What decides about an agent's request now."""
        limits = parse_limits(self._machine.limits, "limits")
        return AgentSituation(
            roasting=self._station.roast.active,
            drives=True,
            armed=self._control is not None and self._control.state().armed,
            follows_plan=self.program is not None,
            may_raise=limits.agent_raise,
            may_drop=limits.agent_drop,
        )

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
        """Stay connected until cancelled; leaving makes the roaster safe."""
        try:
            await self._hold()
        finally:
            await self._tasks.close()

    async def _hold(self) -> None:
        failures = 0
        if problem := self._machine.folder_problem:
            self._notices.publish(EventKind.FAULT, problem, Urgency.NEEDS_YOU)
        while True:
            try:
                control = RoasterControl(
                    self._machine.socket,
                    self._machine.launch,
                    notify=self._notices.happened,
                    part=self.part,
                )
                async with control, asyncio.TaskGroup() as group:
                    self._control, failures, self._log_was_healthy = control, 0, True
                    self._guest.delivered = False  # the guardian reports it from now on
                    group.create_task(self._run(control), name=f"{self._station.name}:plan")
                    await self._follow(control)
            except (LostError, BadInputError) as error:
                failures += 1
                self.part.trouble(ComponentState.RETRYING, str(error))
            finally:
                self._control = None
            await asyncio.sleep(BACKOFF.wait_s(failures or 1))

    def state(self) -> RoasterState:
        """The state that dashboards show."""
        if self._control is None:
            stop = StopState.DELIVERED if self._guest.delivered else StopState.NONE
            state = RoasterState(connected=False, armed=False, stop=stop)
        else:
            state = self._control.state()
        state = self._guest.shown(state)
        emergency = state.emergency or state.stop is not StopState.NONE
        return replace(state, emergency=emergency, last_refusal=self._notices.refusal)

    async def command(self, command: Command) -> CommandResult:
        """Pass a command through the interlocks."""
        if self._control is None:
            reason = self.part.problem or _STARTING
            return CommandResult(command.command_id, Outcome.FAILED, reason=reason)
        result = await self._control.request(command)
        self._notices.refusal = result.reason if result.outcome is not Outcome.APPLIED else ""
        return result

    def instruct(self, instruction: Instruction) -> None:
        """Apply an instruction at the roaster; refusals are shown and reported."""
        control, effects = self._control, EFFECTS[instruction.kind]
        self._under_way, self._concerned = None, False
        if effects.only_idle and self._station.roast.active:
            return
        if effects.roaster is None:
            if control is not None:
                self._notices.refuse(None)
        elif control is not None:
            work = effects.roaster(self._orders(control), instruction)
            self._carry_out(work, instruction.kind)
        elif effects.unconnected is Unconnected.DELIVERED:
            self._carry_out(self._guest.deliver(stop_reason(instruction.by)), instruction.kind)
        elif effects.unconnected is Unconnected.REFUSED:
            self._concerned = True
            self._notices.refuse(self.part.problem or _STARTING)

    def _carry_out(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._under_way, self._concerned = self._run_task(work, name), True

    async def outcome(self) -> str:
        """Wait until the latest instruction is carried out; why it was refused, or empty."""
        while (task := self._under_way) is not None and not task.done():
            await asyncio.wait({task})
        return self._notices.refusal if self._concerned else ""

    def _orders(self, control: RoasterControl) -> RoasterOrders:
        return RoasterOrders(
            self._station.name, control, lambda: self.program, self._notices, self._guest
        )

    def _run_task(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        return self._tasks.run(work, f"{self._station.name}: {name}")

    async def pulse(self) -> None:
        """Once a second: report whether the log can be written, on which raising heat depends.

        It does not wait for the guardian: one that hangs must not delay other stations.
        """
        reporting = self._reporting_log is not None and not self._reporting_log.done()
        healthy = self._log_healthy()
        if healthy != self._log_was_healthy and self._control is not None and not reporting:
            self._reporting_log = self._run_task(self._report_log(self._control, healthy), "log")

    async def _report_log(self, control: RoasterControl, healthy: bool) -> None:
        if await control.log_works(healthy) is None:
            self._log_was_healthy = healthy

    async def _follow(self, control: RoasterControl) -> None:
        async for reading in control.readings.changes():
            self._station.read(reading)
            self._mark_drop(reading)

    def event(self, event: RoastEvent) -> None:
        """An event of the roast, for the plan's triggers and for the guardian's clock."""
        self._report(event)
        if self.program is not None:
            self.program.event(event)

    def _report(self, event: RoastEvent) -> None:
        """Report a charge or drop that the curve shows to the guardian, too.

        Otherwise the limit of a roast's duration would have no start. What a person or an agent
        requested has been reported already.
        """
        if self._control is None or event.origin in (Origin.PERSON, Origin.AGENT):
            return
        reports = {EventKind.CHARGE: self._control.charge, EventKind.DROP: self._control.dropped}
        report = reports.get(event.kind)
        if report is not None:
            self._run_task(self._reported(report), event.kind)

    async def _reported(self, report: Callable[[], Awaitable[str | None]]) -> None:
        if refused := await report():
            self._notices.refuse(refused)

    def deviation_c(self) -> float | None:
        """How far the bean temperature is above the plan's profile, °C."""
        station = self._station
        if self.program is None:
            return None
        return self.program.deviation_c(station.roast, station.now(), station.reading)

    async def _run(self, control: RoasterControl) -> None:
        """Follow the selected plan while the roaster is armed."""
        while True:
            await asyncio.sleep(PLAN_TURN_S)
            program, roast = self.program, self._station.roast
            state, raw = control.state(), control.raw_state
            if program is None or state.emergency:
                continue
            machine = control.capabilities
            await program.turn(
                roast,
                self._station.now(),
                self._station.reading,
                self.command,
                setpoints_of(raw).get("heater"),
                armed=state.armed,
                resumed=roast.roast_id == self._station.resumed_id,
                actuators=machine.actuators if machine else None,
                echoes=machine.echoes if machine else frozenset(),
                charge=control.charge,
                dropped=control.dropped,
            )
            self._report_plan(program, roast)

    def _report_plan(self, program: StationPlan, roast: Roast) -> None:
        """Publish the drop, the refusals and the remarks of the plan."""
        if program.left:
            program.left = False
            self._station.publish(roast.drop(self._station.now(), Origin.PLAN))
        for refusal in program.refusals:
            self._notices.plan_refused(refusal, roast.roast_id)
        for note in program.notes:
            _log.info("%s: %s", self._station.name, note)
            self._notices.refusal = note  # shown, but no alert
            self.note(note)
        program.refusals.clear()
        program.notes.clear()

    def _mark_drop(self, reading: Reading) -> None:
        """A door that was opened, by anyone, drops the beans.

        A door that was open already, at the start of the roast or of the connection, does not.
        """
        station, before = self._station, self._door_open
        if reading.door_open is not None:
            self._door_open = reading.door_open
        if reading.door_open and before is False:
            roast = station.roast
            station.publish(roast.drop(station.now(), Origin.ROASTER, reading.bean_temp_c))

    def holds_back(self, instruction: Instruction) -> bool:
        """Whether a roast can't begin yet, because the door is still open.

        If a person begins it, the door is closed first, and the roast begins then. Otherwise, or
        if it doesn't close, the roast does not begin, and the refusal says why.
        """
        control = self._control
        begins = EFFECTS[instruction.kind].begins
        if control is None or not begins or not door_stands_open(control):
            return False
        if not self._closing:  # pressed twice, the roast begins once
            self._closing = True
            self._carry_out(self._close_and_begin(control, instruction), instruction.kind)
        return True

    async def _close_and_begin(self, control: RoasterControl, instruction: Instruction) -> None:
        try:
            by_person = instruction.origin is Origin.PERSON
            refused = await self._orders(control).close_door(allowed=by_person)
        finally:
            self._closing = False
        if refused:
            self._notices.refuse(refused)
            return
        now = replace(instruction, at=datetime.now(UTC))
        self.instruct(now)
        self._station.instruct(now)
