"""How the guardian carries out one command, and what it checks before heat replaces heat."""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable

from roastwatch.errors import LostError, RoastwatchError
from roastwatch.roaster.driver import RoasterDriver
from roastwatch.roaster.guardian.command_slot import SUPERSEDED, CommandSlot
from roastwatch.roaster.guardian.interlocks import Decision
from roastwatch.roaster.guardian.safety_state import Demand, SafetyState
from roastwatch.vocabulary import Actuator, Command, CommandResult, Outcome

LOOK_S = 1.5
"""Heat that replaces heat waits this long for a reading of the machine's state."""
LOOKS = 2
"""This many readings in a row without heat are no transmission error."""
MOST_READS = 40
"""A driver that repeats an old reading at once is not asked more often for a new one."""


class CommandCarrier(ABC):
    """The part of the guardian between an accepted command and the driver."""

    def __init__(
        self, guard: SafetyState, clock: Callable[[], float], changed: Callable[[], None]
    ) -> None:
        self.guard = guard
        self._clock = clock
        self._changed = changed
        self._slot = CommandSlot()
        self._read_must_finish = False

    @abstractmethod
    async def _read(self, driver: RoasterDriver) -> None:
        """Read, unless something more urgent comes."""

    @abstractmethod
    async def _write(self, driver: RoasterDriver, actuator: Actuator, percent: float) -> None:
        """Write, and note that it was written."""

    @abstractmethod
    async def _perform(self, driver: RoasterDriver, demand: Demand) -> None:
        """Do what the interlocks demand."""

    @abstractmethod
    def _notice_restart(self, driver: RoasterDriver) -> bool:
        """Whether the machine restarted under this link since it was last asked."""

    async def _serve(self, driver: RoasterDriver) -> None:
        waiting = self._slot.pending
        if waiting is None:
            return
        command, answer = waiting
        result = CommandResult(command.command_id, Outcome.FAILED, reason="The guardian ended.")
        try:
            result = await self._carry_out(driver, command)
        except RoastwatchError as error:
            result = CommandResult(command.command_id, Outcome.FAILED, reason=str(error))
            if isinstance(error, LostError):
                raise
        finally:
            self._slot.done(answer, result)
            self._changed()

    async def _carry_out(self, driver: RoasterDriver, command: Command) -> CommandResult:
        decision = self.guard.request(command, self._clock())
        if decision.writes:
            self.guard.take_control()
        for actuator, percent in decision.writes:
            setpoint = self.guard.machine.setpoints.of(actuator)
            if actuator is Actuator.HEATER and percent > 0:
                if setpoint and (failed := await self._look(driver, command)) is not None:
                    return failed
                # Writing drum and fan took time: the command may not be allowed any more.
                self._notice_restart(driver)
                now = self.guard.request(command, self._clock())
                if (actuator, percent) not in now.writes:
                    return self._result(command, now)
            if setpoint != percent or actuator is command.actuator:
                await self._write(driver, actuator, percent)
        for move in decision.moves:
            self.guard.note(move.reason, move.interlock)
        return self._result(command, decision)

    async def _look(self, driver: RoasterDriver, command: Command) -> CommandResult | None:
        """Read the machine before heat replaces heat, which could hide that it restarted.

        Returns why the command can't be carried out now, or None. Other commands are carried out
        meanwhile; a newer one for heat or the door replaces this one.
        """
        machine, seen = self.guard.machine, False
        with self._slot.open():
            for _ in range(LOOKS):
                seen = await self._see(driver, command)
                if not (seen and machine.heat_is_lost):
                    break
            else:
                self.guard.restarted(self._clock())
        setpoint = machine.setpoints.of(Actuator.HEATER)
        if not self._slot.holds(command):
            return CommandResult(command.command_id, Outcome.REFUSED, setpoint, SUPERSEDED)
        if machine.heats and not seen and 1.5 * machine.capabilities.read_period_s <= LOOK_S:
            reason = "The roaster does not answer: heat is not set again until it does."
            return CommandResult(command.command_id, Outcome.FAILED, setpoint, reason=reason)
        return None

    async def _see(self, driver: RoasterDriver, command: Command) -> bool:
        """Wait for a reading that is newer than this call; whether one came."""
        began_s, machine = self._clock(), self.guard.machine
        for _ in range(MOST_READS):
            in_time = self._clock() - began_s <= LOOK_S
            if not (in_time and self._slot.holds(command) and machine.heats):
                break
            await self._overtaken(driver)
            self._read_must_finish = True
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._read(driver)
            self._notice_restart(driver)
            await self._perform(driver, self.guard.tick(self._clock()))
            newest = machine.history.newest
            if newest is not None and newest.taken_at_s >= began_s:
                return True
            await asyncio.sleep(0)  # a driver that never waits must not keep the loop to itself
        return False

    async def _overtaken(self, driver: RoasterDriver) -> None:
        """Carry out the command that came while another waits for a reading."""
        if (other := self._slot.overtaking) is not None:
            result = CommandResult(other[0].command_id, Outcome.FAILED, reason="It was not set.")
            try:
                result = await self._carry_out(driver, other[0])
            finally:
                self._slot.overtaken(result)

    def _result(self, command: Command, decision: Decision) -> CommandResult:
        return CommandResult(
            command.command_id,
            decision.outcome,
            decision.applied,
            decision.interlock,
            decision.reason,
        )
