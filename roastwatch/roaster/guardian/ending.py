"""When a guardian may leave its machine: alone, on request, or to another guardian."""

from roastwatch.roaster.guardian.guardian import Guardian
from roastwatch.roaster.guardian.safety_state import SafetyState
from roastwatch.roaster.guardian.states import ArmingState
from roastwatch.roaster.guardian.stop_record import StopRecord
from roastwatch.vocabulary import StopState

LINGER_SAFE_S = 5.0
LINGER_OWED_S = 600.0
LINGER_STOP_S = 12 * 3600.0
"""An emergency stop that did not reach the machine is tried for half a day."""
LINGER_ENDING_S = 10.0
"""Asked to end, it waits this long for a missing machine that is not known to be off."""
LINGER_NEW_S, LINGER_SERVED_S = 10.0, 1.0
"""Without a machine so far, it waits this long for its first client, or for the next."""
LINGER_ALONE_S = 1.0


class Ending:
    """Judges whether one guardian may end. The caller passes the time in monotonic seconds."""

    def __init__(
        self, guard: SafetyState, guardian: Guardian, stop: StopRecord, now_s: float
    ) -> None:
        self.alone_since_s = now_s
        self.ever_served = False
        self.asked_at_s: float | None = None
        """When it was asked to end."""
        self._guard = guard
        self._guardian = guardian
        self._stop = stop

    def may_end(self, now_s: float) -> bool:
        """Whether this guardian is not needed: its machine is cool, or gone and known to be off."""
        alone_s, machine = now_s - self.alone_since_s, self._guard.machine
        if self._stop.state is StopState.PENDING and machine.capabilities.actuators:
            return alone_s >= LINGER_STOP_S
        if machine.connected:
            since_s = self._guardian.safe_since_s
            settled = since_s is None or now_s - since_s >= LINGER_SAFE_S
            return settled and alone_s >= LINGER_ALONE_S and not self._guard.unsafe_pending
        if self._guard.lost_hot:
            return False  # it may still heat: when it is plugged in again, it is guarded
        if not machine.ever_connected:
            if self._guardian.inherited:
                return alone_s >= LINGER_OWED_S  # its machine may still heat, and be back soon
            return alone_s >= (LINGER_SERVED_S if self.ever_served else LINGER_NEW_S)
        return not self._guard.unsafe_pending or alone_s >= LINGER_OWED_S

    def has_ended(self, now_s: float) -> bool:
        """Whether a guardian that was asked to end may go."""
        if self.asked_at_s is None:
            return False
        machine = self._guard.machine
        if machine.connected:
            return not self._guard.unsafe_pending and self._guard.may_release(now_s) is None
        owed = machine.ever_heated and self._stop.state is StopState.PENDING
        return not owed or now_s - self.asked_at_s >= LINGER_ENDING_S

    def gives_way(self, role: object, now_s: float) -> bool:
        """Let go for a caller with another type or options, where that endangers nobody.

        A stop replaces a guardian only if it has never reached its machine, or another machine
        answers there now. Otherwise only a caller who will control the machine replaces a guardian,
        and never one that owes heat 0 to a machine it has lost.
        """
        machine = self._guard.machine
        if not machine.connected:
            wrong = self._guardian.wrong_machine
            owes = self._guard.lost_hot or self._stop.state is StopState.PENDING
            if role == "stop":
                gives = wrong or not machine.ever_connected
            else:
                gives = not owes and (wrong or role == "control")
            if gives:
                self._guardian.end()  # what it guards is not there
            return gives
        stopped = self._guard.arming is ArmingState.STOPPED
        settled = not self._guard.unsafe_pending and not stopped
        if role == "control" and settled and self._guard.may_release(now_s) is None:
            return self._guardian.release() is None
        return False
