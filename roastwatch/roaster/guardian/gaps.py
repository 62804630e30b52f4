"""Whether a machine kept its setpoints over a gap in its readings: it may have restarted."""

from collections.abc import Collection

from roastwatch.roaster.guardian.limits import Limits
from roastwatch.roaster.guardian.situation import Setpoints
from roastwatch.vocabulary import Actuator, Reading

UNSEEN = (
    "Readings stopped for too long under heat, and the next one does not show the setpoints: the "
    "roaster may have restarted. Heat stays off until a person arms again."
)
TOLERANCE_PERCENT = 5.0
"""A machine may round its setpoints in its readings."""


class ReadingGaps:
    """The setpoints when readings stopped, and which were written again since."""

    def __init__(self) -> None:
        self._last_s: float | None = None
        """When the newest reading came."""
        self._heated = False
        """Heat was set at that time, or since."""
        self._stale = False
        self._set = Setpoints()
        self._rewritten: set[Actuator] = set()

    def forget(self) -> None:
        """Nothing is set, so no gap matters."""
        self._last_s, self._heated, self._set = None, False, Setpoints()
        self._stale = False
        self._rewritten.clear()

    def wrote(self, actuator: Actuator, percent: float, *, stale: bool) -> None:
        """Note a write: that setpoint proves nothing afterwards, unless heat was written off.

        `stale`: the newest reading was too old at that time, so the next one ends a gap.
        """
        self._stale = self._stale or (stale and self._heated)
        if actuator is not Actuator.HEATER or percent > 0:
            self._rewritten.add(actuator)
            self._heated = self._heated or actuator is Actuator.HEATER

    def unseen(
        self,
        reading: Reading,
        setpoints: Setpoints,
        echoes: Collection[Actuator],
        limits: Limits,
        now_s: float,
    ) -> bool:
        """Whether this reading ends a gap under heat and shows none of the earlier setpoints.

        The gap is between arrivals: an answer is dated back to the oldest open request.
        """
        before_s, self._last_s = self._last_s, now_s
        gap = before_s is not None and now_s - before_s > limits.stale_after_s
        gap, self._stale = gap or self._stale, False
        heated, was_set, rewritten = self._heated, self._set, set(self._rewritten)
        self._heated, self._set = (setpoints.heater or 0.0) > 0, setpoints
        self._rewritten.clear()
        if not gap or not heated:
            return False
        if _shows(Actuator.HEATER, reading, was_set) and Actuator.HEATER in echoes:
            return False
        moved = (Actuator.FAN, Actuator.DRUM)
        shown = [a for a in moved if a in echoes and a not in rewritten and was_set.of(a)]
        return not shown or not all(_shows(a, reading, was_set) for a in shown)


def _shows(actuator: Actuator, reading: Reading, was_set: Setpoints) -> bool:
    """Whether an actuator still has its setpoint, by the machine's own report."""
    percent = was_set.of(actuator) or 0.0
    shown: float | None = getattr(reading, f"{actuator.value}_percent")
    return percent > 0 and bool(shown) and abs((shown or 0.0) - percent) <= TOLERANCE_PERCENT
