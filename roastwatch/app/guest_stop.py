"""An emergency stop for a roaster that another program holds, or whose guardian is starting."""

from collections.abc import Callable
from dataclasses import replace

from roastwatch.app.roaster_launch import RoasterLaunch
from roastwatch.app.roaster_notices import RoasterNotices
from roastwatch.roaster.client.control import GuardianNotice as Notice
from roastwatch.roaster.client.control import RoasterControl
from roastwatch.roaster.guardian.stop_record import DELIVERED_LATE
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import RoasterState, StopState

RETRY_S = 5.0
"""How often the reason is looked up why a stop is not delivered."""


class GuestStop:
    """Repeats a stop until it is delivered, beside all attempts to have the roaster ourselves."""

    def __init__(
        self,
        machine: RoasterLaunch,
        station: str,
        notices: RoasterNotices,
        is_ours: Callable[[], bool],
    ) -> None:
        """`is_ours`: whether this station holds the roaster at present."""
        self.delivered = False
        """Whether a stop was delivered since the station last held the roaster or requested one."""
        self._machine = machine
        self._station = station
        self._notices = notices
        self._is_ours = is_ours
        self._guest: RoasterControl | None = None

    @property
    def active(self) -> bool:
        """Whether a stop is being delivered."""
        return self._guest is not None

    async def deliver(self, reason: str) -> None:
        """Stop the roaster; returns when it is delivered, or at once if another call does that."""
        self.delivered = False
        if self._guest is not None:
            self._notices.refusal = await self._guest.emergency_stop(reason) or ""
            return
        machine, part = self._machine, ComponentHealth(f"{self._station}-stop")
        guest = RoasterControl(
            machine.socket, machine.launch, role="stop", notify=self._happened, part=part
        )
        self._guest = guest
        try:
            async with guest:
                self._notices.refusal = await guest.emergency_stop(reason) or ""
                while self._notices.refusal and await guest.stopped(RETRY_S):
                    self._notices.refusal = guest.state().stop_problem
                self._notices.refusal = ""
                if guest.state().stop is not StopState.DELIVERED:
                    return  # somebody has armed since
                self.delivered = True
                if self._is_ours():  # our own control has reported that it could not deliver it
                    self._notices.happened(Notice("interlock", DELIVERED_LATE, "emergency_stop"))
        finally:
            self._guest = None

    def shown(self, state: RoasterState) -> RoasterState:
        """The roaster's state with what became of this stop."""
        if state.stop is StopState.PENDING and self.delivered:
            state = replace(state, stop=StopState.DELIVERED, stop_problem="")
        if self._guest is not None and state.stop is not StopState.DELIVERED:
            guest = self._guest.state()
            state = replace(
                state,
                stop=guest.stop,
                stop_problem=guest.stop_problem,
                alarm=state.alarm or guest.alarm,
            )
        return state

    def _happened(self, notice: Notice) -> None:
        """Of a roaster that is not ours only what became of our stop is reported."""
        if notice.interlock == "emergency_stop" and not self._is_ours():
            self._notices.happened(notice)
