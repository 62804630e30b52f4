"""The beans in the machine: when they went in, and when they are out."""

from roastwatch.roaster.guardian.device_state import DeviceState
from roastwatch.roaster.guardian.situation import Situation


class Batch:
    """One batch at a time. The caller passes the time in monotonic seconds."""

    def __init__(self, machine: DeviceState) -> None:
        self._machine = machine
        self._charged_at_s: float | None = None
        self._hot_since_charge = False

    def roast_s(self, now_s: float) -> float | None:
        """For how long beans have been in, seconds; None: none are."""
        return None if self._charged_at_s is None else now_s - self._charged_at_s

    def charge(self, now_s: float) -> str | None:
        """Beans go in. Returns why they should not, or None.

        Source of the check: Artisan #512, a door left open.
        """
        machine, reading = self._machine, self._machine.history.newest
        if (reading is not None and reading.door_open) or machine.setpoints.door:
            return "The door is open: the beans would fall through. Close it before you charge."
        self._charged_at_s, self._hot_since_charge = now_s, False
        machine.history.charged()
        machine.history.probes.beans_in = True
        return None

    def dropped(self) -> None:
        """The beans have left: the next batch has its own time, hot as the machine may be."""
        self._charged_at_s = None
        self._machine.history.probes.beans_in = False

    def look(self, situation: Situation) -> None:
        """Note that a fluid bed's beans are out: no command drops them, but it has cooled."""
        machine = self._machine
        if self._charged_at_s is None or not machine.capabilities.fan_is_drum:
            return
        self._hot_since_charge = self._hot_since_charge or bool(situation.hot)
        if self._hot_since_charge and situation.hot is False and not machine.heats:
            self.dropped()
