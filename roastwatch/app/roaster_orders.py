"""What people's instructions do at a connected roaster; see `instructions.RoasterTarget`."""

from collections.abc import Callable

from roastwatch.app.guest_stop import GuestStop
from roastwatch.app.program import StationPlan
from roastwatch.app.roaster_notices import RoasterNotices
from roastwatch.roaster.client.control import STOP_S, RoasterControl, closed, door_stands_open
from roastwatch.vocabulary import (
    Actuator,
    Command,
    CommandResult,
    EventKind,
    Origin,
    Outcome,
)

ARMED_FOR_S = 1800.0
OWN_STOP_S = 0.5
"""After this long an emergency stop is also brought to whichever guardian holds the roaster."""


def stop_reason(by: str) -> str:
    """The sentence that an emergency stop is logged with."""
    return f"Emergency stop by {by}." if by else "Emergency stop."


class RoasterOrders:
    """Carries orders out as a person, through the door to the heater, and reports refusals."""

    def __init__(
        self,
        station: str,
        control: RoasterControl,
        program: Callable[[], StationPlan | None],
        notices: RoasterNotices,
        guest: GuestStop,
    ) -> None:
        self._station = station
        self._control = control
        self._program = program
        self._notices = notices
        self._guest = guest

    async def arm(self, for_s: float | None) -> None:
        """Allow heat; the plan takes back what a person or an interlock had taken over."""
        anew = not self._control.state().armed
        refused = await self._control.arm(for_s or ARMED_FOR_S)
        program = self._program()
        if program is not None and anew and not refused:
            program.hand_back()
        self._notices.refuse(refused)

    async def disarm(self) -> None:
        """Allow no more heat."""
        self._notices.refuse(await self._control.disarm())

    async def emergency_stop(self, by: str) -> None:
        """A stop that is not delivered is a fault, which the guardian or the door reports."""
        reason = stop_reason(by)
        self._guest.delivered = False
        self._notices.refusal = await self._control.emergency_stop(reason, OWN_STOP_S) or ""
        if self._notices.refusal and not self._control.stop_accepted:
            await self._guest.deliver(reason)  # another program may hold it by now
        if not self._guest.delivered:
            self._notices.refusal = await self._control.stopped(STOP_S) or ""

    async def present(self) -> None:
        """Somebody is with the roaster."""
        self._notices.refuse(await self._control.present())

    async def charge(self) -> None:
        """The guardian's clock of the roast begins."""
        self._notices.refuse(await self._control.charge())

    async def stop_roast(self) -> None:
        """End the plan and make the roaster safe."""
        program = self._program()
        if program is not None:
            program.stop()
        if await self._control.make_safe("The roast was stopped."):
            self._notices.refuse(None)
            return
        problem = f"The roast was stopped, but heat may be on: {self._control.unsafe}"
        self._notices.refusal = problem
        self._notices.publish(EventKind.FAULT, problem)

    async def drop(self, origin: Origin) -> None:
        """Heat off, and the door open where it can be set."""
        for actuator, percent in ((Actuator.HEATER, 0.0), (Actuator.DOOR, 100.0)):
            if actuator in self._actuators:
                result = await self._set(actuator, percent, origin)
                if result.outcome is not Outcome.APPLIED:
                    self._notices.refuse(result.reason)
                    return
        self._notices.refuse(await self._control.dropped())

    async def close_door(self, *, allowed: bool) -> str | None:
        """Close the door before a roast, if allowed and possible; why it is still open, or None."""
        refused = "The door is open and the beans would fall through. Close the door first."
        if allowed and Actuator.DOOR in self._actuators:
            result = await self._set(Actuator.DOOR, 0.0, Origin.PERSON)
            await closed(self._control)
            if result.outcome is not Outcome.APPLIED:
                refused = f"{refused} {result.reason}"
        return refused if door_stands_open(self._control) else None

    @property
    def _actuators(self) -> frozenset[Actuator]:
        capabilities = self._control.capabilities
        return capabilities.actuators if capabilities else frozenset()

    async def _set(self, actuator: Actuator, percent: float, origin: Origin) -> CommandResult:
        command = Command.new(self._station, actuator, percent, origin)
        return await self._control.request(command)
