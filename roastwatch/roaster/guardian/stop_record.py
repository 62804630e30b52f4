"""Whether an emergency stop was delivered: only once the machine has heat 0.

The guardian keeps this record and sends it with each of its states, so that no channel calls a
roaster stopped while it may heat. No I/O and no clock: the caller passes the time (seconds of a
monotonic clock).
"""

from roastwatch.roaster.guardian.alarms import Notice
from roastwatch.roaster.guardian.safety_state import SafetyState
from roastwatch.vocabulary import Actuator, StopState

ZERO_PERCENT = 0.5
"""A readback up to this is heat 0, as in all interlocks."""
LOUD_AFTER_S = 3.0
"""Even a machine that is stepped down or reads slowly has confirmed heat 0 by then."""
LOUD_WITHOUT_LINK_S = 0.5
DELIVERED_LATE = "The emergency stop has now been delivered: heat is 0. Look at the roaster."
KEEPS_TRYING = " roastwatch keeps trying."
LEFT_TO_PANEL = "roastwatch only reads this roaster: its own panel controls its heat."
ONLY_READ = "roastwatch only reads this roaster and can't switch its heat off."


def undelivered(why: str) -> str:
    """The sentence that is shown everywhere while a stop has not reached the machine."""
    why = why.strip()
    return f"The emergency stop was not delivered: pull the roaster's plug. {why}{KEEPS_TRYING}"


def heat_problem(guard: SafetyState, written_at_s: float | None, problem: str | None) -> str:
    """Why heat is not known to be off; empty when it is.

    `written_at_s` is when make-safe was last written, `problem` why there is no link.
    """
    machine = guard.machine
    if Actuator.HEATER not in machine.capabilities.actuators and machine.ever_connected:
        return ONLY_READ
    if not machine.connected:
        return problem or "The roaster is not connected."
    if guard.only_reads:
        heater = machine.history.newest.heater_percent if machine.history.newest else None
        if heater is None:
            return LEFT_TO_PANEL
        if heater <= ZERO_PERCENT:
            return ""
        return f"The roaster heats by its own panel ({heater:.0f} %); roastwatch only reads it."
    if machine.heat_0_refused:
        return "The roaster refuses heat 0."
    if guard.unsafe_pending or machine.heats:
        return "Heat 0 is not written yet."
    if Actuator.HEATER not in machine.capabilities.echoes:
        return ""
    newest = machine.history.newest
    since_s = written_at_s if written_at_s is not None else machine.heat_off_since_s
    if newest is None or since_s is None or newest.taken_at_s < since_s:
        return "Heat 0 was written, but the roaster has not reported it yet."
    if newest.heater_percent is None:
        return "Heat 0 was written, but the roaster does not report its heat."
    if newest.heater_percent > ZERO_PERCENT:
        return f"Heat 0 was written, but the roaster reports {newest.heater_percent:.0f} %."
    return ""


class StopRecord:
    """The last emergency stop of one guardian."""

    def __init__(self) -> None:
        self.state = StopState.NONE
        self.problem = ""
        """Why it is not delivered."""
        self._since_s = 0.0
        self._loud = False

    def begin(self, now_s: float) -> None:
        """A stop was accepted; its delivery is unknown."""
        self.state, self.problem = StopState.PENDING, "Heat 0 is not written yet."
        self._since_s, self._loud = now_s, False

    def look(self, emergency: bool, problem: str, linked: bool, now_s: float) -> Notice | None:
        """Follow the delivery; returns a notice if people must know something now.

        `emergency` is whether the latch holds, `problem` is that of `heat_problem`.
        """
        if not emergency:
            self.state, self.problem = StopState.NONE, ""
            return None
        if self.state is not StopState.PENDING:
            return None
        self.problem = problem
        if not problem:
            self.state = StopState.DELIVERED
            return Notice("interlock", DELIVERED_LATE, "emergency_stop") if self._loud else None
        grace_s = LOUD_AFTER_S if linked else LOUD_WITHOUT_LINK_S
        if not self._loud and now_s - self._since_s >= grace_s:
            self._loud = True
            return Notice("fault", undelivered(problem), "emergency_stop")
        return None
